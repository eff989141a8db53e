package dispatch

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

func decodeAll(t tb, raw [][]byte) []Event {
	t.Helper()
	out := make([]Event, len(raw))
	for i, b := range raw {
		if err := json.Unmarshal(b, &out[i]); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// print writes with labels in the place of ids.
func (s *script) print(format string, args ...any) {
	s.out.WriteString(s.labelled(fmt.Sprintf(format, args...)))
}

// tell prints events, one a line.
func (s *script) tell(events []Event) {
	for i := range events {
		e := &events[i]
		s.label(e)
		s.print("%s %d %s %s\n", s.clock(e.At), e.Seq, e.Type, s.describe(e))
	}
}

// label gives a new incident or task a short name: incidents are 1, 2, …; tasks 1.fire, a second one of the
// department 1.fire#2.
func (s *script) label(e *Event) {
	if e.Type == IncidentOpened {
		s.opened++
		s.forget(e.IncidentID)
		s.name(e.IncidentID, fmt.Sprint(s.opened))
		s.labels = append(s.labels, e.Alert.AlertID, e.Alert.Source+"/"+e.Alert.ID)
	}
	if t := e.Task; t != nil && !s.named(t.ID) {
		label := s.labelled(e.IncidentID) + "." + t.Department
		s.seen[label]++
		if n := s.seen[label]; n > 1 {
			label += fmt.Sprintf("#%d", n)
		}
		s.name(t.ID, label)
	}
}

// forget drops the labels of an incident whose id is used again, long after it was forgotten.
func (s *script) forget(incident string) {
	_, key, _ := strings.Cut(incident, "-")
	for i := 0; i < len(s.labels); i += 2 {
		if strings.Contains(s.labels[i], key) {
			s.labels[i] = "(" + s.labels[i] + ")"
		}
	}
}

func (s *script) named(id string) bool { return s.labelled(id) != id }

func (s *script) name(id, label string) {
	s.labels = append(s.labels, id, label)
	s.ids[label] = id
}

// labelled puts labels in the place of ids.
func (s *script) labelled(text string) string {
	// Task 12 before task 1: a replacer takes the first that fits.
	pairs := make([]string, 0, len(s.labels))
	for i := len(s.labels) - 2; i >= 0; i -= 2 {
		pairs = append(pairs, s.labels[i], s.labels[i+1])
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func (s *script) clock(at alert.Time) string {
	if at == 0 {
		return "-"
	}
	local := at.Std().In(s.d.city.Zone)
	if local.Format(dayLayout) != s.d.now.Std().In(s.d.city.Zone).Format(dayLayout) {
		return local.Format("01-02 15:04:05")
	}
	return local.Format("15:04:05")
}

// describe prints what the event changed.
func (s *script) describe(e *Event) string {
	var b strings.Builder
	add := func(format string, args ...any) { fmt.Fprintf(&b, format, args...) }
	switch {
	case e.Incident != nil:
		i := e.Incident
		add("%s %s %s %s %s, plan %s, %s", i.ID, i.Number, i.Type, i.Priority, i.LocationFrom, i.Plan, strings.Join(i.Areas, "/"))
		if i.OutsideCity {
			add(" (outside)")
		}
	case e.Type == AlertAttached:
		add("%s, now %d: %s", e.IncidentID, e.AlertCount, e.Reason)
	case e.Task != nil:
		s.describeTask(e, add)
	case e.Seat != "":
		s.describeSeat(e, add)
	case e.Type == AlertUpdated || e.Type == AlertCancelled || e.Type == IncidentConfirmed || e.Source != "" || e.Type == SealedOpened:
		s.describeSource(e, add)
	case e.Type == IncidentAssessed:
		add("%s: %s", e.IncidentID, e.Text)
	case e.Type == ConfigLoaded:
		add("the configuration of %s", s.d.city.ID)
	case e.Type == RuleFailed:
		add("%s, %s: %s", e.IncidentID, e.Rule, e.Reason)
	case e.Type == IncidentNote:
		add("%s%s: %s", e.IncidentID, strings.TrimSuffix(" "+e.TaskID, " "), e.Text)
	case e.Type == IncidentPassed:
		add("%s from %s to %s: %s", e.IncidentID, e.From, e.To, e.Reason)
	case e.Type == IncidentPriority:
		add("%s %s, was %s: %s", e.IncidentID, e.Priority, e.From, e.Reason)
	default:
		add("%s %s: %s", e.IncidentID, e.State, e.Reason)
	}
	if e.By != nil {
		add(" [%s]", e.By.Seat)
	}
	if e.Day != "" {
		add(" (first of %s)", e.Day)
	}
	return b.String()
}

func (s *script) describeTask(e *Event, add func(string, ...any)) {
	t := e.Task
	add("%s", t.ID)
	if e.Step != "" {
		add(" step %d %s -> %s", t.Step, e.Step, orElse(e.To, "nobody"))
	}
	if t.Seat != "" && e.Step == "" {
		add(" at %s", t.Seat)
	}
	if e.Type == TaskAssigned || e.Type == TaskUnstaffed || e.Type == TaskReassigned || e.Type == TaskDeadline {
		add(" %s %s", t.Role, t.Priority)
	}
	if t.Deadline != 0 {
		add(" due %s", s.clock(t.Deadline))
	}
	if e.Reason != "" {
		add(": %s", e.Reason)
	} else if e.Type == TaskAssigned || e.Type == TaskReassigned {
		add(": %s", t.Reason)
	}
}

// show prints an incident, the seats with work, or the counts.
func (s *script) show(what string) {
	d := s.d
	switch what {
	case "seats":
		for _, seat := range d.city.Seats {
			if l := d.state.LoadOf(seat.ID); l != (Load{}) {
				s.print("%s %s\n", seat.ID, work(l))
			}
		}
	case "counts":
		c := d.state.Counts()
		for _, p := range alert.Priorities {
			if c.Priorities[p] != (Load{}) {
				s.print("%s %s\n", p, work(c.Priorities[p]))
			}
		}
		s.print("today %+v, in memory %d incidents, %d alerts known\n", c.Today, d.state.Len(), len(d.state.known))
	default:
		s.showIncident(what)
	}
}

func (s *script) showIncident(label string) {
	i, ok := s.d.state.Incident(s.ids[label])
	if !ok {
		s.print("%s is not in memory\n", label)
		return
	}
	s.print("%s %s %s %s, %d alerts", label, i.Number, i.State, i.Priority, i.AlertCount)
	if i.Level != 0 {
		s.print(", with the %s", i.Level)
	}
	if i.CloseReason != "" {
		s.print(": %s", i.CloseReason)
	}
	s.print("\n")
	for _, t := range i.Tasks {
		s.print("  %s %s %s", t.ID, t.Role, t.State)
		for _, more := range []struct{ name, value string }{{"seat", t.Seat}, {"escalated", strings.Join(t.Escalated, " ")}, {"tried", strings.Join(t.Tried, " ")}, {"result", t.EndReason}} {
			if more.value != "" {
				s.print(", %s %s", more.name, more.value)
			}
		}
		if t.Officer != "" && t.Officer != "officer of "+t.Seat {
			s.print(", officer %s", t.Officer)
		}
		s.print("\n")
	}
}

// work shows a load; that it is unstaffed shows at its tasks.
func work(l Load) string {
	return fmt.Sprintf("{Open:%d Waiting:%d Overdue:%d}", l.Open, l.Waiting, l.Overdue)
}
