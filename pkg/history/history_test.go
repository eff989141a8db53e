package history

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
	"github.com/banyan-ecc/banyan/pkg/statistics"
)

const secretText = "机密证人住在某处"

// world is a city at work: an engine without a disk, whose frames are kept.
type world struct {
	tb     testing.TB
	city   *plan.City
	state  *dispatch.State
	frames []sequencer.Entry
	events []dispatch.Event
	now    time.Time
	r      *rand.Rand
}

func testCity(tb testing.TB) *plan.City { return cityIn(tb, "../api/testdata/city") }

func cityIn(tb testing.TB, dir string) *plan.City {
	tb.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if err != nil || d.IsDir() || !plan.IsCityFile(filepath.ToSlash(name)) {
			return err
		}
		files[filepath.ToSlash(name)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	city, problems := plan.Load(files)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return city
}

func newWorld(tb testing.TB) *world { return newWorldOf(tb, "../api/testdata/city") }

func newWorldOf(tb testing.TB, dir string) *world {
	w := &world{tb: tb, city: cityIn(tb, dir), state: dispatch.New(), now: time.Date(2026, 5, 1, 7, 40, 0, 0, time.UTC), r: rand.New(rand.NewPCG(1, 2))}
	w.do(dispatch.Configure(w.city))
	return w
}

// do decides a command and keeps the frame it makes; refusals are nobody's concern here.
func (w *world) do(c dispatch.Command) []dispatch.Event {
	w.tb.Helper()
	c.At = max(alert.TimeOf(w.now), w.state.Now())
	events, err := dispatch.Decide(w.state, &c)
	if err != nil || len(events) == 0 {
		return nil
	}
	rec := sequencer.Record{Engine: dispatch.EngineVersion, Digest: w.state.Digest(), Command: c}
	for _, raw := range sequencer.EncodeEvents(events) {
		rec.Events = append(rec.Events, raw)
	}
	for i := range events {
		w.state.Apply(&events[i])
	}
	payload, err := json.Marshal(rec)
	if err != nil {
		w.tb.Fatal(err)
	}
	w.frames = append(w.frames, sequencer.Entry{Frame: journal.Frame{Epoch: 1, Seq: events[0].Seq, Count: uint32(len(events)), Payload: payload}})
	w.events = append(w.events, events...)
	return events
}

func (w *world) submit(n int, code, text string) {
	source := "police-110"
	id := fmt.Sprint(n)
	k := alert.KeyOf(source, id)
	at := w.city.Centre
	w.do(dispatch.Command{Type: dispatch.SubmitAlert, Alert: &alert.Alert{AlertID: k.AlertID(), Source: source, ID: id, Type: code,
		OccurredAt: alert.TimeOf(w.now.Add(-time.Minute)), ReceivedAt: alert.TimeOf(w.now), Text: text,
		Location: &alert.Location{Lon: at.Lon + w.r.Float64()*0.02, Lat: at.Lat + w.r.Float64()*0.02}}})
}

// live lets alerts come, clocks tick and officers work for a number of steps.
func (w *world) live(steps int) {
	codes := []string{"fire.building", "medical"}
	var open []*alert.Task
	for n := range steps {
		w.now = w.now.Add(time.Duration(w.r.IntN(120)) * time.Second)
		w.do(dispatch.Command{Type: dispatch.Tick})
		if n%3 == 0 {
			w.submit(n, codes[w.r.IntN(len(codes))], fmt.Sprintf("鼓楼区五四路%d号浓烟", n))
		}
		open = open[:0]
		w.state.Newest(0, func(_ uint64, doc *alert.Incident) bool {
			for _, t := range doc.Tasks {
				if !t.State.Final() && t.Seat != "" {
					open = append(open, t)
				}
			}
			return len(open) < 40
		})
		for range 4 {
			if len(open) > 0 {
				t := open[w.r.IntN(len(open))]
				act := []alert.Action{alert.ActAcknowledge, alert.ActAcknowledge, alert.ActDepart, alert.ActArrive, alert.ActFinish, alert.ActReturn}[w.r.IntN(6)]
				w.do(dispatch.Command{Type: dispatch.TaskAct, Action: act, Target: t.ID, Reason: "r", By: &alert.Actor{Seat: t.Seat, Department: t.Department, Name: "n"}})
			}
		}
		w.state.Newest(0, func(_ uint64, doc *alert.Incident) bool {
			if doc.State == alert.IncidentVerifying {
				lead := doc.Lead()
				w.do(dispatch.Command{Type: dispatch.IncidentAct, Action: "verify", Target: doc.ID, Reason: "ok", By: &alert.Actor{Seat: lead.Seat, Department: lead.Department, Name: "n"}})
				return false
			}
			return true
		})
	}
}

func open(tb testing.TB, dir string) *Store {
	tb.Helper()
	s, err := Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

// dump is everything in the read model, in order.
func dump(tb testing.TB, s *Store) string {
	tb.Helper()
	var b strings.Builder
	for _, q := range []string{"SELECT key || value FROM meta ORDER BY key", "SELECT n||id||type||state||priority||opened_at||closed_at||doc||hex(events)||last FROM incidents ORDER BY n",
		"SELECT area||n FROM places ORDER BY area, n", "SELECT department||n FROM parts ORDER BY department, n", "SELECT seq||':'||n FROM said ORDER BY seq",
		"SELECT grouping||part||slot||key||hex(tally) FROM cells ORDER BY grouping, part, slot, key", "SELECT task||n||at||entry FROM late ORDER BY task",
		"SELECT rowid FROM words ORDER BY rowid"} {
		rows, err := s.read.Query(q)
		if err != nil {
			tb.Fatal(err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				tb.Fatal(err)
			}
			b.WriteString(line + "\n")
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			tb.Fatal(err)
		}
	}
	return b.String()
}

// TestExactlyOnce feeds one store all at once and another in pieces that overlap and are cut off, closing it in
// between: both hold the same.
func TestExactlyOnce(t *testing.T) {
	w := newWorld(t)
	w.live(120)
	whole := open(t, t.TempDir())
	if err := whole.Take(t.Context(), w.frames); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	pieces := open(t, dir)
	cut := 0
	for from := 0; from < len(w.frames); {
		to := min(len(w.frames), from+1+w.r.IntN(60))
		ctx, cancel := context.WithCancel(t.Context())
		if w.r.IntN(3) == 0 {
			time.AfterFunc(time.Duration(w.r.IntN(3000))*time.Microsecond, cancel)
		}
		err := pieces.Take(ctx, w.frames[max(0, from-w.r.IntN(9)):to])
		cancel()
		if err != nil {
			if cut++; cut > 200 {
				t.Fatal(err)
			}
			if err := pieces.Close(); err != nil {
				t.Fatal(err)
			}
			pieces = open(t, dir)
		}
		seq, err := pieces.Seq(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		from = slices.IndexFunc(w.frames, func(e sequencer.Entry) bool { return e.Seq > seq })
		if from < 0 {
			break
		}
	}
	a, b := dump(t, whole), dump(t, pieces)
	if a != b {
		t.Errorf("in pieces (%d cut off) the read model differs from the one made at once", cut)
	}
	if !strings.Contains(a, "closed") || strings.Count(a, "\n") < 200 {
		t.Errorf("hardly anything happened:\n%.500s", a)
	}
}

// TestDocuments compares every incident with the engine's own document.
func TestDocuments(t *testing.T) {
	w := newWorld(t)
	w.live(150)
	s := open(t, t.TempDir())
	if err := s.Take(t.Context(), w.frames); err != nil {
		t.Fatal(err)
	}
	got := map[string]*alert.Incident{}
	if err := s.Find(t.Context(), Query{}, func(_ uint64, doc *alert.Incident) bool { got[doc.ID] = doc; return true }); err != nil {
		t.Fatal(err)
	}
	n := 0
	w.state.Newest(0, func(_ uint64, doc *alert.Incident) bool {
		n++
		if have := got[doc.ID]; have == nil || !bytes.Equal(have.AppendJSON(nil), doc.AppendJSON(nil)) {
			t.Errorf("incident %s differs from the engine's", doc.ID)
		}
		seqs, _, _ := w.state.Timeline(doc.ID)
		if have, _, err := s.Events(t.Context(), doc.ID); err != nil || !slices.Equal(have, seqs) {
			t.Errorf("timeline of %s: %v, want %v (%v)", doc.ID, have, seqs, err)
		}
		return true
	})
	if n < 20 || len(got) < n {
		t.Errorf("%d incidents in memory, %d found", n, len(got))
	}
}

// TestFiguresAgainstEvents counts the events by hand.
func TestFiguresAgainstEvents(t *testing.T) {
	w := newWorld(t)
	w.live(200)
	s := open(t, t.TempDir())
	if err := s.Take(t.Context(), w.frames); err != nil {
		t.Fatal(err)
	}
	from, to := w.now.Add(-90*time.Minute), w.now.Add(time.Hour)
	for _, by := range []string{"hour", "shift", "day", "department", "district", "type", "priority", "class"} {
		r, err := statistics.Make(t.Context(), s, statistics.Query{From: from, To: to, By: by}, w.city)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]uint64{}
		var acknowledge []time.Duration
		for i := range w.events {
			e := &w.events[i]
			if e.At.Std().Before(r.From) || !e.At.Std().Before(r.To) {
				continue
			}
			switch e.Type {
			case dispatch.IncidentOpened:
				want["incidents"]++
				want["alerts"]++
			case dispatch.AlertAttached:
				want["alerts"]++
			case dispatch.TaskAcknowledged:
				want["acknowledged"]++
				acknowledge = append(acknowledge, e.Task.AcknowledgedAt.Sub(e.Task.AssignedAt))
			case dispatch.TaskDone:
				want["done"]++
			case dispatch.TaskReturned:
				want["returned"]++
			case dispatch.IncidentState:
				if e.State == alert.IncidentClosed {
					want["closed"]++
				}
			}
		}
		sum := map[string]uint64{}
		for _, row := range r.Rows {
			for name, n := range row.Counts {
				sum[name] += n
			}
		}
		for name, n := range want {
			if r.Total.Counts[name] != n || sum[name] != n || n == 0 {
				t.Errorf("by %s: %s: total %d, sum of rows %d, want %d", by, name, r.Total.Counts[name], sum[name], n)
			}
		}
		slices.Sort(acknowledge)
		median := acknowledge[(len(acknowledge)-1)/2].Seconds()
		if got := r.Total.Stages["acknowledge"].MedianS; got < median*0.96-0.001 || got > median*1.04+0.001 {
			t.Errorf("by %s: median to acknowledge %v, want %v", by, got, median)
		}
	}
}

func TestSearch(t *testing.T) {
	w := newWorld(t)
	for n, text := range []string{"五四路大厦起火", "东街口有人晕倒", "Gas leak at Wusi Road 12号", "五一路交通事故", "路"} {
		w.now = w.now.Add(40 * time.Minute)
		w.submit(n, "medical", text)
	}
	s := open(t, t.TempDir())
	if err := s.Take(t.Context(), w.frames); err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]int{"五四": 1, "起火": 1, "路": 3, "街口": 1, "五路": 0, "gas": 1, "WUSI roa": 1, "五四路 起火": 1, "五四路 晕倒": 0, "12": 1,
		`"; DROP TABLE`: 0, "medical": 5, "大厦起火": 1} {
		found := 0
		if err := s.Find(t.Context(), Query{Words: words}, func(uint64, *alert.Incident) bool { found++; return true }); err != nil {
			t.Errorf("%q: %v", words, err)
		}
		if found != want {
			t.Errorf("%q: %d found, want %d", words, found, want)
		}
	}
	if Searchable("，。") || !Searchable("火") {
		t.Error("what can be searched")
	}
	page := 0
	q := Query{From: w.now.Add(-2 * time.Hour), To: w.now, Department: "health", Area: w.city.RootArea, Type: "medical",
		States: []alert.IncidentState{alert.IncidentOpen}, Priorities: alert.Priorities[:]}
	if err := s.Find(t.Context(), q, func(uint64, *alert.Incident) bool { page++; return true }); err != nil || page != 3 {
		t.Errorf("every filter at once: %d found, %v", page, err)
	}
}

// TestSealedNeverEnters looks for a sealed text in the bytes of the files.
func TestSealedNeverEnters(t *testing.T) {
	w := newWorld(t)
	w.submit(0, "medical", "公开的文字")
	w.submit(1, "fire.building", secretText)
	for i := range w.frames { // as a source that is sealed would have opened it
		if bytes.Contains(w.frames[i].Payload, []byte(secretText)) {
			w.frames[i].Payload = bytes.Replace(w.frames[i].Payload, []byte(`"class":"accident"`), []byte(`"sensitivity":"sealed","class":"accident"`), 1)
		}
	}
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Take(t.Context(), w.frames); err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]int{"公开": 1, "证人": 0, "fire": 0} {
		found := 0
		if err := s.Find(t.Context(), Query{Words: words}, func(uint64, *alert.Incident) bool { found++; return true }); err != nil || found != want {
			t.Errorf("%q: %d found, want %d (%v)", words, found, want, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	seen := false
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		seen = seen || bytes.Contains(b, []byte("公开的文字"))
		if bytes.Contains(b, []byte("证人")) {
			t.Errorf("%s holds sealed words", f)
		}
	}
	if !seen {
		t.Error("not even the public text is in the files: the test looks in the wrong place")
	}
}

// TestAnotherJournal throws away what was made of another journal, or of more of this one than there is.
func TestAnotherJournal(t *testing.T) {
	w := newWorld(t)
	w.live(20)
	s := open(t, t.TempDir())
	if err := s.Take(t.Context(), w.frames); err != nil {
		t.Fatal(err)
	}
	last := w.frames[len(w.frames)-1].Frame
	if seq, err := s.After(fakeLog{last}); err != nil || seq != last.LastSeq() {
		t.Errorf("the same journal: %d, %v", seq, err)
	}
	other := last
	other.Payload = []byte(`{}`)
	if seq, err := s.After(fakeLog{other}); err != nil || seq != 0 {
		t.Errorf("another journal: %d, %v", seq, err)
	}
	if err := s.Take(t.Context(), w.frames); err != nil {
		t.Fatal(err)
	}
	if seq, err := s.After(fakeLog{w.frames[1].Frame}); err != nil || seq != 0 {
		t.Errorf("a shorter journal: %d, %v", seq, err)
	}
}

type fakeLog struct{ last journal.Frame }

func (f fakeLog) LastSeq() uint64                       { return f.last.LastSeq() }
func (f fakeLog) FrameAt(uint64) (journal.Frame, error) { return f.last, nil }

// TestManyAtOnce takes in one portion more than a statement writes at a time, and the same frame by frame.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	for n := range 5*maxRows + 1 {
		w.now = w.now.Add(40 * time.Minute)
		w.submit(n, "medical", fmt.Sprintf("\"%d\"号 %s", n, strings.Repeat("五四路大厦", 20)))
	}
	once, each := open(t, t.TempDir()), open(t, t.TempDir())
	if err := once.Take(t.Context(), w.frames); err != nil {
		t.Fatal(err)
	}
	for i := range w.frames {
		if err := each.Take(t.Context(), w.frames[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if dump(t, once) != dump(t, each) {
		t.Error("what is taken at once differs from what is taken frame by frame")
	}
	for name, s := range map[string]*Store{"at once": once, "frame by frame": each} {
		for words, want := range map[string]int{"五四路大厦": 5*maxRows + 1, "160": 1} {
			found := 0
			if err := s.Find(t.Context(), Query{Words: words, Department: "health", Area: w.city.RootArea}, func(uint64, *alert.Incident) bool { found++; return true }); err != nil || found != want {
				t.Errorf("%s: %q: %d found, want %d (%v)", name, words, found, want, err)
			}
		}
	}
}
