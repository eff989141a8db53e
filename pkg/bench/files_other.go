//go:build !unix

package bench

// RaiseFiles returns how many files may be open: where it cannot be asked, a cautious guess.
func RaiseFiles() uint64 { return 8192 }
