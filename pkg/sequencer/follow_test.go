package sequencer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/journal"
)

// frames returns what a node's journal holds from a sequence on.
func (n *node) frames(from uint64) (frames []journal.Frame) {
	n.t.Helper()
	for f, err := range n.journal.Read(from) {
		if err != nil {
			n.t.Fatal(err)
		}
		frames = append(frames, f)
	}
	return frames
}

func (n *node) image() []byte {
	n.t.Helper()
	var b bytes.Buffer
	n.seq.Replica().Read(func(st *dispatch.State) {
		if err := st.View().Encode(&b); err != nil {
			n.t.Fatal(err)
		}
	})
	return b.Bytes()
}

// TestFollower has one node adopt what another decides, then lead, then a restart of it: journal, states and
// screens are the leader's, and it decides from there.
func TestFollower(t *testing.T) {
	a := begin(t, nil, nil)
	b := open(t, t.TempDir(), a.clock, nil, func(o *Options) { o.Follow = true })
	ctx := t.Context()
	adopt := func() {
		t.Helper()
		if err := b.seq.Adopt(ctx, a.frames(b.journal.LastSeq()+1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.seq.Do(ctx, dispatch.Configure(a.city)); err == nil {
		t.Fatal("a follower took a command")
	}
	for i := range 40 {
		a.must(a.report("fire-119", fmt.Sprint(i), "fire.building", float64(i*700)))
		if i%7 == 0 {
			adopt()
		}
	}
	adopt()
	if !bytes.Equal(a.image(), b.image()) {
		t.Fatal("the follower's state is another one")
	}
	want, got := a.frames(1), b.frames(1)
	if len(want) != len(got) {
		t.Fatalf("%d frames, want %d", len(got), len(want))
	}
	for i := range want {
		if want[i].Epoch != got[i].Epoch || !bytes.Equal(want[i].Payload, got[i].Payload) {
			t.Fatalf("frame %d is another one", i)
		}
	}
	if err := b.seq.Adopt(ctx, want[3:4]); !errors.Is(err, ErrOutOfOrder) {
		t.Fatalf("what it has already: %v", err)
	}
	if err := b.seq.Lead(ctx, FirstEpoch); err == nil {
		t.Fatal("it leads under an epoch that is not above")
	}
	if err := b.seq.Lead(ctx, 5); err != nil {
		t.Fatal(err)
	}
	if err := b.seq.Adopt(ctx, want[:1]); err == nil {
		t.Fatal("a leader adopted")
	}
	out := b.must(b.report("fire-119", "9999", "fire.building", 90_000))
	if f, err := b.journal.FrameAt(out.Events[0].Seq); err != nil || f.Epoch != 5 {
		t.Fatalf("frame of epoch %d: %v", f.Epoch, err)
	}
	if again := b.must(b.report("fire-119", "7", "fire.building", 0)); again.Known == 0 {
		t.Fatal("it takes a known alert for a new one")
	}
	image := b.image()
	b.close()
	c := open(t, b.dir, a.clock, nil, nil)
	if !bytes.Equal(image, c.image()) {
		t.Fatal("after a restart the state is another one")
	}
}

// TestRestart has a follower without a journal begin with a snapshot, follow, miss something and begin with another.
func TestRestart(t *testing.T) {
	a := begin(t, nil, nil)
	shown := make(chan Committed, 64)
	b := open(t, t.TempDir(), a.clock, nil, func(o *Options) {
		o.Follow, o.Log = true, noLog{}
		o.Publish = func(c *Committed) { shown <- *c }
	})
	ctx, epoch := t.Context(), uint32(FirstEpoch)
	restart := func() error {
		t.Helper()
		start, err := Restore(bytes.NewReader(a.image()), epoch)
		if err != nil {
			t.Fatal(err)
		}
		return b.seq.Restart(ctx, start)
	}
	report := func(i int) uint64 {
		out := a.must(a.report("fire-119", fmt.Sprint(i), "fire.building", float64(i*700)))
		return out.Events[0].Seq
	}
	for i := range 10 {
		report(i)
	}
	if err := restart(); err != nil {
		t.Fatal(err)
	}
	if c := <-shown; len(c.Events) > 0 || c.To != c.From-1 || c.From != a.seq.state.Seq()+1 {
		t.Fatalf("shown %+v", c)
	}
	next := report(10)
	if err := b.seq.Adopt(ctx, a.frames(next)); err != nil {
		t.Fatal(err)
	}
	if c := <-shown; c.From != next || !bytes.Equal(a.image(), b.image()) {
		t.Fatalf("shown from %d, want %d; same state %v", c.From, next, bytes.Equal(a.image(), b.image()))
	}
	if err := restart(); !errors.Is(err, ErrOutOfOrder) {
		t.Fatalf("a state it has already: %v", err)
	}
	report(11)
	if err := b.seq.Adopt(ctx, a.frames(report(12))); !errors.Is(err, ErrOutOfOrder) {
		t.Fatalf("a gap: %v", err)
	}
	if err := restart(); err != nil || !bytes.Equal(a.image(), b.image()) {
		t.Fatalf("after a gap: %v", err)
	}
	b.seq.Replica().ReadAt(func(got uint32, st *dispatch.State) {
		if got != epoch || st.City() == nil {
			t.Errorf("epoch %d, city %v", got, st.City())
		}
	})
	if _, err := Restore(bytes.NewReader(a.image()[:2000]), epoch); err == nil {
		t.Fatal("half a snapshot is one")
	}
}

// noLog keeps nothing.
type noLog struct{}

func (noLog) Append([]journal.Frame) error { return nil }

func (noLog) WriteSnapshot(uint64, func(io.Writer) error) error { return nil }
