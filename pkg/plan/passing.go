package plan

import (
	"slices"

	"github.com/banyan-ecc/banyan/geo"
)

// Passing says which incidents are passed up and down 上报、下派 between levels of the areas. A nil one: none are.
type Passing struct {
	Levels []geo.Level // from the city down

	types []string
}

type rawPassing struct {
	Types  []str `yaml:"types"`
	Levels []str `yaml:"levels"`
}

// Of reports whether incidents of a type are passed.
func (p *Passing) Of(typ string) bool { return p != nil && matchesAny(p.types, typ) }

// Has reports whether incidents are passed to a level.
func (p *Passing) Has(l geo.Level) bool { return p != nil && slices.Contains(p.Levels, l) }

// Names returns the names of the levels, from the city down.
func (p *Passing) Names() []string {
	names := make([]string, len(p.Levels))
	for i, l := range p.Levels {
		names[i] = l.String()
	}
	return names
}

// Types returns the codes of the incident types that are passed, in the order of the city.
func (p *Passing) Types(c *City) []string {
	codes := []string{}
	for _, t := range c.Types {
		if p.Of(t.Code) {
			codes = append(codes, t.Code)
		}
	}
	return codes
}

func (l *loader) passing(raw *rawPassing) {
	if raw == nil {
		return
	}
	p := &Passing{}
	for _, t := range raw.Types {
		l.pattern(plansFile, t)
		p.types = append(p.types, t.V)
	}
	if len(p.types) == 0 {
		l.problem(plansFile, 0, "passing names no types")
	}
	for _, name := range raw.Levels {
		level, err := geo.ParseLevel(name.V)
		switch {
		case err != nil:
			l.problem(plansFile, name.Line, "passing: %v", err)
		case slices.Contains(p.Levels, level):
			l.problem(plansFile, name.Line, "passing: level %s is there twice", level)
		}
		p.Levels = append(p.Levels, level)
	}
	if len(raw.Levels) == 0 {
		p.Levels = []geo.Level{geo.City, geo.District, geo.Street, geo.Community, geo.Grid}
	} else if len(raw.Levels) == 1 {
		l.problem(plansFile, raw.Levels[0].Line, "passing names one level: there is nothing to pass between")
	}
	slices.Sort(p.Levels)
	l.city.Passing = p
}
