package dispatch

import (
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

var weekSeed = flag.Uint64("week", 0, "seed of the week of duty to live through; 0: another one each time")

// What happens in the week beside the incidents.
const (
	weekDays      = 7
	weekSwaps     = 40 // approved; as many again come to nothing, by fours
	weekNoShows   = 6
	weekLost      = 3
	weekHandovers = 10 // at the least: wherever work lies when the shift ends
	weekMissed    = 2
	weekLeaves    = 2 // without a substitute: a gap, the first of which is filled
	weekRepairs   = 2
	weekAlerts    = 500
	weekBurst     = 40 // of these at once, where nobody comes
)

// week is a city of 24 departments on duty for a week, in virtual time. At every command it holds that no task is
// without somebody entitled who is there, or is loud about it.
type week struct {
	*desk
	r        *rand.Rand
	agenda   heap[appointment]
	made     int            // appointments
	looked   *roster.Roster // at which for gaps last
	end      alert.Time
	counts   map[string]int
	strange  map[string]string // seat → what is not as usual there at the end of the shift
	spared   map[string]bool   // seats about which nothing else is strange
	answered map[string]bool   // tasks whose officer has it on the agenda
	reports  []told            // what its sources may say
}

// told is what a source may say.
type told struct{ source, code string }

// appointment is a part of the agenda. Those of one instant come in the order they were made.
type appointment struct {
	at alert.Time
	n  int
	do func()
}

func (a appointment) before(b appointment) bool { return a.at < b.at || a.at == b.at && a.n < b.n }

// at puts something on the agenda.
func (w *week) at(t alert.Time, do func()) {
	w.made++
	w.agenda.push(appointment{max(t, w.now), w.made, do})
}

func (w *week) in(by time.Duration, do func()) { w.at(w.now.Add(by), do) }

// between draws a time.
func (w *week) between(from, to time.Duration) time.Duration {
	return from + time.Duration(w.r.Int64N(int64(to-from)))
}

// live does what is on the agenda until the end, with every Tick that falls due.
func (w *week) live() {
	for w.agenda.items[0].at <= w.end { // the watches never end
		next := w.agenda.pop()
		w.pass(next.at.Std().Sub(w.now.Std()), w.saw)
		next.do()
	}
}

// must performs a command that has to be taken, try one that may come too late.
func (w *week) must(c Command) []Event {
	w.t.Helper()
	events, err := w.try(c)
	if err != nil {
		w.t.Fatalf("%v: %s %s %s: %v", w.now, c.Type, c.Action, c.Target, err)
	}
	return events
}

func (w *week) try(c Command) ([]Event, error) {
	w.t.Helper()
	events, err := w.do(c)
	if code := alert.CodeOf(err); err != nil && code != alert.CodeConflict && code != alert.CodeForbidden {
		w.t.Fatalf("%v: %s %s %s: %v", w.now, c.Type, c.Action, c.Target, err)
	}
	w.saw(events)
	return events, err
}

// saw counts what happened, lets officers take note of it, and looks at every open task.
func (w *week) saw(events []Event) {
	w.t.Helper()
	if len(events) == 0 {
		return
	}
	for i := range events {
		e := &events[i]
		w.counts[string(e.Type)]++
		if e.Type == TaskAssigned || e.Type == TaskReassigned {
			if !w.there(e.Task.Seat) {
				w.t.Fatalf("%v: task %s goes to seat %s, where nobody is: %s", e.At, e.Task.ID, e.Task.Seat, e.Reason)
			}
		}
		switch {
		case e.Task != nil && !e.Task.State.Final() && !w.answered[e.Task.ID]:
			w.answered[e.Task.ID] = true
			w.in(w.answer(), func() { w.work(e.Task.ID) })
		case e.Type == IncidentState && e.State == alert.IncidentVerifying:
			w.in(w.between(time.Minute, 20*time.Minute), func() { w.verify(e.IncidentID) })
		}
	}
	// Who is there changes with events about seats alone: without one, the tasks of the incidents told of are all there is to see.
	touched := map[string]bool{}
	for i := range events {
		if events[i].Seat != "" {
			touched = nil
			break
		}
		touched[events[i].IncidentID] = true
	}
	w.entitled(types(events), touched)
}

// answer draws how long an officer takes to answer. Some do not before the ladder has climbed.
func (w *week) answer() time.Duration {
	if w.r.IntN(8) == 0 {
		return w.between(2*time.Minute, 40*time.Minute)
	}
	return w.between(3*time.Second, 40*time.Second)
}

// there reports whether somebody sits at a seat, is heard, and may be asked.
func (w *week) there(seat string) bool {
	on, ok := w.state.SignOn(seat)
	_, out := w.state.SeatMaintenance(seat, w.now)
	return ok && on.LostAt == 0 && !out
}

// entitled is what this test is about. It looks at the tasks of some incidents, nil for all.
func (w *week) entitled(after string, of map[string]bool) {
	w.t.Helper()
	w.state.Newest(0, func(_ uint64, inc *alert.Incident) bool {
		if of != nil && !of[inc.ID] {
			return true
		}
		for _, t := range inc.Tasks {
			switch {
			case t.State.Final():
			case t.State == alert.TaskUnstaffed && t.Deadline != 0 && t.Overdue:
				w.counts["looked at: unstaffed"]++
			case w.there(t.Seat) || slices.ContainsFunc(t.Escalated, w.there):
				w.counts["looked at: entitled"]++
			default:
				w.t.Fatalf("%v: after %s task %s (%s at %q, asked too: %v, deadline %v) is nobody's", w.now, after, t.ID, t.State, t.Seat, t.Escalated, t.Deadline)
			}
		}
		return true
	})
}

// work takes a task one step on, and comes back for the next.
func (w *week) work(id string) {
	t, inc, ok := w.state.Task(id)
	if !ok || t.State.Final() {
		return
	}
	again := func(by time.Duration) { w.in(by, func() { w.work(id) }) }
	seat := t.Seat
	if !w.there(seat) {
		if i := slices.IndexFunc(t.Escalated, w.there); i >= 0 {
			seat = t.Escalated[i]
		} else {
			again(2 * time.Minute)
			return
		}
	}
	on, _ := w.state.SignOn(seat)
	c := Command{Type: TaskAct, Target: id, By: w.person(seat, on.Officer)}
	switch t.State {
	case alert.TaskAssigned, alert.TaskUnstaffed:
		if c.Action = alert.ActAcknowledge; w.r.IntN(40) == 0 {
			c.Action, c.Reason = alert.ActReturn, "the crew is elsewhere"
		}
	case alert.TaskAcknowledged:
		c.Action = alert.ActDepart
	case alert.TaskEnRoute:
		c.Action = alert.ActArrive
	case alert.TaskOnScene:
		c.Action = alert.ActFinish
	}
	if _, err := w.try(c); err != nil && inc.State != alert.IncidentSuspended {
		w.counts["came too late"]++
	}
	again(w.between(time.Minute, 50*time.Minute))
}

func (w *week) verify(incident string) {
	inc, ok := w.state.Incident(incident)
	if !ok || inc.State != alert.IncidentVerifying {
		return
	}
	const leader = "centre-leader"
	if on, ok := w.state.SignOn(leader); ok {
		_, _ = w.try(Command{Type: IncidentAct, Action: alert.ActVerify, Target: incident, By: w.person(leader, on.Officer)})
	}
}

// person is somebody at a seat.
func (w *week) person(seat, name string) *alert.Actor {
	a := w.by(seat)
	a.Name = name
	return a
}

// send lets a source report something somewhere.
func (w *week) send() {
	what := w.reports[w.r.IntN(len(w.reports))]
	a := w.desk.report(what.source, fmt.Sprintf("week-%d", w.made), what.code, w.place(w.r.Float64()*24000-12000, w.r.Float64()*24000-12000))
	w.must(Command{Type: SubmitAlert, Alert: a})
}

// weekCity is the city that is shipped, of 24 departments, where a seat is staffed only while somebody is signed on.
func weekCity(t tb) *plan.City {
	t.Helper()
	root, files := os.DirFS("../configs/fuzhou"), map[string][]byte{}
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !plan.IsCityFile(name) {
			return err
		}
		files[name], err = fs.ReadFile(root, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files["city.yaml"] = append(files["city.yaml"], "\npresence: {required: true}\n"...)
	city, problems := plan.Load(files)
	if city == nil {
		t.Fatal(problems)
	}
	return city
}

func newWeek(t *testing.T, city *plan.City, seed uint64) *week {
	begin := inTests(t, city.Zone, "2026-06-01 07:55:00") // a Monday
	w := &week{desk: newDesk(t, city, begin), r: rand.New(rand.NewPCG(seed, 24)), counts: map[string]int{},
		strange: map[string]string{}, spared: map[string]bool{}, answered: map[string]bool{}, end: alert.TimeOf(begin.AddDate(0, 0, weekDays))}
	for _, source := range city.Sources {
		for _, what := range city.Types {
			if source.MaySend(what.Code) {
				w.reports = append(w.reports, told{source.ID, what.Code})
			}
		}
	}
	return w
}

// TestWeekOfDuty lives through a week of 24 departments in three shifts: people swap shifts, some do not come, consoles
// are lost, shifts end with and without a handover, and alerts come in all the time.
func TestWeekOfDuty(t *testing.T) {
	seed := *weekSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	t.Logf("go test ./dispatch -run TestWeekOfDuty -week %d", seed)
	city := weekCity(t)
	if n := len(city.Departments); n < 24 {
		t.Fatalf("%d departments", n)
	}
	w := newWeek(t, city, seed)
	for _, seat := range city.Seats {
		w.comes(seat)
	}
	w.leave()
	w.shifts()
	w.swaps()
	w.repairs()
	w.losses()
	for range weekAlerts {
		w.in(w.between(0, weekDays*24*time.Hour), w.send)
	}
	w.watches()
	w.live()
	for what, want := range map[string]int{string(SeatNoShow): weekNoShows, string(SeatLost): weekLost, string(HandoverMissed): weekMissed,
		"swaps approved": weekSwaps, "swapped shifts held": weekSwaps, string(RosterGap): weekLeaves, string(RosterGapClosed): weekLeaves, string(SeatMaintenance): 2 * weekRepairs, string(IncidentOpened): 1, "looked at: entitled": 1, string(TaskUnstaffed): 1, string(TaskEscalated): 1} {
		if got := w.counts[what]; got != want && (want > 1 || got == 0) {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	if got := w.counts[string(HandoverConfirmed)]; got < weekHandovers {
		t.Errorf("%d handovers, want %d or more", got, weekHandovers)
	}
	check(t, w.state)
	same(t, "the commands decided again", w.state, decideAgain(t, w.log))
	if testing.Verbose() {
		t.Logf("%d commands, %v", len(w.log), w.counts)
	}
}

// watches does what whoever watches the seats and the roster does.
func (w *week) watches() {
	for _, seat := range w.state.WatchDue(w.now) {
		w.must(Command{Type: SeatAct, Action: alert.ActWatch, Target: seat})
	}
	if held := w.state.Roster(); held != w.looked || w.made%30 == 0 {
		w.looked = held
		w.must(Command{Type: RosterAct, Action: alert.ActWatch})
	}
	w.in(2*time.Minute, w.watches)
}
