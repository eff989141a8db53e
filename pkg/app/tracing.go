package app

import (
	"context"
	"net/http"
	"os"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/push"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
	"github.com/banyan-ecc/banyan/pkg/telemetry"
)

// openTraces names this node and, where traces are to be sent, begins to keep them. Without, nothing of what follows stands in
// anybody's way.
func (a *App) openTraces() (err error) {
	if a.o.Node == "" {
		if a.o.Node, err = os.Hostname(); err != nil {
			return err
		}
	}
	if a.o.TraceEndpoint == "" {
		return nil
	}
	a.traces, err = telemetry.NewTraces(telemetry.TraceOptions{Endpoint: a.o.TraceEndpoint, Share: a.o.TraceSample, Mirror: a.o.Redis != "",
		City: a.o.City.ID, Node: a.o.Node, Version: Version(), Logger: a.o.Logger})
	if err != nil {
		return err
	}
	a.metrics.Traces = a.traces
	a.metrics.Counter("banyan_trace_spans_total", "Spans of traces that the collector has taken; only with tracing on.", func() float64 { return float64(a.traces.Sent()) })
	a.metrics.Counter("banyan_trace_spans_dropped_total", "Spans of traces that nobody will see: too many waited, or the collector did not take them; only with tracing on.",
		func() float64 { return float64(a.traces.Dropped()) })
	return nil
}

// arriving notes when what may bring alerts came in, and of which trace it is a part.
func (a *App) arriving(next http.Handler) http.Handler {
	if a.traces == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if changes(r) {
			r = r.WithContext(a.traces.Arrived(r.Context(), r.Header.Get("Traceparent")))
		}
		next.ServeHTTP(w, r)
	})
}

// traced lets traces see the commands that e takes.
func (a *App) traced(e api.Engine) api.Engine {
	if a.traces == nil {
		return e
	}
	return &tracedEngine{e, a.traces}
}

type tracedEngine struct {
	api.Engine
	traces *telemetry.Traces
}

// Do implements api.Engine.
func (e *tracedEngine) Do(ctx context.Context, c dispatch.Command) (sequencer.Outcome, error) {
	answered := e.traces.Submitting(ctx, &c)
	out, err := e.Engine.Do(ctx, c)
	answered(out.Events)
	return out, err
}

// Submit implements api.Engine.
func (e *tracedEngine) Submit(ctx context.Context, c dispatch.Command) (func(context.Context) (sequencer.Outcome, error), error) {
	answered := e.traces.Submitting(ctx, &c)
	wait, err := e.Engine.Submit(ctx, c)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (sequencer.Outcome, error) {
		out, err := wait(ctx)
		answered(out.Events)
		return out, err
	}, nil
}

// watched shows a batch to the traces, and marks what they want to know of its way to screens.
func (a *App) watched(c *commit, b push.Batch) push.Batch {
	if a.traces == nil {
		return b
	}
	for _, i := range a.traces.Committed(c, a.seq.Leads()) {
		b.Items[i].Watched = true
	}
	return b
}

// screenHooks are told what happens at the screens.
func (a *App) screenHooks() push.Hooks {
	h := push.Hooks{Internal: func(err error) { a.o.Logger.Error("websocket", "error", err) }, Pushed: observer(a, a.metrics.Pushed), Drawn: observer(a, a.metrics.Drawn)}
	if a.traces != nil {
		h.Sent, h.Shown = a.traces.Pushed, a.traces.Drawn
	}
	return h
}

// traceparent returns what carries the trace of an incident on to another system.
func (a *App) traceparent(incident string) (text string) {
	var doc *alert.Incident
	a.seq.Replica().Read(func(st *dispatch.State) { doc, _ = st.Incident(incident) })
	if doc == nil {
		return ""
	}
	return a.traces.Traceparent(doc)
}
