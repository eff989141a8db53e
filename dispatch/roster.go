package dispatch

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// MaxAmendments bounds the amendments and the swaps that are kept, each.
const MaxAmendments = 10_000

// amendmentsKept is how long an amendment or a swap is kept after its end; the journal has them for ever.
const amendmentsKept = 100 * 24 * time.Hour

// AmendmentKind says what an amendment adds to the roster.
type AmendmentKind string

// The kinds; see roster.Scheme for which of them wins.
const (
	AmendOverride AmendmentKind = "override" // 替班
	AmendOneOff   AmendmentKind = "one_off"  // 临时班次
	AmendLeave    AmendmentKind = "leave"    // 请假
)

// Amendment is a change of the roster made while it is in force, on top of the city's configuration.
type Amendment struct {
	ID         string        `json:"id"`
	Kind       AmendmentKind `json:"kind"`
	Department string        `json:"department"`
	Seat       string        `json:"seat,omitempty"` // override, one_off
	Person     string        `json:"person"`
	Substitute string        `json:"substitute,omitempty"` // leave
	From       alert.Time    `json:"from"`
	To         alert.Time    `json:"to"`
	Reason     string        `json:"reason"`
	By         string        `json:"by"`
	At         alert.Time    `json:"at"`
}

const (
	amendmentPrefix = "ra-"
	swapPrefix      = "sw-"
)

// amends is how the roster differs from the configuration's.
type amends struct {
	roster  *roster.Roster // in force; nil before a configuration is compiled
	entries []*Amendment   // in order of making
	swaps   []*Swap        // in order of asking
}

// Roster returns the roster in force: the configuration's with what people have changed since. It is nil before
// a configuration is.
func (s *State) Roster() *roster.Roster { return s.amends.roster }

// Amendments returns the amendments in order of making. What they point to must not be written to.
func (s *State) Amendments() []*Amendment { return slices.Clone(s.amends.entries) }

// Swaps returns the swaps in order of asking. What they point to must not be written to.
func (s *State) Swaps() []*Swap { return slices.Clone(s.amends.swaps) }

// compile makes the roster of a city with a's entries. A fault stands at an index of its part; misfit tells whose.
func (a *amends) compile(city *plan.City) (*roster.Roster, []*roster.Fault) {
	scheme := city.Roster.Scheme()
	scheme.OneOffs, scheme.Overrides = slices.Clip(scheme.OneOffs), slices.Clip(scheme.Overrides)
	scheme.Leave, scheme.Swaps = slices.Clip(scheme.Leave), slices.Clip(scheme.Swaps)
	changed := false
	for _, e := range a.entries {
		from, to := e.From.Std(), e.To.Std()
		changed = true
		switch e.Kind {
		case AmendOverride:
			scheme.Overrides = append(scheme.Overrides, roster.Assignment{Seat: e.Seat, Person: e.Person, From: from, To: to, Reason: e.Reason})
		case AmendOneOff:
			scheme.OneOffs = append(scheme.OneOffs, roster.Assignment{Seat: e.Seat, Person: e.Person, From: from, To: to, Reason: e.Reason})
		case AmendLeave:
			scheme.Leave = append(scheme.Leave, roster.Leave{Person: e.Person, Substitute: e.Substitute, From: from, To: to, Reason: e.Reason})
		}
	}
	for _, s := range a.swaps {
		if s.State == roster.SwapApproved {
			changed = true
			scheme.Swaps = append(scheme.Swaps, s.forRoster())
		}
	}
	if !changed {
		return city.Roster, nil
	}
	return roster.Compile(scheme)
}

// misfit returns the amendment or swap that a fault is about, nil if it is about the configuration's own.
func (a *amends) misfit(city *plan.City, f *roster.Fault) (*Amendment, *Swap) {
	scheme := city.Roster.Scheme()
	own := map[roster.Part]int{roster.PartOneOffs: len(scheme.OneOffs), roster.PartOverrides: len(scheme.Overrides),
		roster.PartLeave: len(scheme.Leave), roster.PartSwaps: len(scheme.Swaps)}
	n := f.Index - own[f.Part]
	if f.Part == roster.PartSwaps {
		for _, s := range a.swaps {
			if s.State != roster.SwapApproved {
				continue
			}
			if n == 0 {
				return nil, s
			}
			n--
		}
		return nil, nil
	}
	kind := map[roster.Part]AmendmentKind{roster.PartOneOffs: AmendOneOff, roster.PartOverrides: AmendOverride, roster.PartLeave: AmendLeave}[f.Part]
	for _, e := range a.entries {
		if e.Kind != kind {
			continue
		}
		if n == 0 {
			return e, nil
		}
		n--
	}
	return nil, nil
}

// without returns a without one entry or swap.
func (a *amends) without(id string) amends {
	return amends{entries: slices.DeleteFunc(slices.Clone(a.entries), func(e *Amendment) bool { return e.ID == id }),
		swaps: slices.DeleteFunc(slices.Clone(a.swaps), func(s *Swap) bool { return s.ID == id })}
}

// with returns a with an entry or swap added, or in place of its former self.
func (a *amends) with(e *Amendment, s *Swap) amends {
	next := amends{entries: slices.Clone(a.entries), swaps: slices.Clone(a.swaps)}
	if e != nil {
		next.entries = append(next.entries, e)
	}
	if s != nil {
		if i := slices.IndexFunc(next.swaps, func(o *Swap) bool { return o.ID == s.ID }); i >= 0 {
			next.swaps[i] = s
		} else {
			next.swaps = append(next.swaps, s)
		}
	}
	return next
}

// settleRoster compiles the roster in force, unless the event that changed it brought it along.
func (s *State) settleRoster(made *roster.Roster) {
	switch {
	case made != nil:
		s.amends.roster = made
	case s.city != nil:
		// Amendments that do not fit a new configuration are removed by the events that follow it.
		if s.amends.roster, _ = s.amends.compile(s.city); s.amends.roster == nil {
			s.amends.roster = s.city.Roster
		}
	}
}

// applyAmended makes a RosterAmended happen.
func (s *State) applyAmended(e *Event) {
	switch {
	case e.Removed && e.Amendment != nil:
		s.amends = s.amends.without(e.Amendment.ID)
	case e.Removed && e.Swap != nil:
		s.amends = s.amends.without(e.Swap.ID)
	default:
		s.amends = s.amends.with(e.Amendment, e.Swap)
	}
	over := e.At.Add(-amendmentsKept)
	s.amends.entries = slices.DeleteFunc(s.amends.entries, func(a *Amendment) bool { return a.To < over })
	s.amends.swaps = slices.DeleteFunc(s.amends.swaps, func(w *Swap) bool { return w.end() < over })
	s.settleRoster(e.roster)
}

// actOnRoster changes the roster as somebody entitled asks.
func (d *decision) actOnRoster() error {
	if d.c.Action == alert.ActWatch {
		d.watchGaps()
		return nil
	}
	if d.c.By == nil || d.c.By.Name == "" {
		return alert.Errorf(alert.CodeForbidden, "only a person, or a key that carries a name, may change a roster")
	}
	switch d.c.Action {
	case alert.ActAmend:
		return d.amend()
	case alert.ActUnamend:
		return d.unamend()
	case alert.ActSwap:
		return d.askSwap()
	case alert.ActAccept, alert.ActApprove, alert.ActRefuse, alert.ActWithdraw:
		return d.stepSwap()
	}
	return alert.Errorf(alert.CodeInvalid, "no roster action %q", d.c.Action)
}

// ofDepartment refuses whoever is neither of a department nor of the centre.
func (d *decision) ofDepartment(department string) error {
	if d.c.By.Department == department || d.c.By.Department == plan.Centre {
		return nil
	}
	return alert.Errorf(alert.CodeForbidden, "that is for department %s, you are of %s", department, orElse(d.c.By.Department, "none"))
}

func (d *decision) amend() error {
	if d.c.Amendment == nil {
		return needs("kind", "is required: override, one_off or leave")
	}
	e := *d.c.Amendment
	e.ID, e.By, e.At = amendmentPrefix+strconv.FormatUint(d.s.seq+1, 10), d.c.By.Name, d.c.At
	var err error
	switch e.Kind {
	case AmendOverride, AmendOneOff:
		e.Department, err = d.departmentOf("seat", e.Seat)
	case AmendLeave:
		e.Department, err = d.departmentOfPerson(e.Person)
		e.Seat = ""
	default:
		err = needs("kind", "must be override, one_off or leave")
	}
	if err == nil {
		err = e.check(d.c.At)
	}
	if err == nil {
		err = d.ofDepartment(e.Department)
	}
	if err == nil && len(d.s.amends.entries) >= MaxAmendments {
		err = alert.Errorf(alert.CodeConflict, "%d amendments are kept already, the most there may be: put what lasts into the configuration's rosters.yaml", MaxAmendments)
	}
	if err != nil {
		return err
	}
	next := d.s.amends.with(&e, nil)
	made, faults := next.compile(d.city)
	if len(faults) > 0 {
		return needs(fieldOf(faults[0].Part), faults[0].Message)
	}
	d.emit(Event{Type: RosterAmended, Seat: e.Seat, Amendment: &e, By: d.c.By, roster: made})
	return nil
}

// check says what is wrong with an amendment by itself.
func (e *Amendment) check(now alert.Time) error {
	switch {
	case e.Person == "" || len(e.Person) > alert.MaxNameBytes:
		return needs("person", fmt.Sprintf("is required, at most %d bytes", alert.MaxNameBytes))
	case len(e.Substitute) > alert.MaxNameBytes:
		return needs("substitute", fmt.Sprintf("is %d bytes long, at most %d are taken", len(e.Substitute), alert.MaxNameBytes))
	case e.From == 0:
		return needs("from", "is required")
	case e.To <= e.From:
		return needs("to", "must be after from")
	case e.To <= now:
		return needs("to", "lies in the past: what was is not rewritten")
	case e.Reason == "" || len(e.Reason) > alert.MaxReasonBytes:
		return needs("reason", fmt.Sprintf("is required, at most %d bytes", alert.MaxReasonBytes))
	}
	return nil
}

// fieldOf is the member of a request that a fault is about.
func fieldOf(p roster.Part) string {
	switch p {
	case roster.PartLeave:
		return "person"
	case roster.PartSwaps:
		return "give"
	}
	return "from"
}

// departmentOf returns the department of a configured seat.
func (d *decision) departmentOf(field, seat string) (string, error) {
	at, ok := d.city.Seat(seat)
	if !ok {
		return "", needs(field, fmt.Sprintf("no seat %q; GET /api/v1/seats lists them", seat))
	}
	return at.Department, nil
}

// departmentOfPerson returns the department on whose seats a person stands in the roster.
func (d *decision) departmentOfPerson(person string) (department string, err error) {
	for _, id := range d.s.Roster().SeatsOf(person) {
		seat, ok := d.city.Seat(id)
		switch {
		case !ok:
		case department == "":
			department = seat.Department
		case department != seat.Department:
			return "", needs("person", fmt.Sprintf("%s is on the rosters of %s and %s: give each seat an override instead", person, department, seat.Department))
		}
	}
	if department == "" {
		return "", needs("person", fmt.Sprintf("%q is nowhere on the roster", person))
	}
	return department, nil
}

func (d *decision) unamend() error {
	i := slices.IndexFunc(d.s.amends.entries, func(e *Amendment) bool { return e.ID == d.c.Target })
	if i < 0 {
		return alert.Errorf(alert.CodeNotFound, "no amendment %q in force", d.c.Target)
	}
	e := d.s.amends.entries[i]
	if err := d.ofDepartment(e.Department); err != nil {
		return err
	}
	if e.To <= d.c.At {
		return alert.Errorf(alert.CodeConflict, "amendment %s is over: what was is not rewritten", e.ID)
	}
	next := d.s.amends.without(e.ID)
	made, faults := next.compile(d.city)
	if len(faults) > 0 { // an approved swap of a shift that this one-off gave
		return alert.Errorf(alert.CodeConflict, "amendment %s cannot go: %s", e.ID, faults[0].Message)
	}
	d.emit(Event{Type: RosterAmended, Seat: e.Seat, Amendment: e, Removed: true, By: d.c.By, Reason: d.c.Reason, roster: made})
	return nil
}

// fitAmendments removes, loudly, the amendments and swaps that do not fit the configuration that was just loaded.
// It returns the roster of what is left.
func (d *decision) fitAmendments(city *plan.City) (*roster.Roster, []Event) {
	var removed []Event
	for left := d.s.amends; ; {
		made, faults := left.compile(city)
		if len(faults) == 0 {
			return made, removed
		}
		e, s := left.misfit(city, faults[0])
		ev := Event{Type: RosterAmended, Removed: true, Reason: "does not fit the configuration any more: " + faults[0].Message}
		switch {
		case e != nil:
			ev.Seat, ev.Amendment, left = e.Seat, e, left.without(e.ID)
		case s != nil:
			ev.Seat, ev.Swap, left = s.Give.Seat, s, left.without(s.ID)
		default: // it concerns the whole: the newest goes
			if len(left.entries) == 0 {
				return city.Roster, removed
			}
			e = slices.MaxFunc(left.entries, func(a, b *Amendment) int { return cmp.Compare(a.At, b.At) })
			ev.Seat, ev.Amendment, left = e.Seat, e, left.without(e.ID)
		}
		removed = append(removed, ev)
	}
}
