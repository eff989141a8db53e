package alert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/banyan-ecc/banyan/geo"
)

// Bounds of a report. Past one, the field is refused with its name and the bound.
const (
	MaxIDBytes          = 256
	MaxTypeBytes        = 64
	MaxAreaBytes        = 32
	MaxTextBytes        = 8 << 10
	MaxRefBytes         = 128
	MaxAttributesBytes  = 32 << 10
	MaxAttributesDepth  = 16
	MaxAccuracyM        = 100_000
	MaxReasonBytes      = 2 << 10
	MaxNameBytes        = 128
	MaxRefsPerIncident  = 1_000 // refs an incident keeps in memory; the rest is in the journal
	MaxTasksPerIncident = 64    // past it, a task cannot be returned and no department is added
	MaxSourceRefs       = 32    // numbers of sources an incident keeps
)

// Submission is a report as a source sends it. Pointers tell absent from zero.
type Submission struct {
	ID          string          `json:"id"`
	Type        string          `json:"type"`
	OccurredAt  string          `json:"occurred_at"`
	Location    *Position       `json:"location,omitempty"`
	Area        string          `json:"area,omitempty"`
	Priority    string          `json:"priority,omitempty"`
	Text        string          `json:"text,omitempty"`
	IncidentRef string          `json:"incident_ref,omitempty"`
	Attributes  json.RawMessage `json:"attributes,omitempty"`
	Reporter    string          `json:"reporter,omitempty"` // who reported; only a digest is kept

	WarningLevel string `json:"warning_level,omitempty"` // red, orange, yellow or blue
	ExpiresAt    string `json:"expires_at,omitempty"`
	Exercise     bool   `json:"exercise,omitempty"`
	Cover        *Cover `json:"cover,omitempty"`
	Level        string `json:"level,omitempty"` // of the areas, that the source has brought it to: city, district, street, community, grid
}

// Position is a location as a source sends it, in the datum it declares.
type Position struct {
	Lon       *float64  `json:"lon"`
	Lat       *float64  `json:"lat"`
	Datum     geo.Datum `json:"datum,omitempty"`
	AccuracyM float64   `json:"accuracy_m,omitempty"`
}

// Validate checks s and converts it: positions to WGS-84, times to UTC. datum is what the source's
// profile declares for positions that do not say. The error is an *Error with CodeInvalid that names
// every field that broke a rule, not only the first.
func (s *Submission) Validate(source string, datum geo.Datum) (Alert, error) {
	var v fields
	a := Alert{Source: source, ID: s.ID, Type: s.Type, Area: s.Area, Text: s.Text, IncidentRef: s.IncidentRef}
	v.text("id", s.ID, 1, MaxIDBytes)
	v.text("type", s.Type, 1, MaxTypeBytes)
	v.text("area", s.Area, 0, MaxAreaBytes)
	v.text("text", s.Text, 0, MaxTextBytes)
	v.text("incident_ref", s.IncidentRef, 0, MaxRefBytes)
	if s.OccurredAt == "" {
		v.add("occurred_at", "is required: an RFC 3339 time with an offset, such as 2026-05-01T08:30:00+08:00", "", "")
	} else if t, err := ParseTime(s.OccurredAt); err != nil {
		v.add("occurred_at", err.Error(), "", s.OccurredAt)
	} else {
		a.OccurredAt = t
	}
	if err := a.Priority.UnmarshalText([]byte(s.Priority)); err != nil {
		v.add("priority", "must be P1, P2, P3 or P4, or absent", "", s.Priority)
	}
	if s.Location == nil && s.Area == "" {
		v.add("location", "location or area is required", "", "")
	}
	if s.Location != nil {
		a.Location = v.location(s.Location, datum)
	}
	a.Attributes = v.attributes(s.Attributes)
	v.text("reporter", s.Reporter, 0, MaxIDBytes)
	v.warning(s, &a)
	if len(v) > 0 {
		return Alert{}, Invalid("alert", v...)
	}
	a.AlertID = KeyOf(source, s.ID).AlertID()
	if s.Reporter != "" {
		a.Reporter = KeyOf(source, s.Reporter).ReporterID()
	}
	return a, nil
}

const maxShownBytes = 60 // of an offending value in an error

type fields []Field

func (v *fields) add(field, reason, limit, value string) {
	if len(value) > maxShownBytes {
		value = strings.ToValidUTF8(value[:maxShownBytes], "") + "…"
	}
	*v = append(*v, Field{Field: field, Reason: reason, Limit: limit, Value: value})
}

func (v *fields) text(field, s string, least, most int) {
	switch {
	case len(s) < least:
		v.add(field, "is required", "", "")
	case len(s) > most:
		v.add(field, fmt.Sprintf("is %d bytes long, at most %d are taken", len(s), most), strconv.Itoa(most), "")
	case !utf8.ValidString(s):
		v.add(field, "is not valid UTF-8", "", "")
	}
}

func (v *fields) location(p *Position, declared geo.Datum) *Location {
	before := len(*v)
	v.degrees("location.lon", "degrees east", p.Lon, 180)
	v.degrees("location.lat", "degrees north", p.Lat, 90)
	if !(p.AccuracyM >= 0 && p.AccuracyM <= MaxAccuracyM) {
		v.add("location.accuracy_m", "must be between 0 and 100000 metres", strconv.Itoa(MaxAccuracyM), strconv.FormatFloat(p.AccuracyM, 'g', -1, 64))
	}
	d := p.Datum
	if d == "" {
		d = declared
	}
	var in geo.Point
	if len(*v) == before {
		in = geo.Point{Lon: *p.Lon, Lat: *p.Lat}
	}
	w, err := geo.ToWGS84(in, d)
	if err != nil {
		v.add("location.datum", "must be wgs84, gcj02 or bd09", "", string(d))
	} else if w.Validate() != nil {
		v.add("location", fmt.Sprintf("is no position once converted from %s", d), "", "")
	}
	if len(*v) > before {
		return nil
	}
	return &Location{Lon: w.Lon, Lat: w.Lat, AccuracyM: p.AccuracyM}
}

func (v *fields) degrees(field, what string, x *float64, most float64) {
	if x == nil {
		v.add(field, "is required: "+what, "", "")
	} else if !(*x >= -most && *x <= most) {
		v.add(field, fmt.Sprintf("must be between -%g and %g degrees", most, most), fmt.Sprintf("[-%g, %g]", most, most), strconv.FormatFloat(*x, 'g', -1, 64))
	}
}

func (v *fields) attributes(raw json.RawMessage) json.RawMessage {
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return nil
	case len(raw) > MaxAttributesBytes:
		v.add("attributes", fmt.Sprintf("are %d bytes long, at most %d are taken", len(raw), MaxAttributesBytes), strconv.Itoa(MaxAttributesBytes), "")
	case !utf8.Valid(raw):
		// Carried unchanged into websocket text frames, which a browser would close over it.
		v.add("attributes", "are not valid UTF-8", "", "")
	case raw[0] != '{':
		v.add("attributes", "must be a JSON object", "", string(raw))
	default:
		deep, spaced := shape(raw)
		if deep > MaxAttributesDepth {
			v.add("attributes", fmt.Sprintf("are nested deeper than %d levels", MaxAttributesDepth), strconv.Itoa(MaxAttributesDepth), "")
			return nil
		}
		if spaced {
			return compacted(raw)
		}
		return raw
	}
	return nil
}

// compacted drops the white space between tokens, once for all who encode it later.
func compacted(raw json.RawMessage) json.RawMessage {
	b := bytes.NewBuffer(make([]byte, 0, len(raw)))
	if err := json.Compact(b, raw); err != nil {
		return raw // what is no JSON did not get here
	}
	return b.Bytes()
}

// shape returns how deep raw, already known to be valid JSON, is nested, and whether there is white space between its tokens.
func shape(raw []byte) (deep int, spaced bool) {
	now, inString := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			now++
			deep = max(deep, now)
		case c == '}' || c == ']':
			now--
		case c <= ' ':
			spaced = true
		}
	}
	return deep, spaced
}
