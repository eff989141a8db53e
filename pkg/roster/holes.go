package roster

import "fmt"

// Hole is a gap that shows in the scheme itself, without asking for a date: in what repeats for ever, or in
// what is dated.
type Hole struct {
	Seat    string
	Part    Part // where it comes from: PartRows, or PartLeave
	Layer   int  // of a row
	Index   int  // of the row or leave; -1 if the seat has no row at all
	Message string
}

// Holes returns the gaps that a scheme has whatever the date, by seat: shifts and turns in which no row names
// anybody, days between rows, and leaves that leave nobody. That a roster ends one day is none.
func (r *Roster) Holes() []Hole {
	var holes []Hole
	for _, s := range r.order {
		if len(s.layers) == 0 {
			for _, shift := range r.main.shifts {
				holes = append(holes, Hole{Seat: s.id, Part: PartRows, Index: -1, Message: nobody(s.id, shift.ID)})
			}
			continue
		}
		holes = r.rowHoles(s, holes)
		holes = r.leaveHoles(s, holes)
	}
	return holes
}

func nobody(seat, shift string) string {
	return fmt.Sprintf("gap: nobody holds seat %q in shift %q", seat, shift)
}

// holes names the shifts and turns in which r, a row in force for ever, names nobody.
func (r *row) holes(seat string) (holes []Hole) {
	for i, name := range r.names {
		if name != "" {
			continue
		}
		turn, shift := i/len(r.table.shifts), r.table.shifts[i%len(r.table.shifts)].ID
		h := Hole{Seat: seat, Part: PartRows, Layer: r.origin[0], Index: r.origin[1], Message: nobody(seat, shift)}
		if r.turns != nil {
			h.Message += fmt.Sprintf(" of turn %d of rotation %q", turn+1, r.rotation)
		}
		holes = append(holes, h)
	}
	return holes
}

// rowHoles appends the gaps that the bottom rows of a seat leave: shifts without a name, and days between rows.
func (r *Roster) rowHoles(s *seat, holes []Hole) []Hole {
	bottom := s.layers[len(s.layers)-1]
	for i, row := range bottom {
		if i > 0 && bottom[i-1].to < row.from {
			holes = r.scan(s, row, bottom[i-1].to, row.from, holes)
		}
		switch {
		case row.complete():
		case len(s.layers) == 1: // one-off shifts and overrides end: they fill nothing for ever
			holes = append(holes, row.holes(s.id)...)
		case row.from != always:
			holes = r.scan(s, row, row.from, row.to, holes)
		case row.turns != nil:
			holes = r.scan(s, row, earliest(r.zone, row.turns.start), row.to, holes)
		default:
			holes = r.scan(s, row, earliest(r.zone, someDay), row.to, holes)
		}
	}
	return holes
}

// scan appends the gaps in [from, to), or in the first MaxDays of it, that no leave makes.
func (r *Roster) scan(s *seat, row *row, from, to int64, holes []Hole) []Hole {
	named := 0
	for _, gap := range r.gaps(s, from, min(to, from+maxSpanS), nil) {
		t := gap.From.Unix()
		if r.at(s, t, highest(r.zone, t)).leave != nil {
			continue
		}
		holes = append(holes, Hole{Seat: s.id, Part: PartRows, Layer: row.origin[0], Index: row.origin[1], Message: gapMessage(gap)})
		if named++; named == maxHoles {
			break
		}
	}
	return holes
}

// maxHoles bounds the gaps named of one row: the first ones show what is wrong.
const maxHoles = 5

// someDay is where looking begins when nothing is dated: 1 January 2026, on the wall line.
const someDay = 1767225600

func gapMessage(gap Span) string {
	const minutes = "2006-01-02 15:04"
	return fmt.Sprintf("gap: nobody holds seat %q from %s to %s: %s", gap.Seat, gap.From.Format(minutes), gap.To.Format(minutes), gap.Why)
}

// leaveHoles appends the leaves that leave the seat empty, each with the first gap it makes.
func (r *Roster) leaveHoles(s *seat, holes []Hole) []Hole {
	for _, leave := range s.leaves {
		for t := leave.from; t < leave.to; {
			w := highest(r.zone, t)
			h := r.at(s, t, w)
			n := min(r.next(s, t, w), leave.to)
			if h.holder == "" && h.leave != nil && h.leave.origin == leave.origin {
				holes = append(holes, Hole{Seat: s.id, Part: PartLeave, Index: leave.origin, Message: gapMessage(r.span(s, h, t, n))})
				break
			}
			t = n
		}
	}
	return holes
}
