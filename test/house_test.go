package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/banyan-ecc/banyan"

// floors is the house (docs/architecture.md): a package imports packages of lower floors only. An entry that
// ends in / holds for everything below it. Pages and tests stand beside the house.
var floors = map[string]int{
	"geo": 0, "pkg/journal": 0, "pkg/wire": 0,
	"pkg/alert":  1,
	"pkg/roster": 2, "pkg/plan": 2,
	"dispatch":       3,
	"pkg/sequencer":  4,
	"pkg/layer":      4, // what the door fills and the edge shows
	"pkg/statistics": 5, // what history keeps and pages of the edge show
	"pkg/ingest":     5, // the door, which transports and pages of the edge are built against
	"pkg/ingest/":    edge, "pkg/push": edge, "pkg/api": edge, "pkg/auth": edge, "pkg/telemetry": edge, "pkg/hooks": edge,
	"pkg/replay": edge, "pkg/redisstore": edge, "pkg/history": edge,
	"pkg/app": 7, "pkg/sim": 7, "pkg/bench": 7,
	"cmd/banyan": command,
	"dashboards": pages,
	"test":       tests, "test/": tests,
}

const (
	edge    = 6 // one outside thing each
	command = 8
	pages   = 9  // for the command alone
	tests   = 10 // for nobody
)

// beside are the imports on one floor that are as they should be.
var beside = map[[2]string]bool{{"pkg/plan", "pkg/roster"}: true}

// core decides: no clock, goroutine, mutex, network, file, chance or log.
var core = []string{"dispatch", "geo", "pkg/alert", "pkg/plan", "pkg/roster", "pkg/wire"}

// coreForbids are imports that no package of the core has; what ends in / stands for everything below it.
var coreForbids = []string{"sync", "sync/", "os", "os/", "net", "net/", "math/rand", "math/rand/", "crypto/rand", "log", "log/", "context", "runtime", "runtime/"}

// bannedNames say nothing about what a package knows.
var bannedNames = []string{"util", "utils", "common", "misc", "base", "shared", "helper", "helpers", "model", "models", "types", "config"}

// listed is a package as `go list` sees it.
type listed struct {
	ImportPath, Name, Dir, Export string
	GoFiles, CgoFiles, Imports    []string
}

// path is the package's within the module.
func (p *listed) path() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// list asks the go command for packages, with further flags.
func list(t *testing.T, args ...string) (packages []listed) {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Name,Dir,Export,GoFiles,CgoFiles,Imports"}, args...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%v: %s", cmd, exit.Stderr)
		}
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); err == io.EOF {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func floorOf(path string) (int, bool) {
	if floor, ok := floors[path]; ok {
		return floor, true
	}
	for name, floor := range floors {
		if strings.HasSuffix(name, "/") && strings.HasPrefix(path, name) {
			return floor, true
		}
	}
	return 0, false
}

func TestFloors(t *testing.T) {
	packages := list(t, "./...")
	if len(packages) < 10 {
		t.Fatalf("go list names %d packages: the test looks in the wrong place", len(packages))
	}
	for _, p := range packages {
		floor, ok := floorOf(p.path())
		if !ok {
			t.Errorf("package %s is on no floor: add it to the table of floors in docs/architecture.md and to floors in test/house_test.go", p.path())
			continue
		}
		for _, name := range p.Imports {
			if in, ours := strings.CutPrefix(name, module+"/"); ours {
				if wrong := mayImport(p.path(), floor, in); wrong != "" {
					t.Errorf("%s imports %s: %s", p.path(), in, wrong)
				}
			}
		}
	}
}

// mayImport says what is wrong with an import, "" if nothing is.
func mayImport(path string, floor int, in string) string {
	below, ok := floorOf(in)
	switch {
	case !ok:
		return "it is on no floor"
	case below == tests:
		return "tests are imported by nobody"
	case below == pages:
		if floor != command {
			return "pages are for the command alone"
		}
	case floor == pages:
		return "pages import nothing of ours"
	case below == floor && !beside[[2]string{path, in}]:
		return fmt.Sprintf("both are on floor %d; siblings do not know each other: pass what is needed from the floor above", floor)
	case below > floor:
		return fmt.Sprintf("it is on floor %d, above %d; imports point down only", below, floor)
	}
	return ""
}

func TestCoreImports(t *testing.T) {
	var paths []string
	for _, name := range core {
		paths = append(paths, "./"+name)
	}
	for _, p := range list(t, paths...) {
		for _, name := range p.Imports {
			if slices.ContainsFunc(coreForbids, func(f string) bool { return name == f || strings.HasSuffix(f, "/") && strings.HasPrefix(name, f) }) {
				t.Errorf("%s imports %s: the core has no clock, goroutine, mutex, network, file, chance or log", p.path(), name)
			}
		}
	}
}

func TestPackageNames(t *testing.T) {
	for _, p := range list(t, "./...") {
		for _, word := range append(strings.Split(p.path(), "/"), p.Name) {
			if slices.Contains(bannedNames, word) {
				t.Errorf("package %s: %q says nothing about what it knows", p.path(), word)
			}
		}
	}
}

// TestFloorRules keeps the rules themselves from becoming true of everything.
func TestFloorRules(t *testing.T) {
	for _, c := range []struct {
		path, in string
		fine     bool
	}{
		{"pkg/plan", "pkg/roster", true}, {"pkg/roster", "pkg/plan", false}, {"pkg/alert", "geo", true}, {"geo", "pkg/journal", false},
		{"pkg/api", "pkg/sequencer", true}, {"pkg/api", "pkg/push", false}, {"pkg/ingest/mqtt", "pkg/ingest/cap", false}, {"pkg/ingest/mqtt", "dispatch", true}, {"pkg/ingest/mqtt", "pkg/ingest", true}, {"pkg/ingest", "pkg/ingest/mqtt", false},
		{"dispatch", "pkg/sequencer", false}, {"pkg/app", "pkg/api", true}, {"pkg/sim", "pkg/app", false}, {"cmd/banyan", "pkg/sim", true},
		{"cmd/banyan", "dashboards", true}, {"pkg/app", "dashboards", false}, {"dashboards", "geo", false}, {"cmd/banyan", "test", false}, {"pkg/app", "pkg/new", false},
	} {
		floor, ok := floorOf(c.path)
		if wrong := mayImport(c.path, floor, c.in); !ok || (wrong == "") != c.fine {
			t.Errorf("%s imports %s: %q", c.path, c.in, wrong)
		}
	}
}
