package dispatch

import "github.com/banyan-ecc/banyan/pkg/alert"

// Receipt is the answer to an accepted alert. It is made from the events of the command that took the
// alert in, so a repeated alert gets the very answer its first one got.
type Receipt struct {
	AlertID    string        `json:"alert_id"`
	IncidentID string        `json:"incident_id"`
	Duplicate  bool          `json:"duplicate"`
	Seq        uint64        `json:"seq"`
	Tasks      []ReceiptTask `json:"tasks"`
}

// ReceiptTask is a task as the alert made it.
type ReceiptTask struct {
	ID         string          `json:"id"`
	Department string          `json:"department"`
	Role       alert.Role      `json:"role"`
	Seat       string          `json:"seat,omitempty"`
	State      alert.TaskState `json:"state"`
	Reason     string          `json:"reason"`
	Deadline   alert.Time      `json:"deadline,omitzero"`
}

// ReceiptOf makes the answer from the events of one SubmitAlert command; false if they hold no alert.
func ReceiptOf(events []Event) (Receipt, bool) {
	r := Receipt{Tasks: []ReceiptTask{}}
	for i := range events {
		switch e := &events[i]; e.Type {
		case IncidentOpened, AlertAttached, AlertUpdated, AlertCancelled:
			r.AlertID, r.IncidentID, r.Seq = e.Alert.AlertID, e.IncidentID, e.Seq
		case TaskAssigned, TaskUnstaffed:
			t := e.Task
			r.Tasks = append(r.Tasks, ReceiptTask{t.ID, t.Department, t.Role, t.Seat, t.State, t.Reason, t.Deadline})
		}
	}
	return r, r.Seq != 0
}

// AppendJSON appends r as JSON, byte for byte as encoding/json would without escaping for HTML.
func (r *Receipt) AppendJSON(b []byte) []byte {
	o := alert.Object{B: b}
	r.AppendMembers(&o)
	return o.End()
}

// AppendMembers adds what is in r to an object.
func (r *Receipt) AppendMembers(o *alert.Object) {
	o.Str("alert_id", r.AlertID)
	o.Str("incident_id", r.IncidentID)
	o.Bool("duplicate", r.Duplicate)
	o.Uint("seq", r.Seq)
	o.Raw("tasks", nil)
	o.B = append(o.B, '[')
	for i := range r.Tasks {
		if i > 0 {
			o.B = append(o.B, ',')
		}
		o.B = r.Tasks[i].AppendJSON(o.B)
	}
	o.B = append(o.B, ']')
}

// AppendJSON appends t as JSON.
func (t *ReceiptTask) AppendJSON(b []byte) []byte {
	o := alert.Object{B: b}
	o.Str("id", t.ID)
	o.Str("department", t.Department)
	o.Str("role", string(t.Role))
	o.OptStr("seat", t.Seat)
	o.Str("state", string(t.State))
	o.Str("reason", t.Reason)
	o.OptTime("deadline", t.Deadline)
	return o.End()
}
