package dispatch

import "github.com/banyan-ecc/banyan/pkg/alert"

// Part is a few incidents taken out of a journal, changed by their events exactly as a State would change them.
// It decides nothing, forgets nothing and knows no configuration: it is for those who keep documents of their own.
type Part struct{ s *State }

// NewPart returns one without incidents.
func NewPart() *Part { return &Part{New()} }

// Put takes in an incident as events up to doc.Seq have left it. It must not be in already.
func (p *Part) Put(doc *alert.Incident) {
	p.s.insert(&live{doc: doc, events: []uint64{doc.Seq}}, doc.Seq)
}

// Incident returns the document of an incident that is in.
func (p *Part) Incident(id string) (*alert.Incident, bool) { return p.s.Incident(id) }

// Apply makes e happen to the incidents it concerns, each of which must be in unless e opens it. An event that
// an incident has seen already changes nothing, so going over a stretch of the journal again is harmless.
func (p *Part) Apply(e *Event) {
	p.s.seq, p.s.now = e.Seq, e.At
	switch e.Type {
	case IncidentOpened:
		// One that is long over may come again under its id, when its source repeats the alert after the duplicate window.
		if l := p.s.incidents[e.IncidentID]; l == nil || l.doc.Seq < e.Seq {
			p.s.open(e)
		}
	case HandoverConfirmed:
		p.s.takeOver(e)
	default:
		if l := p.s.incidents[e.IncidentID]; l != nil && l.doc.Seq < e.Seq {
			p.s.change(l, e)
		}
	}
}

// Concerns returns the ids of the incidents that e changes.
func (e *Event) Concerns() []string {
	if e.IncidentID != "" {
		return []string{e.IncidentID}
	}
	if e.Type != HandoverConfirmed || e.Handover == nil {
		return nil
	}
	ids := make([]string, 0, len(e.Handover.Tasks))
	for _, t := range e.Handover.Tasks {
		ids = append(ids, t.Incident)
	}
	return ids
}
