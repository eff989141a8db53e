//go:build !linux

package journal

// Allocate sets the length; zeroing the segment then takes the room.
func (f osFile) Allocate(size int64) error { return f.Truncate(size) }
