package dispatch

import (
	"maps"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// MaxStorms bounds the counts of incidents that sources with a storm rule have opened; past it none is begun.
const MaxStorms = 4096

// storm counts the incidents of one type that one source opened in one area since a moment.
type storm struct {
	Until    alert.Time // end of the window
	Opened   int
	Incident string // the last of them
}

// stormCount is a storm after an incident was opened.
type stormCount struct {
	Key    string     `json:"key"`
	Until  alert.Time `json:"until"`
	Opened int        `json:"opened"`
}

// stormOf returns the storm an alert may be part of, with its key; "" where its source has no storm rule.
func (d *decision) stormOf(r *report) (string, storm) {
	rule := r.src.Storm
	if rule == nil {
		return "", storm{}
	}
	path := r.where.areas
	key := r.src.ID + "/" + r.t.Code + "/" + path[min(int(rule.By), len(path))-1]
	st, ok := d.s.storms[key]
	if !ok || d.c.At > st.Until {
		st = storm{Until: d.c.At.Add(rule.Within)}
	}
	return key, st
}

// folded returns the incident that an alert joins because its source has opened too many, false if it opens one.
func (d *decision) folded(r *report) (candidate, bool) {
	key, st := d.stormOf(r)
	if key == "" || st.Opened < r.src.Storm.Over {
		return candidate{}, false
	}
	l := d.s.incidents[st.Incident]
	if r.spared() || l == nil || !mayJoin(r.a, r.src, l.doc) {
		return candidate{}, false
	}
	return candidate{inc: l, by: "storm"}, true
}

// spared reports whether an alert is too urgent to be folded, or to have others folded into its incident.
func (r *report) spared() bool {
	urgency := effective(r.a, r.t)
	if p, _ := r.t.Match(r.facts); p.Priority.MoreUrgent(urgency) {
		urgency = p.Priority
	}
	return !r.src.Storm.Spare.MoreUrgent(urgency)
}

// counted is the storm that the incident an alert opens counts in, nil for none.
func (d *decision) counted(r *report) *stormCount {
	key, st := d.stormOf(r)
	if key == "" || r.spared() {
		return nil
	}
	return &stormCount{Key: key, Until: st.Until, Opened: st.Opened + 1}
}

// countStorm applies the count that comes with an opened incident.
func (s *State) countStorm(e *Event) {
	if e.Storm == nil {
		return
	}
	if _, again := s.storms[e.Storm.Key]; !again && len(s.storms) >= MaxStorms {
		maps.DeleteFunc(s.storms, func(_ string, st storm) bool { return st.Until < s.now })
		if len(s.storms) >= MaxStorms {
			return
		}
	}
	s.storms[e.Storm.Key] = storm{Until: e.Storm.Until, Opened: e.Storm.Opened, Incident: e.IncidentID}
}
