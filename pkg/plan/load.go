package plan

import (
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// The files of a city. Sources lie in sourceDir, one a file.
const (
	cityFile        = "city.yaml"
	departmentsFile = "departments.yaml"
	typesFile       = "types.yaml"
	plansFile       = "plans.yaml"
	seatsFile       = "seats.yaml"
	rostersFile     = "rosters.yaml"
	areasFile       = "areas.yaml"
	cellsFile       = "areas.csv"
	polygonsFile    = "areas.geojson"
	sourceDir       = "sources/"
)

// IsCityFile reports whether name, relative to a city folder and with forward slashes, is one that Load reads.
func IsCityFile(name string) bool {
	switch name {
	case cityFile, departmentsFile, typesFile, plansFile, seatsFile, rostersFile, areasFile, cellsFile, polygonsFile, objectivesFile:
		return true
	}
	if _, ok := registerFile(name); ok {
		return true
	}
	rest, ok := strings.CutPrefix(name, sourceDir)
	return ok && strings.HasSuffix(rest, ".yaml") && !strings.Contains(rest, "/") && !strings.HasPrefix(rest, ".")
}

// loader gathers a City and the problems met on the way.
type loader struct {
	files    map[string][]byte
	problems Problems

	typeLines  map[string]int // in types.yaml
	syntaxOnly bool           // first pass: read every file and look no further
	city       *City
	groups     map[string]*Group
	leaders    []leaderRef
	root       str // area of the city
	fallback   str // default ladder
	silence    str // type of the incident that a source's silence is
}

// leaderRef is a department's leader by name, until seats are read.
type leaderRef struct {
	department *Department
	seat       str
}

// Load compiles a city from its files, keyed by name relative to its folder. It returns every problem it
// can find, not only the first; the City is nil if there is any.
func Load(files map[string][]byte) (*City, Problems) {
	l := &loader{files: files, groups: map[string]*Group{}, city: &City{
		Files: files, Digest: digest(files),
		departments: map[string]*Department{}, types: map[string]*Type{}, seats: map[string]*Seat{},
		sources: map[string]*Source{}, ladders: map[string]*Ladder{}, plans: map[string]*Plan{},
	}}
	for _, name := range []string{cityFile, departmentsFile, typesFile, plansFile, seatsFile, rostersFile, areasFile} {
		if _, ok := files[name]; !ok {
			l.problem(name, 0, "the file is missing")
		}
	}
	if len(l.problems) > 0 {
		return nil, l.sorted()
	}
	// What refers to a file that cannot be read would only be noise: syntax first, sense second.
	l.syntaxOnly = true
	l.loadAll()
	if len(l.problems) > 0 {
		return nil, l.sorted()
	}
	l.syntaxOnly = false
	l.loadAll()
	if len(l.problems) > 0 {
		return nil, l.sorted()
	}
	return l.city, nil
}

// loadAll goes through the files in order of what refers to what.
func (l *loader) loadAll() {
	l.loadCity()
	l.loadAreas()
	l.loadDepartments()
	l.loadSeats()
	l.loadTypes()
	l.loadPlans()
	l.loadRosters()
	l.loadRegisters()
	l.loadSources()
	l.loadObjectives()
}

func (l *loader) loadCity() {
	var raw struct {
		ID              str                        `yaml:"id"`
		Name            str                        `yaml:"name"`
		NameEN          str                        `yaml:"name_en"`
		NumberPrefix    str                        `yaml:"number_prefix"`
		Area            str                        `yaml:"area"`
		TimeZone        str                        `yaml:"time_zone"`
		Centre          *rawPoint                  `yaml:"centre"`
		Zoom            at[float64]                `yaml:"zoom"`
		DuplicateWindow span                       `yaml:"duplicate_window"`
		ClosedRetention span                       `yaml:"closed_retention"`
		UnstaffedRetry  span                       `yaml:"unstaffed_retry"`
		DefaultLadder   str                        `yaml:"default_ladder"`
		SilenceType     str                        `yaml:"silence_type"`
		Progress        map[string]map[string]span `yaml:"progress"`
		Presence        *struct {
			Required    bool  `yaml:"required"`
			LostAfter   *span `yaml:"lost_after"`
			NoShowAfter *span `yaml:"no_show_after"`
		} `yaml:"presence"`
	}
	if !l.decode(cityFile, &raw) {
		return
	}
	c := l.city
	l.id(cityFile, "city", raw.ID, map[string]int{})
	l.id(cityFile, "number prefix", str{strings.ToLower(raw.NumberPrefix.V), raw.NumberPrefix.Line}, map[string]int{})
	zone, err := time.LoadLocation(raw.TimeZone.V)
	if err != nil || raw.TimeZone.V == "" || raw.TimeZone.V == "Local" {
		l.problem(cityFile, raw.TimeZone.Line, "time_zone %q is not an IANA zone such as Asia/Shanghai", raw.TimeZone.V)
		zone = time.UTC
	}
	if raw.Centre == nil {
		l.problem(cityFile, 0, "centre is missing: want centre: {lon: …, lat: …}")
	} else {
		c.Centre = l.point(cityFile, raw.Centre)
	}
	if !(raw.Zoom.V > 0 && raw.Zoom.V <= MaxZoom) {
		l.problem(cityFile, raw.Zoom.Line, "zoom is %v: want more than 0, at most %d", raw.Zoom.V, MaxZoom)
	}
	if raw.Name.V == "" {
		l.problem(cityFile, raw.Name.Line, "name is missing")
	}
	l.within(cityFile, "duplicate_window", raw.DuplicateWindow, time.Hour, 90*24*time.Hour)
	l.within(cityFile, "closed_retention", raw.ClosedRetention, time.Minute, 30*24*time.Hour)
	l.within(cityFile, "unstaffed_retry", raw.UnstaffedRetry, time.Second, time.Hour)
	if raw.ClosedRetention.V > raw.DuplicateWindow.V && raw.DuplicateWindow.V >= time.Hour {
		l.problem(cityFile, raw.ClosedRetention.Line, "closed_retention is longer than duplicate_window: a repeated alert would find its incident twice")
	}
	l.progress(raw.Progress)
	c.Presence = Presence{LostAfter: DefaultLostAfter, NoShowAfter: DefaultNoShowAfter}
	if p := raw.Presence; p != nil {
		c.Presence.Required = p.Required
		if p.LostAfter != nil {
			l.within(cityFile, "presence.lost_after", *p.LostAfter, 5*time.Second, 10*time.Minute)
			c.Presence.LostAfter = p.LostAfter.V
		}
		if p.NoShowAfter != nil {
			l.within(cityFile, "presence.no_show_after", *p.NoShowAfter, time.Minute, 4*time.Hour)
			c.Presence.NoShowAfter = p.NoShowAfter.V
		}
	}
	c.ID, c.Name, c.NameEN, c.NumberPrefix = raw.ID.V, raw.Name.V, raw.NameEN.V, raw.NumberPrefix.V
	c.Zone, c.Zoom = zone, raw.Zoom.V
	c.DuplicateWindow, c.ClosedRetention, c.UnstaffedRetry = raw.DuplicateWindow.V, raw.ClosedRetention.V, raw.UnstaffedRetry.V
	c.RootArea, l.root, l.fallback, l.silence = raw.Area.V, raw.Area, raw.DefaultLadder, raw.SilenceType
}

// Presence where the city does not say.
const (
	DefaultLostAfter   = 15 * time.Second
	DefaultNoShowAfter = 10 * time.Minute
)

// progress reads how long a task may stand still in each state.
func (l *loader) progress(raw map[string]map[string]span) {
	l.city.Progress = map[alert.TaskState][len(alert.Priorities) + 1]time.Duration{}
	for state, by := range raw {
		var limits [len(alert.Priorities) + 1]time.Duration
		for name, within := range by {
			var p alert.Priority
			if err := p.UnmarshalText([]byte(name)); err != nil || p == 0 {
				l.problem(cityFile, within.Line, "progress.%s: priority %q: want P1, P2, P3 or P4", state, name)
				continue
			}
			l.within(cityFile, "progress."+state+"."+name, within, time.Minute, 24*time.Hour)
			limits[p] = within.V
			l.among(cityFile, "progress", str{state, within.Line}, string(alert.TaskAcknowledged), string(alert.TaskEnRoute), string(alert.TaskOnScene))
		}
		l.city.Progress[alert.TaskState(state)] = limits
	}
}

type rawPoint struct {
	Lon at[float64] `yaml:"lon"`
	Lat at[float64] `yaml:"lat"`
}

// point checks a position; a missing half would otherwise be taken for zero.
func (l *loader) point(file string, r *rawPoint) geo.Point {
	p := geo.Point{Lon: r.Lon.V, Lat: r.Lat.V}
	line := max(r.Lon.Line, r.Lat.Line)
	if r.Lon.Line == 0 || r.Lat.Line == 0 {
		l.problem(file, line, "centre needs both lon and lat")
	} else if err := p.Validate(); err != nil {
		l.problem(file, line, "centre: %v", err)
	}
	return p
}

func (l *loader) loadDepartments() {
	var raw struct {
		Departments []struct {
			ID     str   `yaml:"id"`
			Name   str   `yaml:"name"`
			NameEN str   `yaml:"name_en"`
			Leader str   `yaml:"leader"`
			Joined *bool `yaml:"joined"`
		} `yaml:"departments"`
	}
	if !l.decode(departmentsFile, &raw) {
		return
	}
	seen := map[string]int{}
	for _, r := range raw.Departments {
		if !l.id(departmentsFile, "department", orAt(r.ID, r.Name), seen) {
			continue
		}
		d := &Department{ID: r.ID.V, Name: r.Name.V, NameEN: r.NameEN.V, Joined: r.Joined == nil || *r.Joined}
		l.leaders = append(l.leaders, leaderRef{d, str{r.Leader.V, lineOr(r.Leader.Line, r.ID.Line)}})
		l.city.departments[d.ID] = d
		l.city.Departments = append(l.city.Departments, d)
	}
	if _, ok := l.city.departments[Centre]; !ok {
		l.problem(departmentsFile, 0, "the department %q, the command centre itself, is missing", Centre)
	}
	if n := len(raw.Departments); n > MaxDepartments {
		l.problem(departmentsFile, 0, "%d departments: at most %d", n, MaxDepartments)
	}
}

func (l *loader) loadTypes() {
	var raw struct {
		Groups []struct {
			ID        str `yaml:"id"`
			Correlate *struct {
				RadiusM at[float64] `yaml:"radius_m"`
				Window  span        `yaml:"window"`
			} `yaml:"correlate"`
		} `yaml:"groups"`
		Types []struct {
			Code     str `yaml:"code"`
			Name     str `yaml:"name"`
			NameEN   str `yaml:"name_en"`
			Class    str `yaml:"class"`
			Group    str `yaml:"group"`
			Priority str `yaml:"priority"`
		} `yaml:"types"`
	}
	if !l.decode(typesFile, &raw) {
		return
	}
	seen := map[string]int{}
	for _, r := range raw.Groups {
		if !l.id(typesFile, "group", r.ID, seen) {
			continue
		}
		g := &Group{ID: r.ID.V}
		if c := r.Correlate; c != nil {
			if !(c.RadiusM.V > 0 && c.RadiusM.V <= MaxRadiusM) {
				l.problem(typesFile, lineOr(c.RadiusM.Line, r.ID.Line), "radius_m is %v: want more than 0, at most %d", c.RadiusM.V, MaxRadiusM)
			}
			l.within(typesFile, "window", span{c.Window.V, lineOr(c.Window.Line, r.ID.Line)}, time.Second, 24*time.Hour)
			g.RadiusM, g.Window, g.BucketResolution = c.RadiusM.V, c.Window.V, bucketResolution(c.RadiusM.V)
		}
		l.groups[g.ID] = g
	}
	seen = map[string]int{}
	for _, r := range raw.Types {
		if !l.id(typesFile, "type", orAt(r.Code, r.Name), seen) {
			continue
		}
		t := &Type{Code: r.Code.V, Name: r.Name.V, NameEN: r.NameEN.V, Class: alert.Class(r.Class.V)}
		if t.Name == "" {
			l.problem(typesFile, r.Code.Line, "type %q has no name", t.Code)
		}
		l.among(typesFile, "class", str{r.Class.V, lineOr(r.Class.Line, r.Code.Line)}, "natural", "accident", "health", "security")
		if t.Group = l.groups[r.Group.V]; t.Group == nil {
			l.problem(typesFile, lineOr(r.Group.Line, r.Code.Line), "type %q: no group %q", t.Code, r.Group.V)
		}
		t.Priority = l.priority(typesFile, str{r.Priority.V, lineOr(r.Priority.Line, r.Code.Line)})
		l.city.types[t.Code] = t
		l.city.Types = append(l.city.Types, t)
	}
	l.typeLines = seen
	if l.silence.V != "" {
		if l.city.Silence = l.city.types[l.silence.V]; l.city.Silence == nil {
			l.problem(cityFile, l.silence.Line, "silence_type: no incident type %q", l.silence.V)
		}
	}
	if n := len(raw.Types); n == 0 || n > MaxTypes {
		l.problem(typesFile, 0, "%d types: want 1 to %d", n, MaxTypes)
	}
}

// bucketResolution returns the finest resolution whose cells are at least radius wide, so that the cell of
// a position and the ring around it hold everything within the radius.
func bucketResolution(radiusM float64) int {
	res := geo.DispatchResolution
	for res > 0 && geo.CellWidthM(res) < radiusM {
		res--
	}
	return res
}

func lineOr(line, other int) int {
	if line != 0 {
		return line
	}
	return other
}

// orAt returns s with the line of other where it has none of its own.
func orAt(s, other str) str { return str{s.V, lineOr(s.Line, other.Line)} }

func (l *loader) priority(file string, s str) alert.Priority {
	var p alert.Priority
	if err := p.UnmarshalText([]byte(s.V)); err != nil || p == 0 {
		l.problem(file, s.Line, "priority %q: want P1, P2, P3 or P4", s.V)
	}
	return p
}

// pattern checks that a type pattern takes at least one type.
func (l *loader) pattern(file string, p str) {
	for _, t := range l.city.Types {
		if matches(p.V, t.Code) {
			return
		}
	}
	l.problem(file, p.Line, "no incident type matches %q", p.V)
}
