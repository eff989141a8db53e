//go:build !unix

package bench

import "time"

// RaiseFiles returns how many files may be open: where it cannot be asked, a cautious guess.
func RaiseFiles() uint64 { return 8192 }

// processorTime cannot be asked here; what has passed stands for it.
func processorTime() time.Duration { return time.Since(began) }

var began = time.Now()
