package dispatch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"os"
	"time"
	_ "time/tzdata"

	"github.com/fxamacker/cbor/v2"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// tb is what the tests here need of a test, be it Go's or rapid's.
type tb interface {
	Helper()
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// testCity compiles the city of the tests, with changes to some of its files.
func testCity(t tb, changes map[string]func(string) string) *plan.City {
	t.Helper()
	root := os.DirFS("testdata/city")
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
	for name, change := range changes {
		files[name] = []byte(change(string(files[name])))
	}
	c, problems := plan.Load(files)
	if c == nil {
		t.Fatal(problems)
	}
	return c
}

// without returns the city with nobody at some seats, which a roster of files cannot say but time can bring.
func without(t tb, c *plan.City, off func(seat, shift string) bool) *plan.City {
	t.Helper()
	var rows []roster.Row
	for _, s := range c.Seats {
		row := roster.Row{Seat: s.ID, Holders: map[string]string{}}
		for _, shift := range c.Roster.Shifts() {
			if !off(s.ID, shift.ID) {
				row.Holders[shift.ID] = "officer of " + s.ID + " by " + shift.ID
			}
		}
		rows = append(rows, row)
	}
	r, err := roster.New(c.Roster.Shifts(), rows, c.Zone)
	if err != nil {
		t.Fatal(err)
	}
	next := *c
	next.Roster = r
	return &next
}

// desk drives a state as the sequencer does, and writes down what a journal would.
type desk struct {
	t     tb
	city  *plan.City
	state *State
	now   alert.Time
	log   []entry
}

// entry is a command that did something, with its events, both as the journal holds them.
type entry struct {
	command []byte
	events  [][]byte
	city    *plan.City // in force when it was decided; for config.load, the one loaded
}

func newDesk(t tb, city *plan.City, at time.Time) *desk {
	d := &desk{t: t, city: city, state: New(), now: alert.TimeOf(at)}
	if _, err := d.do(Configure(city)); err != nil {
		t.Fatal(err)
	}
	return d
}

// do stamps, decides, applies and writes down one command.
func (d *desk) do(c Command) ([]Event, error) {
	c.At = d.now
	if c.Type == LoadConfig {
		d.city = c.city
	}
	events, err := Decide(d.state, &c)
	if err != nil && events != nil {
		d.t.Fatalf("%d events beside the error %v", len(events), err)
	}
	if len(events) == 0 {
		return nil, err
	}
	e := entry{command: encoded(d.t, &c), city: d.city}
	for i := range events {
		e.events = append(e.events, encoded(d.t, &events[i]))
		d.state.Apply(&events[i])
	}
	d.log = append(d.log, e)
	return events, nil
}

// pass lets time go by, with a Tick whenever one is due.
func (d *desk) pass(by time.Duration, see func([]Event)) {
	d.t.Helper()
	end := d.now.Add(by)
	for {
		at, ok := d.state.NextDeadline()
		if !ok || at > end {
			break
		}
		d.now = max(d.now, at)
		events, err := d.do(Command{Type: Tick})
		if err != nil || len(events) == 0 {
			d.t.Fatalf("the Tick due at %v: %d events, %v", at, len(events), err)
		}
		see(events)
	}
	d.now = end
}

// encoded is the JSON of a command or an event, as the journal has it.
func encoded(t tb, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// decideAgain decides every recorded command once more, from bytes alone, and demands the recorded events.
// It returns the state they lead to.
func decideAgain(t tb, log []entry) *State {
	t.Helper()
	s := New()
	for n, e := range log {
		var c Command
		if err := json.Unmarshal(e.command, &c); err != nil {
			t.Fatalf("command %d: %v\n%s", n, err, e.command)
		}
		if c.Type == LoadConfig {
			at := c.At
			c = Configure(e.city)
			c.At = at
		} else if s.City() != e.city {
			s.UseCity(e.city)
		}
		again, err := Decide(s, &c)
		if err != nil || len(again) != len(e.events) {
			t.Fatalf("command %d decided again: %d events instead of %d, %v\n%s", n, len(again), len(e.events), err, e.command)
		}
		for i := range again {
			if b := encoded(t, &again[i]); !bytes.Equal(b, e.events[i]) {
				t.Fatalf("command %d decided again\n%s\nrecorded\n%s", n, b, e.events[i])
			}
		}
		applyBytes(t, s, e)
	}
	return s
}

// replay applies recorded events, from bytes alone, to an empty state.
func replay(t tb, log []entry) *State {
	t.Helper()
	s := New()
	for _, e := range log {
		applyBytes(t, s, e)
	}
	return s
}

func applyBytes(t tb, s *State, e entry) {
	t.Helper()
	for _, b := range e.events {
		var ev Event
		if err := json.Unmarshal(b, &ev); err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		s.Apply(&ev)
	}
}

// snapshot returns the bytes of a snapshot of s.
func snapshot(t tb, s *State) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := s.View().Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// restore builds a state from the bytes of a snapshot.
func restore(t tb, b []byte, city *plan.City) *State {
	t.Helper()
	d := cbor.NewDecoder(bytes.NewReader(b))
	var h Header
	if err := d.Decode(&h); err != nil {
		t.Fatal(err)
	}
	r, err := NewRestorer(h)
	if err != nil {
		t.Fatal(err)
	}
	eachBlock(t, d, h.Incidents, (*Block).Incidents, r.Incident)
	eachBlock(t, d, h.Known, (*Block).Known, func(k StoredKey) error { r.Known(k); return nil })
	s, err := r.State()
	if err != nil {
		t.Fatal(err)
	}
	s.UseCity(city)
	return s
}

// eachBlock reads blocks with n records in all.
func eachBlock[T any](t tb, d *cbor.Decoder, n int, read func(*Block) ([]T, error), take func(T) error) {
	t.Helper()
	for n > 0 {
		var b Block
		if err := d.Decode(&b); err != nil {
			t.Fatal(err)
		}
		records, err := read(&b)
		if err != nil || len(records) != b.Records || len(records) == 0 {
			t.Fatalf("%d of %d records in a block: %v", len(records), b.Records, err)
		}
		for _, x := range records {
			if err := take(x); err != nil {
				t.Fatal(err)
			}
		}
		n -= len(records)
	}
}

// same demands that two states write the same snapshot.
func same(t tb, what string, a, b *State) {
	t.Helper()
	x, y := snapshot(t, a), snapshot(t, b)
	if bytes.Equal(x, y) {
		return
	}
	n := 0
	for n < min(len(x), len(y)) && x[n] == y[n] {
		n++
	}
	from := max(0, n-80)
	t.Fatalf("%s: snapshots differ from byte %d of %d and %d:\n%q\n%q", what, n, len(x), len(y), x[from:min(len(x), n+80)], y[from:min(len(y), n+80)])
}

// place is the position so many metres east and north of the city's centre.
func (d *desk) place(east, north float64) *alert.Location {
	const metresPerDegree = math.Pi / 180 * 6371008.8
	c := d.city.Centre
	return &alert.Location{Lon: c.Lon + east/metresPerDegree/math.Cos(c.Lat*math.Pi/180), Lat: c.Lat + north/metresPerDegree}
}

// report is an alert at a position, as entry would have made it.
func (d *desk) report(source, id, code string, at *alert.Location) *alert.Alert {
	return &alert.Alert{AlertID: alert.KeyOf(source, id).AlertID(), Source: source, ID: id, Type: code, OccurredAt: d.now, ReceivedAt: d.now, Location: at}
}

func (d *desk) submit(a *alert.Alert) ([]Event, error) {
	return d.do(Command{Type: SubmitAlert, Alert: a})
}

// by is the officer at a seat.
func (d *desk) by(seat string) *alert.Actor {
	a := &alert.Actor{Seat: seat, Name: "officer of " + seat}
	if s, ok := d.city.Seat(seat); ok {
		a.Department = s.Department
	}
	return a
}

// act lets the officer at a seat act on a task or an incident.
func (d *desk) act(seat string, action alert.Action, target string, c Command) ([]Event, error) {
	c.Type, c.Target, c.Action, c.By = TaskAct, target, action, d.by(seat)
	if _, isTask := alert.IncidentOfTask(target); !isTask {
		c.Type = IncidentAct
	}
	return d.do(c)
}

func must(t tb) func([]Event, error) []Event {
	return func(events []Event, err error) []Event {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return events
	}
}

func types(events []Event) string {
	var names []string
	for i := range events {
		names = append(names, string(events[i].Type))
	}
	return fmt.Sprint(names)
}

func inTests(t tb, zone *time.Location, clock string) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04:05", clock, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// distance is how far two positions lie apart, for tests that place alerts by metres.
func distance(a, b *alert.Location) float64 { return geo.DistanceM(a.Point(), b.Point()) }
