package dispatch

import (
	"fmt"
	"maps"
	"slices"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// SignOn is an officer at a seat.
type SignOn struct {
	Seat     string     `json:"seat"`
	Officer  string     `json:"officer"`
	At       alert.Time `json:"at"`
	Rostered bool       `json:"rostered"`           // the roster said so when the officer came
	Reason   string     `json:"reason,omitempty"`   // why, where it did not
	LostAt   alert.Time `json:"lost_at,omitzero"`   // since when nothing is heard of the console
	MissedAt alert.Time `json:"missed_at,omitzero"` // the shift ended without a handover
}

// MaxMovedPerSeat bounds the tasks one decision about a seat moves; those beyond it keep their deadlines and
// climb the ladder.
const MaxMovedPerSeat = 256

// duty is who sits where now. All maps are by seat.
type duty struct {
	on        map[string]*SignOn
	handovers map[string]*Handover  // open
	noShows   map[string]alert.Time // when the last no-show was told
	handed    map[string][]Handed   // the last MaxHanded, oldest first
}

func dutyOf(on []*SignOn, open []*Handover, noShows map[string]alert.Time) duty {
	d := duty{map[string]*SignOn{}, map[string]*Handover{}, map[string]alert.Time{}, map[string][]Handed{}}
	maps.Copy(d.noShows, noShows)
	for _, s := range on {
		d.on[s.Seat] = s
	}
	for _, h := range open {
		d.handovers[h.Seat] = h
	}
	return d
}

func (d *duty) lists() (on []*SignOn, open []*Handover) {
	for _, seat := range slices.Sorted(maps.Keys(d.on)) {
		on = append(on, d.on[seat])
	}
	for _, seat := range slices.Sorted(maps.Keys(d.handovers)) {
		open = append(open, d.handovers[seat])
	}
	return on, open
}

// SignOn returns who is signed on at a seat. What it points to must not be written to.
func (s *State) SignOn(seat string) (*SignOn, bool) { on, ok := s.duty.on[seat]; return on, ok }

// SignOns returns everybody signed on, by seat.
func (s *State) SignOns() []*SignOn { on, _ := s.duty.lists(); return on }

// Handover returns the open handover of a seat.
func (s *State) Handover(seat string) (*Handover, bool) {
	h, ok := s.duty.handovers[seat]
	return h, ok
}

// staffed returns who answers at a seat now: the officer signed on there, if the console is heard, else,
// where the city does not ask officers to sign on, whoever the roster names.
func (d *decision) staffed(seat string) (officer string, ok bool) {
	on := d.s.duty.on[seat]
	switch {
	case seat == d.gone || d.inMaintenance(seat):
		return "", false
	case on != nil:
		return on.Officer, on.LostAt == 0
	case d.city.Presence.Required:
		return "", false
	}
	return d.s.Roster().At(d.c.At.Std()).Holder(seat)
}

func (d *decision) inMaintenance(seat string) bool {
	_, out := d.s.SeatMaintenance(seat, d.c.At)
	return out
}

// actOnSeat signs officers on and off, and takes note of consoles lost and found.
func (d *decision) actOnSeat() error {
	seat, ok := d.city.Seat(d.c.Target)
	if !ok {
		return alert.Errorf(alert.CodeNotFound, "no seat %q; GET /api/v1/seats lists them", d.c.Target)
	}
	on := d.s.duty.on[seat.ID]
	switch d.c.Action {
	case alert.ActSignOn:
		return d.signOn(seat, on)
	case alert.ActSignOff:
		return d.signOff(seat, on)
	case alert.ActLose:
		d.lose(seat, on)
	case alert.ActFind:
		if on != nil && on.LostAt != 0 {
			next := *on
			next.LostAt = 0
			d.emit(Event{Type: SeatFound, Seat: seat.ID, SignOn: &next})
		}
	case alert.ActWatch:
		d.watch(seat, on)
	case alert.ActMaintain:
		return d.maintainSeat(seat)
	case alert.ActEndMaintain:
		d.endSeatMaintenance(seat, d.c.Reason)
	default:
		return alert.Errorf(alert.CodeInvalid, "no seat action %q", d.c.Action)
	}
	return nil
}

// person returns who acts, where it must be somebody of the seat's department or the centre.
func (d *decision) person(seat *plan.Seat) (string, error) {
	if d.c.By == nil || d.c.By.Name == "" {
		return "", alert.Errorf(alert.CodeForbidden, "only an officer whose key or account carries a name may do that")
	}
	if d.c.By.Department != seat.Department && d.c.By.Department != plan.Centre {
		return "", alert.Errorf(alert.CodeForbidden, "seat %s is of department %s, you are of %s", seat.ID, seat.Department, d.c.By.Department)
	}
	return d.c.By.Name, nil
}

func (d *decision) signOn(seat *plan.Seat, on *SignOn) error {
	name, err := d.person(seat)
	if err != nil {
		return err
	}
	switch {
	case on != nil && on.Officer == name && on.LostAt == 0:
		return nil
	case on != nil && on.Officer != name && on.LostAt == 0 && on.MissedAt == 0:
		return alert.Errorf(alert.CodeConflict, "%s is signed on at seat %s: confirm a handover, or have them sign off", on.Officer, seat.ID)
	}
	next, err := d.newSignOn(seat, name)
	if err != nil {
		return err
	}
	d.emit(Event{Type: SeatSignedOn, Seat: seat.ID, SignOn: next, By: d.c.By, Reason: next.Reason})
	return nil
}

// newSignOn is name at the seat from now on; whoever the roster does not name must say why.
func (d *decision) newSignOn(seat *plan.Seat, name string) (*SignOn, error) {
	holder, _ := d.s.Roster().At(d.c.At.Std()).Holder(seat.ID)
	next := &SignOn{Seat: seat.ID, Officer: name, At: d.c.At, Rostered: holder == name}
	if !next.Rostered {
		if d.c.Reason == "" {
			return nil, needs("reason", fmt.Sprintf("is required: the roster names %s for seat %s now", orElse(holder, "nobody"), seat.ID))
		}
		next.Reason = d.c.Reason
	}
	return next, nil
}

func (d *decision) signOff(seat *plan.Seat, on *SignOn) error {
	name, err := d.person(seat)
	if err != nil {
		return err
	}
	if on == nil {
		return nil
	}
	if by, ok := d.city.Seat(d.c.By.Seat); on.Officer != name && (!ok || !d.leads(by, seat.Department)) {
		return alert.Errorf(alert.CodeForbidden, "%s is signed on at seat %s: only they or a duty leader may sign off", on.Officer, seat.ID)
	}
	if open := d.s.LoadOf(seat.ID).Open; open > 0 && d.c.Reason == "" {
		return needs("reason", fmt.Sprintf("is required: %d open tasks lie at seat %s; better hand them over", open, seat.ID))
	}
	d.emit(Event{Type: SeatSignedOff, Seat: seat.ID, By: d.c.By, Reason: d.c.Reason})
	if d.city.Presence.Required {
		d.gone = seat.ID
		d.flagWorked(seat, "signed_off")
		d.flagStranded(seat, "signed_off")
		d.moveWaiting(seat, "signed_off", "nobody sits at "+seat.ID+" any more")
	}
	return nil
}

// lose takes the seat for not staffed: what waits there moves at once, what is being worked on is brought
// before a leader. Asked again, it moves what one decision could not.
func (d *decision) lose(seat *plan.Seat, on *SignOn) {
	if on == nil || d.inMaintenance(seat.ID) {
		return
	}
	d.gone = seat.ID
	if on.LostAt == 0 {
		next := *on
		next.LostAt = d.c.At
		d.emit(Event{Type: SeatLost, Seat: seat.ID, SignOn: &next, Reason: "nothing is heard of " + on.Officer + "'s console"})
		d.flagWorked(seat, "lost")
		d.flagStranded(seat, "lost")
	}
	d.moveWaiting(seat, "lost", "the console of seat "+seat.ID+" is lost")
}

// eachTask calls do for tasks at the seat, at most MaxMovedPerSeat that take.
func (d *decision) eachTask(seat *plan.Seat, take func(*alert.Task) bool, do func(*assigner, *plan.Department, *alert.Task)) {
	d.each(d.s.TasksAt(seat.ID), take, do)
}

// each calls do for the tasks of a list, at most MaxMovedPerSeat that take.
func (d *decision) each(tasks []string, take func(*alert.Task) bool, do func(*assigner, *plan.Department, *alert.Task)) {
	n := 0
	for _, id := range tasks {
		t, inc, ok := d.s.Task(id)
		if !ok || inc.State == alert.IncidentSuspended || !take(t) {
			continue
		}
		if n++; n > MaxMovedPerSeat {
			return
		}
		dep, ok := d.city.Department(t.Department)
		if !ok {
			dep, _ = d.city.Department(plan.Centre)
		}
		x := &assigner{d: d, inc: inc, path: inc.Areas, ladder: d.city.LadderOf(inc.Plan), priority: inc.Priority, tasks: d.within(inc)}
		do(x, dep, t)
	}
}

// within returns the tasks of an incident with what this decision has changed already.
func (d *decision) within(inc *alert.Incident) []*alert.Task {
	tasks := slices.Clone(inc.Tasks)
	for i := range d.events {
		e := &d.events[i]
		if e.Task == nil || e.IncidentID != inc.ID {
			continue
		}
		if at := slices.IndexFunc(tasks, func(t *alert.Task) bool { return t.ID == e.Task.ID }); at >= 0 {
			tasks[at] = e.Task
		} else {
			tasks = append(tasks, e.Task)
		}
	}
	return tasks
}

// moveWaiting gives what nobody has acknowledged at the seat to the next seat that is staffed.
func (d *decision) moveWaiting(seat *plan.Seat, step, why string) {
	d.eachTask(seat, func(t *alert.Task) bool { return t.State == alert.TaskAssigned }, func(x *assigner, dep *plan.Department, t *alert.Task) {
		next := *t
		next.AssignedAt, next.Step, next.Overdue, next.Escalated = d.c.At, 0, false, nil
		to, reason := x.choose(dep, nil)
		if to == nil && seat.Backup != nil {
			if _, on := d.staffed(seat.Backup.ID); on {
				to, reason = seat.Backup, "the backup of "+seat.ID
			}
		}
		if to == nil {
			x.unstaffed(dep, &next, why+"; "+reason)
			return
		}
		next.State, next.Seat, next.Reason = alert.TaskAssigned, to.ID, why+"; "+reason
		next.Deadline = x.deadline(&next)
		if d.added == nil {
			d.added = map[string]int{}
		}
		d.added[to.ID]++
		x.put(&next, Event{Type: TaskReassigned, From: seat.ID, To: to.ID, Step: step, Reason: next.Reason})
	})
}

// flagWorked asks a leader to look at what is being worked on at the seat.
func (d *decision) flagWorked(seat *plan.Seat, step string) {
	worked := func(t *alert.Task) bool { return !t.State.Waiting() && !t.State.Final() }
	d.eachTask(seat, worked, func(x *assigner, dep *plan.Department, t *alert.Task) { x.flag(dep, t, step, seat.ID) })
}

// flagStranded asks the next leader to look at what is being worked on at other seats where nobody is, if the seat was the
// last of those asked about it at which somebody was.
func (d *decision) flagStranded(seat *plan.Seat, step string) {
	there := func(id string) bool { _, on := d.staffed(id); return on }
	stranded := func(t *alert.Task) bool {
		return !t.State.Waiting() && t.Seat != seat.ID && !there(t.Seat) && !slices.ContainsFunc(t.Escalated, there)
	}
	d.each(d.s.askedOf(seat.ID), stranded, func(x *assigner, dep *plan.Department, t *alert.Task) {
		x.flag(dep, t, step, "nobody is at "+t.Seat+", and nobody at "+seat.ID+" any more")
	})
}

// flag asks the nearest leader that is staffed and was not asked yet to look at a task, or reminds the last.
func (x *assigner) flag(dep *plan.Department, t *alert.Task, step, why string) {
	next := *t
	e := Event{Type: TaskReminded, Step: step, Reason: why + "; no duty leader is there"}
	for _, leader := range x.leaders(dep) {
		officer, on := x.d.staffed(leader.ID)
		if !on || leader.ID == t.Seat {
			continue
		}
		e.To, e.ToOfficer, e.Reason = leader.ID, officer, why
		if !next.Entitled(leader.ID) {
			e.Type = TaskEscalated
			next.Escalated = append(slices.Clip(next.Escalated), leader.ID)
			break
		}
	}
	x.put(&next, e)
}

// watch tells a duty leader, once a shift, of an officer who did not come, and of one who has gone without
// handing over.
func (d *decision) watch(seat *plan.Seat, on *SignOn) {
	due, holder := d.s.watchDue(d.city, seat, on, d.c.At)
	switch due {
	case SeatMaintenance:
		d.endSeatMaintenance(seat, maintenanceOver)
	case SeatNoShow:
		to := d.leaderOf(seat)
		d.emit(Event{Type: SeatNoShow, Seat: seat.ID, To: to, Reason: holder + " has not signed on"})
	case HandoverMissed:
		next := *on
		next.MissedAt = d.c.At
		d.emit(Event{Type: HandoverMissed, Seat: seat.ID, SignOn: &next, To: d.leaderOf(seat), Reason: "the shift of " + on.Officer + " ended without a handover"})
		d.eachTask(seat, func(t *alert.Task) bool { return t.State != alert.TaskUnstaffed }, func(x *assigner, dep *plan.Department, t *alert.Task) {
			next := *t
			next.Overdue = true
			x.flag(dep, &next, "handover", "no handover at seat "+seat.ID)
		})
	}
}

// leaderOf returns the nearest leader that is staffed and is not the seat itself, "" if there is none.
func (d *decision) leaderOf(seat *plan.Seat) string {
	dep, ok := d.city.Department(seat.Department)
	if !ok {
		return ""
	}
	x := &assigner{d: d}
	for _, leader := range x.leaders(dep) {
		if _, on := d.staffed(leader.ID); on && leader != seat {
			return leader.ID
		}
	}
	return ""
}

// WatchDue returns the seats about which a watch command would have something to say at now, in the order of
// the configuration.
func (s *State) WatchDue(now alert.Time) []string {
	if s.city == nil {
		return nil
	}
	var seats []string
	for _, seat := range s.city.Seats {
		if due, _ := s.watchDue(s.city, seat, s.duty.on[seat.ID], now); due != "" {
			seats = append(seats, seat.ID)
		}
	}
	return seats
}

// watchDue says what is due about a seat: the end of its maintenance, a no-show, a missed handover, or nothing.
func (s *State) watchDue(city *plan.City, seat *plan.Seat, on *SignOn, now alert.Time) (EventType, string) {
	if m := s.maintenance.seats[seat.ID]; m != nil {
		if m.Until <= now {
			return SeatMaintenance, ""
		}
		return "", "" // nobody is missed there
	}
	grace := city.Presence.NoShowAfter
	holder, rostered := s.Roster().At(now.Std()).Holder(seat.ID)
	earlier, _ := s.Roster().At(now.Add(-grace).Std()).Holder(seat.ID)
	if !rostered || earlier != holder {
		return "", "" // nobody is to be there, or they may still be on their way
	}
	switch {
	case on == nil && city.Presence.Required && !s.noShowTold(seat.ID, now):
		return SeatNoShow, holder
	case on != nil && on.Rostered && on.Officer != holder && on.MissedAt == 0:
		return HandoverMissed, holder
	}
	return "", ""
}

// noShowTold reports whether the no-show of the running shift was told already.
func (s *State) noShowTold(seat string, now alert.Time) bool {
	told, ok := s.duty.noShows[seat]
	return ok && s.Roster().At(told.Std()).Span(seat).To.Equal(s.Roster().At(now.Std()).Span(seat).To)
}

// applyDuty makes an event about a seat happen.
func (s *State) applyDuty(e *Event) {
	switch e.Type {
	case SeatSignedOff:
		delete(s.duty.on, e.Seat)
		delete(s.duty.handovers, e.Seat)
	case SeatNoShow:
		s.duty.noShows[e.Seat] = e.At
	case HandoverOpened:
		s.duty.handovers[e.Seat] = e.Handover
	case HandoverConfirmed:
		delete(s.duty.handovers, e.Seat)
		s.duty.on[e.Seat] = e.SignOn
		s.takeOver(e)
		s.duty.handed[e.Seat] = appendHanded(s.duty.handed[e.Seat], e)
	case SeatSignedOn:
		delete(s.duty.handovers, e.Seat)
		s.duty.on[e.Seat] = e.SignOn
	default:
		s.duty.on[e.Seat] = e.SignOn
	}
}
