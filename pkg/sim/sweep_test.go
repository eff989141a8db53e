package sim

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// TestSweep: a sample becomes a reading of any entry, with numbers within their bounds that move by and by.
func TestSweep(t *testing.T) {
	city := readCity(t, fuzhou)
	systems, err := ReadSystems(os.DirFS(fuzhou+"/sources/samples"), city)
	if err != nil {
		t.Fatal(err)
	}
	swept := 0
	for _, s := range systems {
		for _, m := range s.messages {
			if m.vary.Each == nil {
				continue
			}
			swept++
			r, within, err := m.vary.Each.check(city, m.text)
			if err != nil || within != 40*time.Second || len(r.Entries) < 50 {
				t.Fatalf("%v, %v, %d entries", err, within, len(r.Entries))
			}
			for state, want := range map[float64]string{0: "1.0", 0.5: "5.3", 1: "9.6"} {
				var got struct {
					Segment, Time string
					Index         json.Number
				}
				sent := m.ofEntry("x-7", state, time.Date(2026, 5, 1, 8, 30, 7, 0, city.Zone))
				if err := json.Unmarshal(sent, &got); err != nil || got.Segment != "x-7" || got.Time != "20260501083007" || got.Index.String() != want {
					t.Errorf("%v at %v: %s", err, state, sent)
				}
			}
		}
	}
	if swept == 0 {
		t.Error("nothing is measured in the demo")
	}
	rng, state, least, most := rand.New(rand.NewPCG(1, 2)), 0.5, 1.0, 0.0
	for range 1000 {
		before := state
		if state = wander(state, 0.3, rng); state < 0 || state > 1 || state-before > 0.6 {
			t.Fatalf("%v, then %v", before, state)
		}
		least, most = min(least, state), max(most, state)
	}
	if least > 0.1 || most < 0.5 {
		t.Errorf("between %v and %v", least, most)
	}
}

func TestSweepMistakes(t *testing.T) {
	city := readCity(t, fuzhou)
	for vary, want := range map[string]string{
		`{register: lakes, id: "7", within: 5s}`:                         `no register "lakes"`,
		`{register: roads, id: "8", within: 5s}`:                         "id is not in the sample",
		`{register: roads, id: "7", within: 5ms}`:                        "within",
		`{register: roads, id: "7", within: 5s, numbers: {"9": [1, 2]}}`: `"9" is not in the sample`,
	} {
		samples := fstest.MapFS{"grid/expect.yaml": {Data: fmt.Appendf(nil, `[{file: a.json, outcome: ignored, vary: {each: %s}}]`, vary)}, "grid/a.json": {Data: []byte(`{"id":"7"}`)}}
		if _, err := ReadSystems(samples, city); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", vary, err, want)
		}
	}
}
