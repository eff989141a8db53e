package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

func TestLoadCompilesTheCity(t *testing.T) {
	c := load(t, cityFiles(t))
	for what, ok := range map[string]bool{
		"city":      c.ID == "lindu" && c.Name == "林都市" && c.NameEN == "Lindu" && c.NumberPrefix == "LD" && c.RootArea == "350100" && c.Zoom == 10,
		"centre":    c.Centre == geo.Point{Lon: 119.2965, Lat: 26.0745},
		"zone":      c.Zone.String() == "Asia/Shanghai",
		"durations": c.DuplicateWindow == 168*time.Hour && c.ClosedRetention == 12*time.Hour && c.UnstaffedRetry == 30*time.Second,
		"counts":    len(c.Departments) == 3 && len(c.Types) == 3 && len(c.Seats) == 7 && len(c.Sources) == 2,
	} {
		if !ok {
			t.Errorf("%s: %+v", what, c)
		}
	}
	fire, _ := c.Department("fire")
	centre, _ := c.Department(Centre)
	if fire.Leader.ID != "fire-leader" || len(fire.Seats) != 4 || len(fire.Duty) != 2 || !fire.Joined || centre.Joined {
		t.Errorf("departments: %+v, %+v", fire, centre)
	}
	one, _ := c.Seat("fire-1")
	gulou, _ := c.Seat("fire-gulou")
	if one.Backup == nil || one.Backup.ID != "fire-backup" || gulou.Backup != nil {
		t.Errorf("backups: %+v, %+v", one, gulou)
	}
	if !one.Covers([]string{"350100"}) || gulou.Covers([]string{"350100"}) || !gulou.Covers([]string{"350100", "350102", "350102001"}) {
		t.Error("a seat covers the wrong areas")
	}
	if path, ok := c.Areas.Path("350102"); !ok || !slices.Equal(path, []string{"350100", "350102"}) {
		t.Errorf("path %v", path)
	}
	if holder, on := c.Roster.At(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)).Holder("fire-1"); !on || holder != "黄文斌" {
		t.Errorf("at 20:00 in the city fire-1 is held by %q", holder)
	}
	for _, get := range []func(string) bool{
		func(id string) bool { _, ok := c.Department(id); return ok }, func(id string) bool { _, ok := c.Seat(id); return ok },
		func(id string) bool { _, ok := c.Type(id); return ok }, func(id string) bool { _, ok := c.Source(id); return ok },
	} {
		if get("nobody") {
			t.Error("something is found that is not there")
		}
	}
}

func TestLoadSources(t *testing.T) {
	c := load(t, cityFiles(t))
	fire, _ := c.Source("fire-119")
	hotline, _ := c.Source("hotline")
	if fire.Datum != geo.GCJ02 || fire.PerSecond != 50 || fire.Burst != 100 || fire.Department != "fire" || fire.Name != "119 接处警系统" {
		t.Errorf("fire-119: %+v", fire)
	}
	if hotline.Datum != geo.WGS84 || hotline.PerSecond != DefaultSourcePerSecond || hotline.Burst != DefaultSourceBurst {
		t.Errorf("hotline: %+v", hotline)
	}
	if !fire.MaySend("fire.building") || fire.MaySend("dispute") || fire.MaySend("fires") || !hotline.MaySend("dispute") {
		t.Error("a source may send what it may not")
	}
}

func TestLoadLadders(t *testing.T) {
	c := load(t, cityFiles(t))
	l := c.LadderOf("fire")
	steps := l.Steps(alert.P1)
	want := []Step{{20 * time.Second, StepRemind, 0}, {40 * time.Second, StepBackup, 0}, {time.Minute, StepDepartmentLeader, 0}, {90 * time.Second, StepCentre, time.Minute}}
	if !slices.Equal(steps, want) {
		t.Errorf("P1: %+v", steps)
	}
	for _, p := range alert.Priorities {
		if len(l.Steps(p)) == 0 {
			t.Errorf("%s has no steps", p)
		}
	}
	if c.LadderOf("a plan that is gone") != l {
		t.Error("the default ladder is another")
	}
}

// A correlation radius must be found whole in the cell of a position and the ring around it.
func TestBucketsHoldTheRadius(t *testing.T) {
	for radius := 1.0; radius <= MaxRadiusM; radius *= 1.7 {
		res := bucketResolution(radius)
		if geo.CellWidthM(res) < radius {
			t.Errorf("radius %.0f m: cells of resolution %d hold %.0f m", radius, res, geo.CellWidthM(res))
		}
		if res < geo.DispatchResolution && geo.CellWidthM(res+1) >= radius {
			t.Errorf("radius %.0f m: resolution %d would do", radius, res+1)
		}
	}
}

func TestDigestIsOfNamesAndContents(t *testing.T) {
	files := cityFiles(t)
	first := load(t, files).Digest
	if again := load(t, maps.Clone(files)).Digest; again != first || len(first) != 64 {
		t.Errorf("digest %s, then %s", first, again)
	}
	for name := range files {
		changed := maps.Clone(files)
		changed[name] = append(slices.Clone(files[name]), '\n')
		if digest(changed) == first {
			t.Errorf("a change of %s does not show", name)
		}
	}
	moved := maps.Clone(files)
	moved["sources/hotlines.yaml"] = moved["sources/hotline.yaml"]
	delete(moved, "sources/hotline.yaml")
	if digest(moved) == first {
		t.Error("a renamed file does not show")
	}
}

func TestIsCityFile(t *testing.T) {
	for name, want := range map[string]bool{
		"city.yaml": true, "areas.csv": true, "areas.geojson": true, "sources/a.yaml": true,
		"README.md": false, "sources/.a.yaml": false, "sources/a.yml": false, "sources/a/b.yaml": false, "sources/": false, "x/city.yaml": false,
	} {
		if IsCityFile(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestLoadHoldsItsBounds(t *testing.T) {
	for _, c := range []struct {
		file, head, line string
		n                int
		want             string
	}{
		{"departments.yaml", "departments:\n", "  - {id: d%d, name: d, leader: x}\n", MaxDepartments + 1, "departments.yaml: 257 departments: at most 256"},
		{"seats.yaml", "seats:\n", "  - {id: s%d, department: fire, role: duty}\n", MaxSeats + 1, "seats.yaml: 4097 seats: at most 4096"},
		{"types.yaml", "types:\n", "  - {code: t%d, name: t, class: health, group: g, priority: P1}\n", MaxTypes + 1, "types.yaml: 4097 types: want 1 to 4096"},
		{"types.yaml", "types: []\n", "", 0, "types.yaml: 0 types: want 1 to 4096"},
		{"plans.yaml", "ladders: {}\nraises:\n", "  - {id: r%d}\n", MaxPlans + 1, "plans.yaml: 4097 plans and raises: at most 4096"},
		{"seats.yaml", "seats:\n", "  - {id: s%d, department: fire, role: duty}\n", MaxSeatsConsidered + 1, `departments.yaml:2: department "fire" has 65 duty seats: at most 64`},
		{"city.yaml", "", "", 0, "city.yaml: the file is empty"},
		{"city.yaml", "# nothing else\n", "", 0, "city.yaml: the file is empty"},
	} {
		files := cityFiles(t)
		var b strings.Builder
		b.WriteString(c.head)
		for i := range c.n {
			fmt.Fprintf(&b, c.line, i)
		}
		files[c.file] = []byte(b.String())
		city, problems := Load(files)
		if city != nil || !slices.Contains(strings.Split(problems.Error(), "\n"), c.want) {
			t.Errorf("want %q, got\n%.2000s", c.want, problems.Error())
		}
	}
	steps := strings.Repeat("{after: 1s, do: remind}, ", MaxLadderSteps+1)
	_, problems := Load(edit(t, cityFiles(t), "plans.yaml", "P3: [{after: 2m, do: remind}]", "P3: ["+steps+"]"))
	if got, want := problems.Error(), `plans.yaml:5: ladder "standard", P3: 17 steps: want 1 to 16`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// FuzzLoad replaces one file of the city: Load must not panic, and must name a file for every problem.
func FuzzLoad(f *testing.F) {
	good := cityFiles(f)
	names := slices.Sorted(maps.Keys(good))
	for i, name := range names {
		f.Add(uint8(i), good[name])
	}
	for _, m := range mistakes {
		if files := edit(f, good, m.file, m.old, m.by); files[m.file] != nil {
			f.Add(uint8(slices.Index(names, m.file)), files[m.file])
		}
	}
	f.Add(uint8(slices.Index(names, "areas.yaml")), []byte("areas: [&a {code: x, level: city}, *a]"))
	f.Add(uint8(slices.Index(names, "departments.yaml")), []byte("!strange departments"))
	f.Add(uint8(slices.Index(names, "sources/hotline.yaml")), []byte("two words: 1"))
	f.Add(uint8(slices.Index(names, "types.yaml")), []byte("groups: [~]\ntypes: [~, {code: ~}]"))
	f.Fuzz(func(t *testing.T, which uint8, content []byte) {
		files := maps.Clone(good)
		files[names[int(which)%len(names)]] = content
		c, problems := Load(files)
		if (c == nil) != (len(problems) > 0) {
			t.Fatalf("city %v beside %d problems", c != nil, len(problems))
		}
		for _, p := range problems {
			if p.File == "" || p.Message == "" || p.Line < 0 || strings.Contains(p.Message, "plan.at[") {
				t.Errorf("problem %+v", p)
			}
		}
		if c != nil {
			c.probe(t)
		}
	})
}

// probe asks a compiled city what a decision would: nothing may panic or be missing.
func (c *City) probe(t *testing.T) {
	for _, ty := range c.Types {
		f := &Facts{Type: ty.Code, Group: ty.Group.ID, Priority: int(ty.Priority), Areas: []string{c.RootArea}, Area: c.RootArea, Alerts: 1}
		p, _ := ty.Match(f)
		if _, ok := c.Department(p.Lead); !ok || len(p.Ladder.Steps(ty.Priority)) == 0 {
			t.Errorf("plan %+v", p)
		}
		ty.Raised(f)
	}
	for _, d := range c.Departments {
		if d.Leader == nil {
			t.Errorf("department %s has no leader", d.ID)
		}
	}
}
