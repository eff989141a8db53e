// Package roster says who holds which seat at an instant, and where the gaps are. It is pure: an instant
// comes in, a holder comes out; asking for a holder takes logarithmic time and no memory.
//
// A roster is stacked: rows (fixed or rotating) in layers, one-off shifts, overrides; leave and swaps change
// who of them is there. At every instant a seat has exactly one holder or an explicit gap.
package roster

import (
	"slices"
	"sort"
	"time"
)

// Roster 值班表 is immutable and safe for concurrent use.
type Roster struct {
	scheme   Scheme
	zone     *time.Location
	main     *table
	seats    map[string]*seat
	order    []*seat
	assigned []assigned
	away     map[string][]away // by person, by from
}

// seat is all there is about one seat.
type seat struct {
	id        string
	layers    []seatLayer // the one that wins first
	table     *table      // of its lowest layer: the shifts of gaps and of what is not in a row
	assigned  []int32     // of Roster.assigned
	stretches []stretch   // by from
	legs      []leg       // by from, disjoint
	leaves    []away      // of everybody who may hold it
	edges     []int64     // where anything dated may change the holder, in order
}

// New compiles the simplest roster: one table of shifts and a row a seat, the same every day. The shifts must
// cover 24 hours exactly; the error says where they do not.
func New(shifts []Shift, rows []Row, zone *time.Location) (*Roster, error) {
	r, faults := Compile(Scheme{Zone: zone, Tables: []Table{{Shifts: shifts}}, Layers: []Layer{{Rows: rows}}})
	if len(faults) > 0 {
		return nil, faults[0]
	}
	return r, nil
}

// finish gathers the leaves and edges of s.
func (r *Roster) finish(s *seat) {
	for _, l := range s.layers {
		for _, row := range l {
			s.edges = append(s.edges, row.from, row.to)
		}
	}
	for _, i := range s.assigned {
		s.edges = append(s.edges, r.assigned[i].from, r.assigned[i].to)
	}
	for _, l := range s.legs {
		s.edges = append(s.edges, l.from, l.to)
	}
	for _, person := range r.people(s) {
		for _, l := range r.away[person] {
			s.leaves = append(s.leaves, l)
			s.edges = append(s.edges, l.from, l.to)
		}
	}
	slices.Sort(s.edges)
	s.edges = slices.Compact(s.edges)
}

// people returns everybody who may hold s, by name.
func (r *Roster) people(s *seat) []string {
	people := map[string]bool{}
	for _, l := range s.layers {
		for _, row := range l {
			for _, name := range row.names {
				people[name] = true
			}
		}
	}
	for _, i := range s.assigned {
		people[r.assigned[i].person] = true
	}
	for _, l := range s.legs {
		people[l.take] = true
	}
	for _, person := range sortedKeys(people) {
		for _, l := range r.away[person] {
			people[l.substitute] = true
		}
	}
	delete(people, "")
	return sortedKeys(people)
}

// SeatsOf returns the ids of the seats that a person may hold, in order.
func (r *Roster) SeatsOf(person string) []string {
	var ids []string
	for _, s := range r.order {
		if slices.Contains(r.people(s), person) {
			ids = append(ids, s.id)
		}
	}
	return ids
}

// hold is who holds a seat at an instant, and why. It does not change before Roster.next.
type hold struct {
	holder string
	kind   kind
	table  *table
	shift  int
	begun  int64 // where the shift begins on the wall line
	row    *row
	entry  *assigned
	leg    *leg
	leave  *away // of who would hold it; of a gap, the first one that makes it
}

// at returns who holds s at instant t, when the highest reading of the wall clock is w.
func (r *Roster) at(s *seat, t, w int64) (h hold) {
	var gap *away
	for _, i := range s.assignedAt(t) {
		a := &r.assigned[i]
		person, l := a.person, (*leg)(nil)
		if a.kind == byOneOff {
			person, l = s.swapped(person, t)
		}
		holder, leave := r.there(person, t)
		if holder != "" {
			h = hold{holder: holder, kind: a.kind, table: s.table, entry: a, leg: l, leave: leave}
			h.shift, h.begun, _ = s.table.at(w)
			return h
		}
		gap = first(gap, leave)
	}
	for _, layer := range s.layers {
		row := layer.at(t)
		if row == nil {
			continue
		}
		name, shift, begun := row.person(w)
		if name == "" {
			continue
		}
		person, l := s.swapped(name, t)
		holder, leave := r.there(person, t)
		if holder != "" {
			return hold{holder: holder, kind: byLayer, table: row.table, shift: shift, begun: begun, row: row, leg: l, leave: leave}
		}
		gap = first(gap, leave)
	}
	h = hold{table: s.table, leave: gap}
	h.shift, h.begun, _ = s.table.at(w)
	return h
}

func first(a, b *away) *away {
	if a != nil {
		return a
	}
	return b
}

// next returns the first instant after t at which s may have another holder or shift; w is the highest
// reading of the wall clock at t.
func (r *Roster) next(s *seat, t, w int64) int64 {
	_, _, wall := s.table.at(w)
	for _, layer := range s.layers {
		if row := layer.at(t); row != nil {
			wall = min(wall, row.next(w))
		}
	}
	n := earliest(r.zone, wall)
	if i := sort.Search(len(s.edges), func(i int) bool { return s.edges[i] > t }); i < len(s.edges) {
		n = min(n, s.edges[i])
	}
	return max(n, t+1) // whatever a zone's data say, time goes on
}

// lookup returns the seat; one that the roster does not know is held by nobody.
func (r *Roster) lookup(id string) *seat {
	if s := r.seats[id]; s != nil {
		return s
	}
	return &seat{id: id, table: r.main}
}

// Scheme returns what the roster was made from; its lists must not be written to. With a list replaced it
// makes the next roster: a swap that was approved, a leave that was granted.
func (r *Roster) Scheme() Scheme { return r.scheme }

// Zone returns the time zone whose wall clock the roster goes by.
func (r *Roster) Zone() *time.Location { return r.zone }

// Seats returns the ids of all seats, in order.
func (r *Roster) Seats() []string {
	ids := make([]string, len(r.order))
	for i, s := range r.order {
		ids[i] = s.id
	}
	return ids
}

// Shifts returns the shifts of the main table in order of the day.
func (r *Roster) Shifts() []Shift { return slices.Clone(r.main.shifts) }

// Watch is the roster at one instant. It is cheap to make and to ask.
type Watch struct {
	roster *Roster
	t, w   int64 // Unix seconds, and the highest reading of the wall clock
}

// At returns the watch at instant t. The wall clock of the city's zone decides, so a shift is longer where the
// clocks go back and shorter where they go forward, and there is never a gap or an overlap.
func (r *Roster) At(t time.Time) Watch {
	return Watch{roster: r, t: t.Unix(), w: highest(r.zone, t.Unix())}
}

// Holder returns who holds seat, and false where nobody does.
func (w Watch) Holder(seat string) (string, bool) {
	s := w.roster.seats[seat]
	if s == nil {
		return "", false
	}
	h := w.roster.at(s, w.t, w.w)
	return h.holder, h.holder != ""
}

// Shift returns the shift of the main table that runs.
func (w Watch) Shift() Shift {
	i, _, _ := w.roster.main.at(w.w)
	return w.roster.main.shifts[i]
}

// Until returns when the running shift of the main table ends.
func (w Watch) Until() time.Time {
	_, _, to := w.roster.main.at(w.w)
	return w.roster.time(earliest(w.roster.zone, to))
}

// Span returns the span of seat that the instant lies in: its holder, shift, begin and end.
func (w Watch) Span(seat string) Span {
	r, s := w.roster, w.roster.lookup(seat)
	h := r.at(s, w.t, w.w)
	// A span never reaches beyond its shift, so going through the shift finds where it begins and ends.
	begin, same := int64(0), false
	for t := earliest(r.zone, h.begun); t <= w.t; {
		then := highest(r.zone, t)
		if is := r.at(s, t, then) == h; !is {
			same = false
		} else if !same {
			begin, same = t, true
		}
		t = r.next(s, t, then)
	}
	for end := r.next(s, w.t, w.w); ; {
		then := highest(r.zone, end)
		if r.at(s, end, then) != h {
			return r.span(s, h, begin, end)
		}
		end = r.next(s, end, then)
	}
}

func (r *Roster) time(t int64) time.Time { return time.Unix(t, 0).In(r.zone) }

func (r *Roster) show(t int64) string { return r.time(t).Format("2006-01-02 15:04") }
