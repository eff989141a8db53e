package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/journal"
)

// TestFollow writes while somebody follows that fails now and then: everything arrives in order, what failed again.
func TestFollow(t *testing.T) {
	log, err := journal.Open(t.TempDir(), journal.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	const frames = 3000
	var got []uint64 // sequences, those taken twice once
	done := make(chan struct{})
	calls := 0
	last := func() uint64 {
		if len(got) == 0 {
			return 0
		}
		return got[len(got)-1]
	}
	f := &follower{name: "test", wake: make(chan struct{}, 1), after: func() (uint64, error) { return last(), nil },
		take: func(_ context.Context, portion []journal.Frame) error {
			if calls++; calls == 2 {
				return errors.New("not now")
			}
			if len(portion) > maxFollowFrames {
				t.Errorf("%d frames at once", len(portion))
			}
			for _, frame := range portion {
				got = append(got, frame.Seq)
			}
			if last() == frames {
				close(done)
			}
			return nil
		}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	var failures int
	go func() {
		defer close(ended)
		f.run(ctx, log, func(string, error) { failures++ })
	}()
	for seq := uint64(1); seq <= frames; seq += 100 {
		var batch []journal.Frame
		for i := range uint64(100) {
			batch = append(batch, journal.Frame{Epoch: 1, Seq: seq + i, Count: 1, Payload: []byte("x")})
		}
		if err := log.Append(batch); err != nil {
			t.Fatal(err)
		}
		f.committed(nil)
	}
	<-done
	cancel()
	<-ended
	if failures != 1 || len(got) != frames || !slices.IsSorted(got) || slices.Contains(got, 0) {
		t.Fatalf("%d failures, %d of %d frames, in order: %v", failures, len(got), frames, slices.IsSorted(got))
	}
}
