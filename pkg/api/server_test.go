package api_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/app"
)

// TestPages serves built pages with the headers that guard them, and lists no folder.
func TestPages(t *testing.T) {
	files := fstest.MapFS{
		"wall/index.html":       {Data: []byte("<!doctype html>墙")},
		"wall/assets/a-1234.js": {Data: []byte("1")},
		"secret/x.txt":          {Data: []byte("1")},
	}
	c := newCentre(t, func(o *app.Options) { o.Pages = files })
	for path, want := range map[string]struct {
		status int
		cache  string
	}{
		"/":                         {200, "no-cache"},
		"/wall":                     {200, "no-cache"},
		"/wall/":                    {200, "no-cache"},
		"/wall/assets/a-1234.js":    {200, "immutable"},
		"/wall/assets/":             {404, ""},
		"/wall/assets":              {404, ""},
		"/wall/nothing.js":          {404, ""},
		"/wall/assets/nothing.js":   {404, ""},
		"/wall/../secret/x.txt":     {401, ""},
		"/wall/%2e%2e/secret/x.txt": {404, ""},
	} {
		a := c.must(http.MethodGet, path, "", "")
		if a.status != want.status || !strings.Contains(a.header.Get("Cache-Control"), want.cache) {
			t.Errorf("%s: %d, Cache-Control %q", path, a.status, a.header.Get("Cache-Control"))
		}
		if a.status == 200 && !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'self'") {
			t.Errorf("%s: policy %q", path, a.header.Get("Content-Security-Policy"))
		}
		if a.status == 404 && strings.Contains(a.header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: a miss is kept for a year", path)
		}
		if strings.Contains(string(a.body), "a-1234.js") {
			t.Errorf("%s lists a folder: %s", path, a.body)
		}
	}
}

// TestPanic: a handler that panics is an error in the log and a problem to the caller, not a silent hang-up.
func TestPanic(t *testing.T) {
	var log bytes.Buffer
	s := api.New(api.Options{Now: time.Now, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Caller: func(*http.Request) (api.Caller, bool) { panic("out of order") }})
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/city", nil))
	p, err := problem(answer{w.Code, w.Header(), w.Body.Bytes()})
	if err != nil || p.Code != alert.CodeInternal || strings.Contains(p.Detail, "out of order") {
		t.Errorf("%v: %+v", err, p)
	}
	if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), "out of order") {
		t.Errorf("the log says %q", log.String())
	}
}

// TestMetrics: the work shows in the metrics, and no label carries an id of what comes and goes.
func TestMetrics(t *testing.T) {
	c := newCentre(t)
	r := c.post("fire-119", alertAt("x", "fire.building", 0, 0))
	c.act("fire-1", "tasks/"+r.Tasks[0].ID+"/acknowledge", "")
	text := string(c.must(http.MethodGet, "/metrics", c.wall(), "").body)
	for _, want := range []string{
		`banyan_http_request_seconds_count{code="2xx",route="POST /api/v1/alerts"} 1`,
		`banyan_http_request_seconds_count{code="2xx",route="POST /api/v1/tasks/{id}/acknowledge"} 1`,
		`banyan_incidents_open{priority="P1"} 1`, `banyan_incidents_unacknowledged{priority="P1"} 1`,
		`banyan_ready 1`, `banyan_queue_commands 0`, `banyan_stage_seconds_count{stage="commit"} 3`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	// Sources are as many as the configuration names, and each has a heartbeat of its own; nothing else has a series.
	for _, id := range []string{r.IncidentID, r.AlertID, r.Tasks[0].ID, `"fire-1"`} {
		if strings.Contains(text, id) {
			t.Errorf("a metric carries %s", id)
		}
	}
}
