package roster

import (
	"fmt"
	"time"
)

// Unit is what the turns of a rotation are counted in.
type Unit string

// The units. A day, week or month is one of the wall clock; a month that has no such day hands off on its last.
const (
	Hour     Unit = "hour"
	PerShift Unit = "shift"
	Day      Unit = "day"
	Week     Unit = "week"
	Month    Unit = "month"
)

// MaxEvery bounds how many units a turn lasts, MaxTurns how many turns a rotation has before it begins anew.
const (
	MaxEvery = 1000
	MaxTurns = 1000
)

// Rotation 轮值 says whose turn it is. The order repeats for ever, before Start too: Start only says when a
// first turn begins.
type Rotation struct {
	ID    string
	Table string    // id of the table whose shifts it fills; "" is the first one
	Unit  Unit      // what Every counts; hand-off is at its end
	Every int       // 1 to MaxEvery
	Start WallClock // when a first turn begins
	// Order names, a turn after the other, the team that has each shift (by id). A rotation without it goes
	// through the People of a row, one a turn, all shifts of the turn.
	Order []map[string]string
}

// WallClock is a date and time of day of the city's zone.
type WallClock struct {
	Year         int
	Month        time.Month
	Day          int
	Hour, Minute int
}

func (c WallClock) reading() int64 { return reading(c.Year, c.Month, c.Day, c.Hour, c.Minute) }

// turns counts the turns of a rotation.
type turns struct {
	unit  Unit
	every int64
	start int64 // on the wall line; for PerShift, where the shift then running begins
	first int64 // for PerShift, the ordinal of that shift
}

func newTurns(r *Rotation, t *table) (*turns, error) {
	if r.Every < 1 || r.Every > MaxEvery {
		return nil, fmt.Errorf("a turn lasts %d units: want 1 to %d", r.Every, MaxEvery)
	}
	u := &turns{unit: r.Unit, every: int64(r.Every), start: r.Start.reading()}
	switch r.Unit {
	case Hour, Day, Week, Month:
	case PerShift:
		i, from, _ := t.at(u.start)
		u.start, u.first = from, t.ordinal(i, from)
	default:
		return nil, fmt.Errorf("turn %q: want hour, shift, day, week or month", r.Unit)
	}
	return u, nil
}

// seconds is the length of a turn on the wall line, 0 where they differ.
func (u *turns) seconds() int64 {
	switch u.unit {
	case Hour:
		return u.every * hourS
	case Day:
		return u.every * dayS
	case Week:
		return u.every * weekS
	}
	return 0
}

// at returns the number of the turn at w (the one that begins at Start is 0) and where the next one begins;
// shift, from and to are the shift that runs at w.
func (u *turns) at(w int64, t *table, shift int, from, to int64) (n, next int64) {
	switch u.unit {
	case PerShift:
		return floorDiv(t.ordinal(shift, from)-u.first, u.every), to // the next shift at the latest
	case Month:
		n = u.month(w)
		return n, u.monthBegins(n + 1)
	}
	n = floorDiv(w-u.start, u.seconds())
	return n, u.start + (n+1)*u.seconds()
}

// monthBegins returns where turn n of months begins on the wall line.
func (u *turns) monthBegins(n int64) int64 {
	at := time.Unix(u.start, 0).UTC()
	first := time.Date(at.Year(), at.Month()+time.Month(n*u.every), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.Unix() + int64(min(at.Day(), last)-1)*dayS + int64(at.Hour()*hourS+at.Minute()*minuteS)
}

// month returns the number of the turn of months at w.
func (u *turns) month(w int64) int64 {
	a, b := time.Unix(u.start, 0).UTC(), time.Unix(w, 0).UTC()
	n := floorDiv(int64(b.Year()-a.Year())*12+int64(b.Month()-a.Month()), u.every)
	if u.monthBegins(n) > w { // the hand-off of this month is still to come
		n--
	}
	return n
}
