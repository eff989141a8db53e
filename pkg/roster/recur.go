package roster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rule is a recurrence rule (RRULE) of days, weeks, months or years. Rules finer than a day, and those that
// pick the n-th weekday, are refused, not guessed at.
type rule struct {
	frequency string
	interval  int
	count     int    // 0: no end
	until     string // as written; "": no end
	last      time.Time
	weekdays  []time.Weekday
	monthDays []int
	weekBegin time.Weekday
}

// MaxRuleDays bounds how long after its first day a rule is followed.
const MaxRuleDays = 50 * 366

var weekdayNames = map[string]time.Weekday{"SU": 0, "MO": 1, "TU": 2, "WE": 3, "TH": 4, "FR": 5, "SA": 6}

func parseRule(value string) (*rule, error) {
	r := &rule{interval: 1, weekBegin: time.Monday}
	for _, part := range strings.Split(strings.ToUpper(value), ";") {
		name, v, _ := strings.Cut(part, "=")
		if err := r.set(name, v); err != nil {
			return nil, err
		}
	}
	switch {
	case r.frequency == "":
		return nil, fmt.Errorf("%q has no FREQ", value)
	case r.count > 0 && r.until != "":
		return nil, fmt.Errorf("%q has both COUNT and UNTIL", value)
	case len(r.weekdays) > 0 && r.frequency != "DAILY" && r.frequency != "WEEKLY":
		return nil, fmt.Errorf("BYDAY of a %s rule is not read: give each date an event", r.frequency)
	case len(r.monthDays) > 0 && r.frequency != "MONTHLY":
		return nil, fmt.Errorf("BYMONTHDAY of a %s rule is not read: give each date an event", r.frequency)
	}
	return r, nil
}

func (r *rule) set(name, v string) error {
	var err error
	switch name {
	case "FREQ":
		if r.frequency = v; !slices.Contains([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}, v) {
			return fmt.Errorf("FREQ=%s is not read: want DAILY, WEEKLY, MONTHLY or YEARLY", v)
		}
	case "INTERVAL":
		r.interval, err = number(name, v, 1000)
	case "COUNT":
		r.count, err = number(name, v, MaxRuleDays)
	case "UNTIL":
		r.until = v
	case "WKST":
		day, ok := weekdayNames[v]
		if r.weekBegin = day; !ok {
			return fmt.Errorf("WKST=%s is no weekday", v)
		}
	case "BYDAY":
		for _, d := range strings.Split(v, ",") {
			day, ok := weekdayNames[d]
			if !ok {
				return fmt.Errorf("BYDAY=%s is not read: want weekdays such as MO,TU", v)
			}
			r.weekdays = append(r.weekdays, day)
		}
	case "BYMONTHDAY":
		for _, d := range strings.Split(v, ",") {
			n, err := strconv.Atoi(d)
			if err != nil || n == 0 || n < -31 || n > 31 {
				return fmt.Errorf("BYMONTHDAY=%s: want 1 to 31, or -1 to -31", v)
			}
			r.monthDays = append(r.monthDays, n)
		}
	default:
		return fmt.Errorf("%s is not read: give each date an event", name)
	}
	return err
}

func number(name, v string, most int) (int, error) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		return 0, fmt.Errorf("%s=%s: want 1 to %d", name, v, most)
	}
	return n, nil
}

// starts returns the instants before end at which an event recurs that first begins at from.
func (r *rule) starts(from, end time.Time) (out []time.Time) {
	zone := from.Location()
	first := time.Date(from.Year(), from.Month(), from.Day(), 0, 0, 0, 0, time.UTC)
	clock := from.Hour()*hourS + from.Minute()*minuteS + from.Second()
	found := 0
	for n := range MaxRuleDays {
		day := first.AddDate(0, 0, n)
		if !r.on(first, day) {
			continue
		}
		at := time.Unix(earliest(zone, day.Unix()+int64(clock)), 0).In(zone)
		if found++; !at.Before(end) || !r.last.IsZero() && at.After(r.last) || r.count > 0 && found > r.count {
			break
		}
		out = append(out, at)
	}
	return out
}

// on reports whether a rule whose first day is first holds on day.
func (r *rule) on(first, day time.Time) bool {
	days := int(day.Unix()-first.Unix()) / dayS
	months := (day.Year()-first.Year())*12 + int(day.Month()-first.Month())
	switch r.frequency {
	case "DAILY":
		return days%r.interval == 0 && (len(r.weekdays) == 0 || slices.Contains(r.weekdays, day.Weekday()))
	case "WEEKLY":
		into := (int(first.Weekday()) - int(r.weekBegin) + 7) % 7 // of the first week
		if (days+into)/7%r.interval != 0 {
			return false
		}
		return slices.Contains(r.weekdays, day.Weekday()) || len(r.weekdays) == 0 && day.Weekday() == first.Weekday()
	case "MONTHLY":
		last := day.AddDate(0, 1, -day.Day()).Day()
		if months%r.interval != 0 {
			return false
		}
		return slices.Contains(r.monthDays, day.Day()) || slices.Contains(r.monthDays, day.Day()-last-1) ||
			len(r.monthDays) == 0 && day.Day() == first.Day()
	}
	return months%(12*r.interval) == 0 && day.Day() == first.Day() // YEARLY
}
