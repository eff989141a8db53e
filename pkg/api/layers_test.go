package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// gaugesProfile measures and never alerts; SENSITIVITY is whose it is.
const gaugesProfile = `name: 水位站
department: fire
sensitivity: SENSITIVITY
map:
  operation: {value: telemetry}
layer:
  name: 水位
  name_en: Water levels
  unit: m
  states: [{id: low, name: 正常}, {id: high, name: 超警, name_en: High, level: red}]
  feature: m.station
  state: m.state
  value: m.level
  geometry: '[m.x, m.y]'
  valid: 10m
`

// layered is a centre with a public and an internal layer.
func layered(t *testing.T) *centre {
	t.Helper()
	return newCentre(t, func(o *app.Options) {
		for _, sensitivity := range []string{"public", "internal"} {
			o.City.Files["sources/"+sensitivity+".yaml"] = []byte(strings.Replace(gaugesProfile, "SENSITIVITY", sensitivity, 1))
		}
		city, problems := plan.Load(o.City.Files)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		o.City = city
	})
}

// measure sends a reading that must be taken, and returns what is said of it.
func (c *centre) measure(source, station, state string) string {
	c.tb.Helper()
	a := c.must(http.MethodPost, "/api/v1/alerts", c.source(source), `{"station":"`+station+`","state":"`+state+`","level":5.5,"x":119.3,"y":26.05}`)
	if a.status != http.StatusAccepted || !strings.Contains(string(a.body), `"ignored"`) {
		c.tb.Fatalf("%d %s", a.status, a.body)
	}
	return string(a.body)
}

// layerList is the answer of GET /api/v1/layers.
type layerList struct {
	Layers []struct {
		ID, Name, Sensitivity, Problem string
		States                         []struct {
			ID, Level string
			Features  int
		}
		Revision, Refused uint64
		Features, Stale   int
		ValidSeconds      float64 `json:"valid_seconds"`
	}
}

// TestLayers: what a source measures is a layer for those who may see it, and nothing of it is written down.
func TestLayers(t *testing.T) {
	c := layered(t)
	var before, after struct{ Seq uint64 }
	c.get("/api/v1/node", c.wall(), &before)
	if said := c.measure("public", "闽江-1", "low"); !strings.Contains(said, "on the layer: 闽江-1 is low") {
		t.Errorf("%s", said)
	}
	c.measure("internal", "内河-1", "high")
	if said := c.measure("internal", "内河-2", "dry"); !strings.Contains(said, `not on the layer: layer.state: \"dry\" is none of the layer's states`) {
		t.Errorf("%s", said)
	}
	c.get("/api/v1/node", c.wall(), &after)
	if before.Seq != after.Seq {
		t.Errorf("readings are in the journal: %d, then %d", before.Seq, after.Seq)
	}

	var wall, officer layerList
	c.get("/api/v1/layers", c.wall(), &wall)
	c.get("/api/v1/layers", c.officer("fire-1"), &officer)
	if len(wall.Layers) != 1 || wall.Layers[0].ID != "public" || wall.Layers[0].States[0].Features != 1 || wall.Layers[0].ValidSeconds != 600 {
		t.Errorf("a wall sees %+v", wall)
	}
	if len(officer.Layers) != 2 || officer.Layers[0].ID != "internal" || officer.Layers[0].Refused != 1 || officer.Layers[0].Problem == "" || officer.Layers[0].States[1].Level != "red" {
		t.Errorf("an officer sees %+v", officer)
	}
	a := c.must(http.MethodGet, "/api/v1/layers/public", c.wall(), "")
	var collection struct {
		Type     string
		Revision uint64
		Features []struct {
			ID         string
			Geometry   struct{ Type string }
			Properties struct {
				State string
				Value float64
				Until time.Time
			}
		}
	}
	if err := json.Unmarshal(a.body, &collection); err != nil || a.header.Get("Content-Type") != "application/geo+json" || collection.Type != "FeatureCollection" ||
		len(collection.Features) != 1 || collection.Features[0].ID != "闽江-1" || collection.Features[0].Geometry.Type != "Point" || collection.Features[0].Properties.Value != 5.5 ||
		time.Until(collection.Features[0].Properties.Until) > 10*time.Minute {
		t.Errorf("%v %s %s", err, a.header, a.body)
	}
	for path, token := range map[string]string{"/api/v1/layers/internal": c.wall(), "/api/v1/layers/fire-119": c.officer("fire-1"), "/api/v1/layers/none": c.wall()} {
		a := c.must(http.MethodGet, path, token, "")
		if _, err := problem(a); err != nil || a.status != http.StatusNotFound {
			t.Errorf("%s: %d %v %s", path, a.status, err, a.body)
		}
	}
	if a := c.must(http.MethodGet, "/api/v1/layers/internal", c.officer("fire-1"), ""); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := c.must(http.MethodGet, "/api/v1/layers", c.source("public"), ""); a.status != http.StatusForbidden {
		t.Errorf("a source reads layers: %d", a.status)
	}
}

// TestLayersOnScreens: screens are told which layers there are and what changes, a wall of public ones alone.
func TestLayersOnScreens(t *testing.T) {
	c := layered(t)
	wall, officer := c.screen(c.wall(), "wall", "layers"), c.screen(c.officer("fire-1"), "department:fire", "layers")
	wall.hears(`"list":[`)
	officer.hears(`"list":[`)
	c.measure("internal", "内河-1", "high")
	c.measure("public", "闽江-1", "low")
	said := officer.hears(`"内河-1"`)
	if !strings.Contains(said, `"geometry":{"type":"Point"`) || !strings.Contains(said, `"from":`) {
		t.Errorf("%s", said)
	}
	wall.hears(`"闽江-1"`)
	c.measure("public", "闽江-1", "high")
	if said := wall.hears(`"state":"high"`); strings.Contains(said, "geometry") {
		t.Errorf("a place is told again: %s", said)
	}
	for _, f := range wall.frames {
		if strings.Contains(f, "内河") || strings.Contains(f, `"internal"`) {
			t.Errorf("a wall is told of an internal layer: %s", f)
		}
	}
}

// hears reads frames until one has a text in it, and returns that.
func (s *screen) hears(text string) string {
	s.tb.Helper()
	for {
		if err := s.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			s.tb.Fatal(err)
		}
		_, b, err := s.ws.ReadMessage()
		if err != nil {
			s.tb.Fatalf("waiting for %s: %v", text, err)
		}
		s.frames = append(s.frames, string(b))
		if strings.Contains(string(b), text) {
			return string(b)
		}
	}
}
