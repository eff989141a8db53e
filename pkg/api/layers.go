package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// LayerList is the layers that the caller may see, by id.
type LayerList struct {
	Layers []LayerInfo `json:"layers"`
}

// LayerInfo is a layer: what a source measures, as maps show it.
type LayerInfo struct {
	ID          string           `json:"id" doc:"Of its source."`
	Name        string           `json:"name"`
	NameEN      string           `json:"name_en,omitempty"`
	Department  string           `json:"department"`
	Unit        string           `json:"unit,omitempty" doc:"Of the features' value."`
	Sensitivity string           `json:"sensitivity" enum:"public,internal" doc:"An internal one is on no wall."`
	States      []LayerStateInfo `json:"states" doc:"That a feature may be in, in the profile's order."`
	ValidS      float64          `json:"valid_seconds" doc:"A reading older than that is stale."`
	KeepS       float64          `json:"keep_seconds" doc:"One older than that is not shown any more."`
	Revision    uint64           `json:"revision" doc:"Grows with each change; that of GET /api/v1/layers/{id} and of the frames of the websocket."`
	Features    int              `json:"features"`
	Stale       int              `json:"stale" doc:"Features whose reading is stale."`
	UpdatedAt   alert.Time       `json:"updated_at,omitzero" doc:"Of the newest reading."`
	Refused     uint64           `json:"refused,omitempty" doc:"Messages that yielded no reading since the server began. Not for walls."`
	Problem     string           `json:"problem,omitempty" doc:"Why the last of them did not. Not for walls."`
}

// LayerStateInfo is a state of a layer's features.
type LayerStateInfo struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	NameEN   string `json:"name_en,omitempty"`
	Level    string `json:"level,omitempty" enum:"blue,yellow,orange,red" doc:"What it is drawn like; absent: as what is normal."`
	Features int    `json:"features" doc:"In it now, stale ones left out."`
}

func (s *Server) layerRoutes() {
	register(s, http.MethodGet, "/api/v1/layers", "list-layers", "What sources measure, as layers of a map", []string{layerRead, layerPublic}, s.listLayers)
	s.api.OpenAPI().AddOperation(&huma.Operation{OperationID: "get-layer", Method: http.MethodGet, Path: "/api/v1/layers/{id}",
		Summary:    "A layer's features with their last readings, as GeoJSON (RFC 7946)",
		Parameters: []*huma.Param{{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}},
		Responses:  map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{mediaGeoJSON: {}}}, "default": s.refused()}})
	s.mux.Handle("GET /api/v1/layers/{id}", s.guarded(http.HandlerFunc(s.getLayer), layerRead, layerPublic))
}

// layersOf returns the sources whose layers a caller may see.
func (s *Server) layersOf(c Caller) (list []*plan.Source) {
	var all []*plan.Source
	s.o.State.Read(func(st *dispatch.State) {
		if city := st.City(); city != nil {
			all = city.Layers()
		}
	})
	for _, src := range all {
		action := layerRead
		if src.Layer.Public {
			action = layerPublic
		}
		if s.o.Layers != nil && s.o.Rights.Allowed(c, action, Object{}) == nil {
			list = append(list, src)
		}
	}
	return list
}

func (s *Server) listLayers(ctx context.Context, _ *struct{}) (*body[LayerList], error) {
	c := callerOf(ctx)
	out := LayerList{Layers: []LayerInfo{}}
	for _, src := range s.layersOf(c) {
		l, f := src.Layer, s.o.Layers.Figures(src)
		x := LayerInfo{ID: src.ID, Name: l.Name, NameEN: l.NameEN, Department: src.Department, Unit: l.Unit, Sensitivity: "internal",
			ValidS: l.Valid.Seconds(), KeepS: l.Keep.Seconds(), Revision: f.Revision, Features: f.Features, Stale: f.Stale, UpdatedAt: f.UpdatedAt}
		if l.Public {
			x.Sensitivity = string(alert.Public)
		}
		if s.o.Rights.Allowed(c, layerRead, Object{}) == nil {
			x.Refused, x.Problem = f.Refused, f.Problem
		}
		for _, state := range l.States {
			x.States = append(x.States, LayerStateInfo{ID: state.ID, Name: state.Name, NameEN: state.NameEN, Level: string(state.Level), Features: f.States[state.ID]})
		}
		out.Layers = append(out.Layers, x)
	}
	return &body[LayerList]{out}, nil
}

func (s *Server) getLayer(w http.ResponseWriter, r *http.Request) {
	c := callerOf(r.Context())
	if err := s.limits.key(c.Key); err != nil {
		WriteProblem(w, err)
		return
	}
	for _, src := range s.layersOf(c) {
		if src.ID == r.PathValue("id") {
			w.Header().Set("Content-Type", mediaGeoJSON)
			_, _ = w.Write(s.o.Layers.Collection(src))
			return
		}
	}
	// The same of one that the caller may not see.
	WriteProblem(w, alert.Errorf(alert.CodeNotFound, "no layer %q that you may see; GET /api/v1/layers lists them", shortened(r.PathValue("id"))))
}
