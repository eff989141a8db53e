package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckCities: the cities that come with the program are good.
func TestCheckCities(t *testing.T) {
	for dir, want := range map[string]string{"/configs/fuzhou": "fuzhou 福州市: ", "/configs/examples/san-francisco": "san-francisco ", "/pkg/api/testdata/city": "lindu 林都市: "} {
		if r := banyan(t, "check", "--city", repository+dir); r.code != 0 || !strings.HasPrefix(r.out, want) || r.err != "" {
			t.Errorf("%s: %+v", dir, r)
		}
	}
}

// mistake is an edit that breaks a city's folder, and where and how that is told.
type mistake struct {
	name, file, old, new string
	at                   string // text in the line that is named, after the edit
	told                 string
}

var mistakes = []mistake{
	{"unknown key", "city.yaml", "zoom:", "zoomm:", "zoomm:", "zoomm"},
	{"bad duration", "city.yaml", "closed_retention: 12h", "closed_retention: 12 hours", "12 hours", "duration"},
	{"unknown zone", "city.yaml", "Asia/Shanghai", "Asia/Atlantis", "Asia/Atlantis", "Atlantis"},
	{"no YAML", "types.yaml", "types:", "types: {", "", ""},
	{"duplicate seat", "seats.yaml", "{id: fire-2,", "{id: fire-1,", "", "fire-1"},
	{"seat of no department", "seats.yaml", "id: fire-2, department: fire,", "id: fire-2, department: fyre,", "fyre", "fyre"},
	{"leader that is no seat", "departments.yaml", "leader: police-leader", "leader: police-boss", "police-boss", "police-boss"},
	{"roster of no seat", "rosters.yaml", "{seat: fire-1,", "{seat: fire-9,", "fire-9", "fire-9"},
	{"team that works no shift", "rosters.yaml", "甲: 陈志强", "戊: 陈志强", "戊", "戊"},
	{"plan of no type", "plans.yaml", "types: [fire.building", "types: [fire.bilding", "fire.bilding", "fire.bilding"},
	{"bad expression", "plans.yaml", "when: attributes.", "when: attributes..", "attributes..", "when"},
	{"source of no department", "sources/fire-119.yaml", "department: fire", "department: fyre", "fyre", "fyre"},
	{"negative rate", "sources/fire-119.yaml", "per_second: 20000", "per_second: -1", "per_second", "per_second"},
}

// TestCheckNamesMistakes breaks Fuzhou in one place at a time: the mistake is told with file and line, and the
// server does not start on it.
func TestCheckNamesMistakes(t *testing.T) {
	for i, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			dir := cityCopy(t, repository+"/configs/fuzhou")
			line := breakFile(t, filepath.Join(dir, m.file), m)
			r := banyan(t, "check", "--city", dir)
			if r.code != 1 || r.out != "" {
				t.Fatalf("exit %d, output %q", r.code, r.out)
			}
			place := fmt.Sprintf("%s/%s:", dir, m.file)
			if line > 0 {
				place = fmt.Sprintf("%s%d:", place, line)
			}
			said := strings.SplitAfter(r.err, "\n")
			found := false
			for _, l := range said {
				found = found || strings.HasPrefix(l, place) && strings.Contains(l, m.told)
			}
			if !found {
				t.Errorf("want %s … %s, got\n%s", place, m.told, r.err)
			}
			if i == 0 {
				if served := banyan(t, "serve", "--city", dir, "--data", t.TempDir(), "--listen", "127.0.0.1:0"); served.code != 1 || !strings.Contains(served.err, place) {
					t.Errorf("the server says %+v", served)
				}
			}
		})
	}
}

// breakFile makes the edit and returns the number of the line that is to be named, 0 if it does not matter.
func breakFile(t *testing.T, path string, m mistake) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), m.old) {
		t.Fatalf("%s holds no %q: the test must follow", path, m.old)
	}
	broken := strings.Replace(string(text), m.old, m.new, 1)
	if err := os.WriteFile(path, []byte(broken), 0o600); err != nil {
		t.Fatal(err)
	}
	before, _, ok := strings.Cut(broken, m.at)
	if m.at == "" || !ok {
		return 0
	}
	return 1 + strings.Count(before, "\n")
}

// TestCheckNamesEveryMistake: not only the first.
func TestCheckNamesEveryMistake(t *testing.T) {
	dir := cityCopy(t, repository+"/configs/fuzhou")
	var several []mistake
	for _, m := range mistakes {
		if m.at != "" && (m.file == "seats.yaml" || m.file == "departments.yaml" || m.file == "sources/fire-119.yaml") {
			several = append(several, m)
		}
	}
	for _, m := range several {
		breakFile(t, filepath.Join(dir, m.file), m)
	}
	r := banyan(t, "check", "--city", dir)
	for _, m := range several {
		if !strings.Contains(r.err, m.told) {
			t.Errorf("%s is not told of:\n%s", m.name, r.err)
		}
	}
	if len(several) < 3 || r.code != 1 {
		t.Errorf("%d mistakes, exit %d", len(several), r.code)
	}
}

func TestCheckNothing(t *testing.T) {
	if r := banyan(t, "check", "--city", t.TempDir()+"/nowhere"); r.code != 1 || !strings.Contains(r.err, "--city") {
		t.Errorf("%+v", r)
	}
	if r := banyan(t, "check", "--city", t.TempDir()); r.code != 1 || !strings.Contains(r.err, "city.yaml") {
		t.Errorf("%+v", r)
	}
}
