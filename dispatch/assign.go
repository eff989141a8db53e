package dispatch

import (
	"slices"
	"strconv"
	"strings"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// assigner makes the tasks of one incident within one decision.
type assigner struct {
	d        *decision
	inc      *alert.Incident
	path     []string // areas of the incident
	ladder   *plan.Ladder
	priority alert.Priority
	tasks    []*alert.Task // as they stand within this decision
}

// put keeps the form a task has within this decision and emits e about it.
func (x *assigner) put(t *alert.Task, e Event) {
	e.IncidentID, e.Task = x.inc.ID, t
	x.d.emit(e)
	for i, o := range x.tasks {
		if o.ID == t.ID {
			x.tasks = slices.Clone(x.tasks)
			x.tasks[i] = t
			return
		}
	}
	x.tasks = append(slices.Clip(x.tasks), t)
}

func (x *assigner) blank(department string, role alert.Role) *alert.Task {
	return &alert.Task{
		ID: alert.TaskID(x.inc.ID, len(x.tasks)+1), IncidentID: x.inc.ID, Department: department, Role: role,
		Priority: x.priority, AssignedAt: x.d.c.At,
	}
}

// newTask gives a department its task: to the seat that should answer, or loudly to nobody.
func (x *assigner) newTask(department string, role alert.Role) {
	if len(x.tasks) >= alert.MaxTasksPerIncident {
		return
	}
	d, ok := x.d.city.Department(department)
	if !ok {
		d, _ = x.d.city.Department(plan.Centre)
	}
	if len(d.Duty) == 0 { // the centre itself has none as a rule
		x.give(d, role, d.Leader, d.ID+" has no duty seat: its leader")
		return
	}
	x.route(d, x.blank(d.ID, role))
}

// route chooses a seat for t and emits the assignment, or, where nobody can take it, says so and climbs.
func (x *assigner) route(d *plan.Department, t *alert.Task) {
	seat, why := x.choose(d, t.Tried)
	if seat == nil {
		x.unstaffed(d, t, why)
		return
	}
	x.assign(t, seat, why)
}

// give assigns a new task of department d to a seat that was not chosen by load; off duty, it is unstaffed.
func (x *assigner) give(d *plan.Department, role alert.Role, seat *plan.Seat, why string) {
	t := x.blank(d.ID, role)
	if _, on := x.d.staffed(seat.ID); !on {
		x.unstaffed(d, t, why+"; "+seat.ID+" is off duty")
		return
	}
	x.assign(t, seat, why)
}

func (x *assigner) assign(t *alert.Task, seat *plan.Seat, why string) {
	t.State, t.Seat, t.Reason = alert.TaskAssigned, seat.ID, why
	t.Deadline = t.AssignedAt.Add(x.ladder.Steps(t.Priority)[0].After)
	if x.d.added == nil {
		x.d.added = map[string]int{}
	}
	x.d.added[seat.ID]++
	x.put(t, Event{Type: TaskAssigned})
}

// choose returns the seat of d that should answer: on duty, covering the place, not among those that
// returned this work, with the fewest open tasks, the first in the configuration when equal. Where no duty
// seat is left but some returned the work, the department's duty leader, then the centre's, must answer.
func (x *assigner) choose(d *plan.Department, tried []string) (*plan.Seat, string) {
	var best *plan.Seat
	var load, eligible int
	var off, out, elsewhere []string
	for _, s := range d.Duty {
		switch {
		case slices.Contains(tried, s.ID):
			continue
		case !s.Covers(x.path):
			elsewhere = append(elsewhere, s.ID)
			continue
		}
		if _, on := x.d.staffed(s.ID); !on {
			if x.d.inMaintenance(s.ID) {
				out = append(out, s.ID)
			} else {
				off = append(off, s.ID)
			}
			continue
		}
		eligible++
		// Tasks given within this decision count, though the state does not show them yet.
		if open := x.d.s.LoadOf(s.ID).Open + x.d.added[s.ID]; best == nil || open < load {
			best, load = s, open
		}
	}
	if best != nil {
		return best, because(load, eligible, off, out, elsewhere, tried)
	}
	for _, leader := range x.leaders(d) {
		if _, on := x.d.staffed(leader.ID); on && len(tried) > 0 && !slices.Contains(tried, leader.ID) {
			return leader, "returned by " + strings.Join(tried, ", ") + "; no other seat is left, so the duty leader decides"
		}
	}
	return nil, "nobody: " + because(0, 0, off, out, elsewhere, tried)
}

// because words the reason for a choice.
func because(load, eligible int, off, out, elsewhere, tried []string) string {
	var b strings.Builder
	switch eligible {
	case 0:
		b.WriteString("no seat on duty covers the place")
	case 1:
		b.WriteString("the only seat on duty that covers the place")
	default:
		b.Grow(len("fewest open tasks (1000000) of 10 seats on duty that cover the place"))
		b.WriteString("fewest open tasks (")
		b.WriteString(strconv.Itoa(load))
		b.WriteString(") of ")
		b.WriteString(strconv.Itoa(eligible))
		b.WriteString(" seats on duty that cover the place")
	}
	for _, list := range []struct {
		label string
		seats []string
	}{{"off duty", off}, {"in maintenance", out}, {"not this area", elsewhere}, {"returned by", tried}} {
		if len(list.seats) > 0 {
			b.WriteString("; " + list.label + ": " + strings.Join(list.seats, ", "))
		}
	}
	return b.String()
}

// leaders returns who answers for d beyond its duty seats, nearest first.
func (x *assigner) leaders(d *plan.Department) []*plan.Seat {
	centre, _ := x.d.city.Department(plan.Centre)
	if d == centre {
		return []*plan.Seat{centre.Leader}
	}
	return []*plan.Seat{d.Leader, centre.Leader}
}

// unstaffed says loudly that nobody holds a seat that could take t, asks the first leader on duty at once,
// and looks again later.
func (x *assigner) unstaffed(d *plan.Department, t *alert.Task, why string) {
	t.State, t.Seat, t.Reason = alert.TaskUnstaffed, "", why
	t.Overdue = true
	t.Deadline = x.d.c.At.Add(x.d.city.UnstaffedRetry)
	x.put(t, Event{Type: TaskUnstaffed, Reason: why})
	x.climb(d, t)
}

// climb asks the nearest leader on duty that was not asked yet to answer for an unstaffed task.
func (x *assigner) climb(d *plan.Department, t *alert.Task) {
	for i, leader := range x.leaders(d) {
		if slices.Contains(t.Escalated, leader.ID) {
			continue
		}
		officer, on := x.d.staffed(leader.ID)
		if !on {
			continue
		}
		next := *t
		next.Escalated = append(slices.Clip(t.Escalated), leader.ID)
		step := plan.StepDepartmentLeader
		if i > 0 || d.ID == plan.Centre {
			step = plan.StepCentre
		}
		x.put(&next, Event{Type: TaskEscalated, Step: string(step), To: leader.ID, ToOfficer: officer, Reason: "unstaffed"})
		return
	}
}

// setPriority changes the priority of the incident and of its unfinished tasks.
func (x *assigner) setPriority(to alert.Priority, why string) {
	x.d.emit(Event{Type: IncidentPriority, IncidentID: x.inc.ID, Priority: to, From: x.priority.String(), Reason: why, By: x.d.c.By})
	x.priority = to
	for _, t := range x.tasks {
		if t.State.Final() {
			continue
		}
		next := *t
		next.Priority = to
		if t.State == alert.TaskAssigned && x.inc.State != alert.IncidentSuspended {
			next.Deadline = x.deadline(&next)
		}
		x.put(&next, Event{Type: TaskDeadline, Reason: "priority " + to.String()})
	}
}

// deadline returns when the next rung of a waiting task is due, never before now; 0 if none is left.
func (x *assigner) deadline(t *alert.Task) alert.Time {
	steps := x.ladder.Steps(t.Priority)
	if t.Step < len(steps) {
		return max(t.AssignedAt.Add(steps[t.Step].After), x.d.c.At)
	}
	if last := steps[len(steps)-1]; last.Repeat > 0 {
		return x.d.c.At.Add(last.Repeat)
	}
	return 0
}

// again makes a new task in place of one that was returned or whose work came back.
func (x *assigner) again(old *alert.Task) {
	if len(x.tasks) >= alert.MaxTasksPerIncident {
		return
	}
	d, ok := x.d.city.Department(old.Department)
	if !ok {
		d, _ = x.d.city.Department(plan.Centre)
	}
	t := x.blank(d.ID, old.Role)
	if old.State == alert.TaskReturned {
		t.Tried = append(slices.Clip(old.Tried), orElse(old.Seat, x.d.c.By.Seat)) // unstaffed: by whoever was asked instead
	}
	x.route(d, t)
}
