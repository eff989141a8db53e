package app_test

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/ingest/webhook"
)

// TestHooksOut: a target that fails, and a restart between, gets every event it wants, what was passed between levels
// among them, in order, signed, redacted.
func TestHooksOut(t *testing.T) {
	const secret = "a secret of some length"
	var mu sync.Mutex
	var got []string
	calls := 0
	keys := map[string]bool{}
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls == 1 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		want := "sha256=" + hex.EncodeToString(webhook.Sum(secret, append([]byte(r.Header.Get("X-Timestamp")+"."), body...)))
		if r.Header.Get("X-Signature-256") != want || r.Header.Get("Idempotency-Key") == "" || strings.Contains(string(body), "浓烟") {
			t.Errorf("%v %s", r.Header, body)
		}
		if r.Header.Get("X-Banyan-Event") == "incident.opened" && !strings.Contains(string(body), `"source":"fire-119"`) {
			t.Errorf("who reported it is not said: %s", body)
		}
		// At least once: what was taken just before the stop may come again, under the same key.
		if key := r.Header.Get("Idempotency-Key"); !keys[key] {
			keys[key] = true
			got = append(got, r.Header.Get("X-Banyan-Event"))
		}
	}))
	defer target.Close()
	dir := t.TempDir()
	for name, content := range map[string]string{"hook.secret": secret, "hooks.yaml": "targets: [{id: province, url: \"" + target.URL + "/in\", secret_file: hook.secret, events: [incident.opened, incident.passed]}]\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wait := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
			mu.Lock()
			have := len(got)
			mu.Unlock()
			if have == n {
				return
			}
			if have > n || time.Now().After(deadline) {
				t.Fatalf("%q were sent, want %d", got, n)
			}
		}
	}
	report := func(id string, lon string) string {
		return `{"id":"` + id + `","type":"fire.building","occurred_at":"` + time.Now().Format(time.RFC3339) + `","text":"浓烟","location":{"lon":` + lon + `,"lat":26.08}}`
	}
	c := run(t, options(t, dir))
	var first struct {
		IncidentID string `json:"incident_id"`
	}
	c.must(202, "POST", "/api/v1/alerts", c.source, report("1", "119.30"), &first)
	wait(1)
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	c = run(t, options(t, dir))
	c.must(200, "POST", "/api/v1/incidents/"+first.IncidentID+"/pass", c.officer, `{"level":"city","reason":"浓烟"}`, nil)
	c.must(202, "POST", "/api/v1/alerts", c.source, report("2", "119.40"), nil)
	wait(3)
	if !slices.Equal(got, []string{"incident.opened", "incident.passed", "incident.opened"}) {
		t.Errorf("%q", got)
	}
}

func TestHooksFile(t *testing.T) {
	for name, text := range map[string]string{
		"unknown key": "targets: [{id: a, address: x}]", "no url": "targets: [{id: a, url: ftp://x/, secret_file: s}]", "password": "targets: [{id: a, url: \"http://u:p@x/\", secret_file: s}]",
		"outside": "targets: [{id: a, url: \"http://x/\", secret_file: ../s}]", "twice": "targets: [{id: a, url: \"http://x/\", secret_file: s}, {id: a, url: \"http://x/\", secret_file: s}]",
		"no secret": "targets: [{id: a, url: \"http://x/\", secret_file: s}]",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "hooks.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := app.Open(options(t, dir)); err == nil || !strings.Contains(err.Error(), "hooks.yaml") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestHooksOfTwoNodes: each event is sent by the node that leads, and the next one goes on where it ended.
func TestHooksOfTwoNodes(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var keys, batches []string
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if key := r.Header.Get("Idempotency-Key"); strings.HasPrefix(key, "one-") {
			keys = append(keys, key)
		} else {
			batches = append(batches, key)
		}
	}))
	defer target.Close()
	n := newEast(t)
	if err := n.east.stop(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{n.east0.DataDir, n.west0.DataDir} {
		text := "targets:\n- {id: one, url: \"" + target.URL + "\", secret_file: hook.secret, events: [incident.opened]}\n- {id: many, url: \"" + target.URL + "\", secret_file: hook.secret, events: [incident.opened], batch: 10}\n"
		for name, content := range map[string]string{"hook.secret": "a secret of some length", "hooks.yaml": text} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	source, wal := n.east.source, n.east.wal // of the first, which west's folder has too
	n.east = run(t, n.east0)
	n.toEast.To(n.east.app.Addr().String())
	n.east.source, n.east.wal = source, wal
	eventually(t, "east leads", n.east.is("leader", func(s nodeStatus) bool { return s.Mirror.State == "current" }))
	n.runWest()
	sent := func(want int) func() error {
		return func() error {
			mu.Lock()
			defer mu.Unlock()
			slices.Sort(keys)
			if len(keys) != want || len(slices.Compact(slices.Clone(keys))) != want || len(batches) == 0 {
				return fmt.Errorf("%d webhooks, want %d, each once: %q, %q", len(keys), want, keys, batches)
			}
			return nil
		}
	}
	for i := range 5 {
		n.east.post(i)
	}
	eventually(t, "east sends", sent(5))
	eventually(t, "west has all of it", n.westHas(5))
	if err := n.east.stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "west leads", n.west.is("leader", func(s nodeStatus) bool { return s.Mirror.State == "current" }))
	for i := range 3 {
		n.west.post(100 + i)
	}
	eventually(t, "west sends what is new and nothing else", sent(8))
	n.east = run(t, n.east0)
	n.toEast.To(n.east.app.Addr().String())
	n.east.source, n.east.wal = source, wal
	eventually(t, "east follows", n.east.is("follower", func(s nodeStatus) bool { return s.Leader != "" }))
	if err := n.west.stop(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "east leads again", n.east.is("leader", func(s nodeStatus) bool { return s.Mirror.State == "current" }))
	n.east.post(200)
	eventually(t, "east goes on where west ended", sent(9))
}
