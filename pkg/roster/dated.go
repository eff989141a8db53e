package roster

import (
	"maps"
	"slices"
	"sort"
)

// kind says what put a person at a seat.
type kind uint8

const (
	byNobody kind = iota
	byLayer
	byOneOff
	byOverride
)

// assigned is an Assignment made ready.
type assigned struct {
	from, to int64
	person   string
	reason   string
	kind     kind
	origin   int // in its part of the Scheme
}

// stretch is a span of time in which the same assignments of a seat hold.
type stretch struct {
	from, to int64
	entries  []int32 // of Roster.assigned; the one that wins first
}

// away is a Leave made ready.
type away struct {
	from, to                   int64
	person, substitute, reason string
	origin                     int
}

// leg is half of a Swap made ready: at the seat, the taker in place of the giver.
type leg struct {
	from, to   int64
	give, take string
	swap       string // its id
	origin     int
}

func (c *compiler) readDated(s *Scheme) {
	for part, n := range map[Part]int{PartOneOffs: len(s.OneOffs), PartOverrides: len(s.Overrides), PartLeave: len(s.Leave), PartSwaps: len(s.Swaps)} {
		if n > MaxDated {
			c.fault(part, 0, 0, "%d entries: at most %d", n, MaxDated)
			return
		}
	}
	c.readAssignments(s.OneOffs, PartOneOffs, byOneOff)
	c.readAssignments(s.Overrides, PartOverrides, byOverride)
	c.readLeave(s.Leave)
	c.readSwaps(s.Swaps)
}

func (c *compiler) readAssignments(list []Assignment, part Part, k kind) {
	for i, a := range list {
		from, to := a.From.Unix(), a.To.Unix()
		switch {
		case a.Person == "":
			c.fault(part, 0, i, "nobody is named for seat %q", a.Seat)
		case to <= from || to-from > maxSpanS:
			c.fault(part, 0, i, "it lasts %v: want more than nothing, at most %d days", a.To.Sub(a.From), MaxDays)
		default:
			s := c.seat(a.Seat)
			s.assigned = append(s.assigned, int32(len(c.r.assigned)))
			c.r.assigned = append(c.r.assigned, assigned{from: from, to: to, person: a.Person, reason: a.Reason, kind: k, origin: i})
		}
	}
	if k != byOverride {
		return
	}
	for _, s := range c.r.order {
		if !s.layAssigned(c.r.assigned) {
			c.fault(part, 0, 0, "seat %q has more than %d one-off shifts and overrides at once", s.id, MaxOverlap)
		}
	}
}

// layAssigned divides time into stretches, each with its assignments; false if too many hold at once.
func (s *seat) layAssigned(all []assigned) bool {
	var edges []int64
	for _, i := range s.assigned {
		edges = append(edges, all[i].from, all[i].to)
	}
	slices.Sort(edges)
	edges = slices.Compact(edges)
	order := slices.Clone(s.assigned)
	slices.SortStableFunc(order, func(a, b int32) int { return compare(all[a].from, all[b].from) })
	var now []int32
	for i := 0; i+1 < len(edges); i++ {
		now = slices.DeleteFunc(slices.Clone(now), func(a int32) bool { return all[a].to <= edges[i] })
		for len(order) > 0 && all[order[0]].from <= edges[i] {
			now, order = append(now, order[0]), order[1:]
		}
		if len(now) > MaxOverlap {
			return false
		}
		// Overrides stand after one-off shifts, and later ones after earlier ones: the last wins.
		slices.SortFunc(now, func(a, b int32) int { return int(b) - int(a) })
		if len(now) > 0 {
			s.stretches = append(s.stretches, stretch{edges[i], edges[i+1], now})
		}
	}
	return true
}

// assignedAt returns the assignments that hold at t, the one that wins first.
func (s *seat) assignedAt(t int64) []int32 {
	i := sort.Search(len(s.stretches), func(i int) bool { return s.stretches[i].from > t }) - 1
	if i < 0 || t >= s.stretches[i].to {
		return nil
	}
	return s.stretches[i].entries
}

func (c *compiler) readLeave(list []Leave) {
	c.r.away = map[string][]away{}
	for i, l := range list {
		from, to := l.From.Unix(), l.To.Unix()
		switch {
		case l.Person == "":
			c.fault(PartLeave, 0, i, "nobody is named")
		case l.Substitute == l.Person:
			c.fault(PartLeave, 0, i, "%s cannot stand in for %s", l.Person, l.Person)
		case to <= from || to-from > maxSpanS:
			c.fault(PartLeave, 0, i, "it lasts %v: want more than nothing, at most %d days", l.To.Sub(l.From), MaxDays)
		default:
			c.r.away[l.Person] = append(c.r.away[l.Person], away{from, to, l.Person, l.Substitute, l.Reason, i})
		}
	}
	for _, person := range sortedKeys(c.r.away) {
		leaves := c.r.away[person]
		slices.SortStableFunc(leaves, func(a, b away) int { return compare(a.from, b.from) })
		for i := 1; i < len(leaves); i++ {
			if leaves[i].from < leaves[i-1].to {
				c.fault(PartLeave, 0, max(leaves[i].origin, leaves[i-1].origin), "%s is away then already", person)
			}
		}
	}
}

// checkLeave finds leaves of people who are nowhere on the roster: a name is misspelt, and somebody away would
// count as there.
func (c *compiler) checkLeave(list []Leave) {
	known := map[string]bool{}
	for _, s := range c.r.order {
		for _, person := range c.r.people(s) {
			known[person] = true
		}
	}
	for _, l := range c.r.scheme.Layers { // a row may lie outside its layer's time
		for _, row := range l.Rows {
			for _, names := range [][]string{row.People, slices.Collect(maps.Values(row.Holders)), slices.Collect(maps.Values(row.Teams))} {
				for _, person := range names {
					known[person] = true
				}
			}
		}
	}
	for i, l := range list {
		if !known[l.Person] {
			c.fault(PartLeave, 0, i, "%s is nowhere on the roster", l.Person)
		}
	}
}

// leaveOf returns the leave that person is on at t, nil if none.
func (r *Roster) leaveOf(person string, t int64) *away {
	leaves := r.away[person]
	i := sort.Search(len(leaves), func(i int) bool { return leaves[i].from > t }) - 1
	if i < 0 || t >= leaves[i].to {
		return nil
	}
	return &leaves[i]
}

// there returns who is there for person at t: person, the substitute, or nobody; and the leave, if any.
func (r *Roster) there(person string, t int64) (string, *away) {
	l := r.leaveOf(person, t)
	if l == nil {
		return person, nil
	}
	if l.substitute == "" || r.leaveOf(l.substitute, t) != nil {
		return "", l
	}
	return l.substitute, l
}

func compare(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
