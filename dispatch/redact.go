package dispatch

import "github.com/banyan-ecc/banyan/pkg/alert"

// Redact returns e as walls may see it: without what people wrote or who they are. It returns false for an
// event that says nothing else.
func Redact(e *Event) (Event, bool) {
	r := *e
	r.By, r.Text, r.Files, r.ToOfficer, r.Revision, r.IdempotencyKey = nil, "", nil, "", "", ""
	switch e.Type {
	case IncidentNote, IncidentAssessed, RosterAmended, SealedOpened, SourceQuarantined, SourceReleased, SourceSilent, SourceHeard:
		return Event{}, false
	case TaskAcknowledged, TaskEnRoute, TaskOnScene, TaskDone, TaskReturned, TaskCancelled, TaskReassigned, IncidentState, IncidentPriority, IncidentReported, IncidentPassed:
		r.Reason = "" // typed by people
	case AlertUpdated, AlertCancelled, AlertAttached:
		r.Reason = "" // may hold the source's number for the incident
	}
	if e.Handover != nil {
		h := *e.Handover
		h.From, h.To, h.Note, h.Reason = "", "", "", ""
		r.Handover = &h
	}
	if e.SignOn != nil {
		on := *e.SignOn
		on.Officer, on.Reason = "", ""
		r.SignOn = &on
	}
	if e.Seat != "" || e.Source != "" {
		r.Reason = "" // names officers, or was typed by people
	}
	if e.Gap != nil {
		g := *e.Gap
		g.Why = ""
		r.Gap = &g
	}
	if e.Maintenance != nil {
		m := *e.Maintenance
		m.By, m.Reason = "", ""
		r.Maintenance = &m
	}
	if e.Alert != nil {
		a := *e.Alert
		a.ID, a.Text, a.IncidentRef, a.Attributes, a.Reporter, a.Sealed, a.Traceparent = "", "", "", nil, "", nil, ""
		r.Alert = &a
	}
	if e.Incident != nil {
		r.Incident = RedactIncident(e.Incident)
	}
	if e.Task != nil {
		r.Task = redactTask(e.Task)
	}
	return r, true
}

// RedactIncident returns i as walls may see it.
func RedactIncident(i *alert.Incident) *alert.Incident {
	r := *i
	r.Text, r.Refs, r.CloseReason, r.Alerts, r.Traceparent = "", nil, "", []alert.Ref{}, ""
	if i.Unconfirmed != nil {
		r.Unconfirmed = &alert.Unconfirmed{Source: i.Unconfirmed.Source}
	}
	r.Tasks = make([]*alert.Task, len(i.Tasks))
	for n, t := range i.Tasks {
		r.Tasks[n] = redactTask(t)
	}
	return &r
}

func redactTask(t *alert.Task) *alert.Task {
	r := *t
	r.Officer, r.EndReason, r.Reason = "", "", ""
	return &r
}
