package replay

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/plan"
)

const (
	exampleDir = "../../configs/examples/san-francisco"
	callsFile  = "../../../shared/data/calls/sf_fire_calls_2017.csv.gz"
)

// exampleCity loads the example city that its replay.yaml goes with.
func exampleCity(t *testing.T) *plan.City {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(exampleDir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(exampleDir, path)
		if name = filepath.ToSlash(name); err == nil && plan.IsCityFile(name) {
			files[name], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	city, problems := plan.Load(files)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return city
}

// Every code the example mapping can send exists in the example city, and its source may send it.
func TestExampleMappingFitsItsCity(t *testing.T) {
	city := exampleCity(t)
	m, err := Load(filepath.Join(exampleDir, "replay.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	source, ok := city.Source("sffd-cad")
	if !ok {
		t.Fatal("the city has no source sffd-cad")
	}
	check := func(what string, l *lookup, ok func(string) bool) {
		for from, to := range l.values {
			if !ok(to) {
				t.Errorf("%s: %q becomes %q, which the city does not have", what, from, to)
			}
		}
		if l.fallback != nil && !ok(*l.fallback) {
			t.Errorf("%s: the default %q is not in the city", what, *l.fallback)
		}
	}
	check("type", m.typ, func(code string) bool { _, ok := city.Type(code); return ok && source.MaySend(code) })
	check("area", m.area, func(code string) bool { _, ok := city.Areas.Area(code); return ok })
	for _, code := range city.Types {
		if !strings.HasPrefix(code.Code, "service.") && !reachable(m.typ, code.Code) {
			t.Errorf("nothing becomes type %s", code.Code)
		}
	}
}

func reachable(l *lookup, code string) bool {
	for _, to := range l.values {
		if to == code {
			return true
		}
	}
	return false
}

// A week of a real city, twice.
func TestWeekOfSanFrancisco(t *testing.T) {
	if _, err := os.Stat(callsFile); err != nil {
		t.Skipf("no call data beside the repository: %v", err)
	}
	m, err := Load(filepath.Join(exampleDir, "replay.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, code := range exampleCity(t).Types {
		types = append(types, code.Code)
	}
	c, k := newCentre(t, types...), newStepClock()
	s, err := replayOf(t, c, m, "", func(o *Options) { o.From, o.Path, o.Workers = nil, callsFile, 16 })
	if err != nil {
		t.Fatal(err)
	}
	if want := (Counts{Rows: 7704, Accepted: 7704}); s.Counts != want {
		t.Errorf("got %+v, want %+v: %+v", s.Counts, want, s.Reasons)
	}
	if s.Refs != 3560 || s.Incidents != 3560 || s.SplitRefs != 0 || s.MostRows != 23 {
		t.Errorf("%+v", s)
	}
	again, err := replayOf(t, c, m, "", func(o *Options) { o.From, o.Path, o.Workers, o.Speed, o.clock = nil, callsFile, 1, 3600, k })
	if err != nil || again.Duplicates != 7704 || again.Incidents != 3560 || again.Tasks != 0 {
		t.Errorf("again: %v %+v", err, again)
	}
	// From 31 December to 7 January, an hour a second.
	if got := again.Elapsed.Seconds(); got < 7*24 || got > 8*24 {
		t.Errorf("a week at 3600 times took %v s, want about 180", got)
	}
}
