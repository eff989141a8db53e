package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestDemo lets a city live: incidents come, officers answer, its keys outlive it and are nobody else's to read.
func TestDemo(t *testing.T) {
	data := t.TempDir()
	s := serve(t, nil, "demo", "--city", testCity, "--data", data, "--listen", "127.0.0.1:0", "--rate", "600", "--pace", "1000")
	path := filepath.Join(data, "demo-tokens.json")
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var tokens struct {
		Wall           string
		Sources, Seats map[string]string
	}
	if err := json.Unmarshal(kept, &tokens); err != nil {
		t.Fatal(err)
	}
	var page struct{ Incidents []struct{ State string } }
	look := time.NewTicker(50 * time.Millisecond) // a key may not ask as often as it can
	defer look.Stop()
	for began := time.Now(); len(page.Incidents) < 5; <-look.C {
		status, answer := s.request("GET", "/api/v1/incidents", tokens.Wall, "")
		if err := json.Unmarshal([]byte(answer), &page); err != nil || status != http.StatusOK {
			t.Fatalf("%d %s", status, answer)
		}
		if time.Since(began) > patience {
			t.Fatalf("%d incidents after %v\n%s", len(page.Incidents), patience, s.said())
		}
	}
	if code := s.stop(); code != 0 {
		t.Errorf("exit %d\n%s", code, s.said())
	}
	if m := regexp.MustCompile(`(http://\S+)/wall/#token=(\S+)`).FindStringSubmatch(s.out.String()); m == nil || m[1] != s.url || m[2] != tokens.Wall {
		t.Errorf("it says %s", s.out.String())
	}
	if strings.Contains(s.said(), "level=ERROR") || strings.Contains(s.said(), "refused") {
		t.Errorf("the log says\n%s", s.said())
	}
	again := serve(t, nil, "demo", "--city", testCity, "--data", data, "--listen", "127.0.0.1:0")
	if status, _ := again.request("GET", "/api/v1/city", tokens.Wall, ""); status != http.StatusOK {
		t.Errorf("the key of the run before: %d", status)
	}
	if code := again.stop(); code != 0 {
		t.Errorf("exit %d\n%s", code, again.said())
	}
}
