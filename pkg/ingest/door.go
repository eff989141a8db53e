package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// Engine takes commands.
type Engine interface {
	Submit(ctx context.Context, c dispatch.Command) (wait func(context.Context) (sequencer.Outcome, error), err error)
}

// State is the committed state.
type State interface{ Read(func(*dispatch.State)) }

// History finds what was written.
type History interface {
	// Events returns the events of the command that made event seq.
	Events(seq uint64) ([]dispatch.Event, error)
}

// Options are what a Door is made of.
type Options struct {
	Engine  Engine
	State   State
	History History
	Now     func() time.Time
	Limit   func(source *plan.Source, n int) error // takes n messages from the source's rate; nil: no limit
}

// Door takes messages of sources. It is safe for concurrent use.
type Door struct{ o Options }

// New returns a door.
func New(o Options) *Door { return &Door{o: o} }

// pending is a message whose outcome is on its way.
type pending struct {
	result Result
	wait   func(context.Context) (sequencer.Outcome, error)
}

// Take maps messages of a source and makes what they say happen, in their order; it returns once all of that is
// durable, with one result a message. Messages of one source whose order matters must come through one Take or
// through one after the other.
func (d *Door) Take(ctx context.Context, source string, messages []Message) []Result {
	src, err := d.source(source)
	waiting := make([]pending, len(messages))
	for i := range messages {
		switch {
		case err != nil:
			waiting[i].result = refused(err)
		case i >= MaxTake:
			waiting[i].result = refused(alert.Errorf(alert.CodeUnavailable, "%d messages are handed in at once: %d are taken, send the rest again", len(messages), MaxTake))
		default:
			waiting[i] = d.submit(ctx, src, &messages[i])
		}
	}
	results := make([]Result, len(messages))
	for i := range waiting {
		results[i] = d.finish(ctx, &waiting[i])
	}
	return results
}

func refused(err error) Result {
	var e *alert.Error
	if !errors.As(err, &e) {
		e = alert.Errorf(alert.CodeInternal, "%v", err)
	}
	return Result{Status: Refused, Reason: e.Error(), Err: e}
}

// source finds a source in the configuration in force.
func (d *Door) source(id string) (src *plan.Source, err error) {
	d.o.State.Read(func(st *dispatch.State) {
		if city := st.City(); city != nil {
			src, _ = city.Source(id)
		}
	})
	if src == nil {
		return nil, alert.Errorf(alert.CodeForbidden, "this city has no source %q: add sources/%s.yaml", id, id)
	}
	return src, nil
}

// submit maps a message and sends the command it stands for.
func (d *Door) submit(ctx context.Context, src *plan.Source, m *Message) pending {
	if d.o.Limit != nil {
		if err := d.o.Limit(src, 1); err != nil {
			return pending{result: refused(err)}
		}
	}
	mapped := Map(src, m)
	if len(mapped.Problems) > 0 {
		return pending{result: refused(&alert.Error{Code: alert.CodeInvalid, Detail: "the profile of source " + src.ID + " does not take the message", Fields: mapped.Problems})}
	}
	switch mapped.Operation {
	case plan.OpIgnore, plan.OpTelemetry:
		return pending{result: Result{Status: Ignored, Reason: "by the profile: " + string(mapped.Operation)}}
	}
	a, err := mapped.Submission.Validate(src.ID, src.Datum)
	if err != nil {
		return pending{result: refused(err)}
	}
	a.ReceivedAt = alert.TimeOf(d.o.Now())
	wait, err := d.o.Engine.Submit(ctx, dispatch.Command{Type: dispatch.SubmitAlert, Alert: &a})
	if err != nil {
		return pending{result: refused(err)}
	}
	return pending{wait: wait}
}

// finish waits for the outcome of a command.
func (d *Door) finish(ctx context.Context, p *pending) Result {
	if p.wait == nil {
		return p.result
	}
	outcome, err := p.wait(ctx)
	if err != nil {
		return refused(err)
	}
	r := Result{Status: Accepted}
	events := outcome.Events
	if len(events) == 0 {
		if events, err = d.o.History.Events(outcome.Known); err != nil {
			return refused(fmt.Errorf("events of a repeated alert, at %d: %w", outcome.Known, err))
		}
		r.Status = Duplicate
	}
	r.Receipt, _ = dispatch.ReceiptOf(events)
	r.Receipt.Duplicate = r.Status == Duplicate
	return r
}
