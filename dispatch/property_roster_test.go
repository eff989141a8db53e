package dispatch

import (
	"slices"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// amendSeats are the seats whose roster the test changes; one is in one of the worlds only, one in none.
var amendSeats = []string{"fire-1", "fire-1", "fire-1", "fire-2", "police-1", "fire-leader", "gas-1", "fire-gone"}

// rosterEditor draws who may or may not change a roster.
func (m *machine) rosterEditor() *alert.Actor {
	return &alert.Actor{Name: pick(m.r, "editor", "an editor", "an editor", "an editor", ""), Department: pick(m.r, "department", "fire", "fire", "fire", "police", "centre")}
}

// shift draws a shift at a seat, mostly one to come, and who holds it.
func (m *machine) shift(seat string) (person string, from, to alert.Time) {
	at := m.now.Add(time.Duration(pick(m.r, "hours", -14, 2, 14, 14, 26, 38, 50, 62)) * time.Hour)
	span := m.state.Roster().At(at.Std()).Span(seat)
	from, to = alert.TimeOf(span.From), alert.TimeOf(span.To)
	if pick(m.r, "whole", true, true, true, false) {
		return span.Holder, from, to
	}
	return span.Holder, from.Add(2 * time.Hour), to.Add(-3 * time.Hour)
}

func (m *machine) amendRoster() {
	seat := pick(m.r, "seat", amendSeats...)
	holder, from, to := m.shift(seat)
	a := Amendment{Kind: pick(m.r, "kind", AmendOverride, AmendOneOff, AmendLeave, AmendLeave, "nothing"), Seat: seat, From: from, To: to,
		Person: pick(m.r, "person", holder, holder, "a stand-in", "officer of police-1 by day", ""), Substitute: pick(m.r, "substitute", "", "a stand-in", "officer of fire-2 by day"),
		Reason: pick(m.r, "reason", "because", "because", "because", "")}
	_, _ = m.perform(Command{Type: RosterAct, Action: alert.ActAmend, Amendment: &a, By: m.rosterEditor()})
}

func (m *machine) unamendRoster() {
	ids := []string{"ra-0"}
	for _, a := range m.state.Amendments() {
		ids = append(ids, a.ID, a.ID)
	}
	_, _ = m.perform(Command{Type: RosterAct, Action: alert.ActUnamend, Target: pick(m.r, "amendment", ids...), Reason: "a mistake", By: m.rosterEditor()})
}

// askSwap asks for a swap that is mostly a good one.
func (m *machine) askSwap() {
	seat := pick(m.r, "seat", amendSeats...)
	person, from, to := m.shift(seat)
	s := Swap{Give: Stint{seat, from, to}, Reason: "because"}
	back := pick(m.r, "in return", "", "", seat, "police-1")
	if s.With = pick(m.r, "with", "a stand-in", "officer of "+seat+" by day", "officer of "+seat+" by night", "", person); back != "" {
		with, from, to := m.shift(back)
		s.With, s.Return = with, &Stint{back, from, to}
	}
	by := m.rosterEditor()
	by.Name = pick(m.r, "by", person, person, person, "somebody", "")
	_, _ = m.perform(Command{Type: RosterAct, Action: alert.ActSwap, Swap: &s, By: by})
}

// stepSwap takes a swap on, mostly by whom it is for.
func (m *machine) stepSwap() {
	swaps := m.state.Swaps()
	if len(swaps) == 0 {
		return
	}
	s := swaps[len(swaps)-1-pick(m.r, "swap", 0, 0, 0, len(swaps)-1)]
	next := map[roster.SwapState]alert.Action{roster.SwapAsked: alert.ActAccept, roster.SwapAccepted: alert.ActApprove}[s.State]
	c := Command{Type: RosterAct, Target: s.ID, Reason: "because", By: &alert.Actor{Department: s.Department},
		Action: pick(m.r, "action", next, next, next, alert.ActRefuse, alert.ActWithdraw, alert.ActApprove)}
	by := map[alert.Action]string{alert.ActAccept: s.With, alert.ActApprove: "a leader", alert.ActWithdraw: s.Person, alert.ActRefuse: s.With}[c.Action]
	c.By.Name = pick(m.r, "by", by, by, by, s.Person, s.With, "a leader")
	_, _ = m.perform(c)
}

// watchRoster looks for gaps; what it tells is told once.
func (m *machine) watchRoster() {
	watch := Command{Type: RosterAct, Action: alert.ActWatch}
	events, err := m.perform(watch)
	if err != nil || len(events) > 0 && len(events) < MaxGapsPerWatch && len(must(m.r)(m.perform(watch))) > 0 {
		m.r.Fatalf("what was told of the roster is told again: %s, %v", types(events), err)
	}
}

func (m *machine) maintain() {
	c := Command{Type: SeatAct, Target: pick(m.r, "seat", dutySeats...), By: m.rosterEditor(), Reason: pick(m.r, "reason", "because", "because", ""),
		Until:  m.now.Add(time.Duration(pick(m.r, "hours", 1, 1, 4, 30, 0, 800)) * time.Hour),
		Action: pick(m.r, "action", alert.ActMaintain, alert.ActMaintain, alert.ActEndMaintain, alert.ActWatch)}
	if pick(m.r, "a source", false, true) {
		c.Type, c.Target = SourceAct, pick(m.r, "source", "fire-119", "grid", "stranger")
		if due := m.state.MaintenanceDue(m.now); len(due) > 0 {
			c.Target, c.Action = due[0], alert.ActWatch
		}
	}
	_, _ = m.perform(c)
	if c.Action == alert.ActWatch && slices.Contains(m.state.MaintenanceDue(m.now), c.Target) {
		m.r.Fatalf("the maintenance of %s is over, which was told and is due again", c.Target)
	}
}

// rosterChanges is mostly who changes the roster, and takes seats and sources out of service.
func rosterChanges(m *machine) []func() {
	return []func(){m.alert, m.actOnTask, m.actOnSeat, m.amendRoster, m.amendRoster, m.amendRoster, m.unamendRoster, m.askSwap, m.askSwap, m.stepSwap, m.stepSwap, m.stepSwap,
		m.watchRoster, m.maintain, m.watch, m.nextShift, m.sleep, m.reload, m.copy, m.again}
}
