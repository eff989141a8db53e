package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Bounds of a mapping.
const (
	MaxTables          = 64
	MaxTableEntries    = 10_000
	MaxAttributeRules  = 128
	MaxTimeForms       = 8
	maxFormBytes       = 64
	maxAttributeLetter = 64
)

type rawTime struct {
	Format at[any] `yaml:"format"` // a form, or a list of them
	Zone   str     `yaml:"zone"`
}

type rawMapping struct {
	Operation   *rawRule     `yaml:"operation"`
	ID          *rawRule     `yaml:"id"`
	Dedup       *rawRule     `yaml:"dedup"`
	Target      *rawRule     `yaml:"target"`
	Revision    *rawRule     `yaml:"revision"`
	Reporter    *rawRule     `yaml:"reporter"`
	Type        *rawRule     `yaml:"type"`
	OccurredAt  *rawRule     `yaml:"occurred_at"`
	Location    *rawLocation `yaml:"location"`
	Area        *rawRule     `yaml:"area"`
	Priority    *rawRule     `yaml:"priority"`
	Text        *rawRule     `yaml:"text"`
	IncidentRef *rawRule     `yaml:"incident_ref"`
	Level       *rawRule     `yaml:"level"`
	Attributes  *rawRules    `yaml:"attributes"`
}

type rawLocation struct {
	Lon       *rawRule `yaml:"lon"`
	Lat       *rawRule `yaml:"lat"`
	AccuracyM *rawRule `yaml:"accuracy_m"`
	Datum     *rawRule `yaml:"datum"`
}

// rawRule is a rule as it is written: an expression, or its parts.
type rawRule struct {
	Line    int
	From    str
	Value   at[any]
	Table   yaml.Node // the name of one, or its entries
	Default at[any]
	Unit    str
	To      str
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (r *rawRule) UnmarshalYAML(n *yaml.Node) error {
	r.Line = n.Line
	if n.Kind == yaml.ScalarNode {
		r.From = str{n.Value, n.Line}
		return nil
	}
	var parts struct {
		From    str       `yaml:"from"`
		Value   at[any]   `yaml:"value"`
		Table   yaml.Node `yaml:"table"`
		Default at[any]   `yaml:"default"`
		Unit    str       `yaml:"unit"`
		To      str       `yaml:"to"`
	}
	if err := strict(n, "from", "value", "table", "default", "unit", "to"); err != nil {
		return err
	}
	if err := n.Decode(&parts); err != nil {
		return err
	}
	r.From, r.Value, r.Table, r.Default, r.Unit, r.To = parts.From, parts.Value, parts.Table, parts.Default, parts.Unit, parts.To
	return nil
}

// strict refuses keys that are none of those allowed: a node's own decoding does not.
func strict(n *yaml.Node, allowed ...string) error {
	if n.Kind != yaml.MappingNode {
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %v", n.Line, errNoRule)}}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; !slices.Contains(allowed, k.Value) {
			return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: field %s not found in type rule", k.Line, k.Value)}}
		}
	}
	return nil
}

// rawRules are the attributes: one expression that yields an object, or a rule a name.
type rawRules struct {
	whole *rawRule
	names []str
	rules []*rawRule
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (r *rawRules) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		r.whole = new(rawRule)
		return r.whole.UnmarshalYAML(n)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		rule := new(rawRule)
		if err := rule.UnmarshalYAML(n.Content[i+1]); err != nil {
			return err
		}
		if n.Content[i].Value == "*" {
			r.whole = rule
			continue
		}
		r.names, r.rules = append(r.names, str{n.Content[i].Value, n.Content[i].Line}), append(r.rules, rule)
	}
	return nil
}

// mapper compiles the mapping of one profile.
type mapper struct {
	*loader
	file   string
	source *Source
	tables map[string]map[string]str
	used   map[string]bool
}

// mapping compiles how alerts come from messages; nil where they are alerts already.
func (l *loader) mapping(file string, raw *rawSource, s *Source) *Mapping {
	if raw.Map == nil {
		if raw.Time != nil || len(raw.Tables) > 0 || raw.Layer != nil {
			l.problem(file, 0, "time, tables and layer mean something beside a map alone, and there is none")
		}
		return nil
	}
	x := &mapper{loader: l, file: file, source: s, tables: raw.Tables, used: map[string]bool{}}
	if len(raw.Tables) > MaxTables {
		l.problem(file, 0, "%d tables: at most %d", len(raw.Tables), MaxTables)
	}
	m := raw.Map
	out := &Mapping{Time: l.times(file, raw.Time)}
	out.Operation = x.rule("operation", m.Operation, x.operation)
	out.ID, out.Dedup = x.rule("id", m.ID, nil), x.rule("dedup", m.Dedup, nil)
	out.Target, out.Revision = x.rule("target", m.Target, nil), x.rule("revision", m.Revision, nil)
	out.Reporter = x.rule("reporter", m.Reporter, nil)
	out.Type, out.OccurredAt = x.rule("type", m.Type, x.typeCode), x.rule("occurred_at", m.OccurredAt, nil)
	out.Area, out.Priority = x.rule("area", m.Area, nil), x.rule("priority", m.Priority, x.urgency)
	out.Text, out.IncidentRef = x.rule("text", m.Text, nil), x.rule("incident_ref", m.IncidentRef, nil)
	out.Level = x.rule("level", m.Level, x.level)
	if p := m.Location; p != nil {
		out.Lon, out.Lat = x.rule("location.lon", p.Lon, nil), x.rule("location.lat", p.Lat, nil)
		out.AccuracyM, out.Datum = x.rule("location.accuracy_m", p.AccuracyM, nil), x.rule("location.datum", p.Datum, x.datum)
	}
	if out.Operation == nil || out.Operation.constant != string(OpTelemetry) { // what only measures never alerts
		x.needed(out)
	}
	x.attributes(out, m.Attributes)
	s.Layer = x.layer(raw.Layer)
	for _, name := range slices.Sorted(maps.Keys(x.tables)) {
		if n := len(x.tables[name]); n == 0 || n > MaxTableEntries {
			l.problem(file, 0, "table %q has %d entries: want 1 to %d", name, n, MaxTableEntries)
		}
		if !x.used[name] {
			l.problem(file, 0, "table %q is used nowhere", name)
		}
	}
	return out
}

// needed checks what no alert is without.
func (x *mapper) needed(out *Mapping) {
	for _, need := range []struct {
		field string
		rule  *Rule
	}{{"id", out.ID}, {"type", out.Type}, {"occurred_at", out.OccurredAt}} {
		if need.rule == nil {
			x.problem(x.file, 0, "map has no %s: no alert is without one", need.field)
		}
	}
	if (out.Lon == nil) != (out.Lat == nil) || out.Lon == nil && out.Area == nil {
		x.problem(x.file, 0, "map needs location with lon and lat, or area")
	}
}

func (x *mapper) attributes(out *Mapping, raw *rawRules) {
	if raw == nil {
		return
	}
	out.Object = x.rule("attributes", raw.whole, nil)
	if len(raw.names) > MaxAttributeRules {
		x.problem(x.file, raw.names[0].Line, "%d attributes: at most %d", len(raw.names), MaxAttributeRules)
	}
	for i, name := range raw.names {
		if name.V == "" || len(name.V) > maxAttributeLetter {
			x.problem(x.file, name.Line, "attribute %q: want a name of at most %d bytes", name.V, maxAttributeLetter)
		}
		out.Attributes = append(out.Attributes, x.rule("attributes."+name.V, raw.rules[i], nil))
	}
}

// rule compiles one rule. check looks at every value that stands in the profile itself.
func (x *mapper) rule(field string, raw *rawRule, check func(field string, s str)) *Rule {
	if raw == nil {
		return nil
	}
	if check == nil {
		check = func(string, str) {}
	}
	r := &Rule{Field: field, Line: raw.Line, constant: raw.Value.V, fallback: raw.Default.V}
	hasValue, hasFrom := raw.Value.Line != 0, raw.From.Line != 0
	switch {
	case hasValue == hasFrom:
		x.problem(x.file, raw.Line, "%s %v", field, errNoRule)
		return r
	case hasValue:
		if raw.Default.Line != 0 || raw.Table.Kind != 0 || raw.Unit.V != "" {
			x.problem(x.file, raw.Line, "%s: a value takes nothing beside it", field)
		}
		x.constant(field, raw.Value, check)
		return r
	}
	p, err := compileRule(raw.From.V)
	if err != nil {
		x.problem(x.file, raw.From.Line, "%s: %v", field, err)
	}
	r.program = p
	if raw.Default.Line != 0 {
		x.constant(field, raw.Default, check)
	}
	x.table(r, raw, check)
	if raw.Unit.V != "" || raw.To.V != "" {
		if r.unit, err = conversionOf(raw.Unit.V, raw.To.V); err != nil {
			x.problem(x.file, orAt(raw.Unit, raw.To).Line, "%s: unit and to: %v", field, err)
		}
		if r.table != nil {
			x.problem(x.file, raw.Line, "%s: a table and a unit do not go together", field)
		}
	}
	return r
}

// constant checks a value that stands in the profile.
func (x *mapper) constant(field string, v at[any], check func(string, str)) {
	text, err := Text(v.V)
	if err != nil && !strings.HasPrefix(field, "attributes") {
		x.problem(x.file, v.Line, "%s: %v", field, err)
		return
	}
	check(field, str{text, v.Line})
}

// table gives a rule its table.
func (x *mapper) table(r *Rule, raw *rawRule, check func(string, str)) {
	entries := map[string]str{}
	switch raw.Table.Kind {
	case 0:
		return
	case yaml.ScalarNode:
		r.name = fmt.Sprintf("table %q", raw.Table.Value)
		named, ok := x.tables[raw.Table.Value]
		if !ok {
			x.problem(x.file, raw.Table.Line, "%s: no table %q", r.Field, raw.Table.Value)
		}
		entries, x.used[raw.Table.Value] = named, true
	default:
		if err := raw.Table.Decode(&entries); err != nil {
			x.problem(x.file, raw.Table.Line, "%s: table: want a mapping of texts", r.Field)
		}
		if len(entries) > MaxTableEntries {
			x.problem(x.file, raw.Table.Line, "%s: the table has %d entries: at most %d", r.Field, len(entries), MaxTableEntries)
		}
	}
	r.table = make(map[string]string, len(entries))
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		r.table[key] = entries[key].V
		check(r.Field, entries[key])
	}
}

// What a value that stands in the profile must be.

func (x *mapper) typeCode(field string, s str) {
	if x.city.types[s.V] == nil {
		x.problem(x.file, s.Line, "%s: no incident type %q", field, s.V)
	} else if !x.source.MaySend(s.V) {
		x.problem(x.file, s.Line, "%s: type %q is none that the source may send: add it to types", field, s.V)
	}
}

func (x *mapper) urgency(field string, s str) {
	var p alert.Priority
	if err := p.UnmarshalText([]byte(s.V)); err != nil {
		x.problem(x.file, s.Line, "%s: priority %q: want P1, P2, P3 or P4, or nothing", field, s.V)
	}
}

func (x *mapper) level(field string, s str) {
	if _, err := geo.ParseLevel(s.V); err != nil {
		x.problem(x.file, s.Line, "%s: %v", field, err)
	}
}

func (x *mapper) operation(field string, s str) {
	if !slices.Contains(Operations, Operation(s.V)) {
		x.problem(x.file, s.Line, "%s %q: want alert, update, cancel, ignore or telemetry", field, s.V)
	}
}

func (x *mapper) datum(field string, s str) {
	x.among(x.file, field, s, string(geo.WGS84), string(geo.GCJ02), string(geo.BD09))
}

// times reads how a source writes times.
func (l *loader) times(file string, raw *rawTime) Times {
	t := Times{formats: []string{timeRFC3339}, zone: l.city.Zone}
	if raw == nil {
		return t
	}
	if raw.Zone.V != "" {
		zone, err := time.LoadLocation(raw.Zone.V)
		if err != nil || raw.Zone.V == "Local" {
			l.problem(file, raw.Zone.Line, "time.zone %q is not an IANA zone such as Asia/Shanghai", raw.Zone.V)
			zone = time.UTC
		}
		t.zone = zone
	}
	var forms []any
	switch v := raw.Format.V.(type) {
	case nil:
		return t
	case []any:
		forms = v
	default:
		forms = []any{v}
	}
	if len(forms) == 0 || len(forms) > MaxTimeForms {
		l.problem(file, raw.Format.Line, "time.format: %d forms: want 1 to %d", len(forms), MaxTimeForms)
	}
	t.formats = nil
	for _, f := range forms {
		text, _ := f.(string)
		switch text {
		case timeRFC3339, timeUnix, timeUnixMs:
			t.formats = append(t.formats, text)
			continue
		}
		layout := toLayout.Replace(text)
		if len(text) > maxFormBytes || !strings.Contains(layout, "2006") || !strings.Contains(layout, "01") || !strings.Contains(layout, "02") {
			l.problem(file, raw.Format.Line, "time.format %q: want rfc3339, unix, unix_ms, or a form such as YYYY-MM-DD hh:mm:ss", text)
		}
		t.formats = append(t.formats, layout)
	}
	return t
}
