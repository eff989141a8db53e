package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// TestCityTellsItsObjectives asks as a wall does: a city that names none answers an empty list.
func TestCityTellsItsObjectives(t *testing.T) {
	ask := func(c *centre) (list string) {
		t.Helper()
		var city struct{ Objectives json.RawMessage }
		a := c.must(http.MethodGet, "/api/v1/city", c.wall(), "")
		if err := json.Unmarshal([]byte(a.body), &city); err != nil {
			t.Fatal(err)
		}
		return string(city.Objectives)
	}
	if got := ask(newCentre(t)); got != "[]" {
		t.Errorf("without objectives: %s", got)
	}
	got := ask(newCentre(t, func(o *app.Options) {
		files := maps.Clone(o.City.Files)
		files["objectives.yaml"] = []byte(`objectives:
  - {id: p1, name: 特急签收, name_en: P1 acknowledged, stage: acknowledged, priority: P1, within: 30s, share: 0.95, basis: 规程}
  - {id: push, name: 推送, stage: pushed, within: 50ms, share: 0.99, basis: 规程}
`)
		city, problems := plan.Load(files)
		if problems != nil {
			t.Fatal(problems)
		}
		o.City = city
	}))
	want := `[{"id":"p1","name":"特急签收","name_en":"P1 acknowledged","stage":"acknowledged","priority":"P1","within_seconds":30,"share":0.95,"basis":"规程"},` +
		`{"id":"push","name":"推送","stage":"pushed","within_seconds":0.05,"share":0.99,"basis":"规程"}]`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
