package telemetry

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// place is where an alert stands: in the trace that its source began, or else in the trace of its incident. Its ids derive
// from what every node knows, so that the node whose screen draws it names the same span as the node that accepted it, and
// so does a node that was restarted in between.
type place struct {
	span    trace.SpanContext // of the alert
	parent  trace.SpanContext // the source's own, or the incident's; none where the trace begins here
	sampled bool
}

var w3c propagation.TraceContext

// parseTraceparent reads a traceparent (W3C Trace Context section 3.2); what is none is not valid.
func parseTraceparent(text string) trace.SpanContext {
	if text == "" {
		return trace.SpanContext{}
	}
	return trace.SpanContextFromContext(w3c.Extract(context.Background(), propagation.MapCarrier{"traceparent": text}))
}

// writeTraceparent is the contrary.
func writeTraceparent(c trace.SpanContext) string {
	to := propagation.MapCarrier{}
	w3c.Inject(trace.ContextWithRemoteSpanContext(context.Background(), c), to)
	return to["traceparent"]
}

// derived returns the ids of the trace and the span of an incident, or of an alert as if it had opened one: parts of
// SHA-256 over the incident's id.
func derived(id string) (trace.TraceID, trace.SpanID) {
	_, key, _ := strings.Cut(id, "-")
	sum := sha256.Sum256([]byte("i-" + key))
	return trace.TraceID(sum[:16]), trace.SpanID(sum[16:24])
}

// TraceID is the trace of an incident whose source began none: it derives from its id, so that every node names it alike.
func TraceID(incident string) string {
	id, _ := derived(incident)
	return id.String()
}

// incident returns the place of an incident, which is that of its first alert. What a source decided about sampling holds;
// where none came with a trace, the share does.
func (t *Traces) incident(id, traceparent string) place {
	traceID, spanID := derived(id)
	parent := parseTraceparent(traceparent)
	if parent.IsValid() {
		return placed(parent.TraceID(), spanID, parent, parent.IsSampled())
	}
	sampled := t.share.ShouldSample(sdk.SamplingParameters{TraceID: traceID}).Decision == sdk.RecordAndSample
	return placed(traceID, spanID, trace.SpanContext{}, sampled)
}

// alert returns the place of an alert. One that joins an incident stays in the trace its source began; where that began
// none it stands in the incident's.
func (t *Traces) alert(a *alert.Alert, doc *alert.Incident) place {
	of := t.incident(doc.ID, doc.Traceparent)
	_, spanID := derived(a.AlertID)
	if spanID == of.span.SpanID() {
		return of
	}
	if parent := parseTraceparent(a.Traceparent); parent.IsValid() {
		return placed(parent.TraceID(), spanID, parent, parent.IsSampled())
	}
	return placed(of.span.TraceID(), spanID, of.span, of.sampled)
}

func placed(id trace.TraceID, span trace.SpanID, parent trace.SpanContext, sampled bool) place {
	c := trace.SpanContextConfig{TraceID: id, SpanID: span, Remote: true}
	if sampled {
		c.TraceFlags = trace.FlagsSampled
	}
	return place{trace.NewSpanContext(c), parent, sampled}
}

// wanted carries the ids that a span is to have.
type wanted struct{}

// ids gives spans the ids that are wanted of them, the others new ones.
type ids struct{}

// NewIDs implements sdk.IDGenerator.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if c, ok := ctx.Value(wanted{}).(trace.SpanContext); ok {
		return c.TraceID(), c.SpanID()
	}
	var id trace.TraceID
	binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64()|1) // never zero
	return id, ids{}.NewSpanID(context.Background(), id)
}

// NewSpanID implements sdk.IDGenerator.
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) (id trace.SpanID) {
	if c, ok := ctx.Value(wanted{}).(trace.SpanContext); ok {
		return c.SpanID()
	}
	binary.NativeEndian.PutUint64(id[:], rand.Uint64()|1)
	return id
}
