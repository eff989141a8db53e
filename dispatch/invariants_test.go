package dispatch

import (
	"slices"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// check holds a state against what must be true of every state.
func check(t tb, s *State) {
	t.Helper()
	checkDocuments(t, s)
	checkCounts(t, s)
	checkDeadlines(t, s)
	checkLookup(t, s)
	checkSeats(t, s)
	checkRoster(t, s)
}

// checkRoster: what people have changed fits the configuration in force, and is in the roster that is asked.
func checkRoster(t tb, s *State) {
	t.Helper()
	if s.city == nil {
		return
	}
	made, faults := s.amends.compile(s.city)
	if len(faults) > 0 {
		t.Fatalf("the roster in force does not compile: %v", faults)
	}
	at := s.now.Std()
	for _, seat := range s.city.Seats {
		if a, b := made.At(at).Span(seat.ID), s.Roster().At(at).Span(seat.ID); a != b {
			t.Fatalf("seat %s is held by %+v, the roster asked says %+v", seat.ID, a, b)
		}
	}
	for _, w := range s.amends.swaps {
		if w.State == roster.SwapApproved && (w.ApprovedBy == "" || w.ApprovedBy == w.Person || w.ApprovedBy == w.With) {
			t.Fatalf("swap %s is approved by %q", w.ID, w.ApprovedBy)
		}
	}
}

// checkSeats: what lies at a seat is listed there, and whoever hands a seat over sits there.
func checkSeats(t tb, s *State) {
	t.Helper()
	at := map[string]int{}
	for _, l := range s.incidents {
		for _, task := range l.doc.Tasks {
			for _, seat := range task.Escalated {
				if !task.State.Final() && !slices.Contains(s.askedOf(seat), task.ID) {
					t.Fatalf("task %s is not listed with seat %s, which was asked about it", task.ID, seat)
				}
			}
			if !task.State.Final() && task.Seat != "" {
				at[task.Seat]++
				if !slices.Contains(s.TasksAt(task.Seat), task.ID) {
					t.Fatalf("task %s is not listed at seat %s", task.ID, task.Seat)
				}
			}
		}
	}
	for seat := range s.loads {
		for _, id := range s.askedOf(seat) {
			if task, _, ok := s.Task(id); !ok || task.State.Final() || !slices.Contains(task.Escalated, seat) {
				t.Fatalf("seat %s is said to be asked about task %s: %+v", seat, id, task)
			}
		}
		if n := len(s.TasksAt(seat)); n != at[seat] {
			t.Fatalf("%d tasks are listed at seat %s, %d lie there", n, seat, at[seat])
		}
	}
	for seat, on := range s.duty.on {
		if on.Seat != seat || on.Officer == "" || !on.Rostered && on.Reason == "" {
			t.Fatalf("signed on at %s: %+v", seat, on)
		}
	}
	for seat, h := range s.duty.handovers {
		if on := s.duty.on[seat]; on == nil || on.Officer != h.From || h.Seat != seat || !h.ConfirmedAt.IsZero() {
			t.Fatalf("open handover of %s, where %+v sits: %+v", seat, on, h)
		}
	}
}

// checkDocuments: nobody is silently missed, nothing is closed over unfinished work.
func checkDocuments(t tb, s *State) {
	t.Helper()
	for id, l := range s.incidents {
		d := l.doc
		if d.ID != id || len(d.Alerts) == 0 || d.Alerts[0].Seq != l.events[0] || alert.KeyOf(d.Alerts[0].Source, d.Alerts[0].ID).IncidentID() != id {
			t.Fatalf("incident %s: id, first alert or first event do not agree: %+v", id, d)
		}
		for i, seq := range l.events[1:] {
			if seq <= l.events[i] {
				t.Fatalf("incident %s lists event %d after event %d", id, seq, l.events[i])
			}
		}
		if d.AlertCount < len(d.Alerts) || len(d.Alerts) > alert.MaxRefsPerIncident || len(d.Refs) > alert.MaxSourceRefs || len(d.Tasks) > alert.MaxTasksPerIncident {
			t.Fatalf("incident %s: %d of %d alerts, %d references, %d tasks", id, len(d.Alerts), d.AlertCount, len(d.Refs), len(d.Tasks))
		}
		if d.FirstOccurredAt > d.LastOccurredAt || d.UpdatedAt < d.OpenedAt || d.State.Final() == d.ClosedAt.IsZero() {
			t.Fatalf("incident %s: times %+v", id, d)
		}
		settled := d.Settled()
		switch d.State {
		case alert.IncidentClosed, alert.IncidentCancelled, alert.IncidentVerifying:
			if !settled {
				t.Fatalf("incident %s is %s with unfinished tasks", id, d.State)
			}
		case alert.IncidentOpen, alert.IncidentHandling:
			if settled {
				t.Fatalf("incident %s is %s, but nobody has a task left in it", id, d.State)
			}
		case alert.IncidentSuspended:
			if d.Before == "" || d.Before.Final() || d.Before == alert.IncidentSuspended || settled != (d.Before == alert.IncidentVerifying) {
				t.Fatalf("incident %s is suspended from %q", id, d.Before)
			}
		default:
			t.Fatalf("incident %s is %q", id, d.State)
		}
		checkTasks(t, s, d)
	}
}

// checkTasks: one lead at work, and every open task at exactly one seat or loudly at none.
func checkTasks(t tb, s *State, d *alert.Incident) {
	t.Helper()
	leads, working := 0, 0
	for n, task := range d.Tasks {
		if task.ID != alert.TaskID(d.ID, n+1) || task.IncidentID != d.ID {
			t.Fatalf("task %d of %s is called %s of %s", n+1, d.ID, task.ID, task.IncidentID)
		}
		if task.Role == alert.RoleLead {
			leads++
			if !task.State.Final() {
				working++
			}
		}
		if task.State == alert.TaskUnstaffed != (task.Seat == "") && !task.State.Final() {
			t.Fatalf("task %s is %s at seat %q", task.ID, task.State, task.Seat)
		}
		if task.State == alert.TaskUnstaffed && !task.Overdue {
			t.Fatalf("task %s is unstaffed and not called overdue", task.ID)
		}
		if !task.State.Final() && task.Priority != d.Priority {
			t.Fatalf("task %s has %s, its incident %s", task.ID, task.Priority, d.Priority)
		}
		watched := task.State.Waiting() || s.city.Progress[task.State][task.Priority] > 0
		ticking := watched && d.State != alert.IncidentSuspended
		if !ticking && task.Deadline != 0 {
			t.Fatalf("task %s is %s in an incident that is %s, but has a deadline", task.ID, task.State, d.State)
		}
		if ticking && task.Deadline == 0 && !ladderEnds(s, d, task) {
			t.Fatalf("task %s waits and nothing will ever remind anybody: %+v", task.ID, task)
		}
	}
	if leads == 0 || working > 1 {
		t.Fatalf("incident %s has %d lead tasks, %d at work", d.ID, leads, working)
	}
}

// ladderEnds reports whether the ladder has no rung left for an assigned task.
func ladderEnds(s *State, d *alert.Incident, task *alert.Task) bool {
	steps := s.city.LadderOf(d.Plan).Steps(task.Priority)
	return task.State == alert.TaskAssigned && task.Step >= len(steps) && steps[len(steps)-1].Repeat == 0
}

// checkCounts: the counts kept change by change are those of a recount.
func checkCounts(t tb, s *State) {
	t.Helper()
	seats, departments := map[string]Load{}, map[string]Load{}
	var priorities [len(alert.Priorities) + 1]Load
	for _, l := range s.incidents {
		priorities[l.doc.Priority].add(incidentLoad(l.doc), 1)
		for _, task := range l.doc.Tasks {
			of := departments[task.Department]
			of.add(loadOf(task), 1)
			departments[task.Department] = of
			of = seats[task.Seat]
			of.add(loadOf(task), 1)
			seats[task.Seat] = of
		}
	}
	if priorities != s.counts.Priorities {
		t.Fatalf("counted %+v, kept %+v", priorities, s.counts.Priorities)
	}
	for id := range s.counts.Departments {
		if departments[id] != s.counts.Departments[id] {
			t.Fatalf("department %s: counted %+v, kept %+v", id, departments[id], s.counts.Departments[id])
		}
	}
	for id, l := range departments {
		if l != s.counts.Departments[id] {
			t.Fatalf("department %s: counted %+v, kept %+v", id, l, s.counts.Departments[id])
		}
	}
	for id := range s.loads {
		seats[id] = seats[id] // also those with nothing left
	}
	for id, l := range seats {
		if id != "" && l != s.LoadOf(id) {
			t.Fatalf("seat %s: counted %+v, kept %+v", id, l, s.LoadOf(id))
		}
	}
}

// checkDeadlines: the next deadline is the earliest of all tasks.
func checkDeadlines(t tb, s *State) {
	t.Helper()
	var first alert.Time
	have := map[due]bool{}
	for i, d := range s.deadlines.items {
		have[d] = true
		if i > 0 && d.before(s.deadlines.items[(i-1)/2]) {
			t.Fatalf("the heap of deadlines is out of order at %d", i)
		}
	}
	for _, l := range s.incidents {
		for _, task := range l.doc.Tasks {
			if task.Deadline == 0 {
				continue
			}
			if !have[due{task.Deadline, task.ID}] {
				t.Fatalf("task %s is due at %v, which nothing remembers", task.ID, task.Deadline)
			}
			if first == 0 || task.Deadline < first {
				first = task.Deadline
			}
		}
	}
	if at, ok := s.NextDeadline(); at != first || ok != (first != 0) {
		t.Fatalf("the next deadline is %v %v, the earliest of all tasks %v", at, ok, first)
	}
}

// checkLookup: what alerts find is what is there.
func checkLookup(t tb, s *State) {
	t.Helper()
	near := map[*live]int{}
	for group, cells := range s.near {
		checkGrid(t, s, group, cells, near)
	}
	for k, entries := range s.byArea {
		for _, l := range entries {
			near[l]++
			if k != (areaKey{l.doc.Group, l.doc.Areas[len(l.doc.Areas)-1]}) {
				t.Fatalf("%s is found under area %v", l.doc.ID, k)
			}
		}
	}
	for _, l := range s.incidents {
		if want := map[bool]int{true: 1}[l.near]; near[l] != want || l.near && l.doc.State.Final() {
			t.Fatalf("%s, %s, is found %d times", l.doc.ID, l.doc.State, near[l])
		}
		delete(near, l)
	}
	if len(near) > 0 {
		t.Fatalf("%d incidents are found that are not in memory", len(near))
	}
	for _, l := range s.incidents {
		for _, ref := range l.refs {
			if s.byRef[ref] != l {
				t.Fatalf("reference %v of %s leads elsewhere", ref, l.doc.ID)
			}
		}
	}
	for ref, l := range s.byRef {
		if !slices.Contains(l.refs, ref) {
			t.Fatalf("reference %v leads to %s, which does not know", ref, l.doc.ID)
		}
		if s.incidents[l.doc.ID] != l || l.doc.State.Final() || !slices.Contains(l.doc.Refs, ref) {
			t.Fatalf("reference %v leads to %s, %s, refs %v", ref, l.doc.ID, l.doc.State, l.doc.Refs)
		}
	}
	checkOrder(t, s)
}

func checkGrid(t tb, s *State, group string, cells grid, near map[*live]int) {
	t.Helper()
	for c, entries := range cells {
		for i, e := range entries {
			if i > 0 && !entries[i-1].before(&entries[i]) {
				t.Fatalf("cell %v of %s is out of order at %d", c, group, i)
			}
			d := e.inc.doc
			near[e.inc]++
			if _, want, ok := s.gridOf(d); !ok || c != want || d.Group != group || e.at != d.Location.Point() || e.first != d.FirstOccurredAt || e.last != d.LastOccurredAt || e.opened != e.inc.events[0] {
				t.Fatalf("the entry of %s in cell %v of %s is out of date: %+v", d.ID, c, group, e)
			}
		}
		if len(entries) == 0 || len(entries) > MaxNearby {
			t.Fatalf("cell %v of %s has %d entries", c, group, len(entries))
		}
	}
}

// checkOrder: incidents are listed once in order of opening, and what ended will be forgotten.
func checkOrder(t tb, s *State) {
	t.Helper()
	listed, holes, last := 0, 0, uint64(0)
	for _, o := range s.order {
		if o.seq <= last {
			t.Fatalf("event %d listed after event %d", o.seq, last)
		}
		if last = o.seq; o.inc == nil {
			holes++
		} else if listed++; s.incidents[o.inc.doc.ID] != o.inc || o.inc.events[0] != o.seq {
			t.Fatalf("incident %s is listed and not in memory", o.inc.doc.ID)
		}
	}
	if listed != len(s.incidents) || holes != s.holes {
		t.Fatalf("%d of %d incidents listed, %d holes, %d counted", listed, len(s.incidents), holes, s.holes)
	}
	final := 0
	for _, l := range s.incidents {
		if l.doc.State.Final() {
			final++
		}
	}
	for _, e := range s.ended.all() {
		if l := s.incidents[e.id]; l == nil || !l.doc.State.Final() || l.doc.ClosedAt != e.at {
			t.Fatalf("%s is to be retired, but is not over", e.id)
		}
	}
	if final != s.ended.len() {
		t.Fatalf("%d incidents are over, %d will be retired", final, s.ended.len())
	}
	if len(s.known) != s.forget.len() {
		t.Fatalf("%d alerts known, %d to be forgotten", len(s.known), s.forget.len())
	}
	for _, k := range s.forget.all() {
		if seq, ok := s.known[k.key]; !ok || seq != k.seq {
			t.Fatalf("an alert of event %d is to be forgotten, known is %d, %v", k.seq, seq, ok)
		}
	}
}
