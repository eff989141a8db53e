package journal

import "io"

// FS is what a journal needs of a file system. Names are paths. Errors for absent files satisfy
// errors.Is(err, fs.ErrNotExist).
type FS interface {
	MkdirAll(dir string) error
	// Lock takes an exclusive lock on the file, making it if need be, until the closer is closed or the
	// process ends. It returns an error that wraps ErrLocked when somebody else has it.
	Lock(name string) (io.Closer, error)
	// OpenFile takes os.O_RDONLY, or os.O_RDWR with or without os.O_CREATE and os.O_TRUNC.
	OpenFile(name string, flag int) (File, error)
	Rename(from, to string) error // replaces to
	Remove(name string) error
	ReadDir(dir string) (names []string, err error)
	// SyncDir makes the names in dir durable.
	SyncDir(dir string) error
}

// File is an open file.
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	// Allocate makes the file size bytes long and reserves the room on disk.
	Allocate(size int64) error
	// Sync makes the contents durable, and of the metadata what reading them needs.
	Sync() error
}

// writeAt writes all of b or fails.
func writeAt(f File, b []byte, off int64) error {
	n, err := f.WriteAt(b, off)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}
