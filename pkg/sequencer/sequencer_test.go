package sequencer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/journal"
)

// What is answered with success is durable, visible and published, in that order of promise.
func TestAcceptedIsKeptAndSeen(t *testing.T) {
	n := begin(t, nil, nil)
	out := n.must(n.report("fire-119", "x1", "fire.building", 0))
	if len(out.Events) == 0 || out.Known != 0 {
		t.Fatalf("outcome %+v", out)
	}
	id := out.Events[0].IncidentID
	n.seq.Replica().Read(func(s *dispatch.State) {
		if doc, ok := s.Incident(id); !ok || len(doc.Tasks) == 0 {
			t.Errorf("the answer came before the replica had it: %v", doc)
		}
	})
	if last := n.journal.LastSeq(); last != out.Events[len(out.Events)-1].Seq {
		t.Errorf("the journal ends at %d, the answer at %d", last, out.Events[len(out.Events)-1].Seq)
	}
	next := uint64(1)
	for _, c := range n.published {
		if c.From != next || len(c.Events) != len(c.Encoded) || len(c.Events) != len(c.Docs) || c.Epoch != FirstEpoch {
			t.Errorf("published %d to %d after %d: %d events, %d encoded, %d documents", c.From, c.To, next-1, len(c.Events), len(c.Encoded), len(c.Docs))
		}
		for i, e := range c.Events {
			if e.Seq != next || c.Docs[i] == nil && e.IncidentID != "" || c.Docs[i] != nil && c.Docs[i].Seq != e.Seq {
				t.Errorf("event %d beside document %v", e.Seq, c.Docs[i])
			}
			next++
		}
		if c.To != next-1 {
			t.Errorf("published up to %d, the last is %d", c.To, next-1)
		}
	}
}

func TestRepeatedAlertsAreHarmless(t *testing.T) {
	n := begin(t, nil, nil)
	command := n.report("fire-119", "x1", "fire.building", 0)
	first := n.must(command).Events
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			out, err := n.seq.Do(context.Background(), command)
			if err != nil || len(out.Events) > 0 || out.Known != first[0].Seq {
				t.Errorf("a repeat gave %+v, %v", out, err)
			}
		})
	}
	wg.Wait()
	if last := n.journal.LastSeq(); last != first[len(first)-1].Seq {
		t.Errorf("repeats made events up to %d", last)
	}
}

// A repeat in the same batch as its first is answered when the first is durable, not before.
func TestRepeatWaitsForItsFirst(t *testing.T) {
	var g *gate
	n := begin(t, nil, func(o *Options) { g = newGate(o.Log); o.Log = g })
	g.shut.Store(true)
	one, err := n.seq.Submit(context.Background(), n.report("fire-119", "x0", "fire.building", 0))
	if err != nil {
		t.Fatal(err)
	}
	<-g.arrived // the writer is at the disk with x0; what comes now shares the next batch
	first, _ := n.seq.Submit(context.Background(), n.report("fire-119", "x1", "fire.building", 3000))
	again, _ := n.seq.Submit(context.Background(), n.report("fire-119", "x1", "fire.building", 3000))
	g.pass <- struct{}{}
	if _, err := one(context.Background()); err != nil {
		t.Fatal(err)
	}
	if frames := <-g.arrived; frames != 1 {
		t.Fatalf("the next batch has %d frames", frames)
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := again(ended); alert.CodeOf(err) != alert.CodeUnavailable || !strings.Contains(err.Error(), "repeat the request") {
		t.Errorf("the repeat was answered before its first was durable: %v", err)
	}
	g.shut.Store(false)
	g.pass <- struct{}{}
	if out, err := first(context.Background()); err != nil || len(out.Events) == 0 {
		t.Errorf("%+v, %v", out, err)
	}
}

// While the disk is busy with one batch, everybody else waits for one common sync.
func TestManySubmittersShareOneSync(t *testing.T) {
	var g *gate
	n := begin(t, nil, func(o *Options) { g = newGate(o.Log); o.Log = g })
	const submitters = 500
	g.shut.Store(true)
	first, err := n.seq.Submit(context.Background(), n.report("fire-119", "first", "fire.building", 0))
	if err != nil {
		t.Fatal(err)
	}
	<-g.arrived
	var waits []func(context.Context) (Outcome, error)
	for i := range submitters {
		wait, err := n.seq.Submit(context.Background(), n.report("police-110", fmt.Sprint(i), "medical", float64(i)))
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, wait)
	}
	if n.seq.Queued() != submitters || n.seq.Busy() < 0 {
		t.Errorf("%d commands wait, busy for %v", n.seq.Queued(), n.seq.Busy())
	}
	g.pass <- struct{}{}
	if frames := <-g.arrived; frames != submitters {
		t.Errorf("%d frames share a sync, want %d", frames, submitters)
	}
	g.shut.Store(false)
	g.pass <- struct{}{}
	for _, wait := range append(waits, first) {
		if out, err := wait(context.Background()); err != nil || len(out.Events) == 0 {
			t.Fatalf("%+v, %v", out, err)
		}
	}
	if a := g.appended.Load(); a != 3 { // the configuration, the first, the rest
		t.Errorf("%d appends", a)
	}
}

// A batch never holds more commands or bytes than it may.
func TestBatchesAreBounded(t *testing.T) {
	var g *gate
	n := begin(t, nil, func(o *Options) { g = newGate(o.Log); o.Log = g })
	g.shut.Store(true)
	var waits []func(context.Context) (Outcome, error)
	submit := func(c dispatch.Command) {
		t.Helper()
		wait, err := n.seq.Submit(context.Background(), c)
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, wait)
	}
	submit(n.report("police-110", "first", "medical", 0))
	<-g.arrived
	for i := range MaxBatchCommands + 10 {
		submit(n.report("police-110", fmt.Sprint("small", i), "medical", 0))
	}
	large := []byte(`{"a":"` + strings.Repeat("x", alert.MaxAttributesBytes-100) + `"}`)
	const larges = 400 // of twice 32 KiB each, in command and event: more than fit behind one sync
	for i := range larges {
		c := n.report("police-110", fmt.Sprint("large", i), "medical", 0)
		c.Alert.Attributes = large
		submit(c)
	}
	g.pass <- struct{}{}
	if frames := <-g.arrived; frames != MaxBatchCommands {
		t.Errorf("%d commands in a batch, want %d", frames, MaxBatchCommands)
	}
	g.pass <- struct{}{}
	want := maxBatchBytes/(2*len(large)) + 10
	if frames := <-g.arrived; frames < 100 || frames > want+20 {
		t.Errorf("%d frames in a batch of large ones, want about %d", frames, want)
	}
	g.shut.Store(false)
	g.pass <- struct{}{}
	for _, wait := range waits {
		if _, err := wait(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// The mailbox holds so much; who comes after that waits as long as it likes, and is told to come again.
func TestMailboxIsBounded(t *testing.T) {
	var g *gate
	n := begin(t, nil, func(o *Options) { g = newGate(o.Log); o.Log = g })
	g.shut.Store(true)
	note := dispatch.Command{Type: dispatch.TaskAct, Target: "t-nobody-1"}
	if _, err := n.seq.Submit(context.Background(), n.report("fire-119", "x", "fire.building", 0)); err != nil {
		t.Fatal(err)
	}
	<-g.arrived
	for range MailboxSize {
		if _, err := n.seq.Submit(context.Background(), note); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := n.seq.Submit(ctx, note); alert.CodeOf(err) != alert.CodeUnavailable || !strings.Contains(err.Error(), "8192 commands wait already") {
		t.Errorf("command %d: %v", MailboxSize+1, err)
	}
	g.shut.Store(false)
	g.pass <- struct{}{}
	if _, err := n.seq.Do(context.Background(), note); alert.CodeOf(err) != alert.CodeNotFound {
		t.Errorf("afterwards: %v", err)
	}
}

// A failed sync ends accepting, for good: whoever waited is told so, readers see nothing of it, and nobody
// tries again.
func TestFailedSyncStopsAccepting(t *testing.T) {
	disk := &brokenDisk{}
	n := begin(t, disk, nil)
	n.must(n.report("fire-119", "kept", "fire.building", 0))
	before, published := n.replica(), len(n.events())
	disk.broken.Store(true)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			_, err := n.seq.Do(context.Background(), n.report("fire-119", fmt.Sprint(i), "fire.building", 4000))
			if alert.CodeOf(err) != alert.CodeUnavailable || !strings.Contains(err.Error(), errDisk.Error()) {
				t.Errorf("submitter %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	disk.broken.Store(false) // the disk is well again, but what it did not write nobody knows
	if _, err := n.seq.Do(context.Background(), n.report("fire-119", "later", "fire.building", 0)); alert.CodeOf(err) != alert.CodeUnavailable {
		t.Errorf("later: %v", err)
	}
	if err := n.seq.Err(); !errors.Is(err, errDisk) {
		t.Errorf("Err is %v", err)
	}
	if tries := disk.syncs.Load(); tries != 1 {
		t.Errorf("%d syncs were tried on the broken disk", tries)
	}
	if !bytes.Equal(before, n.replica()) || len(n.events()) != published {
		t.Error("readers see what was never accepted")
	}
	if err := n.stop(); !errors.Is(err, errDisk) {
		t.Errorf("Run ended with %v", err)
	}
	// A restart finds everything that was accepted, and goes on.
	if err := n.journal.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, n.dir, n.clock, nil, nil)
	if out := again.must(n.report("fire-119", "kept", "fire.building", 0)); out.Known != 2 {
		t.Errorf("the accepted alert is at %d", out.Known)
	}
	again.must(n.report("fire-119", "new", "fire.building", 0))
}

func TestStopFinishesWhatWaits(t *testing.T) {
	var g *gate
	n := begin(t, nil, func(o *Options) { g = newGate(o.Log); o.Log = g })
	g.shut.Store(true)
	var waits []func(context.Context) (Outcome, error)
	for i := range 100 {
		wait, err := n.seq.Submit(context.Background(), n.report("police-110", fmt.Sprint(i), "medical", 0))
		if err != nil {
			t.Fatal(err)
		}
		waits = append(waits, wait)
		if i == 0 {
			<-g.arrived
		}
	}
	n.cancel()
	g.shut.Store(false)
	g.pass <- struct{}{}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	for i, wait := range waits {
		if out, err := wait(context.Background()); err != nil || len(out.Events) == 0 {
			t.Errorf("command %d: %+v, %v", i, out, err)
		}
	}
	if _, err := n.seq.Do(context.Background(), n.report("police-110", "late", "medical", 0)); alert.CodeOf(err) != alert.CodeUnavailable {
		t.Errorf("after the stop: %v", err)
	}
	if seq, r, ok, err := n.journal.OpenSnapshot(); err != nil || !ok || seq != n.journal.LastSeq() || r.Close() != nil {
		t.Errorf("the last snapshot is at %d of %d: %v %v", seq, n.journal.LastSeq(), ok, err)
	}
}

// relentless is a journal beside which, once it is told to, somebody sends another command with every append.
type relentless struct {
	Log
	send  atomic.Pointer[func() error]
	taken int // commands let in, after the stop
}

func (r *relentless) Append(batch []journal.Frame) error {
	if send := r.send.Load(); send != nil && r.taken < 100 && (*send)() == nil {
		r.taken++
	}
	return r.Log.Append(batch)
}

// Once the writer is stopping nothing more is let in, or the end would never come.
func TestNothingIsLetInWhileStopping(t *testing.T) {
	log := &relentless{}
	n := begin(t, nil, func(o *Options) { log.Log = newGate(o.Log); o.Log = log })
	g := log.Log.(*gate)
	g.shut.Store(true)
	if _, err := n.seq.Submit(context.Background(), n.report("police-110", "first", "medical", 0)); err != nil {
		t.Fatal(err)
	}
	<-g.arrived
	next := 0
	send := func() error {
		next++
		_, err := n.seq.Submit(context.Background(), n.report("police-110", fmt.Sprint("more", next), "medical", 0))
		return err
	}
	if err := send(); err != nil { // waits while the writer is at the disk: the stop finds it there
		t.Fatal(err)
	}
	log.send.Store(&send)
	n.cancel()
	g.shut.Store(false)
	g.pass <- struct{}{}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	// The first append may have come before the writer saw that it is to stop.
	if log.taken > 1 {
		t.Errorf("%d commands were let in while stopping", log.taken)
	}
}

// Callers who never tire are refused, and the stop ends.
func TestStopUnderLoadEnds(t *testing.T) {
	n := begin(t, nil, nil)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	busy := make(chan struct{}, 1)
	for i := range 64 {
		wg.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				if _, err := n.seq.Do(ctx, n.report("police-110", fmt.Sprint(i, "-", k), "medical", 0)); err != nil && alert.CodeOf(err) != alert.CodeUnavailable {
					t.Error(err)
				}
				select {
				case busy <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 100 {
		<-busy
	}
	if err := n.stop(); err != nil {
		t.Error(err)
	}
	cancel()
	wg.Wait()
}

// A clock that is set back does not stop the writer: commands carry the time of the last event until it has
// caught up.
func TestClockSetBack(t *testing.T) {
	n := begin(t, nil, nil)
	first := n.must(n.report("fire-119", "x1", "fire.building", 0)).Events[0]
	n.clock.advance(-time.Hour)
	second := n.must(n.report("fire-119", "x2", "fire.building", 3000)).Events[0]
	n.clock.advance(time.Hour + time.Second)
	third := n.must(n.report("fire-119", "x3", "fire.building", 6000)).Events[0]
	if second.At != first.At || third.At != first.At.Add(time.Second) {
		t.Errorf("events at %v, %v, %v", first.At, second.At, third.At)
	}
}

// Deadlines fall due by themselves, without any command.
func TestDeadlinesFallDue(t *testing.T) {
	city := testCity(t, func(files map[string][]byte) {
		files["plans.yaml"] = bytes.Replace(files["plans.yaml"], []byte("P1: [{after: 20s,"), []byte("P1: [{after: 1s,"), 1)
	})
	n := open(t, t.TempDir(), newClock(), nil, func(o *Options) { o.Now = nil })
	n.must(dispatch.Configure(city))
	n.must(n.report("fire-119", "x1", "fire.building", 0))
	for {
		<-n.publish
		for _, e := range n.events() {
			if e.Type == dispatch.TaskReminded {
				if late := e.At.Sub(e.Task.AssignedAt); late < time.Second {
					t.Errorf("reminded after %v", late)
				}
				return
			}
		}
	}
}

// More is due than one batch moves, and a command waits: nothing is left out, and the command is answered.
func TestBacklogOfDeadlines(t *testing.T) {
	n := begin(t, nil, nil)
	const incidents = MaxBatchCommands + 300
	for i := range incidents {
		if _, err := n.seq.Submit(context.Background(), n.report("police-110", fmt.Sprint(i), "medical", 0)); err != nil {
			t.Fatal(err)
		}
	}
	n.must(n.report("police-110", "last", "medical", 0))
	n.clock.advance(45 * time.Second)
	n.must(n.report("police-110", "waiting", "medical", 0))
	for {
		reminded := map[string]bool{}
		for _, e := range n.events() {
			if e.Type == dispatch.TaskReminded {
				reminded[e.Task.ID] = true
			}
		}
		if len(reminded) == incidents+1 {
			return
		}
		<-n.publish
	}
}

// failingSnapshots is a journal that cannot write snapshots.
type failingSnapshots struct {
	Log
	tried chan uint64
}

func (l failingSnapshots) WriteSnapshot(seq uint64, _ func(io.Writer) error) error {
	l.tried <- seq
	return errDisk
}

func TestFailedSnapshotHarmsNobody(t *testing.T) {
	tried := make(chan uint64, 100)
	n := begin(t, nil, func(o *Options) {
		o.Log, o.SnapshotEvery, o.Logger = failingSnapshots{o.Log, tried}, 10, nil
	})
	n.work(rand.New(rand.NewPCG(1, 1)), 60)
	if len(tried) == 0 {
		t.Error("no snapshot was tried")
	}
	if n.seq.Err() != nil {
		t.Errorf("the writer failed: %v", n.seq.Err())
	}
}
