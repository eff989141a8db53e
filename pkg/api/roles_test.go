package api_test

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// entitled returns the roles that may use an operation; "nobody" is whoever has no key.
func entitled(method, path string) []string {
	switch {
	case path == "/healthz" || path == "/readyz":
		return []string{"nobody", "source", "wall", "officer", "gateway"}
	case strings.HasPrefix(path, "/api/v1/login"):
		return []string{"nobody", "source", "wall", "officer", "gateway"}
	case path == "/metrics":
		return []string{"source", "wall", "officer"}
	case path == "/openapi.json" || path == "/api/v1/logout" || path == "/api/v1/me":
		return []string{"source", "wall", "officer", "gateway"}
	case strings.HasPrefix(path, "/api/v1/alerts"), strings.HasSuffix(path, "/heartbeat"), path == "/api/v1/cap", path == "/api/v1/cloudevents", path == "/api/v1/alertmanager":
		return []string{"source"}
	case strings.HasSuffix(path, "/roster.ics"):
		return []string{"officer", "calendar"}
	case path == "/api/v1/audit":
		return nil // people who audit alone
	case strings.HasPrefix(path, "/api/v1/node/"):
		return []string{"gateway"}
	case path == "/api/v1/city", path == "/api/v1/node", strings.HasPrefix(path, "/api/v1/areas"), strings.HasPrefix(path, "/api/v1/cells"):
		return []string{"wall", "officer", "gateway"}
	case strings.HasPrefix(path, "/api/v1/configuration"), strings.HasSuffix(path, "/unseal"):
		return nil // people alone
	case method == http.MethodGet && slices.Contains(shownOnWalls, path):
		return []string{"wall", "officer"}
	case strings.HasPrefix(path, "/api/v1/rosters/amendments") && method != http.MethodGet, // for people alone
		strings.HasPrefix(path, "/api/v1/sources/") && strings.HasSuffix(path, "/maintenance"):
		return nil
	}
	return []string{"officer"}
}

// shownOnWalls is all that the key of a wall may read.
var shownOnWalls = []string{"/api/v1/stream", "/api/v1/incidents", "/api/v1/incidents.geojson", "/api/v1/incidents/{id}", "/api/v1/incidents/{id}.cap", "/api/v1/tasks/{id}", "/api/v1/seats", "/api/v1/statistics/now",
	"/api/v1/city", "/api/v1/node", "/api/v1/areas", "/api/v1/areas/locate", "/api/v1/areas.geojson", "/api/v1/cells.geojson", "/api/v1/layers", "/api/v1/layers/{id}"}

// TestRoles tries every operation there is with every role.
func TestRoles(t *testing.T) {
	c := newCentre(t)
	d, _ := c.document()
	d.Paths["/openapi.json"] = map[string]*operation{"get": {}}
	d.Paths["/api/v1/stream"] = map[string]*operation{"get": {}}
	tried := 0
	delete(d.Paths, "/api/v1/hooks/{source}") // asks for no key: who signed it is tried elsewhere
	for path, operations := range d.Paths {
		for method := range operations {
			method = strings.ToUpper(method)
			may := entitled(method, path)
			for role, token := range map[string]string{"nobody": "", "source": c.source("fire-119"), "wall": c.wall(), "officer": c.officer("fire-1"), "gateway": c.token(auth.Key{Role: auth.RoleGateway, Name: "g"})} {
				tried++
				a := c.must(method, strings.ReplaceAll(path, "{id}", "none"), token, "")
				want := "is let through"
				ok := a.status != http.StatusUnauthorized && a.status != http.StatusForbidden && a.status < 500
				switch {
				case slices.Contains(may, role):
				case role == "nobody":
					want, ok = "is asked for a key", a.status == http.StatusUnauthorized
				default:
					want, ok = "is forbidden", a.status == http.StatusForbidden
				}
				if !ok {
					t.Errorf("%s %s: want that %s %s, got %d %.200s", method, path, role, want, a.status, a.body)
				}
				if a.status >= 400 {
					if _, err := problem(a); err != nil {
						t.Errorf("%s %s as %s: %v", method, path, role, err)
					}
				}
			}
		}
	}
	if tried < 100 {
		t.Errorf("%d tries: the document lists too little", tried)
	}
}

// TestPublicPages: what is served without a key.
func TestPublicPages(t *testing.T) {
	c := newCentre(t)
	for path, want := range map[string]int{"/": 200, "/wall": 200, "/wall/": 200, "/console": 200, "/console/": 200, "/healthz": 200, "/readyz": 200,
		"/consoles": 401, "/api": 401, "/healthz/x": 401, "/openapi.json": 401, "/metrics": 401, "/wallx": 401, "/api/v1/../../healthz": 401} {
		a := c.must(http.MethodGet, path, "", "")
		if a.status != want {
			t.Errorf("%s without a key: %d %.200s", path, a.status, a.body)
		}
		if (strings.HasPrefix(path, "/wall") || strings.HasPrefix(path, "/console")) && want == 200 {
			for _, h := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
				if a.header.Get(h) == "" {
					t.Errorf("%s: no %s", path, h)
				}
			}
		}
	}
}

// TestContentTypes: what is taken as JSON, and what is not.
func TestContentTypes(t *testing.T) {
	c := newCentre(t)
	for kind, want := range map[string]int{"": 202, "application/json": 202, "application/json; charset=utf-8": 202, "Application/JSON": 202,
		"application/cloudevents+json": 202, "application/x-www-form-urlencoded": 202, // curl -d
		"text/plain": 415, "text/json": 415, "application/xml": 415, "multipart/form-data; boundary=x": 415, "application/x-ndjson": 415, "json": 415, "/": 415} {
		a, err := c.send(http.MethodPost, "/api/v1/alerts", c.source("fire-119"), kind, strings.NewReader(alertAt("x", "fire.vehicle", 0, 0)))
		if err != nil {
			t.Fatal(err)
		}
		if a.status != want {
			t.Errorf("Content-Type %q: %d %s", kind, a.status, a.body)
		}
		if want == 202 && a.header.Get("Content-Type") != "application/json" {
			t.Errorf("the answer has type %q", a.header.Get("Content-Type"))
		}
	}
	for kind, want := range map[string]int{"": 200, "application/x-ndjson": 200, "application/json": 200, "text/csv": 415} {
		a, err := c.send(http.MethodPost, "/api/v1/alerts:batch", c.source("fire-119"), kind, strings.NewReader(alertAt("x", "fire.vehicle", 0, 0)))
		if err != nil {
			t.Fatal(err)
		}
		if a.status != want {
			t.Errorf("a batch of type %q: %d %s", kind, a.status, a.body)
		}
	}
}

// TestLocate converts positions and finds areas.
func TestLocate(t *testing.T) {
	c := newCentre(t)
	var w struct {
		Location struct{ Lon, Lat float64 }
		Areas    []struct{ Code string }
		Outside  bool `json:"outside_city"`
	}
	for query, want := range map[string]string{"lon=119.25&lat=26.07": "350102", "lon=119.35&lat=26.07": "350103", "lon=119.3005&lat=26.07&datum=gcj02": "350102", "lon=1&lat=1": ""} {
		w.Areas = nil
		c.get("/api/v1/areas/locate?"+query, c.wall(), &w)
		if got := len(w.Areas); w.Outside != (want == "") || want != "" && (got != 2 || w.Areas[1].Code != want) {
			t.Errorf("%s: %+v, want %s", query, w, want)
		}
	}
}

// TestDatumOfSource: a source's profile says in which datum its positions are, unless the alert does.
func TestDatumOfSource(t *testing.T) {
	c := newCentre(t)
	for source, shifted := range map[string]bool{"police-110": true, "fire-119": false} {
		r := c.post(source, alertAt("x", "fire.vehicle", 4000, 4000))
		var i alert.Incident
		c.get("/api/v1/incidents/"+r.IncidentID, c.wall(), &i)
		if got := i.Location.Lon != 119.25; got != shifted {
			t.Errorf("%s: %v", source, i.Location)
		}
	}
}

// TestNodeSnapshot: what a gateway fetches is the state, whole.
func TestNodeSnapshot(t *testing.T) {
	c := newCentre(t)
	c.must(http.MethodPost, "/api/v1/alerts", c.source("fire-119"), alertAt("x", "fire.vehicle", 0, 0))
	a := c.must(http.MethodGet, "/api/v1/node/snapshot", c.token(auth.Key{Role: auth.RoleGateway, Name: "g"}), "")
	epoch, err := strconv.ParseUint(a.header.Get(api.EpochHeader), 10, 32)
	if err != nil || a.status != http.StatusOK {
		t.Fatalf("%d, %v: %.200s", a.status, err, a.body)
	}
	start, err := sequencer.Restore(bytes.NewReader(a.body), uint32(epoch))
	if err != nil {
		t.Fatal(err)
	}
	if start.Reader.Len() != 1 || start.Reader.City() == nil || start.Epoch != sequencer.FirstEpoch {
		t.Fatalf("%d incidents, city %v, epoch %d", start.Reader.Len(), start.Reader.City(), start.Epoch)
	}
}
