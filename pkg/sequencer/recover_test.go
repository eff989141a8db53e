package sequencer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/journal"
)

// A start from a snapshot, a start from the first frame and the state that made them are the same.
func TestRecoveryEqualsTheStateThatWas(t *testing.T) {
	for _, stop := range []string{"graceful", "sudden"} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprint(stop, seed), func(t *testing.T) {
				log := &mortal{}
				n := begin(t, nil, func(o *Options) { log.Log = o.Log; o.Log, o.SnapshotEvery = log, 60 })
				n.work(rand.New(rand.NewPCG(seed, 1)), 300)
				for ok := false; !ok; n.work(rand.New(rand.NewPCG(seed, 2)), 1) {
					var r io.ReadCloser
					if _, r, ok, _ = n.journal.OpenSnapshot(); ok {
						_ = r.Close()
					}
				}
				log.dead.Store(stop == "sudden")
				_ = n.stop()
				was := n.replica()
				if !bytes.Equal(was, snapshot(t, n.seq.state)) {
					t.Error("writer and replica differ")
				}
				for name, src := range map[string]Source{"snapshot": n.journal, "first frame": noSnapshots{n.journal}} {
					start, err := Recover(src, nil)
					if err != nil {
						t.Fatal(err)
					}
					if !bytes.Equal(was, snapshot(t, start.Writer)) || !bytes.Equal(was, snapshot(t, start.Reader)) {
						t.Errorf("from the %s another state comes", name)
					}
					if start.Writer.City() == nil || start.Writer.City().Digest != n.city.Digest || start.Epoch != FirstEpoch || len(start.Problems) > 0 {
						t.Errorf("from the %s: city %v, epoch %d, %v", name, start.Writer.City(), start.Epoch, start.Problems)
					}
					if name == "snapshot" && (start.SnapshotSeq == 0 || stop == "graceful" && start.Frames != 0) {
						t.Errorf("a %s stop left the snapshot at %d and %d frames to read", stop, start.SnapshotSeq, start.Frames)
					}
				}
			})
		}
	}
}

// mortal is a journal that writes no snapshot once it is dead, as after a kill.
type mortal struct {
	Log
	dead atomic.Bool
}

func (l *mortal) WriteSnapshot(seq uint64, write func(io.Writer) error) error {
	if l.dead.Load() {
		return errDisk
	}
	return l.Log.WriteSnapshot(seq, write)
}

// Writer and reader begin as equals and share nothing that either changes: working on one leaves the other.
func TestWriterAndReaderAreIndependent(t *testing.T) {
	n := begin(t, nil, nil)
	n.work(rand.New(rand.NewPCG(9, 9)), 100)
	_ = n.stop()
	start, err := Recover(n.journal, nil)
	if err != nil {
		t.Fatal(err)
	}
	reader := snapshot(t, start.Reader)
	at := start.Writer.Now()
	for i := range 50 {
		c := n.report("police-110", fmt.Sprint("more", i), "fire.building", float64(i*100))
		c.At = at
		events, err := dispatch.Decide(start.Writer, &c)
		if err != nil {
			t.Fatal(err)
		}
		for k := range events {
			start.Writer.Apply(&events[k])
		}
	}
	if !bytes.Equal(reader, snapshot(t, start.Reader)) {
		t.Error("the reader's state moved with the writer's")
	}
}

// A restarted node goes on as if nothing had happened: same numbers, same answers to repeats, same deadlines.
func TestRestartGoesOn(t *testing.T) {
	n := begin(t, nil, nil)
	command := n.report("fire-119", "x1", "fire.building", 0)
	first := n.must(command).Events
	_ = n.stop()
	if err := n.journal.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, n.dir, n.clock, nil, nil)
	if out := again.must(command); out.Known != first[0].Seq {
		t.Errorf("a repeat after the restart: %+v", out)
	}
	frame, err := again.journal.FrameAt(first[0].Seq)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := DecodeRecord(frame.Payload)
	if err != nil {
		t.Fatal(err)
	}
	events, err := rec.DecodeEvents()
	if err != nil {
		t.Fatal(err)
	}
	now, _ := dispatch.ReceiptOf(events)
	then, _ := dispatch.ReceiptOf(first)
	if fmt.Sprint(now) != fmt.Sprint(then) {
		t.Errorf("the answer from the journal\n%+v\nthe first one\n%+v", now, then)
	}
	if out := again.must(dispatch.Configure(testCity(t, nil))); len(out.Events) != 0 {
		t.Errorf("the same configuration was loaded twice: %d events", len(out.Events))
	}
	next := again.must(again.report("fire-119", "x2", "fire.building", 5000)).Events[0]
	if !strings.HasSuffix(next.Incident.Number, "-00002") || next.Seq != first[len(first)-1].Seq+1 {
		t.Errorf("event %d, number %s", next.Seq, next.Incident.Number)
	}
}

func TestRecoverNothing(t *testing.T) {
	n := open(t, t.TempDir(), newClock(), nil, nil)
	if n.start.Writer.Seq() != 0 || n.start.Epoch != FirstEpoch || n.start.SnapshotSeq != 0 {
		t.Errorf("an empty folder gives %+v", n.start)
	}
	if _, err := n.seq.Do(context.Background(), n.report("fire-119", "x", "fire.building", 0)); alert.CodeOf(err) != alert.CodeUnavailable {
		t.Errorf("without a configuration: %v", err)
	}
}

// recorded is a source made of frames and the bytes of a snapshot.
type recorded struct {
	frames   []journal.Frame
	snapshot []byte
	seq      uint64
	err      error
}

func (r *recorded) OpenSnapshot() (uint64, io.ReadCloser, bool, error) {
	return r.seq, io.NopCloser(bytes.NewReader(r.snapshot)), r.snapshot != nil, nil
}

func (r *recorded) Read(from uint64) iter.Seq2[journal.Frame, error] {
	return func(yield func(journal.Frame, error) bool) {
		for _, f := range r.frames {
			if f.Seq >= from && !yield(f, nil) {
				return
			}
		}
		if r.err != nil {
			yield(journal.Frame{}, r.err)
		}
	}
}

func TestRecoverSaysWhatIsWrong(t *testing.T) {
	n := begin(t, nil, nil)
	n.work(rand.New(rand.NewPCG(2, 2)), 50)
	_ = n.stop()
	all, whole := frames(t, n.journal), n.replica()
	bad := func(change func(*journal.Frame)) []journal.Frame {
		f := append([]journal.Frame(nil), all...)
		change(&f[1])
		return f
	}
	for want, src := range map[string]*recorded{
		"frame at 2: journal record": {frames: bad(func(f *journal.Frame) { f.Payload = f.Payload[:40] })},
		"frame at 2: journal event":  {frames: bad(func(f *journal.Frame) { f.Payload = []byte(`{"events":[{"seq":"two"}]}`) })},
		"frame at 2: a newer Banyan": {frames: bad(func(f *journal.Frame) {
			f.Payload = bytes.Replace(f.Payload, []byte(`{"engine":`), []byte(`{"engine":9`), 1)
		})},
		"snapshot at 6: a newer Banyan": {snapshot: bytes.Replace(whole, []byte{'f', 'E', 'n', 'g', 'i', 'n', 'e', dispatch.EngineVersion}, []byte("fEngine\x18\x63"), 1), seq: 6},
		"input/output error":            {frames: all, err: errDisk},
		"snapshot at 7: EOF":            {snapshot: []byte{}, seq: 7},
		"snapshot at 8: snapshot has ":  {snapshot: []byte{0xa1, 0x67, 'V', 'e', 'r', 's', 'i', 'o', 'n', 0x18, 99}, seq: 8},
		"snapshot at 9: unexpected":     {snapshot: whole[:len(whole)/2], seq: 9},
		"snapshot at 10: ":              {snapshot: whole[:len(whole)-1], seq: 10},
	} {
		if start, err := Recover(src, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v, %v", want, start, err)
		}
	}
	// Far more than is decoded ahead: after the first that is wrong, nobody goes on reading (goleak).
	var old bytes.Buffer
	if err := cbor.NewEncoder(&old).Encode(dispatch.Header{Version: 1, Incidents: 40 * recordsAtOnce}); err != nil {
		t.Fatal(err)
	}
	old.Write(bytes.Repeat([]byte{5}, 40*recordsAtOnce))
	if _, err := Recover(&recorded{snapshot: old.Bytes(), seq: 11}, nil); err == nil || !strings.Contains(err.Error(), "snapshot at 11: cbor: cannot unmarshal") {
		t.Errorf("records that are no incidents: %v", err)
	}
	for want, blocks := range map[string][]dispatch.Block{
		"a block of 0 records where 40 are left":  {{}},
		"a block of 41 records where 40 are left": {{Records: 41}},
		"a block holds 0 records and says 40":     {{Records: 40}},
		"damaged record":                          {{Records: 1, Bytes: []byte("\x05hello")}, {Records: 1}, {Records: 1}, {Records: 37}},
	} {
		var b bytes.Buffer
		e := cbor.NewEncoder(&b)
		err := e.Encode(dispatch.Header{Version: dispatch.SnapshotVersion, Incidents: 40})
		for _, x := range blocks {
			err = errors.Join(err, e.Encode(x))
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Recover(&recorded{snapshot: b.Bytes(), seq: 12}, nil); err == nil || !strings.Contains(err.Error(), "snapshot at 12: "+want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	told := 0
	src := &recorded{frames: all}
	if _, err := Recover(src, func(uint64) { told++ }); err != nil || told != len(all)/progressEvery {
		t.Errorf("%v, told %d times", err, told)
	}
}

// A configuration that this binary cannot compile is named; the state is there all the same.
func TestRecoverWithoutItsConfiguration(t *testing.T) {
	n := begin(t, nil, nil)
	n.must(n.report("fire-119", "x", "fire.building", 0))
	_ = n.stop()
	all := frames(t, n.journal)
	var rec Record
	if err := json.Unmarshal(all[0].Payload, &rec); err != nil {
		t.Fatal(err)
	}
	events, err := rec.DecodeEvents()
	if err != nil {
		t.Fatal(err)
	}
	events[0].Files["city.yaml"] = []byte("id: lindu\n")
	all[0].Payload, _ = json.Marshal(map[string]any{"engine": 1, "command": rec.Command, "events": events})
	start, err := Recover(&recorded{frames: all}, nil)
	if err != nil || len(start.Problems) == 0 || start.Writer.City() != nil || start.Writer.Len() != 1 {
		t.Errorf("%+v, %v", start, err)
	}
}

func TestVerifyDecidesAgain(t *testing.T) {
	n := begin(t, nil, nil)
	n.work(rand.New(rand.NewPCG(3, 3)), 300)
	n.must(dispatch.Configure(testCity(t, func(files map[string][]byte) {
		files["types.yaml"] = bytes.Replace(files["types.yaml"], []byte("radius_m: 500"), []byte("radius_m: 900"), 1)
	})))
	n.work(rand.New(rand.NewPCG(3, 4)), 100)
	_ = n.stop()
	all := frames(t, n.journal)
	v := NewVerifier()
	for _, f := range all {
		if err := v.Frame(f); err != nil {
			t.Fatalf("frame at %d: %v", f.Seq, err)
		}
	}
	if v.Redecided != len(all) || v.Skipped != 0 || v.Events != n.journal.LastSeq() || !bytes.Equal(n.replica(), snapshot(t, v.State())) {
		t.Errorf("%d of %d decided again, %d skipped, %d events", v.Redecided, len(all), v.Skipped, v.Events)
	}
	// Beside the running process, from the files alone.
	v = NewVerifier()
	if report, err := journal.Verify(n.dir, v.Frame); err != nil || report.Frames != uint64(len(all)) {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestVerifyFindsWhatDiffers(t *testing.T) {
	n := begin(t, nil, nil)
	n.must(n.report("fire-119", "x1", "fire.building", 0))
	n.must(n.report("fire-119", "x2", "fire.building", 3000))
	_ = n.stop()
	all := frames(t, n.journal)
	for name, c := range map[string]struct{ old, by, want string }{
		"a seat":          {`"seat":"fire-2"`, `"seat":"fire-1"`, "event 8 differs"},
		"a command":       {`"type":"fire.building","occurred_at"`, `"type":"fire.vehicle","occurred_at"`, "made 5 events, decided again it makes 3"},
		"an event less":   {`,{"seq":11,`, `],"x":[{"seq":11,`, "made 4 events, decided again it makes 5"},
		"a configuration": {n.city.Digest, strings.Repeat("0", 64), "but " + n.city.Digest[:12] + " was in force"},
		"an impossible":   {`"type":"alert.submit"`, `"type":"alert.forget"`, "decided again: unknown command"},
	} {
		t.Run(name, func(t *testing.T) {
			v := NewVerifier()
			for i, f := range all {
				if i == 2 {
					if !bytes.Contains(f.Payload, []byte(c.old)) {
						t.Fatalf("%s is not in %s", c.old, f.Payload)
					}
					f.Payload = bytes.Replace(f.Payload, []byte(c.old), []byte(c.by), 1)
				}
				err := v.Frame(f)
				if i < 2 && err != nil {
					t.Fatal(err)
				}
				if i == 2 && (err == nil || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("got %v, want %s", err, c.want)
				}
			}
		})
	}
	// What an older engine decided is applied, not judged.
	v := NewVerifier()
	for _, f := range all {
		f.Payload = bytes.Replace(f.Payload, fmt.Appendf(nil, `{"engine":%d`, dispatch.EngineVersion), []byte(`{"engine":1`), 1)
		if err := v.Frame(f); err != nil {
			t.Fatal(err)
		}
	}
	if v.Redecided != 0 || v.Skipped != len(all) || !bytes.Equal(n.replica(), snapshot(t, v.State())) {
		t.Errorf("%d decided again, %d skipped", v.Redecided, v.Skipped)
	}
}

// slowSnapshots holds each snapshot back until the test lets it go.
type slowSnapshots struct {
	Log
	began chan uint64
	pass  chan error
}

func (l slowSnapshots) WriteSnapshot(seq uint64, write func(io.Writer) error) error {
	l.began <- seq
	if err := <-l.pass; err != nil {
		return err
	}
	return l.Log.WriteSnapshot(seq, write)
}

// A snapshot is of the instant it was begun, whatever is accepted while it is written, and there is one at a time.
func TestSnapshotWhileRunning(t *testing.T) {
	slow := slowSnapshots{began: make(chan uint64), pass: make(chan error)}
	n := begin(t, nil, func(o *Options) { slow.Log = o.Log; o.Log, o.SnapshotEvery = slow, 20 })
	random := rand.New(rand.NewPCG(5, 5))
	var at uint64
	for at == 0 {
		n.work(random, 1)
		select {
		case at = <-slow.began:
		default:
		}
	}
	n.work(random, 200) // many times the snapshot's distance; a second one would block in began for ever
	slow.pass <- nil
	for at2 := uint64(0); at2 == 0; {
		n.work(random, 1)
		select {
		case at2 = <-slow.began:
			if at2 < at+20 {
				t.Errorf("snapshots at %d and %d", at, at2)
			}
		default:
		}
	}
	seq, r, ok, err := n.journal.OpenSnapshot()
	if err != nil || !ok || seq != at {
		t.Fatalf("the snapshot is at %d, begun at %d, %v %v", seq, at, ok, err)
	}
	written, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	replayed := dispatch.New()
	for _, f := range frames(t, n.journal) {
		rec, _ := DecodeRecord(f.Payload)
		events, _ := rec.DecodeEvents()
		for i := range events {
			if replayed.Seq() < at {
				replayed.Apply(&events[i])
			}
		}
	}
	if !bytes.Equal(written, snapshot(t, replayed)) {
		t.Error("the snapshot is not of the instant it was begun")
	}
	// The second is under way still; a stop waits for it, and then writes the last one.
	go func() {
		slow.pass <- errDisk
		<-slow.began
		slow.pass <- nil
	}()
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	if seq, r, ok, _ := n.journal.OpenSnapshot(); !ok || seq != n.journal.LastSeq() || r.Close() != nil {
		t.Errorf("the last snapshot is at %d of %d", seq, n.journal.LastSeq())
	}
}

// Many callers, readers and snapshots at once; run with -race.
func TestManyAtOnce(t *testing.T) {
	n := begin(t, nil, func(o *Options) { o.SnapshotEvery = 100 })
	const callers, each = 32, 40
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				out, err := n.seq.Do(context.Background(), n.report("police-110", fmt.Sprint(c%8, "-", i), "medical", float64(i)))
				if err != nil {
					t.Error(err)
					return
				}
				id := alert.KeyOf("police-110", fmt.Sprint(c%8, "-", i)).IncidentID()
				n.seq.Replica().Read(func(s *dispatch.State) {
					doc, ok := s.Incident(id)
					if !ok {
						t.Errorf("answered, but not to be seen: %+v", out)
						return
					}
					if _, err := json.Marshal(doc); err != nil {
						t.Error(err)
					}
				})
				if len(out.Events) > 0 {
					task := out.Events[1].Task.ID
					if _, err := n.seq.Do(context.Background(), dispatch.Command{Type: dispatch.TaskAct, Target: task, Action: alert.ActAcknowledge, By: by("commander")}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	n.seq.Replica().Read(func(s *dispatch.State) {
		if s.Len() != 8*each {
			t.Errorf("%d incidents of %d alerts", s.Len(), 8*each)
		}
	})
	seq := uint64(0)
	for _, e := range n.events() {
		if seq++; e.Seq != seq {
			t.Fatalf("event %d published in place %d", e.Seq, seq)
		}
	}
	_ = n.stop()
	v := NewVerifier()
	for _, f := range frames(t, n.journal) {
		if err := v.Frame(f); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(n.replica(), snapshot(t, v.State())) {
		t.Error("decided again, another state comes")
	}
}
