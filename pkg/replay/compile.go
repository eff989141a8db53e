package replay

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

type rawLookup struct {
	From    *text           `yaml:"from"`
	Values  map[string]text `yaml:"values"`
	Default *text           `yaml:"default"`
}

type rawMapping struct {
	Name        text       `yaml:"name"`
	Comma       *text      `yaml:"comma"`
	ID          text       `yaml:"id"`
	IncidentRef *text      `yaml:"incident_ref"`
	Type        *rawLookup `yaml:"type"`
	Priority    *rawLookup `yaml:"priority"`
	Area        *rawLookup `yaml:"area"`
	OccurredAt  *struct {
		From    *text  `yaml:"from"`
		Layouts []text `yaml:"layouts"`
		Zone    *text  `yaml:"zone"`
	} `yaml:"occurred_at"`
	Location *struct {
		From      *text   `yaml:"from"`
		Pattern   *text   `yaml:"pattern"`
		Lon       *text   `yaml:"lon"`
		Lat       *text   `yaml:"lat"`
		Datum     *text   `yaml:"datum"`
		AccuracyM float64 `yaml:"accuracy_m"`
	} `yaml:"location"`
	Text       *text         `yaml:"text"`
	Attributes rawAttributes `yaml:"attributes"`
}

// rawAttributes is a list of columns that keep their names, or names with where their values come from.
type rawAttributes []rawAttribute

type rawAttribute struct {
	Name   text
	From   text
	As     text
	column bool // Name is a column, and its value the attribute's
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (a *rawAttributes) UnmarshalYAML(n *yaml.Node) error {
	switch n.Kind {
	case yaml.SequenceNode:
		var columns []text
		if err := n.Decode(&columns); err != nil {
			return err
		}
		for _, c := range columns {
			*a = append(*a, rawAttribute{Name: c, column: true})
		}
		return nil
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			r, err := rawAttributeOf(n.Content[i], n.Content[i+1])
			if err != nil {
				return err
			}
			*a = append(*a, r)
		}
		return nil
	}
	return fmt.Errorf("line %d: attributes: want a list of columns, or name: \"${Column}\"", n.Line)
}

func rawAttributeOf(key, value *yaml.Node) (rawAttribute, error) {
	r := rawAttribute{Name: text{key.Value, key.Line}}
	if value.Kind == yaml.ScalarNode {
		r.From = text{value.Value, value.Line}
		return r, nil
	}
	if value.Kind != yaml.MappingNode {
		return r, fmt.Errorf("line %d: attribute %q: want \"${Column}\" or {from: \"${Column}\", as: number}", value.Line, r.Name.V)
	}
	for i := 0; i+1 < len(value.Content); i += 2 {
		k, v := value.Content[i], value.Content[i+1]
		switch {
		case v.Kind == yaml.ScalarNode && k.Value == "from":
			r.From = text{v.Value, v.Line}
		case v.Kind == yaml.ScalarNode && k.Value == "as":
			r.As = text{v.Value, v.Line}
		default:
			return r, fmt.Errorf("line %d: unknown key %q", k.Line, k.Value)
		}
	}
	return r, nil
}

// compiler checks what was read.
type compiler struct {
	*problems
	m *Mapping
}

func (c *compiler) compile(raw *rawMapping) {
	m := c.m
	if raw.Comma != nil {
		r, size := utf8.DecodeRuneInString(raw.Comma.V)
		if size != len(raw.Comma.V) || size == 0 || slices.Contains([]rune{'"', '\r', '\n', utf8.RuneError}, r) {
			c.add(raw.Comma.Line, "comma: want one character, and not a quote")
		} else {
			m.comma = r
		}
	}
	m.id = c.template("id", &raw.ID, true)
	m.ref = c.template("incident_ref", raw.IncidentRef, false)
	m.text = c.template("text", raw.Text, false)
	if raw.Type == nil {
		c.add(0, "type is missing: say which column it comes from")
	}
	m.typ, m.priority, m.area = c.lookup("type", raw.Type), c.lookup("priority", raw.Priority), c.lookup("area", raw.Area)
	c.timing(raw)
	c.location(raw)
	if raw.Location == nil && raw.Area == nil {
		c.add(0, "neither location nor area: every alert needs one")
	}
	c.attributes(raw.Attributes)
}

// template reads a template that must name a column.
func (c *compiler) template(what string, s *text, needed bool) *template {
	if s == nil || s.V == "" {
		if needed {
			c.add(lineIn(s), "%s is missing: want \"${Column}\"", what)
		}
		return nil
	}
	t, err := parseTemplate(s.V, s.Line)
	if err != nil {
		c.add(s.Line, "%s: %v", what, err)
		return nil
	}
	if len(t.columns()) == 0 {
		c.add(s.Line, "%s: %q names no column: write ${%s}", what, s.V, strings.Trim(s.V, "${}"))
		return nil
	}
	return t
}

func lineIn(s *text) int {
	if s == nil {
		return 0
	}
	return s.Line
}

func (c *compiler) lookup(what string, raw *rawLookup) *lookup {
	if raw == nil {
		return nil
	}
	l := &lookup{}
	if raw.Default != nil {
		l.fallback = &raw.Default.V
	}
	if raw.From == nil {
		if raw.Default == nil || len(raw.Values) > 0 {
			c.add(0, "%s: from is missing: want \"${Column}\"", what)
		}
		return l
	}
	l.from = c.template(what+".from", raw.From, true)
	if len(raw.Values) > 0 {
		l.values = make(map[string]string, len(raw.Values))
		for k, v := range raw.Values {
			l.values[strings.TrimSpace(k)] = v.V
		}
	}
	return l
}

func (c *compiler) timing(raw *rawMapping) {
	r := raw.OccurredAt
	if r == nil {
		c.add(0, "occurred_at is missing: say which column it comes from and in which layout")
		return
	}
	k := &c.m.occurredAt
	k.from = c.template("occurred_at.from", r.From, true)
	if r.Zone != nil {
		zone, err := time.LoadLocation(r.Zone.V)
		if err != nil || r.Zone.V == "" || r.Zone.V == "Local" {
			c.add(r.Zone.Line, "occurred_at.zone %q is not an IANA zone such as Asia/Shanghai", r.Zone.V)
		}
		k.zone = zone
	}
	if n := len(r.Layouts); n == 0 || n > MaxLayouts {
		c.add(lineIn(r.From), "occurred_at.layouts: %d layouts: want 1 to %d", n, MaxLayouts)
	}
	for _, l := range r.Layouts {
		if err := checkLayout(l.V, k.zone != nil); err != nil {
			c.add(l.Line, "occurred_at.layouts: %v", err)
		}
		k.layouts = append(k.layouts, l.V)
	}
}

// checkLayout finds layouts that cannot tell one day or minute from another, such as "%Y-%m-%d", and those
// that need a zone.
func checkLayout(layout string, zoned bool) error {
	switch layout {
	case layoutRFC3339, layoutUnix, layoutUnixMS:
		return nil
	}
	if strings.Contains(layout, "MST") {
		return fmt.Errorf("%q reads zone abbreviations, which do not say an offset: leave MST out and say occurred_at.zone", layout)
	}
	probe := time.Date(2017, time.November, 23, 16, 45, 56, 0, time.UTC)
	got, err := time.Parse(layout, probe.Format(layout))
	if err != nil || !got.Truncate(time.Minute).Equal(probe.Truncate(time.Minute)) {
		return fmt.Errorf("%q keeps no date and minute: write the reference time 2006-01-02 15:04:05 the way the file writes times, or %s, %s, %s",
			layout, layoutRFC3339, layoutUnix, layoutUnixMS)
	}
	offset := strings.Contains(layout, "Z07") || strings.Contains(layout, "-07")
	if !offset && !zoned {
		return fmt.Errorf("%q has no offset: say occurred_at.zone", layout)
	}
	return nil
}

func (c *compiler) location(raw *rawMapping) {
	r := raw.Location
	if r == nil {
		return
	}
	l := &location{accuracyM: r.AccuracyM}
	c.m.location = l
	if r.Datum != nil {
		if l.datum = r.Datum.V; !slices.Contains([]string{"wgs84", "gcj02", "bd09"}, l.datum) {
			c.add(r.Datum.Line, "location.datum %q: want wgs84, gcj02 or bd09", l.datum)
		}
	}
	if !(r.AccuracyM >= 0 && r.AccuracyM <= alert.MaxAccuracyM) {
		c.add(0, "location.accuracy_m is %v: want 0 to %d metres", r.AccuracyM, alert.MaxAccuracyM)
	}
	if r.From == nil {
		l.lon, l.lat = c.template("location.lon", r.Lon, true), c.template("location.lat", r.Lat, true)
		if r.Pattern != nil {
			c.add(r.Pattern.Line, "location.pattern needs location.from")
		}
		return
	}
	if r.Lon != nil || r.Lat != nil {
		c.add(r.From.Line, "location: either from and pattern, or lon and lat")
	}
	l.from = c.template("location.from", r.From, true)
	if err := l.compile(r.Pattern); err != nil {
		c.add(max(lineIn(r.Pattern), r.From.Line), "location.pattern: %v", err)
	}
}

func (l *location) compile(pattern *text) (err error) {
	if pattern == nil {
		return errors.New(`is missing: want a regular expression with (?P<lon>…) and (?P<lat>…)`)
	}
	if l.pattern, err = regexp.Compile(pattern.V); err != nil {
		return err
	}
	l.atLon, l.atLat = l.pattern.SubexpIndex("lon"), l.pattern.SubexpIndex("lat")
	if l.atLon < 0 || l.atLat < 0 {
		return fmt.Errorf("%q has no groups (?P<lon>…) and (?P<lat>…)", pattern.V)
	}
	return nil
}

func (c *compiler) attributes(raw rawAttributes) {
	if len(raw) > MaxAttributes {
		c.add(0, "%d attributes: at most %d", len(raw), MaxAttributes)
	}
	seen := map[string]bool{}
	for _, r := range raw {
		if seen[r.Name.V] || r.Name.V == "" {
			c.add(r.Name.Line, "attribute %q stands there twice, or has no name", r.Name.V)
		}
		seen[r.Name.V] = true
		a := attribute{name: r.Name.V, as: r.As.V}
		if r.column {
			a.from = &template{line: r.Name.Line, parts: []part{{column: r.Name.V}}}
		} else {
			a.from = c.template("attribute "+r.Name.V, &r.From, true)
		}
		if a.as == "" {
			a.as = asText
		}
		if !slices.Contains([]string{asText, asNumber, asBoolean}, a.as) {
			c.add(r.As.Line, "attribute %q: as %q: want text, number or boolean", a.name, a.as)
		}
		c.m.attributes = append(c.m.attributes, a)
	}
}
