package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// mustSignOn makes the city one in which a seat is staffed only while an officer is signed on there.
func mustSignOn(tb testing.TB) func(*app.Options) {
	return func(o *app.Options) {
		files := maps.Clone(o.City.Files)
		files["city.yaml"] = append(append([]byte{}, files["city.yaml"]...), "\npresence: {required: true}\n"...)
		city, problems := plan.Load(files)
		if problems != nil {
			tb.Fatal(problems)
		}
		o.City = city
	}
}

// TestWallsDoNotLearnWhoIsAtASeat lets officers sign on, hand over and sign off with work on their hands. Who
// they are and what they write stays between officers.
func TestWallsDoNotLearnWhoIsAtASeat(t *testing.T) {
	c := newCentre(t, mustSignOn(t))
	during := c.screen(c.wall(), "wall")
	during.until(1)
	as := func(officer string) string {
		return c.token(auth.Key{Role: auth.RoleOfficer, Seat: "health-1", Name: secret(officer)})
	}
	do := func(officer, path, body string) answer {
		t.Helper()
		a := c.must(http.MethodPost, "/api/v1/"+path, as(officer), body)
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, a.status, a.body)
		}
		return a
	}
	do("early", "seats/health-1/sign-on", `{"reason":"`+secret("sign-on")+`"}`)
	r := c.post("medical-120", alertAt("1", "medical", 0, 0))
	if len(r.Tasks) != 1 || r.Tasks[0].Seat != "health-1" {
		t.Fatalf("%+v: want the seat at which somebody is", r)
	}
	do("early", "incidents/"+r.IncidentID+"/assessments", `{"text":"`+secret("assessment")+`"}`)
	do("early", "incidents/"+r.IncidentID+"/support", `{"department":"gas","reason":"`+secret("support")+`"}`)
	var handover struct{ ID string }
	if err := json.Unmarshal(do("early", "handovers", `{"seat":"health-1","note":"`+secret("handover")+`"}`).body, &handover); err != nil {
		t.Fatal(err)
	}
	confirm := "handovers/" + handover.ID + "/confirm"
	do("late", confirm, `{"reason":"`+secret("confirm")+`"}`)
	var done dispatch.Handover
	var listed api.HandoverList
	c.get("/api/v1/handovers/"+handover.ID, as("late"), &done)
	c.get("/api/v1/handovers?seat=health-1", as("late"), &listed)
	if done.To != secret("late") || len(listed.Handovers) != 1 || listed.Handovers[0].ID != handover.ID || listed.Handovers[0].From != secret("early") {
		t.Errorf("confirmed: %+v, listed: %+v", done, listed)
	}
	if p, err := problem(c.must(http.MethodPost, "/api/v1/"+confirm, as("late"), "")); err != nil || p.Code != alert.CodeNotFound {
		t.Errorf("confirmed once more: %v: %+v", err, p)
	}
	do("late", "seats/health-1/sign-off", `{"reason":"`+secret("sign-off")+`"}`)
	var page incidentPage
	c.get("/api/v1/incidents", c.wall(), &page)
	after := c.screen(c.wall(), "wall")
	paths := map[string][]string{"incidents": {r.IncidentID}, "tasks": {r.Tasks[0].ID}, "handovers": {handover.ID}}
	seen := c.reads(c.wall(), paths)
	for _, s := range []*screen{during, after} {
		s.until(page.Seq)
		seen = append(seen, s.frames...)
	}
	watch := c.screen(c.officer("centre-leader"), "wall")
	watch.until(page.Seq)
	known := strings.Join(append(c.reads(c.officer("centre-leader"), paths), watch.frames...), "\n")
	for _, word := range []string{"early", "late", "sign-on", "assessment", "support", "handover", "confirm", "sign-off"} {
		for _, body := range seen {
			if at := strings.Index(body, secret(word)); at >= 0 {
				t.Errorf("a wall reads the %s: …%.300s", word, body[max(0, at-150):])
			}
		}
		if !slices.Contains([]string{"late", "sign-on", "sign-off", "confirm"}, word) && !strings.Contains(known, secret(word)) {
			t.Errorf("no officer reads the %s", word)
		}
	}
}
