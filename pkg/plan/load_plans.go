package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

type rawStep struct {
	After  span  `yaml:"after"`
	Do     str   `yaml:"do"`
	Repeat *span `yaml:"repeat"`
}

type rawPlan struct {
	ID         str   `yaml:"id"`
	Types      []str `yaml:"types"`
	When       str   `yaml:"when"`
	Areas      []str `yaml:"areas"`
	Priorities []str `yaml:"priorities"`
	Lead       str   `yaml:"lead"`
	Supports   []str `yaml:"supports"`
	Priority   str   `yaml:"priority"`
	Ladder     str   `yaml:"ladder"`
}

type rawRaise struct {
	ID       str   `yaml:"id"`
	Types    []str `yaml:"types"`
	When     str   `yaml:"when"`
	Priority str   `yaml:"priority"`
}

func (l *loader) loadPlans() {
	var raw struct {
		Ladders map[str]map[str][]rawStep `yaml:"ladders"`
		Plans   []rawPlan                 `yaml:"plans"`
		Raises  []rawRaise                `yaml:"raises"`
		Reports []rawReport               `yaml:"reports"`
		Passing *rawPassing               `yaml:"passing"`
	}
	if !l.decode(plansFile, &raw) {
		return
	}
	l.reports(raw.Reports)
	l.passing(raw.Passing)
	for _, id := range inOrder(raw.Ladders) {
		l.city.ladders[id.V] = l.ladder(id, raw.Ladders[id])
	}
	if l.city.fallback = l.city.ladders[l.fallback.V]; l.city.fallback == nil {
		l.problem(cityFile, l.fallback.Line, "default_ladder: no ladder %q in %s", l.fallback.V, plansFile)
	}
	if n := len(raw.Plans) + len(raw.Raises); n > MaxPlans {
		l.problem(plansFile, 0, "%d plans and raises: at most %d", n, MaxPlans)
		return
	}
	seen := map[string]int{}
	for i := range raw.Plans {
		if r := &raw.Plans[i]; l.id(plansFile, "plan", orAt(r.ID, r.Lead), seen) {
			l.plan(r)
		}
	}
	for i := range raw.Raises {
		if r := &raw.Raises[i]; l.id(plansFile, "raise", orAt(r.ID, r.When), seen) {
			l.raise(r)
		}
	}
	for _, t := range l.city.Types {
		if n := len(t.plans); n == 0 {
			l.problem(typesFile, l.typeLines[t.Code], "type %q has no plan in %s", t.Code, plansFile)
		} else if !t.plans[n-1].always() {
			l.problem(plansFile, seen[t.plans[n-1].ID], "plan %q is the last of type %q but has conditions: an alert could be left without a plan", t.plans[n-1].ID, t.Code)
		}
	}
}

// inOrder returns the keys of a mapping in the order of their lines.
func inOrder[V any](m map[str]V) []str {
	return slices.SortedFunc(maps.Keys(m), func(a, b str) int { return cmp.Or(a.Line-b.Line, strings.Compare(a.V, b.V)) })
}

func (l *loader) ladder(key str, byPriority map[str][]rawStep) *Ladder {
	id, out := key.V, &Ladder{ID: key.V}
	at := map[string]str{}
	for _, name := range inOrder(byPriority) {
		at[name.V] = name
		if p := new(alert.Priority); p.UnmarshalText([]byte(name.V)) != nil || *p == 0 {
			l.problem(plansFile, name.Line, "ladder %q: priority %q: want P1, P2, P3 or P4", id, name.V)
		}
	}
	for _, p := range alert.Priorities {
		name := at[p.String()]
		rungs := byPriority[name]
		if len(rungs) == 0 || len(rungs) > MaxLadderSteps {
			l.problem(plansFile, lineOr(name.Line, key.Line), "ladder %q, %s: %d steps: want 1 to %d", id, p, len(rungs), MaxLadderSteps)
			continue
		}
		var before time.Duration
		for i, r := range rungs {
			s := Step{After: r.After.V, Do: StepKind(r.Do.V)}
			r.After.Line = lineOr(r.After.Line, lineOr(r.Do.Line, name.Line))
			l.within(plansFile, "after", r.After, time.Second, 30*24*time.Hour)
			if i > 0 && s.After <= before {
				l.problem(plansFile, r.After.Line, "ladder %q, %s: step %d comes after %v, not later than the step before it (%v)", id, p, i+1, s.After, before)
			}
			before = s.After
			l.among(plansFile, "do", str{r.Do.V, r.After.Line}, string(StepRemind), string(StepBackup), string(StepDepartmentLeader), string(StepCentre), string(StepCommander))
			if s.Do == StepCommander && len(l.city.Commanders) == 0 {
				l.problem(plansFile, r.After.Line, "ladder %q, %s: department %s has no seat with role commander", id, p, Centre)
			}
			if r.Repeat != nil {
				l.within(plansFile, "repeat", *r.Repeat, 5*time.Second, 24*time.Hour)
				if i != len(rungs)-1 {
					l.problem(plansFile, r.Repeat.Line, "ladder %q, %s: only the last step may repeat", id, p)
				}
				s.Repeat = r.Repeat.V
			}
			out.steps[p] = append(out.steps[p], s)
		}
	}
	return out
}

func (l *loader) plan(r *rawPlan) {
	p := &Plan{ID: r.ID.V, Lead: r.Lead.V, Ladder: l.city.ladders[r.Ladder.V], anyUrgency: len(r.Priorities) == 0}
	line := func(s str) int { return lineOr(s.Line, r.ID.Line) }
	if p.Ladder == nil {
		l.problem(plansFile, line(r.Ladder), "plan %q: no ladder %q", p.ID, r.Ladder.V)
	}
	if l.city.departments[p.Lead] == nil {
		l.problem(plansFile, line(r.Lead), "plan %q: lead: no department %q", p.ID, p.Lead)
	}
	twice := map[string]bool{p.Lead: true}
	for _, s := range r.Supports {
		if l.city.departments[s.V] == nil {
			l.problem(plansFile, s.Line, "plan %q: supports: no department %q", p.ID, s.V)
		}
		if twice[s.V] {
			l.problem(plansFile, s.Line, "plan %q: department %q stands in it twice", p.ID, s.V)
		}
		twice[s.V] = true
		p.Supports = append(p.Supports, s.V)
	}
	if len(p.Supports) > MaxSupports {
		l.problem(plansFile, r.ID.Line, "plan %q has %d supports: at most %d", p.ID, len(p.Supports), MaxSupports)
	}
	for _, a := range r.Areas {
		l.area(plansFile, a)
		p.areas = append(p.areas, a.V)
	}
	for _, s := range r.Priorities {
		p.priorities[l.priority(plansFile, s)] = true
	}
	if r.Priority.V != "" {
		p.Priority = l.priority(plansFile, r.Priority)
	}
	p.when = l.condition("plan", r.ID, r.When, false)
	l.patterns("plan", r.ID, r.Types, func(t *Type) {
		t.plans = append(t.plans, p)
		t.attributes = t.attributes || p.when != nil && p.when.attributes
	})
	l.city.plans[p.ID] = p
}

func (l *loader) raise(r *rawRaise) {
	x := &Raise{ID: r.ID.V, Priority: l.priority(plansFile, str{r.Priority.V, lineOr(r.Priority.Line, r.ID.Line)})}
	x.when = l.condition("raise", r.ID, r.When, true)
	l.patterns("raise", r.ID, r.Types, func(t *Type) {
		t.raises = append(t.raises, x)
		t.attributes = t.attributes || x.when != nil && x.when.attributes
	})
}

func (l *loader) condition(what string, id, when str, needed bool) *program {
	if when.V == "" {
		if needed {
			l.problem(plansFile, id.Line, "%s %q has no when", what, id.V)
		}
		return nil
	}
	p, err := compile(when.V)
	if err != nil {
		l.problem(plansFile, when.Line, "%s %q: when: %v", what, id.V, err)
	}
	return p
}

func (l *loader) patterns(what string, id str, patterns []str, add func(*Type)) {
	if len(patterns) == 0 {
		l.problem(plansFile, id.Line, "%s %q names no types", what, id.V)
	}
	var all []string
	for _, p := range patterns {
		l.pattern(plansFile, p)
		all = append(all, p.V)
	}
	for _, t := range l.city.Types {
		if matchesAny(all, t.Code) {
			add(t)
		}
	}
}
