package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestSalvage copies what stands before a damage; the copy is a good data folder that serves, keys included.
func TestSalvage(t *testing.T) {
	data := t.TempDir()
	s := serve(t, nil, "serve", "--city", testCity, "--data", data, "--listen", "127.0.0.1:0")
	source := key(t, data, "--role", "source", "--source", "fire-119")
	for _, id := range []string{"1", "2", "3", "4"} {
		if status, answer := s.request("POST", "/api/v1/alerts", source, alertBody(id)); status != 202 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	s.stop()
	damage(t, data)
	out := filepath.Join(t.TempDir(), "salvaged")
	if r := banyan(t, "journal", "salvage", "--data", data, "--out", out); r.code != 0 || !strings.Contains(r.out, "everything is lost: segment") {
		t.Fatalf("salvage: %+v", r)
	}
	if r := banyan(t, "journal", "salvage", "--data", data, "--out", out); r.code != 1 || !strings.Contains(r.err, "exists already") {
		t.Errorf("salvage into an existing folder: %+v", r)
	}
	if r := banyan(t, "journal", "verify", "--data", out); r.code != 0 {
		t.Errorf("verify of the copy: %+v", r)
	}
	s = serve(t, nil, "serve", "--city", testCity, "--data", out, "--listen", "127.0.0.1:0")
	if status, answer := s.request("POST", "/api/v1/alerts", source, alertBody("5")); status != 202 {
		t.Errorf("the copy answers %d %s", status, answer)
	}
}
