package statistics

import (
	"fmt"
	"time"

	"github.com/banyan-ecc/banyan/pkg/roster"
)

// Zone is how a city's time is cut into slots: by the hours of its wall clock, and within an hour where a shift
// begins there, so that no slot lies in two shifts or days.
type Zone struct {
	Location *time.Location
	Cuts     []int // minutes of the hour at which shifts begin, but for 0
}

// Slot returns when the slot that t lies in begins.
func (z Zone) Slot(t time.Time) time.Time {
	t = t.In(z.Location)
	minute := 0
	for _, m := range z.Cuts {
		if m <= t.Minute() {
			minute = max(minute, m)
		}
	}
	// Going back from t stays on this side of a change of the clocks.
	since := time.Duration(t.Minute()-minute)*time.Minute + time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
	return t.Add(-since)
}

// Names of the periods a time can be cut into.
const (
	ByHour  = "hour"
	ByShift = "shift"
	ByDay   = "day"
	ByWeek  = "week" // begins on Monday
	ByMonth = "month"
)

// MaxPeriods bounds the periods of one answer: a month of hours, and a day more.
const MaxPeriods = 800

// Period is a stretch of time: from From on, before To.
type Period struct {
	From, To time.Time
	Shift    string // id, of a shift
}

// Cut divides [from, to) into periods of the wall clock of r's zone, the first and the last of which may be cut
// off. Days have 23 or 25 hours where the clocks change. The error says that there are too many, or no such period.
func Cut(by string, from, to time.Time, r *roster.Roster) ([]Period, error) {
	zone := r.Zone()
	var periods []Period
	for at := from.In(zone); at.Before(to); {
		if len(periods) == MaxPeriods {
			return nil, fmt.Errorf("more than %d periods of a %s: ask for less time or longer periods", MaxPeriods, by)
		}
		p := Period{From: at}
		next, err := end(by, at, r)
		if err != nil {
			return nil, err
		}
		if by == ByShift {
			p.Shift = r.At(at).Shift().ID
		}
		if next.After(to) {
			next = to
		}
		p.To = next.In(zone)
		periods = append(periods, p)
		at = p.To
	}
	return periods, nil
}

// end returns when the period that at lies in ends.
func end(by string, at time.Time, r *roster.Roster) (time.Time, error) {
	zone := r.Zone()
	y, m, d := at.Date()
	switch by {
	case ByHour:
		return Zone{Location: zone}.Slot(at).Add(time.Hour), nil
	case ByShift:
		return r.At(at).Until(), nil
	case ByDay:
		return midnight(y, m, d+1, zone), nil
	case ByWeek:
		return midnight(y, m, d+7-(int(at.Weekday())+6)%7, zone), nil
	case ByMonth:
		return midnight(y, m+1, 1, zone), nil
	}
	return time.Time{}, fmt.Errorf("%q is no period: hour, shift, day, week or month", by)
}

// midnight returns when a day begins; where the clocks skip midnight, that is later.
func midnight(y int, m time.Month, d int, zone *time.Location) time.Time {
	t := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if t.Day() != time.Date(y, m, d, 12, 0, 0, 0, zone).Day() { // normalised to the evening before
		t = t.Add(time.Hour)
	}
	return t
}

// Before returns the period to compare [from, to) with: the month before a whole month, else as many days or
// hours of the wall clock right before.
func Before(from, to time.Time, zone *time.Location) Period {
	from, to = from.In(zone), to.In(zone)
	if from.Day() == 1 && to.Day() == 1 && from.Equal(midnight(from.Year(), from.Month(), 1, zone)) && to.Equal(midnight(from.Year(), from.Month()+1, 1, zone)) {
		return Period{From: midnight(from.Year(), from.Month()-1, 1, zone), To: from}
	}
	wall := func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	span := wall(to).Sub(wall(from))
	if span <= 0 { // within the hour that comes twice
		return Period{From: from.Add(from.Sub(to)), To: from}
	}
	days := int(span / (24 * time.Hour))
	return Period{From: from.AddDate(0, 0, -days).Add(-(span % (24 * time.Hour))), To: from}
}

// Duty returns the duty day of a date: from the beginning of the first shift of the roster's main table to that
// of the day after.
func Duty(date time.Time, r *roster.Roster) Period {
	y, m, d := date.Date()
	first := r.Scheme().Tables[0].Shifts[0]
	from, _ := first.Times(r.Zone(), y, m, d)
	to, _ := first.Times(r.Zone(), y, m, d+1)
	return Period{From: from, To: to}
}
