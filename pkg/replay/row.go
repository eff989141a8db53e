package replay

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Trouble is what is wrong with one column of one row.
type Trouble struct {
	Line   int    // of the file, where the row begins; the header is line 1
	Column string // as the header names it; several where a template joins them
	Field  string // of the alert, such as occurred_at
	Reason string
	Value  string // shortened
}

// String formats t for a person.
func (t Trouble) String() string {
	s := "line " + strconv.Itoa(t.Line)
	if t.Column != "" {
		s += ", column " + t.Column
	}
	if t.Value != "" {
		s += fmt.Sprintf(" %q", t.Value)
	}
	return s + ": " + t.Reason
}

const maxShownBytes = 60 // of an offending value

func shown(v string) string {
	if len(v) > maxShownBytes {
		return strings.ToValidUTF8(v[:maxShownBytes], "") + "…"
	}
	return v
}

// bind returns m with the places of its columns in a header. The error names every column that is not there,
// with file and line of the mapping.
func (m *Mapping) bind(header []string) (*Mapping, error) {
	at := make(map[string]int, len(header))
	for i, name := range header {
		if name = strings.TrimSpace(name); name != "" {
			if _, again := at[name]; !again { // the first of two columns with one name
				at[name] = i
			}
		}
	}
	p := &problems{file: m.file}
	on := func(t *template) *template {
		if t == nil {
			return nil
		}
		bound, missing := t.bind(at)
		for _, name := range missing {
			p.add(t.line, "no column %q in the CSV header: %s", name, shownHeader(header))
		}
		return bound
	}
	look := func(l *lookup) *lookup {
		if l == nil {
			return nil
		}
		bound := *l
		bound.from = on(l.from)
		return &bound
	}
	b := *m
	b.id, b.ref, b.text = on(m.id), on(m.ref), on(m.text)
	b.typ, b.priority, b.area = look(m.typ), look(m.priority), look(m.area)
	b.occurredAt.from = on(m.occurredAt.from)
	if m.location != nil {
		l := *m.location
		l.from, l.lon, l.lat = on(l.from), on(l.lon), on(l.lat)
		b.location = &l
	}
	b.attributes = make([]attribute, len(m.attributes))
	for i, a := range m.attributes {
		a.from = on(a.from)
		b.attributes[i] = a
	}
	return &b, p.err()
}

const maxShownHeader = 2_000 // bytes of a header in an error

func shownHeader(header []string) string {
	s := strings.Join(header, ", ")
	if len(s) > maxShownHeader {
		s = strings.ToValidUTF8(s[:maxShownHeader], "") + "…"
	}
	return s
}

// report is a row on its way to the server.
type report struct {
	line     int
	at       time.Time // occurred; zero if unreadable
	ref      string    // what keeps rows in order: incident_ref, or the id where there is none
	hasRef   bool
	body     []byte    // JSON; nil if the server cannot judge the row
	troubles []Trouble // why the row is refused here, or what the server has to judge
}

// rowReader turns a row into a report.
type rowReader struct {
	m   *Mapping // bound
	row []string
	r   report
	in  alert.Submission
	// refused is set where sending the row would say something the file does not.
	refused bool
}

// report makes the alert of a row. What cannot be read is sent as it stands, or left out, for the server to
// judge; only a value that a lookup refuses, or an attribute of the wrong kind, keeps a row from being sent.
func (m *Mapping) report(line int, row []string) report {
	x := &rowReader{m: m, row: row, r: report{line: line}}
	x.in.ID = x.fill("id", m.id)
	x.in.Type = x.lookup("type", m.typ)
	x.in.Priority = x.lookup("priority", m.priority)
	x.in.Area = x.lookup("area", m.area)
	x.in.IncidentRef = x.fill("incident_ref", m.ref)
	x.in.Text = x.fill("text", m.text)
	x.occurredAt()
	x.location()
	x.attributes()
	if x.r.ref = x.in.IncidentRef; x.r.ref == "" {
		x.r.ref = x.in.ID
	}
	x.r.hasRef = x.in.IncidentRef != ""
	if x.refused {
		return x.r
	}
	body, err := json.Marshal(&x.in)
	if err != nil {
		x.trouble("", "", "", fmt.Sprintf("cannot be written as JSON: %v", err))
		return x.r
	}
	x.r.body = body
	return x.r
}

func (x *rowReader) trouble(column, field, value, reason string) {
	x.r.troubles = append(x.r.troubles, Trouble{Line: x.r.line, Column: column, Field: field, Reason: reason, Value: shown(value)})
}

// fill returns the value of a template, "" for none. A file in another encoding is refused, not garbled.
func (x *rowReader) fill(field string, t *template) string {
	if t == nil {
		return ""
	}
	v := t.fill(x.row)
	if !utf8.ValidString(v) {
		x.refused = true
		x.trouble(t.label(), field, strings.ToValidUTF8(v, "?"), "is not UTF-8: convert the file first")
		return ""
	}
	return v
}

// lookup returns the value for a field. A value that is not listed takes the default; without one a blank is
// not sent, and anything else is refused.
func (x *rowReader) lookup(field string, l *lookup) string {
	if l == nil {
		return ""
	}
	v := x.fill(field, l.from)
	if out, listed := l.values[v]; listed {
		return out
	}
	switch {
	case l.values == nil && v != "":
		return v // no table: the value is the code
	case l.fallback != nil:
		return *l.fallback
	case v == "":
		return ""
	}
	x.refused = true
	x.trouble(l.from.label(), field, v, "is not among the values of the mapping, and there is no default")
	return ""
}

func (x *rowReader) occurredAt() {
	k := &x.m.occurredAt
	v := x.fill("occurred_at", k.from)
	if t, ok := k.parse(v); ok {
		x.r.at = t
		x.in.OccurredAt = t.Format(time.RFC3339Nano)
		return
	}
	x.in.OccurredAt = v
	if v == "" {
		x.trouble(k.from.label(), "occurred_at", v, "holds no time")
		return
	}
	x.trouble(k.from.label(), "occurred_at", v, "is no time of layout "+strings.Join(k.layouts, " or "))
}

func (k *timing) parse(v string) (time.Time, bool) {
	zone := k.zone
	if zone == nil {
		zone = time.UTC // every layout has an offset
	}
	for _, layout := range k.layouts {
		var t time.Time
		var err error
		switch layout {
		case layoutRFC3339:
			t, err = time.Parse(time.RFC3339Nano, v)
		case layoutUnix, layoutUnixMS:
			t, err = parseUnix(layout, v)
		default:
			t, err = time.ParseInLocation(layout, v, zone)
		}
		// RFC 3339 has four digits for a year.
		if err == nil && t.Year() >= 1 && t.Year() <= 9999 {
			return t, true
		}
	}
	return time.Time{}, false
}

func parseUnix(layout, v string) (time.Time, error) {
	n, err := strconv.ParseInt(v, 10, 64)
	if layout == layoutUnixMS {
		return time.UnixMilli(n).UTC(), err
	}
	return time.Unix(n, 0).UTC(), err
}

func (x *rowReader) location() {
	l := x.m.location
	if l == nil {
		return
	}
	if l.from != nil {
		v := x.fill("location", l.from)
		if v == "" {
			x.trouble(l.from.label(), "location", v, "holds no position")
			return
		}
		m := l.pattern.FindStringSubmatch(v)
		if m == nil {
			x.trouble(l.from.label(), "location", v, "does not match the pattern of the mapping")
			return
		}
		x.position(l.from.label(), m[l.atLon], m[l.atLat])
		return
	}
	lon, lat := x.fill("location.lon", l.lon), x.fill("location.lat", l.lat)
	column := l.lon.label() + ", " + l.lat.label()
	if lon == "" && lat == "" {
		x.trouble(column, "location", "", "hold no position")
		return
	}
	x.position(column, lon, lat)
}

// position sends what is a number, whatever it is: the server knows the bounds.
func (x *rowReader) position(column, lon, lat string) {
	a, okLon := number(lon)
	b, okLat := number(lat)
	if !okLon || !okLat {
		x.trouble(column, "location", lon+" "+lat, "holds no two numbers")
		return
	}
	l := x.m.location
	x.in.Location = &alert.Position{Lon: &a, Lat: &b, Datum: geo.Datum(l.datum), AccuracyM: l.accuracyM}
}

// number reads a finite number.
func number(s string) (float64, bool) {
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	return f, err == nil && !math.IsNaN(f) && !math.IsInf(f, 0)
}

// attributes sends every attribute whose column is not blank.
func (x *rowReader) attributes() {
	out := map[string]any{}
	for _, a := range x.m.attributes {
		v := x.fill("attributes."+a.name, a.from)
		if v == "" {
			continue
		}
		switch a.as {
		case asText:
			out[a.name] = v
		case asNumber:
			f, ok := number(v)
			if !ok {
				x.wrong(a, v, "is not a number")
			}
			out[a.name] = f
		case asBoolean:
			b, ok := boolean(v)
			if !ok {
				x.wrong(a, v, "is not true or false")
			}
			out[a.name] = b
		}
	}
	if len(out) == 0 || x.refused {
		return
	}
	raw, err := json.Marshal(out)
	if err != nil {
		x.refused = true
		x.trouble("", "attributes", "", err.Error())
		return
	}
	x.in.Attributes = raw
}

func (x *rowReader) wrong(a attribute, v, reason string) {
	x.refused = true
	x.trouble(a.from.label(), "attributes."+a.name, v, reason)
}

func boolean(s string) (value, ok bool) {
	switch strings.ToLower(s) {
	case "true", "yes", "y", "t", "1":
		return true, true
	case "false", "no", "n", "f", "0":
		return false, true
	}
	return false, false
}
