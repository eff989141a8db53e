package roster

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// times returns begin and end of an event.
func (x *icsReader) times(e *event) (from, to time.Time, ok bool) {
	begins, has := e.first("DTSTART")
	if !has {
		x.misread(e.line, "the event has no DTSTART")
		return from, to, false
	}
	from, day, ok := x.time(begins)
	if !ok {
		return from, to, false
	}
	to = from
	if day {
		to = from.AddDate(0, 0, 1)
	}
	if ends, has := e.first("DTEND"); has {
		if to, _, ok = x.time(ends); !ok {
			return from, to, false
		}
	} else if lasts, has := e.first("DURATION"); has {
		d, err := duration(lasts.value)
		if err != nil {
			x.misread(lasts.line, "%v", err)
			return from, to, false
		}
		to = from.Add(d)
	}
	if n := to.Sub(from); n <= 0 || n > MaxDays*24*time.Hour {
		x.misread(e.line, "the event lasts %v: want more than nothing, at most %d days", n, MaxDays)
		return from, to, false
	}
	return from, to, true
}

// time reads a DATE or DATE-TIME: in UTC, of a zone it names, or of the city; day reports a DATE.
func (x *icsReader) time(p property) (at time.Time, day, ok bool) {
	zone := x.o.Zone
	if id := p.params["TZID"]; id != "" {
		if zone = x.zones[id]; zone == nil {
			z, err := time.LoadLocation(id)
			if err != nil || id == "Local" {
				x.misread(p.line, "time zone %q is neither an IANA zone nor one of a single offset", id)
				return at, false, false
			}
			x.zones[id], zone = z, z
		}
	}
	return x.timeIn(p, p.value, zone)
}

func (x *icsReader) timeIn(p property, value string, zone *time.Location) (at time.Time, day, ok bool) {
	if t, err := time.Parse(icsTime, value); err == nil {
		return t, false, true
	}
	t, err := time.Parse("20060102T150405", value)
	if err != nil {
		t, err = time.Parse("20060102", value)
		day = true
	}
	if err != nil {
		x.misread(p.line, "%s: %q is not a time such as 20260501T080000", p.name, value)
		return at, false, false
	}
	return time.Unix(earliest(zone, t.Unix()), 0).In(zone), day, true
}

var durationPattern = regexp.MustCompile(`^\+?P(?:(\d{1,4})W|(?:(\d{1,4})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?)$`)

// duration reads a DURATION; a day is one of 24 hours.
func duration(value string) (time.Duration, error) {
	m := durationPattern.FindStringSubmatch(value)
	if m == nil {
		return 0, fmt.Errorf("%q is not a duration such as PT8H", value)
	}
	var d time.Duration
	for i, unit := range []time.Duration{7 * 24 * time.Hour, 24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi("0" + m[i+1])
		d += time.Duration(n) * unit
	}
	return d, nil
}

// starts returns when an event begins: once, or as its rule says, as far as it touches what is asked for.
func (x *icsReader) starts(e *event, from time.Time, changed map[string][]string) []time.Time {
	p, recurs := e.first("RRULE")
	if _, instance := e.first("RECURRENCE-ID"); !recurs || instance {
		return []time.Time{from}
	}
	if _, has := e.first("RDATE"); has {
		x.misread(e.line, "RDATE is not read: give each date an event")
		return nil
	}
	r, err := parseRule(p.value)
	if err != nil {
		x.misread(p.line, "RRULE: %v", err)
		return nil
	}
	if until := r.until; until != "" {
		begins, _ := e.first("DTSTART")
		at, day, ok := x.timeIn(p, until, from.Location())
		if !ok {
			return nil
		}
		if day && begins.params["VALUE"] != "DATE" {
			at = at.AddDate(0, 0, 1).Add(-time.Second) // the whole day
		}
		r.last = at
	}
	except := changed[e.text("UID")]
	for _, ex := range e.props {
		if ex.name != "EXDATE" {
			continue
		}
		for _, value := range strings.Split(ex.value, ",") {
			ex.value = value
			if at, _, ok := x.time(ex); ok {
				except = append(except[:len(except):len(except)], at.UTC().Format(icsTime))
			}
		}
	}
	starts := r.starts(from, x.o.To)
	return slices.DeleteFunc(starts, func(t time.Time) bool { return slices.Contains(except, t.UTC().Format(icsTime)) })
}
