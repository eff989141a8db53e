package plan

import (
	"bytes"
	"regexp"
	"strconv"

	"github.com/banyan-ecc/banyan/geo"
)

func (l *loader) loadAreas() {
	var raw struct {
		Areas []struct {
			Code   str       `yaml:"code"`
			Parent str       `yaml:"parent"`
			Level  str       `yaml:"level"`
			Name   str       `yaml:"name"`
			NameEN str       `yaml:"name_en"`
			Centre *rawPoint `yaml:"centre"`
		} `yaml:"areas"`
	}
	if !l.decode(areasFile, &raw) {
		return
	}
	before := len(l.problems)
	seen := map[string]int{}
	areas := make([]geo.Area, 0, len(raw.Areas))
	for _, r := range raw.Areas {
		if !l.id(areasFile, "area", orAt(r.Code, r.Level), seen) {
			continue
		}
		level, err := geo.ParseLevel(r.Level.V)
		if err != nil {
			l.problem(areasFile, lineOr(r.Level.Line, r.Code.Line), "area %q: %v", r.Code.V, err)
		}
		a := geo.Area{Code: r.Code.V, Parent: r.Parent.V, Name: r.Name.V, NameEN: r.NameEN.V, Level: level}
		if r.Centre != nil {
			centre := l.point(areasFile, r.Centre)
			a.Centre = &centre
		}
		areas = append(areas, a)
	}
	for _, r := range raw.Areas {
		if r.Parent.V != "" && seen[r.Parent.V] == 0 {
			l.problem(areasFile, r.Parent.Line, "area %q: no parent area %q", r.Code.V, r.Parent.V)
		}
	}
	if seen[l.root.V] == 0 {
		l.problem(cityFile, l.root.Line, "area: no area %q in %s", l.root.V, areasFile)
	}
	if len(l.problems) > before {
		return
	}
	l.shapes(areas, seen)
	index, err := geo.NewIndex(areas)
	if err != nil {
		l.problem(areasFile, 0, "%v", err)
		return
	}
	if index.Root() != l.root.V {
		l.problem(cityFile, l.root.Line, "area: %q has a parent: want %q, the root of %s", l.root.V, index.Root(), areasFile)
	}
	l.city.Areas = index
}

// shapes gives the areas their shapes: exact polygons where there are any, else the cells of the partition.
func (l *loader) shapes(areas []geo.Area, lines map[string]int) {
	at := make(map[string]*geo.Area, len(areas))
	for i := range areas {
		at[areas[i].Code] = &areas[i]
	}
	find := func(file, code string, line int) *geo.Area {
		a := at[code]
		if a == nil {
			l.problem(file, line, "no area %q in %s", code, areasFile)
		}
		return a
	}
	if data, ok := l.files[cellsFile]; ok {
		partition, err := geo.ReadPartition(bytes.NewReader(data))
		l.lineProblem(cellsFile, err)
		for _, p := range partition {
			if a := find(cellsFile, p.Code, p.Line); a != nil {
				a.Cells = p.Cells
			}
		}
	}
	if data, ok := l.files[polygonsFile]; ok {
		shapes, err := geo.ReadGeoJSON(bytes.NewReader(data), geo.WGS84)
		l.lineProblem(polygonsFile, err)
		for _, s := range shapes {
			if a := find(polygonsFile, s.Code, s.Line); a != nil {
				a.Polygons = append(a.Polygons, s.Polygons...)
			}
		}
	}
}

var linePrefix = regexp.MustCompile(`^line (\d+): `)

// lineProblem enters an error whose text begins with the line it was met on.
func (l *loader) lineProblem(file string, err error) {
	if err == nil {
		return
	}
	text, line := err.Error(), 0
	if m := linePrefix.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	l.problem(file, line, "%s", text)
}
