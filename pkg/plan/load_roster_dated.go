package plan

import (
	"bytes"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/banyan-ecc/banyan/pkg/roster"
)

type rawAssignment struct {
	Seat   str `yaml:"seat"`
	Person str `yaml:"person"`
	From   str `yaml:"from"` // from and to, or
	To     str `yaml:"to"`
	Date   str `yaml:"date"` // a shift and the day it begins on
	Shift  str `yaml:"shift"`
	Reason str `yaml:"reason"`
}

type rawLeave struct {
	Person     str `yaml:"person"`
	Substitute str `yaml:"substitute"`
	From       str `yaml:"from"`
	To         str `yaml:"to"`
	Reason     str `yaml:"reason"`
}

type rawStint struct {
	Seat  str `yaml:"seat"`
	Date  str `yaml:"date"`
	Shift str `yaml:"shift"`
}

type rawSwap struct {
	ID         str       `yaml:"id"`
	Person     str       `yaml:"person"`
	With       str       `yaml:"with"`
	Seat       str       `yaml:"seat"`
	Date       str       `yaml:"date"`
	Shift      str       `yaml:"shift"`
	Return     *rawStint `yaml:"in_return"`
	State      str       `yaml:"state"`
	ApprovedBy str       `yaml:"approved_by"`
	Reason     str       `yaml:"reason"`
}

// Dates a roster may be about.
const (
	firstYear = 2000
	lastYear  = 2199
)

// wallClock reads a date, with or without a time of day.
func (x *rosterLoader) wallClock(s str) (at roster.WallClock, timed, ok bool) {
	t, err := time.Parse("2006-01-02 15:04", s.V)
	timed = err == nil
	if err != nil {
		t, err = time.Parse(time.DateOnly, s.V)
	}
	if err != nil {
		x.problem(rostersFile, s.Line, "%q is not a date such as 2026-05-01, or with a time 2026-05-01 08:00", s.V)
		return at, false, false
	}
	if t.Year() < firstYear || t.Year() > lastYear {
		x.problem(rostersFile, s.Line, "%q: want a year from %d to %d", s.V, firstYear, lastYear)
		return at, false, false
	}
	return roster.WallClock{Year: t.Year(), Month: t.Month(), Day: t.Day(), Hour: t.Hour(), Minute: t.Minute()}, timed, true
}

// moment reads an instant: a time with its offset, or by the city's wall clock. A day alone means its
// beginning, and where it is the last one its end.
func (x *rosterLoader) moment(s str, last bool) time.Time {
	if t, err := time.Parse(time.RFC3339, s.V); err == nil && t.Year() >= firstYear && t.Year() <= lastYear {
		return t
	}
	at, timed, ok := x.wallClock(s)
	if !ok {
		return time.Time{}
	}
	if last && !timed {
		at.Day++
	}
	return roster.Instant(x.city.Zone, at.Year, at.Month, at.Day, at.Hour, at.Minute)
}

// stint reads a shift by its id and the day it begins on.
func (x *rosterLoader) stint(seat, date, shift str, line int) (st roster.Stint, ok bool) {
	s, known := x.shifts[shift.V]
	if !known {
		x.problem(rostersFile, lineOr(shift.Line, line), "no shift %q", shift.V)
	}
	at, timed, ok := x.wallClock(str{date.V, lineOr(date.Line, line)})
	if ok && timed {
		x.problem(rostersFile, date.Line, "%q: want a date alone; the shift says when", date.V)
	}
	if !x.known(seat, line) || !known || !ok || timed {
		return st, false
	}
	st.Seat = seat.V
	st.From, st.To = s.Times(x.city.Zone, at.Year, at.Month, at.Day)
	return st, true
}

func (x *rosterLoader) known(seat str, line int) bool {
	if x.city.seats[seat.V] == nil {
		x.problem(rostersFile, lineOr(seat.Line, line), "no seat %q", seat.V)
		return false
	}
	return true
}

func (x *rosterLoader) assignments(raw []rawAssignment, part roster.Part) (out []roster.Assignment) {
	for _, r := range raw {
		line := lineOr(r.Seat.Line, r.Person.Line)
		before := len(x.problems)
		a := roster.Assignment{Seat: r.Seat.V, Person: x.person(str{r.Person.V, lineOr(r.Person.Line, line)}), Reason: r.Reason.V}
		if spans, shifts := r.From.V != "" && r.To.V != "", r.Shift.V != "" && r.Date.V != ""; spans == shifts ||
			spans && r.Shift.V+r.Date.V != "" || shifts && r.From.V+r.To.V != "" {
			x.problem(rostersFile, line, "%s: want from and to, or date and shift", part)
		} else if spans {
			x.known(r.Seat, line)
			a.From, a.To = x.moment(r.From, false), x.moment(r.To, true)
		} else if st, ok := x.stint(r.Seat, r.Date, r.Shift, line); ok {
			a.From, a.To = st.From, st.To
		}
		if len(x.problems) == before {
			out = append(out, a)
			x.lines[part] = append(x.lines[part], line)
		}
	}
	return out
}

func (x *rosterLoader) leave(raw []rawLeave) {
	for _, r := range raw {
		line := lineOr(r.Person.Line, r.From.Line)
		before := len(x.problems)
		made := roster.Leave{Person: x.person(str{r.Person.V, line}), Reason: r.Reason.V,
			From: x.moment(str{r.From.V, lineOr(r.From.Line, line)}, false), To: x.moment(str{r.To.V, lineOr(r.To.Line, line)}, true)}
		if r.Substitute.V != "" {
			made.Substitute = x.person(r.Substitute)
		}
		if len(x.problems) == before {
			x.scheme.Leave = append(x.scheme.Leave, made)
			x.lines[roster.PartLeave] = append(x.lines[roster.PartLeave], line)
		}
	}
}

func (x *rosterLoader) swaps(raw []rawSwap) {
	seen := map[string]int{}
	for _, r := range raw {
		if !x.id(rostersFile, "swap", orAt(r.ID, r.Seat), seen) {
			continue
		}
		line := r.ID.Line
		made := roster.Swap{ID: r.ID.V, Person: r.Person.V, With: r.With.V, State: roster.SwapState(r.State.V), ApprovedBy: r.ApprovedBy.V, Reason: r.Reason.V}
		var ok bool
		if made.Give, ok = x.stint(r.Seat, r.Date, r.Shift, line); !ok {
			continue
		}
		if back := r.Return; back != nil {
			if made.Return, ok = x.stint(back.Seat, back.Date, back.Shift, line); !ok {
				continue
			}
		}
		for _, name := range []str{r.Person, r.With} {
			x.person(str{name.V, lineOr(name.Line, line)})
		}
		x.scheme.Swaps = append(x.scheme.Swaps, made)
		x.lines[roster.PartSwaps] = append(x.lines[roster.PartSwaps], line)
	}
}

// RosterYAML writes assignments as a list of rosters.yaml: one_off or overrides.
func RosterYAML(part roster.Part, list []roster.Assignment, zone *time.Location) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s:\n", part)
	for _, a := range list {
		fmt.Fprintf(&b, "  - {seat: %s, person: %s, from: %q, to: %q", a.Seat, quoteYAML(a.Person), writeTime(a.From, zone), writeTime(a.To, zone))
		if a.Reason != "" {
			fmt.Fprintf(&b, ", reason: %s", quoteYAML(a.Reason))
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}

// quoteYAML writes a text between single quotes, on one line.
func quoteYAML(s string) string {
	s = strings.Join(strings.FieldsFunc(s, unicode.IsControl), " ")
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}

// writeTime writes an instant by the wall clock of zone, with its offset where the wall shows that time twice
// or to the second.
func writeTime(t time.Time, zone *time.Location) string {
	t = t.In(zone)
	if t.Second() == 0 && roster.Instant(zone, t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute()).Equal(t) {
		return t.Format("2006-01-02 15:04")
	}
	return t.Format(time.RFC3339)
}
