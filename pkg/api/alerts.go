package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// The two ways in do without the library's generic body handling: they are the hot path, and their errors
// must be ours. They stand in the OpenAPI document all the same, made from the same Go types.
func (s *Server) alertRoutes() {
	s.document(http.MethodPost, "/api/v1/alerts", "submit-alert", "Submit an alert; answered once it is durable",
		"application/json", reflect.TypeFor[alert.Submission](), http.StatusAccepted, "application/json", reflect.TypeFor[dispatch.Receipt]())
	s.document(http.MethodPost, "/api/v1/alerts:batch", "submit-alerts", "Submit alerts, one a line; one result a line, in order",
		ndjson, reflect.TypeFor[alert.Submission](), http.StatusOK, ndjson, reflect.TypeFor[BatchResult]())
	s.mux.HandleFunc("POST /api/v1/alerts", s.postAlert)
	s.mux.HandleFunc("POST /api/v1/alerts:batch", s.postBatch)
}

const (
	ndjson       = "application/x-ndjson"
	receiptBytes = 1 << 10 // of an answer, expected
)

var contentJSON = []string{"application/json"}

func (s *Server) document(method, path, id, summary, inType string, in reflect.Type, status int, outType string, out reflect.Type) {
	schemas := s.api.OpenAPI().Components.Schemas
	s.api.OpenAPI().AddOperation(&huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary,
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{inType: {Schema: schemas.Schema(in, true, in.Name())}}},
		Responses: map[string]*huma.Response{
			strconv.Itoa(status): {Description: "accepted", Content: map[string]*huma.MediaType{outType: {Schema: schemas.Schema(out, true, out.Name())}}},
			"default":            s.refused(),
		},
	})
}

// postAlert takes one alert.
func (s *Server) postAlert(w http.ResponseWriter, r *http.Request) {
	source, err := s.sourceOf(r, "application/json")
	if err == nil && !source.Plain() {
		s.postMessage(w, r, source)
		return
	}
	var receipt dispatch.Receipt
	if err == nil {
		receipt, err = s.takeAlert(w, r, source)
		s.counted(source, receipt, err)
	}
	if err != nil {
		WriteProblem(w, s.problem(err, "submit-alert"))
		return
	}
	w.Header()["Content-Type"] = contentJSON
	w.WriteHeader(http.StatusAccepted)
	buf := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(buf)
	buf.Reset()
	buf.Grow(receiptBytes)
	_, _ = w.Write(append(receipt.AppendJSON(buf.AvailableBuffer()), '\n')) // accepted all the same if the caller went away; it will ask again
}

func (s *Server) takeAlert(w http.ResponseWriter, r *http.Request, source *plan.Source) (dispatch.Receipt, error) {
	if err := s.limits.source(source, 1); err != nil {
		return dispatch.Receipt{}, err
	}
	// What is decoded is copied out of the buffer.
	buf := bodies.Get().(*bytes.Buffer)
	defer bodies.Put(buf)
	buf.Reset()
	if _, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, MaxAlertBytes)); err != nil {
		return dispatch.Receipt{}, bodyError(err, MaxAlertBytes)
	}
	a, err := s.parse(buf.Bytes(), source)
	if err != nil {
		return dispatch.Receipt{}, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), CommandTimeout)
	defer cancel()
	outcome, err := s.o.Engine.Do(ctx, dispatch.Command{Type: dispatch.SubmitAlert, Alert: &a})
	if err != nil {
		return dispatch.Receipt{}, err
	}
	return s.receipt(outcome)
}

// bodies are buffers for the bodies of single alerts and for their answers.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// sourceOf returns the source a request comes from, and refuses a body of the wrong kind.
func (s *Server) sourceOf(r *http.Request, want string) (*plan.Source, error) {
	c := callerOf(r.Context())
	if !s.o.Rights.Ever(c, alertSubmit) {
		return nil, alert.Errorf(alert.CodeForbidden, "only the key of a source may submit alerts: `banyan key add --role source --source ID`")
	}
	if kind := r.Header.Get("Content-Type"); !takesType(kind, want) {
		return nil, alert.Errorf(alert.CodeUnsupportedType, "Content-Type is %.60q: want %s", kind, want)
	}
	var source *plan.Source
	s.o.State.Read(func(st *dispatch.State) {
		if city := st.City(); city != nil {
			source, _ = city.Source(c.Source)
		}
	})
	if source == nil {
		return nil, alert.Errorf(alert.CodeForbidden, "the key is for source %q, which this city does not have: add sources/%s.yaml", c.Source, c.Source)
	}
	return source, nil
}

// takesType reports whether a body declared as kind is taken for want: absent, the type itself, a JSON
// dialect, or what curl -d declares unless told otherwise.
func takesType(kind, want string) bool {
	if kind == "" || kind == want {
		return true
	}
	got, _, err := mime.ParseMediaType(kind)
	return err == nil && (got == want || got == "application/json" || strings.HasPrefix(got, "application/") && strings.HasSuffix(got, "+json") ||
		got == "application/x-www-form-urlencoded")
}

// parse reads and checks one alert.
func (s *Server) parse(b []byte, source *plan.Source) (alert.Alert, error) {
	in, err := alert.DecodeSubmission(b)
	if err != nil {
		return alert.Alert{}, jsonError(err)
	}
	a, err := in.Validate(source.ID, source.Datum)
	if err != nil {
		return alert.Alert{}, err
	}
	a.ReceivedAt = alert.TimeOf(s.o.Now())
	s.o.Door.Hear(source.ID, a.OccurredAt)
	return a, nil
}

// receipt is the answer to an accepted alert; for a repeated one, the answer its first one got.
func (s *Server) receipt(o sequencer.Outcome) (dispatch.Receipt, error) {
	if len(o.Events) > 0 {
		r, _ := dispatch.ReceiptOf(o.Events)
		return r, nil
	}
	events, err := s.o.History.Events(o.Known)
	if err != nil {
		return dispatch.Receipt{}, fmt.Errorf("events of a repeated alert, at %d: %w", o.Known, err)
	}
	r, ok := dispatch.ReceiptOf(events)
	if !ok {
		return dispatch.Receipt{}, fmt.Errorf("event %d holds no alert", o.Known)
	}
	r.Duplicate = true
	return r, nil
}

// jsonError says where JSON is wrong.
func jsonError(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return alert.Errorf(alert.CodeMalformed, "not JSON at byte %d: %s", syntax.Offset, err)
	case errors.As(err, &kind):
		field := kind.Field
		if field == "" {
			return alert.Errorf(alert.CodeMalformed, "want a JSON object, not %s", kind.Value)
		}
		return &alert.Error{Code: alert.CodeInvalid, Detail: "the alert breaks 1 rule", Fields: []alert.Field{{
			Field: field, Reason: fmt.Sprintf("is a JSON %s, want %s", kind.Value, kindName(kind.Type))}}}
	}
	return alert.Errorf(alert.CodeMalformed, "not JSON: %s", err)
}

func kindName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Float64, reflect.Int, reflect.Uint8:
		return "a number"
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return "an object"
	default:
		return "a string"
	}
}

func bodyError(err error, limit int) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return alert.Errorf(alert.CodeTooLarge, "the body is longer than %d bytes, the most that is taken here", limit)
	}
	return alert.Errorf(alert.CodeMalformed, "the body ended early: %v", err)
}
