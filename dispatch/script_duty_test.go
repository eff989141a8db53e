package dispatch

import (
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// duty: sit, leave, hand-over or confirm with seat and officer; lose and find with a seat; watch.
func (s *script) duty(w []string) {
	if w[0] == "watch" {
		for _, seat := range s.d.state.WatchDue(s.d.now) {
			s.outcome(s.d.do(Command{Type: SeatAct, Action: alert.ActWatch, Target: seat}))
		}
		return
	}
	c := Command{Type: SeatAct, Target: w[1]}
	if len(w) > 2 {
		c.By = s.d.by(w[1])
		c.By.Name = w[2]
	}
	for i := 3; i+1 < len(w); i += 2 {
		switch w[i] {
		case "because":
			c.Reason = w[i+1]
		case "saying":
			c.Text = w[i+1]
		case "of":
			c.By.Department = w[i+1]
		default:
			s.d.t.Fatalf("unknown word %q", w[i])
		}
	}
	switch w[0] {
	case "sit":
		c.Action = alert.ActSignOn
	case "leave":
		c.Action = alert.ActSignOff
	case "lose":
		c.Action = alert.ActLose
	case "find":
		c.Action = alert.ActFind
	case "hand-over":
		c.Type, c.Action = HandoverAct, alert.ActHandOver
	case "confirm":
		c.Type, c.Action = HandoverAct, alert.ActConfirm
		if h, ok := s.d.state.Handover(w[1]); ok {
			c.Target = h.ID
		}
	}
	s.outcome(s.d.do(c))
}

func (s *script) describeSeat(e *Event, add func(string, ...any)) {
	add("%s", e.Seat)
	if on := e.SignOn; on != nil {
		add(" %s", on.Officer)
		if !on.Rostered {
			add(" (not on the roster)")
		}
	}
	if e.To != "" {
		add(" -> %s", e.To)
	}
	if h := e.Handover; h != nil {
		add(", %s hands over %d tasks: %s", h.From, len(h.Tasks), h.Note)
		for _, t := range h.Tasks {
			add("; %s %s", t.Task, t.State)
		}
	}
	if e.Reason != "" {
		add(": %s", e.Reason)
	}
}
