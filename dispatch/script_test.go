package dispatch

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Scripts in testdata read like an incident log: commands, a line ----, and what happened. go test -update
// writes down what happens now; read the difference before keeping it.
//
//	clock 2026-05-01 08:00:00      set the city's clock, without any Tick
//	wait 90s                       let time pass, with every Tick that falls due
//	alert fire-119/x1 fire.building at 0,300 ref=F-1 prio=P2 area=350102 ago=5m text="…" attr={…}
//	                               300 m north of the centre; callers=20 sends x1-1 to x1-20 within 20 m
//	fire-1 acknowledge 1.fire      the officer at fire-1 acts on fire's task of the first incident
//	fire-1 return 1.fire because "…"
//	fire-leader assign 1.fire to fire-2
//	centre-leader priority 1 P1 because "…", police-1 pass 1 level district because "…"
//	off fire-1 …, on fire-1 …      nobody is, somebody is at these seats from now on
//	sit fire-1 陈志强 because "…"   an officer signs on, or off with leave
//	hand-over fire-1 陈志强 saying "…", confirm fire-1 黄文斌
//	lose fire-1, find fire-1, watch
//	                               what whoever watches the connections says
//	load second                    go on under the second configuration, strict asks officers to sign on; load first
//	update app/x1#2 fire.building … its second revision, with details as an alert's
//	cancel app/x1 ref=F-1 text="…" take it back, or what has that number
//	source gauge hold "…", source gauge release 12 13, source gauge lose, source gauge find
//	restart                        go on from a snapshot
//	show 1, show seats, show counts
var update = flag.Bool("update", false, "write down what the scripts do now")

const maxScriptLines = 120

func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d scripts, %v", len(files), err)
	}
	city := testCity(t, nil)
	cities := map[string]*plan.City{"first": city, "second": secondCity(t), "strict": strictCity(t)}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(raw), "\n"); n > maxScriptLines {
				t.Errorf("%s has %d lines, at most %d are read with pleasure", file, n, maxScriptLines)
			}
			d := newDesk(t, city, inTests(t, city.Zone, "2026-05-01 08:00:00"))
			got := newScript(d, cities).run(string(raw))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(raw) {
				t.Errorf("%s happens otherwise:\n%s", file, firstDifference(string(raw), got))
			}
			same(t, "the events applied again", d.state, replay(t, d.log))
			same(t, "the commands decided again", d.state, decideAgain(t, d.log))
		})
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		a, b := "(nothing)", "(nothing)"
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\n want %s\n  got %s", i+1, a, b)
		}
	}
	return "line endings"
}

// script runs one file against a desk.
type script struct {
	d      *desk
	cities map[string]*plan.City
	off    map[string]bool
	labels []string // id, label, id, label, …
	ids    map[string]string
	seen   map[string]int // incident → tasks labelled
	opened int
	out    strings.Builder
}

func newScript(d *desk, cities map[string]*plan.City) *script {
	return &script{d: d, cities: cities, off: map[string]bool{}, ids: map[string]string{}, seen: map[string]int{}}
}

// run returns the script with what happened in place of what was written down.
func (s *script) run(text string) string {
	var done strings.Builder
	for _, block := range strings.Split(strings.TrimRight(text, "\n"), "\n\n") {
		commands, _, tested := strings.Cut(block+"\n", "----\n")
		if done.Len() > 0 {
			done.WriteString("\n")
		}
		done.WriteString(commands)
		s.out.Reset()
		for line := range strings.Lines(commands) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				s.command(words(line))
				check(s.d.t, s.d.state)
			}
		}
		if tested {
			done.WriteString("----\n" + s.out.String())
		} else if s.out.Len() > 0 {
			s.d.t.Fatalf("nothing is expected of\n%sbut\n%s", commands, s.out.String())
		}
	}
	return done.String()
}

// words splits at spaces, save within quotation marks, which it drops.
func words(line string) []string {
	quoted := false
	list := strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' && !strings.Contains(line, "attr=") {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
	for i, w := range list {
		if !strings.HasPrefix(w, "attr=") {
			list[i] = strings.ReplaceAll(w, `"`, "")
		}
	}
	return list
}

func (s *script) command(w []string) {
	d := s.d
	switch w[0] {
	case "clock":
		d.now = alert.TimeOf(inTests(d.t, d.city.Zone, w[1]+" "+w[2]))
	case "wait":
		d.pass(duration(d.t, w[1]), s.tell)
	case "alert":
		s.alert(w[1:])
	case "update", "cancel", "source":
		s.source(w)
	case "off", "on":
		for _, seat := range w[1:] {
			s.off[seat] = w[0] == "off"
		}
		d.city = without(d.t, d.city, func(seat, _ string) bool { return s.off[seat] })
		d.state.UseCity(d.city)
	case "sit", "leave", "lose", "find", "watch", "hand-over", "confirm":
		s.duty(w)
	case "load":
		d.city = s.cities[w[1]]
		s.outcome(d.do(Configure(d.city)))
	case "restart":
		before := d.state
		d.state = restore(d.t, snapshot(d.t, before), d.city)
		same(d.t, "restored", before, d.state)
	case "show":
		s.show(w[1])
	default:
		s.act(w)
	}
}

func duration(t tb, text string) time.Duration {
	t.Helper()
	v, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// alert: source/id type [at E,N] [key=value…].
func (s *script) alert(w []string) {
	source, id, _ := strings.Cut(w[0], "/")
	a := s.d.report(source, id, w[1], nil)
	callers := s.details(a, w)
	if callers > 0 {
		s.callers(a, callers)
		return
	}
	s.outcome(s.d.submit(a))
	if seq, known := s.d.state.Known(alert.KeyOf(source, id)); known && s.out.Len() == 0 {
		s.answer(seq)
	}
}

// details reads what is said of an alert after its type, and how many callers report it.
func (s *script) details(a *alert.Alert, w []string) (callers int) {
	for i := 2; i < len(w); i++ {
		key, value, _ := strings.Cut(w[i], "=")
		switch key {
		case "at":
			var east, north float64
			i++
			if _, err := fmt.Sscanf(w[i], "%f,%f", &east, &north); err != nil {
				s.d.t.Fatalf("%s: %v", w[i], err)
			}
			a.Location = s.d.place(east, north)
		case "ref":
			a.IncidentRef = value
		case "area":
			a.Area = value
		case "text":
			a.Text = value
		case "attr":
			a.Attributes = []byte(value)
		case "ago":
			a.OccurredAt = a.OccurredAt.Add(-duration(s.d.t, value))
		case "prio":
			if err := a.Priority.UnmarshalText([]byte(value)); err != nil {
				s.d.t.Fatal(err)
			}
		case "level":
			if err := a.Level.UnmarshalText([]byte(value)); err != nil {
				s.d.t.Fatal(err)
			}
		case "who":
			a.Reporter = value
		case "callers":
			callers = int(duration(s.d.t, value+"ns"))
		default:
			s.d.t.Fatalf("unknown key %q", key)
		}
	}
	return callers
}

// answer prints what the sender of a repeated alert is told, made from the events of its first one.
func (s *script) answer(seq uint64) {
	for _, e := range s.d.log {
		events := decodeAll(s.d.t, e.events)
		if events[0].Seq != seq {
			continue
		}
		r, ok := ReceiptOf(events)
		s.print("known: event %d, incident %s %v, alert %s\n", r.Seq, r.IncidentID, ok, r.AlertID)
		for _, t := range r.Tasks {
			s.print("  %s %s %s %s %s\n", t.ID, t.Role, t.State, t.Seat, s.clock(t.Deadline))
		}
	}
}

// callers sends the same report from many people within 20 m and prints sums only.
func (s *script) callers(a *alert.Alert, n int) {
	counts, incidents := map[EventType]int{}, map[string]bool{}
	for i := range n {
		one := *a
		one.ID = fmt.Sprintf("%s-%d", a.ID, i+1)
		one.AlertID = alert.KeyOf(one.Source, one.ID).AlertID()
		at := *a.Location
		at.Lat += float64(i%20) * 0.9e-5
		one.Location = &at
		for _, e := range must(s.d.t)(s.d.submit(&one)) {
			if counts[e.Type]++; e.Type == IncidentOpened {
				s.label(&e)
			}
			incidents[e.IncidentID] = true
		}
	}
	s.print("%d callers: %d incidents, %d alert.attached, %d incident.priority, %d task.assigned\n",
		n, len(incidents), counts[AlertAttached], counts[IncidentPriority], counts[TaskAssigned])
}

// act: seat action target [to seat] [P1] [because "…"] [saying "…"].
func (s *script) act(w []string) {
	if len(w) < 3 {
		s.d.t.Fatalf("unknown command %q", w)
	}
	target := w[2]
	if id, ok := s.ids[target]; ok {
		target = id
	}
	var c Command
	for i := 3; i < len(w); i++ {
		switch w[i] {
		case "to":
			c.Seat = w[i+1]
			i++
		case "because":
			c.Reason = w[i+1]
			i++
		case "level":
			if err := c.Level.UnmarshalText([]byte(w[i+1])); err != nil {
				s.d.t.Fatal(err)
			}
			i++
		case "saying":
			c.Text = w[i+1]
			i++
		default:
			if err := c.Priority.UnmarshalText([]byte(w[i])); err != nil {
				s.d.t.Fatal(err)
			}
		}
	}
	s.outcome(s.d.act(w[0], alert.Action(w[1]), target, c))
}

func (s *script) outcome(events []Event, err error) {
	if err != nil {
		s.print("%s: %v\n", alert.CodeOf(err), err)
	}
	s.tell(events)
}
