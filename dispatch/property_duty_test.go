package dispatch

import (
	"slices"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// officer draws somebody who may sit at a seat: who the roster names by day or night, or a stranger.
func (m *machine) officer(seat string) *alert.Actor {
	a := m.by(seat)
	holder, _ := m.city.Roster.At(m.now.Std()).Holder(seat)
	a.Name = pick(m.r, "officer", holder, holder, holder, a.Name+" by day", a.Name+" by night", "a stand-in", "")
	if pick(m.r, "own department", true, true, true, true, false) {
		return a
	}
	a.Department = pick(m.r, "department", "centre", "gas")
	return a
}

// dutySeats are the seats that the test signs on and off.
var dutySeats = []string{"fire-1", "fire-1", "fire-1", "fire-1", "police-1", "police-1", "centre-leader", "fire-leader", "fire-gone"}

func (m *machine) actOnSeat() {
	seat := pick(m.r, "seat", dutySeats...)
	c := Command{Type: SeatAct, Target: seat, By: m.officer(seat), Reason: pick(m.r, "reason", "because", "because", "because", ""),
		Action: pick(m.r, "action", alert.ActSignOn, alert.ActSignOn, alert.ActSignOn, alert.ActSignOff, alert.ActLose, alert.ActFind, "dance")}
	if c.Action == alert.ActLose || c.Action == alert.ActFind {
		c.By = nil
	}
	_, _ = m.perform(c)
}

// watch looks for what is due about seats; what it tells is told once.
func (m *machine) watch() {
	due := m.state.WatchDue(m.now)
	seat := pick(m.r, "seat", append(due, dutySeats...)...)
	events, err := m.perform(Command{Type: SeatAct, Action: alert.ActWatch, Target: seat})
	if told := len(events) > 0; err == nil && told != slices.Contains(due, seat) {
		m.r.Fatalf("watching %s made %s, due were %v", seat, types(events), due)
	}
	// Once a seat is in service again, who does not sit there is missed.
	if (len(events) == 0 || events[0].Type != SeatMaintenance) && slices.Contains(m.state.WatchDue(m.now), seat) {
		m.r.Fatalf("what was told of %s is still due", seat)
	}
}

// nextShift goes to just after the next shift has begun, or to when whoever has not come is late.
func (m *machine) nextShift() {
	m.now = alert.TimeOf(m.city.Roster.At(m.now.Std()).Until()).Add(pick(m.r, "later", 0, 10*time.Minute, 5*time.Hour))
}

// handOver opens or confirms a handover. Whatever it moves, it moves whole.
func (m *machine) handOver() {
	seat := pick(m.r, "seat", dutySeats...)
	h, open := m.state.Handover(seat)
	if !open {
		c := Command{Type: HandoverAct, Action: alert.ActHandOver, Target: seat, By: m.officer(seat), Text: "all quiet"}
		if on, ok := m.state.SignOn(seat); ok && pick(m.r, "who sits there", true, true, true, false) {
			c.By = m.by(seat)
			c.By.Name = on.Officer
		}
		_, _ = m.perform(c)
		return
	}
	before := m.state.TasksAt(seat)
	events, err := m.perform(Command{Type: HandoverAct, Action: alert.ActConfirm, Target: h.ID, By: m.officer(seat), Reason: pick(m.r, "reason", "because", "")})
	if err != nil || len(events) == 0 {
		return
	}
	on, _ := m.state.SignOn(seat)
	if len(events) != 1 || on.Officer != events[0].Handover.To || len(events[0].Handover.Tasks) != len(before) || !slices.Equal(before, m.state.TasksAt(seat)) {
		m.r.Fatalf("%d events, %s sits there, %d of %d tasks moved", len(events), on.Officer, len(events[0].Handover.Tasks), len(before))
	}
	for _, id := range before {
		if t, _, _ := m.state.Task(id); t.Officer != "" && t.Officer != on.Officer {
			m.r.Fatalf("%s works on task %s, but %s has taken over", t.Officer, id, on.Officer)
		}
	}
}
