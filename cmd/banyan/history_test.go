package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/history"
)

// TestHistoryRebuild throws the read model away and makes it of the journal.
func TestHistoryRebuild(t *testing.T) {
	data := t.TempDir()
	s := serve(t, nil, "serve", "--city", testCity, "--data", data, "--listen", "127.0.0.1:0")
	source := key(t, data, "--role", "source", "--source", "fire-119")
	for n := range 5 {
		if status, answer := s.request("POST", "/api/v1/alerts", source, alertBody(fmt.Sprint(n))); status != 202 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	if r := banyan(t, "history", "rebuild", "--data", data); r.code != 1 || !strings.Contains(r.err, "stop the server first") {
		t.Errorf("beside a running server: %+v", r)
	}
	if code := s.stop(); code != 0 {
		t.Fatalf("exit %d\n%s", code, s.said())
	}
	if err := os.Remove(filepath.Join(data, history.FileName)); err != nil {
		t.Fatal(err)
	}
	if r := banyan(t, "history", "rebuild", "--data", data); r.code != 0 || !strings.Contains(r.out, "holds everything up to event") {
		t.Fatalf("rebuild: %+v", r)
	}
	store, err := history.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if seq, err := store.Seq(t.Context()); err != nil || seq < 10 {
		t.Errorf("rebuilt up to %d, %v", seq, err)
	}
	if left, _ := filepath.Glob(filepath.Join(data, "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
