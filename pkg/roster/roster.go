// Package roster says who holds which seat at an instant, and where the gaps are. It is pure: an instant
// comes in, a holder comes out.
//
// This roster is the fixed one: the same shifts every day, one name a seat and shift.
package roster

import (
	"fmt"
	"slices"
	"time"
)

// MinutesPerDay is the length of a wall-clock day that shifts must cover.
const MinutesPerDay = 24 * 60

// MaxShifts bounds the shifts of a day.
const MaxShifts = 24

// Shift 班次 is a span of wall-clock time of every day; To may be before From, past midnight.
type Shift struct {
	ID, Name, NameEN string
	From, To         int // minutes after midnight; To 0 is midnight
}

// Row names the holder of a seat in each shift, by shift id.
type Row struct {
	Seat    string
	Holders map[string]string
}

// Roster 值班表 is immutable and safe for concurrent use.
type Roster struct {
	shifts  []Shift // by From
	zone    *time.Location
	holders map[string][]string // seat → holder by index of shift; "" is a gap
}

// New compiles a roster. Shifts must cover the day exactly; the error says where they do not.
func New(shifts []Shift, rows []Row, zone *time.Location) (*Roster, error) {
	r := &Roster{shifts: slices.Clone(shifts), zone: zone, holders: make(map[string][]string, len(rows))}
	slices.SortFunc(r.shifts, func(a, b Shift) int { return a.From - b.From })
	if err := covers(r.shifts); err != nil {
		return nil, err
	}
	for _, row := range rows {
		names := make([]string, len(r.shifts))
		for i, s := range r.shifts {
			names[i] = row.Holders[s.ID]
		}
		r.holders[row.Seat] = names
	}
	return r, nil
}

func covers(sorted []Shift) error {
	if len(sorted) == 0 || len(sorted) > MaxShifts {
		return fmt.Errorf("%d shifts: want 1 to %d", len(sorted), MaxShifts)
	}
	for i, s := range sorted {
		next := sorted[(i+1)%len(sorted)]
		if s.To%MinutesPerDay != next.From {
			return fmt.Errorf("shift %q ends at %s but shift %q begins at %s: together they must cover 24 hours exactly",
				s.ID, clock(s.To), next.ID, clock(next.From))
		}
		if i > 0 && sorted[i-1].From == s.From {
			return fmt.Errorf("shifts %q and %q both begin at %s", sorted[i-1].ID, s.ID, clock(s.From))
		}
	}
	return nil
}

func clock(minutes int) string { return fmt.Sprintf("%02d:%02d", minutes/60%24, minutes%60) }

// Watch is the roster at one instant. It is cheap to make and to ask.
type Watch struct {
	roster *Roster
	index  int
	at     time.Time
}

// At returns the watch at instant t. The wall clock of the city's zone decides, so a shift is an hour
// longer or shorter where the clocks change, and there is never a gap or an overlap.
func (r *Roster) At(t time.Time) Watch {
	t = t.In(r.zone)
	m := t.Hour()*60 + t.Minute()
	i := len(r.shifts) - 1 // before the first shift begins, the last of yesterday still runs
	for i >= 0 && r.shifts[i].From > m {
		i--
	}
	if i < 0 {
		i = len(r.shifts) - 1
	}
	return Watch{roster: r, index: i, at: t}
}

// Shift returns the running shift.
func (w Watch) Shift() Shift { return w.roster.shifts[w.index] }

// Holder returns who holds seat, and false where nobody does.
func (w Watch) Holder(seat string) (string, bool) {
	names := w.roster.holders[seat]
	if names == nil || names[w.index] == "" {
		return "", false
	}
	return names[w.index], true
}

// Until returns when the running shift ends.
func (w Watch) Until() time.Time {
	to := w.Shift().To % MinutesPerDay
	end := time.Date(w.at.Year(), w.at.Month(), w.at.Day(), to/60, to%60, 0, 0, w.roster.zone)
	if !end.After(w.at) {
		end = time.Date(w.at.Year(), w.at.Month(), w.at.Day()+1, to/60, to%60, 0, 0, w.roster.zone)
	}
	return end
}

// Shifts returns the shifts of a day in order.
func (r *Roster) Shifts() []Shift { return slices.Clone(r.shifts) }

// Gaps returns the ids of shifts in which nobody holds seat.
func (r *Roster) Gaps(seat string) []string {
	var gaps []string
	names := r.holders[seat]
	for i, s := range r.shifts {
		if names == nil || names[i] == "" {
			gaps = append(gaps, s.ID)
		}
	}
	return gaps
}
