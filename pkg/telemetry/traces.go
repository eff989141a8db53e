package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// Bounds of traces at work.
const (
	maxNotes      = 16_384           // what was seen and is not looked at yet; past it, it is dropped and counted
	maxOpenTraces = 8_192            // alerts whose stages still come; the oldest gives way
	openTraceAge  = 70 * time.Second // what has not come by then is not waited for
)

// TraceOptions say what is traced and where it goes.
type TraceOptions struct {
	Endpoint            string  // URL of a collector that takes OTLP over HTTP; a path other than / is taken as it is, else it is /v1/traces
	Share               float64 // 0 to 1, of the alerts whose source began no trace; what a source decided holds
	Mirror              bool    // there is a mirror, which says Mirrored
	City, Node, Version string
	Logger              *slog.Logger // nil: nobody reads
}

// Traces follows each alert from its source to the screen and on to the end of its tasks, and sends what it sees to a
// collector, as spans of one trace. Its methods are safe for concurrent use but where they say otherwise, never block, and do
// little: the rest is done by a goroutine of its own. Make one with NewTraces.
type Traces struct {
	share  sdk.Sampler
	tracer trace.Tracer
	to     *collector
	queue  *queue
	mirror bool

	notes  chan note
	lost   atomic.Uint64 // notes there was no room for
	open   atomic.Int64  // traces whose stages still come
	marked bool          // of the writer: the batch at hand has some

	ending, ended chan struct{} // of the goroutine that looks at notes
	exporting     sync.WaitGroup
	stopExport    chan struct{}
	cutExport     context.CancelFunc
	once          sync.Once

	// Of that goroutine alone:
	bySeq      map[uint64]*mark
	order      []*mark // oldest first
	unmirrored []*mark
}

// NewTraces returns traces that run until Close. The error says what is wrong with the options.
func NewTraces(o TraceOptions) (*Traces, error) {
	to, err := collectorURL(o.Endpoint)
	if err == nil && !(o.Share >= 0 && o.Share <= 1) {
		err = fmt.Errorf("tracing sample %v: want 0 to 1", o.Share)
	}
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	client := newCollector(to)
	exporter := otlptrace.NewUnstarted(client)
	t := &Traces{share: sdk.TraceIDRatioBased(o.Share), to: client, mirror: o.Mirror, notes: make(chan note, maxNotes), bySeq: map[uint64]*mark{},
		queue:  &queue{spans: make(chan sdk.ReadOnlySpan, maxQueuedSpans), to: exporter, logger: o.Logger},
		ending: make(chan struct{}), ended: make(chan struct{}), stopExport: make(chan struct{})}
	provider := sdk.NewTracerProvider(sdk.WithIDGenerator(ids{}), sdk.WithSampler(sdk.AlwaysSample()), sdk.WithSpanProcessor(t.queue),
		sdk.WithResource(resource.NewSchemaless(attribute.String("service.name", "banyan"), attribute.String("service.version", o.Version),
			attribute.String("service.namespace", o.City), attribute.String("service.instance.id", o.Node))))
	t.tracer = provider.Tracer("github.com/banyan-ecc/banyan")
	ctx, cut := context.WithCancel(context.Background())
	t.cutExport = cut
	t.exporting.Go(func() { t.queue.run(ctx, t.stopExport) })
	go t.run()
	return t, nil
}

// Close sends what is known, as far as the collector takes it soon, and ends. Nothing may be told any more.
func (t *Traces) Close() {
	t.once.Do(func() {
		close(t.ending)
		<-t.ended
		close(t.stopExport)
		cut := time.AfterFunc(closeWait, t.cutExport)
		t.exporting.Wait()
		cut.Stop()
		t.cutExport()
		_ = t.to.Stop(context.Background()) // lets connections go
	})
}

// Sent returns how many spans the collector has taken, Dropped how many it will never see.
func (t *Traces) Sent() uint64 {
	return t.queue.sent.Load() - min(t.to.rejected.Load(), t.queue.sent.Load())
}

// Dropped returns how many spans were dropped: because too many waited, or because the collector did not take them.
func (t *Traces) Dropped() uint64 {
	return t.queue.dropped.Load() + t.lost.Load() + t.to.rejected.Load()
}

// Of returns the id of the trace of an incident, as other systems show it, and false where that is not kept.
func (t *Traces) Of(doc *alert.Incident) (string, bool) {
	p := t.incident(doc.ID, doc.Traceparent)
	return p.span.TraceID().String(), p.sampled
}

// Traceparent returns what carries the trace of an incident on to another system.
func (t *Traces) Traceparent(doc *alert.Incident) string {
	return writeTraceparent(t.incident(doc.ID, doc.Traceparent).span)
}

// arrival is what came in, on its way to the writer.
type arrival struct {
	mu          sync.Mutex
	since       time.Time // when it came or, of several alerts in one, when the one before was done with
	traceparent string
	kind        trace.SpanKind
}

type arrivalKey struct{}

// Arrived notes in ctx that a request has come, with the traceparent it carries, if any.
func (t *Traces) Arrived(ctx context.Context, traceparent string) context.Context {
	return context.WithValue(ctx, arrivalKey{}, &arrival{since: time.Now(), traceparent: valid(traceparent), kind: trace.SpanKindServer})
}

// Message notes in ctx that a message of a source is taken up, with the traceparent it carries, if any. It may have come
// in a request.
func (t *Traces) Message(ctx context.Context, traceparent string) context.Context {
	within, _ := ctx.Value(arrivalKey{}).(*arrival)
	traceparent = valid(traceparent)
	if within == nil {
		return context.WithValue(ctx, arrivalKey{}, &arrival{since: time.Now(), traceparent: traceparent, kind: trace.SpanKindConsumer})
	}
	if traceparent == "" {
		return ctx
	}
	within.mu.Lock()
	defer within.mu.Unlock()
	a := &arrival{since: within.since, traceparent: traceparent, kind: within.kind}
	within.since = time.Now() // the next message of the request begins here
	return context.WithValue(ctx, arrivalKey{}, a)
}

// valid returns a traceparent as version 00 writes it, "" for what is none.
func valid(traceparent string) string {
	c := parseTraceparent(traceparent)
	if !c.IsValid() {
		return ""
	}
	return writeTraceparent(c)
}

// Submitting notes that a command goes to the writer: its alert carries on what came with it. What it returns is to be
// called with the outcome's events when the command is answered.
func (t *Traces) Submitting(ctx context.Context, c *dispatch.Command) (answered func([]dispatch.Event)) {
	a, _ := ctx.Value(arrivalKey{}).(*arrival)
	if a == nil || c.Type != dispatch.SubmitAlert {
		return func([]dispatch.Event) {}
	}
	c.Alert.Traceparent = a.traceparent
	now := time.Now()
	a.mu.Lock()
	came := a.since
	a.since = now
	a.mu.Unlock()
	return func(events []dispatch.Event) {
		for i := range events {
			if e := &events[i]; e.Type == dispatch.IncidentOpened || e.Type == dispatch.AlertAttached {
				t.tell(note{what: replied, seq: e.Seq, from: came, to: now, at: time.Now(), kind: a.kind})
				return
			}
		}
	}
}

// Committed takes in a batch before anybody is shown it, and returns the places of those events that are to be watched on
// their way to screens. Only who leads keeps what people do. It is called by the writer.
func (t *Traces) Committed(c *sequencer.Committed, leads bool) (watched []int) {
	now := time.Now()
	for i := range c.Events {
		e, doc := &c.Events[i], c.Docs[i]
		if doc == nil {
			continue
		}
		switch e.Type {
		case dispatch.IncidentOpened, dispatch.AlertAttached:
			if p := t.alert(e.Alert, doc); p.sampled {
				t.tell(note{what: committed, mark: newMark(e, doc, p, t.incident(doc.ID, doc.Traceparent), c.To, now, leads)})
				watched = append(watched, i)
			}
		default:
			if leads {
				t.person(e, doc)
			}
		}
	}
	t.marked = len(watched) > 0
	return watched
}

// Batch takes in how long the batch took that Committed was given last. It is called by the writer.
func (t *Traces) Batch(s sequencer.Stages) {
	if !t.marked {
		return
	}
	t.marked = false
	written := s.At.Add(-s.Hand)
	decided := written.Add(-s.Commit)
	t.tell(note{what: batched, seq: s.To, from: decided.Add(-s.Decide), to: decided, at: written})
}

// Pushed takes in that the screens' sockets have an event.
func (t *Traces) Pushed(seq uint64, at time.Time) { t.tell(note{what: pushed, seq: seq, at: at}) }

// Drawn takes in that a screen shows an event.
func (t *Traces) Drawn(seq uint64, at time.Time) { t.tell(note{what: drawn, seq: seq, at: at}) }

// Mirrored takes in that Redis has everything up to an event.
func (t *Traces) Mirrored(seq uint64) {
	if t.open.Load() > 0 {
		t.tell(note{what: mirrored, seq: seq, at: time.Now()})
	}
}

func (t *Traces) tell(n note) {
	select {
	case t.notes <- n:
	default:
		t.lost.Add(1)
	}
}
