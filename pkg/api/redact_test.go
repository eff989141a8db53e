package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/banyan-ecc/banyan/pkg/auth"
)

// screen is a websocket that keeps every frame it reads.
type screen struct {
	tb     testing.TB
	ws     *websocket.Conn
	frames []string
}

func (c *centre) screen(token string, topics ...string) *screen {
	c.tb.Helper()
	d := websocket.Dialer{HandshakeTimeout: patience, Subprotocols: []string{"banyan.v1", "bearer." + token}}
	ws, _, err := d.Dial("ws"+strings.TrimPrefix(c.url, "http")+"/api/v1/stream", nil)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.tb.Cleanup(func() { _ = ws.Close() })
	s := &screen{tb: c.tb, ws: ws}
	if err := ws.WriteJSON(map[string]any{"op": "subscribe", "topics": topics}); err != nil {
		c.tb.Fatal(err)
	}
	return s
}

// until reads frames until the screen stands at seq.
func (s *screen) until(seq uint64) {
	s.tb.Helper()
	for at := uint64(0); at < seq; {
		if err := s.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			s.tb.Fatal(err)
		}
		_, b, err := s.ws.ReadMessage()
		if err != nil {
			s.tb.Fatalf("at %d, waiting for %d: %v", at, seq, err)
		}
		s.frames = append(s.frames, string(b))
		var f struct {
			Op      string
			Seq, To uint64
		}
		if err := json.Unmarshal(b, &f); err != nil || f.Op == "error" {
			s.tb.Fatalf("%v: %s", err, b)
		}
		at = max(at, f.Seq, f.To)
	}
}

// private is everything that a person wrote or that says who somebody is, as secrets-<where> in one story.
var private = []string{"text", "attribute", "key", "ref", "alert-id", "officer", "note", "incident-note", "return", "assign", "priority", "suspend", "resume", "finish", "verify", "cancel", "late"}

func secret(where string) string { return "机密-" + where + "." }

// story lets everything happen to incidents in which private things are said, and returns their ids and those
// of their tasks.
func story(c *centre) (paths map[string][]string) {
	alertWith := func(id string) string {
		return fmt.Sprintf(`{"id":%q,"type":"fire.building","occurred_at":"2026-05-01T08:30:00+08:00","location":{"lon":119.25,"lat":26.05},"text":%q,"incident_ref":%q,"attributes":{%q:%q}}`,
			id, secret("text"), secret("ref"), secret("key"), secret("attribute"))
	}
	r := c.post("fire-119", alertWith(secret("alert-id")))
	c.post("fire-119", alertWith(secret("alert-id")+"2"))
	c.tokens[auth.Key{Role: auth.RoleOfficer, Seat: "centre-leader", Name: "officer at centre-leader"}] =
		c.token(auth.Key{Role: auth.RoleOfficer, Seat: "centre-leader", Name: secret("officer")})
	act := func(path, action, member string) {
		c.act("centre-leader", path+"/"+action, fmt.Sprintf(`{%s"reason":%q}`, member, secret(action)))
	}
	incident, lead, support := "incidents/"+r.IncidentID, "tasks/"+r.Tasks[0].ID, "tasks/"+r.Tasks[1].ID
	act(incident, "suspend", "")
	act(incident, "resume", "")
	act(incident, "priority", `"priority":"P2",`)
	c.act("centre-leader", lead+"/note", fmt.Sprintf(`{"text":%q}`, secret("note")))
	c.act("centre-leader", incident+"/note", fmt.Sprintf(`{"text":%q}`, secret("incident-note")))
	act(lead, "assign", `"seat":"fire-2",`)
	act(lead, "acknowledge", "")
	act(support, "acknowledge", "")
	act(support, "return", "")
	paths = map[string][]string{"incidents": {r.IncidentID}, "tasks": {r.Tasks[0].ID, r.Tasks[1].ID}}
	again := c.incident(r.IncidentID).Tasks[len(r.Tasks)].ID
	for _, id := range []string{r.Tasks[0].ID, again} {
		if id == again {
			act("tasks/"+id, "acknowledge", "")
		}
		act("tasks/"+id, "depart", "")
		act("tasks/"+id, "arrive", "")
		act("tasks/"+id, "finish", "")
		paths["tasks"] = append(paths["tasks"], id)
	}
	act(incident, "verify", "")
	second := c.post("fire-119", strings.ReplaceAll(alertWith("2"), secret("ref"), "2"))
	act("incidents/"+second.IncidentID, "cancel", "")
	// One stays open, so that snapshots show it.
	third := c.post("fire-119", strings.ReplaceAll(alertWith("3"), secret("ref"), secret("late")))
	act("tasks/"+third.Tasks[0].ID, "acknowledge", "")
	paths["incidents"] = append(paths["incidents"], second.IncidentID, third.IncidentID)
	return paths
}

func (c *centre) incident(id string) (i struct{ Tasks []struct{ ID string } }) {
	c.tb.Helper()
	c.get("/api/v1/incidents/"+id, c.officer("centre-leader"), &i)
	return i
}

// reads returns what a key gets from every GET there is, with the ids of paths put in.
func (c *centre) reads(token string, paths map[string][]string) (bodies []string) {
	d, _ := c.document()
	for path, operations := range d.Paths {
		if operations["get"] == nil {
			continue
		}
		ids := []string{""}
		if _, rest, ok := strings.Cut(path, "/api/v1/"); ok && strings.Contains(rest, "{id}") {
			kind, _, _ := strings.Cut(rest, "/")
			ids = paths[kind]
		}
		for _, id := range ids {
			query := map[string]string{"/api/v1/areas/locate": "?lon=119.25&lat=26.05", "/api/v1/cells.geojson": "?cells=89411c8a8dbffff"}[path]
			bodies = append(bodies, string(c.must(http.MethodGet, strings.ReplaceAll(path, "{id}", id)+query, token, "").body))
		}
	}
	return bodies
}

// people returns the names in the roster that walls may not show: of all seats but leaders' and the centre's.
func people(t *testing.T) (names []string) {
	rosters, err := os.ReadFile("testdata/city/rosters.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`seat: (\S+), day: (\S+), night: (\S+)}`).FindAllStringSubmatch(string(rosters), -1) {
		if !strings.HasSuffix(m[1], "-leader") && m[1] != "commander" {
			names = append(names, m[2], m[3])
		}
	}
	if len(names) < 10 {
		t.Fatalf("%d names", len(names))
	}
	return names
}

// TestWallsSeeNothingPrivate lets private things be said everywhere they can be said, and reads everything that
// a wall's key can read. An officer's key finds each of them: they were there to be found.
func TestWallsSeeNothingPrivate(t *testing.T) {
	c := newCentre(t)
	during := []*screen{c.screen(c.wall(), "wall"), c.screen(c.wall(), "bbox:119.2,26,119.4,26.2")}
	for _, s := range during {
		s.until(1)
	}
	watch := c.screen(c.officer("police-1"), "wall")
	watch.until(1)
	paths := story(c)
	var page incidentPage
	c.get("/api/v1/incidents", c.wall(), &page)
	after := c.screen(c.wall(), "wall")
	seen := c.reads(c.wall(), paths)
	for _, s := range append(during, after) {
		s.until(page.Seq)
		seen = append(seen, s.frames...)
	}
	for _, body := range seen {
		for _, word := range private {
			if strings.Contains(body, secret(word)) {
				t.Errorf("a wall reads the %s: %.1000s", word, body)
			}
		}
		for _, name := range people(t) {
			if strings.Contains(body, name) {
				t.Errorf("a wall reads that %s is on duty: %.300s", name, body)
			}
		}
		if member := regexp.MustCompile(`"(text|attributes|officer|by|end_reason|close_reason|refs|incident_ref)":`).FindString(body); member != "" && !strings.Contains(body, `"openapi"`) {
			t.Errorf("a wall gets the member %s: %.1000s", member, body)
		}
	}
	watch.until(page.Seq)
	all := strings.Join(append(c.reads(c.officer("centre-leader"), paths), watch.frames...), "\n")
	for _, word := range private {
		if !strings.Contains(all, secret(word)) {
			t.Errorf("nobody reads the %s: the story does not tell it", word)
		}
	}
	if !strings.Contains(all, people(t)[0]) && !strings.Contains(all, people(t)[1]) {
		t.Error("no officer reads who is on duty")
	}
	if e := c.screen(c.wall(), "incident:"+paths["incidents"][0]); !e.refused() {
		t.Error("a wall may follow one incident")
	}
}

// refused reads until the server says no or shows something.
func (s *screen) refused() bool {
	_ = s.ws.SetReadDeadline(time.Now().Add(patience))
	_, b, err := s.ws.ReadMessage()
	return err == nil && strings.Contains(string(b), `"forbidden"`)
}
