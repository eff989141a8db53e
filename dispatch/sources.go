package dispatch

import (
	"fmt"
	"slices"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// MaxHeld bounds the messages of one source in quarantine; past it the oldest gives way. The journal has them all.
const MaxHeld = 1000

// Held is a message in quarantine, as it came. Of a source whose data is sealed, Sealed holds it instead of Raw.
type Held struct {
	ID        string            `json:"id,omitempty"` // the transport's own
	Kind      string            `json:"kind,omitempty"`
	Raw       []byte            `json:"raw,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
	Operation string            `json:"operation,omitempty"`
	Target    string            `json:"target,omitempty"`
	Body      []byte            `json:"body,omitempty"` // JSON of what was read of it, where Raw is not itself that
	Sealed    *alert.Box        `json:"sealed,omitempty"`
	Digest    string            `json:"digest"` // of the whole message: one that is held already is not kept twice
}

// HeldRef says where a message in quarantine is.
type HeldRef struct {
	_      struct{} `cbor:",toarray"`
	Seq    uint64   // of its event
	Digest string
}

// sourceRecord is what is kept of a source.
type sourceRecord struct {
	Held     []HeldRef  `cbor:",omitempty"` // events that hold its messages in quarantine, oldest first
	Lost     int        `cbor:",omitempty"` // messages that gave way
	Silent   alert.Time `cbor:",omitempty"` // since when nothing is heard, as it was told; 0: it is heard
	Incident string     `cbor:",omitempty"` // opened because of that
}

// SourceStatus is what the state knows of a source.
type SourceStatus struct {
	Held     []HeldRef  // events that hold its messages in quarantine, oldest first; not to be written to
	Lost     int        // messages that gave way to newer ones
	Silent   alert.Time // since when nothing is heard; 0: it is heard
	Incident string     // opened because of that
}

// SourceStatus returns what the state knows of a source.
func (s *State) SourceStatus(id string) SourceStatus {
	r := s.sources[id]
	if r == nil {
		return SourceStatus{}
	}
	return SourceStatus{Held: slices.Clip(r.Held), Lost: r.Lost, Silent: r.Silent, Incident: r.Incident}
}

// actOnSource does what the door and whoever watches the sources say.
func (d *decision) actOnSource() error {
	src, ok := d.city.Source(d.c.Target)
	if !ok {
		return alert.Errorf(alert.CodeNotFound, "no source %q in this city; GET /api/v1/sources lists them", d.c.Target)
	}
	st := d.s.SourceStatus(src.ID)
	switch d.c.Action {
	case alert.ActMaintain, alert.ActEndMaintain, alert.ActWatch:
		return d.maintainSource(src)
	case alert.ActQuarantine:
		if d.c.Held == nil {
			return alert.Errorf(alert.CodeInvalid, "there is no message to be kept")
		}
		if slices.ContainsFunc(st.Held, func(r HeldRef) bool { return r.Digest == d.c.Held.Digest }) {
			return nil
		}
		d.emit(Event{Type: SourceQuarantined, Source: src.ID, Held: d.c.Held, Reason: d.c.Reason})
	case alert.ActRelease:
		seqs := slices.DeleteFunc(slices.Clone(d.c.Seqs), func(seq uint64) bool {
			return !slices.ContainsFunc(st.Held, func(r HeldRef) bool { return r.Seq == seq })
		})
		if len(seqs) > 0 {
			d.emit(Event{Type: SourceReleased, Source: src.ID, Seqs: seqs, By: d.c.By})
		}
	case alert.ActLose:
		if st.Silent == 0 {
			d.silent(src)
		}
	case alert.ActFind:
		if st.Silent != 0 {
			d.heard(src, st)
		}
	default:
		return alert.Errorf(alert.CodeInvalid, "no source action %q", d.c.Action)
	}
	return nil
}

// silent makes the silence of a source an incident of the centre, where the city has a type for it.
func (d *decision) silent(src *plan.Source) {
	t := d.city.Silence
	if t == nil {
		d.emit(Event{Type: SourceSilent, Source: src.ID, Reason: d.c.Reason})
		return
	}
	a := &alert.Alert{Source: src.ID, ID: fmt.Sprintf("silence-%d", d.s.seq+1), Type: t.Code, OccurredAt: d.c.At, ReceivedAt: d.c.At, Area: d.city.RootArea,
		Text: orElse(d.c.Reason, "nothing is heard of "+src.ID)}
	key := alert.KeyOf(a.Source, a.ID)
	a.AlertID = key.AlertID()
	where, err := d.place(a, t.Group)
	if err != nil { // the root area is there
		panic("dispatch: " + err.Error())
	}
	own := plan.Source{ID: src.ID, Department: plan.Centre}
	d.begin(&report{a: a, t: t, src: &own, facts: d.facts(a, t, &own, &where), where: where}, key)
	d.emit(Event{Type: SourceSilent, Source: src.ID, Reason: d.c.Reason, To: key.IncidentID()})
}

// heard ends the silence of a source, and its incident as far as nobody has begun.
func (d *decision) heard(src *plan.Source, st SourceStatus) {
	d.emit(Event{Type: SourceHeard, Source: src.ID})
	if inc, ok := d.s.Incident(st.Incident); ok && !inc.State.Final() && inc.AlertCount == 1 {
		d.withdraw(inc, "source "+src.ID+" is heard again")
	}
}

// applySource applies an event about a source.
func (s *State) applySource(e *Event) {
	r := s.sources[e.Source]
	if r == nil {
		r = &sourceRecord{}
		s.sources[e.Source] = r
	}
	switch e.Type {
	case SourceQuarantined:
		r.Held = append(r.Held, HeldRef{Seq: e.Seq, Digest: e.Held.Digest})
		if len(r.Held) > MaxHeld {
			r.Held = r.Held[1:]
			r.Lost++
		}
	case SourceReleased:
		r.Held = slices.DeleteFunc(slices.Clone(r.Held), func(h HeldRef) bool { return slices.Contains(e.Seqs, h.Seq) })
		if len(r.Held) == 0 {
			r.Lost = 0
		}
	case SourceSilent:
		r.Silent, r.Incident = e.At, e.To
	case SourceHeard:
		r.Silent, r.Incident = 0, ""
	}
}

// unreport forgets which alerts an incident that leaves memory had.
func (s *State) unreport(l *live) {
	for _, r := range l.doc.Alerts[1:] {
		if k := alert.KeyOf(r.Source, r.ID); s.reports[k] == l {
			delete(s.reports, k)
		}
	}
}
