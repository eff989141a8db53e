package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// MaxFeatures bounds the incidents in one GeoJSON document.
const MaxFeatures = 5_000

const (
	mediaGeoJSON = "application/geo+json"
	capPrefix    = "/api/v1/incidents/"
	capSuffix    = ".cap"
)

// outgoingRoutes give incidents to other systems in the forms those read.
func (s *Server) outgoingRoutes() {
	document := func(path, id, summary, media string, params []*huma.Param) {
		s.api.OpenAPI().AddOperation(&huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Parameters: params,
			Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{media: {}}}, "default": s.refused()}})
	}
	document(capPrefix+"{id}"+capSuffix, "get-incident-cap", "One incident as a CAP 1.2 message", mediaCAP,
		[]*huma.Param{{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}})
	document("/api/v1/incidents.geojson", "incidents-geojson", "Open incidents as GeoJSON (RFC 7946), newest first", mediaGeoJSON, nil)
	s.mux.Handle("GET /api/v1/incidents/{id}/cap", s.guarded(http.HandlerFunc(s.incidentCAP), readers...))
	s.mux.Handle("GET /api/v1/incidents.geojson", s.guarded(http.HandlerFunc(s.incidentsGeoJSON), readers...))
}

// withoutSuffix leads requests for /api/v1/incidents/ID.cap to their route: patterns know no suffix behind a name.
func withoutSuffix(r *http.Request) *http.Request {
	id, ok := strings.CutPrefix(r.URL.Path, capPrefix)
	if !ok || !strings.HasSuffix(id, capSuffix) || strings.Contains(id, "/") {
		return r
	}
	r = r.Clone(r.Context())
	r.URL = &url.URL{Path: capPrefix + strings.TrimSuffix(id, capSuffix) + "/cap", RawQuery: r.URL.RawQuery}
	return r
}

func (s *Server) incidentCAP(w http.ResponseWriter, r *http.Request) {
	doc, _, _, err := s.incident(r.PathValue("id"))
	if err == nil {
		doc, err = s.shown(r.Context(), doc)
	}
	var b []byte
	if err == nil {
		b, err = s.o.Transports.WriteCAP(doc)
	}
	if err != nil {
		WriteProblem(w, s.problem(err, "get-incident-cap"))
		return
	}
	w.Header().Set("Content-Type", mediaCAP+"; charset=utf-8")
	_, _ = w.Write(b)
}

// feature is an incident on a map.
type feature struct {
	Type       string          `json:"type"`
	ID         string          `json:"id"`
	Geometry   *point          `json:"geometry"`
	Properties json.RawMessage `json:"properties"`
}

type point struct {
	Type        string     `json:"type"`
	Coordinates [2]float64 `json:"coordinates"`
}

// properties are what a map shows of an incident.
type properties struct {
	Number       string              `json:"number"`
	Type         string              `json:"type"`
	State        alert.IncidentState `json:"state"`
	Priority     alert.Priority      `json:"priority"`
	Areas        []string            `json:"areas"`
	Text         string              `json:"text,omitempty"`
	OpenedAt     alert.Time          `json:"opened_at"`
	UpdatedAt    alert.Time          `json:"updated_at"`
	AlertCount   int                 `json:"alert_count"`
	WarningLevel alert.WarningLevel  `json:"warning_level,omitempty"`
	ExpiresAt    alert.Time          `json:"expires_at,omitzero"`
	Exercise     bool                `json:"exercise,omitempty"`
	Unconfirmed  bool                `json:"unconfirmed,omitempty"`
	Cover        *alert.Cover        `json:"cover,omitempty"`
}

// incidentsGeoJSON writes the open incidents: whole for whom the table lets read them, redacted for walls. What is
// sealed is in no map.
func (s *Server) incidentsGeoJSON(w http.ResponseWriter, r *http.Request) {
	docs, truncated := s.openIncidents(r.Context())
	features := make([]feature, 0, len(docs))
	for _, i := range docs {
		p, err := json.Marshal(properties{i.Number, i.Type, i.State, i.Priority, i.Areas, i.Text, i.OpenedAt, i.UpdatedAt, i.AlertCount,
			i.WarningLevel, i.ExpiresAt, i.Exercise, i.Unconfirmed != nil, i.Cover})
		if err != nil {
			WriteProblem(w, s.problem(err, "incidents-geojson"))
			return
		}
		f := feature{Type: "Feature", ID: i.ID, Properties: p}
		if i.Location != nil {
			f.Geometry = &point{"Point", [2]float64{i.Location.Lon, i.Location.Lat}}
		}
		features = append(features, f)
	}
	w.Header().Set("Content-Type", mediaGeoJSON)
	_ = json.NewEncoder(w).Encode(struct {
		Type      string    `json:"type"`
		Truncated bool      `json:"truncated"` // there are more: ask for a page at a time at /api/v1/incidents
		Features  []feature `json:"features"`
	}{"FeatureCollection", truncated, features})
}

func (s *Server) openIncidents(ctx context.Context) (docs []*alert.Incident, truncated bool) {
	sees := s.sightOf(ctx)
	s.o.State.Read(func(st *dispatch.State) {
		seen := 0
		st.Newest(0, func(_ uint64, doc *alert.Incident) bool {
			if truncated = len(docs) == MaxFeatures || seen == MaxScan; truncated {
				return false
			}
			if seen++; !doc.State.Final() && doc.Sensitivity != alert.Sealed && (sees != some || s.sees(ctx, doc)) {
				docs = append(docs, doc)
			}
			return true
		})
	})
	if sees == redacted {
		for i, doc := range docs {
			docs[i] = dispatch.RedactIncident(doc)
		}
	}
	return docs, truncated
}
