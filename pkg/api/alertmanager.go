package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/ingest"
)

// Bounds of one notification.
const (
	MaxNotificationBytes  = 4 << 20
	MaxNotificationAlerts = 1_000
)

// Notification is what Alertmanager's webhook sends, version 4; its members that nobody reads are left out.
type Notification struct {
	Version string            `json:"version" doc:"\"4\""`
	Alerts  []json.RawMessage `json:"alerts" doc:"status, labels, annotations, startsAt, endsAt, fingerprint"`
}

// Notified counts what became of the alerts of a notification.
type Notified map[ingest.Status]int

// alertmanagerRoutes lets Prometheus' alerts come back as messages of a source, one an alert: its profile says what a
// breach is in this city, and that one that is resolved is taken back.
func (s *Server) alertmanagerRoutes() {
	s.document(http.MethodPost, "/api/v1/alertmanager", "alertmanager", "Alertmanager's webhook: each alert is a message of the caller's source; resolved ones take theirs back",
		"application/json", reflect.TypeFor[Notification](), http.StatusOK, "application/json", reflect.TypeFor[Notified]())
	s.mux.HandleFunc("POST /api/v1/alertmanager", s.notify)
}

func (s *Server) notify(w http.ResponseWriter, r *http.Request) {
	done, err := s.takeNotification(w, r)
	if err != nil {
		WriteProblem(w, s.problem(err, "alertmanager"))
		return
	}
	w.Header()["Content-Type"] = contentJSON
	_ = json.NewEncoder(w).Encode(done) // durable, whether or not Alertmanager still listens
}

func (s *Server) takeNotification(w http.ResponseWriter, r *http.Request) (Notified, error) {
	source, err := s.sourceOf(r, "application/json")
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxNotificationBytes))
	if err != nil {
		return nil, bodyError(err, MaxNotificationBytes)
	}
	var n Notification
	if err := json.Unmarshal(b, &n); err != nil {
		return nil, jsonError(err)
	}
	switch {
	case n.Version != "4":
		return nil, invalidBody("version", fmt.Sprintf("is %.20q: want \"4\", that of Alertmanager's webhook", n.Version))
	case len(n.Alerts) > MaxNotificationAlerts:
		return nil, invalidBody("alerts", fmt.Sprintf("are %d: at most %d are taken; set max_alerts", len(n.Alerts), MaxNotificationAlerts))
	}
	messages := make([]ingest.Message, len(n.Alerts))
	for i, raw := range n.Alerts {
		if messages[i], err = messageOf(raw); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), CommandTimeout)
	defer cancel()
	done := Notified{}
	for _, result := range s.o.Door.Take(ctx, source.ID, messages) {
		if result.Again() { // Alertmanager sends all of it again; what was taken does no harm twice
			return nil, result.Err
		}
		done[result.Status]++
	}
	return done, nil
}

func invalidBody(field, reason string) error {
	return &alert.Error{Code: alert.CodeInvalid, Detail: "the body breaks 1 rule", Fields: []alert.Field{{Field: field, Reason: reason}}}
}
