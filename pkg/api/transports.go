package api

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/ingest"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Bounds of what other transports than JSON may send.
const (
	MaxCAPBytes     = 2 << 20
	MaxEventsBytes  = 8 << 20 // of a batch of CloudEvents
	mediaCAP        = "application/cap+xml"
	hooksPath       = "/api/v1/hooks/"
	mediaEvent      = "application/cloudevents+json"
	mediaEventBatch = "application/cloudevents-batch+json"
)

// Transports read what sources send in other forms than JSON, know who signed it, and write such forms. An error is an *alert.Error.
type Transports interface {
	CAP(source *plan.Source, raw []byte) (ingest.Message, error)
	CloudEvents(header http.Header, body []byte) ([]ingest.Message, error)
	Webhook(source *plan.Source, header http.Header, body []byte) error // whether it is signed by the source
	WriteCAP(doc *alert.Incident) ([]byte, error)
}

func (s *Server) transportRoutes() {
	text := &huma.Schema{Type: huma.TypeString}
	taken := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Taken](), true, "Taken")
	answer := &huma.Response{Description: "what became of it, once that is durable", Content: map[string]*huma.MediaType{"application/json": {Schema: taken}}}
	add := func(path, id, summary string, body map[string]*huma.MediaType, open bool) {
		op := &huma.Operation{OperationID: id, Method: http.MethodPost, Path: path, Summary: summary,
			RequestBody: &huma.RequestBody{Required: true, Content: body}, Responses: map[string]*huma.Response{"202": answer, "default": s.refused()}}
		if open {
			op.Security = []map[string][]string{{}}
			op.Parameters = []*huma.Param{{Name: "source", In: "path", Required: true, Schema: text}}
		}
		if id == "submit-cloudevents" {
			op.Responses["200"] = &huma.Response{Description: "of a batch: what became of each event, in order", Content: map[string]*huma.MediaType{
				"application/json": {Schema: &huma.Schema{Type: huma.TypeArray, Items: taken}}}}
		}
		s.api.OpenAPI().AddOperation(op)
	}
	event := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeObject}}
	add("/api/v1/cap", "submit-cap", "Submit a CAP 1.2, 1.1 or 1.0 message", map[string]*huma.MediaType{mediaCAP: {Schema: text}}, false)
	add("/api/v1/cloudevents", "submit-cloudevents", "Submit CloudEvents 1.0: structured, binary or a batch",
		map[string]*huma.MediaType{mediaEvent: event, mediaEventBatch: {Schema: &huma.Schema{Type: huma.TypeArray, Items: event.Schema}}, "application/json": event}, false)
	add("/api/v1/hooks/{source}", "submit-webhook", "Submit a message signed with the source's secret; no key", map[string]*huma.MediaType{"application/json": event}, true)
	s.mux.HandleFunc("POST /api/v1/cap", s.postCAP)
	s.mux.HandleFunc("POST /api/v1/cloudevents", s.postCloudEvents)
	s.mux.HandleFunc("POST /api/v1/hooks/{source}", s.postWebhook)
}

// postCAP takes one CAP message.
func (s *Server) postCAP(w http.ResponseWriter, r *http.Request) {
	source, err := s.submitter(r, mediaCAP, "application/xml", "text/xml")
	if err != nil {
		WriteProblem(w, err)
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxCAPBytes))
	if err != nil {
		s.untaken(w, source, bodyError(err, MaxCAPBytes))
		return
	}
	m, err := s.o.Transports.CAP(source, raw)
	if err != nil {
		s.untaken(w, source, err)
		return
	}
	s.takeOne(w, r, source, m)
}

// postCloudEvents takes one event, or a batch.
func (s *Server) postCloudEvents(w http.ResponseWriter, r *http.Request) {
	source, err := s.submitter(r)
	if err != nil {
		WriteProblem(w, err)
		return
	}
	most := int64(MaxAlertBytes)
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind == mediaEventBatch {
		most = MaxEventsBytes
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if err != nil {
		s.untaken(w, source, bodyError(err, int(most)))
		return
	}
	messages, err := s.o.Transports.CloudEvents(r.Header, body)
	if err != nil {
		s.untaken(w, source, err)
		return
	}
	if kind != mediaEventBatch {
		s.takeOne(w, r, source, messages[0])
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), CommandTimeout)
	defer cancel()
	all := make([]Taken, 0, len(messages))
	for _, result := range s.o.Door.Take(ctx, source.ID, messages) {
		all = append(all, s.takenOf(result))
	}
	w.Header()["Content-Type"] = contentJSON
	_ = json.NewEncoder(w).Encode(all)
}

// postWebhook takes one JSON message whose signature says who sent it.
func (s *Server) postWebhook(w http.ResponseWriter, r *http.Request) {
	source := s.configured(r.PathValue("source"))
	if source == nil || source.Transport.Kind != plan.TransportWebhook {
		// The same answer for both, and for a wrong signature: nobody learns which sources there are.
		WriteProblem(w, alert.Errorf(alert.CodeUnauthorized, "no source takes webhooks here, or the signature does not fit"))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxAlertBytes))
	if err != nil {
		WriteProblem(w, bodyError(err, MaxAlertBytes))
		return
	}
	if err := s.o.Transports.Webhook(source, r.Header, body); err != nil {
		WriteProblem(w, err)
		return
	}
	m, err := messageOf(body)
	if err != nil {
		s.untaken(w, source, err)
		return
	}
	s.takeOne(w, r, source, m)
}

// submitter returns the source whose key sent a request, and refuses a body of none of the kinds, where any are given.
func (s *Server) submitter(r *http.Request, kinds ...string) (*plan.Source, error) {
	c := callerOf(r.Context())
	if !s.o.Rights.Ever(c, alertSubmit) {
		return nil, alert.Errorf(alert.CodeForbidden, "only the key of a source may submit alerts: `banyan key add --role source --source ID`")
	}
	if given := r.Header.Get("Content-Type"); given != "" && len(kinds) > 0 {
		if kind, _, err := mime.ParseMediaType(given); err != nil || !slices.Contains(kinds, kind) {
			return nil, alert.Errorf(alert.CodeUnsupportedType, "Content-Type is %.60q: want %s", given, kinds[0])
		}
	}
	source := s.configured(c.Source)
	if source == nil {
		return nil, alert.Errorf(alert.CodeForbidden, "the key is for source %q, which this city does not have: add sources/%s.yaml", c.Source, c.Source)
	}
	if s.o.Transports == nil {
		return nil, alert.Errorf(alert.CodeUnavailable, "this server takes JSON alone")
	}
	return source, nil
}

// configured finds a source of the configuration in force, nil if there is none.
func (s *Server) configured(id string) (source *plan.Source) {
	s.o.State.Read(func(st *dispatch.State) {
		if city := st.City(); city != nil {
			source, _ = city.Source(id)
		}
	})
	return source
}

// untaken answers what did not reach the door.
func (s *Server) untaken(w http.ResponseWriter, source *plan.Source, err error) {
	s.o.Door.Count(source.ID, ingest.Refused)
	WriteProblem(w, s.problem(err, "submit"))
}

// takeOne hands one message in and answers what became of it.
func (s *Server) takeOne(w http.ResponseWriter, r *http.Request, source *plan.Source, m ingest.Message) {
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
