package journal

import (
	"errors"
	"os"
	"syscall"
)

// Sync is fdatasync. Its error is final: the kernel may drop what it could not write, and a second call
// would say that all is well.
func (f osFile) Sync() error {
	return f.control("fdatasync", func(fd int) error { return syscall.Fdatasync(fd) })
}

// Allocate is fallocate, or sets the length where the file system has none.
func (f osFile) Allocate(size int64) error {
	err := f.control("fallocate", func(fd int) error { return syscall.Fallocate(fd, 0, 0, size) })
	if errors.Is(err, syscall.EOPNOTSUPP) {
		return f.Truncate(size)
	}
	return err
}

// control makes a system call, again as long as a signal interrupts it before it did anything.
func (f osFile) control(op string, call func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = raw.Control(func(fd uintptr) {
		for {
			if result = call(int(fd)); result != syscall.EINTR {
				return
			}
		}
	})
	if err == nil && result != nil {
		err = &os.PathError{Op: op, Path: f.Name(), Err: result}
	}
	return err
}
