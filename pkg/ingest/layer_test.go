package ingest

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/layer"
)

const measured = `name: 水位站
department: fire
map:
  operation: {from: m.op, table: {A: alert, T: telemetry, I: ignore}}
  id: m.no
  type: {value: gas.leak}
  occurred_at: m.at
  location: {lon: m.x, lat: m.y}
layer:
  name: 水位
  states:
    - {id: low, name: 正常}
    - {id: high, name: 超警, level: red}
  feature: m.no
  state: m.state
  value: {from: m.cm, unit: cm, to: m}
  geometry: '[m.x, m.y]'
  valid: 10m
`

// TestLayer: whatever a message does, what it measured is shown; what cannot be shown holds nothing up and is kept nowhere.
func TestLayer(t *testing.T) {
	door, d := newDoor(t, measured)
	board := layer.New(now)
	door.o.Layers = board
	src := mustSource(t, d)
	take := func(raw string) Result { return door.Take(context.Background(), "own", []Message{message(t, raw)})[0] }
	const place = `"at":"2026-05-01T08:59:00+08:00","x":119.3,"y":26`
	for raw, want := range map[string]Result{
		`{"op":"T","no":"a","state":"low","cm":512,` + place + `}`:  {Status: Ignored, Reason: "by the profile: telemetry; on the layer: a is low"},
		`{"op":"A","no":"b","state":"high","cm":700,` + place + `}`: {Status: Accepted},
		`{"op":"I","no":"c","state":"high",` + place + `}`:          {Status: Ignored, Reason: "by the profile: ignore"},
		`{"op":"T","no":"d","state":"dry",` + place + `}`:           {Status: Ignored, Reason: `by the profile: telemetry; not on the layer: layer.state: "dry" is none of the layer's states`},
		`{"op":"A","no":"e","state":"dry",` + place + `}`:           {Status: Accepted},
		`{"op":"T","no":"f","state":"low","at":"2026-05-01T08:59:00+08:00"}`: {Status: Ignored,
			Reason: "by the profile: telemetry; not on the layer: layer.geometry: a position is two numbers, lon and lat"},
		`{"op":"T","state":"low",` + place + `}`: {Status: Ignored, Reason: "by the profile: telemetry; not on the layer: the feature's id must be a text of 1 to 128 bytes"},
	} {
		if r := take(raw); r.Status != want.Status || r.Reason != want.Reason {
			t.Errorf("%s: %+v, want %+v", raw, r, want)
		}
	}
	if h := door.Health("own"); h.Quarantine != 0 || h.LastHeard.IsZero() {
		t.Errorf("%+v", h)
	}
	if f := board.Figures(src); f.Features != 2 || f.States["high"] != 1 || f.Refused != 4 || !strings.Contains(f.Problem, "layer") && !strings.Contains(f.Problem, "feature") {
		t.Errorf("%+v", f)
	}
	var c struct {
		Features []struct {
			ID         string
			Properties struct {
				Value float64
				At    time.Time
			}
		}
	}
	if err := json.Unmarshal(board.Collection(src), &c); err != nil || c.Features[0].Properties.Value != 5.12 || !c.Features[0].Properties.At.Equal(now().Add(-time.Minute)) {
		t.Errorf("%+v %v", c, err)
	}
	for _, e := range d.events {
		if e.Alert != nil && e.Alert.ID == "a" {
			t.Errorf("a reading is in the journal: %+v", e)
		}
	}
}

// TestLayerWithoutBoard: where nobody shows layers nothing is said of them.
func TestLayerWithoutBoard(t *testing.T) {
	door, _ := newDoor(t, measured)
	r := door.Take(context.Background(), "own", []Message{message(t, `{"op":"T","no":"a","state":"low"}`)})[0]
	if r.Status != Ignored || r.Reason != "by the profile: telemetry" {
		t.Errorf("%+v", r)
	}
}
