package roster

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func threeShifts() []Shift {
	return []Shift{
		{ID: "evening", From: 16 * 60, To: 0},
		{ID: "day", From: 8 * 60, To: 16 * 60},
		{ID: "night", From: 0, To: 8 * 60},
	}
}

// fataler is a *testing.T, *testing.B or *rapid.T.
type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func zone(t fataler, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestHolder(t *testing.T) {
	r, err := New(threeShifts(), []Row{{Seat: "fire-1", Holders: map[string]string{"day": "陈", "evening": "林"}}}, zone(t, "Asia/Shanghai"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ at, shift, holder, until string }{
		{"2026-05-01T08:00:00+08:00", "day", "陈", "2026-05-01T16:00:00+08:00"},
		{"2026-05-01T15:59:59+08:00", "day", "陈", "2026-05-01T16:00:00+08:00"},
		{"2026-05-01T16:00:00+08:00", "evening", "林", "2026-05-02T00:00:00+08:00"},
		{"2026-05-01T23:59:59+08:00", "evening", "林", "2026-05-02T00:00:00+08:00"},
		{"2026-05-01T16:00:00Z", "night", "", "2026-05-02T08:00:00+08:00"},
	} {
		at, _ := time.Parse(time.RFC3339, c.at)
		w := r.At(at)
		holder, ok := w.Holder("fire-1")
		if w.Shift().ID != c.shift || holder != c.holder || ok != (c.holder != "") || w.Until().Format(time.RFC3339) != c.until {
			t.Errorf("%s: got %s %q %v until %s, want %s %q until %s", c.at, w.Shift().ID, holder, ok, w.Until().Format(time.RFC3339), c.shift, c.holder, c.until)
		}
	}
	if h := r.Holes(); len(h) != 1 || h[0].Message != `gap: nobody holds seat "fire-1" in shift "night"` {
		t.Errorf("holes %v, want the night", h)
	}
	day := time.Date(2026, 5, 1, 8, 0, 0, 0, zone(t, "Asia/Shanghai"))
	if g := r.Gaps(day, day.AddDate(0, 0, 2)); len(g) != 2 || g[0].From.Hour() != 0 || g[0].To.Sub(g[0].From) != 8*time.Hour || g[0].Shift.ID != "night" {
		t.Errorf("gaps %v, want two nights", g)
	}
}

func TestShiftsMustCoverTheDay(t *testing.T) {
	for name, shifts := range map[string][]Shift{
		"none":    nil,
		"gap":     {{ID: "a", From: 0, To: 8 * 60}, {ID: "b", From: 9 * 60, To: 0}},
		"overlap": {{ID: "a", From: 0, To: 10 * 60}, {ID: "b", From: 9 * 60, To: 0}},
		"twice":   {{ID: "a", From: 0, To: 0}, {ID: "b", From: 0, To: 0}},
	} {
		if _, err := New(shifts, nil, time.UTC); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := New([]Shift{{ID: "all", From: 8 * 60, To: 8 * 60}}, nil, time.UTC); err != nil {
		t.Errorf("24 hours from 08:00: %v", err)
	}
}

// Every instant belongs to exactly one shift, and that shift runs on until Until, also where clocks change.
func TestEveryInstantHasOneShift(t *testing.T) {
	zones := []*time.Location{zone(t, "Asia/Shanghai"), zone(t, "America/Los_Angeles"), zone(t, "Europe/London"), zone(t, "Australia/Lord_Howe")}
	rapid.Check(t, func(t *rapid.T) {
		z := rapid.SampledFrom(zones).Draw(t, "zone")
		r, err := New(threeShifts(), nil, z)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Unix(rapid.Int64Range(1_600_000_000, 1_900_000_000).Draw(t, "unix"), 0)
		w := r.At(at)
		until := w.Until()
		if d := until.Sub(at); d <= 0 || d > 26*time.Hour {
			t.Fatalf("at %v: shift %s until %v", at.In(z), w.Shift().ID, until)
		}
		if last := r.At(until.Add(-time.Second)); until.Sub(at) > time.Second && last.Shift().ID != w.Shift().ID {
			t.Fatalf("at %v: shift %s runs until %v, but just before it is %s", at.In(z), w.Shift().ID, until, last.Shift().ID)
		}
		if next := r.At(until); next.Shift().ID == w.Shift().ID {
			t.Fatalf("at %v: shift %s has not ended at %v", at.In(z), w.Shift().ID, until)
		}
	})
}
