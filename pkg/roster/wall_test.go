package roster

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// zones have every kind of change of the clocks: none, an hour, half an hour, in winter, and a whole day left out.
var zones = []string{"Asia/Shanghai", "America/Los_Angeles", "Europe/London", "Australia/Lord_Howe", "America/St_Johns",
	"Africa/Casablanca", "Pacific/Apia", "Pacific/Kiritimati", "UTC"}

// anyInstant draws an instant within a day and a half of a change of the clocks, a month's end or a leap day.
func anyInstant(t *rapid.T, zone *time.Location) time.Time {
	year := rapid.IntRange(2008, 2060).Draw(t, "year")
	var around time.Time
	switch rapid.IntRange(0, 3).Draw(t, "around") {
	case 0: // the change before some day, if the zone has any
		_, around = time.Date(year, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), 1, 0, 0, 0, 0, zone).ZoneBounds()
		if around.IsZero() {
			around = time.Date(year, 6, 1, 0, 0, 0, 0, zone)
		}
	case 1: // in Apia, 30 December 2011 was not
		around = time.Date(2011, 12, 30, 0, 0, 0, 0, zone)
	case 2:
		around = time.Date(year&^3, 2, 29, 12, 0, 0, 0, zone)
	default:
		around = time.Date(year, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), 1, 0, 0, 0, 0, zone)
	}
	return around.Add(time.Duration(rapid.IntRange(-36*60, 36*60).Draw(t, "minutes")) * time.Minute).Truncate(time.Minute)
}

// shown is what the wall clock of zone shows at t, as a point of the wall line.
func shown(zone *time.Location, t int64) int64 {
	at := time.Unix(t, 0).In(zone)
	return time.Date(at.Year(), at.Month(), at.Day(), at.Hour(), at.Minute(), at.Second(), 0, time.UTC).Unix()
}

// Both functions against going through time second by second, or as good as: minute by minute and one second less.
func TestWallLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		from := anyInstant(t, z).Unix()
		from -= from % minuteS
		high := int64(0)
		for s := from - 30*hourS; s < from; s += minuteS {
			high = max(high, shown(z, s), shown(z, s+minuteS-1))
		}
		asked := map[int64]int64{} // reading → first instant that showed it or more
		for s := from; s < from+6*hourS; s += minuteS {
			now := max(high, shown(z, s))
			if got := highest(z, s); got != now {
				t.Fatalf("highest at %v is %v, want %v", time.Unix(s, 0).In(z), time.Unix(got, 0).UTC(), time.Unix(now, 0).UTC())
			}
			for w := high + minuteS - high%minuteS; w <= now && w <= high+4*hourS; w += minuteS {
				asked[w] = s
			}
			high = max(now, shown(z, s+minuteS-1))
		}
		if len(asked) < 120 { // the clocks stand still for at most a day; nowhere in these zones for four hours
			t.Fatalf("only %d readings in six hours", len(asked))
		}
		for w, want := range asked {
			if got := earliest(z, w); got != want {
				t.Fatalf("earliest to show %v is %v, want %v", time.Unix(w, 0).UTC(), time.Unix(got, 0).In(z), time.Unix(want, 0).In(z))
			}
		}
	})
}

// earliest(w) <= t exactly where w <= highest(t).
func TestWallLineAndTimeAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		at := anyInstant(t, z).Unix() + rapid.Int64Range(-2, 60).Draw(t, "seconds")
		w := shown(z, at) + rapid.Int64Range(-4*hourS, 4*hourS).Draw(t, "off")
		if (earliest(z, w) <= at) != (w <= highest(z, at)) {
			t.Fatalf("at %v: highest reading %v; reading %v first shown at %v", time.Unix(at, 0).In(z),
				time.Unix(highest(z, at), 0).UTC(), time.Unix(w, 0).UTC(), time.Unix(earliest(z, w), 0).In(z))
		}
	})
}

// So it is at every hour of years that no table of changes reaches, with their leap days.
func TestWallLineInTheFarFuture(t *testing.T) {
	for _, name := range zones {
		z := zone(t, name)
		from, to := time.Date(2036, 12, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(2045, 2, 1, 0, 0, 0, 0, time.UTC).Unix()
		for at := from; at < to; at += hourS {
			w := highest(z, at)
			for _, further := range []int64{0, 1, hourS, 8 * hourS, dayS} {
				if e := earliest(z, w+further); (e <= at) != (further == 0) {
					t.Fatalf("%s at %v: reading %v is first shown at %v", name, time.Unix(at, 0).In(z), time.Unix(w+further, 0).UTC(), time.Unix(e, 0).In(z))
				}
			}
		}
	}
}

func TestInstant(t *testing.T) {
	for _, c := range []struct {
		zone                        string
		year, month, day, hour, min int
		want                        string
		why                         string
	}{
		{"Asia/Shanghai", 2026, 5, 1, 8, 0, "2026-05-01T08:00:00+08:00", "an ordinary time"},
		{"America/Los_Angeles", 2026, 3, 8, 2, 30, "2026-03-08T03:00:00-07:00", "skipped: when the clocks skip it"},
		{"America/Los_Angeles", 2026, 11, 1, 1, 30, "2026-11-01T01:30:00-07:00", "shown twice: the first"},
		{"America/Los_Angeles", 2026, 11, 1, 2, 0, "2026-11-01T02:00:00-08:00", "the clocks go back from 2:00, which is then shown an hour later"},
		{"Europe/London", 2026, 3, 29, 1, 0, "2026-03-29T02:00:00+01:00", "skipped"},
		{"Europe/London", 2026, 10, 25, 1, 59, "2026-10-25T01:59:00+01:00", "the first of two"},
		{"Australia/Lord_Howe", 2026, 10, 4, 2, 15, "2026-10-04T02:30:00+11:00", "half an hour is skipped"},
		{"Australia/Lord_Howe", 2026, 4, 5, 1, 45, "2026-04-05T01:45:00+11:00", "half an hour is shown twice: the first"},
		{"Australia/Lord_Howe", 2026, 4, 5, 2, 0, "2026-04-05T02:00:00+10:30", "after half an hour shown twice"},
		{"Pacific/Apia", 2011, 12, 30, 12, 0, "2011-12-31T00:00:00+14:00", "a day that was not"},
		{"Asia/Shanghai", 2026, 2, 31, 24, 0, "2026-03-04T00:00:00+08:00", "days and hours run over"},
	} {
		if got := Instant(zone(t, c.zone), c.year, time.Month(c.month), c.day, c.hour, c.min).Format(time.RFC3339); got != c.want {
			t.Errorf("%s %d-%02d-%02d %02d:%02d (%s): got %s, want %s", c.zone, c.year, c.month, c.day, c.hour, c.min, c.why, got, c.want)
		}
	}
}

// A shift keeps to the wall clock: on the days when the clocks change it is longer or shorter by that much.
func TestShiftsOnDaysWhenTheClocksChange(t *testing.T) {
	for _, c := range []struct {
		zone, day string
		hours     [3]float64 // night, day, evening
	}{
		{"America/Los_Angeles", "2026-03-08", [3]float64{7, 8, 8}},
		{"America/Los_Angeles", "2026-11-01", [3]float64{9, 8, 8}},
		{"Europe/London", "2026-03-29", [3]float64{7, 8, 8}},
		{"Europe/London", "2026-10-25", [3]float64{9, 8, 8}},
		{"Australia/Lord_Howe", "2026-10-04", [3]float64{7.5, 8, 8}},
		{"Australia/Lord_Howe", "2026-04-05", [3]float64{8.5, 8, 8}},
		{"Asia/Shanghai", "2026-04-05", [3]float64{8, 8, 8}},
	} {
		z := zone(t, c.zone)
		r, err := New(threeShifts(), []Row{{Seat: "a", Holders: map[string]string{"day": "陈", "evening": "林", "night": "黄"}}}, z)
		if err != nil {
			t.Fatal(err)
		}
		at, _ := time.ParseInLocation(time.DateOnly, c.day, z)
		spans := r.Day(at.Year(), at.Month(), at.Day())
		if len(spans) != 3 {
			t.Fatalf("%s %s: %+v", c.zone, c.day, spans)
		}
		for i, s := range spans {
			if got := s.To.Sub(s.From).Hours(); got != c.hours[i] {
				t.Errorf("%s %s: %s lasts %v hours, want %v", c.zone, c.day, s.Shift.ID, got, c.hours[i])
			}
			if i > 0 && !s.From.Equal(spans[i-1].To) {
				t.Errorf("%s %s: %s does not follow %s", c.zone, c.day, s.Shift.ID, spans[i-1].Shift.ID)
			}
		}
	}
}
