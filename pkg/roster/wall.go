package roster

import (
	"math"
	"time"
)

// A roster is written in wall-clock time, but where the clocks go back the wall shows the same hour twice, and
// where they go forward it leaves one out. So shifts are counted on the wall line: the wall clock in seconds,
// as if the zone were UTC. Two functions join it to real time (Unix seconds):
//
//	highest(t)  is the highest reading the wall clock has shown up to instant t
//	earliest(w) is the first instant at which the wall clock shows w or more
//
// earliest(w) <= t holds exactly where w <= highest(t). Both never fall, so what is a partition of the wall
// line is one of real time too: a shift is longer where the clocks go back, shorter (down to nothing) where
// they go forward, and there is never a gap or an overlap.

const (
	minuteS = 60
	hourS   = 60 * minuteS
	dayS    = 24 * hourS
	weekS   = 7 * dayS

	farthestS      = 16 * hourS // no zone is or was further from UTC
	lookBackS      = 26 * hourS // no change of the clocks moves them by more
	maxZoneChanges = 4          // within two days, of any zone
)

// highest returns the highest reading of the wall clock of zone up to instant t.
func highest(zone *time.Location, t int64) int64 {
	at := time.Unix(t, 0).In(zone)
	_, offset := at.Zone()
	high := t + int64(offset)
	for range maxZoneChanges {
		start, _ := at.ZoneBounds()
		if start.IsZero() || t-start.Unix() >= lookBackS {
			break
		}
		at = time.Unix(start.Unix()-1, 0).In(zone) // the last second of the old time, when it read highest
		_, offset = at.Zone()
		high = max(high, at.Unix()+int64(offset))
	}
	return high
}

// earliest returns the first instant at which the wall clock of zone shows w or more.
func earliest(zone *time.Location, w int64) int64 {
	t := w - farthestS // before it, whatever the zone
	for range maxZoneChanges {
		at := time.Unix(t, 0).In(zone)
		_, offset := at.Zone()
		if t+int64(offset) >= w {
			break // the change of the clocks jumped over w
		}
		then, end := w-int64(offset), zoneEnd(at)
		if then < end {
			return then
		}
		t = end
	}
	return t
}

// zoneEnd returns until when, at least, the zone in effect at t stays so.
func zoneEnd(t time.Time) int64 {
	_, end := t.ZoneBounds()
	switch {
	case end.IsZero():
		return math.MaxInt64
	case !end.After(t): // of a leap year that it works out by rule, the library forgets the last day
		return end.Unix() + dayS
	}
	return end.Unix()
}

// reading is a point of the wall line.
func reading(year int, month time.Month, day, hour, minute int) int64 {
	return time.Date(year, month, day, hour, minute, 0, 0, time.UTC).Unix()
}

// Instant returns the first instant at which the wall clock of zone shows the given time or a later one. A time
// that the clocks skip is the instant they skip it; of one that they show twice it is the first.
func Instant(zone *time.Location, year int, month time.Month, day, hour, minute int) time.Time {
	return time.Unix(earliest(zone, reading(year, month, day, hour, minute)), 0).In(zone)
}

// floorDiv divides rounding down; b is positive.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
