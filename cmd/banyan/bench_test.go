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
