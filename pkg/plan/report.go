package plan

import (
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// MaxReports bounds the reports a city asks for.
const MaxReports = 64

// Report is a report upward 信息报送 that the leading department of an incident owes somebody, and by when.
type Report struct {
	ID, Name, NameEN string
	Within           time.Duration // after the incident was opened
	To               string        // who is to have it
	Basis            string        // the rule that asks for it

	types      []string
	priorities [len(alert.Priorities) + 1]bool
	anyUrgency bool
}

// Owed reports whether an incident of a type and priority is to be reported.
func (r *Report) Owed(typ string, p alert.Priority) bool {
	return (r.anyUrgency || r.priorities[p]) && matchesAny(r.types, typ)
}

// Types returns the codes of the incident types it is asked of, in the order of the city.
func (r *Report) Types(c *City) []string {
	codes := []string{}
	for _, t := range c.Types {
		if matchesAny(r.types, t.Code) {
			codes = append(codes, t.Code)
		}
	}
	return codes
}

// Priorities returns the priorities it is asked of, the most urgent first.
func (r *Report) Priorities() []alert.Priority {
	list := []alert.Priority{}
	for _, p := range alert.Priorities {
		if r.anyUrgency || r.priorities[p] {
			list = append(list, p)
		}
	}
	return list
}

type rawReport struct {
	ID         str   `yaml:"id"`
	Name       str   `yaml:"name"`
	NameEN     str   `yaml:"name_en"`
	Types      []str `yaml:"types"`
	Priorities []str `yaml:"priorities"`
	Within     span  `yaml:"within"`
	To         str   `yaml:"to"`
	Basis      str   `yaml:"basis"`
}

func (l *loader) reports(raw []rawReport) {
	if len(raw) > MaxReports {
		l.problem(plansFile, raw[MaxReports].ID.Line, "%d reports: at most %d", len(raw), MaxReports)
		return
	}
	seen := map[string]int{}
	for _, r := range raw {
		if !l.id(plansFile, "report", orAt(r.ID, r.Name), seen) {
			continue
		}
		out := &Report{ID: r.ID.V, Name: r.Name.V, NameEN: r.NameEN.V, Within: r.Within.V, To: r.To.V, Basis: r.Basis.V, anyUrgency: len(r.Priorities) == 0}
		if out.Name == "" {
			l.problem(plansFile, r.ID.Line, "report %q has no name", out.ID)
		}
		r.Within.Line = lineOr(r.Within.Line, r.ID.Line)
		l.within(plansFile, "within", r.Within, time.Minute, 31*24*time.Hour)
		for _, p := range r.Priorities {
			out.priorities[l.priority(plansFile, p)] = true
		}
		for _, t := range r.Types {
			l.pattern(plansFile, t)
			out.types = append(out.types, t.V)
		}
		if len(out.types) == 0 {
			l.problem(plansFile, r.ID.Line, "report %q names no types", out.ID)
		}
		l.city.Reports = append(l.city.Reports, out)
	}
}

// Report returns the report with the given id.
func (c *City) Report(id string) (*Report, bool) {
	for _, r := range c.Reports {
		if r.ID == id {
			return r, true
		}
	}
	return nil, false
}
