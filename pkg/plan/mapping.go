package plan

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
)

// Message is what the expressions of a mapping may ask of a message.
type Message struct {
	M         map[string]any    `expr:"m"`         // the decoded body
	H         map[string]string `expr:"h"`         // headers of the transport
	ID        string            `expr:"id"`        // the transport's own id
	Kind      string            `expr:"kind"`      // json, cap, cloudevent, csv, telemetry
	Operation string            `expr:"operation"` // where the transport itself knows it: alert, update, cancel
	Target    string            `expr:"target"`    // where the transport itself knows it: the alert that is updated or cancelled
}

// Operation is what a message does.
type Operation string

// The operations.
const (
	OpAlert     Operation = "alert"
	OpUpdate    Operation = "update"    // of an alert that was sent before
	OpCancel    Operation = "cancel"    // takes an alert back
	OpIgnore    Operation = "ignore"    // tests, acknowledgements: nothing to do
	OpTelemetry Operation = "telemetry" // a reading that calls for nothing: the source is alive
)

// Operations are all there are.
var Operations = []Operation{OpAlert, OpUpdate, OpCancel, OpIgnore, OpTelemetry}

// Mapping says how an alert is made of a message. A nil rule leaves its field out.
type Mapping struct {
	Operation *Rule // nil: what the transport says, else alert
	ID        *Rule // the source's own id of the alert
	Dedup     *Rule // what repeats of one alert have in common; nil: its id
	Target    *Rule // of update and cancel: the id of the alert meant; nil: what the transport says, else the id
	Revision  *Rule // what tells one update of an alert from another; nil: the transport's id, else the content

	Reporter *Rule // who reported, for corroboration; kept as a digest only

	Type, OccurredAt, Area, Priority, Text, IncidentRef *Rule
	Lon, Lat, AccuracyM, Datum                          *Rule

	Level *Rule // the level of the areas that it is with

	Attributes []*Rule // by name
	Object     *Rule   // the attributes at once; Attributes are put over them
	Time       Times
}

// Rule says how one field comes from a message.
type Rule struct {
	Field    string
	Line     int // of the profile
	constant any // nil: asked of the message
	program  *vm.Program
	table    map[string]string // nil: as it is
	name     string            // of the table
	fallback any               // nil: none
	unit     *conversion
}

// Value returns what the rule yields for a message: nil, bool, int, float64, string, []any or map[string]any. Its
// cost is bounded as that of a condition is.
func (r *Rule) Value(m *Message) (any, error) {
	if r == nil {
		return nil, nil
	}
	if r.constant != nil {
		return r.constant, nil
	}
	machine := vm.VM{MemoryBudget: MaxConditionMemory}
	v, err := machine.Run(r.program, *m)
	if err != nil {
		return nil, oneLine(err)
	}
	if v == nil || v == "" {
		return r.fallback, nil
	}
	if r.table != nil {
		key, err := Text(v)
		if err != nil {
			return nil, err
		}
		to, ok := r.table[key]
		switch {
		case ok:
			return to, nil
		case r.fallback != nil:
			return r.fallback, nil
		}
		return nil, fmt.Errorf("%s has no entry for %.60q, and there is no default", orElse(r.name, "the table"), key)
	}
	if r.unit != nil {
		n, err := Number(v)
		if err != nil {
			return nil, err
		}
		return r.unit.convert(n), nil
	}
	return v, nil
}

// Text returns a value as text: numbers as they are written, nil as "".
func Text(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case int:
		return strconv.Itoa(v), nil
	case int64:
		return strconv.FormatInt(v, 10), nil
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.FormatFloat(v, 'f', 0, 64), nil
		}
		return strconv.FormatFloat(v, 'g', -1, 64), nil
	}
	return "", fmt.Errorf("yields %s, want a text", kindOf(v))
}

// Number returns a value as a number; texts are read.
func Number(v any) (float64, error) {
	switch v := v.(type) {
	case int:
		return float64(v), nil
	case int64:
		return float64(v), nil
	case float64:
		return v, nil
	case string:
		if n, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) {
			return n, nil
		}
		return 0, fmt.Errorf("is %.60q, want a number", v)
	}
	return 0, fmt.Errorf("yields %s, want a number", kindOf(v))
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case bool:
		return "true or false"
	case int, int64, float64:
		return "a number"
	case string:
		return "a text"
	case []any:
		return "a list"
	}
	return "an object"
}

// Times says how a source writes times.
type Times struct {
	formats []string // Go layouts, or unix, unix_ms, rfc3339
	zone    *time.Location
}

// Forms of time that are no layout.
const (
	timeRFC3339 = "rfc3339"
	timeUnix    = "unix"
	timeUnixMs  = "unix_ms"
)

// Parse reads a time as the source writes it, in the first of its forms that fits.
func (t *Times) Parse(v any) (time.Time, error) {
	text, err := Text(v)
	if err != nil {
		return time.Time{}, err
	}
	for _, f := range t.formats {
		switch f {
		case timeUnix, timeUnixMs:
			n, err := Number(v)
			if f == timeUnix {
				n *= 1000
			}
			if err == nil && math.Abs(n) < maxUnixMs {
				return time.UnixMilli(int64(n)).UTC(), nil
			}
		case timeRFC3339:
			if at, err := time.Parse(time.RFC3339, text); err == nil {
				return at, nil
			}
		default:
			if at, err := time.ParseInLocation(f, text, t.zone); err == nil {
				return at, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is no time in the form %s", text, strings.Join(t.words(), " or "))
}

const maxUnixMs = 253402300800_000 // the year 10000

// words names the forms as the profile writes them.
func (t *Times) words() []string {
	words := make([]string, len(t.formats))
	for i, f := range t.formats {
		words[i] = fromLayout.Replace(f)
	}
	return words
}

// Letters of a time's form, as people write them, and what the library calls them. .SSS stands behind a point.
var (
	toLayout   = strings.NewReplacer("YYYY", "2006", "MM", "01", "DD", "02", "hh", "15", "mm", "04", "ss", "05", "SSS", "000", "ZZ", "-07:00", "Z", "Z07:00")
	fromLayout = strings.NewReplacer("2006", "YYYY", "01", "MM", "02", "DD", "15", "hh", "04", "mm", "05", "ss", "000", "SSS", "Z07:00", "Z", "-07:00", "ZZ")
)

// conversion turns a number of one unit into one of another.
type conversion struct{ factor, offset float64 }

func (c *conversion) convert(n float64) float64 { return n*c.factor + c.offset }

// unit is how a unit is expressed in the first of its kind: first = n*factor + offset.
type unit struct {
	kind           string
	factor, offset float64
}

var units = map[string]unit{
	"m": {"length", 1, 0}, "km": {"length", 1000, 0}, "cm": {"length", 0.01, 0}, "mm": {"length", 0.001, 0}, "ft": {"length", 0.3048, 0},
	"m/s": {"speed", 1, 0}, "km/h": {"speed", 1 / 3.6, 0}, "kn": {"speed", 1852.0 / 3600, 0},
	"degC": {"temperature", 1, 0}, "degF": {"temperature", 5.0 / 9, -160.0 / 9}, "K": {"temperature", 1, -273.15},
	"Pa": {"pressure", 1, 0}, "hPa": {"pressure", 100, 0}, "kPa": {"pressure", 1000, 0}, "MPa": {"pressure", 1e6, 0}, "bar": {"pressure", 1e5, 0},
	"kg": {"mass", 1, 0}, "g": {"mass", 0.001, 0}, "t": {"mass", 1000, 0},
	"m3/s": {"flow", 1, 0}, "m3/h": {"flow", 1.0 / 3600, 0}, "L/s": {"flow", 0.001, 0},
	"A": {"current", 1, 0}, "mA": {"current", 0.001, 0}, "V": {"voltage", 1, 0}, "mV": {"voltage", 0.001, 0}, "kV": {"voltage", 1000, 0},
	"W": {"power", 1, 0}, "kW": {"power", 1000, 0}, "s": {"duration", 1, 0}, "ms": {"duration", 0.001, 0}, "min": {"duration", 60, 0}, "h": {"duration", 3600, 0},
	"ug/m3": {"concentration", 1, 0}, "mg/m3": {"concentration", 1000, 0}, "deg": {"angle", 1, 0}, "rad": {"angle", 180 / math.Pi, 0},
}

func conversionOf(from, to string) (*conversion, error) {
	f, ok := units[from]
	if !ok {
		return nil, fmt.Errorf("unit %q is not known", from)
	}
	t, ok := units[to]
	if !ok {
		return nil, fmt.Errorf("unit %q is not known", to)
	}
	if f.kind != t.kind {
		return nil, fmt.Errorf("%s is a %s, %s a %s", from, f.kind, to, t.kind)
	}
	return &conversion{f.factor / t.factor, (f.offset - t.offset) / t.factor}, nil
}

// mappingFunctions are what a rule may call beside what a condition may.
var mappingFunctions = []string{"split", "type"}

var mappingOptions = func() []expr.Option {
	o := []expr.Option{expr.Env(Message{}), expr.MaxNodes(MaxConditionNodes), expr.DisableAllBuiltins()}
	for _, f := range append(mappingFunctions, conditionFunctions...) {
		o = append(o, expr.EnableBuiltin(f))
	}
	return o
}()

// compileRule builds the expression of a rule.
func compileRule(source string) (*vm.Program, error) {
	if len(source) > MaxConditionBytes {
		return nil, fmt.Errorf("is %d bytes long, at most %d are taken", len(source), MaxConditionBytes)
	}
	b := bounded{functions: append(mappingFunctions, conditionFunctions...)}
	p, err := expr.Compile(source, append(append([]expr.Option{}, mappingOptions...), expr.Patch(&b))...)
	if err != nil {
		return nil, oneLine(err)
	}
	return p, b.err
}

var errNoRule = errors.New("wants an expression, or {from: …} or {value: …}")
