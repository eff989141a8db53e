package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// TestCityTellsItsReports holds what a page reckons from the city's reports against what the engine says is owed.
func TestCityTellsItsReports(t *testing.T) {
	var city *plan.City
	c := newCentre(t, func(o *app.Options) {
		files := maps.Clone(o.City.Files)
		files["plans.yaml"] = append([]byte(`reports:
  - {id: phone, name: 电话报告, name_en: By phone, types: [fire.*], priorities: [P1, P2], within: 30m, to: 总值班室, basis: 规程}
  - {id: every, name: 日报, types: ["*"], within: 1h}
`), files["plans.yaml"]...)
		var problems []plan.Problem
		if city, problems = plan.Load(files); problems != nil {
			t.Fatal(problems)
		}
		o.City = city
	})
	var told struct{ Reports []api.ReportInfo }
	if err := json.Unmarshal([]byte(c.must(http.MethodGet, "/api/v1/city", c.wall(), "").body), &told); err != nil {
		t.Fatal(err)
	}
	if len(told.Reports) != len(city.Reports) || len(told.Reports) == 0 {
		t.Fatalf("%d reports told, %d configured", len(told.Reports), len(city.Reports))
	}
	owed := 0
	for _, typ := range city.Types {
		for _, p := range alert.Priorities {
			var want, got []string
			for _, r := range dispatch.ReportsOwed(city, &alert.Incident{Type: typ.Code, Priority: p}) {
				want = append(want, r.Report)
			}
			for _, r := range told.Reports {
				if slices.Contains(r.Types, typ.Code) && slices.Contains(r.Priorities, p) {
					got = append(got, r.ID)
				}
			}
			if owed += len(want); !slices.Equal(got, want) {
				t.Errorf("%s %v: told %v, owed %v", typ.Code, p, got, want)
			}
		}
	}
	if r := told.Reports[0]; r.ID != "phone" || r.NameEN != "By phone" || r.Within != 1800 || r.To != "总值班室" || r.Basis != "规程" {
		t.Errorf("told %+v", r)
	}
	if owed == 0 {
		t.Error("nothing is ever owed: nothing was compared")
	}
}
