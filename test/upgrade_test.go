package test

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// What the version before this one left behind: a data folder, and the incidents as that version listed them.
const (
	oldFolder    = root + "/pkg/app/testdata/journal-v1.tar.gz"
	oldIncidents = "testdata/incidents-v1.jsonl" // those that were open: closed ones leave memory after a while
	maxOldFile   = 128 << 20                     // of one file in the folder
)

// known is what the older version said of an incident and no later decision changes.
type known struct {
	ID          string     `json:"id"`
	Number      string     `json:"number"`
	Type        string     `json:"type"`
	OpenedAt    alert.Time `json:"opened_at"`
	Areas       []string   `json:"areas"`
	AlertCount  int        `json:"alert_count"`
	Departments []string   `json:"departments"`
}

// TestUpgrade starts this version over the data folder of the version before: journal verify accepts it and says
// that it was decided by another engine, each incident is shown as it was, a further alert is taken, and after
// kill -9 all of that is there again.
func TestUpgrade(t *testing.T) {
	data := unpackOld(t)
	said, errs, err := banyan(t, "journal", "verify", "--data", data)
	if err != nil || !strings.Contains(said, "310 events") || !strings.Contains(said, "161 of other engine versions applied only") {
		t.Fatalf("journal verify: %v\n%s%s", err, said, errs)
	}
	keys := newKeys(data)
	reader, err := keys.seat("commander")
	if err != nil {
		t.Fatal(err)
	}
	source, err := keys.source("fire-119")
	if err != nil {
		t.Fatal(err)
	}
	body := `{"id":"after-the-upgrade","type":"fire.building","occurred_at":"` + time.Now().UTC().Format(time.RFC3339) + `","location":{"lon":119.2965,"lat":26.0745}}`
	for _, duplicate := range []string{`"duplicate":false`, `"duplicate":true`} {
		s := launch(t, data)
		s.ready(t)
		compareOld(t, s, reader, false)
		status, answer, err := s.do(http.MethodPost, "/api/v1/alerts", source, "application/json", body)
		if err != nil || status != http.StatusAccepted || !strings.Contains(string(answer), duplicate) {
			t.Fatalf("an alert after the upgrade: %d %s (%v), want %s", status, answer, err, duplicate)
		}
		s.kill()
	}
	if said, errs, err := banyan(t, "journal", "verify", "--data", data); err != nil || strings.Contains(said, " 0 decisions") {
		t.Fatalf("journal verify after the upgrade, with decisions of both versions: %v\n%s%s", err, said, errs)
	}
}

// compareOld holds what a server shows against what the older version showed. Where calls go on, an incident may have
// taken in more of them.
func compareOld(t *testing.T, s *server, reader string, callsGoOn bool) {
	t.Helper()
	f, err := os.Open(oldIncidents)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for lines := bufio.NewScanner(f); lines.Scan(); n++ {
		var want known
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		status, answer, err := s.do(http.MethodGet, "/api/v1/incidents/"+want.ID, reader, "", "")
		var got alert.Incident
		if err != nil || status != http.StatusOK || json.Unmarshal(answer, &got) != nil {
			t.Fatalf("%s: %d %s (%v)", want.ID, status, answer, err)
		}
		var departments []string
		for _, task := range got.Tasks {
			departments = append(departments, task.Department)
		}
		// Time went on: a department may have been added, none is gone.
		if got.Number != want.Number || got.Type != want.Type || got.OpenedAt != want.OpenedAt || got.AlertCount < want.AlertCount || got.AlertCount > want.AlertCount && !callsGoOn ||
			!slices.Equal(got.Areas, want.Areas) || len(departments) < len(want.Departments) || !slices.Equal(departments[:len(want.Departments)], want.Departments) {
			t.Errorf("%s is shown otherwise than before the upgrade:\nwant %+v\ngot  %s %s %v %v %d %v", want.ID, want, got.Number, got.Type, got.OpenedAt, got.Areas, got.AlertCount, departments)
		}
	}
	if n < 50 {
		t.Fatalf("%d incidents of the older version are compared: too few to mean anything", n)
	}
}

// unpackOld lays the older version's data folder into a folder of the test's own.
func unpackOld(t *testing.T) string {
	t.Helper()
	f, err := os.Open(oldFolder)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir, data := t.TempDir(), ""
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(dir, filepath.FromSlash(h.Name))
		if !filepath.IsLocal(h.Name) || h.Typeflag != tar.TypeReg {
			continue
		}
		if filepath.Base(filepath.Dir(name)) == "journal" {
			data = filepath.Dir(filepath.Dir(name))
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(io.LimitReader(r, maxOldFile))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if data == "" {
		t.Fatal("the archive holds no journal")
	}
	return data
}
