package app

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-ecc/banyan/pkg/journal"
)

// Bounds of what a follower is given at once, and of how long it rests after a failure.
const (
	maxFollowFrames = 1024
	maxFollowBytes  = 8 << 20 // of payload; one frame may be larger
	minFollowRest   = 250 * time.Millisecond
	maxFollowRest   = 30 * time.Second
)

// follower hands what is committed on to somebody slower than the writer, in order and without a gap. It reads
// the journal, so however far behind it is it holds no more than one portion in memory, and it keeps nobody
// waiting.
type follower struct {
	name  string
	after func() (seq uint64, err error)               // the last sequence it has done; asked at the beginning and after a failure
	take  func(context.Context, []journal.Frame) error // does a portion; asked again after a failure, so it must bear repetition
	wake  chan struct{}
}

// follow adds a follower; Run runs it beside the server. A failure is logged and tried again, for ever.
func (a *App) follow(name string, after func() (uint64, error), take func(context.Context, []journal.Frame) error) {
	f := &follower{name: name, after: after, take: take, wake: make(chan struct{}, 1)}
	a.followers = append(a.followers, f)
	a.onCommit(f.committed)
}

func (f *follower) committed(*commit) {
	select {
	case f.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// run follows log until ctx ends.
func (f *follower) run(ctx context.Context, log *journal.Journal, failed func(name string, err error)) {
	rest := minFollowRest
	for ctx.Err() == nil {
		done, err := f.after()
		for err == nil && ctx.Err() == nil {
			before := done
			if done, err = f.portions(ctx, log, done); err != nil {
				break
			}
			if done > before {
				rest = minFollowRest
			}
			select {
			case <-f.wake:
			case <-ctx.Done():
				return
			}
		}
		if ctx.Err() != nil || errors.Is(err, context.Canceled) {
			return
		}
		failed(f.name, err)
		select {
		case <-time.After(rest):
		case <-ctx.Done():
			return
		}
		rest = min(2*rest, maxFollowRest)
	}
}

// portions hands on everything after sequence done and returns the last sequence handed on.
func (f *follower) portions(ctx context.Context, log *journal.Journal, done uint64) (uint64, error) {
	var frames []journal.Frame
	size := 0
	give := func() error {
		if len(frames) == 0 {
			return nil
		}
		if err := f.take(ctx, frames); err != nil {
			return err
		}
		done = frames[len(frames)-1].LastSeq()
		frames, size = nil, 0
		return nil
	}
	for frame, err := range log.Read(done + 1) {
		if err == nil && (len(frames) >= maxFollowFrames || size+len(frame.Payload) > maxFollowBytes) {
			err = give()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return done, err
		}
		frames, size = append(frames, frame), size+len(frame.Payload)
	}
	return done, give()
}
