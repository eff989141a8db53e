package roster

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// stint gives person the seat from one time to another.
func stint(t testing.TB, seat, person, from, to string) Assignment {
	t.Helper()
	z := zone(t, "Asia/Shanghai")
	a, err1 := time.ParseInLocation("2006-01-02 15:04", from, z)
	b, err2 := time.ParseInLocation("2006-01-02 15:04", to, z)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return Assignment{Seat: seat, Person: person, From: a, To: b}
}

// of makes a roster of nothing but one-off shifts, over the usual three shifts.
func of(t testing.TB, list ...Assignment) *Roster {
	t.Helper()
	r, faults := Compile(Scheme{Zone: zone(t, "Asia/Shanghai"), Tables: []Table{{Shifts: threeShifts()}}, OneOffs: list})
	if r == nil {
		t.Fatal(faults)
	}
	return r
}

func TestQuality(t *testing.T) {
	z := zone(t, "Asia/Shanghai")
	// 1 May 2026 is a Friday.
	r := of(t,
		stint(t, "a", "陈", "2026-05-01 08:00", "2026-05-01 16:00"),
		stint(t, "a", "陈", "2026-05-02 00:00", "2026-05-02 08:00"), // a night, and a Saturday; 8 hours of rest
		stint(t, "b", "陈", "2026-05-02 06:00", "2026-05-02 10:00"), // at two seats from 6 to 8
		stint(t, "b", "林", "2026-05-03 22:00", "2026-05-04 00:59"), // a minute short of three hours of night
		stint(t, "c", "黄", "2026-05-03 22:00", "2026-05-04 01:00"),
		stint(t, "a", "何", "2026-05-04 16:00", "2026-05-05 08:00"), // one entry over two shifts: no rest is missing
		stint(t, "a", "吴", "2026-05-05 16:00", "2026-05-06 00:00"),
		stint(t, "a", "吴", "2026-05-06 00:00", "2026-05-06 08:00"), // two entries that follow each other
	)
	report := r.Quality(time.Date(2026, 5, 1, 0, 0, 0, 0, z), time.Date(2026, 5, 8, 0, 0, 0, 0, z))
	got := map[string]string{}
	for _, l := range report.People {
		before := ""
		if !l.RestBefore.IsZero() {
			before = " before " + l.RestBefore.Format("02 15:04")
		}
		got[l.Person] = fmt.Sprintf("%v, %d nights, %d weekend, longest %v, rest %v%s at %v", l.Hours, l.Nights, l.Weekend, l.Longest, l.Rest, before, l.Seats)
	}
	for person, want := range map[string]string{
		"陈": "18h0m0s, 1 nights, 1 weekend, longest 10h0m0s, rest 8h0m0s before 02 00:00 at [a b]",
		"林": "2h59m0s, 0 nights, 1 weekend, longest 2h59m0s, rest 0s at [b]",
		"黄": "3h0m0s, 1 nights, 1 weekend, longest 3h0m0s, rest 0s at [c]",
		"何": "16h0m0s, 1 nights, 0 weekend, longest 16h0m0s, rest 0s at [a]",
		"吴": "16h0m0s, 1 nights, 0 weekend, longest 16h0m0s, rest 0s before 06 00:00 at [a]",
	} {
		if got[person] != want {
			t.Errorf("%s: got %s\nwant %s", person, got[person], want)
		}
	}
	if len(report.Doubles) != 1 {
		t.Fatalf("doubles: %+v", report.Doubles)
	}
	if d := report.Doubles[0]; d.Person != "陈" || d.Seats != [2]string{"a", "b"} || d.From.Hour() != 6 || d.To.Sub(d.From) != 2*time.Hour {
		t.Errorf("double: %+v", d)
	}
}

// Hours, doubles and longest stretches against a count minute by minute.
func TestQualityCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		at := anyInstant(t, z)
		r, faults := Compile(withSwaps(t, drawScheme(t, z, at), at))
		if r == nil {
			t.Fatal(faults)
		}
		from := at.Add(-24 * time.Hour).Truncate(time.Minute)
		to := from.Add(48 * time.Hour)
		busy, twice, longest, run := map[string]int{}, map[string]int{}, map[string]int{}, map[string]int{}
		for m := from; m.Before(to); m = m.Add(time.Minute) {
			a, _ := r.At(m).Holder("a")
			b, _ := r.At(m).Holder("b")
			for _, p := range append(names, "周", "姜") {
				if p != a && p != b {
					run[p] = 0
					continue
				}
				busy[p]++
				run[p]++
				longest[p] = max(longest[p], run[p])
				if a == b {
					twice[p]++
				}
			}
		}
		report := r.Quality(from, to)
		for _, d := range report.Doubles {
			twice[d.Person] -= int(d.To.Sub(d.From) / time.Minute)
		}
		for _, l := range report.People {
			if int(l.Hours/time.Minute) != busy[l.Person] || int(l.Longest/time.Minute) != longest[l.Person] || twice[l.Person] != 0 {
				t.Fatalf("%+v: want %d minutes, %d at a stretch; %d minutes at two seats not seen", l, busy[l.Person], longest[l.Person], twice[l.Person])
			}
			delete(busy, l.Person)
		}
		if len(busy) > 0 {
			t.Fatalf("not in the report: %v", busy)
		}
	})
}

func TestUneven(t *testing.T) {
	r, err := New(threeShifts(), []Row{{Seat: "a", Holders: map[string]string{"day": "陈", "evening": "林", "night": "黄"}}}, zone(t, "Asia/Shanghai"))
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 5, 4, 0, 0, 0, 0, r.Zone())
	report := r.Quality(from, from.AddDate(0, 0, 10))
	uneven := r.Uneven(report, 9)
	if len(uneven) != 1 || uneven[0].What != "nights" || uneven[0].Most.Person != "黄" || uneven[0].Count(uneven[0].Most) != 10 || uneven[0].Count(uneven[0].Least) != 0 {
		t.Errorf("%+v", uneven)
	}
	if uneven := r.Uneven(report, 10); len(uneven) != 0 {
		t.Errorf("%+v", uneven)
	}
}
