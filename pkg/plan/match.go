package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
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

// NeedsAttributes reports whether any condition of the type looks at attributes.
func (t *Type) NeedsAttributes() bool { return t.attributes }

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
type program struct {
	*vm.Program
	attributes bool // looks at attributes
}

// conditionFunctions are all that a condition may call. There is no clock among them, none whose answer
// depends on the order of a map, and none that makes lists or texts longer than those it was given.
var conditionFunctions = []string{
	"all", "any", "none", "one", "count", "filter", "find", "findIndex", "findLast", "findLastIndex", "sum",
	"len", "first", "last", "get", "min", "max", "mean", "median", "abs", "ceil", "floor", "round", "int", "float", "string",
	"lower", "upper", "trim", "trimPrefix", "trimSuffix", "indexOf", "lastIndexOf", "hasPrefix", "hasSuffix",
}

var conditionOptions = func() []expr.Option {
	o := []expr.Option{expr.Env(Facts{}), expr.AsBool(), expr.MaxNodes(MaxConditionNodes), expr.DisableAllBuiltins()}
	for _, f := range conditionFunctions {
		o = append(o, expr.EnableBuiltin(f))
	}
	return o
}()

// compile builds a condition.
func compile(source string) (*program, error) {
	if len(source) > MaxConditionBytes {
		return nil, fmt.Errorf("is %d bytes long, at most %d are taken", len(source), MaxConditionBytes)
	}
	b := bounded{functions: conditionFunctions}
	p, err := expr.Compile(source, append(slices.Clip(conditionOptions), expr.Patch(&b))...)
	if err != nil {
		return nil, oneLine(err)
	}
	return &program{p, b.attributes}, b.err
}

// bounded refuses what makes the cost of a condition grow faster than its input: a loop in a loop, names for
// intermediate results, with which a text could be doubled again and again, and the loops that the library
// does not let us disable.
type bounded struct {
	functions  []string // that may be called
	err        error
	attributes bool
}

// Visit implements ast.Visitor.
func (b *bounded) Visit(n *ast.Node) {
	switch v := (*n).(type) {
	case *ast.IdentifierNode:
		// $env is every fact at once.
		b.attributes = b.attributes || v.Value == "attributes" || v.Value == "$env"
	case *ast.PredicateNode:
		var in loops
		ast.Walk(&v.Node, &in)
		if in > 0 {
			b.err = errors.New("a loop over a list stands within another")
		}
	case *ast.BuiltinNode:
		if !slices.Contains(b.functions, v.Name) {
			b.err = fmt.Errorf("unknown name %s", v.Name)
		}
	case *ast.VariableDeclaratorNode:
		b.err = errors.New("let is not to be had")
	}
}

// loops counts the loops in an expression.
type loops int

// Visit implements ast.Visitor.
func (l *loops) Visit(n *ast.Node) {
	if _, ok := (*n).(*ast.PredicateNode); ok {
		*l++
	}
}

// oneLine drops the picture of the expression that the library draws below its message.
func oneLine(err error) error {
	first, _, _ := strings.Cut(err.Error(), "\n")
	return errors.New(strings.Join(strings.Fields(first), " "))
}

func holds(p *program, f *Facts) (ok bool, err error) {
	if p == nil {
		return true, nil
	}
	m := vm.VM{MemoryBudget: MaxConditionMemory}
	out, err := m.Run(p.Program, *f)
	if err != nil {
		return false, oneLine(err)
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
