package ingest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/layer"
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
	Keyring *Keyring
	Layers  *layer.Board                                                  // what is measured is shown there; nil: nowhere
	Trace   func(ctx context.Context, traceparent string) context.Context // of a message taken up, for what its command does; nil: none is kept
	Now     func() time.Time
	Logger  *slog.Logger // nil: nothing is logged
}

// Door takes messages of sources. It is safe for concurrent use.
type Door struct {
	o      Options
	pulses sync.Map // source → *pulse
}

// New returns a door.
func New(o Options) *Door { return &Door{o: o} }

// pending is a message whose outcome is on its way.
type pending struct {
	result  Result
	wait    func(context.Context) (sequencer.Outcome, error)
	command dispatch.CommandType
	message *Message
	held    bool // what is waited for is that it is in quarantine
}

// Take maps messages of a source and makes what they say happen, in their order; it returns once all of that is
// durable, with one result a message. Messages of one source whose order matters must come through one Take or
// through one after the other.
func (d *Door) Take(ctx context.Context, source string, messages []Message) []Result {
	results := make([]Result, len(messages))
	src, err := d.source(source)
	if err != nil {
		for i := range results {
			results[i] = refused(err)
		}
		return results
	}
	waiting := make([]pending, 0, min(len(messages), MaxTake))
	for i := range messages {
		if i >= MaxTake {
			results[i] = refused(alert.Errorf(alert.CodeUnavailable, "%d messages are handed in at once: %d are taken, send the rest again", len(messages), MaxTake))
			continue
		}
		if err := d.allow(src); err != nil {
			waiting = append(waiting, pending{result: refused(err)})
			continue
		}
		of := ctx
		if d.o.Trace != nil {
			of = d.o.Trace(ctx, messages[i].Headers["traceparent"])
		}
		waiting = append(waiting, d.submit(of, src, &messages[i]))
	}
	for i := range waiting {
		results[i] = d.finish(ctx, src, &waiting[i])
		d.Count(src.ID, results[i].Status)
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
	mapped := Map(src, m)
	said := d.show(src, &mapped)
	if len(mapped.Problems) > 0 {
		return d.hold(ctx, src, m, mapped.Problems)
	}
	if op := mapped.Operation; op == plan.OpIgnore || op == plan.OpTelemetry {
		d.Hear(src.ID, 0)
		reason := cmp.Or(m.Why, "by the profile: "+string(op))
		if said != "" {
			reason += "; " + said
		}
		return pending{result: Result{Status: Ignored, Reason: reason}}
	}
	c, err := d.command(src, m, &mapped)
	var e *alert.Error
	if errors.As(err, &e) && e.Code == alert.CodeInvalid {
		return d.hold(ctx, src, m, e.Fields)
	}
	if err != nil {
		return pending{result: refused(err)}
	}
	d.Hear(src.ID, c.Alert.OccurredAt)
	wait, err := d.o.Engine.Submit(ctx, c)
	if err != nil {
		return pending{result: refused(err)}
	}
	return pending{wait: wait, command: c.Type, message: m}
}

// command makes the command that a mapped message stands for. What it must not say in plain is sealed by then.
func (d *Door) command(src *plan.Source, m *Message, mapped *Mapped) (dispatch.Command, error) {
	c := dispatch.Command{Type: dispatch.SubmitAlert, Alert: new(alert.Alert)}
	s := &mapped.Submission
	if src.Sealed() && s.Reporter != "" {
		s.Reporter = d.o.Keyring.Digest(s.Reporter)
	}
	now := alert.TimeOf(d.o.Now())
	if mapped.Operation == plan.OpCancel {
		c.Type = dispatch.CancelAlert
		if s.ID == "" && s.IncidentRef == "" || len(s.ID) > alert.MaxIDBytes || len(s.IncidentRef) > alert.MaxRefBytes {
			return c, &alert.Error{Code: alert.CodeInvalid, Fields: []alert.Field{{Field: "id", Reason: "a cancel names the id of an alert, or its incident_ref"}}}
		}
		*c.Alert = alert.Alert{Source: src.ID, ID: s.ID, IncidentRef: s.IncidentRef, Text: shortened(s.Text, alert.MaxReasonBytes), OccurredAt: now, Exercise: s.Exercise,
			AlertID: alert.KeyOf(src.ID, s.ID).AlertID()}
	} else {
		a, err := s.Validate(src.ID, src.Datum)
		if err != nil {
			return c, err
		}
		*c.Alert = a
	}
	c.Alert.ReceivedAt = now
	if mapped.Operation == plan.OpUpdate {
		c.Type = dispatch.UpdateAlert
	}
	if c.Type != dispatch.SubmitAlert {
		c.Revision = revision(mapped, m)
	}
	return c, d.seal(src, c.Alert)
}

// maxRevisionBytes bounds a revision; a longer one is digested.
const maxRevisionBytes = 64

// revision tells one update or cancel of an alert from another.
func revision(mapped *Mapped, m *Message) string {
	r := mapped.Revision
	switch {
	case r != "" && mapped.Operation == plan.OpCancel:
		r = "cancel:" + r // a version that an update had before
	case r == "" && m.ID != "":
		r = string(mapped.Operation) + ":" + m.ID
	}
	if r != "" && len(r) <= maxRevisionBytes {
		return r
	}
	if r == "" {
		r = string(mapped.Operation) + ":" + string(content(m))
	}
	sum := sha256.Sum256([]byte(r))
	return hex.EncodeToString(sum[:16])
}

// content is what a message says, as bytes that are the same when it says the same.
func content(m *Message) []byte {
	if len(m.Raw) > 0 {
		return m.Raw
	}
	b, _ := json.Marshal(m.Body) // decoded from bytes: encodes again
	return b
}

func shortened(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}

// finish waits for the outcome of a command.
func (d *Door) finish(ctx context.Context, src *plan.Source, p *pending) Result {
	if p.wait == nil {
		return p.result
	}
	outcome, err := p.wait(ctx)
	var e *alert.Error
	if errors.As(err, &e) && e.Code == alert.CodeInvalid && !p.held {
		// What the configuration does not know: a type, an area.
		again := d.hold(ctx, src, p.message, e.Fields)
		return d.finish(ctx, src, &again)
	}
	if err != nil {
		return refused(err)
	}
	if p.held {
		d.warn(src.ID)
		return p.result
	}
	events := outcome.Events
	if len(events) == 0 {
		if outcome.Known == 0 {
			return Result{Status: Ignored, Reason: "there is nothing that it takes back"}
		}
		if events, err = d.o.History.Events(outcome.Known); err != nil {
			return refused(fmt.Errorf("events of a repeated message, at %d: %w", outcome.Known, err))
		}
	}
	r := Result{Status: statusOf[p.command]}
	if len(outcome.Events) == 0 {
		r.Status = Duplicate
	}
	r.Receipt, _ = dispatch.ReceiptOf(events)
	r.Receipt.Duplicate = r.Status == Duplicate
	return r
}

var statusOf = map[dispatch.CommandType]Status{dispatch.SubmitAlert: Accepted, dispatch.UpdateAlert: Updated, dispatch.CancelAlert: Cancelled}
