package telemetry

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// note is something seen of an alert on its way.
type note struct {
	what         uint8
	seq          uint64 // of the event; of batched: the batch's last, of mirrored: everything up to it
	from, to, at time.Time
	kind         trace.SpanKind
	mark         *mark // of committed
	span         *span // of person
}

const (
	committed = iota // mark
	replied          // came from, went to the writer at to, was answered at at
	batched          // decided from, to; on disk at at
	mirrored
	pushed
	drawn
	person // span
)

// mark is an alert whose stages still come.
type mark struct {
	place
	seq, batch uint64 // of its event, and the last of its batch
	links      []trace.Link
	attributes []attribute.KeyValue
	received   time.Time
	at         time.Time // committed
	leads      bool      // this node accepted it, and tells of that

	answered, pushed, drawn, mirrored bool
}

// span is one to be sent.
type span struct {
	place
	name       string
	from, to   time.Time
	kind       trace.SpanKind
	links      []trace.Link
	attributes []attribute.KeyValue
}

// The attributes of spans. They hold ids of alerts and incidents and words of the configuration: nothing that people wrote,
// and nobody's name.
func newMark(e *dispatch.Event, doc *alert.Incident, p, of place, batch uint64, at time.Time, leads bool) *mark {
	m := &mark{place: p, seq: e.Seq, batch: batch, received: e.Alert.ReceivedAt.Std(), at: at, leads: leads, attributes: []attribute.KeyValue{
		attribute.String("banyan.incident", doc.ID), attribute.String("banyan.alert", e.Alert.AlertID), attribute.String("banyan.source", e.Alert.Source),
		attribute.String("banyan.event", string(e.Type)), attribute.Int64("banyan.seq", int64(e.Seq)),
		attribute.String("banyan.priority", doc.Priority.String()), attribute.String("banyan.class", string(doc.Class))}}
	if p.span.TraceID() != of.span.TraceID() {
		m.links = []trace.Link{{SpanContext: of.span}}
	}
	return m
}

// person sends the stages of an incident that people have ended. They stand beside the machine's in the incident's trace.
func (t *Traces) person(e *dispatch.Event, doc *alert.Incident) {
	name, from, to := "", alert.Time(0), alert.Time(0)
	switch e.Type {
	case dispatch.TaskAcknowledged:
		name, from, to = "acknowledged", e.Task.AssignedAt, e.Task.AcknowledgedAt
	case dispatch.TaskEnRoute:
		name, from, to = "departed", e.Task.AcknowledgedAt, e.Task.EnRouteAt
	case dispatch.TaskOnScene:
		name, from, to = "on_scene", e.Task.AssignedAt, e.Task.OnSceneAt
	case dispatch.TaskDone:
		name, from, to = "finished", e.Task.AssignedAt, e.Task.FinishedAt
	case dispatch.IncidentState:
		if e.State != alert.IncidentClosed {
			return
		}
		name, from, to = "verified", doc.OpenedAt, e.At
	default:
		return
	}
	p := t.incident(doc.ID, doc.Traceparent)
	if !p.sampled {
		return
	}
	s := &span{place: place{parent: p.span}, name: name, from: from.Std(), to: to.Std(), kind: trace.SpanKindInternal, attributes: []attribute.KeyValue{
		attribute.String("banyan.incident", doc.ID), attribute.String("banyan.priority", doc.Priority.String()), attribute.String("banyan.class", string(doc.Class))}}
	if e.Task != nil {
		s.attributes = append(s.attributes, attribute.String("banyan.department", e.Task.Department), attribute.String("banyan.role", string(e.Task.Role)))
	}
	t.tell(note{what: person, span: s})
}

// run looks at notes until the end.
func (t *Traces) run() {
	defer close(t.ended)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case n := <-t.notes:
			t.look(&n)
		case now := <-tick.C:
			t.expire(now)
		case <-t.ending:
			for len(t.notes) > 0 {
				n := <-t.notes
				t.look(&n)
			}
			t.expire(time.Now().Add(openTraceAge + time.Second))
			return
		}
	}
}

func (t *Traces) look(n *note) {
	switch n.what {
	case committed:
		t.keep(n.mark)
		return
	case person:
		t.send(n.span)
		return
	case batched:
		for _, m := range slices.Backward(t.order) {
			if m.batch != n.seq {
				return
			}
			t.stage(m, "decide", n.from, n.to)
			t.stage(m, "commit", n.to, n.at)
		}
		return
	case mirrored:
		for len(t.unmirrored) > 0 && t.unmirrored[0].seq <= n.seq {
			m := t.unmirrored[0]
			t.unmirrored = t.unmirrored[1:]
			m.mirrored = true
			t.stage(m, "mirror", m.at, n.at)
			t.settle(m)
		}
		return
	}
	m := t.bySeq[n.seq]
	if m == nil {
		return // it has given way
	}
	switch n.what {
	case replied:
		m.answered = true
		t.whole(m, n.from, n.at, n.kind)
		t.stage(m, "receive", n.from, n.to)
	case pushed:
		m.pushed = true
		t.stage(m, "push", m.at, n.at)
	case drawn:
		m.drawn = true
		t.stage(m, "drawn", m.at, n.at)
	}
	t.settle(m)
}

// keep waits for the stages of an alert that come behind its commit.
func (t *Traces) keep(m *mark) {
	m.answered = !m.leads
	m.mirrored = !m.leads || !t.mirror
	t.bySeq[m.seq] = m
	t.order = append(t.order, m)
	if !m.mirrored {
		t.unmirrored = append(t.unmirrored, m)
	}
	for len(t.order) > maxOpenTraces {
		t.drop()
	}
	t.open.Store(int64(len(t.order)))
}

// settle forgets an alert of which everything is known.
func (t *Traces) settle(m *mark) {
	if m.answered && m.mirrored && m.pushed && m.drawn {
		delete(t.bySeq, m.seq)
	}
}

// expire gives up what has not come in time.
func (t *Traces) expire(now time.Time) {
	for len(t.order) > 0 && now.Sub(t.order[0].at) > openTraceAge {
		t.drop()
	}
	t.open.Store(int64(len(t.order)))
}

// drop forgets the oldest. An alert that nobody was answered for, such as one that the centre raised itself, has its span
// all the same: the others are within it.
func (t *Traces) drop() {
	m := t.order[0]
	t.order[0] = nil
	t.order = t.order[1:]
	if len(t.unmirrored) > 0 && t.unmirrored[0] == m {
		t.unmirrored = t.unmirrored[1:]
	}
	delete(t.bySeq, m.seq)
	if !m.answered {
		t.whole(m, m.received, m.at, trace.SpanKindInternal)
	}
}

// whole sends the span of an alert that the others are within.
func (t *Traces) whole(m *mark, from, to time.Time, kind trace.SpanKind) {
	t.send(&span{place: m.place, name: "alert", from: from, to: to, kind: kind, links: m.links, attributes: m.attributes})
}

// stage sends the span of a stage of an alert.
func (t *Traces) stage(m *mark, name string, from, to time.Time) {
	t.send(&span{place: place{parent: m.span}, name: name, from: from, to: to, kind: trace.SpanKindInternal})
}

func (t *Traces) send(s *span) {
	ctx := context.Background()
	if s.parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, s.parent)
	}
	if s.span.IsValid() {
		ctx = context.WithValue(ctx, wanted{}, s.span)
	}
	if s.to.Before(s.from) { // clocks of two machines
		s.to = s.from
	}
	_, made := t.tracer.Start(ctx, s.name, trace.WithTimestamp(s.from), trace.WithSpanKind(s.kind), trace.WithLinks(s.links...), trace.WithAttributes(s.attributes...))
	made.End(trace.WithTimestamp(s.to))
}
