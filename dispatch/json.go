package dispatch

import (
	"bytes"
	"encoding/json"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// AppendJSON appends e as JSON, byte for byte as encoding/json would without escaping for HTML.
func (e *Event) AppendJSON(b []byte) []byte {
	o := alert.Object{B: b}
	o.Uint("seq", e.Seq)
	o.Time("at", e.At)
	o.Str("type", string(e.Type))
	o.OptStr("incident_id", e.IncidentID)
	if e.Incident != nil {
		o.Doc("incident", e.Incident)
	}
	if e.Alert != nil {
		o.Doc("alert", e.Alert)
	}
	o.OptInt("alert_count", e.AlertCount)
	o.OptTime("last_occurred_at", e.LastOccurredAt)
	if e.Task != nil {
		o.Doc("task", e.Task)
	}
	o.OptStr("task_id", e.TaskID)
	o.OptStr("state", string(e.State))
	o.OptStr("priority", e.Priority.String())
	o.OptStr("from", e.From)
	o.OptStr("step", e.Step)
	o.OptStr("to", e.To)
	o.OptStr("to_officer", e.ToOfficer)
	o.OptStr("rule", e.Rule)
	o.OptStr("reason", e.Reason)
	o.OptStr("text", e.Text)
	if e.By != nil {
		o.Doc("by", e.By)
	}
	o.OptStr("seat", e.Seat)
	if e.SignOn != nil {
		o.Raw("sign_on", seldom(e.SignOn))
	}
	if e.Handover != nil {
		o.Raw("handover", seldom(e.Handover))
	}
	o.OptStr("day", e.Day)
	o.OptStr("digest", e.Digest)
	if len(e.Files) > 0 {
		o.Raw("files", seldom(e.Files))
	}
	if e.Keep != nil {
		o.Raw("keep", seldom(e.Keep))
	}
	o.OptStr("source", e.Source)
	if e.Amendment != nil {
		o.Raw("amendment", seldom(e.Amendment))
	}
	if e.Swap != nil {
		o.Raw("swap", seldom(e.Swap))
	}
	o.OptBool("removed", e.Removed)
	if e.Gap != nil {
		o.Raw("gap", seldom(e.Gap))
	}
	if e.Maintenance != nil {
		o.Raw("maintenance", seldom(e.Maintenance))
	}
	o.OptStr("revision", e.Revision)
	o.OptStr("incident_type", e.IncidentType)
	o.OptInt("cancelled_count", e.CancelledCount)
	o.OptInt("folded_count", e.FoldedCount)
	if e.Storm != nil {
		o.Raw("storm", seldom(e.Storm))
	}
	o.OptStr("alert_id", e.AlertID)
	if e.Held != nil {
		o.Raw("held", seldom(e.Held))
	}
	if len(e.Seqs) > 0 {
		o.Raw("seqs", seldom(e.Seqs))
	}
	o.OptStr("idempotency_key", e.IdempotencyKey)
	return o.End()
}

// AppendJSON appends c as JSON.
func (c *Command) AppendJSON(b []byte) []byte {
	o := alert.Object{B: b}
	o.Str("type", string(c.Type))
	o.Time("at", c.At)
	if c.Alert != nil {
		o.Doc("alert", c.Alert)
	}
	o.OptStr("target", c.Target)
	o.OptStr("action", string(c.Action))
	o.OptStr("seat", c.Seat)
	o.OptStr("department", c.Department)
	o.OptStr("priority", c.Priority.String())
	if c.Level != 0 {
		o.Str("level", c.Level.String())
	}
	o.OptStr("reason", c.Reason)
	o.OptStr("text", c.Text)
	if c.By != nil {
		o.Doc("by", c.By)
	}
	o.OptStr("digest", c.Digest)
	o.OptTime("until", c.Until)
	if c.Amendment != nil {
		o.Raw("amendment", seldom(c.Amendment))
	}
	if c.Swap != nil {
		o.Raw("swap", seldom(c.Swap))
	}
	o.OptStr("revision", c.Revision)
	o.OptStr("alert_id", c.AlertID)
	if c.Held != nil {
		o.Raw("held", seldom(c.Held))
	}
	if len(c.Seqs) > 0 {
		o.Raw("seqs", seldom(c.Seqs))
	}
	o.OptStr("idempotency_key", c.IdempotencyKey)
	return o.End()
}

// seldom encodes what few events carry.
func seldom(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("dispatch: encode: " + err.Error()) // strings, numbers and bytes always encode
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}
