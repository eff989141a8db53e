//go:build unix

package bench

import (
	"syscall"
	"time"
)

// RaiseFiles has the process open as many files as the system lets it, and returns how many: each screen of a
// measurement is one.
func RaiseFiles() uint64 {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 0
	}
	for _, limit := range []uint64{1 << 20, 1 << 17, 1 << 16} { // only root may raise the hard limit
		more := syscall.Rlimit{Cur: limit, Max: max(limit, l.Max)}
		if l.Max < limit && syscall.Setrlimit(syscall.RLIMIT_NOFILE, &more) == nil {
			return limit
		}
	}
	l.Cur = l.Max
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l) // the runtime has done the same
	return l.Cur
}

// processorTime is how long this process has had a processor.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
