package dispatch

import (
	"cmp"
	"slices"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// KnownBy returns the sequence of the event that holds what a command says again, 0 where it is new: the alert, the
// same update of it, or, for a cancel, the alert that was taken back before.
func (s *State) KnownBy(c *Command) uint64 {
	if c.Alert == nil {
		return 0
	}
	if c.Type == UpdateAlert || c.Type == CancelAlert {
		if seq, ok := s.known[revisionKey(c.Alert, c.Revision)]; ok {
			return seq
		}
		if c.Type == UpdateAlert {
			return s.known[alert.KeyOf(c.Alert.Source, renewed(c.Alert.ID, c.Revision))]
		}
	}
	return s.known[alert.KeyOf(c.Alert.Source, c.Alert.ID)]
}

// revisionKey is the key of one update or cancel of an alert. It is the key of no alert: ids hold no zero byte.
func revisionKey(a *alert.Alert, revision string) alert.Key {
	return alert.KeyOf(a.Source, a.ID+"\x00"+revision)
}

// renewed is the id of the alert that an update becomes when nobody looks at the incident of the one it is about any more.
func renewed(id, revision string) string { return id + "#" + revision }

// reported returns the incident that an alert belongs to and the place of its reference there; nil where it is
// not in memory, or not among the first MaxRefsPerIncident.
func (s *State) reported(k alert.Key) (*live, int) {
	l := s.incidents[k.IncidentID()]
	if l != nil {
		return l, 0
	}
	if l = s.reports[k]; l == nil {
		return nil, 0
	}
	id := k.AlertID()
	return l, slices.IndexFunc(l.doc.Alerts, func(r alert.Ref) bool { return r.AlertID == id })
}

// update changes an alert that was sent before, and what follows from that.
func (d *decision) update(a *alert.Alert) error {
	if _, known := d.s.known[revisionKey(a, d.c.Revision)]; known {
		return nil
	}
	if _, known := d.s.known[alert.KeyOf(a.Source, renewed(a.ID, d.c.Revision))]; known {
		return nil // it is an alert of its own already, though what it updated may be forgotten by now
	}
	key := alert.KeyOf(a.Source, a.ID)
	_, known := d.s.known[key]
	l, at := d.s.reported(key)
	switch {
	case !known:
		return d.submit(a) // what it updates never came
	case l == nil || !absorbs(l.doc): // over or suspended: nobody looks at it
		next := *a
		next.ID = renewed(a.ID, d.c.Revision)
		next.AlertID = alert.KeyOf(next.Source, next.ID).AlertID()
		return d.submit(&next)
	}
	r, err := d.read(a)
	if err == nil {
		err = drilled(a, l.doc)
	}
	if err != nil {
		return err
	}
	inc := l.doc
	others := inc.AlertCount - inc.CancelledCount
	if !inc.Alerts[at].Cancelled {
		others--
	}
	e := Event{Type: AlertUpdated, IncidentID: inc.ID, Alert: a, Revision: d.c.Revision, LastOccurredAt: max(inc.LastOccurredAt, a.OccurredAt),
		CancelledCount: inc.CancelledCount}
	if inc.Alerts[at].Cancelled {
		e.CancelledCount--
	}
	alone := others == 0
	if alone && a.Type != inc.Type && r.t.Group.ID == inc.Group && r.t.Class == inc.Class {
		e.IncidentType = a.Type
	}
	d.emit(e)
	x := d.assignerOf(inc)
	if inc.Unconfirmed != nil || r.src.LowTrust != 0 {
		return nil // what is not believed calls for nothing more by being repeated
	}
	g := d.calledFor(inc, r, inc.AlertCount)
	switch {
	case g.priority.MoreUrgent(x.priority):
		x.setPriority(g.priority, g.why)
	case alone && !inc.PrioritySet && x.priority.MoreUrgent(g.priority):
		x.setPriority(g.priority, "its only alert was updated: "+g.why)
	}
	x.addDepartments(g.plan)
	x.setAside(g.failed)
	x.reopen("an alert was updated after the work was done")
	return nil
}

// cancel takes back an alert, or, where its id is not known, all alerts of its source with its incident number.
func (d *decision) cancel(a *alert.Alert) error {
	if _, ok := d.city.Source(a.Source); !ok {
		return alert.Errorf(alert.CodeForbidden, "source %q is not configured in this city", a.Source)
	}
	if _, known := d.s.known[revisionKey(a, d.c.Revision)]; known {
		return nil
	}
	l, at := d.s.reported(alert.KeyOf(a.Source, a.ID))
	taken := 0
	switch {
	case l != nil:
		if !l.doc.Alerts[at].Cancelled {
			taken = 1
		}
	case a.IncidentRef != "":
		if l = d.s.byRef[alert.SourceRef{Source: a.Source, Ref: a.IncidentRef}]; l == nil {
			return nil
		}
		for _, r := range l.doc.Alerts {
			if r.Source == a.Source && !r.Cancelled {
				taken++
			}
		}
	}
	if taken == 0 || l.doc.State.Final() {
		return nil
	}
	inc := l.doc
	if err := drilled(a, inc); err != nil {
		return err
	}
	left := inc.AlertCount - inc.CancelledCount - taken
	d.emit(Event{Type: AlertCancelled, IncidentID: inc.ID, Alert: a, Revision: d.c.Revision, CancelledCount: inc.CancelledCount + taken, Reason: a.Text})
	if left == 0 {
		d.withdraw(inc, "every alert was taken back by its source")
	}
	return nil
}

// withdraw ends what nothing supports any more, as far as nobody has begun.
func (d *decision) withdraw(inc *alert.Incident, reason string) {
	if inc.State == alert.IncidentSuspended || inc.State == alert.IncidentVerifying {
		d.emit(Event{Type: IncidentNote, IncidentID: inc.ID, Text: reason})
		return
	}
	begun := slices.ContainsFunc(inc.Tasks, func(t *alert.Task) bool {
		return !t.State.Waiting() && t.State != alert.TaskCancelled && t.State != alert.TaskReturned
	})
	x := d.assignerOf(inc)
	for _, t := range inc.Tasks {
		if t.State.Waiting() {
			next := *t
			next.State, next.Deadline, next.FinishedAt, next.EndReason = alert.TaskCancelled, 0, d.c.At, reason
			x.put(&next, Event{Type: TaskCancelled, By: d.c.By, Reason: reason})
		}
	}
	switch {
	case !begun:
		d.setState(inc.ID, alert.IncidentCancelled, reason)
	case x.settled():
		d.setState(inc.ID, alert.IncidentVerifying, reason)
	default:
		d.emit(Event{Type: IncidentNote, IncidentID: inc.ID, Text: reason + ": finish, and have it verified"})
	}
}

func (d *decision) assignerOf(inc *alert.Incident) *assigner {
	return &assigner{d: d, inc: inc, path: inc.Areas, ladder: d.city.LadderOf(inc.Plan), priority: inc.Priority, tasks: inc.Tasks}
}

// applyUpdate takes in an update of an alert.
func (s *State) applyUpdate(l *live, doc *alert.Incident, e *Event) {
	doc.LastOccurredAt, doc.CancelledCount = e.LastOccurredAt, e.CancelledCount
	doc.FirstOccurredAt = min(doc.FirstOccurredAt, e.Alert.OccurredAt)
	doc.Alerts = slices.Clone(doc.Alerts)
	_, at := s.reported(alert.KeyOf(e.Alert.Source, e.Alert.ID))
	r := &doc.Alerts[at]
	r.Type, r.OccurredAt, r.UpdatedSeq, r.Cancelled = e.Alert.Type, e.Alert.OccurredAt, e.Seq, false
	if at == 0 {
		doc.Text = e.Alert.Text
	}
	doc.Type = cmp.Or(e.IncidentType, doc.Type)
	warn(doc, e.Alert, true)
	s.touch(l, doc)
	s.recall(revisionKey(e.Alert, e.Revision), e.Seq)
}

// applyCancel takes in that alerts were taken back.
func (s *State) applyCancel(doc *alert.Incident, e *Event) {
	doc.CancelledCount = e.CancelledCount
	doc.Alerts = slices.Clone(doc.Alerts)
	if _, at := s.reported(alert.KeyOf(e.Alert.Source, e.Alert.ID)); s.names(doc, at, e.Alert) {
		doc.Alerts[at].Cancelled = true
	} else {
		for i := range doc.Alerts {
			r := &doc.Alerts[i]
			r.Cancelled = r.Cancelled || r.Source == e.Alert.Source
		}
	}
	s.recall(revisionKey(e.Alert, e.Revision), e.Seq)
}

// names reports whether the reference at a place of an incident is to a.
func (s *State) names(doc *alert.Incident, at int, a *alert.Alert) bool {
	return doc.Alerts[at].Source == a.Source && doc.Alerts[at].ID == a.ID
}

// grade is what an alert calls for in an incident it belongs to.
type grade struct {
	priority alert.Priority
	why      string
	raised   bool       // by a rule that looks at the number of alerts
	plan     *plan.Plan // nil: adds nobody
	failed   []plan.Failure
}

// calledFor finds what an alert itself, its plan and so many alerts call for.
func (d *decision) calledFor(inc *alert.Incident, r *report, alerts int) grade {
	p, failed := r.t.Match(r.facts)
	g := grade{priority: effective(r.a, r.t), why: "a further alert of type " + r.a.Type, plan: p}
	if p.Priority.MoreUrgent(g.priority) {
		g.priority, g.why = p.Priority, "plan "+p.ID
	}
	r.facts.Alerts, r.facts.Priority = alerts, int(inc.Priority)
	raised, rule, more := r.t.Raised(r.facts)
	if raised.MoreUrgent(g.priority) {
		g.priority, g.why, g.raised = raised, "rule "+rule, true
	}
	g.failed = append(failed, more...)
	return g
}
