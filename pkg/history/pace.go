package history

import (
	"context"
	"time"
)

// paceSlice is how long a store that rests works before it does.
const paceSlice = 2 * time.Millisecond

// Rest has Take rest, after every few milliseconds of work, so many times as long as it has worked: 7 leaves a processor
// seven eighths of its time, at every moment and not on average over portions of half a second. 0, which a new store
// has, is as fast as it goes. It must not be called beside Take.
func (s *Store) Rest(times int) { s.rests = times }

// pace makes who works rest.
type pace struct {
	rests int
	began time.Time
}

// breathe rests if enough was worked since the last time. When ctx has ended there is no rest any more.
func (p *pace) breathe(ctx context.Context) {
	if p.rests == 0 {
		return
	}
	worked := time.Since(p.began)
	if worked < paceSlice {
		return
	}
	select {
	case <-time.After(time.Duration(p.rests) * worked):
	case <-ctx.Done():
	}
	p.began = time.Now()
}
