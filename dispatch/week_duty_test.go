package dispatch

import (
	"slices"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// What is not as usual at the end of a shift.
const (
	noShow = "nobody comes"
	missed = "nobody hands over"
)

// comes lets whoever the roster names sign on.
func (w *week) comes(seat *plan.Seat) {
	holder, ok := w.state.Roster().At(w.now.Std()).Holder(seat.ID)
	if on, sits := w.state.SignOn(seat.ID); !ok || sits && on.Officer == holder && on.LostAt == 0 {
		return
	}
	w.must(Command{Type: SeatAct, Action: alert.ActSignOn, Target: seat.ID, By: w.person(seat.ID, holder)})
}

// shifts puts every end of a shift of the week on the agenda, with what is not as usual about some of them.
func (w *week) shifts() {
	type end struct {
		at   time.Time
		seat *plan.Seat
	}
	var duty []end // of duty seats, where somebody else comes
	r := w.state.Roster()
	for _, seat := range w.city.Seats {
		spans := r.Between(seat.ID, w.now.Std(), w.end.Std())
		for i, s := range spans[:len(spans)-1] {
			w.at(alert.TimeOf(s.To), func() { w.shiftEnds(seat, alert.TimeOf(s.To)) })
			if seat.Role == plan.SeatDuty && s.Holder != spans[i+1].Holder {
				duty = append(duty, end{s.To, seat})
			}
		}
	}
	w.r.Shuffle(len(duty), func(i, j int) { duty[i], duty[j] = duty[j], duty[i] })
	// The first at a seat that its department has no other of: nobody is left there.
	slices.SortStableFunc(duty, func(a, b end) int { return w.others(a.seat) - w.others(b.seat) })
	alone := duty[0]
	w.r.Shuffle(len(duty), func(i, j int) { duty[i], duty[j] = duty[j], duty[i] })
	duty = append([]end{alone}, duty...)
	for n := 0; n < weekNoShows+weekMissed; duty = duty[1:] {
		e := duty[0]
		if w.spared[e.seat.ID] || n > 0 && e.at.Add(3*time.Hour).After(w.end.Std()) {
			continue
		}
		w.spared[e.seat.ID] = true
		what := noShow
		if n >= weekNoShows {
			what = missed
		}
		w.strange[e.seat.ID+e.at.UTC().String()] = what
		n++
	}
}

// support lets the centre ask a department for help with the newest incident in which it has no part.
func (w *week) support(department string) {
	on, ok := w.state.SignOn("centre-leader")
	w.state.Newest(0, func(_ uint64, inc *alert.Incident) bool {
		if !ok || inc.State != alert.IncidentOpen && inc.State != alert.IncidentHandling ||
			slices.ContainsFunc(inc.Tasks, func(t *alert.Task) bool { return t.Department == department }) {
			return true
		}
		w.must(Command{Type: IncidentAct, Action: alert.ActSupport, Target: inc.ID, Department: department, Reason: "all hands", By: w.person(on.Seat, on.Officer)})
		return false
	})
}

// others returns how many duty seats a department has beside one.
func (w *week) others(seat *plan.Seat) int {
	d, _ := w.city.Department(seat.Department)
	return len(d.Duty) - 1
}

// shiftEnds changes the officer at a seat, as far as they do what they should.
func (w *week) shiftEnds(seat *plan.Seat, at alert.Time) {
	late := w.between(0, 8*time.Minute)
	switch w.strange[seat.ID+at.Std().UTC().String()] {
	case noShow:
		w.leaves(seat)
		late = w.between(15*time.Minute, 50*time.Minute)
		for range weekBurst { // it would be noticed
			w.in(w.between(0, 12*time.Minute), w.send)
		}
		w.in(12*time.Minute, func() { w.support(seat.Department) })
	case missed:
		late = w.between(15*time.Minute, 50*time.Minute)
	}
	w.in(late, func() { w.relieve(seat) })
}

// leaves lets who sits there go home.
func (w *week) leaves(seat *plan.Seat) {
	if on, ok := w.state.SignOn(seat.ID); ok {
		w.must(Command{Type: SeatAct, Action: alert.ActSignOff, Target: seat.ID, By: w.person(seat.ID, on.Officer), Reason: "the shift is over"})
	}
}

// relieve puts who is on the roster in the place of who sits there: by a handover where work lies, so that it moves.
func (w *week) relieve(seat *plan.Seat) {
	on, sits := w.state.SignOn(seat.ID)
	holder, ok := w.state.Roster().At(w.now.Std()).Holder(seat.ID)
	switch {
	case sits && ok && on.Officer == holder:
		return
	case !ok:
		w.leaves(seat)
	case !sits || on.MissedAt != 0 || on.LostAt != 0:
		w.comes(seat)
	case w.state.LoadOf(seat.ID).Open == 0:
		w.leaves(seat)
		w.comes(seat)
	default:
		before := w.state.TasksAt(seat.ID)
		opened := w.must(Command{Type: HandoverAct, Action: alert.ActHandOver, Target: seat.ID, By: w.person(seat.ID, on.Officer), Text: "see the tasks"})
		done := w.must(Command{Type: HandoverAct, Action: alert.ActConfirm, Target: opened[0].Handover.ID, By: w.person(seat.ID, holder)})
		if h := done[0].Handover; h.To != holder || len(h.Tasks) != len(before) || !slices.Equal(before, w.state.TasksAt(seat.ID)) {
			w.t.Fatalf("%v: %d tasks lay at %s, %d were handed over to %s", w.now, len(before), seat.ID, len(h.Tasks), h.To)
		}
	}
}

// leave lets officers go on leave with nobody in their place; for the first somebody is found half a day before.
func (w *week) leave() {
	duty := slices.DeleteFunc(slices.Clone(w.city.Seats), func(s *plan.Seat) bool { return s.Role != plan.SeatDuty || w.others(s) == 0 })
	for n := range weekLeaves {
		seat := duty[w.r.IntN(len(duty))]
		duty = slices.DeleteFunc(duty, func(s *plan.Seat) bool { return s == seat })
		w.spared[seat.ID] = true
		begin := w.now.Std().Add(w.between(24*time.Hour, (weekDays-2)*24*time.Hour))
		span := w.state.Roster().At(begin).Span(seat.ID)
		from, to := alert.TimeOf(span.From), alert.TimeOf(span.To)
		amend := func(a Amendment) {
			a.From, a.To, a.Reason = from, to, "family"
			w.must(Command{Type: RosterAct, Action: alert.ActAmend, Amendment: &a, By: &alert.Actor{Name: "the roster's editor", Department: seat.Department}})
		}
		amend(Amendment{Kind: AmendLeave, Person: span.Holder})
		if n == 0 {
			w.at(from.Add(-12*time.Hour), func() { amend(Amendment{Kind: AmendOverride, Seat: seat.ID, Person: "a stand-in"}) })
		}
		w.at(from.Add(4*time.Hour), func() {
			if holder, held := w.state.Roster().At(w.now.Std()).Holder(seat.ID); held != (n == 0) || held != w.there(seat.ID) {
				w.t.Fatalf("%v: seat %s: %q holds it, %v", w.now, seat.ID, holder, w.there(seat.ID))
			}
		})
	}
}

// repairs takes seats out of service for an hour or two.
func (w *week) repairs() {
	for range weekRepairs {
		w.in(w.between(time.Hour, (weekDays-1)*24*time.Hour), func() {
			seat := w.city.Seats[w.r.IntN(len(w.city.Seats))]
			w.must(Command{Type: SeatAct, Action: alert.ActMaintain, Target: seat.ID, By: w.by("centre-leader"), Until: w.now.Add(w.between(time.Hour, 2*time.Hour)), Reason: "a new screen"})
		})
	}
}

// losses cuts consoles off where work waits, for some minutes.
func (w *week) losses() {
	var lose func()
	lose = func() {
		seats := slices.DeleteFunc(slices.Clone(w.city.Seats), func(s *plan.Seat) bool {
			return s.Role != plan.SeatDuty || !w.there(s.ID) || w.state.LoadOf(s.ID).Waiting == 0
		})
		if len(seats) == 0 {
			w.in(time.Minute, lose) // soon
			return
		}
		seat := seats[w.r.IntN(len(seats))]
		w.must(Command{Type: SeatAct, Action: alert.ActLose, Target: seat.ID})
		if n := w.state.LoadOf(seat.ID).Waiting; n > 0 {
			w.t.Fatalf("%v: the console of %s is lost, %d tasks still wait there", w.now, seat.ID, n)
		}
		w.in(w.between(time.Minute, 30*time.Minute), func() {
			if on, ok := w.state.SignOn(seat.ID); ok && on.LostAt != 0 {
				w.must(Command{Type: SeatAct, Action: alert.ActFind, Target: seat.ID})
			}
		})
	}
	for range weekLost {
		w.in(w.between(time.Hour, (weekDays*24-12)*time.Hour), lose)
	}
}

// swaps lets people ask for swaps all through the week.
func (w *week) swaps() {
	for n := range weekSwaps {
		w.in(w.between(0, (weekDays-2)*24*time.Hour), func() { w.swap(n) })
	}
}

// swap finds somebody who would rather not come to a shift and somebody who is off that day or comes in another, and
// takes it through every state. Every fourth time another one comes to nothing first.
func (w *week) swap(n int) {
	r := w.state.Roster()
	var s Swap
	for s.With == "" {
		s = w.drawSwap(r, n%2 == 1)
	}
	seat, _ := w.city.Seat(s.Give.Seat)
	dep, _ := w.city.Department(seat.Department)
	approver, _ := r.At(w.now.Std()).Holder(dep.Leader.ID)
	step := func(id, by string, a alert.Action) []Event {
		return w.must(Command{Type: RosterAct, Action: a, Target: id, Reason: "family", By: &alert.Actor{Name: by, Department: seat.Department}})
	}
	ask := func() string {
		return w.must(Command{Type: RosterAct, Action: alert.ActSwap, Swap: &s, By: &alert.Actor{Name: s.Person, Department: seat.Department}})[0].Swap.ID
	}
	switch id := ask(); n % 4 {
	case 0:
		step(id, s.Person, alert.ActWithdraw)
	case 1:
		step(id, s.With, alert.ActRefuse)
	case 2:
		step(id, s.With, alert.ActAccept)
		step(id, approver, alert.ActRefuse)
	case 3: // never answered
	}
	id := ask()
	step(id, s.With, alert.ActAccept)
	step(id, approver, alert.ActApprove)
	w.counts["swaps approved"]++
	// Halfway through, the other one sits there, by the roster and in fact.
	half := s.Give.From.Add(s.Give.To.Std().Sub(s.Give.From.Std()) / 2)
	w.at(half, func() {
		holder, _ := w.state.Roster().At(w.now.Std()).Holder(s.Give.Seat)
		on, ok := w.state.SignOn(s.Give.Seat)
		if holder != s.With || !ok || on.Officer != s.With || !on.Rostered {
			w.t.Fatalf("%v: %s took the shift of %s at %s, the roster names %s, %+v sits there", w.now, s.With, s.Person, s.Give.Seat, holder, on)
		}
		w.counts["swapped shifts held"]++
	})
}

// drawSwap draws a shift to come and who may take it; With is empty where the draw was no good.
func (w *week) drawSwap(r *roster.Roster, inReturn bool) (s Swap) {
	seats := slices.DeleteFunc(slices.Clone(w.city.Seats), func(s *plan.Seat) bool { return s.Role != plan.SeatDuty || w.spared[s.ID] })
	give := seats[w.r.IntN(len(seats))]
	later := r.Between(give.ID, w.now.Add(12*time.Hour).Std(), w.end.Std())
	if len(later) < 3 {
		return s
	}
	span := later[1+w.r.IntN(len(later)-2)] // a whole one
	s = Swap{Person: span.Holder, Give: Stint{give.ID, alert.TimeOf(span.From), alert.TimeOf(span.To)}, Reason: "family"}
	for _, other := range w.city.Seats {
		if other.Department != give.Department || other.Role != plan.SeatDuty || w.spared[other.ID] || !inReturn && other != give {
			continue
		}
		for _, o := range r.Between(other.ID, later[0].To, w.end.Std()) {
			if !w.free(r, o.Holder, s.Give) || o.Holder == s.Person || o.To.Sub(o.From) != 8*time.Hour || !o.To.Before(w.end.Std()) {
				continue
			}
			back := Stint{other.ID, alert.TimeOf(o.From), alert.TimeOf(o.To)}
			if inReturn && !w.free(r, s.Person, back) {
				continue
			}
			if s.With = o.Holder; inReturn {
				s.Return = &back
			}
			if w.swapped(s) {
				s.With = ""
				continue
			}
			return s
		}
	}
	return s
}

// free reports whether a person holds no seat at all in a shift.
func (w *week) free(r *roster.Roster, person string, at Stint) bool {
	for _, seat := range r.SeatsOf(person) {
		for _, span := range r.Between(seat, at.From.Std(), at.To.Std()) {
			if span.Holder == person {
				return false
			}
		}
	}
	return true
}

// swapped reports whether one of the shifts of s is in another swap already.
func (w *week) swapped(s Swap) bool {
	stints := func(o *Swap) []Stint {
		if o.Return != nil {
			return []Stint{o.Give, *o.Return}
		}
		return []Stint{o.Give}
	}
	for _, o := range w.state.Swaps() {
		for _, a := range stints(o) {
			for _, b := range stints(&s) {
				if o.State == roster.SwapApproved && a.Seat == b.Seat && a.From < b.To && b.From < a.To {
					return true
				}
			}
		}
	}
	return false
}
