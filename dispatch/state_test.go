package dispatch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Whatever people wrote or who they are must not reach a wall, in whatever kind of event.
func TestRedactHidesWhatPeopleWrote(t *testing.T) {
	const secret = "SECRET"
	d := morning(t)
	report := func(id, code string, east float64) *alert.Alert {
		a := d.report("police-110", secret+id, code, d.place(east, 0))
		a.Text, a.IncidentRef, a.Attributes = secret, secret+id[:1], []byte(`{"caller":"`+secret+`","floors":20}`)
		return a
	}
	by := func(seat string, action alert.Action, target string, c Command) {
		t.Helper()
		c.Reason, c.Text = secret, secret
		c.Type, c.Target, c.Action, c.By = TaskAct, target, action, &alert.Actor{Seat: seat, Name: secret}
		if _, isTask := alert.IncidentOfTask(target); !isTask {
			c.Type = IncidentAct
		}
		must(t)(d.do(c))
	}
	one := d.opened(report("a1", "fire.building", 0))
	must(t)(d.submit(report("a2", "fire.building", 900))) // found by the number
	must(t)(d.submit(report("b", "fire.building", 10)))   // another number
	fire, police := one.Tasks[0].ID, one.Tasks[1].ID
	by("commander", alert.ActNote, fire, Command{})
	by("commander", alert.ActReturn, fire, Command{})
	by("commander", alert.ActAssign, police, Command{Seat: "police-2"})
	by("commander", alert.ActPriority, one.ID, Command{Priority: alert.P3})
	by("commander", alert.ActSuspend, one.ID, Command{})
	by("commander", alert.ActResume, one.ID, Command{})
	for _, task := range d.incident(one.ID).Tasks {
		if !task.State.Final() {
			for _, a := range []alert.Action{alert.ActAcknowledge, alert.ActDepart, alert.ActArrive, alert.ActFinish} {
				by("commander", a, task.ID, Command{})
			}
		}
	}
	by("commander", alert.ActVerify, one.ID, Command{})
	d.state.Newest(0, func(_ uint64, doc *alert.Incident) bool {
		if !doc.State.Final() {
			by("commander", alert.ActCancel, doc.ID, Command{})
		}
		return true
	})
	kinds, hidden := map[EventType]bool{}, 0
	for _, e := range d.log {
		for _, ev := range decodeAll(t, e.events) {
			kinds[ev.Type] = true
			if !strings.Contains(string(encoded(t, &ev)), secret) {
				continue
			}
			hidden++
			if r, ok := Redact(&ev); ok && (strings.Contains(string(encoded(t, &r)), secret) || r.Seq != ev.Seq || r.At != ev.At) {
				t.Errorf("a wall sees %s", encoded(t, &r))
			}
		}
	}
	for _, want := range []EventType{IncidentOpened, AlertAttached, IncidentNote, TaskReturned, TaskReassigned, IncidentPriority, TaskAcknowledged, TaskEnRoute, TaskOnScene, TaskDone, TaskCancelled, IncidentState} {
		if !kinds[want] {
			t.Errorf("no %s was looked at", want)
		}
	}
	if hidden < 20 {
		t.Errorf("only %d events had something to hide", hidden)
	}
	doc := RedactIncident(d.incident(one.ID))
	if b := encoded(t, doc); strings.Contains(string(b), secret) || doc.AlertCount != 2 || len(doc.Alerts) != 0 {
		t.Errorf("a wall sees %s", b)
	}
}

// Tasks do not say to walls how they were given out. What an alert says of itself stays.
func TestRedactOfTasksAndAlerts(t *testing.T) {
	a := &alert.Alert{AlertID: "a-1", Source: "fire-119", WarningLevel: "red"}
	task := &alert.Task{ID: "t-1", Seat: "fire-1", Reason: "fewest open tasks (0) of 4 seats"}
	opened, ok := Redact(&Event{Type: IncidentOpened, Incident: &alert.Incident{ID: "i-1", Tasks: []*alert.Task{task}}, Alert: a})
	if !ok || opened.Alert == nil || opened.Alert.Source != a.Source || opened.Incident.Tasks[0].Reason != "" {
		t.Errorf("%v: %+v", ok, opened)
	}
	attached, ok := Redact(&Event{Type: AlertAttached, IncidentID: "i-1", Alert: a})
	if !ok || attached.Alert == nil || attached.Alert.WarningLevel != a.WarningLevel {
		t.Errorf("%v: %+v", ok, attached)
	}
	assigned, ok := Redact(&Event{Type: TaskAssigned, IncidentID: "i-1", Task: task})
	if !ok || assigned.Task.Reason != "" || assigned.Task.Seat != task.Seat || task.Reason == "" {
		t.Errorf("%v: %+v", ok, assigned.Task)
	}
}

func TestRedactOfTheConfiguration(t *testing.T) {
	d := morning(t)
	e := decodeAll(t, d.log[0].events)[0]
	r, ok := Redact(&e)
	if !ok || len(r.Files) > 0 || r.Digest != d.city.Digest || len(e.Files) == 0 {
		t.Errorf("%v, %d files shown of %d", ok, len(r.Files), len(e.Files))
	}
}

func TestNewestPagesWithoutGapOrRepeat(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		city := testCity(r, nil)
		d := newDesk(r, city, inTests(r, city.Zone, "2026-05-01 08:00:00"))
		var want []string
		for i := range rapid.IntRange(0, 30).Draw(r, "incidents") {
			inc := d.opened(d.report("police-110", fmt.Sprint(i), "medical", d.place(0, 0)))
			want = append(want, inc.ID)
			if rapid.IntRange(0, 2).Draw(r, "forgotten") == 0 {
				must(r)(d.act("commander", alert.ActCancel, inc.ID, Command{Reason: "test"}))
				d.now = d.now.Add(13 * time.Hour)
				want = want[:0]
				d.state.Newest(0, func(_ uint64, doc *alert.Incident) bool { want = append(want, doc.ID); return true })
				slices.Reverse(want)
			}
		}
		slices.Reverse(want)
		page := rapid.IntRange(1, 5).Draw(r, "page")
		var got []string
		for before := uint64(0); ; {
			n := 0
			d.state.Newest(before, func(opened uint64, doc *alert.Incident) bool {
				got, before = append(got, doc.ID), opened
				n++
				return n < page
			})
			if n < page {
				break
			}
		}
		live := slices.DeleteFunc(want, func(id string) bool { _, ok := d.state.Incident(id); return !ok })
		if !slices.Equal(got, live) || len(got) != d.state.Len() {
			r.Fatalf("pages give %v, in memory are %v", got, live)
		}
	})
}

func TestApplyRefusesAFalseHistory(t *testing.T) {
	d := morning(t)
	inc := d.opened(d.report("fire-119", "a", "fire.building", d.place(0, 0)))
	next := Event{Seq: d.state.Seq() + 1, At: d.now, Type: IncidentNote, IncidentID: inc.ID}
	for name, change := range map[string]func(*Event){
		"a gap":               func(e *Event) { e.Seq++ },
		"a repeat":            func(e *Event) { e.Seq-- },
		"an earlier time":     func(e *Event) { e.At-- },
		"an unknown incident": func(e *Event) { e.IncidentID = "i-nobody" },
		"an unknown type":     func(e *Event) { e.Type = "incident.exploded" },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was applied", name)
				}
			}()
			s := replay(t, d.log)
			e := next
			change(&e)
			s.Apply(&e)
		}()
	}
	d.state.Apply(&next) // as it should be
}

func TestDecideWithoutConfiguration(t *testing.T) {
	_, err := Decide(New(), &Command{Type: Tick, At: 1})
	if alert.CodeOf(err) != alert.CodeUnavailable {
		t.Errorf("got %v", err)
	}
	d := morning(t)
	if _, err := d.do(Command{Type: "dance"}); alert.CodeOf(err) != alert.CodeInternal {
		t.Errorf("got %v", err)
	}
	if _, err := d.do(Command{Type: TaskAct, Target: "t-nobody-1"}); alert.CodeOf(err) != alert.CodeNotFound {
		t.Errorf("got %v", err)
	}
	inc := d.opened(d.report("fire-119", "a", "fire.building", d.place(0, 0)))
	for _, target := range []string{inc.ID, inc.Tasks[0].ID} {
		c := Command{Type: TaskAct, Target: target, Action: alert.ActAcknowledge}
		if target == inc.ID {
			c.Type = IncidentAct
		}
		if _, err := d.do(c); alert.CodeOf(err) != alert.CodeForbidden {
			t.Errorf("nobody acted: %v", err)
		}
	}
	if _, _, ok := d.state.Task(inc.ID); ok {
		t.Error("an incident is taken for a task")
	}
	if _, _, ok := d.state.Timeline("i-nobody"); ok {
		t.Error("nothing has a timeline")
	}
}

func TestUseCityOfAnotherDigest(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a state took a configuration it is not under")
		}
	}()
	morning(t).state.UseCity(secondCity(t))
}

func TestRestorerRefusesWhatIsNotWhole(t *testing.T) {
	d := morning(t)
	id := d.opened(d.report("fire-119", "a", "fire.building", d.place(0, 0))).ID
	must(t)(d.act("commander", alert.ActCancel, id, Command{Reason: "test"}))
	v := d.state.View()
	if v.Seq() != d.state.Seq() || len(v.Incidents()) != 1 {
		t.Fatalf("view of %d with %d incidents", v.Seq(), len(v.Incidents()))
	}
	header := v.header
	header.Version++
	if _, err := NewRestorer(header); err == nil {
		t.Error("a snapshot of a later version was read")
	}
	r, err := NewRestorer(v.header)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Incident(Stored{}); err == nil {
		t.Error("an empty record was taken for an incident")
	}
	if _, err := r.State(); err == nil || !strings.Contains(err.Error(), "0 of 1 incidents and 0 of 1 known") {
		t.Errorf("half a snapshot: %v", err)
	}
	header = v.header
	header.Incidents, header.Known = 0, 0
	r, _ = NewRestorer(header)
	if _, err := r.State(); err == nil || !strings.Contains(err.Error(), id) {
		t.Errorf("a finished incident that is not there: %v", err)
	}
}

// A view taken is a view of that instant, however long writing it down takes.
func TestViewIsOfOneInstant(t *testing.T) {
	d := morning(t)
	inc := d.opened(d.report("fire-119", "a", "fire.building", d.place(0, 0)))
	before, view := snapshot(t, d.state), d.state.View()
	for i := range 50 {
		must(t)(d.submit(d.report("police-110", fmt.Sprint(i), "fire.building", d.place(0, 0))))
	}
	must(t)(d.act("commander", alert.ActCancel, inc.ID, Command{Reason: "test"}))
	var late bytes.Buffer
	if err := view.Encode(&late); err != nil || !bytes.Equal(late.Bytes(), before) {
		t.Errorf("written late, the view differs: %v", err)
	}
}

func TestCountsCloneSharesNothing(t *testing.T) {
	d := morning(t)
	d.opened(d.report("fire-119", "a", "fire.building", d.place(0, 0)))
	c := d.state.Counts().Clone()
	before, _ := json.Marshal(d.state.Counts())
	c.Departments["fire"] = Load{}
	c.Priorities[alert.P1] = Load{}
	if after, _ := json.Marshal(d.state.Counts()); !bytes.Equal(before, after) {
		t.Errorf("a copy changed the counts from %s to %s", before, after)
	}
}

// A handover concerns two tasks of one incident: the incident's timeline has it once.
func TestHandoverStandsOnceInATimeline(t *testing.T) {
	d := morning(t)
	a := d.report("grid", "a", "gas.leak", d.place(0, 0))
	a.Attributes = []byte(`{"pressure_kpa":"high"}`) // a rule fails: the centre's duty leader has a task
	inc := d.opened(a)
	must(t)(d.do(Command{Type: SeatAct, Action: alert.ActSignOn, Target: "centre-leader", By: d.by("centre-leader"), Reason: "because"}))
	for _, task := range d.incident(inc.ID).Tasks {
		must(t)(d.act("centre-leader", alert.ActAcknowledge, task.ID, Command{}))
	}
	opened := must(t)(d.do(Command{Type: HandoverAct, Action: alert.ActHandOver, Target: "centre-leader", By: d.by("centre-leader")}))
	next := d.by("centre-leader")
	next.Name = "the next one"
	confirmed := must(t)(d.do(Command{Type: HandoverAct, Action: alert.ActConfirm, Target: opened[0].Handover.ID, By: next, Reason: "because"}))
	if len(confirmed[0].Handover.Tasks) != 2 {
		t.Fatalf("%d tasks moved", len(confirmed[0].Handover.Tasks))
	}
	for _, task := range d.incident(inc.ID).Tasks {
		if task.Officer != next.Name {
			t.Errorf("%s works on %s", task.Officer, task.ID)
		}
	}
	check(t, d.state)
	same(t, "restored", d.state, restore(t, snapshot(t, d.state), d.city))
}
