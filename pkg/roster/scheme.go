package roster

import (
	"fmt"
	"time"
)

// Bounds of a scheme.
const (
	MaxTables   = 64
	MaxLayers   = 32
	MaxRows     = 16384 // of a layer
	MaxDated    = 20000 // one-off shifts, overrides, leaves, swaps: each
	MaxOverlap  = 8     // one-off shifts and overrides of one seat at once
	MaxDays     = 400   // of a leave, a one-off shift, an override; and of a question about a span of time
	MaxSwapDays = 7     // of a swapped shift
)

const maxSpanS = MaxDays * dayS

// Scheme is all that a roster is made from. Who holds a seat at an instant is the first of these who is there:
// the last override given, the last one-off shift, the last layer that names somebody, …, the first layer.
type Scheme struct {
	Zone      *time.Location
	Seats     []string // all that must be held, in order; those of rows follow
	Tables    []Table  // the first is the main one
	Rotations []*Rotation
	Layers    []Layer // a later one wins where it names somebody
	OneOffs   []Assignment
	Overrides []Assignment
	Leave     []Leave
	Swaps     []Swap
}

// Layer is a set of rows in force for a while.
type Layer struct {
	ID, Name string    // "" for the rosters at the bottom
	From, To time.Time // zero: always
	Rows     []Row
}

// Row says who holds one seat, either by Holders (the same every day) or by Rotation. A seat may have several
// rows in a layer if no two are in force at once.
type Row struct {
	Seat     string
	From, To time.Time         // in force; zero: always
	Holders  map[string]string // shift id → person; ids of one table
	Rotation string            // id
	People   []string          // of a rotation without an order: one a turn
	Teams    map[string]string // of a rotation with an order: team → person
}

// Assignment puts a person at a seat for a while. As a one-off shift 临时班次 it adds to the layers, and may be
// swapped like any shift; as an override 替班 it wins over everything.
type Assignment struct {
	Seat, Person string
	From, To     time.Time // at most MaxDays
	Reason       string
}

// Leave 请假 takes a person off every seat. The substitute steps in unless away too; without one the next layer
// decides, and where there is none, nobody.
type Leave struct {
	Person, Substitute string
	From, To           time.Time // at most MaxDays; those of one person do not overlap
	Reason             string
}

// Part names a list of a Scheme.
type Part string

// The parts.
const (
	PartTables    Part = "tables"
	PartRotations Part = "rotations"
	PartLayers    Part = "layers"
	PartRows      Part = "rows"
	PartOneOffs   Part = "one_off"
	PartOverrides Part = "overrides"
	PartLeave     Part = "leave"
	PartSwaps     Part = "swaps"
)

// Fault is a mistake in a Scheme with where it stands: the index in its part, for rows that of their layer too.
type Fault struct {
	Part         Part
	Layer, Index int
	Message      string
}

// Error implements error.
func (f *Fault) Error() string {
	if f.Part == PartRows {
		return fmt.Sprintf("layer %d, row %d: %s", f.Layer+1, f.Index+1, f.Message)
	}
	return fmt.Sprintf("%s, entry %d: %s", f.Part, f.Index+1, f.Message)
}

// compiler makes a Roster and gathers what is wrong with its Scheme.
type compiler struct {
	r      *Roster
	shifts map[string]*table // by shift id
	tables map[string]*table
	turns  map[string]*rotation
	faults []*Fault
}

// rotation is a Rotation made ready.
type rotation struct {
	*Rotation
	turns *turns
	table *table
}

func (c *compiler) fault(p Part, layer, index int, format string, args ...any) {
	c.faults = append(c.faults, &Fault{Part: p, Layer: layer, Index: index, Message: fmt.Sprintf(format, args...)})
}

// Compile makes a roster. It returns every mistake it can find; the roster is nil if there is any. A gap is no
// mistake: Holes and Gaps tell.
func Compile(s Scheme) (*Roster, []*Fault) {
	c := &compiler{r: &Roster{scheme: s, zone: s.Zone, seats: map[string]*seat{}}, shifts: map[string]*table{}, tables: map[string]*table{}, turns: map[string]*rotation{}}
	if s.Zone == nil {
		c.r.zone = time.UTC
	}
	c.readTables(s.Tables)
	if len(c.faults) == 0 {
		c.readRotations(s.Rotations)
	}
	if len(c.faults) > 0 {
		return nil, c.faults // every row would be wrong by it
	}
	for _, id := range s.Seats {
		c.seat(id)
	}
	c.readLayers(s.Layers)
	c.readDated(&s)
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	for _, st := range c.r.order {
		c.r.finish(st)
	}
	c.checkSwaps()
	c.checkLeave(s.Leave)
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	return c.r, nil
}

func (c *compiler) readTables(tables []Table) {
	if len(tables) == 0 || len(tables) > MaxTables {
		c.fault(PartTables, 0, 0, "%d tables of shifts: want 1 to %d", len(tables), MaxTables)
		return
	}
	for i, t := range tables {
		made, err := newTable(t)
		if err != nil {
			c.fault(PartTables, 0, i, "%v", err)
			continue
		}
		if c.tables[t.ID] != nil {
			c.fault(PartTables, 0, i, "table %q is given twice", t.ID)
		}
		c.tables[t.ID] = made
		if i == 0 {
			c.r.main, c.tables[""] = made, made
		}
		for _, s := range made.shifts {
			if c.shifts[s.ID] != nil {
				c.fault(PartTables, 0, i, "shift %q is given twice", s.ID)
			}
			c.shifts[s.ID] = made
		}
	}
}

func (c *compiler) readRotations(rotations []*Rotation) {
	for i, r := range rotations {
		if c.turns[r.ID] != nil {
			c.fault(PartRotations, 0, i, "rotation %q is given twice", r.ID)
			continue
		}
		t := c.tables[r.Table]
		if t == nil {
			c.fault(PartRotations, 0, i, "rotation %q: no table %q", r.ID, r.Table)
			continue
		}
		u, err := newTurns(r, t)
		if err != nil {
			c.fault(PartRotations, 0, i, "rotation %q: %v", r.ID, err)
			continue
		}
		if len(r.Order) > MaxTurns {
			c.fault(PartRotations, 0, i, "rotation %q has %d turns: at most %d", r.ID, len(r.Order), MaxTurns)
		}
		for n, teams := range r.Order {
			for _, id := range sortedKeys(teams) {
				if t.index(id) < 0 {
					c.fault(PartRotations, 0, i, "rotation %q, turn %d: no shift %q in its table", r.ID, n+1, id)
				}
			}
		}
		c.turns[r.ID] = &rotation{Rotation: r, turns: u, table: t}
	}
}
