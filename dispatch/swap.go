package dispatch

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// Swap 换班 is a request that somebody else takes a shift: asked, accepted, approved by a third. Only an approved
// one changes the roster.
type Swap struct {
	ID         string           `json:"id"`
	Department string           `json:"department"`
	Person     string           `json:"person"` // who asks
	With       string           `json:"with"`
	Give       Stint            `json:"give"`             // Person's, that With is to take
	Return     *Stint           `json:"return,omitempty"` // With's, that Person takes for it
	State      roster.SwapState `json:"state"`
	ApprovedBy string           `json:"approved_by,omitempty"`
	Reason     string           `json:"reason,omitempty"` // why it is asked for, or refused
	AskedAt    alert.Time       `json:"asked_at"`
	At         alert.Time       `json:"at"` // of the last step
}

// Stint is a time at a seat.
type Stint struct {
	Seat string     `json:"seat"`
	From alert.Time `json:"from"`
	To   alert.Time `json:"to"`
}

func (s *Swap) forRoster() roster.Swap {
	out := roster.Swap{ID: s.ID, Person: s.Person, With: s.With, Give: s.Give.forRoster(), State: s.State, ApprovedBy: s.ApprovedBy, Reason: s.Reason}
	if s.Return != nil {
		out.Return = s.Return.forRoster()
	}
	return out
}

func (t Stint) forRoster() roster.Stint {
	return roster.Stint{Seat: t.Seat, From: t.From.Std(), To: t.To.Std()}
}

// end is when nothing of the swap is to come any more.
func (s *Swap) end() alert.Time {
	if s.Return != nil {
		return max(s.Give.To, s.Return.To)
	}
	return s.Give.To
}

// askSwap asks for a swap in the name of who acts.
func (d *decision) askSwap() error {
	if d.c.Swap == nil {
		return needs("give", "is required: seat, from, to")
	}
	s := Swap{ID: swapPrefix + strconv.FormatUint(d.s.seq+1, 10), Person: d.c.By.Name, With: d.c.Swap.With, Give: d.c.Swap.Give,
		Return: d.c.Swap.Return, State: roster.SwapAsked, Reason: d.c.Swap.Reason, AskedAt: d.c.At, At: d.c.At}
	var err error
	if s.Department, err = d.departmentOf("give.seat", s.Give.Seat); err != nil {
		return err
	}
	if err := d.ofDepartment(s.Department); err != nil {
		return err
	}
	switch {
	case s.With == "" || s.With == s.Person || len(s.With) > alert.MaxNameBytes:
		return needs("with", "is required: somebody else, by the name the roster has")
	case s.Give.From <= d.c.At:
		return needs("give.from", "is past: a shift that has begun is handed over, not swapped")
	case len(s.Reason) > alert.MaxReasonBytes:
		return needs("reason", fmt.Sprintf("is %d bytes long, at most %d are taken", len(s.Reason), alert.MaxReasonBytes))
	case len(d.s.amends.swaps) >= MaxAmendments:
		return alert.Errorf(alert.CodeConflict, "%d swaps are kept already, the most there may be", MaxAmendments)
	}
	if s.Return != nil {
		department, err := d.departmentOf("return.seat", s.Return.Seat)
		switch {
		case err != nil:
			return err
		case department != s.Department:
			return needs("return.seat", "is of another department")
		case s.Return.From <= d.c.At:
			return needs("return.from", "is past")
		}
	}
	// Would it fit, once approved? Asking for what cannot be would waste two people's time.
	if _, err := d.swapped(s, roster.SwapApproved); err != nil {
		return err
	}
	d.emit(Event{Type: RosterAmended, Seat: s.Give.Seat, Swap: &s, By: d.c.By})
	return nil
}

// swapped compiles the roster with s in a state.
func (d *decision) swapped(s Swap, state roster.SwapState) (*roster.Roster, error) {
	if s.State = state; s.ApprovedBy == "" {
		s.ApprovedBy = "-" // whoever it will be
	}
	next := d.s.amends.with(nil, &s)
	made, faults := next.compile(d.city)
	if len(faults) > 0 {
		return nil, needs(fieldOf(faults[0].Part), faults[0].Message)
	}
	err := d.takes(made, "with", s.With, s.Give)
	if err == nil && s.Return != nil {
		err = d.takes(made, "return", s.Person, *s.Return)
	}
	return made, err
}

// takes refuses a swap after which, by the roster made, the person would not be at the seat, or at another as well.
func (d *decision) takes(made *roster.Roster, field, person string, at Stint) error {
	show := func(t time.Time) string { return t.In(d.city.Zone).Format("2006-01-02 15:04") }
	for _, span := range made.Between(at.Seat, at.From.Std(), at.To.Std()) {
		if span.Holder != person {
			return needs(field, fmt.Sprintf("%s would not be at seat %s at %s: %s", person, at.Seat, show(span.From), span.Why))
		}
	}
	for _, other := range made.SeatsOf(person) {
		for _, span := range made.Between(other, at.From.Std(), at.To.Std()) {
			if span.Holder == person && other != at.Seat {
				return needs(field, fmt.Sprintf("%s is at seat %s at %s: nobody is at two seats at once", person, other, show(span.From)))
			}
		}
	}
	return nil
}

// stepSwap moves a swap on. The API has made sure that whoever approves may.
func (d *decision) stepSwap() error {
	i := slices.IndexFunc(d.s.amends.swaps, func(s *Swap) bool { return s.ID == d.c.Target })
	if i < 0 {
		return alert.Errorf(alert.CodeNotFound, "no swap %q; GET /api/v1/swaps lists them", d.c.Target)
	}
	was := d.s.amends.swaps[i]
	if err := d.ofDepartment(was.Department); err != nil {
		return err
	}
	to := map[alert.Action]roster.SwapState{alert.ActAccept: roster.SwapAccepted, alert.ActApprove: roster.SwapApproved,
		alert.ActRefuse: roster.SwapRefused, alert.ActWithdraw: roster.SwapWithdrawn}[d.c.Action]
	if was.State == to {
		return nil // again: the answer was lost
	}
	stepped, err := was.forRoster().Step(to, d.c.By.Name)
	if err != nil {
		return alert.Errorf(alert.CodeConflict, "%v", err)
	}
	next := *was
	next.State, next.ApprovedBy, next.At = stepped.State, stepped.ApprovedBy, d.c.At
	if to == roster.SwapRefused {
		next.Reason = orElse(d.c.Reason, next.Reason)
	}
	e := Event{Type: RosterAmended, Seat: next.Give.Seat, Swap: &next, By: d.c.By, Reason: d.c.Reason}
	if to == roster.SwapApproved {
		if next.Give.From <= d.c.At {
			return alert.Errorf(alert.CodeConflict, "swap %s is of a shift that has begun", was.ID)
		}
		if e.roster, err = d.swapped(next, roster.SwapApproved); err != nil {
			return err
		}
	}
	d.emit(e)
	return nil
}
