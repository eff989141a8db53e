package app

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/telemetry"
)

// layersPath begins the paths that the node that leads answers alone: it is the one that sources are heard by.
const layersPath = "/api/v1/layers"

// layersEvery is how often changes of layers are told: what came meanwhile goes together.
const layersEvery = time.Second

// showLayers tells screens what has changed of layers, until ctx ends.
func (a *App) showLayers(ctx context.Context) {
	every(ctx, layersEvery, func() {
		var city *plan.City
		a.seq.Replica().Read(func(st *dispatch.State) { city = st.City() })
		if city == nil {
			return
		}
		a.layers.Adopt(city)
		if all, public := a.layers.Changes(); all != nil {
			a.hub.ShowLayers(all, public)
		}
	})
}

// beginLayers is what a screen that begins to follow layers is told. A follower says nothing: it hears no source.
func (a *App) beginLayers(redacted bool) []byte {
	if !a.seq.Leads() {
		return nil
	}
	return a.layers.List(redacted)
}

// ofLeader reports whether a request asks for what the node that leads has alone.
func ofLeader(r *http.Request) bool {
	return r.URL.Path == layersPath || strings.HasPrefix(r.URL.Path, layersPath+"/")
}

// layerFamilies are what layerReadings reads, in this order. There are as many series as configured layers.
var layerFamilies = []telemetry.Family{
	{Name: "banyan_layer_features", Help: "Features that a layer shows, stale ones too.", Labels: []string{"source"}},
	{Name: "banyan_layer_stale_features", Help: "Features of a layer whose last reading is older than the profile calls valid.", Labels: []string{"source"}},
	{Name: "banyan_layer_refused", Help: "Messages since the server began that yielded no reading for their source's layer.", Labels: []string{"source"}},
}

func (a *App) layerReadings() [][]telemetry.Reading {
	out := make([][]telemetry.Reading, len(layerFamilies))
	var city *plan.City
	a.seq.Replica().Read(func(st *dispatch.State) { city = st.City() })
	if city == nil || !a.seq.Leads() {
		return out
	}
	for _, src := range city.Layers() {
		f := a.layers.Figures(src)
		for i, v := range []float64{float64(f.Features), float64(f.Stale), float64(f.Refused)} {
			out[i] = append(out[i], telemetry.Reading{Value: v, Labels: []string{src.ID}})
		}
	}
	return out
}
