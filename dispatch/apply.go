package dispatch

import (
	"fmt"
	"maps"
	"slices"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Apply makes e happen. Events must come in sequence; applying one that Decide did not make for this state,
// or out of order, is a defect and panics, because going on would mean deciding on a false picture.
func (s *State) Apply(e *Event) {
	if e.Seq != s.seq+1 {
		panic(fmt.Sprintf("dispatch: event %d applied after event %d", e.Seq, s.seq))
	}
	if e.At < s.now {
		panic(fmt.Sprintf("dispatch: event %d at %v, but event %d was at %v", e.Seq, e.At, s.seq, s.now))
	}
	s.seq, s.now = e.Seq, e.At
	if e.Day != "" {
		s.counts.Today = Today{Day: e.Day}
	}
	if e.IdempotencyKey != "" {
		s.recall(idempotencyKey(e.IdempotencyKey), e.Seq)
	}
	switch e.Type {
	case ConfigLoaded:
		before := s.keep.Buckets
		s.city, s.digest, s.files, s.keep = e.city, e.Digest, e.Files, *e.Keep
		s.settleRoster(e.roster)
		if !maps.Equal(before, s.keep.Buckets) {
			s.rebucket()
		}
	case IncidentOpened:
		s.open(e)
	case SeatSignedOn, SeatSignedOff, SeatLost, SeatFound, SeatNoShow, HandoverOpened, HandoverConfirmed, HandoverMissed:
		s.applyDuty(e)
	case SeatMaintenance, SourceMaintenance:
		s.applyMaintenance(e)
	case RosterAmended:
		s.applyAmended(e)
	case RosterGap, RosterGapClosed:
		s.applyGap(e)
	case SourceQuarantined, SourceReleased, SourceSilent, SourceHeard:
		s.applySource(e)
	default:
		l := s.incidents[e.IncidentID]
		if l == nil {
			panic(fmt.Sprintf("dispatch: event %d (%s) is about incident %q, which is not in memory", e.Seq, e.Type, e.IncidentID))
		}
		s.change(l, e)
	}
	s.retire()
	s.deadlines.settle(s.stale)
}

// open takes in a new incident with its first alert.
func (s *State) open(e *Event) {
	doc := *e.Incident
	doc.Seq = e.Seq
	doc.Alerts = []alert.Ref{refOf(e.Alert, e.Seq)}
	l := &live{doc: &doc, events: []uint64{e.Seq}}
	s.insert(l, e.Seq)
	s.index(l)
	for _, r := range doc.Refs {
		s.lead(r, l)
	}
	s.remember(e)
	s.countStorm(e)
	s.counts.Today.Incidents++
}

func refOf(a *alert.Alert, seq uint64) alert.Ref {
	return alert.Ref{AlertID: a.AlertID, Source: a.Source, ID: a.ID, Type: a.Type, OccurredAt: a.OccurredAt, Seq: seq}
}

// insert puts an incident where it is found by id and order, and counts it.
func (s *State) insert(l *live, openedSeq uint64) {
	s.incidents[l.doc.ID] = l
	s.order = append(s.order, opening{openedSeq, l})
	s.counts.Priorities[l.doc.Priority].add(incidentLoad(l.doc), 1)
	for _, t := range l.doc.Tasks {
		s.countTask(nil, t)
	}
	for _, t := range l.doc.Tasks {
		if t.Deadline != 0 {
			s.deadlines.push(due{t.Deadline, t.ID})
		}
	}
}

// change applies an event about an incident in memory. The document is replaced, never written to.
func (s *State) change(l *live, e *Event) {
	doc := *l.doc
	doc.Seq, doc.UpdatedAt = e.Seq, e.At
	switch e.Type {
	case AlertAttached:
		s.attach(l, &doc, e)
	case AlertUpdated:
		s.applyUpdate(l, &doc, e)
	case AlertCancelled:
		s.applyCancel(&doc, e)
	case IncidentConfirmed:
		doc.Unconfirmed = nil
	case IncidentPriority:
		doc.Priority, doc.PrioritySet = e.Priority, doc.PrioritySet || e.By != nil
	case IncidentState:
		s.move(&doc, e)
	case TaskAssigned, TaskUnstaffed, TaskAcknowledged, TaskEnRoute, TaskOnScene, TaskDone, TaskReturned,
		TaskCancelled, TaskReassigned, TaskReminded, TaskEscalated, TaskDeadline, TaskRole:
		s.setTask(&doc, e.Task)
	case IncidentReported:
		doc.Reported = append(slices.Clip(doc.Reported), e.Rule)
	case IncidentPassed:
		applyPass(&doc, e)
	case IncidentNote, IncidentAssessed, RuleFailed, SealedOpened:
	default:
		panic(fmt.Sprintf("dispatch: event %d has unknown type %q", e.Seq, e.Type))
	}
	s.counts.Priorities[l.doc.Priority].add(incidentLoad(l.doc), -1)
	s.counts.Priorities[doc.Priority].add(incidentLoad(&doc), 1)
	l.doc = &doc
	switch n := len(l.events); {
	case l.events[n-1] == e.Seq: // a handover moves several tasks with one event
	case n < MaxTimeline:
		l.events = append(l.events, e.Seq)
	default:
		l.cut = true
	}
}

func (s *State) attach(l *live, doc *alert.Incident, e *Event) {
	doc.AlertCount, doc.LastOccurredAt = e.AlertCount, e.LastOccurredAt
	doc.FirstOccurredAt = min(doc.FirstOccurredAt, e.Alert.OccurredAt)
	if len(doc.Alerts) < alert.MaxRefsPerIncident {
		doc.Alerts = append(doc.Alerts, refOf(e.Alert, e.Seq))
		s.reports[alert.KeyOf(e.Alert.Source, e.Alert.ID)] = l
	}
	doc.FoldedCount = max(doc.FoldedCount, e.FoldedCount)
	warn(doc, e.Alert, false)
	if ref := (alert.SourceRef{Source: e.Alert.Source, Ref: e.Alert.IncidentRef}); ref.Ref != "" &&
		doc.RefOf(ref.Source) == "" && len(doc.Refs) < alert.MaxSourceRefs {
		doc.Refs = append(slices.Clip(doc.Refs), ref)
		s.lead(ref, l)
	}
	s.touch(l, doc)
	s.remember(e)
}

// move sets the state of an incident and, where that ends it, takes it out of what alerts correlate with.
func (s *State) move(doc *alert.Incident, e *Event) {
	if e.State == alert.IncidentSuspended {
		doc.Before = doc.State
	} else {
		doc.Before = ""
	}
	doc.State, doc.CloseReason = e.State, ""
	if e.State.Final() || e.State == alert.IncidentSuspended {
		doc.CloseReason = e.Reason
	}
	if !e.State.Final() {
		return
	}
	doc.ClosedAt = e.At
	s.unindex(s.incidents[doc.ID])
	s.ended.push(ending{e.At, doc.ID})
	s.counts.Today.Closed++
}

// setTask puts a new form of a task into the document, in a list of its own.
func (s *State) setTask(doc *alert.Incident, t *alert.Task) {
	i := slices.IndexFunc(doc.Tasks, func(o *alert.Task) bool { return o.ID == t.ID })
	tasks := make([]*alert.Task, len(doc.Tasks), len(doc.Tasks)+1)
	copy(tasks, doc.Tasks)
	var before *alert.Task
	if i < 0 {
		tasks = append(tasks, t)
	} else {
		before, tasks[i] = tasks[i], t
	}
	doc.Tasks = tasks
	s.countTask(before, t)
	if t.Deadline != 0 && (before == nil || before.Deadline != t.Deadline) {
		s.deadlines.push(due{t.Deadline, t.ID})
	}
}

// remember keeps the alert's key for the duplicate window.
func (s *State) remember(e *Event) {
	s.recall(alert.KeyOf(e.Alert.Source, e.Alert.ID), e.Seq)
	if e.Revision != "" {
		s.recall(revisionKey(e.Alert, e.Revision), e.Seq)
	}
	s.counts.Today.Alerts++
}

// idempotencyKey is the key of a command that is done once. It is the key of no alert: each has a source.
func idempotencyKey(key string) alert.Key { return alert.KeyOf("", key) }

// recall keeps a key for the duplicate window.
func (s *State) recall(k alert.Key, seq uint64) {
	if _, again := s.known[k]; again {
		return
	}
	s.known[k] = seq
	s.forget.push(knownAlert{s.now, seq, k})
}

// maxRetiredPerEvent bounds the forgetting done with one event; it is more than one event can add.
const maxRetiredPerEvent = 4

// retire forgets what has outlived the retention and the duplicate window.
func (s *State) retire() {
	for n := 0; n < maxRetiredPerEvent && s.ended.len() > 0 && s.ended.peek().at.Add(s.keep.Closed) < s.now; n++ {
		id := s.ended.peek().id
		s.ended.pop()
		l := s.incidents[id]
		delete(s.incidents, id)
		s.unreport(l)
		s.order[searchOpening(s.order, l.events[0])].inc = nil
		s.holes++
	}
	for n := 0; n < maxRetiredPerEvent && s.forget.len() > 0 && s.forget.peek().at.Add(s.keep.Known) < s.now; n++ {
		k, seq := s.forget.peek().key, s.forget.peek().seq
		s.forget.pop()
		if _, in := s.incidents[k.IncidentID()]; in {
			// Its incident is in memory: the alert taken for new would open a second one with the same id.
			s.forget.push(knownAlert{s.now, seq, k})
			continue
		}
		delete(s.known, k)
	}
	if s.holes > 1024 && s.holes*2 > len(s.order) {
		s.order = slices.DeleteFunc(s.order, func(o opening) bool { return o.inc == nil })
		s.holes = 0
	}
}
