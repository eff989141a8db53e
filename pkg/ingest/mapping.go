package ingest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/layer"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Mapped is what a profile makes of one message.
type Mapped struct {
	Operation  plan.Operation
	Submission alert.Submission // of alert and update; of cancel its id, incident_ref and text
	Revision   string           // of update and cancel: what tells it from another one of the same alert
	Fields     []Field          // every field that was asked for, in order
	Problems   []alert.Field    // what could not be mapped; none: it could

	Layer         *layer.Reading // what it measured; nil: the source has no layer, or there is nothing to do
	LayerProblems []alert.Field  // why that is not shown
}

// Field is what one rule yielded.
type Field struct {
	Name  string
	Line  int // of the profile
	Value any // nil: absent
	Err   error
}

// Map applies the profile of a source to a message. Where the profile has no map, the message is an alert already.
func Map(src *plan.Source, m *Message) Mapped {
	x := mapper{m: src.Mapping, in: &plan.Message{M: m.Body, H: m.Headers, ID: m.ID, Kind: m.Kind, Operation: m.Operation, Target: m.Target}}
	x.out.Operation = plan.Operation(m.Operation)
	if x.out.Operation == "" {
		x.out.Operation = plan.OpAlert
	}
	if src.Mapping == nil {
		x.asItIs(m)
		return x.out
	}
	if m.Body == nil {
		x.problem("", fmt.Errorf("is not readable as %s", kindOr(m.Kind)))
		return x.out
	}
	x.operation()
	switch x.out.Operation {
	case plan.OpIgnore, plan.OpTelemetry:
	case plan.OpCancel:
		x.identity(m)
		x.out.Submission.Text = x.text(x.m.Text)
		x.warning()
	default:
		x.identity(m)
		x.alert()
		x.warning()
	}
	if src.Layer != nil && x.out.Operation != plan.OpIgnore {
		x.layer(src)
	}
	return x.out
}

func kindOr(kind string) string {
	if kind == "" {
		return "JSON"
	}
	return kind
}

// mapper applies one mapping to one message.
type mapper struct {
	m   *plan.Mapping
	in  *plan.Message
	out Mapped
}

func (x *mapper) problem(field string, err error) {
	x.out.Problems = append(x.out.Problems, alert.Field{Field: field, Reason: err.Error()})
}

// value asks a rule; what fails is noted and yields nothing.
func (x *mapper) value(r *plan.Rule, read func(any) (any, error)) any {
	if r == nil {
		return nil
	}
	v, err := r.Value(x.in)
	if err == nil && v != nil && read != nil {
		v, err = read(v)
	}
	x.out.Fields = append(x.out.Fields, Field{r.Field, r.Line, v, err})
	if err != nil {
		x.problem(r.Field, err)
		return nil
	}
	return v
}

func asText(v any) (any, error)   { return plan.Text(v) }
func asNumber(v any) (any, error) { return plan.Number(v) }

func (x *mapper) text(r *plan.Rule) string {
	s, _ := x.value(r, asText).(string)
	return s
}

func (x *mapper) number(r *plan.Rule) *float64 {
	if n, ok := x.value(r, asNumber).(float64); ok {
		return &n
	}
	return nil
}

func (x *mapper) operation() {
	if x.m.Operation == nil {
		return
	}
	op := plan.Operation(x.text(x.m.Operation))
	switch op {
	case plan.OpAlert, plan.OpUpdate, plan.OpCancel, plan.OpIgnore, plan.OpTelemetry:
		x.out.Operation = op
	case "": // nothing said, or a problem that is noted already
	default:
		x.problem("operation", fmt.Errorf("is %.60q, want alert, update, cancel, ignore or telemetry", op))
	}
}

// identity finds which alert a message is, or is about.
func (x *mapper) identity(m *Message) {
	s := &x.out.Submission
	s.ID = x.text(x.m.ID)
	if x.m.Dedup != nil {
		if key := x.text(x.m.Dedup); key != "" {
			s.ID = key
		}
	}
	s.IncidentRef = x.text(x.m.IncidentRef)
	if x.out.Operation == plan.OpAlert {
		return
	}
	switch target := x.text(x.m.Target); {
	case target != "":
		s.ID = target
	case m.Target != "":
		s.ID = m.Target
	}
	x.out.Revision = x.text(x.m.Revision)
}

func (x *mapper) alert() {
	s := &x.out.Submission
	s.Type, s.Area, s.Priority, s.Text = x.text(x.m.Type), x.text(x.m.Area), x.text(x.m.Priority), x.text(x.m.Text)
	s.Reporter, s.Level = x.text(x.m.Reporter), x.text(x.m.Level)
	if at, ok := x.value(x.m.OccurredAt, func(v any) (any, error) { return x.m.Time.Parse(v) }).(time.Time); ok {
		s.OccurredAt = at.Format(time.RFC3339Nano)
	}
	lon, lat := x.number(x.m.Lon), x.number(x.m.Lat)
	if lon != nil || lat != nil {
		s.Location = &alert.Position{Lon: lon, Lat: lat, Datum: geo.Datum(x.text(x.m.Datum))}
		if accuracy := x.number(x.m.AccuracyM); accuracy != nil {
			s.Location.AccuracyM = *accuracy
		}
	}
	attributes, _ := x.value(x.m.Object, func(v any) (any, error) {
		if _, ok := v.(map[string]any); !ok {
			return nil, fmt.Errorf("yields no object")
		}
		return v, nil
	}).(map[string]any)
	if len(x.m.Attributes) > 0 {
		own := make(map[string]any, len(attributes)+len(x.m.Attributes))
		for k, v := range attributes {
			own[k] = v
		}
		for _, r := range x.m.Attributes {
			if v := x.value(r, nil); v != nil {
				own[strings.TrimPrefix(r.Field, "attributes.")] = v
			}
		}
		attributes = own
	}
	if len(attributes) > 0 {
		b, err := json.Marshal(attributes)
		if err != nil {
			x.problem("attributes", err)
		}
		s.Attributes = b
	}
}

// warning takes over what a CAP message says beyond a report (level, cover, expiry, exercise): the transport found it,
// no profile needs to name it, and none can leave it out.
func (x *mapper) warning() {
	w, ok := x.in.M["warning"].(map[string]any)
	if !ok || x.in.Kind != "cap" {
		return
	}
	b, err := json.Marshal(w)
	if err == nil {
		err = json.Unmarshal(b, &x.out.Submission)
	}
	if err != nil {
		x.problem("warning", err)
	}
}

// asItIs reads a message that is an alert already.
func (x *mapper) asItIs(m *Message) {
	raw := m.Raw
	if m.Body != nil {
		b, err := json.Marshal(m.Body)
		if err != nil {
			x.problem("", err)
			return
		}
		raw = b
	}
	if err := json.Unmarshal(raw, &x.out.Submission); err != nil {
		x.problem("", fmt.Errorf("is no alert: %w", err))
		return
	}
	if x.out.Operation != plan.OpAlert && m.Target != "" {
		x.out.Submission.ID = m.Target
	}
}
