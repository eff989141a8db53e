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

// Shift 班次 is a span of wall-clock time of every day; To may be before From, past midnight. Where both are
// the same it lasts 24 hours.
type Shift struct {
	ID, Name, NameEN string
	From, To         int // minutes after midnight; To 0 is midnight
}

// minutes returns the length of s on a day without a change of the clocks.
func (s Shift) minutes() int {
	return (s.To-s.From+2*MinutesPerDay-1)%MinutesPerDay + 1
}

// Table 班制 is a day divided into shifts. They cover 24 hours exactly, in any order; the duty day begins
// with the first one.
type Table struct {
	ID     string
	Shifts []Shift
}

// table is a Table made ready to be asked.
type table struct {
	id     string
	shifts []Shift // by From
	begins int64   // seconds after midnight at which the duty day begins
}

func newTable(t Table) (*table, error) {
	sorted := slices.Clone(t.Shifts)
	slices.SortStableFunc(sorted, func(a, b Shift) int { return a.From - b.From })
	if err := covers(sorted); err != nil {
		return nil, err
	}
	return &table{id: t.ID, shifts: sorted, begins: int64(t.Shifts[0].From) * minuteS}, nil
}

func covers(sorted []Shift) error {
	if len(sorted) == 0 || len(sorted) > MaxShifts {
		return fmt.Errorf("%d shifts: want 1 to %d", len(sorted), MaxShifts)
	}
	for i, s := range sorted {
		if s.From < 0 || s.From >= MinutesPerDay || s.To < 0 || s.To > MinutesPerDay {
			return fmt.Errorf("shift %q runs from minute %d to %d: want 0 to %d", s.ID, s.From, s.To, MinutesPerDay)
		}
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

// at returns the shift that runs at w, by index, and when it begins and ends, all on the wall line.
func (t *table) at(w int64) (i int, from, to int64) {
	midnight := floorDiv(w, dayS) * dayS
	minute := int((w - midnight) / minuteS)
	i = len(t.shifts) - 1 // before the first shift begins, the last of yesterday still runs
	for i >= 0 && t.shifts[i].From > minute {
		i--
	}
	if i < 0 {
		i = len(t.shifts) - 1
		midnight -= dayS
	}
	from = midnight + int64(t.shifts[i].From)*minuteS
	return i, from, from + int64(t.shifts[i].minutes())*minuteS
}

// ordinal numbers the shifts of all days; from is where one begins on the wall line, i its index.
func (t *table) ordinal(i int, from int64) int64 {
	return floorDiv(from, dayS)*int64(len(t.shifts)) + int64(i)
}

// index returns the index of the shift with the given id, -1 if it has none.
func (t *table) index(id string) int {
	return slices.IndexFunc(t.shifts, func(s Shift) bool { return s.ID == id })
}

// Times returns when s begins and ends if it begins on the given day of zone's wall clock.
func (s Shift) Times(zone *time.Location, year int, month time.Month, day int) (from, to time.Time) {
	begins := reading(year, month, day, 0, s.From)
	ends := begins + int64(s.minutes())*minuteS
	return time.Unix(earliest(zone, begins), 0).In(zone), time.Unix(earliest(zone, ends), 0).In(zone)
}
