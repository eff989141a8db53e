package dispatch

import (
	"maps"
	"slices"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Counts are what a wall shows of the whole city, kept up to date change by change.
type Counts struct {
	Priorities  [len(alert.Priorities) + 1]Load // by priority; the unit is the incident
	Departments map[string]Load                 // by department; the unit is the task
	Today       Today
}

// Today counts since midnight in the city.
type Today struct {
	Day       string `json:"day"` // YYYY-MM-DD
	Alerts    int    `json:"alerts"`
	Incidents int    `json:"incidents"`
	Closed    int    `json:"closed"`
}

func newCounts() Counts { return Counts{Departments: map[string]Load{}} }

// Clone returns a copy that shares nothing with c.
func (c Counts) Clone() Counts {
	c.Departments = maps.Clone(c.Departments)
	return c
}

func (l *Load) add(o Load, sign int) {
	l.Open += sign * o.Open
	l.Waiting += sign * o.Waiting
	l.Overdue += sign * o.Overdue
	l.Unstaffed += sign * o.Unstaffed
}

func loadOf(t *alert.Task) Load {
	if t.State.Final() {
		return Load{}
	}
	l := Load{Open: 1}
	if t.State.Waiting() {
		l.Waiting = 1
		if t.Overdue {
			l.Overdue = 1
		}
		if t.State == alert.TaskUnstaffed {
			l.Unstaffed = 1
		}
	}
	return l
}

// incidentLoad is what an incident adds to the counts of its priority.
func incidentLoad(i *alert.Incident) Load {
	if i.State.Final() || i.State == alert.IncidentSuspended {
		return Load{}
	}
	l := Load{Open: 1}
	for _, t := range i.Tasks {
		of := loadOf(t)
		l.Waiting = max(l.Waiting, of.Waiting)
		l.Overdue = max(l.Overdue, of.Overdue)
		l.Unstaffed = max(l.Unstaffed, of.Unstaffed)
	}
	return l
}

// seatLoad is the work at a seat, with the tasks it is made of.
type seatLoad struct {
	Load
	tasks map[string]struct{} // not final
	asked map[string]struct{} // not final, at other seats, that this one was asked to answer or to look after
}

// TasksAt returns the ids of the tasks at a seat that are not final, ascending.
func (s *State) TasksAt(seat string) []string {
	if l := s.loads[seat]; l != nil {
		return slices.Sorted(maps.Keys(l.tasks))
	}
	return nil
}

// askedOf returns the ids of the tasks that are not final and that a seat was asked about beside the one that has
// them, ascending.
func (s *State) askedOf(seat string) []string {
	if l := s.loads[seat]; l != nil {
		return slices.Sorted(maps.Keys(l.asked))
	}
	return nil
}

// countTask moves the loads of department and seat from one form of a task to another; either may be nil.
func (s *State) countTask(from, to *alert.Task) {
	if from != nil {
		s.count(from, -1)
	}
	if to != nil {
		s.count(to, 1)
	}
}

func (s *State) count(t *alert.Task, sign int) {
	l := loadOf(t)
	if l == (Load{}) {
		return
	}
	d := s.counts.Departments[t.Department]
	d.add(l, sign)
	s.counts.Departments[t.Department] = d
	for _, seat := range t.Escalated {
		note(s.loadAt(seat).asked, t.ID, sign)
	}
	if t.Seat == "" {
		return
	}
	at := s.loadAt(t.Seat)
	at.add(l, sign)
	note(at.tasks, t.ID, sign)
}

func (s *State) loadAt(seat string) *seatLoad {
	at := s.loads[seat]
	if at == nil {
		at = &seatLoad{tasks: map[string]struct{}{}, asked: map[string]struct{}{}}
		s.loads[seat] = at
	}
	return at
}

func note(tasks map[string]struct{}, id string, sign int) {
	if sign > 0 {
		tasks[id] = struct{}{}
	} else {
		delete(tasks, id)
	}
}

const dayLayout = "2006-01-02"
