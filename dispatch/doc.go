// Package dispatch is the engine: which incident an alert belongs to, which seats must answer, what happens
// while they do not.
//
// It is two pure functions. Decide looks at a state and a command and returns the events that should
// happen; Apply makes one of them happen. Neither reads a clock, starts a goroutine, does I/O or depends
// on the order of a map, so the same commands give the same events on every machine and for ever, and a
// state is whatever its events say. Time comes in with the command; timers are data: NextDeadline says
// when a Tick is due.
//
// Documents (alert.Incident, alert.Task) that have once left Apply are never written to again: a change
// makes a new one. A reader may keep a pointer as long as it likes.
package dispatch

import (
	"errors"
	"fmt"
)

// EngineVersion is raised whenever Decide could answer an old command differently, and with every release whose events
// an older one would misread. A journal's decisions are made again, to compare them, only by an engine of the version
// that made them.
const EngineVersion = 2

// ErrNewer means that a newer engine than this one decided: its events may say what this one cannot apply.
var ErrNewer = errors.New("a newer Banyan decided this")

// Readable returns ErrNewer, with what to do, for what an engine of a version after this one decided. Everything older
// is read.
func Readable(engine int) error {
	if engine <= EngineVersion {
		return nil
	}
	return fmt.Errorf("%w: its engine has version %d, this program's has %d; start the newer program here", ErrNewer, engine, EngineVersion)
}
