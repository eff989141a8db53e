package alert

import (
	"fmt"
	"time"
)

// Time is an instant in microseconds since the Unix epoch, UTC. It is eight bytes where time.Time is
// twenty-four, has no zone or monotonic part that could differ between two nodes, and is written as
// RFC 3339 with six decimals. The zero Time means "not yet" and is left out of JSON by omitzero.
type Time int64

const timeLayout = "2006-01-02T15:04:05.000000Z"

// TimeOf converts t, dropping what is finer than a microsecond.
func TimeOf(t time.Time) Time { return Time(t.UnixMicro()) }

// Std returns t as a time.Time in UTC.
func (t Time) Std() time.Time { return time.UnixMicro(int64(t)).UTC() }

// Add returns t + d.
func (t Time) Add(d time.Duration) Time { return t + Time(d.Microseconds()) }

// Sub returns t − u.
func (t Time) Sub(u Time) time.Duration { return time.Duration(t-u) * time.Microsecond }

// IsZero reports whether t is unset.
func (t Time) IsZero() bool { return t == 0 }

// String formats t as MarshalJSON does, without the quotes.
func (t Time) String() string { return t.Std().Format(timeLayout) }

// AppendJSON appends the quoted RFC 3339 form to b.
func (t Time) AppendJSON(b []byte) []byte {
	b = append(b, '"')
	return append(t.append(b), '"')
}

const (
	microsPerDay = 24 * 60 * 60 * 1_000_000
	lastShort    = 253_402_300_800_000_000 // the year 10000, Unix microseconds
)

// append writes t as timeLayout says; every event carries several, and time.Time takes four times as long.
func (t Time) append(b []byte) []byte {
	if t < 0 || t >= lastShort {
		return t.Std().AppendFormat(b, timeLayout)
	}
	day, rest := int64(t)/microsPerDay, int64(t)%microsPerDay
	year, month, dayOfMonth := civil(day)
	out := [len(timeLayout)]byte([]byte(timeLayout))
	put := func(from, to int, v int64) {
		for i := to - 1; i >= from; i-- {
			out[i] = byte('0' + v%10)
			v /= 10
		}
	}
	put(0, 4, year)
	put(5, 7, month)
	put(8, 10, dayOfMonth)
	put(20, 26, rest%1_000_000)
	rest /= 1_000_000
	put(11, 13, rest/3600)
	put(14, 16, rest/60%60)
	put(17, 19, rest%60)
	return append(b, out[:]...)
}

// civil returns the date of a day counted from 1970-01-01, in the proleptic Gregorian calendar. Years are taken
// to begin in March, so that the leap day is their last; 400 of them are an era of 146,097 days.
func civil(day int64) (year, month, dayOfMonth int64) {
	day += 719_468 // from 0000-03-01
	era, doe := day/146_097, day%146_097
	yoe := (doe - doe/1460 + doe/36_524 - doe/146_096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	m := (5*doy + 2) / 153
	year, month, dayOfMonth = era*400+yoe, m+3, doy-(153*m+2)/5+1
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, dayOfMonth
}

// MarshalJSON writes t as a quoted RFC 3339 time.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.AppendJSON(make([]byte, 0, len(timeLayout)+2)), nil
}

// UnmarshalJSON reads a quoted RFC 3339 time with any offset.
func (t *Time) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return fmt.Errorf("want a quoted RFC 3339 time such as \"2026-05-01T08:30:00+08:00\"")
	}
	s, err := ParseTime(string(b[1 : len(b)-1]))
	if err != nil {
		return err
	}
	*t = s
	return nil
}

// ParseTime reads RFC 3339 with an offset; a time without one is refused, because guessing the zone
// of an emergency is how an hour gets lost. In UTC the year must be 1970 to 9999, or what String writes
// could not be read back.
func ParseTime(s string) (Time, error) {
	v, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not an RFC 3339 time with an offset, such as 2026-05-01T08:30:00+08:00", s)
	}
	if y := v.UTC().Year(); y < 1970 || y > 9999 {
		return 0, fmt.Errorf("year %d is out of range 1970 to 9999", y)
	}
	return TimeOf(v), nil
}
