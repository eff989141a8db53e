package app

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// followed is a journal that grows, and what its writer says of it.
type followed struct {
	*journal.Journal
	t *testing.T
}

func newFollowed(t *testing.T) followed {
	log, err := journal.Open(t.TempDir(), journal.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return followed{log, t}
}

// grow appends frames of one or two events, and returns what is then to be said to followers.
func (l followed) grow(r *rand.Rand, frames int) *commit {
	l.t.Helper()
	seq, c := l.LastSeq()+1, &commit{}
	for range frames {
		count := 1 + r.IntN(2)
		c.Frames = append(c.Frames, journal.Frame{Epoch: 1, Seq: seq, Count: uint32(count), Payload: binary.BigEndian.AppendUint64(nil, seq)})
		for range count {
			c.Events, c.Encoded = append(c.Events, dispatch.Event{Seq: seq}), append(c.Encoded, nil)
			seq++
		}
	}
	c.To = seq - 1
	if err := l.Append(c.Frames); err != nil {
		l.t.Fatal(err)
	}
	return c
}

// check says that entries follow sequence done and returns the last of them.
func (l followed) check(entries []sequencer.Entry, done uint64) uint64 {
	l.t.Helper()
	if len(entries) > maxFollowFrames {
		l.t.Fatalf("%d frames at once", len(entries))
	}
	for i := range entries {
		e := &entries[i]
		if e.Seq > done+1 || e.LastSeq() <= done || binary.BigEndian.Uint64(e.Payload) != e.Seq {
			l.t.Fatalf("a frame of %d to %d where %d is done", e.Seq, e.LastSeq(), done)
		}
		done = e.LastSeq()
	}
	return done
}

// TestFollowNext has somebody follow a journal at every pace: what is committed comes once, in order, from memory where
// it keeps up, also when it looks between the journal's growing and its being told.
func TestFollowNext(t *testing.T) {
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 1))
		log := newFollowed(t)
		f := &follower{wake: make(chan struct{}, 1)}
		done, shown, remembered := uint64(0), uint64(0), 0
		next := func(fails bool) {
			kept := len(f.fresh.entries)
			entries, err := f.next(log.Journal, done)
			if err != nil {
				t.Fatal(err)
			}
			last := log.check(entries, done)
			if last > shown {
				t.Fatalf("seed %d: given %d, where %d is shown", seed, last, shown)
			}
			if len(entries) == 0 && done != shown {
				t.Fatalf("seed %d: nothing behind %d, where %d is shown", seed, done, shown)
			}
			if kept > 0 && len(f.fresh.entries) == 0 && len(entries) > 0 {
				remembered++
			}
			if !fails {
				done = last
			}
		}
		for range 40 {
			c := log.grow(r, 1+r.IntN([]int{3, 600}[r.IntN(2)]))
			for r.IntN(4) == 0 {
				next(r.IntN(5) == 0)
			}
			f.committed(c)
			shown = c.To
			if n := len(f.fresh.entries); n > maxFollowFrames {
				t.Fatalf("%d frames in memory", n)
			}
			for r.IntN(3) > 0 {
				next(r.IntN(5) == 0)
			}
		}
		for done < log.LastSeq() {
			next(false)
		}
		if remembered == 0 {
			t.Errorf("seed %d: nothing came from memory", seed)
		}
		next(false)
		c := log.grow(r, 5)
		f.committed(c)
		if entries := f.recent(done); len(entries) != 5 {
			t.Errorf("seed %d: who keeps up is given %d of 5 frames from memory", seed, len(entries))
		}
	}
}

// TestFollow writes while somebody follows that fails now and then: everything arrives in order, what failed again.
func TestFollow(t *testing.T) {
	log := newFollowed(t)
	const frames = 3000
	var got []uint64 // last sequences, those taken twice once
	done := make(chan struct{})
	calls, end := 0, uint64(0)
	last := func() uint64 {
		if len(got) == 0 {
			return 0
		}
		return got[len(got)-1]
	}
	f := &follower{name: "test", wake: make(chan struct{}, 1), after: func(context.Context) (uint64, error) { return last(), nil },
		take: func(_ context.Context, entries []sequencer.Entry) error {
			if calls++; calls == 2 {
				return errors.New("not now")
			}
			log.check(entries, last())
			for i := range entries {
				got = append(got, entries[i].LastSeq())
			}
			if len(got) == frames {
				close(done)
			}
			return nil
		}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	var failures int
	go func() {
		defer close(ended)
		f.follow(ctx, log.Journal, func(string, error) { failures++ })
	}()
	r := rand.New(rand.NewPCG(1, 2))
	for range frames / 100 {
		f.committed(log.grow(r, 100))
	}
	end = log.LastSeq()
	<-done
	cancel()
	<-ended
	if failures != 1 || len(got) != frames || !slices.IsSorted(got) || last() != end {
		t.Fatalf("%d failures, %d of %d frames, in order: %v", failures, len(got), frames, slices.IsSorted(got))
	}
}
