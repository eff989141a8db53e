//go:build unix

package dispatch

import (
	"syscall"
	"testing"
)

// cpu reports the processor time of a loop, collector included: on a busy machine the clock on the wall says
// more about the neighbours.
func cpu(b *testing.B) (report func(per int)) {
	b.Helper()
	used := func() int64 {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			b.Fatal(err)
		}
		return r.Utime.Nano() + r.Stime.Nano()
	}
	began := used()
	return func(per int) { b.ReportMetric(float64(used()-began)/float64(per), "cpu-ns/op") }
}
