package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/ingest"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

func (s *Server) sourceRoutes() {
	register(s, http.MethodGet, "/api/v1/sources", "list-sources", "Sources and how they are doing", []string{sourceRead}, s.listSources)
	register(s, http.MethodPost, "/api/v1/sources/{id}/heartbeat", "source-heartbeat", "A sign of life of a source", []string{alertSubmit}, s.heartbeat)
	register(s, http.MethodGet, "/api/v1/sources/{id}/quarantine", "list-quarantine", "Messages of a source that could not be mapped, oldest first", []string{quarantineRead}, s.listQuarantine)
	register(s, http.MethodPost, "/api/v1/sources/{id}/quarantine/replay", "replay-quarantine", "Map messages in quarantine again, all or those named", []string{quarantineReplay}, s.replayQuarantine)
	register(s, http.MethodPost, "/api/v1/configuration/reload", "reload-configuration", "Put the configuration on disk in force, all or nothing", []string{configLoad}, s.reload)
	register(s, http.MethodPost, "/api/v1/incidents/{id}/unseal", "unseal", "Open what is sealed of an alert; that is itself an event", []string{unseal}, s.unseal)
}

// SourceState is a source and how it is doing.
type SourceState struct {
	ID          string                `json:"id"`
	Name        string                `json:"name"`
	NameEN      string                `json:"name_en,omitempty"`
	Department  string                `json:"department"`
	Transport   plan.TransportKind    `json:"transport"`
	State       string                `json:"state" doc:"live, silent, never (not heard since the server began), maintenance, or overflowing (messages have left its quarantine unseen)"`
	LastHeard   alert.Time            `json:"last_heard,omitzero"`
	Rate        float64               `json:"rate" doc:"Messages a second, over the last minute or two."`
	LagSeconds  float64               `json:"lag_seconds" doc:"From occurred to received, a moving mean."`
	Errors      uint64                `json:"errors" doc:"Messages refused since the server began."`
	Quarantined int                   `json:"quarantined" doc:"Messages in quarantine now."`
	Lost        int                   `json:"lost,omitempty" doc:"Messages that gave way to newer ones in quarantine; the journal has them."`
	HeartbeatS  float64               `json:"heartbeat_seconds,omitempty"`
	Maintenance *dispatch.Maintenance `json:"maintenance,omitempty"`
	Incident    string                `json:"incident_id,omitempty" doc:"Opened because it is silent."`
}

// SourceList is all sources, by id.
type SourceList struct {
	Sources []SourceState `json:"sources"`
}

func (s *Server) listSources(context.Context, *struct{}) (*body[SourceList], error) {
	list := SourceList{Sources: []SourceState{}}
	now := alert.TimeOf(s.o.Now())
	s.o.State.Read(func(st *dispatch.State) {
		city := st.City()
		if city == nil {
			return
		}
		for _, src := range city.Sources {
			x := stateOf(src, st.SourceStatus(src.ID))
			if m, out := st.SourceMaintenance(src.ID, now); out {
				x.State, x.Maintenance = "maintenance", m
			}
			list.Sources = append(list.Sources, x)
		}
	})
	for i := range list.Sources {
		x := &list.Sources[i]
		h := s.o.Door.Health(x.ID)
		x.Rate, x.LagSeconds, x.Errors = h.PerSecond, h.Lag.Seconds(), h.Errors
		if !h.LastHeard.IsZero() {
			x.LastHeard = alert.TimeOf(h.LastHeard)
			if x.State == "never" {
				x.State = "live"
			}
		}
	}
	return &body[SourceList]{list}, nil
}

func stateOf(src *plan.Source, status dispatch.SourceStatus) SourceState {
	x := SourceState{ID: src.ID, Name: src.Name, NameEN: src.NameEN, Department: src.Department, Transport: src.Transport.Kind, State: "never",
		Quarantined: len(status.Held), Lost: status.Lost, HeartbeatS: src.Heartbeat.Seconds(), Incident: status.Incident}
	switch {
	case status.Silent != 0:
		x.State = "silent"
	case status.Lost > 0:
		x.State = "overflowing"
	}
	return x
}

// sourceByID returns a source and what the state knows of it, or who asks may not.
func (s *Server) sourceByID(ctx context.Context, id, action string) (src *plan.Source, status dispatch.SourceStatus, err error) {
	s.o.State.Read(func(st *dispatch.State) {
		if city := st.City(); city != nil {
			if src, _ = city.Source(id); src != nil {
				status = st.SourceStatus(id)
			}
		}
	})
	if src == nil {
		return nil, status, alert.Errorf(alert.CodeNotFound, "no source %q in this city; GET /api/v1/sources lists them", shortened(id))
	}
	return src, status, s.o.Rights.Allowed(callerOf(ctx), action, Object{Department: src.Department})
}

// Heard is the answer to a sign of life.
type Heard struct {
	At alert.Time `json:"at"`
}

func (s *Server) heartbeat(ctx context.Context, in *idInput) (*body[Heard], error) {
	src, _, err := s.sourceByID(ctx, in.ID, alertSubmit)
	if err != nil {
		return nil, err
	}
	if own := callerOf(ctx).Source; own != src.ID {
		return nil, alert.Errorf(alert.CodeForbidden, "the key is of source %q: no other may speak for %q", own, src.ID)
	}
	s.o.Door.Hear(src.ID, 0)
	return &body[Heard]{Heard{alert.TimeOf(s.o.Now())}}, nil
}

// MaxQuarantinePage bounds the messages of one answer.
const MaxQuarantinePage = 100

// QuarantineItem is a message in quarantine. Of a source whose data is sealed, only the reason is shown.
type QuarantineItem struct {
	ID      uint64            `json:"id" doc:"For a replay of this one."`
	At      alert.Time        `json:"at"`
	Reason  string            `json:"reason"`
	Kind    string            `json:"kind,omitempty"`
	Message string            `json:"message,omitempty" doc:"As it came."`
	Headers map[string]string `json:"headers,omitempty"`
	Sealed  bool              `json:"sealed,omitempty"`
}

// QuarantineList is a page of a source's quarantine, oldest first.
type QuarantineList struct {
	Messages []QuarantineItem `json:"messages"`
	Total    int              `json:"total"`
	Lost     int              `json:"lost"`
}

type quarantineInput struct {
	ID     string `path:"id" maxLength:"64"`
	Offset int    `query:"offset" minimum:"0" maximum:"1000"`
}

func (s *Server) listQuarantine(ctx context.Context, in *quarantineInput) (*body[QuarantineList], error) {
	_, status, err := s.sourceByID(ctx, in.ID, quarantineRead)
	if err != nil {
		return nil, err
	}
	page := QuarantineList{Messages: []QuarantineItem{}, Total: len(status.Held), Lost: status.Lost}
	from := min(in.Offset, len(status.Held))
	for _, h := range status.Held[from:min(from+MaxQuarantinePage, len(status.Held))] {
		events, err := s.o.History.Events(h.Seq)
		if err != nil {
			return nil, fmt.Errorf("message in quarantine at %d: %w", h.Seq, err)
		}
		for _, e := range events {
			if e.Held != nil {
				page.Messages = append(page.Messages, QuarantineItem{ID: e.Seq, At: e.At, Reason: e.Reason, Kind: e.Held.Kind, Message: string(e.Held.Raw),
					Headers: e.Held.Headers, Sealed: e.Held.Sealed != nil})
			}
		}
	}
	return &body[QuarantineList]{page}, nil
}

type replayInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body *struct {
		IDs []uint64 `json:"ids,omitempty" maxItems:"1000" doc:"Which ones; absent: all."`
	} `required:"false"`
}

// ReplayList is what became of messages in quarantine.
type ReplayList struct {
	Results  []ReplayResult `json:"results"`
	Released int            `json:"released"`
	Left     int            `json:"left"`
}

// ReplayResult is what became of one of them.
type ReplayResult struct {
	ID uint64 `json:"id"`
	Taken
}

// ReplayTimeout is how long a replay may take; what it did by then is done.
const ReplayTimeout = time.Minute

func (s *Server) replayQuarantine(ctx context.Context, in *replayInput) (*body[ReplayList], error) {
	_, status, err := s.sourceByID(ctx, in.ID, quarantineReplay)
	if err != nil {
		return nil, err
	}
	var ids []uint64
	if in.Body != nil {
		ids = in.Body.IDs
	}
	for _, id := range ids {
		if !slices.ContainsFunc(status.Held, func(h dispatch.HeldRef) bool { return h.Seq == id }) {
			return nil, alert.Errorf(alert.CodeNotFound, "no message %d is in the quarantine of %s", id, in.ID)
		}
	}
	actor := callerOf(ctx).Actor
	ctx, cancel := context.WithTimeout(ctx, ReplayTimeout)
	defer cancel()
	replayed, err := s.o.Door.Replay(ctx, in.ID, ids, &actor)
	if err != nil {
		return nil, err
	}
	out := ReplayList{Results: make([]ReplayResult, 0, len(replayed))}
	for _, r := range replayed {
		x := ReplayResult{ID: r.Seq, Taken: s.takenOf(r.Result)}
		if x.Status = 0; r.Status != ingest.Quarantined && r.Status != ingest.Refused {
			out.Released++
		}
		out.Results = append(out.Results, x)
	}
	out.Left = len(status.Held) - out.Released
	return &body[ReplayList]{out}, nil
}

// Loaded is the configuration in force after a reload.
type Loaded struct {
	Digest string `json:"digest"`
}

func (s *Server) reload(ctx context.Context, _ *struct{}) (*body[Loaded], error) {
	if err := s.o.Rights.Allowed(callerOf(ctx), configLoad, Object{}); err != nil {
		return nil, err
	}
	if s.o.Reload == nil {
		return nil, alert.Errorf(alert.CodeConflict, "this server does not know where its configuration lies: restart it")
	}
	digest, err := s.o.Reload(ctx)
	if err != nil {
		return nil, err
	}
	return &body[Loaded]{Loaded{digest}}, nil
}

type unsealInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		AlertID string `json:"alert_id" maxLength:"64"`
		Reason  string `json:"reason" minLength:"1" maxLength:"2048" doc:"Why it must be seen; it is written down with who asks."`
	}
}

// Unsealed is what was sealed of an alert, by field.
type Unsealed struct {
	AlertID string                     `json:"alert_id"`
	Fields  map[string]json.RawMessage `json:"fields"`
}

// Schema tells the OpenAPI document that fields hold any JSON.
func (Unsealed) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
		"alert_id": {Type: huma.TypeString}, "fields": {Type: huma.TypeObject, AdditionalProperties: &huma.Schema{}}}}
}

// unseal writes down that somebody looks, and only then shows it.
func (s *Server) unseal(ctx context.Context, in *unsealInput) (*body[Unsealed], error) {
	c, err := s.entitled(ctx, dispatch.Command{Type: dispatch.IncidentAct, Target: in.ID, Action: alert.ActUnseal, AlertID: in.Body.AlertID, Reason: in.Body.Reason})
	if err != nil {
		return nil, err
	}
	doc, _, _, err := s.incident(in.ID)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(doc.Alerts, func(r alert.Ref) bool { return r.AlertID == in.Body.AlertID })
	if at < 0 {
		return nil, alert.Errorf(alert.CodeNotFound, "incident %s has no alert %q", doc.Number, shortened(in.Body.AlertID))
	}
	ctx, cancel := context.WithTimeout(ctx, CommandTimeout)
	defer cancel()
	if _, err := s.o.Engine.Do(ctx, c); err != nil {
		return nil, err
	}
	events, err := s.o.History.Events(max(doc.Alerts[at].Seq, doc.Alerts[at].UpdatedSeq))
	if err != nil {
		return nil, fmt.Errorf("alert %s: %w", in.Body.AlertID, err)
	}
	for _, e := range events {
		if e.Alert == nil || e.Alert.AlertID != in.Body.AlertID {
			continue
		}
		fields, err := s.o.Door.Unsealed(e.Alert)
		if err != nil {
			return nil, err
		}
		return &body[Unsealed]{Unsealed{in.Body.AlertID, fields}}, nil
	}
	return nil, fmt.Errorf("event %d holds no alert %s", doc.Alerts[at].Seq, in.Body.AlertID)
}
