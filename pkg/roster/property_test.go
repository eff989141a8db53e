package roster

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var names = []string{"陈", "林", "黄", "郑", "吴", "何"}

// drawScheme draws a roster of everything there is, alive around at.
func drawScheme(t *rapid.T, z *time.Location, at time.Time) Scheme {
	s := Scheme{Zone: z, Seats: []string{"a", "b"}}
	for i := range rapid.IntRange(1, 3).Draw(t, "tables") {
		s.Tables = append(s.Tables, drawTable(t, i))
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "rotations") {
		s.Rotations = append(s.Rotations, drawRotation(t, &s, i, at))
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "layers") {
		l := Layer{ID: fmt.Sprint("layer", i)}
		if i > 0 && rapid.Bool().Draw(t, "dated") {
			l.From, l.To = drawTimes(t, at, 60*40)
		}
		for _, seat := range s.Seats {
			if i > 0 && rapid.Bool().Draw(t, "absent") {
				continue
			}
			if rapid.Bool().Draw(t, "one row") {
				l.Rows = append(l.Rows, drawRow(t, &s, seat))
				continue
			}
			before, after := drawRow(t, &s, seat), drawRow(t, &s, seat)
			before.To, after.From = drawTimes(t, at, 60*8)
			l.Rows = append(l.Rows, after, before)
		}
		s.Layers = append(s.Layers, l)
	}
	for range rapid.IntRange(0, 3).Draw(t, "one-offs") {
		s.OneOffs = append(s.OneOffs, drawAssignment(t, at))
	}
	for range rapid.IntRange(0, 3).Draw(t, "overrides") {
		s.Overrides = append(s.Overrides, drawAssignment(t, at))
	}
	for i, person := range names {
		if i != 0 && namedIn(&s, person) && rapid.Bool().Draw(t, "away") {
			l := Leave{Person: person}
			l.From, l.To = drawTimes(t, at, 60*30)
			if l.Substitute = rapid.SampledFrom(append([]string{"", "", "姜"}, names...)).Draw(t, "substitute"); l.Substitute == person {
				l.Substitute = ""
			}
			s.Leave = append(s.Leave, l)
		}
	}
	return s
}

// namedIn reports whether a row or assignment names person.
func namedIn(s *Scheme, person string) bool {
	for _, l := range s.Layers {
		for _, r := range l.Rows {
			if slices.Contains(r.People, person) || slices.Contains(slices.Collect(maps.Values(r.Holders)), person) || slices.Contains(slices.Collect(maps.Values(r.Teams)), person) {
				return true
			}
		}
	}
	return slices.ContainsFunc(s.OneOffs, func(a Assignment) bool { return a.Person == person }) ||
		slices.ContainsFunc(s.Overrides, func(a Assignment) bool { return a.Person == person })
}

func drawTable(t *rapid.T, i int) Table {
	cuts := rapid.SliceOfNDistinct(rapid.IntRange(0, 95), 1, 5, rapid.ID[int]).Draw(t, "cuts")
	table := Table{ID: fmt.Sprint("table", i)}
	for j, cut := range cuts {
		to := cut + 96
		for _, other := range cuts { // the next one, round the clock
			if d := (other - cut + 96) % 96; d > 0 && d < to-cut {
				to = cut + d
			}
		}
		table.Shifts = append(table.Shifts, Shift{ID: fmt.Sprintf("t%ds%d", i, j), From: cut * 15, To: to % 96 * 15})
	}
	return table
}

func drawRotation(t *rapid.T, s *Scheme, i int, at time.Time) *Rotation {
	table := rapid.SampledFrom(s.Tables).Draw(t, "of table")
	unit := rapid.SampledFrom([]Unit{Hour, PerShift, Day, Week, Month}).Draw(t, "unit")
	start := at.AddDate(0, 0, rapid.IntRange(-45, 20).Draw(t, "start"))
	r := &Rotation{ID: fmt.Sprint("rotation", i), Table: table.ID, Unit: unit, Every: rapid.IntRange(1, 3).Draw(t, "every"),
		Start: WallClock{start.Year(), start.Month(), start.Day(), start.Hour(), rapid.SampledFrom([]int{0, 30}).Draw(t, "minute")}}
	for range rapid.IntRange(0, 3).Draw(t, "turns") {
		turn := map[string]string{}
		for _, shift := range table.Shifts {
			turn[shift.ID] = rapid.SampledFrom([]string{"甲", "乙", "丙", ""}).Draw(t, "team")
		}
		r.Order = append(r.Order, turn)
	}
	return r
}

func drawRow(t *rapid.T, s *Scheme, seat string) Row {
	row := Row{Seat: seat}
	person := rapid.SampledFrom(names)
	if len(s.Rotations) > 0 && rapid.IntRange(0, 3).Draw(t, "kind of row") > 0 {
		r := rapid.SampledFrom(s.Rotations).Draw(t, "rotation")
		row.Rotation = r.ID
		if len(r.Order) == 0 {
			row.People = rapid.SliceOfN(person, 1, 4).Draw(t, "people")
			return row
		}
		row.Teams = map[string]string{}
		for _, turn := range r.Order {
			for _, shift := range tableOf(*s, r.Table).Shifts {
				if team := turn[shift.ID]; team != "" && row.Teams[team] == "" {
					row.Teams[team] = person.Draw(t, "who")
				}
			}
		}
		return row
	}
	row.Holders = map[string]string{}
	for _, shift := range rapid.SampledFrom(s.Tables).Draw(t, "table").Shifts {
		if rapid.IntRange(0, 3).Draw(t, "named") > 0 {
			row.Holders[shift.ID] = person.Draw(t, "who")
		}
	}
	return row
}

// drawTimes draws two times, the second after the first, within a day of at.
func drawTimes(t *rapid.T, at time.Time, mostMinutes int) (time.Time, time.Time) {
	from := at.Add(time.Duration(rapid.IntRange(-24*4, 24*4).Draw(t, "from")) * 15 * time.Minute).Truncate(time.Minute)
	return from, from.Add(time.Duration(rapid.IntRange(1, mostMinutes).Draw(t, "long")) * time.Minute)
}

func drawAssignment(t *rapid.T, at time.Time) Assignment {
	a := Assignment{Seat: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "seat"), Person: rapid.SampledFrom(names).Draw(t, "person")}
	a.From, a.To = drawTimes(t, at, 60*20)
	return a
}

// withSwaps adds swaps of shifts as they are held around at; some are only asked for or refused.
func withSwaps(t *rapid.T, s Scheme, at time.Time) Scheme {
	for i := range rapid.IntRange(0, 3).Draw(t, "swaps") {
		r, faults := Compile(s)
		if r == nil {
			t.Fatal(faults)
		}
		var held []Span
		for _, span := range append(r.Between("a", at.Add(-24*time.Hour), at.Add(24*time.Hour)), r.Between("b", at.Add(-24*time.Hour), at.Add(24*time.Hour))...) {
			if !span.Gap() && span.InsteadOf == "" && span.Why != "override" && span.To.Sub(span.From) <= MaxSwapDays*24*time.Hour {
				held = append(held, span)
			}
		}
		if len(held) == 0 {
			continue
		}
		span := rapid.SampledFrom(held).Draw(t, "swapped")
		w := Swap{ID: fmt.Sprint("s", i), Person: span.Holder, With: "周", Give: Stint{span.Seat, span.From, span.To},
			State: rapid.SampledFrom([]SwapState{SwapApproved, SwapApproved, SwapAsked, SwapAccepted, SwapRefused, SwapWithdrawn}).Draw(t, "state")}
		if w.State == SwapApproved {
			w.ApprovedBy = "领导"
		}
		next := s
		next.Swaps = append(next.Swaps[:len(next.Swaps):len(next.Swaps)], w)
		if r, _ := Compile(next); r != nil { // else it overlaps with another swap
			s = next
		}
	}
	return s
}

// Every seat has the holder the oracle names at every minute of two days, in any zone, around changes of the
// clocks, month ends and leap days; and the spans say the same, without gap or overlap.
func TestEveryMinuteHasOneHolderOrIsAGap(t *testing.T) {
	held, empty := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		z := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		at := anyInstant(t, z)
		s := withSwaps(t, drawScheme(t, z, at), at)
		r, faults := Compile(s)
		if r == nil {
			t.Fatal(faults)
		}
		from := at.Add(-24 * time.Hour).Truncate(time.Minute)
		to := from.Add(48 * time.Hour)
		o := livesFrom(s, shown(z, from.Unix()))
		spans := map[string][]Span{}
		for _, seat := range s.Seats {
			spans[seat] = r.Between(seat, from, to)
			partition(t, r, spans[seat], from, to)
		}
		high := int64(0)
		for m := from.Unix() - 30*hourS; m < from.Unix(); m += minuteS {
			high = max(high, shown(z, m+minuteS-1))
		}
		for m := from.Unix(); m < to.Unix(); m += minuteS {
			w := max(high, shown(z, m))
			high = max(w, shown(z, m+minuteS-1))
			watch := r.At(time.Unix(m, 0))
			for _, seat := range s.Seats {
				want := o.holder(seat, m, w)
				got, on := watch.Holder(seat)
				for len(spans[seat]) > 1 && spans[seat][0].To.Unix() <= m {
					spans[seat] = spans[seat][1:]
				}
				if got != want || on != (want != "") || spans[seat][0].Holder != want {
					t.Fatalf("seat %s at %v (wall %v): held by %q, span says %q, want %q", seat, time.Unix(m, 0).In(z), time.Unix(w, 0).UTC(), got, spans[seat][0].Holder, want)
				}
				if on {
					held++
				} else {
					empty++
				}
			}
		}
	})
	if held == 0 || empty == 0 {
		t.Errorf("%d minutes held, %d empty: the schemes are not varied", held, empty)
	}
}

// partition checks that spans are exactly [from, to), differ from their neighbours, and that a watch within
// one, and the list of gaps, agree with it.
func partition(t *rapid.T, r *Roster, spans []Span, from, to time.Time) {
	if len(spans) == 0 || !spans[0].From.Equal(from) || !spans[len(spans)-1].To.Equal(to) {
		t.Fatalf("the spans are not of %v to %v: %+v", from, to, spans)
	}
	gap := time.Duration(0)
	for i, s := range spans {
		if !s.To.After(s.From) {
			t.Fatalf("an empty span: %+v", s)
		}
		if i > 0 && !spans[i-1].To.Equal(s.From) {
			t.Fatalf("%+v does not follow %+v", s, spans[i-1])
		}
		if s.Gap() {
			gap += s.To.Sub(s.From)
		}
		middle := s.From.Add(s.To.Sub(s.From) / 2)
		got := r.At(middle).Span(s.Seat)
		if i > 0 && i < len(spans)-1 && got != s {
			t.Fatalf("at %v: %+v\nbut in the list %+v", middle, got, s)
		}
		if got.Holder != s.Holder || got.Shift != s.Shift || got.From.After(s.From) || got.To.Before(s.To) {
			t.Fatalf("at %v: %+v\nbut in the list %+v", middle, got, s)
		}
	}
	for _, g := range r.Gaps(from, to) {
		if g.Seat == spans[0].Seat {
			gap -= g.To.Sub(g.From)
		}
	}
	if gap != 0 {
		t.Fatalf("gaps and spans differ by %v", gap)
	}
}
