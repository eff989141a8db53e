package dispatch

import (
	"cmp"
	"slices"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// GapsAhead is how long before it begins a gap in the roster is told of.
const GapsAhead = 72 * time.Hour

// gapHorizon is how far beyond its beginning the end of a gap is looked for; one that reaches further has none.
const gapHorizon = 8 * 24 * time.Hour

// Bounds of what is said about gaps.
const (
	MaxGapsPerWatch = 256 // told by one decision; the next one tells the others
	MaxGapsShown    = 20  // on a board
)

// Gap is a time ahead in which nobody is to hold a seat.
type Gap struct {
	Seat       string     `json:"seat"`
	Department string     `json:"department"`
	From       alert.Time `json:"from"`
	To         alert.Time `json:"to,omitzero"` // absent: further than a week on
	Why        string     `json:"why,omitempty"`
}

func compareGaps(a, b Gap) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Seat, b.Seat))
}

// GapsOf returns the gaps of a city's seats that r has within GapsAhead of now, by time and seat.
func GapsOf(city *plan.City, r *roster.Roster, now alert.Time, ahead time.Duration) []Gap {
	gaps := []Gap{}
	from, limit := now.Std(), now.Add(ahead).Std()
	horizon := limit.Add(gapHorizon)
	for _, span := range r.Gaps(from, horizon) {
		seat, ok := city.Seat(span.Seat)
		if !ok || !span.From.Before(limit) {
			continue
		}
		g := Gap{Seat: seat.ID, Department: seat.Department, From: alert.TimeOf(span.From), To: alert.TimeOf(span.To), Why: span.Why}
		if !span.To.Before(horizon) {
			g.To = 0
		}
		gaps = append(gaps, g)
	}
	slices.SortFunc(gaps, compareGaps)
	return gaps
}

// same reports whether a gap that was told of is still there as b, found at now: time goes on, so one that has begun
// is found from now on.
func (g Gap) same(b Gap, now alert.Time) bool {
	return g.Seat == b.Seat && g.To == b.To && (g.From == b.From || g.From <= now && b.From <= now)
}

// Gaps returns the gaps that were told of and are not over, by time and seat.
func (s *State) Gaps() []Gap { return slices.Clone(s.gaps) }

// GapChanges compares the gaps that were told of with those that a roster has at now: a watch of the roster has
// something to say where there are any. It takes milliseconds, so a reader of the state asks it outside.
func GapChanges(city *plan.City, r *roster.Roster, told []Gap, now alert.Time) (closed, opened []Gap) {
	found := GapsOf(city, r, now, GapsAhead)
	for _, g := range told {
		if !slices.ContainsFunc(found, func(f Gap) bool { return g.same(f, now) }) {
			closed = append(closed, g)
		}
	}
	for _, f := range found {
		if !slices.ContainsFunc(told, func(g Gap) bool { return g.same(f, now) }) {
			opened = append(opened, f)
		}
	}
	return closed, opened
}

// watchGaps tells of gaps that have come within sight, and of those that are filled or over.
func (d *decision) watchGaps() {
	closed, opened := GapChanges(d.city, d.s.Roster(), d.s.gaps, d.c.At)
	for _, g := range closed[:min(len(closed), MaxGapsPerWatch)] {
		why := "filled"
		if g.To != 0 && g.To <= d.c.At {
			why = "over"
		}
		d.emit(Event{Type: RosterGapClosed, Seat: g.Seat, Gap: &g, Reason: why})
	}
	for _, g := range opened[:min(len(opened), MaxGapsPerWatch)] {
		d.emit(Event{Type: RosterGap, Seat: g.Seat, Gap: &g})
	}
}

func (s *State) applyGap(e *Event) {
	s.gaps = slices.DeleteFunc(slices.Clone(s.gaps), func(g Gap) bool { return g == *e.Gap })
	if e.Type == RosterGap {
		i, _ := slices.BinarySearchFunc(s.gaps, *e.Gap, compareGaps)
		s.gaps = slices.Insert(s.gaps, i, *e.Gap)
	}
}
