package push

import (
	"runtime"
	"time"
)

// gate paces upgrades and what subscriptions begin with: after a network came back, or another node took over, all
// screens of a city want both at once, and alerts must still be taken. A few pass at a time, so that nobody else stands
// behind more than those in the queue of a processor; and each place then stays empty for as long again, so that the
// machine has half of its time for the rest, but no longer than gateRest: one that took longer was kept from the
// processor by others already. One that comes alone does not wait.
type gate struct{ places chan struct{} }

func newGate() gate { return gate{make(chan struct{}, gatePlaces*runtime.GOMAXPROCS(0))} }

// pass waits for a place and calls f. It reports false, without having called f, where gone or stop is closed first.
func (g gate) pass(gone, stop <-chan struct{}, f func()) bool {
	select {
	case g.places <- struct{}{}:
	case <-gone:
		return false
	case <-stop:
		return false
	}
	began := time.Now()
	defer func() { time.AfterFunc(min(time.Since(began), gateRest), func() { <-g.places }) }()
	f()
	return true
}
