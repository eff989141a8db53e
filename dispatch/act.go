package dispatch

import (
	"fmt"
	"slices"
	"strings"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// transition says from which states an action may move a task, and where to. Doing again what is done is
// no error: an officer whose answer was lost presses the key again.
type transition struct {
	from  []alert.TaskState
	to    alert.TaskState
	event EventType
}

var transitions = map[alert.Action]transition{
	alert.ActAcknowledge: {[]alert.TaskState{alert.TaskAssigned, alert.TaskUnstaffed}, alert.TaskAcknowledged, TaskAcknowledged},
	alert.ActDepart:      {[]alert.TaskState{alert.TaskAcknowledged}, alert.TaskEnRoute, TaskEnRoute},
	alert.ActArrive:      {[]alert.TaskState{alert.TaskAcknowledged, alert.TaskEnRoute}, alert.TaskOnScene, TaskOnScene},
	alert.ActFinish:      {[]alert.TaskState{alert.TaskAcknowledged, alert.TaskEnRoute, alert.TaskOnScene}, alert.TaskDone, TaskDone},
	alert.ActReturn:      {[]alert.TaskState{alert.TaskAssigned, alert.TaskUnstaffed, alert.TaskAcknowledged, alert.TaskEnRoute, alert.TaskOnScene}, alert.TaskReturned, TaskReturned},
}

// actOnTask moves a task as an officer asks.
func (d *decision) actOnTask() error {
	t, inc, ok := d.s.Task(d.c.Target)
	if !ok {
		return alert.Errorf(alert.CodeNotFound, "no task %q in memory; a finished incident stays for %v", d.c.Target, d.city.ClosedRetention)
	}
	seat, err := d.actor()
	if err != nil {
		return err
	}
	leads := d.leads(seat, t.Department)
	if !leads && !t.Entitled(seat.ID) {
		return alert.Errorf(alert.CodeForbidden, "seat %q may not act on task %s: it is %s's, with seat %q", seat.ID, t.ID, t.Department, t.Seat)
	}
	x := &assigner{d: d, inc: inc, path: inc.Areas, ladder: d.city.LadderOf(inc.Plan), priority: inc.Priority, tasks: inc.Tasks}
	switch d.c.Action {
	case alert.ActNote:
		return d.note(inc.ID, t.ID)
	case alert.ActAssign:
		return x.reassign(t, leads)
	}
	move, ok := transitions[d.c.Action]
	if !ok {
		return alert.Errorf(alert.CodeInvalid, "no task action %q", d.c.Action)
	}
	if t.State == move.to {
		return nil
	}
	if !slices.Contains(move.from, t.State) {
		return alert.Errorf(alert.CodeConflict, "task %s is %s: %s is possible from %s", t.ID, t.State, d.c.Action, list(move.from))
	}
	if inc.State == alert.IncidentSuspended {
		return x.suspended()
	}
	return x.transit(t, move, seat)
}

func (x *assigner) suspended() error {
	return alert.Errorf(alert.CodeConflict, "incident %s is suspended: resume it first", x.inc.Number)
}

func list[T ~string](states []T) string {
	words := make([]string, len(states))
	for i, s := range states {
		words[i] = string(s)
	}
	return strings.Join(words, ", ")
}

func (x *assigner) transit(t *alert.Task, move transition, seat *plan.Seat) error {
	d := x.d
	next := *t
	next.State, next.Deadline = move.to, d.progressDue(move.to, t.Priority)
	switch move.to {
	case alert.TaskAcknowledged:
		next.Seat, next.Officer, next.AcknowledgedAt = seat.ID, d.c.By.Name, d.c.At
	case alert.TaskEnRoute:
		next.EnRouteAt = d.c.At
	case alert.TaskOnScene:
		next.OnSceneAt = d.c.At
	case alert.TaskDone:
		next.FinishedAt, next.EndReason = d.c.At, d.c.Reason
	case alert.TaskReturned:
		if d.c.Reason == "" {
			return needs("reason", "is required to return a task: whoever gets it next must know why")
		}
		if len(x.tasks) >= alert.MaxTasksPerIncident {
			return alert.Errorf(alert.CodeConflict, "incident %s has %d tasks, the most there may be: the task cannot be returned", x.inc.Number, len(x.tasks))
		}
		next.FinishedAt, next.EndReason = d.c.At, d.c.Reason
	}
	x.put(&next, Event{Type: move.event, By: d.c.By, From: lost(t, &next), Reason: d.c.Reason})
	switch {
	case move.to == alert.TaskReturned:
		x.again(&next)
	case move.to == alert.TaskAcknowledged && x.inc.State == alert.IncidentOpen:
		d.setState(x.inc.ID, alert.IncidentHandling, "acknowledged by "+seat.ID)
	case move.to == alert.TaskDone && x.settled():
		d.setState(x.inc.ID, alert.IncidentVerifying, "every task is finished")
	}
	return nil
}

func (x *assigner) settled() bool {
	return !slices.ContainsFunc(x.tasks, func(t *alert.Task) bool { return !t.State.Final() })
}

// reassign gives a task to a seat that a duty leader names.
func (x *assigner) reassign(t *alert.Task, leads bool) error {
	d := x.d
	if !leads {
		return alert.Errorf(alert.CodeForbidden, "only a duty leader of %s or the centre may assign its tasks", t.Department)
	}
	to, ok := d.city.Seat(d.c.Seat)
	if !ok {
		return needs("seat", fmt.Sprintf("no seat %q; GET /api/v1/seats lists them", d.c.Seat))
	}
	if to.Department != t.Department {
		return needs("seat", fmt.Sprintf("seat %q is of department %s, the task of %s", to.ID, to.Department, t.Department))
	}
	if t.State.Final() {
		return alert.Errorf(alert.CodeConflict, "task %s is %s: it cannot be assigned any more", t.ID, t.State)
	}
	if _, on := d.staffed(to.ID); !on {
		return alert.Errorf(alert.CodeConflict, "nobody is on duty at seat %q", to.ID)
	}
	if t.Seat == to.ID && t.State == alert.TaskAssigned {
		return nil
	}
	if x.inc.State == alert.IncidentSuspended {
		return x.suspended()
	}
	next := *t
	next.State, next.Seat, next.AssignedAt, next.Step, next.Overdue = alert.TaskAssigned, to.ID, d.c.At, 0, false
	next.Escalated, next.AcknowledgedAt, next.EnRouteAt, next.OnSceneAt, next.Officer = nil, 0, 0, 0, ""
	next.Reason = "assigned by " + d.c.By.Seat
	next.Deadline = x.deadline(&next)
	x.put(&next, Event{Type: TaskReassigned, By: d.c.By, From: lost(t, &next), Reason: d.c.Reason})
	return nil
}

// lost returns the seat that no longer holds the task, "" if none: it must hear of that too.
func lost(was, is *alert.Task) string {
	if was.Seat == is.Seat {
		return ""
	}
	return was.Seat
}

func needs(field, reason string) *alert.Error {
	return alert.Invalid("action", alert.Field{Field: field, Reason: reason})
}

func (d *decision) note(incident, task string) error {
	if d.c.Text == "" {
		return needs("text", "is required")
	}
	d.emit(Event{Type: IncidentNote, IncidentID: incident, TaskID: task, Text: d.c.Text, By: d.c.By})
	return nil
}

// actor returns the seat that acts.
func (d *decision) actor() (*plan.Seat, error) {
	if d.c.By == nil {
		return nil, alert.Errorf(alert.CodeForbidden, "only an officer at a seat may act")
	}
	seat, ok := d.city.Seat(d.c.By.Seat)
	if !ok {
		return nil, alert.Errorf(alert.CodeForbidden, "seat %q is not configured in this city", d.c.By.Seat)
	}
	return seat, nil
}

// leads reports whether seat speaks for department: its duty leader, or the centre.
func (d *decision) leads(seat *plan.Seat, department string) bool {
	return seat.Department == plan.Centre || seat.Department == department && seat.Role == plan.SeatLeader
}

// actOnIncident does what an officer asks of an incident as a whole.
func (d *decision) actOnIncident() error {
	inc, ok := d.s.Incident(d.c.Target)
	if !ok {
		return alert.Errorf(alert.CodeNotFound, "no incident %q in memory; a finished one stays for %v", d.c.Target, d.city.ClosedRetention)
	}
	if d.c.Action == alert.ActUnseal {
		return d.unseal(inc)
	}
	seat, err := d.actor()
	if err != nil {
		return err
	}
	switch d.c.Action {
	case alert.ActNote, alert.ActAssess, alert.ActSupport, alert.ActReport:
		if !d.takesPart(seat, inc) {
			return alert.Errorf(alert.CodeForbidden, "department %s takes no part in incident %s", seat.Department, inc.Number)
		}
		return d.contribute(inc)
	}
	if lead := inc.Lead(); seat.Department != plan.Centre && (lead == nil || lead.Department != seat.Department) {
		return alert.Errorf(alert.CodeForbidden, "only the leading department or the centre may %s incident %s", d.c.Action, inc.Number)
	}
	if inc.State.Final() {
		return d.already(inc)
	}
	if d.c.Reason == "" && d.c.Action != alert.ActVerify && d.c.Action != alert.ActResume {
		return needs("reason", fmt.Sprintf("is required to %s an incident", d.c.Action))
	}
	return d.moveIncident(inc)
}

// unseal records that somebody looks at what is sealed of an alert. Who may is for the rights to say; that it is
// written down first is what matters here.
func (d *decision) unseal(inc *alert.Incident) error {
	switch {
	case d.c.By == nil || d.c.By.Name == "" && d.c.By.User == "":
		return alert.Errorf(alert.CodeForbidden, "only a person with a name opens what is sealed")
	case d.c.Reason == "":
		return needs("reason", "is required to open what is sealed")
	case !slices.ContainsFunc(inc.Alerts, func(r alert.Ref) bool { return r.AlertID == d.c.AlertID }):
		return needs("alert_id", fmt.Sprintf("incident %s has no alert %q", inc.Number, d.c.AlertID))
	}
	d.emit(Event{Type: SealedOpened, IncidentID: inc.ID, AlertID: d.c.AlertID, Reason: d.c.Reason, By: d.c.By})
	return nil
}

// contribute does what every department that takes part may do.
func (d *decision) contribute(inc *alert.Incident) error {
	switch d.c.Action {
	case alert.ActNote:
		return d.note(inc.ID, "")
	case alert.ActAssess:
		if d.c.Text == "" {
			return needs("text", "is required")
		}
		d.emit(Event{Type: IncidentAssessed, IncidentID: inc.ID, Text: d.c.Text, By: d.c.By})
		return nil
	case alert.ActReport:
		return d.report(inc)
	}
	dep, ok := d.city.Department(d.c.Department)
	switch {
	case !ok:
		return needs("department", fmt.Sprintf("no department %q; GET /api/v1/city lists them", d.c.Department))
	case d.c.Reason == "":
		return needs("reason", "is required to ask for support: whoever gets the task must know why")
	case inc.State.Final() || inc.State == alert.IncidentSuspended:
		return alert.Errorf(alert.CodeConflict, "incident %s is %s: nobody can be asked for support", inc.Number, inc.State)
	case len(inc.Tasks) >= alert.MaxTasksPerIncident:
		return alert.Errorf(alert.CodeConflict, "incident %s has %d tasks, the most there may be", inc.Number, len(inc.Tasks))
	case slices.ContainsFunc(inc.Tasks, func(t *alert.Task) bool { return t.Department == dep.ID && !t.State.Final() }):
		return nil // it has a part already
	}
	x := &assigner{d: d, inc: inc, path: inc.Areas, ladder: d.city.LadderOf(inc.Plan), priority: inc.Priority, tasks: inc.Tasks}
	x.d.emit(Event{Type: IncidentNote, IncidentID: inc.ID, Text: "support of " + dep.ID + " asked for: " + d.c.Reason, By: d.c.By})
	x.newTask(dep.ID, alert.RoleSupport)
	if inc.State == alert.IncidentVerifying {
		d.setState(inc.ID, alert.IncidentHandling, "support was asked for")
	}
	return nil
}

// already is the answer for an incident that is over: no error where the action asks for just that.
func (d *decision) already(inc *alert.Incident) error {
	if d.c.Action == alert.ActVerify && inc.State == alert.IncidentClosed || d.c.Action == alert.ActCancel && inc.State == alert.IncidentCancelled {
		return nil
	}
	return alert.Errorf(alert.CodeConflict, "incident %s is %s: nothing more can be done to it", inc.Number, inc.State)
}

func (d *decision) moveIncident(inc *alert.Incident) error {
	x := &assigner{d: d, inc: inc, path: inc.Areas, ladder: d.city.LadderOf(inc.Plan), priority: inc.Priority, tasks: inc.Tasks}
	switch d.c.Action {
	case alert.ActVerify:
		if inc.State != alert.IncidentVerifying {
			return alert.Errorf(alert.CodeConflict, "incident %s is %s: it can be verified once every task is finished; open: %s", inc.Number, inc.State, openTasks(inc))
		}
		d.setState(inc.ID, alert.IncidentClosed, orElse(d.c.Reason, "verified"))
	case alert.ActCancel:
		x.cancelTasks(d.c.Reason)
		d.setState(inc.ID, alert.IncidentCancelled, d.c.Reason)
	case alert.ActSuspend:
		if inc.State == alert.IncidentSuspended {
			return nil
		}
		x.stopClocks()
		d.setState(inc.ID, alert.IncidentSuspended, d.c.Reason)
	case alert.ActResume:
		if inc.State != alert.IncidentSuspended {
			return alert.Errorf(alert.CodeConflict, "incident %s is %s, not suspended", inc.Number, inc.State)
		}
		x.startClocks()
		d.setState(inc.ID, inc.Before, orElse(d.c.Reason, "resumed"))
	case alert.ActPriority:
		if d.c.Priority == 0 {
			return needs("priority", "is required: P1, P2, P3 or P4")
		}
		if d.c.Priority != inc.Priority {
			x.setPriority(d.c.Priority, d.c.Reason)
		}
	case alert.ActPass:
		return d.pass(inc)
	default:
		return alert.Errorf(alert.CodeInvalid, "no incident action %q", d.c.Action)
	}
	return nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func openTasks(inc *alert.Incident) string {
	var ids []string
	for _, t := range inc.Tasks {
		if !t.State.Final() {
			ids = append(ids, t.Department+" "+t.ID)
		}
	}
	return strings.Join(ids, ", ")
}

func (d *decision) takesPart(seat *plan.Seat, inc *alert.Incident) bool {
	return seat.Department == plan.Centre || slices.ContainsFunc(inc.Tasks, func(t *alert.Task) bool {
		return t.Department == seat.Department || t.Entitled(seat.ID)
	})
}

func (x *assigner) cancelTasks(reason string) {
	for _, t := range x.tasks {
		if t.State.Final() {
			continue
		}
		next := *t
		next.State, next.Deadline, next.FinishedAt, next.EndReason = alert.TaskCancelled, 0, x.d.c.At, reason
		x.put(&next, Event{Type: TaskCancelled, By: x.d.c.By, Reason: reason})
	}
}

// stopClocks ends the deadlines of a suspended incident's tasks.
func (x *assigner) stopClocks() {
	for _, t := range x.tasks {
		if t.Deadline == 0 {
			continue
		}
		next := *t
		next.Deadline = 0
		x.put(&next, Event{Type: TaskDeadline, Reason: "suspended"})
	}
}

// startClocks gives tasks that still wait their deadlines anew.
func (x *assigner) startClocks() {
	for _, t := range x.tasks {
		next := *t
		if t.State.Waiting() {
			next.AssignedAt, next.Step = x.d.c.At, 0
			next.Deadline = x.deadline(&next)
		} else if next.Deadline = x.d.progressDue(t.State, t.Priority); next.Deadline == 0 {
			continue
		}
		x.put(&next, Event{Type: TaskDeadline, Reason: "resumed"})
	}
}
