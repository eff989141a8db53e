package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// Bounds of what a follower is given at once, and of how long it rests after a failure.
const (
	maxFollowFrames = 1024
	maxFollowBytes  = 8 << 20 // of payload; one frame may be larger
	minFollowRest   = 250 * time.Millisecond
	maxFollowRest   = 30 * time.Second
)

// follower hands what is committed on to somebody slower than the writer, in order and without a gap. Who keeps up is
// given it from memory, who does not from the journal: however far behind, it holds no more than two portions, and it
// keeps nobody waiting.
type follower struct {
	name  string
	after func(context.Context) (seq uint64, err error)  // the last sequence it has done; asked at the beginning and after a failure
	take  func(context.Context, []sequencer.Entry) error // does a portion; asked again after a failure, so it must bear repetition
	leads bool                                           // runs on the node that leads, from when it does
	wake  chan struct{}
	mu    sync.Mutex
	close bool   // it has come to the end of the journal once, and kept up since
	shown uint64 // the last sequence that the state which everybody reads has; the journal may have more already
	fresh portion
}

// portion is what a follower is given at once.
type portion struct {
	entries []sequencer.Entry
	bytes   int
}

// add adds an entry; false: it is full.
func (p *portion) add(e sequencer.Entry) bool {
	if len(p.entries) > 0 && (len(p.entries) >= maxFollowFrames || p.bytes+len(e.Payload) > maxFollowBytes) {
		return false
	}
	p.entries, p.bytes = append(p.entries, e), p.bytes+len(e.Payload)
	return true
}

// follow adds a follower; Run runs it beside the server. A failure is logged and tried again, for ever.
func (a *App) follow(f *follower) {
	f.wake, f.shown = make(chan struct{}, 1), a.log.LastSeq()
	a.followers = append(a.followers, f)
	a.onCommit(f.committed)
}

func (f *follower) committed(c *commit) {
	f.mu.Lock()
	f.shown = c.To
	if f.close {
		for e := range c.Entries() {
			if !f.fresh.add(e) { // too slow: the journal has it all
				f.close, f.fresh = false, portion{}
				break
			}
		}
	}
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// follow follows log until ctx ends.
func (f *follower) follow(ctx context.Context, log *journal.Journal, failed func(name string, err error)) {
	rest := minFollowRest
	for ctx.Err() == nil {
		done, err := f.after(ctx)
		for err == nil && ctx.Err() == nil {
			var entries []sequencer.Entry
			if entries, err = f.next(log, done); err == nil && len(entries) == 0 {
				select {
				case <-f.wake:
				case <-ctx.Done():
				}
				continue
			}
			if err == nil {
				err = f.take(ctx, entries)
			}
			if err == nil {
				done, rest = entries[len(entries)-1].LastSeq(), minFollowRest
			}
		}
		if ctx.Err() != nil || errors.Is(err, context.Canceled) {
			return
		}
		failed(f.name, err)
		select {
		case <-time.After(rest):
		case <-ctx.Done():
		}
		rest = min(2*rest, maxFollowRest)
	}
}

// next returns the entries behind sequence done, none where there are none yet.
func (f *follower) next(log *journal.Journal, done uint64) ([]sequencer.Entry, error) {
	if entries := f.recent(done); len(entries) > 0 {
		return entries, nil
	}
	f.mu.Lock()
	shown := f.shown
	f.mu.Unlock()
	var p portion
	for frame, err := range log.Read(done + 1) {
		if err != nil {
			return nil, err
		}
		if frame.Seq > shown {
			break
		}
		if !p.add(sequencer.Entry{Frame: frame}) {
			return p.entries, nil
		}
	}
	f.mu.Lock()
	f.close = true // what was shown between the last look into the journal and here is found there, next time
	f.mu.Unlock()
	return p.entries, nil
}

// recent returns the entries in memory behind sequence done, none where they do not follow it.
func (f *follower) recent(done uint64) []sequencer.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := &f.fresh
	for len(p.entries) > 0 && p.entries[0].LastSeq() <= done {
		p.bytes -= len(p.entries[0].Payload)
		p.entries = p.entries[1:]
	}
	if len(p.entries) == 0 || p.entries[0].Seq > done+1 {
		return nil
	}
	entries := p.entries
	*p = portion{}
	return entries
}
