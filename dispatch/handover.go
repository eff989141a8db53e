package dispatch

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Handover 交接班 is the passing of a seat from one officer to the next. Everything in it moves with the one
// event that confirms it, or nothing does.
type Handover struct {
	ID          string         `json:"id"`
	Seat        string         `json:"seat"`
	From        string         `json:"from"`
	Note        string         `json:"note"`
	OpenedAt    alert.Time     `json:"opened_at"`
	Tasks       []HandoverTask `json:"tasks"`             // open ones, as they stand
	Reports     []ReportDue    `json:"reports,omitempty"` // that the seat owes, soonest first
	Watch       []WatchItem    `json:"watch,omitempty"`   // to keep an eye on
	To          string         `json:"to,omitempty"`
	Reason      string         `json:"reason,omitempty"` // why To, where the roster names somebody else
	ConfirmedAt alert.Time     `json:"confirmed_at,omitzero"`
}

// HandoverTask is an open task in a handover.
type HandoverTask struct {
	Task       string          `json:"task"`
	Incident   string          `json:"incident"`
	Number     string          `json:"number"`
	Type       string          `json:"type"`
	Priority   alert.Priority  `json:"priority"`
	State      alert.TaskState `json:"state"`
	AssignedAt alert.Time      `json:"assigned_at"`
	Deadline   alert.Time      `json:"deadline,omitzero"`
}

const handoverPrefix = "h-"

// actOnHandover opens a handover, or confirms it.
func (d *decision) actOnHandover() error {
	switch d.c.Action {
	case alert.ActHandOver:
		return d.openHandover()
	case alert.ActConfirm:
		return d.confirmHandover()
	}
	return alert.Errorf(alert.CodeInvalid, "no handover action %q", d.c.Action)
}

func (d *decision) openHandover() error {
	seat, ok := d.city.Seat(d.c.Target)
	if !ok {
		return needs("seat", fmt.Sprintf("no seat %q; GET /api/v1/seats lists them", d.c.Target))
	}
	name, err := d.person(seat)
	if err != nil {
		return err
	}
	if on := d.s.duty.on[seat.ID]; on == nil || on.Officer != name {
		return alert.Errorf(alert.CodeConflict, "%s is not signed on at seat %s: only who sits there can hand it over", name, seat.ID)
	}
	h := &Handover{ID: handoverPrefix + strconv.FormatUint(d.s.seq+1, 10), Seat: seat.ID, From: name, Note: d.c.Text, OpenedAt: d.c.At, Tasks: d.handoverTasks(seat.ID),
		Reports: d.reportsOwed(seat.ID), Watch: d.watchItems(seat)}
	d.emit(Event{Type: HandoverOpened, Seat: seat.ID, Handover: h, By: d.c.By})
	return nil
}

func (d *decision) handoverTasks(seat string) []HandoverTask {
	tasks := []HandoverTask{}
	for _, id := range d.s.TasksAt(seat) {
		if t, inc, ok := d.s.Task(id); ok {
			tasks = append(tasks, HandoverTask{t.ID, inc.ID, inc.Number, inc.Type, t.Priority, t.State, t.AssignedAt, t.Deadline})
		}
	}
	return tasks
}

// confirmHandover moves the seat and every open task to the incoming officer, in one event.
func (d *decision) confirmHandover() error {
	_, all := d.s.duty.lists()
	at := slices.IndexFunc(all, func(h *Handover) bool { return h.ID == d.c.Target })
	if at < 0 {
		return alert.Errorf(alert.CodeNotFound, "no open handover %q", d.c.Target)
	}
	h := all[at]
	seat, ok := d.city.Seat(h.Seat)
	if !ok {
		return alert.Errorf(alert.CodeConflict, "seat %q is not configured in this city any more", h.Seat)
	}
	name, err := d.person(seat)
	if err != nil {
		return err
	}
	if name == h.From {
		return alert.Errorf(alert.CodeForbidden, "a handover is confirmed by the officer who comes, not by the one who goes")
	}
	next, err := d.newSignOn(seat, name)
	if err != nil {
		return err
	}
	done := *h
	// What lies there now moves, not what lay there when the note was written.
	done.To, done.Reason, done.ConfirmedAt, done.Tasks = name, next.Reason, d.c.At, d.handoverTasks(seat.ID)
	done.Reports, done.Watch = d.reportsOwed(seat.ID), d.watchItems(seat)
	d.emit(Event{Type: HandoverConfirmed, Seat: seat.ID, Handover: &done, SignOn: next, By: d.c.By})
	return nil
}

// HandoverSeq returns the sequence of the event that opened the handover with the given id.
func HandoverSeq(id string) (uint64, bool) {
	rest, ok := strings.CutPrefix(id, handoverPrefix)
	if !ok {
		return 0, false
	}
	seq, err := strconv.ParseUint(rest, 10, 64)
	return seq, err == nil
}

// takeOver puts the incoming officer's name on the tasks that the outgoing one worked on.
func (s *State) takeOver(e *Event) {
	for _, h := range e.Handover.Tasks {
		t, inc, ok := s.Task(h.Task)
		if !ok || t.Officer == "" || t.Officer == e.Handover.To {
			continue
		}
		next := *t
		next.Officer = e.Handover.To
		s.change(s.incidents[inc.ID], &Event{Seq: e.Seq, At: e.At, Type: TaskDeadline, IncidentID: inc.ID, Task: &next})
	}
}

// MaxHanded bounds the finished handovers of a seat that are found by the seat; the journal has them for ever.
const MaxHanded = 50

// Handed is a handover that was confirmed.
type Handed struct {
	ID   string     `json:"id"`
	Seat string     `json:"seat"`
	From string     `json:"from"`
	To   string     `json:"to"`
	At   alert.Time `json:"at"`
	Seq  uint64     `json:"seq"` // of the event that holds it whole
}

// Handed returns the last MaxHanded finished handovers of a seat, newest first.
func (s *State) Handed(seat string) []Handed {
	list := slices.Clone(s.duty.handed[seat])
	slices.Reverse(list)
	return list
}

// HandedSeq returns the sequence of the event that confirmed a handover, where that is among the last MaxHanded of
// its seat.
func (s *State) HandedSeq(id string) (seq uint64, ok bool) {
	for _, seat := range slices.Sorted(maps.Keys(s.duty.handed)) {
		list := s.duty.handed[seat]
		if i := slices.IndexFunc(list, func(h Handed) bool { return h.ID == id }); i >= 0 {
			return list[i].Seq, true
		}
	}
	return 0, false
}

// appendHanded returns a list of its own: snapshots share the old one.
func appendHanded(list []Handed, e *Event) []Handed {
	h := e.Handover
	list = append(slices.Clip(list), Handed{h.ID, h.Seat, h.From, h.To, h.ConfirmedAt, e.Seq})
	return list[max(0, len(list)-MaxHanded):]
}
