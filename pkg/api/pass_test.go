package api_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/auth"
)

// TestPass: the leading department passes an incident up with a reason, asking again changes nothing, others may not.
func TestPass(t *testing.T) {
	c := newCentre(t, cheaply)
	r := c.post("fire-119", alertAt("x", "fire.building", 0, 0))
	officer := c.signedIn("chenzq", "陈志强", "fire", auth.RoleOfficer)
	officer.seat = r.Tasks[0].Seat
	path := "/api/v1/incidents/" + r.IncidentID + "/pass"
	for body, want := range map[string]string{
		`{"level":"city"}`:                        "reason",
		`{"reason":"因为"}`:                         "level",
		`{"level":"village","reason":"因为"}`:       "level",
		`{"level":"street","reason":"不在此城的层级之中"}`: "city, district",
	} {
		if a := officer.send(http.MethodPost, path, body); a.status != http.StatusUnprocessableEntity || !strings.Contains(string(a.body), want) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	for range 2 {
		var doc alert.Incident
		officer.must(http.StatusOK, http.MethodPost, path, `{"level":"city","reason":"超出区级能力"}`, &doc)
		if doc.Level != geo.City {
			t.Errorf("%+v", doc)
		}
	}
	var line struct{ Events []dispatch.Event }
	officer.must(http.StatusOK, http.MethodGet, "/api/v1/incidents/"+r.IncidentID+"/timeline", "", &line)
	passed := slices.DeleteFunc(line.Events, func(e dispatch.Event) bool { return e.Type != dispatch.IncidentPassed })
	if len(passed) != 1 || passed[0].From != "district" || passed[0].To != "city" || passed[0].Reason != "超出区级能力" || passed[0].By == nil || passed[0].By.Name != "陈志强" {
		t.Errorf("%+v", passed)
	}
	if e, ok := dispatch.Redact(&passed[0]); !ok || e.Reason != "" || e.By != nil || e.To != "city" {
		t.Errorf("a wall reads %+v", e)
	}
	health := c.signedIn("sumei", "苏美玲", "health", auth.RoleDutyLeader)
	if a := health.send(http.MethodPost, path, `{"level":"district","reason":"因为"}`); a.status != http.StatusForbidden {
		t.Errorf("who takes no part: %d %s", a.status, a.body)
	}
	var city api.CityInfo
	if err := json.Unmarshal([]byte(c.must(http.MethodGet, "/api/v1/city", c.wall(), "").body), &city); err != nil {
		t.Fatal(err)
	}
	if p := city.Passing; p == nil || !slices.Equal(p.Types, []string{"fire.building"}) || !slices.Equal(p.Levels, []geo.Level{geo.City, geo.District}) {
		t.Errorf("the city tells %+v", p)
	}
}
