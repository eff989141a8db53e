package roster

import (
	"fmt"
	"time"
)

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
		bottom := s.layers[len(s.layers)-1]
		alone := len(s.layers) == 1 && len(s.stretches) == 0
		switch dated := len(bottom) > 1 || bottom[0].from != always || bottom[0].to != never; {
		case dated || !alone && !bottom[0].complete():
			holes = append(holes, r.datedHoles(s, bottom)...)
		case alone:
			holes = append(holes, bottom[0].holes(s.id)...)
		}
		holes = append(holes, r.leaveHoles(s)...)
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

// datedHoles goes through the time that the rows of a seat are about, and for a row without an end through
// MaxDays of it.
func (r *Roster) datedHoles(s *seat, bottom seatLayer) (holes []Hole) {
	from, to := bottom[0].from, bottom[len(bottom)-1].to
	for _, row := range bottom { // the first date there is
		if from == always && row.turns != nil {
			from = earliest(r.zone, row.turns.start)
		} else if from == always {
			from = row.to
		}
	}
	if from == never {
		from = r.someDay()
	}
	if to == never {
		to = max(from, bottom[len(bottom)-1].from) + maxSpanS
	}
	for ; from < to; from += maxSpanS {
		for _, gap := range r.gaps(s, from, min(to, from+maxSpanS), nil) {
			h := Hole{Seat: s.id, Part: PartRows, Layer: bottom[0].origin[0], Index: bottom[0].origin[1]}
			for _, row := range bottom {
				if row.from <= gap.To.Unix() { // the row that begins where the gap ends, or in which it lies
					h.Index = row.origin[1]
				}
			}
			if r.at(s, gap.From.Unix(), highest(r.zone, gap.From.Unix())).leave == nil {
				h.Message = gapMessage(gap)
				holes = append(holes, h)
			}
			if len(holes) >= maxHoles {
				return holes
			}
		}
	}
	return holes
}

// maxHoles bounds the gaps named of one seat: the first ones show what is wrong.
const maxHoles = 5

// someDay is where looking begins when nothing is dated.
func (r *Roster) someDay() int64 { return earliest(r.zone, reading(2026, time.January, 1, 0, 0)) }

func gapMessage(gap Span) string {
	const minutes = "2006-01-02 15:04"
	return fmt.Sprintf("gap: nobody holds seat %q from %s to %s: %s", gap.Seat, gap.From.Format(minutes), gap.To.Format(minutes), gap.Why)
}

// leaveHoles finds the leaves that leave the seat empty, each with the first gap it makes.
func (r *Roster) leaveHoles(s *seat) (holes []Hole) {
	seen := map[int]bool{}
	for _, leave := range s.leaves {
		for t := leave.from; t < leave.to && !seen[leave.origin]; {
			w := highest(r.zone, t)
			h := r.at(s, t, w)
			n := min(r.next(s, t, w), leave.to)
			if h.holder == "" && h.leave != nil && h.leave.origin == leave.origin {
				seen[leave.origin] = true
				holes = append(holes, Hole{Seat: s.id, Part: PartLeave, Index: leave.origin, Message: gapMessage(r.span(s, h, t, n))})
			}
			t = n
		}
	}
	return holes
}
