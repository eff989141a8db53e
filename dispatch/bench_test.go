//go:build unix

package dispatch

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// loaded is a desk with n open incidents: spread over a city of 110 by 110 km and the last ten days, of all
// groups, each with a number of its source, so that none joins another.
type loaded struct {
	*desk
	random *rand.Rand
	next   int
}

func newLoaded(b *testing.B, n int) *loaded {
	b.Helper()
	city := testCity(b, map[string]func(string) string{"city.yaml": func(text string) string {
		return strings.NewReplacer("duplicate_window: 48h", "duplicate_window: 2160h", "closed_retention: 12h", "closed_retention: 1m").Replace(text)
	}})
	l := &loaded{desk: newDesk(b, city, inTests(b, city.Zone, "2026-05-01 08:00:00")), random: rand.New(rand.NewPCG(1, 2))}
	l.log = nil
	step := 10 * 24 * time.Hour / time.Duration(n)
	for l.state.Len() < n {
		l.now = l.now.Add(step)
		l.must(Command{Type: SubmitAlert, Alert: l.anywhere()})
	}
	return l
}

var benchTypes = [...]string{"fire.building", "fire.vehicle", "gas.leak", "medical", "dispute"}

// anywhere is a report from a random place with a number of its own.
func (l *loaded) anywhere() *alert.Alert {
	l.next++
	at := l.place(float64(l.random.IntN(110_000)-55_000), float64(l.random.IntN(110_000)-55_000))
	a := l.report("police-110", fmt.Sprint("bench-", l.next), benchTypes[l.random.IntN(len(benchTypes))], at)
	a.IncidentRef, a.Text, a.Attributes = a.ID, "六楼冒烟，有人员被困", []byte(`{"floors":6,"pressure_kpa":100,"caller":"手机"}`)
	return a
}

// must decides and applies, and does nothing else.
func (l *loaded) must(c Command) []Event {
	c.At = l.now
	events, err := Decide(l.state, &c)
	if err != nil {
		l.t.Fatal(err)
	}
	for i := range events {
		l.state.Apply(&events[i])
	}
	return events
}

// BenchmarkDecide measures decisions on states of a thousand to a million open incidents; the cost must not
// depend on that. open, join, known and act decide only; life decides and applies six commands that take an
// incident from its alert to its end and out of memory, and reports a command's share; view is what a
// snapshot takes of the writer.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		if n > 1000 && testing.Short() {
			continue
		}
		b.Run(fmt.Sprintf("open=%d", n), func(b *testing.B) {
			l := newLoaded(b, n)
			b.Run("open", l.benchOpen)
			b.Run("join", l.benchJoin)
			b.Run("known", l.benchKnown)
			b.Run("act", l.benchAct)
			b.Run("life", l.benchLife)
			b.Run("view", l.benchView)
		})
	}
}

const prepared = 1 << 14 // commands made before the clock runs

func (l *loaded) run(b *testing.B, commands []Command, want EventType) {
	for i := range commands {
		commands[i].At = l.now
	}
	b.ReportAllocs()
	report := cpu(b)
	for i := 0; b.Loop(); i++ {
		events, err := Decide(l.state, &commands[i%len(commands)])
		if err != nil || want == "" && len(events) > 0 || want != "" && events[0].Type != want {
			b.Fatalf("%s, %v", types(events), err)
		}
	}
	report(b.N)
}

func (l *loaded) benchOpen(b *testing.B) {
	commands := make([]Command, prepared)
	for i := range commands {
		commands[i] = Command{Type: SubmitAlert, Alert: l.anywhere()}
	}
	l.run(b, commands, IncidentOpened)
}

// some returns incidents from all over the state.
func (l *loaded) some() []*alert.Incident {
	var docs []*alert.Incident
	every := max(1, l.state.Len()/prepared)
	n := 0
	l.state.Newest(0, func(_ uint64, doc *alert.Incident) bool {
		if n++; n%every == 0 {
			docs = append(docs, doc)
		}
		return true
	})
	l.random.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
	return docs
}

func (l *loaded) benchJoin(b *testing.B) {
	var commands []Command
	for _, doc := range l.some() {
		a := l.anywhere()
		a.Type, a.IncidentRef, a.Location = doc.Type, doc.Refs[0].Ref, doc.Location
		commands = append(commands, Command{Type: SubmitAlert, Alert: a})
	}
	l.run(b, commands, AlertAttached)
}

func (l *loaded) benchKnown(b *testing.B) {
	var commands []Command
	for _, doc := range l.some() {
		a := l.anywhere()
		a.Source, a.ID = doc.Alerts[0].Source, doc.Alerts[0].ID
		commands = append(commands, Command{Type: SubmitAlert, Alert: a})
	}
	l.run(b, commands, "")
}

func (l *loaded) benchAct(b *testing.B) {
	var commands []Command
	for _, doc := range l.some() {
		t := doc.Lead()
		commands = append(commands, Command{Type: TaskAct, Target: t.ID, Action: alert.ActAcknowledge, By: l.by(t.Seat)})
	}
	l.run(b, commands, TaskAcknowledged)
}

func (l *loaded) benchLife(b *testing.B) {
	b.ReportAllocs()
	commands := 0
	commander := l.by("commander")
	report := cpu(b)
	for b.Loop() {
		l.now = l.now.Add(time.Second)
		events := l.must(Command{Type: SubmitAlert, Alert: l.anywhere()})
		commands++
		id := events[0].IncidentID
		for i := range events {
			if t := events[i].Task; t != nil {
				l.must(Command{Type: TaskAct, Target: t.ID, Action: alert.ActAcknowledge, By: commander})
				l.must(Command{Type: TaskAct, Target: t.ID, Action: alert.ActFinish, By: commander})
				commands += 2
			}
		}
		l.must(Command{Type: IncidentAct, Target: id, Action: alert.ActVerify, By: commander})
		commands++
	}
	report(commands)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(commands), "ns/command")
}

// benchView measures how long the writer stands still for a snapshot.
func (l *loaded) benchView(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if v := l.state.View(); len(v.incidents) != l.state.Len() {
			b.Fatal("a view without some incidents")
		}
	}
}
