package statistics

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/banyan-ecc/banyan/pkg/roster"
)

// TestHistogram holds quantiles against the durations themselves, whole and put together from parts.
func TestHistogram(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		r2 := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
		n := rapid.IntRange(1, 400).Draw(r, "n")
		all := make([]time.Duration, n)
		var whole, parts Tally
		for i := range all {
			all[i] = time.Duration(r2.Int64N(int64(time.Hour) << r2.IntN(10)))
			whole.Stages[Acknowledge].Add(all[i])
			var one Tally
			one.Counts[Tasks]++
			one.Stages[Acknowledge].Add(all[i])
			if err := parts.MergeBytes(one.Append(nil)); err != nil {
				r.Fatal(err)
			}
		}
		slices.Sort(all)
		if parts.Counts[Tasks] != uint64(n) || parts.Stages[Acknowledge].N() != uint64(n) {
			r.Fatalf("%d counted, %d there are", parts.Counts[Tasks], n)
		}
		for _, q := range []float64{0, 0.1, 0.5, 0.9, 1} {
			want := all[int(q*float64(n-1))]
			for _, h := range []*Histogram{&whole.Stages[Acknowledge], &parts.Stages[Acknowledge]} {
				if got := h.Quantile(q); (got - want).Abs() > want/31+time.Millisecond {
					r.Fatalf("quantile %v of %d: %v, want %v", q, n, got, want)
				}
			}
		}
	})
}

func FuzzTally(f *testing.F) {
	var t Tally
	t.Counts[Incidents] = 3
	t.Stages[Reported].Add(time.Second)
	f.Add(t.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var tally Tally
		if tally.MergeBytes(b) != nil {
			return
		}
		var again Tally
		if err := again.MergeBytes(tally.Append(nil)); err != nil || FiguresOf(&again).Counts["alerts"] != tally.Counts[Alerts] {
			t.Fatal(err)
		}
	})
}

func rosterIn(t *testing.T, zone string) *roster.Roster {
	t.Helper()
	z, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	shifts := []roster.Shift{{ID: "day", From: 8*60 + 30, To: 20 * 60}, {ID: "night", From: 20 * 60, To: 8*60 + 30}}
	r, err := roster.New(shifts, nil, z)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestPeriodsOverClockChanges: periods follow each other without gap or overlap whatever the clocks do, and no slot
// lies in two of them.
func TestPeriodsOverClockChanges(t *testing.T) {
	for _, zone := range []string{"Asia/Shanghai", "America/Los_Angeles", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu"} {
		r := rosterIn(t, zone)
		z := Zone{r.Zone(), []int{30}}
		for _, year := range []int{2017, 2026} { // São Paulo skipped midnights until 2018
			from := time.Date(year, 1, 1, 0, 0, 0, 0, r.Zone())
			for _, by := range []string{ByShift, ByDay, ByWeek, ByMonth} {
				to := time.Date(year, 12, 31, 0, 0, 0, 0, r.Zone())
				periods, err := Cut(by, from, to, r)
				if err != nil {
					t.Fatal(err)
				}
				at := from
				for _, p := range periods {
					if !p.From.Equal(at) || !p.From.Before(p.To) {
						t.Fatalf("%s by %s: %v to %v follows %v", zone, by, p.From, p.To, at)
					}
					if s := z.Slot(p.From); !s.Equal(p.From) {
						t.Fatalf("%s by %s: %v begins within the slot of %v", zone, by, p.From, s)
					}
					at = p.To
				}
				if !at.Equal(to) {
					t.Fatalf("%s by %s: ends at %v", zone, by, at)
				}
			}
		}
	}
	r := rosterIn(t, "America/Los_Angeles")
	hours := func(day int, month time.Month) int {
		from := time.Date(2026, month, day, 0, 0, 0, 0, r.Zone())
		periods, err := Cut(ByHour, from, from.AddDate(0, 0, 1), r)
		if err != nil {
			t.Fatal(err)
		}
		return len(periods)
	}
	if a, b, c := hours(8, 3), hours(1, 11), hours(2, 11); a != 23 || b != 25 || c != 24 {
		t.Errorf("days of %d, %d and %d hours, want 23, 25 and 24", a, b, c)
	}
}

func TestBefore(t *testing.T) {
	z, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	at := func(m time.Month, d, h int) time.Time { return time.Date(2026, m, d, h, 0, 0, 0, z) }
	for _, x := range []struct{ from, to, want time.Time }{
		{at(3, 1, 0), at(4, 1, 0), at(2, 1, 0)},     // a month, the one before is shorter
		{at(3, 8, 0), at(3, 9, 0), at(3, 7, 0)},     // a day of 23 hours
		{at(3, 9, 0), at(3, 16, 0), at(3, 2, 0)},    // a week
		{at(5, 5, 8), at(5, 5, 16), at(5, 5, 0)},    // a shift
		{at(5, 10, 0), at(5, 12, 12), at(5, 7, 12)}, //
	} {
		if b := Before(x.from, x.to, z); !b.From.Equal(x.want) || !b.To.Equal(x.from) {
			t.Errorf("before %v to %v: %v to %v, want from %v", x.from, x.to, b.From, b.To, x.want)
		}
	}
}
