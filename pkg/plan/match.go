package plan

import (
	"fmt"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Bounds of one condition. A condition that passes them when compiled is a mistake in the configuration,
// one that passes the memory bound at run time is set aside.
const (
	MaxConditionBytes  = 2 << 10
	MaxConditionNodes  = 256
	MaxConditionMemory = 100_000 // in the units of the expression machine: elements made
)

// Facts is what a condition may ask.
type Facts struct {
	Type       string         `expr:"type"`
	Group      string         `expr:"group"`
	Class      string         `expr:"class"`
	Priority   int            `expr:"priority"`
	Source     string         `expr:"source"`
	Department string         `expr:"department"`
	Text       string         `expr:"text"`
	Area       string         `expr:"area"`
	Areas      []string       `expr:"areas"`
	Lon        float64        `expr:"lon"`
	Lat        float64        `expr:"lat"`
	Outside    bool           `expr:"outside"`
	Hour       int            `expr:"hour"`
	Weekday    int            `expr:"weekday"`
	Alerts     int            `expr:"alerts"`
	Attributes map[string]any `expr:"attributes"`
}

// Plan 预案 says who answers.
type Plan struct {
	ID         string
	Lead       string
	Supports   []string
	Priority   alert.Priority // 0: that of the type
	Ladder     *Ladder
	areas      []string
	priorities [len(alert.Priorities) + 1]bool
	anyUrgency bool
	when       *program
}

// always reports whether p matches every alert of its types.
func (p *Plan) always() bool { return p.when == nil && len(p.areas) == 0 && p.anyUrgency }

// Raise lifts an incident's priority when its condition comes true.
type Raise struct {
	ID       string
	Priority alert.Priority
	when     *program
}

// Failure is a rule that was set aside.
type Failure struct {
	Rule   string
	Reason string
}

// Match returns the first plan of type t that holds for f, and the rules that failed on the way.
// It never returns a nil plan: the last plan of a type has no condition.
func (t *Type) Match(f *Facts) (*Plan, []Failure) {
	var failed []Failure
	for _, p := range t.plans {
		if !p.anyUrgency && !p.priorities[f.Priority] {
			continue
		}
		if len(p.areas) > 0 && !overlap(p.areas, f.Areas) {
			continue
		}
		ok, err := holds(p.when, f)
		if err != nil {
			failed = append(failed, Failure{Rule: p.ID, Reason: err.Error()})
			continue
		}
		if ok {
			return p, failed
		}
	}
	panic("plan: type " + t.Code + " has no unconditional plan, which Load excludes")
}

// Raised returns the most urgent priority that a raise gives f, with the rule that gave it; 0 if none.
func (t *Type) Raised(f *Facts) (to alert.Priority, rule string, failed []Failure) {
	for _, r := range t.raises {
		if !r.Priority.MoreUrgent(to) {
			continue
		}
		ok, err := holds(r.when, f)
		if err != nil {
			failed = append(failed, Failure{Rule: r.ID, Reason: err.Error()})
		} else if ok {
			to, rule = r.Priority, r.ID
		}
	}
	return to, rule, failed
}

// HasRaises reports whether anything could raise an incident of this type.
func (t *Type) HasRaises() bool { return len(t.raises) > 0 }

// NeedsAttributes reports whether any condition of the type may look at attributes.
func (t *Type) NeedsAttributes() bool {
	for _, p := range t.plans {
		if p.when != nil {
			return true
		}
	}
	return len(t.raises) > 0
}

func overlap(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

// program is a compiled condition.
type program = vm.Program

// compile builds a condition. now, and with it every other clock, is not to be had: a decision depends on
// its input alone.
func compile(source string) (*program, error) {
	if len(source) > MaxConditionBytes {
		return nil, fmt.Errorf("is %d bytes long, at most %d are taken", len(source), MaxConditionBytes)
	}
	p, err := expr.Compile(source, expr.Env(Facts{}), expr.AsBool(), expr.MaxNodes(MaxConditionNodes),
		expr.DisableBuiltin("now"), expr.DisableBuiltin("date"), expr.DisableBuiltin("timezone"), expr.DisableBuiltin("type"))
	if err != nil {
		return nil, fmt.Errorf("%s", strings.Join(strings.Fields(strings.SplitN(err.Error(), "\n", 2)[0]), " "))
	}
	return p, nil
}

func holds(p *program, f *Facts) (ok bool, err error) {
	if p == nil {
		return true, nil
	}
	m := vm.VM{MemoryBudget: MaxConditionMemory}
	out, err := m.Run(p, *f)
	if err != nil {
		return false, fmt.Errorf("%s", strings.Join(strings.Fields(strings.SplitN(err.Error(), "\n", 2)[0]), " "))
	}
	ok, isBool := out.(bool)
	if !isBool {
		return false, fmt.Errorf("yields %T, want true or false", out)
	}
	return ok, nil
}

// matches reports whether pattern, a code or a prefix with .*, takes code.
func matches(pattern, code string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(code, prefix)
	}
	return pattern == code
}

func matchesAny(patterns []string, code string) bool {
	for _, p := range patterns {
		if matches(p, code) {
			return true
		}
	}
	return false
}
