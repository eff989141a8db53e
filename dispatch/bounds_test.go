package dispatch

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// morning is a desk at eight o'clock, with nothing on it.
func morning(t tb) *desk {
	city := testCity(t, nil)
	return newDesk(t, city, inTests(t, city.Zone, "2026-05-01 08:00:00"))
}

// opened submits an alert that must open an incident and returns that incident.
func (d *desk) opened(a *alert.Alert) *alert.Incident {
	d.t.Helper()
	events := must(d.t)(d.submit(a))
	if len(events) == 0 || events[0].Type != IncidentOpened {
		d.t.Fatalf("alert %s made %s", a.ID, types(events))
	}
	inc, _ := d.state.Incident(events[0].IncidentID)
	return inc
}

func (d *desk) incident(id string) *alert.Incident {
	d.t.Helper()
	inc, ok := d.state.Incident(id)
	if !ok {
		d.t.Fatalf("incident %s is not in memory", id)
	}
	return inc
}

// fill returns the lead task of a dispute until the incident has as many tasks as it may.
func (d *desk) fill(id string) {
	d.t.Helper()
	for len(d.incident(id).Tasks) < alert.MaxTasksPerIncident {
		must(d.t)(d.act("commander", alert.ActReturn, d.incident(id).Lead().ID, Command{Reason: "again"}))
		check(d.t, d.state)
	}
}

func TestTasksOfAnIncidentAreBounded(t *testing.T) {
	d := morning(t)
	id := d.opened(d.report("police-110", "a", "dispute", d.place(0, 0))).ID
	d.fill(id)
	lead := d.incident(id).Lead()
	if _, err := d.act("commander", alert.ActReturn, lead.ID, Command{Reason: "again"}); alert.CodeOf(err) != alert.CodeConflict {
		t.Errorf("task %d returned: %v", len(d.incident(id).Tasks), err)
	}
	for _, a := range []alert.Action{alert.ActAcknowledge, alert.ActFinish} {
		must(t)(d.act("commander", a, lead.ID, Command{}))
	}
	// A further alert can make no task any more: the incident must stay one that can be closed.
	must(t)(d.submit(d.report("police-110", "b", "dispute", d.place(0, 0))))
	check(t, d.state)
	if got := d.incident(id).State; got != alert.IncidentVerifying {
		t.Errorf("after a further alert it is %s", got)
	}
	must(t)(d.act("commander", alert.ActVerify, id, Command{}))
}

func TestFailingRulesMakeNoTaskTooMany(t *testing.T) {
	d := morning(t)
	broken := func(id string) *alert.Alert {
		a := d.report("grid", id, "gas.leak", d.place(0, 0))
		a.Attributes = []byte(`{"pressure_kpa":"high"}`)
		return a
	}
	id := d.opened(broken("a")).ID
	d.fill(id)
	centre := d.incident(id).Tasks[1]
	if centre.Department != plan.Centre {
		t.Fatalf("the second task is %s's", centre.Department)
	}
	for _, a := range []alert.Action{alert.ActAcknowledge, alert.ActFinish} {
		must(t)(d.act("centre-leader", a, centre.ID, Command{}))
	}
	must(t)(d.submit(broken("b")))
	check(t, d.state)
}

// The 65th incident in a bucket pushes the oldest out of what is found by place; its own number still leads to it.
func TestNearbyIsBounded(t *testing.T) {
	d := morning(t)
	var ids []string
	for i := range MaxNearby + 1 {
		a := d.report("fire-119", fmt.Sprint(i), "fire.building", d.place(float64(i)/100, 0))
		a.IncidentRef = fmt.Sprint("ref", i)
		ids = append(ids, d.opened(a).ID)
	}
	check(t, d.state)
	joined := func(a *alert.Alert) string { return must(t)(d.submit(a))[0].IncidentID }
	if got := joined(d.report("police-110", "p", "fire.building", d.place(0, 0))); got != ids[1] {
		t.Errorf("joined %s, want the oldest that is left, %s", got, ids[1])
	}
	again := d.report("fire-119", "again", "fire.building", d.place(0, 0))
	again.IncidentRef = "ref0"
	if got := joined(again); got != ids[0] {
		t.Errorf("by its number joined %s, want %s", got, ids[0])
	}
	// By area the same.
	var first string
	for i := range MaxNearby + 1 {
		a := d.report("grid", fmt.Sprint("area", i), "dispute", nil)
		a.Area, a.IncidentRef = "350103", fmt.Sprint("ref", i)
		if id := d.opened(a).ID; i == 0 {
			first = id
		}
	}
	a := d.report("police-110", "by area", "dispute", nil)
	a.Area = "350103"
	if got := joined(a); got == first {
		t.Error("joined the one that gave way")
	}
	check(t, d.state)
}

func TestAnIncidentKeepsABoundedPartOfItself(t *testing.T) {
	d := morning(t)
	const callers = MaxTimeline + 10
	var id string
	for i := range callers {
		a := d.report("police-110", fmt.Sprint(i), "fire.building", d.place(0, 0))
		if i < 2*alert.MaxSourceRefs {
			a.Source = "grid" // one number a source is kept
			a.IncidentRef = "same"
		}
		id = must(t)(d.submit(a))[0].IncidentID
	}
	inc := d.incident(id)
	if inc.AlertCount != callers || len(inc.Alerts) != alert.MaxRefsPerIncident || len(inc.Refs) != 1 {
		t.Errorf("%d alerts, %d kept, %d numbers", inc.AlertCount, len(inc.Alerts), len(inc.Refs))
	}
	events, cut, ok := d.state.Timeline(id)
	if !ok || !cut || len(events) != MaxTimeline || events[0] != 2 {
		t.Errorf("timeline: %v %v, %d events", ok, cut, len(events))
	}
	check(t, d.state)
	same(t, "restored", d.state, restore(t, snapshot(t, d.state), d.city))
}

func TestSourceNumbersAreBounded(t *testing.T) {
	city := testCity(t, nil)
	files := map[string][]byte{}
	for name, b := range city.Files {
		files[name] = b
	}
	for i := range alert.MaxSourceRefs + 1 {
		files[fmt.Sprintf("sources/s%d.yaml", i)] = []byte("name: s\ndepartment: fire\n")
	}
	city, problems := plan.Load(files)
	if city == nil {
		t.Fatal(problems)
	}
	d := newDesk(t, city, inTests(t, city.Zone, "2026-05-01 08:00:00"))
	var id string
	for i := range alert.MaxSourceRefs + 1 {
		a := d.report(fmt.Sprintf("s%d", i), "x", "fire.building", d.place(0, 0))
		a.IncidentRef = "n"
		id = must(t)(d.submit(a))[0].IncidentID
	}
	if n := len(d.incident(id).Refs); n != alert.MaxSourceRefs || d.incident(id).AlertCount != alert.MaxSourceRefs+1 {
		t.Errorf("%d numbers of %d alerts", n, d.incident(id).AlertCount)
	}
	check(t, d.state)
}

// More tasks fall due at once than one Tick moves: the next Tick moves the rest, none is left out or moved twice.
func TestTicksAreBounded(t *testing.T) {
	d := morning(t)
	const incidents = 2*MaxDuePerTick + 10
	for i := range incidents {
		d.opened(d.report("police-110", fmt.Sprint(i), "medical", d.place(0, 0)))
	}
	d.now = d.now.Add(45 * time.Second)
	seen := map[string]int{}
	for _, want := range []int{MaxDuePerTick, MaxDuePerTick, 10, 0} {
		events := must(t)(d.do(Command{Type: Tick}))
		if len(events) != want {
			t.Fatalf("a Tick moved %d tasks, want %d", len(events), want)
		}
		for _, e := range events {
			seen[e.Task.ID]++
		}
	}
	if len(seen) != incidents {
		t.Errorf("%d tasks were moved, want %d", len(seen), incidents)
	}
	check(t, d.state)
}

// Whatever lies within the radius is found, on whichever side of whichever cell's border it lies; what lies
// beyond is not.
func TestPlaceFindsAllWithinTheRadius(t *testing.T) {
	city := testCity(t, nil)
	rapid.Check(t, func(r *rapid.T) {
		d := newDesk(r, city, inTests(r, city.Zone, "2026-05-01 08:00:00"))
		east, north := rapid.Float64Range(-20000, 20000).Draw(r, "east"), rapid.Float64Range(-20000, 20000).Draw(r, "north")
		first := d.place(east, north)
		id := d.opened(d.report("fire-119", "a", "fire.building", first)).ID
		second := d.place(east+rapid.Float64Range(-600, 600).Draw(r, "further east"), north+rapid.Float64Range(-600, 600).Draw(r, "further north"))
		events := must(r)(d.submit(d.report("fire-119", "b", "fire.building", second)))
		if joined := events[0].IncidentID == id; joined != (distance(first, second) <= 500) {
			r.Fatalf("%.1f m apart: joined is %v", distance(first, second), joined)
		}
	})
}
