package plan

import (
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
		Ladders map[string]map[string][]rawStep `yaml:"ladders"`
		Plans   []rawPlan                       `yaml:"plans"`
		Raises  []rawRaise                      `yaml:"raises"`
	}
	if !l.decode(plansFile, &raw) {
		return
	}
	for id, byPriority := range raw.Ladders {
		l.city.ladders[id] = l.ladder(id, byPriority)
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
		if r := &raw.Plans[i]; l.id(plansFile, "plan", r.ID, seen) {
			l.plan(r)
		}
	}
	for i := range raw.Raises {
		if r := &raw.Raises[i]; l.id(plansFile, "raise", r.ID, seen) {
			l.raise(r)
		}
	}
	for _, t := range l.city.Types {
		if n := len(t.plans); n == 0 {
			l.problem(plansFile, 0, "type %q has no plan", t.Code)
		} else if !t.plans[n-1].always() {
			l.problem(plansFile, seen[t.plans[n-1].ID], "plan %q is the last of type %q but has conditions: an alert could be left without a plan", t.plans[n-1].ID, t.Code)
		}
	}
}

func (l *loader) ladder(id string, byPriority map[string][]rawStep) *Ladder {
	out := &Ladder{ID: id}
	for name := range byPriority {
		if p := new(alert.Priority); p.UnmarshalText([]byte(name)) != nil || *p == 0 {
			l.problem(plansFile, 0, "ladder %q: priority %q: want P1, P2, P3 or P4", id, name)
		}
	}
	for _, p := range alert.Priorities {
		rungs := byPriority[p.String()]
		if len(rungs) == 0 || len(rungs) > MaxLadderSteps {
			l.problem(plansFile, 0, "ladder %q, %s: %d steps: want 1 to %d", id, p, len(rungs), MaxLadderSteps)
			continue
		}
		var before time.Duration
		for i, r := range rungs {
			s := Step{After: r.After.V, Do: StepKind(r.Do.V)}
			l.within(plansFile, "after", r.After, time.Second, 30*24*time.Hour)
			if s.After <= before {
				l.problem(plansFile, r.After.Line, "ladder %q, %s: step %d comes after %v, not later than the step before it (%v)", id, p, i+1, s.After, before)
			}
			before = s.After
			l.among(plansFile, "do", r.Do, string(StepRemind), string(StepBackup), string(StepDepartmentLeader), string(StepCentre))
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
	l.patterns("plan", r.ID, r.Types, func(t *Type) { t.plans = append(t.plans, p) })
	l.city.plans[p.ID] = p
}

func (l *loader) raise(r *rawRaise) {
	x := &Raise{ID: r.ID.V, Priority: l.priority(plansFile, str{r.Priority.V, lineOr(r.Priority.Line, r.ID.Line)})}
	x.when = l.condition("raise", r.ID, r.When, true)
	l.patterns("raise", r.ID, r.Types, func(t *Type) { t.raises = append(t.raises, x) })
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
