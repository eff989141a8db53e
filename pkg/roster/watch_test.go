package roster

import (
	"fmt"
	"testing"
	"time"
)

// hundred is a roster of 100 seats with everything in it.
func hundred(t testing.TB) *Roster {
	z := zone(t, "America/Los_Angeles")
	at := time.Date(2026, 5, 1, 8, 0, 0, 0, z)
	s := Scheme{Zone: z, Tables: []Table{{Shifts: threeShifts()}, {ID: "whole", Shifts: []Shift{{ID: "whole", From: 480, To: 480}}}},
		Rotations: []*Rotation{
			{ID: "weekly", Unit: Week, Every: 1, Start: WallClock{2026, 1, 5, 8, 0}, Order: []map[string]string{{"day": "a", "evening": "b", "night": "c"}, {"day": "b", "evening": "c", "night": "a"}}},
			{ID: "monthly", Table: "whole", Unit: Month, Every: 1, Start: WallClock{2026, 1, 31, 8, 0}},
		}, Layers: make([]Layer, 2)}
	for i := range 100 {
		seat := fmt.Sprint("seat-", i)
		p := func(s string) string { return fmt.Sprint(s, i) }
		s.Layers[0].Rows = append(s.Layers[0].Rows, Row{Seat: seat, Rotation: "weekly", Teams: map[string]string{"a": p("陈"), "b": p("林"), "c": p("黄")}})
		s.Layers[1].Rows = append(s.Layers[1].Rows, Row{Seat: seat, Rotation: "monthly", People: []string{p("郑"), p("吴")}, From: at.AddDate(0, 1, 0)})
		for d := range 50 {
			s.Overrides = append(s.Overrides, Assignment{Seat: seat, Person: p("何"), From: at.AddDate(0, 0, d), To: at.AddDate(0, 0, d).Add(time.Hour)})
			s.Leave = append(s.Leave, Leave{Person: p("陈"), Substitute: p("周"), From: at.AddDate(0, 0, 2*d), To: at.AddDate(0, 0, 2*d+1)})
		}
	}
	r, faults := Compile(s)
	if r == nil {
		t.Fatal(faults)
	}
	return r
}

// The engine asks on every decision.
func TestAskingAllocatesNothing(t *testing.T) {
	r := hundred(t)
	at := time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)
	found := 0
	if n := testing.AllocsPerRun(100, func() {
		w := r.At(at)
		for _, seat := range [...]string{"seat-0", "seat-50", "seat-99", "nowhere"} {
			if _, ok := w.Holder(seat); ok {
				found++
			}
		}
		at = at.Add(7 * time.Hour)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if found < 100 {
		t.Errorf("%d holders found", found)
	}
}

func BenchmarkHolder(b *testing.B) {
	r := hundred(b)
	at := time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)
	b.Run("at", func(b *testing.B) {
		for b.Loop() {
			r.At(at)
		}
	})
	w := r.At(at)
	b.Run("holder", func(b *testing.B) {
		for b.Loop() {
			w.Holder("seat-50")
		}
	})
	b.Run("span", func(b *testing.B) {
		for b.Loop() {
			w.Span("seat-50")
		}
	})
}

func TestNext(t *testing.T) {
	r := of(t, stint(t, "a", "陈", "2026-05-01 08:00", "2026-05-01 12:00"), stint(t, "a", "陈", "2026-05-01 12:00", "2026-05-01 16:00"), stint(t, "a", "林", "2026-05-01 16:00", "2026-05-02 00:00"))
	at := time.Date(2026, 5, 1, 9, 0, 0, 0, r.Zone())
	next, ok := r.Next("a", at)
	if !ok || next.Holder != "林" || next.From.Hour() != 16 || next.To.Sub(next.From) != 8*time.Hour {
		t.Errorf("%v %+v", ok, next)
	}
	if next, ok = r.Next("a", next.From); !ok || !next.Gap() || next.From.Hour() != 0 {
		t.Errorf("after the last: %v %+v", ok, next)
	}
	if next, ok = r.Next("a", next.From); ok {
		t.Errorf("in an endless gap: %+v", next)
	}
	if _, ok := r.Next("nowhere", at); ok {
		t.Error("an unknown seat has a next holder")
	}
}

// A gap is one, however many shifts it lasts; questions are bounded.
func TestGaps(t *testing.T) {
	r := of(t, stint(t, "a", "陈", "2026-05-01 08:00", "2026-05-01 12:00"), stint(t, "a", "林", "2026-05-02 12:00", "2026-05-02 13:00"))
	from := time.Date(2026, 5, 1, 9, 0, 0, 0, r.Zone())
	gaps := r.Gaps(from, from.AddDate(10, 0, 0))
	if len(gaps) != 2 || gaps[0].To.Sub(gaps[0].From) != 24*time.Hour || gaps[1].To.Sub(from) != MaxDays*24*time.Hour {
		t.Errorf("%+v", gaps)
	}
	if gaps := r.Gaps(from, from); len(gaps) != 0 {
		t.Errorf("in no time: %+v", gaps)
	}
	if spans := r.Between("nowhere", from, from.Add(time.Hour)); len(spans) != 1 || !spans[0].Gap() || spans[0].To.Sub(spans[0].From) != time.Hour {
		t.Errorf("of an unknown seat: %+v", spans)
	}
}

// A person who is away holds nothing, whatever names them; without a substitute the next below decides.
func TestLeave(t *testing.T) {
	z := zone(t, "Asia/Shanghai")
	all := func(p string) map[string]string { return map[string]string{"day": p, "evening": p, "night": p} }
	at := time.Date(2026, 5, 4, 0, 0, 0, 0, z)
	scheme := Scheme{Zone: z, Tables: []Table{{Shifts: threeShifts()}},
		Layers:    []Layer{{Rows: []Row{{Seat: "a", Holders: all("陈")}}}, {ID: "top", Rows: []Row{{Seat: "a", Holders: all("林")}}}},
		OneOffs:   []Assignment{{Seat: "a", Person: "黄", From: at, To: at.AddDate(0, 0, 1)}},
		Overrides: []Assignment{{Seat: "a", Person: "郑", From: at, To: at.AddDate(0, 0, 1)}}}
	leave := func(person, substitute string) Leave {
		return Leave{Person: person, Substitute: substitute, From: at, To: at.AddDate(0, 0, 1), Reason: "病假"}
	}
	for _, c := range []struct {
		leave       []Leave
		holder, why string
	}{
		{nil, "郑", "override"},
		{[]Leave{leave("郑", "")}, "黄", "one-off shift"},
		{[]Leave{leave("郑", ""), leave("黄", "")}, "林", "layer top"},
		{[]Leave{leave("郑", ""), leave("黄", ""), leave("林", "吴")}, "吴", "layer top; stands in for 林 (病假)"},
		{[]Leave{leave("郑", ""), leave("黄", ""), leave("林", "")}, "陈", "roster"},
		{[]Leave{leave("郑", "黄"), leave("黄", "吴")}, "吴", "one-off shift; stands in for 黄 (病假)"}, // a substitute who is away is none
		{[]Leave{leave("郑", ""), leave("黄", ""), leave("林", ""), leave("陈", "")}, "", "郑 is away (病假)"},
	} {
		s := scheme
		s.Leave = c.leave
		r, faults := Compile(s)
		if r == nil {
			t.Fatal(faults)
		}
		if got := r.At(at.Add(time.Hour)).Span("a"); got.Holder != c.holder || got.Why != c.why {
			t.Errorf("%v: %s, %s; want %s, %s", c.leave, got.Holder, got.Why, c.holder, c.why)
		}
		if got, _ := r.At(at.AddDate(0, 0, 1)).Holder("a"); got != "林" {
			t.Errorf("%v: the day after %s", c.leave, got)
		}
		if holes := r.Holes(); (len(holes) > 0) != (c.holder == "") {
			t.Errorf("%v: holes %+v", c.leave, holes)
		}
	}
}

func TestCompileHoldsItsBounds(t *testing.T) {
	z := time.UTC
	good := func() Scheme {
		return Scheme{Zone: z, Tables: []Table{{Shifts: threeShifts()}}, Layers: []Layer{{Rows: []Row{{Seat: "a", Holders: map[string]string{"day": "陈"}}}}}}
	}
	at := time.Date(2026, 5, 1, 0, 0, 0, 0, z)
	for name, spoil := range map[string]func(*Scheme){
		"no tables":      func(s *Scheme) { s.Tables = nil },
		"many tables":    func(s *Scheme) { s.Tables = make([]Table, MaxTables+1) },
		"many shifts":    func(s *Scheme) { s.Tables[0].Shifts = make([]Shift, MaxShifts+1) },
		"minutes":        func(s *Scheme) { s.Tables[0].Shifts = []Shift{{ID: "x", From: -480, To: -480}} },
		"many layers":    func(s *Scheme) { s.Layers = make([]Layer, MaxLayers+1) },
		"many rows":      func(s *Scheme) { s.Layers[0].Rows = make([]Row, MaxRows+1) },
		"many overrides": func(s *Scheme) { s.Overrides = make([]Assignment, MaxDated+1) },
		"many at once": func(s *Scheme) {
			for range MaxOverlap + 1 {
				s.OneOffs = append(s.OneOffs, Assignment{Seat: "a", Person: "陈", From: at, To: at.Add(time.Hour)})
			}
		},
		"long override": func(s *Scheme) {
			s.Overrides = []Assignment{{Seat: "a", Person: "陈", From: at, To: at.AddDate(0, 0, MaxDays+1)}}
		},
		"long leave":  func(s *Scheme) { s.Leave = []Leave{{Person: "陈", From: at, To: at.AddDate(0, 0, MaxDays+1)}} },
		"leave twice": func(s *Scheme) { l := Leave{Person: "陈", From: at, To: at.Add(1)}; s.Leave = []Leave{l, l} },
		"long turn":   func(s *Scheme) { s.Rotations = []*Rotation{{ID: "r", Unit: Day, Every: MaxEvery + 1}} },
		"unit":        func(s *Scheme) { s.Rotations = []*Rotation{{ID: "r", Unit: "year", Every: 1}} },
		"many turns": func(s *Scheme) {
			s.Rotations = []*Rotation{{ID: "r", Unit: Day, Every: 1, Order: make([]map[string]string, MaxTurns+1)}}
		},
		"rotation twice": func(s *Scheme) {
			s.Rotations = []*Rotation{{ID: "r", Unit: Day, Every: 1}, {ID: "r", Unit: Day, Every: 1}}
		},
		"long swap": func(s *Scheme) {
			s.Swaps = []Swap{{Person: "陈", With: "林", State: SwapAsked, Give: Stint{"a", at, at.AddDate(0, 0, MaxSwapDays+1)}}}
		},
	} {
		s := good()
		if r, faults := Compile(s); r == nil {
			t.Fatal(faults)
		}
		spoil(&s)
		if r, faults := Compile(s); r != nil || len(faults) == 0 || faults[0].Message == "" {
			t.Errorf("%s: accepted", name)
		}
	}
}
