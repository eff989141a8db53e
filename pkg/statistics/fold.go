package statistics

import (
	"strconv"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Grouping is what counts are kept by. Each is kept for the whole city and, but for Department, for every
// department by itself as well.
type Grouping uint8

// The groupings. The numbers are written to disk: new ones go to the end.
const (
	Whole Grouping = iota // everything together
	Department
	District
	Type
	Priority
	Class
	numGroupings
)

// GroupingNames are the groupings' names, by Grouping; Whole is asked for by a name of a period.
var GroupingNames = [numGroupings]string{"", "department", "district", "type", "priority", "class"}

// Place says where something counts. Department is "" while nobody leads.
type Place struct{ Department, District, Type, Priority, Class string }

// PlaceOf returns where what a department does about an incident counts.
func PlaceOf(i *alert.Incident, department string) Place {
	p := Place{Department: department, Type: i.Type, Priority: i.Priority.String(), Class: string(i.Class)}
	switch {
	case len(i.Areas) > 1:
		p.District = i.Areas[1]
	case len(i.Areas) == 1:
		p.District = i.Areas[0]
	}
	return p
}

// Cells calls yield for every cell in which what happened at p counts: a grouping, the department it is of ("":
// the city), and the key within it.
func (p Place) Cells(yield func(g Grouping, part, key string)) {
	parts := []string{""}
	if p.Department != "" {
		parts = append(parts, p.Department)
		yield(Department, "", p.Department)
	}
	for _, part := range parts {
		yield(Whole, part, "")
		yield(District, part, p.District)
		yield(Type, part, p.Type)
		yield(Priority, part, p.Priority)
		yield(Class, part, p.Class)
	}
}

// Observe returns what an event adds to the counts and where, given the incident before it (nil: it opens one)
// and after it. What an incident is counted by is its leading department's.
func Observe(before, after *alert.Incident, e *dispatch.Event) (Place, Tally, bool) {
	var t Tally
	department := ""
	if lead := after.Lead(); lead != nil {
		department = lead.Department
	}
	switch {
	case before == nil:
		return Place{}, t, false // counts with its first task, which says who leads
	case e.Type == dispatch.AlertAttached:
		t.Counts[Alerts]++
	case e.Type == dispatch.IncidentState:
		t.ended(before, after)
	case e.Task != nil:
		department = e.Task.Department
		t.task(before, after, e.Task)
	default:
		return Place{}, t, false
	}
	return PlaceOf(after, department), t, true
}

// ended counts the end of an incident.
func (t *Tally) ended(before, after *alert.Incident) {
	if before.State.Final() || !after.State.Final() {
		return
	}
	if after.State == alert.IncidentCancelled {
		t.Counts[Cancelled]++
		return
	}
	t.Counts[Closed]++
	last := alert.Time(0)
	for _, task := range after.Tasks {
		last = max(last, task.FinishedAt)
	}
	if last != 0 {
		t.Stages[Verify].Add(after.ClosedAt.Sub(last))
	}
}

// task counts how a task changed.
func (t *Tally) task(before, after *alert.Incident, now *alert.Task) {
	was := &alert.Task{}
	for _, o := range before.Tasks {
		if o.ID == now.ID {
			was = o
		}
	}
	if was.ID == "" {
		t.Counts[Tasks]++
		if now.Role == alert.RoleLead && before.Lead() == nil {
			t.Counts[Incidents]++
			t.Counts[Alerts] += uint64(after.AlertCount)
			t.Stages[Reported].Add(after.OpenedAt.Sub(after.FirstOccurredAt))
		}
	}
	if now.State == alert.TaskUnstaffed && was.State != alert.TaskUnstaffed {
		t.Counts[Unstaffed]++
	}
	if now.Overdue && !was.Overdue {
		t.Counts[Overdue]++
	}
	if n := len(now.Escalated) - len(was.Escalated); n > 0 {
		t.Counts[Escalated] += uint64(n)
	}
	t.steps(was, now)
}

// steps times the steps a task has taken.
func (t *Tally) steps(was, now *alert.Task) {
	if was.AcknowledgedAt == 0 && now.AcknowledgedAt != 0 {
		t.Counts[Acknowledged]++
		t.Stages[Acknowledge].Add(now.AcknowledgedAt.Sub(now.AssignedAt))
	}
	if was.EnRouteAt == 0 && now.EnRouteAt != 0 && now.AcknowledgedAt != 0 {
		t.Stages[Depart].Add(now.EnRouteAt.Sub(now.AcknowledgedAt))
	}
	if was.OnSceneAt == 0 && now.OnSceneAt != 0 {
		t.Stages[Arrive].Add(now.OnSceneAt.Sub(now.AssignedAt))
	}
	if was.State.Final() || !now.State.Final() {
		return
	}
	switch now.State {
	case alert.TaskDone:
		t.Counts[Done]++
		t.Stages[Finish].Add(now.FinishedAt.Sub(now.AssignedAt))
	case alert.TaskReturned:
		t.Counts[Returned]++
	}
}

// Why says why a task is late.
func Why(t *alert.Task) string {
	if t.State == alert.TaskUnstaffed {
		return "unstaffed"
	}
	if t.AcknowledgedAt == 0 {
		return "not acknowledged, ladder step " + strconv.Itoa(t.Step)
	}
	return "acknowledged late"
}

// ZoneOf returns what cutting time needs of a city.
func ZoneOf(c *plan.City) Zone {
	z := Zone{Location: c.Zone}
	for _, s := range c.Roster.Shifts() {
		if m := s.From % 60; m != 0 {
			z.Cuts = append(z.Cuts, m)
		}
	}
	return z
}
