package roster

import (
	"maps"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

const (
	always = math.MinInt64 // as a begin
	never  = math.MaxInt64 // as an end
)

// row is a Row made ready: who holds the seat in each turn and shift.
type row struct {
	from, to int64 // in force, Unix seconds
	table    *table
	turns    *turns   // nil: the same every day
	names    []string // turn after turn, each with the shifts of the table; "" names nobody
	layer    string
	rotation string
	origin   [2]int // of the Scheme: layer and row
}

// seatLayer is the rows of one seat in one layer, by from.
type seatLayer []*row

// at returns the row in force at t, nil if none is.
func (l seatLayer) at(t int64) *row {
	i := sort.Search(len(l), func(i int) bool { return l[i].from > t }) - 1
	if i < 0 || t >= l[i].to {
		return nil
	}
	return l[i]
}

// person returns who the row names at w, "" if nobody, and the shift that runs.
func (r *row) person(w int64) (name string, shift int, from int64) {
	i, from, to := r.table.at(w)
	if r.turns == nil {
		return r.names[i], i, from
	}
	n, _ := r.turns.at(w, r.table, i, from, to)
	m := int64(len(r.table.shifts))
	count := int64(len(r.names)) / m
	n -= floorDiv(n, count) * count
	return r.names[n*m+int64(i)], i, from
}

// next returns where on the wall line the row may name somebody else, after w.
func (r *row) next(w int64) int64 {
	i, from, to := r.table.at(w)
	if r.turns == nil {
		return to
	}
	_, next := r.turns.at(w, r.table, i, from, to)
	return min(to, next)
}

// complete reports whether the row always names somebody while it is in force.
func (r *row) complete() bool { return !slices.Contains(r.names, "") }

func (c *compiler) seat(id string) *seat {
	s := c.r.seats[id]
	if s == nil {
		s = &seat{id: id, table: c.r.main}
		c.r.seats[id] = s
		c.r.order = append(c.r.order, s)
	}
	return s
}

func (c *compiler) readLayers(layers []Layer) {
	if len(layers) > MaxLayers {
		c.fault(PartLayers, 0, 0, "%d layers: at most %d", len(layers), MaxLayers)
		return
	}
	for i, l := range layers {
		from, to := limits(l.From, l.To)
		if from >= to {
			c.fault(PartLayers, 0, i, "the layer ends before it begins")
			continue
		}
		if len(l.Rows) > MaxRows {
			c.fault(PartLayers, 0, i, "%d rows: at most %d", len(l.Rows), MaxRows)
			continue
		}
		of := map[*seat]seatLayer{}
		var seats []*seat
		for j := range l.Rows {
			r := c.row(&l.Rows[j], i, j)
			if r == nil {
				continue
			}
			r.from, r.to, r.layer = max(r.from, from), min(r.to, to), l.ID
			s := c.seat(l.Rows[j].Seat)
			if of[s] == nil {
				seats = append(seats, s)
			}
			if r.from < r.to { // else it lies outside its layer
				of[s] = append(of[s], r)
			}
		}
		for _, s := range seats {
			c.stack(s, of[s])
		}
	}
}

// stack puts the rows of a layer on top of those a seat has.
func (c *compiler) stack(s *seat, rows seatLayer) {
	slices.SortStableFunc(rows, func(a, b *row) int {
		if a.from < b.from {
			return -1
		}
		return 1
	})
	for i := 1; i < len(rows); i++ {
		if rows[i].from < rows[i-1].to {
			c.fault(PartRows, rows[i].origin[0], rows[i].origin[1], "seat %q has another row that is in force at the same time", s.id)
		}
	}
	if len(rows) == 0 {
		return
	}
	if len(s.layers) == 0 {
		s.table = rows[0].table
	}
	s.layers = append([]seatLayer{rows}, s.layers...)
}

// limits turns a span whose ends may be open into Unix seconds.
func limits(from, to time.Time) (int64, int64) {
	a, b := int64(always), int64(never)
	if !from.IsZero() {
		a = from.Unix()
	}
	if !to.IsZero() {
		b = to.Unix()
	}
	return a, b
}

// row makes a Row ready; nil if it cannot be.
func (c *compiler) row(in *Row, layer, index int) *row {
	r := &row{origin: [2]int{layer, index}, rotation: in.Rotation}
	if r.from, r.to = limits(in.From, in.To); r.from >= r.to {
		c.fault(PartRows, layer, index, "seat %q: the row ends before it begins", in.Seat)
		return nil
	}
	before := len(c.faults)
	if in.Rotation == "" {
		c.fixed(r, in)
	} else {
		c.rotating(r, in)
	}
	if len(c.faults) > before {
		return nil
	}
	return r
}

// fixed fills a row that is the same every day.
func (c *compiler) fixed(r *row, in *Row) {
	r.table = c.r.main
	if len(in.People) > 0 || len(in.Teams) > 0 {
		c.fault(PartRows, r.origin[0], r.origin[1], "seat %q: people take turns, but no rotation says when", in.Seat)
		return
	}
	ids := sortedKeys(in.Holders)
	for i, id := range ids {
		t := c.shifts[id]
		if t == nil {
			c.fault(PartRows, r.origin[0], r.origin[1], "seat %q: no shift %q", in.Seat, id)
			return
		}
		if i > 0 && t != r.table {
			c.fault(PartRows, r.origin[0], r.origin[1], "seat %q: shifts %q and %q are of different tables", in.Seat, ids[0], id)
			return
		}
		r.table = t
	}
	r.names = make([]string, len(r.table.shifts))
	for _, id := range ids {
		r.names[r.table.index(id)] = in.Holders[id]
	}
}

// rotating fills a row whose people take turns.
func (c *compiler) rotating(r *row, in *Row) {
	rot := c.turns[in.Rotation]
	if rot == nil {
		c.fault(PartRows, r.origin[0], r.origin[1], "seat %q: no rotation %q", in.Seat, in.Rotation)
		return
	}
	r.table, r.turns = rot.table, rot.turns
	if len(in.Holders) > 0 {
		c.fault(PartRows, r.origin[0], r.origin[1], "seat %q: a row with a rotation names no shifts", in.Seat)
		return
	}
	if len(rot.Order) == 0 {
		c.inTurn(r, in)
		return
	}
	if len(in.People) > 0 {
		c.fault(PartRows, r.origin[0], r.origin[1], "seat %q: rotation %q has teams: name somebody for each, not a list of people", in.Seat, in.Rotation)
		return
	}
	known := map[string]bool{}
	for _, teams := range rot.Order {
		for _, s := range r.table.shifts {
			team := teams[s.ID]
			known[team] = true
			r.names = append(r.names, in.Teams[team])
		}
	}
	for _, team := range sortedKeys(in.Teams) {
		if !known[team] || team == "" {
			c.fault(PartRows, r.origin[0], r.origin[1], "seat %q: rotation %q has no team %q", in.Seat, in.Rotation, team)
		}
	}
}

// inTurn fills a row whose people follow each other, one a turn.
func (c *compiler) inTurn(r *row, in *Row) {
	if len(in.Teams) > 0 {
		c.fault(PartRows, r.origin[0], r.origin[1], "seat %q: rotation %q has no teams: give a list of people", in.Seat, in.Rotation)
		return
	}
	if n := len(in.People); n == 0 || n > MaxTurns {
		c.fault(PartRows, r.origin[0], r.origin[1], "seat %q: rotation %q goes through %d people: want 1 to %d", in.Seat, in.Rotation, n, MaxTurns)
		return
	}
	for _, p := range in.People {
		for range r.table.shifts {
			r.names = append(r.names, p)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	return slices.SortedFunc(maps.Keys(m), strings.Compare)
}
