package dispatch

import (
	"fmt"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// MaxMaintenance bounds how long a seat or source may be out of service in one go; longer is for the configuration.
const MaxMaintenance = 31 * 24 * time.Hour

// Maintenance 检修 takes a seat or a source out of service until an instant: a seat gets no work and nobody is missed
// there, a source's silence is none.
type Maintenance struct {
	Until  alert.Time `json:"until"`
	Reason string     `json:"reason"`
	By     string     `json:"by"`
	At     alert.Time `json:"at"`
}

// SeatMaintenance returns the maintenance of a seat that is in force at now.
func (s *State) SeatMaintenance(seat string, now alert.Time) (*Maintenance, bool) {
	m := s.maintenance.seats[seat]
	return m, m != nil && now < m.Until
}

// SourceMaintenance returns the maintenance of a source that is in force at now.
func (s *State) SourceMaintenance(source string, now alert.Time) (*Maintenance, bool) {
	m := s.maintenance.sources[source]
	return m, m != nil && now < m.Until
}

// outOfService is what is in maintenance, by id, until the end is told.
type outOfService struct{ seats, sources map[string]*Maintenance }

func newOutOfService() outOfService {
	return outOfService{map[string]*Maintenance{}, map[string]*Maintenance{}}
}

// begin checks what is asked for; nil without an error means that it is so already.
func (d *decision) beginMaintenance(was *Maintenance) (*Maintenance, error) {
	switch {
	case d.c.By == nil || d.c.By.Name == "":
		return nil, alert.Errorf(alert.CodeForbidden, "only a person, or a key that carries a name, may do that")
	case d.c.Reason == "":
		return nil, needs("reason", "is required")
	case d.c.Until <= d.c.At:
		return nil, needs("until", "must lie ahead")
	case d.c.Until > d.c.At.Add(MaxMaintenance):
		return nil, needs("until", fmt.Sprintf("is more than %d days ahead: take it out of the configuration instead", MaxMaintenance/(24*time.Hour)))
	case was != nil && was.Until == d.c.Until && was.Reason == d.c.Reason:
		return nil, nil
	}
	return &Maintenance{Until: d.c.Until, Reason: d.c.Reason, By: d.c.By.Name, At: d.c.At}, nil
}

// maintainSeat takes a seat out of service. What waits there moves at once; what is being worked on is brought
// before a leader.
func (d *decision) maintainSeat(seat *plan.Seat) error {
	m, err := d.beginMaintenance(d.s.maintenance.seats[seat.ID])
	if err != nil || m == nil {
		return err
	}
	d.emit(Event{Type: SeatMaintenance, Seat: seat.ID, Maintenance: m, By: d.c.By})
	d.gone = seat.ID
	d.flagWorked(seat, "maintenance")
	d.flagStranded(seat, "maintenance")
	d.moveWaiting(seat, "maintenance", seat.ID+" is in maintenance")
	return nil
}

// endSeatMaintenance puts a seat into service again.
func (d *decision) endSeatMaintenance(seat *plan.Seat, why string) {
	if d.s.maintenance.seats[seat.ID] != nil {
		d.emit(Event{Type: SeatMaintenance, Seat: seat.ID, By: d.c.By, Reason: why})
	}
}

// maintainSource takes a source out of service, or puts it into service again.
func (d *decision) maintainSource(source *plan.Source) error {
	was := d.s.maintenance.sources[source.ID]
	switch d.c.Action {
	case alert.ActMaintain:
		m, err := d.beginMaintenance(was)
		if err == nil && m != nil {
			d.emit(Event{Type: SourceMaintenance, Source: source.ID, Maintenance: m, By: d.c.By})
		}
		return err
	case alert.ActEndMaintain:
		if was != nil {
			d.emit(Event{Type: SourceMaintenance, Source: source.ID, By: d.c.By, Reason: d.c.Reason})
		}
		return nil
	case alert.ActWatch:
		if was != nil && was.Until <= d.c.At {
			d.emit(Event{Type: SourceMaintenance, Source: source.ID, Reason: maintenanceOver})
		}
		return nil
	}
	return alert.Errorf(alert.CodeInvalid, "no source action %q", d.c.Action)
}

const maintenanceOver = "its time is over"

// MaintenanceDue returns the sources whose maintenance is over without that having been told, in the order of the
// configuration. Those of seats are among WatchDue.
func (s *State) MaintenanceDue(now alert.Time) []string {
	var due []string
	if s.city == nil {
		return nil
	}
	for _, source := range s.city.Sources {
		if m := s.maintenance.sources[source.ID]; m != nil && m.Until <= now {
			due = append(due, source.ID)
		}
	}
	return due
}

func (s *State) applyMaintenance(e *Event) {
	m, id := s.maintenance.seats, e.Seat
	if e.Type == SourceMaintenance {
		m, id = s.maintenance.sources, e.Source
	}
	if e.Maintenance == nil {
		delete(m, id)
	} else {
		m[id] = e.Maintenance
	}
}
