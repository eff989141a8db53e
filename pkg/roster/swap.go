package roster

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"
)

// SwapState is how far a swap has come. Only an approved one counts.
type SwapState string

// The states: asked → accepted → approved, or refused or withdrawn on the way.
const (
	SwapAsked     SwapState = "asked"
	SwapAccepted  SwapState = "accepted"
	SwapApproved  SwapState = "approved"
	SwapRefused   SwapState = "refused"
	SwapWithdrawn SwapState = "withdrawn"
)

// SwapStates are all states.
var SwapStates = []SwapState{SwapAsked, SwapAccepted, SwapApproved, SwapRefused, SwapWithdrawn}

// Swap 换班: Person asks that With take a shift, perhaps for one of With's in return.
type Swap struct {
	ID           string
	Person, With string
	Give         Stint
	Return       Stint // zero: nothing in return
	State        SwapState
	ApprovedBy   string // of an approved one; neither of the two
	Reason       string
}

// Stint is a shift at a seat.
type Stint struct {
	Seat     string
	From, To time.Time // at most MaxSwapDays
}

// ErrSwap is wrapped by every refusal to change a swap.
var ErrSwap = errors.New("swap")

// Step returns s as it is after by has moved it to state to. Accepting and refusing an asked one is With's;
// withdrawing is Person's, until it is approved; approving or refusing an accepted one is for somebody else
// (whoever may edit the roster: the caller sees to that).
func (s Swap) Step(to SwapState, by string) (Swap, error) {
	third := by != "" && by != s.Person && by != s.With
	var may bool
	switch {
	case s.State == SwapAsked && (to == SwapAccepted || to == SwapRefused):
		may = by == s.With
	case s.State == SwapAccepted && (to == SwapApproved || to == SwapRefused):
		may = third
	case (s.State == SwapAsked || s.State == SwapAccepted) && to == SwapWithdrawn:
		may = by == s.Person
	default:
		return s, fmt.Errorf("%w %q is %s and cannot become %s", ErrSwap, s.ID, s.State, to)
	}
	if !may {
		return s, fmt.Errorf("%w %q: it is not for %q to make it %s", ErrSwap, s.ID, by, to)
	}
	if s.State = to; to == SwapApproved {
		s.ApprovedBy = by
	}
	return s, nil
}

func (c *compiler) readSwaps(list []Swap) {
	for i, s := range list {
		if message := s.wrong(); message != "" {
			c.fault(PartSwaps, 0, i, "%s", message)
			continue
		}
		if s.State != SwapApproved {
			continue
		}
		c.leg(i, s.ID, s.Give, s.Person, s.With)
		if s.Return != (Stint{}) {
			c.leg(i, s.ID, s.Return, s.With, s.Person)
		}
	}
	for _, s := range c.r.order {
		slices.SortStableFunc(s.legs, func(a, b leg) int { return compare(a.from, b.from) })
		for i := 1; i < len(s.legs); i++ {
			if s.legs[i].from < s.legs[i-1].to {
				c.fault(PartSwaps, 0, max(s.legs[i].origin, s.legs[i-1].origin), "another approved swap of seat %q is about the same time", s.id)
			}
		}
	}
}

// wrong says what is wrong with s by itself.
func (s *Swap) wrong() string {
	switch {
	case !slices.Contains(SwapStates, s.State):
		return fmt.Sprintf("state %q: want asked, accepted, approved, refused or withdrawn", s.State)
	case s.Person == "" || s.With == "" || s.Person == s.With:
		return "want two different people"
	case s.State == SwapApproved && (s.ApprovedBy == "" || s.ApprovedBy == s.Person || s.ApprovedBy == s.With):
		return "an approved swap says who approved it, neither of the two who swap"
	}
	for _, st := range []Stint{s.Give, s.Return} {
		if n := st.To.Sub(st.From); st != (Stint{}) && (n <= 0 || n > MaxSwapDays*24*time.Hour) {
			return fmt.Sprintf("a swapped shift lasts %v: want more than nothing, at most %d days", n, MaxSwapDays)
		}
	}
	if s.Give == (Stint{}) {
		return "no shift is given"
	}
	return ""
}

func (c *compiler) leg(origin int, id string, st Stint, give, take string) {
	s := c.seat(st.Seat)
	s.legs = append(s.legs, leg{from: st.From.Unix(), to: st.To.Unix(), give: give, take: take, swap: id, origin: origin})
}

// swapped returns who has the seat in place of person at t: person, where no approved swap says otherwise.
func (s *seat) swapped(person string, t int64) (string, *leg) {
	i := sort.Search(len(s.legs), func(i int) bool { return s.legs[i].from > t }) - 1
	if i < 0 || t >= s.legs[i].to || s.legs[i].give != person {
		return person, nil
	}
	return s.legs[i].take, &s.legs[i]
}

// checkSwaps finds approved swaps of shifts that are not the giver's: somebody would wrongly think to be off.
// A giver who is away counts as having the shift.
func (c *compiler) checkSwaps() {
	for _, s := range c.r.order {
		for i := range s.legs {
			l := &s.legs[i]
			for t := l.from; t < l.to; {
				w := highest(c.r.zone, t)
				if !c.r.gives(s, l, t, w) {
					c.fault(PartSwaps, 0, l.origin, "%s does not hold seat %q at %s", l.give, s.id, c.r.show(t))
					break
				}
				t = c.r.next(s, t, w)
			}
		}
	}
}

// gives reports whether the swap l is of a shift that its giver has at t.
func (r *Roster) gives(s *seat, l *leg, t, w int64) bool {
	for _, i := range s.assignedAt(t) {
		if a := &r.assigned[i]; a.kind == byOneOff && a.person == l.give {
			return true
		}
	}
	for _, layer := range s.layers {
		if row := layer.at(t); row != nil {
			name, _, _ := row.person(w)
			if name == l.give {
				return true
			}
			if there, _ := r.there(name, t); there != "" {
				return false
			}
		}
	}
	return false
}
