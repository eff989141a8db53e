package dispatch

import (
	"slices"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// MaxDuePerTick bounds the tasks one Tick moves, and so the size of one decision. Whoever owns the state
// sends Ticks for as long as NextDeadline lies in the past.
const MaxDuePerTick = 256

// tick does what has fallen due: rungs of ladders, and another look for a seat for unstaffed tasks.
func (d *decision) tick() {
	for _, v := range d.s.deadlines.dueBy(d.c.At, MaxDuePerTick, d.s.stale) {
		t, inc, _ := d.s.Task(v.task)
		x := &assigner{d: d, inc: inc, path: inc.Areas, ladder: d.city.LadderOf(inc.Plan), priority: inc.Priority, tasks: inc.Tasks}
		dep, ok := d.city.Department(t.Department)
		if !ok {
			dep, _ = d.city.Department(plan.Centre)
		}
		next := *t
		switch {
		case t.State == alert.TaskUnstaffed:
			x.retry(dep, &next)
		case t.State.Waiting():
			x.rung(dep, &next)
		default:
			x.noProgress(dep, &next)
		}
	}
}

// progressDue returns when a task that has come to state is looked at again if nothing more is heard of it, 0
// for never.
func (d *decision) progressDue(state alert.TaskState, p alert.Priority) alert.Time {
	if within := d.city.Progress[state][p]; within > 0 {
		return d.c.At.Add(within)
	}
	return 0
}

// noProgress brings a task that was acknowledged and then forgotten before a leader, each time the next one.
func (x *assigner) noProgress(d *plan.Department, t *alert.Task) {
	t.Overdue = true
	t.Deadline = x.d.progressDue(t.State, t.Priority)
	x.flag(d, t, "no_progress", "nothing is heard since "+string(t.State))
}

// retry looks for a seat for an unstaffed task again; while there is none, the next leader is asked.
func (x *assigner) retry(d *plan.Department, t *alert.Task) {
	if seat, why := x.choose(d, t.Tried); seat != nil {
		t.AssignedAt, t.Step, t.Overdue, t.Escalated = x.d.c.At, 0, false, nil
		x.assign(t, seat, why)
		return
	}
	t.Deadline = x.d.c.At.Add(x.d.city.UnstaffedRetry)
	x.put(t, Event{Type: TaskUnstaffed, Reason: "still nobody"})
	x.climb(d, t)
}

// rung takes the next step of the ladder that can be taken now, passing over those that cannot.
func (x *assigner) rung(d *plan.Department, t *alert.Task) {
	steps := x.ladder.Steps(t.Priority)
	skipped := ""
	t.Overdue = true
	for {
		repeat := t.Step >= len(steps)
		step := steps[min(t.Step, len(steps)-1)]
		t.Step = min(t.Step+1, len(steps))
		to, why := x.target(d, t, step.Do)
		if to != nil || repeat || t.Step >= len(steps) {
			x.escalate(t, step.Do, to, skipped+why)
			return
		}
		skipped += string(step.Do) + " passed over: " + why + "; "
	}
}

// target returns the seat that a rung asks, or why it asks none.
func (x *assigner) target(d *plan.Department, t *alert.Task, do plan.StepKind) (*plan.Seat, string) {
	centre, _ := x.d.city.Department(plan.Centre)
	var to *plan.Seat
	switch do {
	case plan.StepRemind:
		to, _ = x.d.city.Seat(t.Seat)
	case plan.StepBackup:
		if seat, ok := x.d.city.Seat(t.Seat); ok {
			to = seat.Backup
		}
	case plan.StepDepartmentLeader:
		to = d.Leader
	case plan.StepCentre:
		to = centre.Leader
	case plan.StepCommander:
		to = x.commander()
	}
	if to == nil {
		return nil, "there is none"
	}
	if _, on := x.d.staffed(to.ID); !on {
		if x.d.inMaintenance(to.ID) {
			return nil, to.ID + " is in maintenance"
		}
		return nil, to.ID + " is off duty"
	}
	return to, "not acknowledged in time"
}

// commander returns the first commander's seat that is staffed, else the first, nil if the city has none.
func (x *assigner) commander() *plan.Seat {
	all := x.d.city.Commanders
	for _, s := range all {
		if _, on := x.d.staffed(s.ID); on {
			return s
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// escalate emits what a rung did. A seat that was asked before is reminded.
func (x *assigner) escalate(t *alert.Task, do plan.StepKind, to *plan.Seat, why string) {
	t.Deadline = x.deadline(t)
	e := Event{Type: TaskReminded, Step: string(do), Reason: why}
	if to != nil {
		e.To = to.ID
		e.ToOfficer, _ = x.d.staffed(to.ID)
		if !t.Entitled(to.ID) {
			e.Type = TaskEscalated
			t.Escalated = append(slices.Clip(t.Escalated), to.ID)
		}
	}
	x.put(t, e)
}
