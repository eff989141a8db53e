package dispatch

import (
	"fmt"
	"strconv"
	"strings"

	"pgregory.net/rapid"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// source: update or cancel source/id[#revision] …, source ID hold|release|lose|find ….
func (s *script) source(w []string) {
	if w[0] == "source" {
		c := Command{Type: SourceAct, Target: w[1]}
		switch w[2] {
		case "hold":
			c.Action, c.Reason, c.Held = alert.ActQuarantine, w[3], &Held{Kind: "json", Raw: []byte("{}"), Digest: w[3]}
		case "release":
			c.Action = alert.ActRelease
			for _, n := range w[3:] {
				seq, _ := strconv.ParseUint(n, 10, 64)
				c.Seqs = append(c.Seqs, seq)
			}
		default:
			c.Action, c.Reason = alert.Action(w[2]), strings.Join(w[3:], " ")
		}
		s.outcome(s.d.do(c))
		return
	}
	id, revision, _ := strings.Cut(w[1], "#")
	source, own, _ := strings.Cut(id, "/")
	c := Command{Type: UpdateAlert, Revision: revision}
	rest := w[2:]
	code := ""
	if w[0] == "update" {
		code, rest = w[2], w[3:]
	} else {
		c.Type = CancelAlert
	}
	c.Alert = s.d.report(source, own, code, nil)
	s.details(c.Alert, append([]string{"", ""}, rest...))
	events, err := s.d.do(c)
	s.outcome(events, err)
	if len(events) == 0 && err == nil {
		s.print("nothing; known as event %d\n", s.d.state.KnownBy(&c))
	}
}

func (s *script) describeSource(e *Event, add func(string, ...any)) {
	switch e.Type {
	case AlertUpdated:
		add("%s, %s", e.IncidentID, e.Alert.ID)
		if e.IncidentType != "" {
			add(", the incident is %s now", e.IncidentType)
		}
	case AlertCancelled:
		add("%s, %d taken back: %s", e.IncidentID, e.CancelledCount, orElse(e.Reason, "no reason"))
	case SealedOpened:
		add("%s %s: %s", e.IncidentID, e.AlertID, e.Reason)
	case IncidentConfirmed:
		add("%s: %s", e.IncidentID, e.Reason)
	default:
		add("%s", e.Source)
		if e.To != "" {
			add(", incident %s", e.To)
		}
		if len(e.Seqs) > 0 {
			add(" %v", e.Seqs)
		}
		if e.Reason != "" {
			add(": %s", e.Reason)
		}
	}
}

// amend sends an alert as an update or cancel instead, now and then, and again at once: that changes nothing.
func (m *machine) amend(a *alert.Alert) bool {
	c := Command{Type: pick(m.r, "as", SubmitAlert, SubmitAlert, UpdateAlert, CancelAlert), Alert: a, Revision: fmt.Sprint(rapid.IntRange(1, 3).Draw(m.r, "revision"))}
	if c.Type == SubmitAlert {
		return false
	}
	events, err := m.perform(c)
	if err != nil {
		return true
	}
	if len(events) > 0 {
		if r, ok := ReceiptOf(events); !ok || r.IncidentID == "" {
			m.r.Fatalf("the answer to %s is %+v", c.Type, r)
		}
		if m.state.KnownBy(&c) == 0 {
			m.r.Fatalf("%s of %s/%s #%s happened, but is not known", c.Type, a.Source, a.ID, c.Revision)
		}
	}
	if again, err := m.perform(c); len(again) > 0 || err != nil {
		m.r.Fatalf("%s again made %s, %v", c.Type, types(again), err)
	}
	return true
}

// actOnSource is what the door and whoever listens say.
func (m *machine) actOnSource() {
	c := Command{Type: SourceAct, Target: pick(m.r, "source", "fire-119", "gauge", "stranger"),
		Action: pick(m.r, "action", alert.ActQuarantine, alert.ActRelease, alert.ActLose, alert.ActFind)}
	switch c.Action {
	case alert.ActQuarantine:
		c.Held, c.Reason = &Held{Raw: []byte("x"), Digest: fmt.Sprint(rapid.IntRange(0, 5).Draw(m.r, "message"))}, "no type"
	case alert.ActRelease:
		for _, h := range m.state.SourceStatus(c.Target).Held {
			c.Seqs = append(c.Seqs, h.Seq)
		}
	}
	_, _ = m.perform(c)
}
