package dispatch

import (
	"strconv"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Decide returns the events that command c causes in state s, without changing s. No events and no error
// means that there is nothing to do: the alert is known already, the task is where it should go, the idempotency
// key is that of a command that was done. An error is an *alert.Error and means that nothing happens; it says why.
func Decide(s *State, c *Command) ([]Event, error) {
	if s.city == nil && c.Type != LoadConfig {
		return nil, alert.Errorf(alert.CodeUnavailable, "no configuration is loaded")
	}
	if c.At < s.now {
		return nil, alert.Errorf(alert.CodeInternal, "command at %v, but the state is at %v: time must not run backwards", c.At, s.now)
	}
	if c.IdempotencyKey != "" {
		if _, done := s.known[idempotencyKey(c.IdempotencyKey)]; done {
			return nil, nil
		}
	}
	d := decision{s: s, c: c, city: s.city}
	var err error
	switch c.Type {
	case SubmitAlert:
		err = d.submit(c.Alert)
	case UpdateAlert:
		err = d.update(c.Alert)
	case CancelAlert:
		err = d.cancel(c.Alert)
	case TaskAct:
		err = d.actOnTask()
	case IncidentAct:
		err = d.actOnIncident()
	case Tick:
		d.tick()
	case SeatAct:
		err = d.actOnSeat()
	case HandoverAct:
		err = d.actOnHandover()
	case SourceAct:
		err = d.actOnSource()
	case RosterAct:
		err = d.actOnRoster()
	case LoadConfig:
		d.load()
	default:
		err = alert.Errorf(alert.CodeInternal, "unknown command %q", c.Type)
	}
	if err != nil {
		return nil, err
	}
	if len(d.events) > 0 {
		d.events[0].IdempotencyKey = c.IdempotencyKey
	}
	return d.events, nil
}

// decision gathers the events of one command. Where a later event depends on an earlier one of the same
// command, the earlier outcome is handed on, because s is not changed until Apply.
type decision struct {
	s      *State
	c      *Command
	city   *plan.City
	events []Event
	added  map[string]int // tasks given to seats within this decision
	today  string         // day of the command in the city, once asked for
	began  bool           // it is a new one
	gone   string         // seat that is not staffed any more by this decision
	dated  bool           // an event of this decision carries the new day already
}

func (d *decision) emit(e Event) {
	e.Seq = d.s.seq + uint64(len(d.events)) + 1
	e.At = d.c.At
	if d.events == nil {
		d.events = make([]Event, 0, eventsExpected)
	}
	d.events = append(d.events, e)
}

const eventsExpected = 2 // of an action; begin knows better

// day returns the day of the command in the city, and whether it is a new one.
func (d *decision) day() (day string, began bool) {
	if d.today != "" {
		return d.today, d.began
	}
	var buf [len(dayLayout)]byte
	b := d.c.At.Std().In(d.city.Zone).AppendFormat(buf[:0], dayLayout)
	if d.today = d.s.counts.Today.Day; string(b) != d.today {
		d.today, d.began = string(b), true
	}
	return d.today, d.began
}

// withDay stamps e with the day if it is the first of a new one that counts something.
func (d *decision) withDay(e Event) Event {
	if day, began := d.day(); began && !d.dated {
		e.Day, d.dated = day, true
	}
	return e
}

func (d *decision) load() {
	if d.c.Digest == d.s.digest {
		return
	}
	city := d.c.city
	keep := &retention{Closed: city.ClosedRetention, Known: city.DuplicateWindow, Buckets: map[string]int{}}
	for _, t := range city.Types {
		if t.Group.RadiusM > 0 {
			keep.Buckets[t.Group.ID] = t.Group.BucketResolution
		}
	}
	made, removed := d.fitAmendments(city)
	d.emit(Event{Type: ConfigLoaded, Digest: city.Digest, Files: city.Files, city: city, Keep: keep})
	for _, e := range removed {
		d.emit(e)
	}
	d.events[len(d.events)-1].roster = made
}

// setState emits a change of an incident's state.
func (d *decision) setState(id string, to alert.IncidentState, reason string) {
	e := Event{Type: IncidentState, IncidentID: id, State: to, Reason: reason, By: d.c.By}
	if to.Final() {
		e = d.withDay(e)
	}
	d.emit(e)
}

// number returns the number of the next incident for people.
func (d *decision) number() string {
	day, began := d.day()
	n := 1
	if !began {
		n = d.s.counts.Today.Incidents + 1
	}
	const digits = 5
	var running, out [64]byte
	r := strconv.AppendInt(running[:0], int64(n), 10)
	b := append(out[:0], d.city.NumberPrefix...)
	b = append(append(append(b, day[:4]...), day[5:7]...), day[8:]...)
	b = append(b, '-')
	for range digits - len(r) {
		b = append(b, '0')
	}
	return string(append(b, r...))
}
