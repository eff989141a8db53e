package roster

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// Who may move a swap from one state to another; everything else is refused.
func TestSwapSteps(t *testing.T) {
	allowed := map[SwapState]map[SwapState]string{
		SwapAsked:    {SwapAccepted: "with", SwapRefused: "with", SwapWithdrawn: "person"},
		SwapAccepted: {SwapApproved: "leader", SwapRefused: "leader", SwapWithdrawn: "person"},
	}
	for _, from := range SwapStates {
		for _, to := range SwapStates {
			for _, by := range []string{"person", "with", "leader", ""} {
				s := Swap{ID: "s", Person: "person", With: "with", State: from}
				next, err := s.Step(to, by)
				may := by != "" && allowed[from][to] == by
				switch {
				case may && (err != nil || next.State != to):
					t.Errorf("%s makes %s %s: %v, %s", by, from, to, err, next.State)
				case !may && (!errors.Is(err, ErrSwap) || next.State != from || next.ApprovedBy != ""):
					t.Errorf("%q may make %s %s: %v", by, from, to, err)
				case may && (next.ApprovedBy == by) != (to == SwapApproved):
					t.Errorf("%s made %s by %s: approved by %q", from, to, by, next.ApprovedBy)
				}
			}
		}
	}
}

// A swap counts only while it is approved, only for the shift it names, and only if the giver has it.
func TestSwapCounts(t *testing.T) {
	z := zone(t, "Asia/Shanghai")
	day := func(d int) Stint {
		from, to := threeShifts()[1].Times(z, 2026, 5, d)
		return Stint{"a", from, to}
	}
	scheme := Scheme{Zone: z, Tables: []Table{{Shifts: threeShifts()}}, Layers: []Layer{{Rows: []Row{{Seat: "a", Holders: map[string]string{"day": "陈", "evening": "林", "night": "黄"}}}}}}
	for _, state := range SwapStates {
		s := scheme
		s.Swaps = []Swap{{ID: "s", Person: "陈", With: "林", Give: day(4), State: state}}
		if state == SwapApproved {
			s.Swaps[0].ApprovedBy = "吴"
		}
		r, faults := Compile(s)
		if r == nil {
			t.Fatal(faults)
		}
		want := map[bool]string{true: "林", false: "陈"}[state == SwapApproved]
		for _, at := range []time.Time{day(4).From, day(4).To.Add(-time.Second)} {
			if got, _ := r.At(at).Holder("a"); got != want {
				t.Errorf("%s: at %v %s, want %s", state, at, got, want)
			}
		}
		if got, _ := r.At(day(5).From).Holder("a"); got != "陈" {
			t.Errorf("%s: the next day %s", state, got)
		}
	}
	stale := scheme
	stale.Swaps = []Swap{{ID: "s", Person: "林", With: "黄", Give: day(4), State: SwapApproved, ApprovedBy: "吴"}}
	if r, faults := Compile(stale); r != nil || !strings.Contains(faults[0].Error(), `林 does not hold seat "a" at 2026-05-04 08:00`) {
		t.Errorf("a swap of somebody else's shift: %v", faults)
	}
}
