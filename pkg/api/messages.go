package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/ingest"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Door takes what sources send in their own shape, and knows how they are doing.
type Door interface {
	Take(ctx context.Context, source string, messages []ingest.Message) []ingest.Result
	Replay(ctx context.Context, source string, seqs []uint64, by *alert.Actor) ([]ingest.Replayed, error)
	Hear(source string, occurred alert.Time)
	Count(source string, s ingest.Status)
	Health(source string) ingest.Health
	Unsealed(a *alert.Alert) (map[string]json.RawMessage, error)
}

// Taken says what became of a message in its source's own shape. It is durable unless Problem is there.
type Taken struct {
	Line    int           `json:"line,omitempty"`   // of a batch, counted from 1
	Status  int           `json:"status,omitempty"` // of a batch
	Outcome ingest.Status `json:"outcome" doc:"accepted, duplicate, updated, cancelled, ignored, quarantined or refused"`
	Reason  string        `json:"reason,omitempty"`
	*dispatch.Receipt
	Problem *Problem `json:"problem,omitempty"`
}

// takenOf turns the door's word into an answer.
func (s *Server) takenOf(r ingest.Result) Taken {
	t := Taken{Outcome: r.Status, Reason: r.Reason, Status: http.StatusAccepted}
	switch r.Status {
	case ingest.Refused:
		t.Problem = s.problem(r.Err, "submit-alert")
		t.Status = t.Problem.Status
	case ingest.Accepted, ingest.Duplicate, ingest.Updated, ingest.Cancelled:
		t.Receipt = &r.Receipt
	}
	return t
}

// postMessage takes one message in the shape that its source's profile maps.
func (s *Server) postMessage(w http.ResponseWriter, r *http.Request, source *plan.Source) {
	var buf bytes.Buffer
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, MaxAlertBytes))
	if err != nil {
		WriteProblem(w, bodyError(err, MaxAlertBytes))
		return
	}
	m, err := messageOf(buf.Bytes())
	if err != nil {
		s.o.Door.Count(source.ID, ingest.Refused)
		WriteProblem(w, err)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), CommandTimeout)
	defer cancel()
	t := s.takenOf(s.o.Door.Take(ctx, source.ID, []ingest.Message{m})[0])
	if t.Problem != nil {
		WriteProblem(w, t.Problem)
		return
	}
	t.Status = 0
	w.Header()["Content-Type"] = contentJSON
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(t) // durable all the same if the caller went away
}

// messageOf reads a message; what is not JSON is told to its sender and not kept.
func messageOf(b []byte) (ingest.Message, error) {
	body, err := ingest.DecodeJSON(b)
	if err != nil {
		return ingest.Message{}, alert.Errorf(alert.CodeMalformed, "%v", err)
	}
	return ingest.Message{Kind: "json", Body: body, Raw: b}, nil
}

// messages are lines of a batch in a source's own shape, taken together.
type messages struct {
	b      *batch
	source string
	lines  []int
	taken  []ingest.Message
}

func (x *messages) add(line int, text []byte) {
	m, err := messageOf(bytes.Clone(text))
	if err != nil {
		x.flush()
		x.b.s.o.Door.Count(x.source, ingest.Refused)
		p := x.b.s.problem(err, "submit-alerts")
		x.write(Taken{Line: line, Status: p.Status, Outcome: ingest.Refused, Problem: p})
		return
	}
	if x.lines, x.taken = append(x.lines, line), append(x.taken, m); len(x.taken) == BatchWindow {
		x.flush()
	}
}

func (x *messages) flush() {
	if len(x.taken) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(x.b.ctx, CommandTimeout)
	defer cancel()
	for i, r := range x.b.s.o.Door.Take(ctx, x.source, x.taken) {
		t := x.b.s.takenOf(r)
		t.Line = x.lines[i]
		x.write(t)
	}
	x.lines, x.taken = x.lines[:0], x.taken[:0]
}

func (x *messages) write(t Taken) {
	_ = json.NewEncoder(x.b.out).Encode(t) // durable all the same if the caller went away
}

// counted notes what became of an alert that came in our own shape.
func (s *Server) counted(source *plan.Source, r dispatch.Receipt, err error) {
	switch {
	case err != nil:
		s.o.Door.Count(source.ID, ingest.Refused)
	case r.Duplicate:
		s.o.Door.Count(source.ID, ingest.Duplicate)
	default:
		s.o.Door.Count(source.ID, ingest.Accepted)
	}
}

// noDoor is the door of a server that has none.
type noDoor struct{}

func (noDoor) Take(_ context.Context, _ string, messages []ingest.Message) []ingest.Result {
	out := make([]ingest.Result, len(messages))
	for i := range out {
		out[i] = ingest.Result{Status: ingest.Refused, Err: errNoDoor}
	}
	return out
}

func (noDoor) Replay(context.Context, string, []uint64, *alert.Actor) ([]ingest.Replayed, error) {
	return nil, errNoDoor
}
func (noDoor) Hear(string, alert.Time)                                   {}
func (noDoor) Count(string, ingest.Status)                               {}
func (noDoor) Health(string) ingest.Health                               { return ingest.Health{} }
func (noDoor) Unsealed(*alert.Alert) (map[string]json.RawMessage, error) { return nil, errNoDoor }

var errNoDoor = alert.Errorf(alert.CodeUnavailable, "this server takes alerts in their own shape alone")
