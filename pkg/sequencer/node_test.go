package sequencer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	_ "time/tzdata"

	"go.uber.org/goleak"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testCity compiles the small city of the engine's tests, with changes to its files.
func testCity(t testing.TB, change func(files map[string][]byte)) *plan.City {
	t.Helper()
	root := os.DirFS("../../dispatch/testdata/city")
	files := map[string][]byte{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[name], err = fs.ReadFile(root, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(files)
	}
	c, problems := plan.Load(files)
	if c == nil {
		t.Fatal(problems)
	}
	return c
}

// clock is the time of a test; it moves when the test says so.
type clock struct{ now atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.now.Store(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.now.Load()) }
func (c *clock) advance(d time.Duration) { c.now.Add(int64(d)) }

// node is a writer over a real journal in a folder of the test.
type node struct {
	t       testing.TB
	dir     string
	city    *plan.City
	clock   *clock
	journal *journal.Journal
	seq     *Sequencer
	start   *Start

	mu        sync.Mutex
	published []*Committed
	publish   chan struct{} // a token when something was published since the last

	cancel context.CancelFunc
	done   chan error
}

// open recovers what is in dir and runs a writer over it; change adjusts the options.
func open(t testing.TB, dir string, c *clock, fsys journal.FS, change func(*Options)) *node {
	t.Helper()
	j, err := journal.Open(dir, journal.Options{FS: fsys, SegmentBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	start, err := Recover(j, nil)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, dir: dir, clock: c, journal: j, start: start, publish: make(chan struct{}, 1), done: make(chan error, 1)}
	o := Options{Log: j, Start: start, Now: c.Now, Publish: n.take, Logger: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o)
	}
	n.seq = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	go func() { n.done <- n.seq.Run(ctx) }()
	t.Cleanup(n.close)
	return n
}

// begin opens a node on an empty folder and loads the city.
func begin(t testing.TB, fsys journal.FS, change func(*Options)) *node {
	n := open(t, t.TempDir(), newClock(), fsys, change)
	n.city = testCity(t, nil)
	n.must(dispatch.Configure(n.city))
	return n
}

func (n *node) take(c *Committed) {
	n.mu.Lock()
	n.published = append(n.published, c)
	n.mu.Unlock()
	select {
	case n.publish <- struct{}{}:
	default:
	}
}

// events returns what was published so far.
func (n *node) events() []dispatch.Event {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []dispatch.Event
	for _, c := range n.published {
		all = append(all, c.Events...)
	}
	return all
}

// stop ends the writer as a graceful stop does, but leaves the journal open.
func (n *node) stop() error {
	n.cancel()
	err := <-n.done
	n.done <- err
	return err
}

// close stops the writer and gives the folder free.
func (n *node) close() {
	_ = n.stop()
	if err := n.journal.Close(); err != nil {
		n.t.Error(err)
	}
}

func (n *node) must(c dispatch.Command) Outcome {
	n.t.Helper()
	out, err := n.seq.Do(context.Background(), c)
	if err != nil {
		n.t.Fatalf("%s: %v", c.Type, err)
	}
	return out
}

// report is an alert as entry would make it, so many metres north of the centre.
func (n *node) report(source, id, code string, north float64) dispatch.Command {
	at := alert.TimeOf(n.clock.Now())
	return dispatch.Command{Type: dispatch.SubmitAlert, Alert: &alert.Alert{
		AlertID: alert.KeyOf(source, id).AlertID(), Source: source, ID: id, Type: code, OccurredAt: at, ReceivedAt: at,
		Location: &alert.Location{Lon: 119.2965, Lat: 26.0745 + north/111_195}, Attributes: []byte(`{"floors":9, "a":"<福>"}`)}}
}

func by(seat string) *alert.Actor { return &alert.Actor{Seat: seat, Name: "officer of " + seat} }

// work sends n random commands, as a city would.
func (n *node) work(random *rand.Rand, commands int) {
	n.t.Helper()
	codes := []string{"fire.building", "fire.vehicle", "gas.leak", "medical", "dispute"}
	for range commands {
		n.clock.advance(time.Duration(random.IntN(20_000)) * time.Millisecond)
		var target *alert.Incident
		n.seq.Replica().Read(func(s *dispatch.State) {
			s.Newest(0, func(_ uint64, doc *alert.Incident) bool { target = doc; return random.IntN(4) > 0 })
		})
		c := n.report("police-110", fmt.Sprint(random.IntN(400)), codes[random.IntN(len(codes))], float64(random.IntN(8000)))
		if target != nil && random.IntN(2) == 0 {
			c = dispatch.Command{Type: dispatch.TaskAct, Target: target.Tasks[random.IntN(len(target.Tasks))].ID, By: by("commander"), Reason: "because",
				Action: alert.TaskActions[random.IntN(5)]}
			if random.IntN(3) == 0 {
				c.Type, c.Target, c.Action, c.Priority = dispatch.IncidentAct, target.ID, alert.IncidentActions[random.IntN(5)], alert.P2
			}
		}
		if _, err := n.seq.Do(context.Background(), c); alert.CodeOf(err) == alert.CodeUnavailable || alert.CodeOf(err) == alert.CodeInternal {
			n.t.Fatal(err)
		}
	}
}

// snapshot is the state in bytes, to compare states by.
func snapshot(t testing.TB, s *dispatch.State) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.View().Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (n *node) replica() []byte {
	var b []byte
	n.seq.Replica().Read(func(s *dispatch.State) { b = snapshot(n.t, s) })
	return b
}

// noSnapshots is a journal whose snapshots nobody can find.
type noSnapshots struct{ Source }

func (noSnapshots) OpenSnapshot() (uint64, io.ReadCloser, bool, error) { return 0, nil, false, nil }

// frames reads the whole journal.
func frames(t testing.TB, src interface {
	Read(uint64) iter.Seq2[journal.Frame, error]
}) []journal.Frame {
	t.Helper()
	var all []journal.Frame
	for f, err := range src.Read(1) {
		if err != nil {
			t.Fatal(err)
		}
		f.Payload = bytes.Clone(f.Payload)
		all = append(all, f)
	}
	return all
}

// gate is a journal that counts appends and lets one through for each token, once it is shut.
type gate struct {
	Log
	shut     atomic.Bool
	arrived  chan int // frames of an append that waits
	pass     chan struct{}
	appended atomic.Int64
	frames   atomic.Int64
}

func newGate(l Log) *gate {
	return &gate{Log: l, arrived: make(chan int), pass: make(chan struct{})}
}

func (g *gate) Append(batch []journal.Frame) error {
	if g.shut.Load() {
		g.arrived <- len(batch)
		<-g.pass
	}
	g.appended.Add(1)
	g.frames.Add(int64(len(batch)))
	return g.Log.Append(batch)
}

// brokenDisk is the real file system until its disk breaks: then no sync succeeds any more.
type brokenDisk struct {
	journal.OS
	broken atomic.Bool
	syncs  atomic.Int64 // failed
}

var errDisk = errors.New("input/output error")

func (d *brokenDisk) OpenFile(name string, flag int) (journal.File, error) {
	f, err := d.OS.OpenFile(name, flag)
	return brokenFile{f, d}, err
}

type brokenFile struct {
	journal.File
	disk *brokenDisk
}

func (f brokenFile) Sync() error {
	if f.disk.broken.Load() {
		f.disk.syncs.Add(1)
		return errDisk
	}
	return f.File.Sync()
}
