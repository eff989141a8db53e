package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestJournalCommands looks at the journal of a running server, of one that has stopped, and of one that is damaged.
func TestJournalCommands(t *testing.T) {
	data := t.TempDir()
	s := serve(t, nil, "serve", "--city", testCity, "--data", data, "--listen", "127.0.0.1:0")
	source := key(t, data, "--role", "source", "--source", "fire-119")
	const alerts = 20
	for n := range alerts {
		if status, answer := s.request("POST", "/api/v1/alerts", source, alertBody(fmt.Sprint(n))); status != 202 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	look := func() {
		t.Helper()
		if r := banyan(t, "journal", "verify", "--data", data); r.code != 0 || !strings.HasPrefix(r.out, "ok: 1 segments") || !strings.Contains(r.out, "decisions made again with the same outcome") {
			t.Errorf("verify: %+v", r)
		}
		if r := banyan(t, "journal", "stat", "--data", data); r.code != 0 || !strings.Contains(r.out, "1 segments") {
			t.Errorf("stat: %+v", r)
		}
		r := banyan(t, "journal", "export", "--data", data)
		found, last := 0, uint64(0)
		for d := json.NewDecoder(strings.NewReader(r.out)); d.More(); {
			var line struct {
				Seq, Count uint64
				Record     struct {
					Command struct{ Type string }
					Events  []struct{ Seq uint64 }
				}
			}
			if err := d.Decode(&line); err != nil {
				t.Fatal(err)
			}
			if line.Seq != last+1 || line.Count != uint64(len(line.Record.Events)) || line.Record.Events[0].Seq != line.Seq {
				t.Errorf("after %d: %+v", last, line)
			}
			last = line.Seq + line.Count - 1
			if line.Record.Command.Type == "alert.submit" {
				found++
			}
		}
		if r.code != 0 || found != alerts {
			t.Errorf("export: exit %d, %d alerts, %s", r.code, found, r.err)
		}
	}
	look()
	if code := s.stop(); code != 0 {
		t.Fatalf("exit %d\n%s", code, s.said())
	}
	look()
	if r := banyan(t, "journal", "stat", "--data", data); !strings.Contains(r.out, "snapshot at ") {
		t.Errorf("no snapshot after an orderly stop: %+v", r)
	}
	checkHead(t, data)
	damage(t, data)
	for _, args := range [][]string{{"journal", "verify"}, {"journal", "stat"}, {"journal", "export"}, {"serve", "--city", testCity, "--listen", "127.0.0.1:0"}} {
		r := banyan(t, append(args, "--data", data)...)
		if r.code != 1 || !strings.Contains(r.err, "00000000000000000001.seg") || !strings.Contains(r.err, "offset ") || !strings.Contains(r.err, "sequence ") {
			t.Errorf("%v of a damaged journal: exit %d, %s", args, r.code, r.err)
		}
	}
	for _, what := range []string{"verify", "stat", "export"} {
		if r := banyan(t, "journal", what, "--data", t.TempDir()); r.code != 1 || !strings.HasPrefix(r.err, "banyan: ") {
			t.Errorf("%s of nothing: %+v", what, r)
		}
	}
}

// checkHead gives back to verify the head it printed, one that never was, and one beyond the end.
func checkHead(t *testing.T, data string) {
	t.Helper()
	_, after, _ := strings.Cut(banyan(t, "journal", "verify", "--data", data).out, "head of the chain: ")
	head, _, _ := strings.Cut(after, "\n")
	chain, seq, ok := strings.Cut(head, "@")
	if !ok || len(chain) != 64 {
		t.Fatalf("no head in %q", after)
	}
	forged := strings.Map(func(r rune) rune { return map[bool]rune{true: '1', false: '0'}[r == '0'] }, chain)
	for flag, says := range map[string]string{
		head:                  "the head written down at sequence " + seq + " still stands",
		forged + "@" + seq:    "was changed since that was written down",
		chain + "@" + "1":     "was changed since that was written down",
		head + "0":            "is missing",
		chain + "@":           "as `banyan journal verify` prints",
		chain[1:] + "@" + seq: "as `banyan journal verify` prints",
	} {
		r := banyan(t, "journal", "verify", "--data", data, "--head", flag)
		if good := flag == head; (r.code == 0) != good || !strings.Contains(r.out+r.err, says) {
			t.Errorf("--head %s: %+v", flag, r)
		}
	}
}

// damage flips a bit in the middle of what is written.
func damage(t *testing.T, data string) {
	t.Helper()
	path := filepath.Join(data, "journal", "00000000000000000001.seg")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[strings.LastIndex(string(b), "alert.submit")/2] ^= 4
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAreasImport turns outlines into what a city folder holds, both ways.
func TestAreasImport(t *testing.T) {
	for _, args := range [][]string{{}, {"--exact"}} {
		out := filepath.Join(t.TempDir(), "areas")
		r := banyan(t, append([]string{"areas", "import", testCity + "/areas.geojson", "--origin", "test", "--out", out}, args...)...)
		written, err := os.ReadFile(out)
		if r.code != 0 || err != nil || !strings.Contains(string(written), "350102") || !strings.Contains(string(written), "350103") {
			t.Errorf("%v: %+v, %v: %.300s", args, r, err, written)
			continue
		}
		// A city with it is good.
		dir := cityCopy(t, testCity)
		if len(args) == 0 {
			if err := os.Remove(filepath.Join(dir, "areas.geojson")); err != nil {
				t.Fatal(err)
			}
		}
		name := map[bool]string{true: "areas.csv", false: "areas.geojson"}[len(args) == 0]
		if err := os.WriteFile(filepath.Join(dir, name), written, 0o600); err != nil {
			t.Fatal(err)
		}
		if r := banyan(t, "check", "--city", dir); r.code != 0 {
			t.Errorf("a city with %s: %+v", name, r)
		}
	}
	for _, bad := range []string{"/city.yaml", "/nothing.json"} {
		if r := banyan(t, "areas", "import", testCity+bad); r.code != 1 || !strings.Contains(r.err, bad) {
			t.Errorf("%s: %+v", bad, r)
		}
	}
	if r := banyan(t, "areas", "import", testCity+"/areas.geojson", "--datum", "mars"); r.code != 1 || !strings.Contains(r.err, "mars") {
		t.Errorf("%+v", r)
	}
}
