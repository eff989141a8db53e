package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/banyan-ecc/banyan/pkg/auth"
)

// peoplesRoles are the people of TestPeople, each with one role.
var peoplesRoles = map[auth.Role]string{auth.RoleWall: "", auth.RoleOfficer: "fire", auth.RoleDutyLeader: "fire", auth.RoleCommander: "centre",
	auth.RoleRosterEditor: "fire", auth.RoleSystemAdmin: "", auth.RoleSecurityAdmin: "", auth.RoleAuditor: ""}

// entitledPeople returns the roles of people who may use an operation.
func entitledPeople(method, path string) []auth.Role {
	officers := []auth.Role{auth.RoleOfficer, auth.RoleDutyLeader, auth.RoleCommander}
	switch {
	case path == "/healthz", path == "/readyz", path == "/openapi.json", path == "/api/v1/me", strings.HasPrefix(path, "/api/v1/log"):
		return []auth.Role{auth.RoleWall, auth.RoleOfficer, auth.RoleDutyLeader, auth.RoleCommander, auth.RoleRosterEditor,
			auth.RoleSystemAdmin, auth.RoleSecurityAdmin, auth.RoleAuditor}
	case path == "/metrics":
		return []auth.Role{auth.RoleWall, auth.RoleSystemAdmin}
	case strings.HasPrefix(path, "/api/v1/alerts"), strings.HasSuffix(path, "/heartbeat"), path == "/api/v1/cap", path == "/api/v1/cloudevents", path == "/api/v1/alertmanager", strings.HasPrefix(path, "/api/v1/hooks"):
		return nil
	case path == "/api/v1/audit":
		return []auth.Role{auth.RoleAuditor}
	case strings.HasPrefix(path, "/api/v1/node/"):
		return nil // gateways alone
	case strings.HasSuffix(path, "/assign"), strings.HasPrefix(path, "/api/v1/seats") && strings.HasSuffix(path, "/maintenance"):
		return officers[1:]
	case strings.HasPrefix(path, "/api/v1/configuration"):
		return []auth.Role{auth.RoleSystemAdmin}
	case strings.HasSuffix(path, "/unseal"), strings.HasSuffix(path, "/replay"):
		return officers[1:]
	case strings.HasPrefix(path, "/api/v1/sources") && method == http.MethodGet:
		return officers
	case strings.HasSuffix(path, "/maintenance"):
		return []auth.Role{auth.RoleSystemAdmin}
	case strings.HasPrefix(path, "/api/v1/rosters/amendments") && method != http.MethodGet:
		return []auth.Role{auth.RoleRosterEditor}
	case strings.HasPrefix(path, "/api/v1/swaps/"), path == "/api/v1/swaps" && method == http.MethodGet:
		return append(officers, auth.RoleRosterEditor)
	case method == http.MethodPost, strings.HasSuffix(path, "/timeline"), strings.HasSuffix(path, "/nearby"), strings.HasSuffix(path, "/cameras"), strings.HasPrefix(path, "/api/v1/handovers"):
		return officers
	case path == "/api/v1/statistics", strings.HasPrefix(path, "/api/v1/briefings"), strings.HasPrefix(path, "/api/v1/history"):
		return officers
	case path == "/api/v1/seats", strings.HasPrefix(path, "/api/v1/statistics"):
		return append(officers, auth.RoleWall, auth.RoleRosterEditor)
	case path == "/api/v1/city", path == "/api/v1/node", strings.HasPrefix(path, "/api/v1/areas"), strings.HasPrefix(path, "/api/v1/cells"):
		return append(officers, auth.RoleWall, auth.RoleRosterEditor, auth.RoleSystemAdmin)
	case strings.HasPrefix(path, "/api/v1/rosters"), strings.HasSuffix(path, "/roster.ics"):
		return append(officers, auth.RoleRosterEditor)
	}
	return append(officers, auth.RoleWall)
}

// TestPeople tries every operation there is with a person of every role. Nothing named is there, so it is the
// door that is tried, not the things behind it.
func TestPeople(t *testing.T) {
	c := newCentre(t, cheaply)
	d, _ := c.document()
	d.Paths["/openapi.json"] = map[string]*operation{"get": {}}
	d.Paths["/api/v1/stream"] = map[string]*operation{"get": {}}
	tried := 0
	for role, department := range peoplesRoles {
		b := c.signedIn(strings.ReplaceAll(string(role), "_", "-"), "某人", department, role)
		b.seat = map[auth.Role]string{auth.RoleOfficer: "fire-1", auth.RoleDutyLeader: "fire-leader", auth.RoleCommander: "commander"}[role]
		for path, operations := range d.Paths {
			for method := range operations {
				if path == "/api/v1/logout" {
					continue // last
				}
				tried++
				method = strings.ToUpper(method)
				a := b.send(method, strings.ReplaceAll(strings.ReplaceAll(path, "{id}", "none"), "{date}", "2026-05-01"), "")
				want := slices.Contains(entitledPeople(method, path), role)
				if ok := a.status != http.StatusUnauthorized && a.status != http.StatusForbidden && a.status < 500; ok != want {
					t.Errorf("%s %s as %s: let through %v, want %v: %d %.200s", method, path, role, ok, want, a.status, a.body)
				}
				if a.status >= 400 {
					if _, err := problem(a); err != nil {
						t.Errorf("%s %s as %s: %v", method, path, role, err)
					}
				}
			}
		}
		b.must(http.StatusNoContent, http.MethodPost, "/api/v1/logout", "", nil)
	}
	if tried < 200 {
		t.Errorf("%d tries: the document lists too little", tried)
	}
}

// TestDepartmentsSeeTheirOwn: a fire that the police supports is seen by both and by the centre, not by the gas
// company; a wall sees it redacted.
func TestDepartmentsSeeTheirOwn(t *testing.T) {
	c := newCentre(t, cheaply)
	r := c.post("fire-119", strings.Replace(alertAt("x", "fire.building", 0, 0), `{`, `{"text":"机密",`, 1))
	own := c.post("police-110", alertAt("y", "gas.leak", 4000, 4000))
	for _, v := range []struct {
		b     *browser
		sees  []string
		whole bool
	}{
		{c.signedIn("chenzq", "陈志强", "fire", auth.RoleOfficer), []string{r.IncidentID}, true},
		{c.signedIn("liudm", "刘德明", "police", auth.RoleOfficer), []string{r.IncidentID}, true},
		{c.signedIn("weidh", "魏东海", "gas", auth.RoleOfficer), []string{own.IncidentID}, true},
		{c.signedIn("sumei", "苏美玲", "health", auth.RoleDutyLeader), nil, true},
		{c.signedIn("guojg", "郭建国", "centre", auth.RoleDutyLeader), []string{own.IncidentID, r.IncidentID}, true},
		{c.signedIn("xiewp", "谢卫平", "centre", auth.RoleCommander), []string{own.IncidentID, r.IncidentID}, true},
		{c.signedIn("hall", "", "", auth.RoleWall), []string{own.IncidentID, r.IncidentID}, false},
	} {
		var who me
		v.b.must(http.StatusOK, http.MethodGet, "/api/v1/me", "", &who)
		var page incidentPage
		v.b.must(http.StatusOK, http.MethodGet, "/api/v1/incidents", "", &page)
		var got []string
		for _, i := range page.Incidents {
			got = append(got, i.ID)
		}
		if !slices.Equal(got, v.sees) {
			t.Errorf("%s sees %v, want %v", who.User, got, v.sees)
		}
		for _, x := range []struct{ incident, task string }{{r.IncidentID, r.Tasks[0].ID}, {own.IncidentID, own.Tasks[0].ID}} {
			may := slices.Contains(v.sees, x.incident)
			for path, listens := range map[string]bool{"/api/v1/incidents/" + x.incident: may, "/api/v1/tasks/" + x.task: may, "/api/v1/incidents/" + x.incident + "/timeline": may && v.whole} {
				a := v.b.send(http.MethodGet, path, "")
				if (a.status == http.StatusOK) != listens || !listens && a.status != http.StatusForbidden {
					t.Errorf("%s gets %s: %d %.200s", who.User, path, a.status, a.body)
				}
				if shows := strings.Contains(string(a.body), "机密"); shows != (listens && v.whole && x.incident == r.IncidentID && !strings.Contains(path, "tasks")) {
					t.Errorf("%s gets %s: shows the text %v", who.User, path, shows)
				}
			}
			for topic, follows := range map[string]bool{"incident:" + x.incident: may && v.whole, "wall": who.Department == "centre" || !v.whole, "department:gas": who.Department == "gas" || who.Department == "centre",
				"seat:fire-2": who.Department == "fire" || who.Department == "centre", "bbox:119,26,120,27": who.Department == "centre" || !v.whole} {
				if got := v.b.follows(topic); got != follows {
					t.Errorf("%s follows %s: %v, want %v", who.User, topic, got, follows)
				}
			}
		}
	}
}

// follows reports whether a person may subscribe to a topic.
func (b *browser) follows(topic string) bool {
	b.c.tb.Helper()
	d := websocket.Dialer{HandshakeTimeout: patience, Jar: b.client.Jar, Subprotocols: []string{"banyan.v1"}}
	ws, _, err := d.Dial("ws"+strings.TrimPrefix(b.c.url, "http")+"/api/v1/stream", http.Header{"Origin": {b.c.url}})
	if err != nil {
		b.c.tb.Fatal(err)
	}
	defer ws.Close()
	if err := ws.WriteJSON(map[string]any{"op": "subscribe", "topics": []string{topic}}); err != nil {
		b.c.tb.Fatal(err)
	}
	s := &screen{tb: b.c.tb, ws: ws}
	return !s.refused()
}

// TestActingAs: a person acts as a seat of their department that their role may take, and every act says who
// it was and where.
func TestActingAs(t *testing.T) {
	c := newCentre(t, cheaply)
	r := c.post("fire-119", alertAt("x", "fire.building", 0, 0))
	seat := r.Tasks[0].Seat
	acknowledge := "/api/v1/tasks/" + r.Tasks[0].ID + "/acknowledge"
	fire := c.signedIn("chenzq", "陈志强", "fire", auth.RoleOfficer)
	police := c.signedIn("liudm", "刘德明", "police", auth.RoleOfficer)
	for _, x := range []struct {
		b    *browser
		as   string
		want string
	}{
		{fire, "", "sign on to a seat first"}, {fire, "police-1", "act_as.duty in the own department only"}, {fire, "fire-leader", "may not act_as.leader"},
		{fire, "commander", "may not act_as.commander"}, {fire, "no-such", "not configured"}, {police, "police-1", "takes no part"}, {police, seat, "takes no part"},
	} {
		x.b.seat = x.as
		a := x.b.send(http.MethodPost, acknowledge, "")
		if p, err := problem(a); err != nil || a.status != http.StatusForbidden || !strings.Contains(p.Detail, x.want) {
			t.Errorf("as %q: %v %d %s, want %q", x.as, err, a.status, a.body, x.want)
		}
	}
	fire.seat = seat
	var task struct{ State, Seat, Officer string }
	if fire.must(http.StatusOK, http.MethodPost, acknowledge, "", &task); task.State != "acknowledged" || task.Seat != seat || task.Officer != "陈志强" {
		t.Errorf("%+v", task)
	}
	a := fire.send(http.MethodGet, "/api/v1/incidents/"+r.IncidentID+"/timeline", "")
	if want := fmt.Sprintf(`"by":{"seat":%q,"department":"fire","name":"陈志强","user":"chenzq"}`, seat); !strings.Contains(string(a.body), want) {
		t.Errorf("the timeline does not say %s: %s", want, a.body)
	}
	assign := "/api/v1/tasks/" + r.Tasks[0].ID + "/assign"
	if a := fire.send(http.MethodPost, assign, `{"seat":"fire-1","reason":"x"}`); a.status != http.StatusForbidden {
		t.Errorf("an officer assigns: %d %s", a.status, a.body)
	}
	leader := c.signedIn("zhanglq", "张立群", "fire", auth.RoleDutyLeader)
	leader.seat = "fire-leader"
	other := map[string]string{"fire-1": "fire-2", "fire-2": "fire-1", "fire-gulou": "fire-1"}[seat]
	leader.must(http.StatusOK, http.MethodPost, assign, fmt.Sprintf(`{"seat":%q,"reason":"轮换"}`, other), nil)
}

// TestSigningOn: who is signed on to a seat acts as it without saying so; nobody signs on to a seat of another
// department, or one their role may not take.
func TestSigningOn(t *testing.T) {
	c := newCentre(t, cheaply)
	r := c.post("fire-119", alertAt("x", "fire.building", 0, 0))
	b := c.signedIn("chenzq", "陈志强", "fire", auth.RoleOfficer)
	for seat, want := range map[string]int{"police-1": 403, "fire-leader": 403, "commander": 403, "no-such": 404} {
		if a := b.send(http.MethodPost, "/api/v1/seats/"+seat+"/sign-on", `{"reason":"替班"}`); a.status != want {
			t.Errorf("signing on to %s: %d %s", seat, a.status, a.body)
		}
	}
	b.must(http.StatusOK, http.MethodPost, "/api/v1/seats/"+r.Tasks[0].Seat+"/sign-on", `{"reason":"替班"}`, nil)
	b.must(http.StatusOK, http.MethodPost, "/api/v1/tasks/"+r.Tasks[0].ID+"/acknowledge", "", nil)
	var h struct{ ID string }
	b.must(http.StatusOK, http.MethodPost, "/api/v1/handovers", fmt.Sprintf(`{"seat":%q,"note":"无异常"}`, r.Tasks[0].Seat), &h)
	police := c.signedIn("liudm", "刘德明", "police", auth.RoleOfficer)
	next := c.signedIn("qiucg", "邱晨光", "fire", auth.RoleOfficer)
	for who, x := range map[string]struct {
		b    *browser
		want int
	}{"the same department": {next, 200}, "another": {police, 403}} {
		if a := x.b.send(http.MethodGet, "/api/v1/handovers/"+h.ID, ""); a.status != x.want {
			t.Errorf("%s reads the handover: %d %s", who, a.status, a.body)
		}
	}
	if a := police.send(http.MethodPost, "/api/v1/handovers/"+h.ID+"/confirm", `{"reason":"x"}`); a.status != http.StatusForbidden {
		t.Errorf("another department takes the seat over: %d %s", a.status, a.body)
	}
	next.must(http.StatusOK, http.MethodPost, "/api/v1/handovers/"+h.ID+"/confirm", `{"reason":"替班"}`, nil)
	b.seat = ""
	if a := b.send(http.MethodPost, "/api/v1/tasks/"+r.Tasks[0].ID+"/depart", ""); a.status != http.StatusForbidden {
		t.Errorf("who handed over acts on: %d %s", a.status, a.body)
	}
	next.must(http.StatusOK, http.MethodPost, "/api/v1/tasks/"+r.Tasks[0].ID+"/depart", "", nil)
}
