package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/bench"
)

// TestBenchScenario runs the calmest scenario for a moment.
func TestBenchScenario(t *testing.T) {
	r := banyan(t, "bench", "--city", testCity, "--data", t.TempDir(), "--scenario", "calm", "--for", "800ms", "--json")
	if r.code != 0 {
		t.Fatalf("%+v", r)
	}
	figures := 0
	for d := json.NewDecoder(strings.NewReader(r.out)); d.More(); figures++ {
		var f bench.Figure
		if err := d.Decode(&f); err != nil {
			t.Fatal(err)
		}
		if f.Scenario != "calm" || f.N == 0 || f.P50 <= 0 || f.P99 < f.P50 || f.Max < f.P99 {
			t.Errorf("%+v", f)
		}
	}
	if figures != 3 {
		t.Errorf("%d figures:\n%s", figures, r.out)
	}
	for _, args := range [][]string{{"--scenario", "hurricane"}} {
		if r := banyan(t, append([]string{"bench", "--city", testCity}, args...)...); r.code != 1 || !strings.Contains(r.err, "scenario") {
			t.Errorf("%v: %+v", args, r)
		}
	}
}

// What cannot be measured is refused before anything is started, with the flag and its bounds.
func TestBenchRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"--rate is -1 alerts a second":                    {"--rate", "-1"},
		"--rounds is 0, it must be between 1 and 1000000": {"--rounds", "0"},
		"--cold is -5, it must be between 1 and 1000000":  {"--scenario", "cold-start", "--cold", "-5"},
		"--incidents is 20000000, it must be between":     {"--scenario", "fat-snapshot", "--incidents", "20000000"},
	} {
		if r := banyan(t, append([]string{"bench"}, args...)...); r.code == 0 || !strings.Contains(r.err, want) {
			t.Errorf("%q: exit %d, %s", args, r.code, r.err)
		}
	}
}
