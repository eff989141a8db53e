package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

const layeredProfile = `name: 空气站
department: fire
datum: gcj02
tables:
  words: {"1": good, "2": bad}
map:
  operation: {value: telemetry}
layer:
  name: 空气质量
  name_en: Air quality
  unit: µg/m³
  states:
    - {id: good, name: 优, name_en: Good}
    - {id: bad, name: 重, name_en: Bad, level: red}
  feature: m.station
  state: {from: m.grade, table: words}
  value: m.pm25
  label: m.name
  at: m.time
  geometry: '[m.lon, m.lat]'
  valid: 1h
`

func TestLayer(t *testing.T) {
	files := cityFiles(t)
	files["registers/stations.csv"] = []byte("id,name,lon,lat\n1,a,119,26\n")
	files["sources/air.yaml"] = []byte(layeredProfile)
	files["sources/water.yaml"] = []byte(strings.NewReplacer("geometry: '[m.lon, m.lat]'", "register: stations", "  valid: 1h", "  valid: 10h\n  keep: 12h", "department: fire", "department: fire\nsensitivity: public").Replace(layeredProfile))
	c := load(t, files)
	layers := c.Layers()
	if len(layers) != 2 || layers[0].ID != "air" || layers[1].ID != "water" {
		t.Fatalf("%+v", layers)
	}
	air, water := layers[0].Layer, layers[1].Layer
	if air.Name != "空气质量" || air.Unit != "µg/m³" || air.Public || air.Register != nil || air.Valid != time.Hour || air.Keep != 3*time.Hour || len(air.States) != 2 || air.States[1].Level != alert.Red {
		t.Errorf("%+v", air)
	}
	if !water.Public || water.Geometry != nil || water.Register.ID != "stations" || water.Keep != 12*time.Hour {
		t.Errorf("%+v", water)
	}
	if s, ok := air.StateByID("bad"); !ok || s.NameEN != "Bad" {
		t.Errorf("%+v", s)
	}
	v, err := air.Geometry.Value(&Message{M: map[string]any{"lon": 119.3, "lat": 26}})
	if err != nil || fmt.Sprint(v) != "[119.3 26]" {
		t.Errorf("geometry %v, %v", v, err)
	}
}

// TestLayerNamesMistakes makes each mistake in the whole layer by itself.
func TestLayerNamesMistakes(t *testing.T) {
	for _, m := range []struct{ old, by, want string }{
		{"  name: 空气质量", "  name: ''", "9: layer.name: want a name of at most 60 bytes"},
		{"µg/m³", strings.Repeat("x", 17), "11: layer.unit: at most 16 bytes"},
		{"department: fire", "department: fire\nsensitivity: sealed", "10: layer: what the source sends is sealed, or a part of it: it can have no layer"},
		{"department: fire", "department: fire\nseal: [text]", "10: layer: what the source sends is sealed, or a part of it: it can have no layer"},
		{"  unit:", "  sensitivity: sealed\n  unit:", `11: layer.sensitivity "sealed": want public, internal`},
		{"level: red", "level: green", `14: layer.states: level "green": want blue, yellow, orange, red`},
		{", level: red", "", `14: layer.states: "bad" looks like "good": each has a level of its own, and one may have none`},
		{"{id: bad, name: 重,", "{id: good, name: 重,", `14: layer state "good" stands on line 13 already`},
		{"name: 重", "name: ''", `14: layer.states: "bad" wants a name`},
		{`"2": bad`, `"2": awful`, `5: layer.state: "awful" is none of states`},
		{"  state: {from: m.grade, table: words}", "  state: {value: awful}", `16: layer.state: "awful" is none of states`},
		{"  feature: m.station\n", "", "9: layer needs feature and state"},
		{"m.pm25", "now()", "17: layer.value: "},
		{"  valid: 1h", "  valid: 1s", "21: layer.valid is 1s: want 5s to 24h0m0s"},
		{"  valid: 1h", "", "9: layer.valid is 0s: want 5s to 24h0m0s"},
		{"  valid: 1h", "  valid: 1h\n  keep: 1m", "22: layer.keep is 1m0s: want 1h0m0s to 48h0m0s"},
		{"  geometry: '[m.lon, m.lat]'", "  register: lakes", `20: layer.register: no register "lakes": this city has none`},
		{"  valid: 1h", "  valid: 1h\n  register: lakes", "22: layer needs geometry, or the register that has it, and not both"},
		{"  geometry: '[m.lon, m.lat]'\n", "", "9: layer needs geometry, or the register that has it, and not both"},
		{"  valid: 1h", "  valid: 1h\n  colour: red", `22: unknown key "colour"`},
		{"map:\n  operation: {value: telemetry}\n", "", "time, tables and layer mean something beside a map alone, and there is none"},
		{"{value: telemetry}", "{from: m.op, table: {a: telemetry}}", "map has no id: no alert is without one"},
	} {
		files := cityFiles(t)
		if !strings.Contains(layeredProfile, m.old) {
			t.Fatalf("%q is not in the profile", m.old)
		}
		files["sources/air.yaml"] = []byte(strings.Replace(layeredProfile, m.old, m.by, 1))
		_, problems := Load(files)
		found := false
		for _, p := range problems {
			found = found || strings.HasPrefix(strings.TrimPrefix(strings.TrimPrefix(p.String(), "sources/air.yaml:"), " "), m.want)
		}
		if !found {
			t.Errorf("%s by %s: %v, want %s", m.old, m.by, problems, m.want)
		}
	}
	files := cityFiles(t)
	for n := range MaxLayers + 1 {
		files[fmt.Sprintf("sources/air-%d.yaml", n)] = []byte(layeredProfile)
	}
	if _, problems := Load(files); len(problems) != 1 || !strings.Contains(problems[0].String(), "33 sources have one: at most 32") {
		t.Errorf("too many layers: %v", problems)
	}
}
