package alert

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/geo"
)

// good returns a report that breaks no rule.
func good() *Submission {
	lon, lat := 119.2965, 26.0745
	return &Submission{ID: "x-1", Type: "fire.building", OccurredAt: "2026-05-01T08:30:00+08:00",
		Location: &Position{Lon: &lon, Lat: &lat}, Text: "六楼冒烟"}
}

func with(change func(*Submission)) *Submission {
	s := good()
	change(s)
	return s
}

func at(lon, lat float64) *Position { return &Position{Lon: &lon, Lat: &lat} }

func nested(depth int) json.RawMessage {
	return json.RawMessage(strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1))
}

func sized(bytes int) json.RawMessage {
	return json.RawMessage(`{"a":"` + strings.Repeat("x", bytes-len(`{"a":""}`)) + `"}`)
}

func TestValidateTakesWhatIsJustWithinBounds(t *testing.T) {
	for name, s := range map[string]*Submission{
		"plain":             good(),
		"longest id":        with(func(s *Submission) { s.ID = strings.Repeat("x", MaxIDBytes) }),
		"longest type":      with(func(s *Submission) { s.Type = strings.Repeat("x", MaxTypeBytes) }),
		"longest area":      with(func(s *Submission) { s.Area = strings.Repeat("x", MaxAreaBytes) }),
		"longest text":      with(func(s *Submission) { s.Text = strings.Repeat("福", MaxTextBytes/3) }),
		"longest reference": with(func(s *Submission) { s.IncidentRef = strings.Repeat("x", MaxRefBytes) }),
		"area alone":        with(func(s *Submission) { s.Location, s.Area = nil, "350102" }),
		"south-west corner": with(func(s *Submission) { s.Location = at(-180, -90) }),
		"north-east corner": with(func(s *Submission) { s.Location = at(180, 90) }),
		"coarsest position": with(func(s *Submission) { s.Location.AccuracyM = MaxAccuracyM }),
		"deepest":           with(func(s *Submission) { s.Attributes = nested(MaxAttributesDepth) }),
		"largest":           with(func(s *Submission) { s.Attributes = sized(MaxAttributesBytes) }),
		"brackets in text":  with(func(s *Submission) { s.Attributes = json.RawMessage(`{"a":"` + strings.Repeat("[", 40) + `\"{"}`) }),
		"null attributes":   with(func(s *Submission) { s.Attributes = json.RawMessage("null") }),
		"most urgent":       with(func(s *Submission) { s.Priority = "P1" }),
		"least urgent":      with(func(s *Submission) { s.Priority = "P4" }),
		"first instant":     with(func(s *Submission) { s.OccurredAt = "1970-01-01T08:00:00.000001+08:00" }),
		"last instant":      with(func(s *Submission) { s.OccurredAt = "9999-12-31T23:59:59.999999Z" }),
	} {
		t.Run(name, func(t *testing.T) {
			a, err := s.Validate("fire-119", geo.WGS84)
			if err != nil {
				t.Fatal(err)
			}
			checkAccepted(t, &a)
		})
	}
}

func TestValidateNamesFieldReasonAndLimit(t *testing.T) {
	const noZone = `"2026-05-01 08:30:00" is not an RFC 3339 time with an offset, such as 2026-05-01T08:30:00+08:00`
	for _, c := range []struct {
		name   string
		breaks func(*Submission)
		want   Field
	}{
		{"no id", func(s *Submission) { s.ID = "" }, Field{"id", "is required", "", ""}},
		{"long id", func(s *Submission) { s.ID = strings.Repeat("x", 257) }, Field{"id", "is 257 bytes long, at most 256 are taken", "256", ""}},
		{"id not UTF-8", func(s *Submission) { s.ID = "\xff" }, Field{"id", "is not valid UTF-8", "", ""}},
		{"no type", func(s *Submission) { s.Type = "" }, Field{"type", "is required", "", ""}},
		{"long type", func(s *Submission) { s.Type = strings.Repeat("x", 65) }, Field{"type", "is 65 bytes long, at most 64 are taken", "64", ""}},
		{"long area", func(s *Submission) { s.Area = strings.Repeat("x", 33) }, Field{"area", "is 33 bytes long, at most 32 are taken", "32", ""}},
		{"long text", func(s *Submission) { s.Text = strings.Repeat("福", 2731) }, Field{"text", "is 8193 bytes long, at most 8192 are taken", "8192", ""}},
		{"long reference", func(s *Submission) { s.IncidentRef = strings.Repeat("x", 129) }, Field{"incident_ref", "is 129 bytes long, at most 128 are taken", "128", ""}},
		{"no time", func(s *Submission) { s.OccurredAt = "" }, Field{"occurred_at", "is required: an RFC 3339 time with an offset, such as 2026-05-01T08:30:00+08:00", "", ""}},
		{"no offset", func(s *Submission) { s.OccurredAt = "2026-05-01 08:30:00" }, Field{"occurred_at", noZone, "", "2026-05-01 08:30:00"}},
		{"before 1970 in UTC", func(s *Submission) { s.OccurredAt = "1970-01-01T07:59:59+08:00" }, Field{"occurred_at", "year 1969 is out of range 1970 to 9999", "", "1970-01-01T07:59:59+08:00"}},
		{"after 9999 in UTC", func(s *Submission) { s.OccurredAt = "9999-12-31T23:59:59-08:00" }, Field{"occurred_at", "year 10000 is out of range 1970 to 9999", "", "9999-12-31T23:59:59-08:00"}},
		{"priority", func(s *Submission) { s.Priority = "P5" }, Field{"priority", "must be P1, P2, P3 or P4, or absent", "", "P5"}},
		{"lower-case priority", func(s *Submission) { s.Priority = "p1" }, Field{"priority", "must be P1, P2, P3 or P4, or absent", "", "p1"}},
		{"nowhere", func(s *Submission) { s.Location = nil }, Field{"location", "location or area is required", "", ""}},
		{"no longitude", func(s *Submission) { s.Location.Lon = nil }, Field{"location.lon", "is required: degrees east", "", ""}},
		{"off the map of the datum", func(s *Submission) { s.Location = at(-180, 0); s.Location.Datum = geo.BD09 }, Field{"location", "is no position once converted from bd09", "", ""}},
		{"no latitude", func(s *Submission) { s.Location.Lat = nil }, Field{"location.lat", "is required: degrees north", "", ""}},
		{"east of everything", func(s *Submission) { s.Location = at(191, 26) }, Field{"location.lon", "must be between -180 and 180 degrees", "[-180, 180]", "191"}},
		{"not a number", func(s *Submission) { s.Location = at(math.NaN(), 26) }, Field{"location.lon", "must be between -180 and 180 degrees", "[-180, 180]", "NaN"}},
		{"south of the pole", func(s *Submission) { s.Location = at(119, -90.5) }, Field{"location.lat", "must be between -90 and 90 degrees", "[-90, 90]", "-90.5"}},
		{"negative accuracy", func(s *Submission) { s.Location.AccuracyM = -1 }, Field{"location.accuracy_m", "must be between 0 and 100000 metres", "100000", "-1"}},
		{"useless accuracy", func(s *Submission) { s.Location.AccuracyM = 100_001 }, Field{"location.accuracy_m", "must be between 0 and 100000 metres", "100000", "100001"}},
		{"datum", func(s *Submission) { s.Location.Datum = "mars" }, Field{"location.datum", "must be wgs84, gcj02 or bd09", "", "mars"}},
		{"attributes a list", func(s *Submission) { s.Attributes = json.RawMessage("[1]") }, Field{"attributes", "must be a JSON object", "", "[1]"}},
		{"attributes too large", func(s *Submission) { s.Attributes = sized(MaxAttributesBytes + 1) }, Field{"attributes", "are 32769 bytes long, at most 32768 are taken", "32768", ""}},
		{"attributes too deep", func(s *Submission) { s.Attributes = nested(MaxAttributesDepth + 1) }, Field{"attributes", "are nested deeper than 16 levels", "16", ""}},
		{"attributes not UTF-8", func(s *Submission) { s.Attributes = json.RawMessage("{\"a\":\"\xff\"}") }, Field{"attributes", "are not valid UTF-8", "", ""}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := with(c.breaks).Validate("fire-119", geo.WGS84)
			var e *Error
			if !errors.As(err, &e) || e.Code != CodeInvalid || e.Detail != "the alert breaks 1 rule" {
				t.Fatalf("got %#v", err)
			}
			if len(e.Fields) != 1 || e.Fields[0] != c.want {
				t.Errorf("got  %+v\nwant %+v", e.Fields, c.want)
			}
		})
	}
}

func TestValidateNamesEveryRuleAtOnce(t *testing.T) {
	s := with(func(s *Submission) {
		s.ID, s.OccurredAt, s.Priority = "", "noon", "urgent"
		s.Location = at(200, 100)
		s.Location.AccuracyM, s.Location.Datum = -1, "mars"
		s.Attributes = json.RawMessage(`"text"`)
	})
	_, err := s.Validate("fire-119", geo.WGS84)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	var names []string
	for _, f := range e.Fields {
		names = append(names, f.Field)
	}
	want := "id occurred_at priority location.lon location.lat location.accuracy_m location.datum attributes"
	if got := strings.Join(names, " "); got != want || e.Detail != "the alert breaks 8 rules" {
		t.Errorf("%s: got %s, want %s", e.Detail, got, want)
	}
	if text := err.Error(); !strings.HasPrefix(text, "the alert breaks 8 rules: id: is required; occurred_at: ") {
		t.Errorf("got %q", text)
	}
}

func TestShownValuesAreShortAndWhole(t *testing.T) {
	s := with(func(s *Submission) { s.Priority = "急" + strings.Repeat("级", 50) })
	_, err := s.Validate("fire-119", geo.WGS84)
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v", err)
	}
	if want := "急" + strings.Repeat("级", 19) + "…"; e.Fields[0].Value != want {
		t.Errorf("got %q, want %q", e.Fields[0].Value, want)
	}
}

func TestValidateConverts(t *testing.T) {
	s := with(func(s *Submission) {
		s.OccurredAt, s.Priority, s.IncidentRef = "2026-05-01T08:30:00.1234567+08:00", "P2", "F-7"
		s.Attributes = json.RawMessage("{ \"floors\" : 9,\n\t\"a b\": [1, \" x \"]}")
		s.Location.AccuracyM = 30
	})
	a, err := s.Validate("fire-119", geo.WGS84)
	if err != nil {
		t.Fatal(err)
	}
	if got := a.OccurredAt.String(); got != "2026-05-01T00:30:00.123456Z" {
		t.Errorf("occurred at %s", got)
	}
	if a.Priority != P2 || a.IncidentRef != "F-7" || string(a.Attributes) != `{"floors":9,"a b":[1," x "]}` || a.Source != "fire-119" {
		t.Errorf("got %+v", a)
	}
	if *a.Location != (Location{119.2965, 26.0745, 30}) {
		t.Errorf("location %+v", *a.Location)
	}
	// The position's own datum goes before the one of the source's profile.
	for _, c := range []struct{ declared, own geo.Datum }{{geo.GCJ02, ""}, {geo.WGS84, geo.GCJ02}, {geo.BD09, geo.GCJ02}} {
		s.Location.Datum = c.own
		a, err := s.Validate("fire-119", c.declared)
		if err != nil {
			t.Fatal(err)
		}
		if d := geo.DistanceM(a.Location.Point(), geo.Point{Lon: 119.2965, Lat: 26.0745}); d < 300 || d > 700 {
			t.Errorf("declared %q, own %q: moved by %.0f m, GCJ-02 is some hundred off", c.declared, c.own, d)
		}
	}
}

// checkAccepted holds what Validate took against every bound.
func checkAccepted(t *testing.T, a *Alert) {
	t.Helper()
	for name, in := range map[string]bool{
		"id":           len(a.ID) >= 1 && len(a.ID) <= MaxIDBytes,
		"type":         len(a.Type) >= 1 && len(a.Type) <= MaxTypeBytes,
		"area":         len(a.Area) <= MaxAreaBytes,
		"text":         len(a.Text) <= MaxTextBytes,
		"incident_ref": len(a.IncidentRef) <= MaxRefBytes,
		"priority":     a.Priority <= P4,
		"place":        a.Location != nil || a.Area != "",
		"attributes":   len(a.Attributes) <= MaxAttributesBytes,
		"alert_id":     a.AlertID == KeyOf(a.Source, a.ID).AlertID(),
		"time":         a.OccurredAt >= 0 && a.OccurredAt.Std().Year() <= 9999,
	} {
		if !in {
			t.Errorf("%s is out of bounds: %+v", name, a)
		}
	}
	if l := a.Location; l != nil {
		if err := l.Point().Validate(); err != nil || !(l.AccuracyM >= 0 && l.AccuracyM <= MaxAccuracyM) {
			t.Errorf("location %+v: %v", *l, err)
		}
	}
	if len(a.Attributes) > 0 {
		var object map[string]any
		if err := json.Unmarshal(a.Attributes, &object); err != nil && !outOfRange(err) {
			t.Errorf("attributes are no object: %v", err)
		}
	}
	roundTrip(t, a)
}

// outOfRange tells a number that no float64 holds, which an object may carry, from other errors.
func outOfRange(err error) bool {
	var e *json.UnmarshalTypeError
	return errors.As(err, &e) && strings.HasPrefix(e.Value, "number")
}

// roundTrip writes an accepted alert as the journal does and reads it back: it must be the same.
func roundTrip(t *testing.T, a *Alert) {
	t.Helper()
	first, err := json.Marshal(a)
	if err != nil {
		t.Fatalf("an accepted alert cannot be written: %v", err)
	}
	var back Alert
	if err := json.Unmarshal(first, &back); err != nil {
		t.Fatalf("an accepted alert cannot be read back: %v\n%s", err, first)
	}
	second, err := json.Marshal(&back)
	if err != nil || string(first) != string(second) {
		t.Errorf("%v\nwritten %s\nagain   %s", err, first, second)
	}
	if back.ID != a.ID || back.OccurredAt != a.OccurredAt || strconv.Quote(back.Text) != strconv.Quote(a.Text) {
		t.Errorf("read back as %+v, was %+v", back, *a)
	}
}

func FuzzAlertBody(f *testing.F) {
	for _, seed := range []string{
		`{"id":"x1","type":"fire.building","occurred_at":"2026-05-01T08:30:00+08:00","location":{"lon":119.3,"lat":26.08,"accuracy_m":30}}`,
		`{"id":"x2","type":"flood","occurred_at":"2026-05-01T08:30:00Z","area":"350102","priority":"P1","attributes":{"level":3.5,"a":[{"b":"}\""}]}}`,
		`{"id":"x3","type":"a","occurred_at":"9999-12-31T23:59:59-08:00","location":{"lon":180,"lat":-90,"datum":"gcj02"}}`,
		`{"id":"x4","type":"a","occurred_at":"2026-05-01T08:30:00Z","location":{"lon":-180,"lat":0,"datum":"bd09"},"text":"福"}`,
		`{"id":"","location":{},"attributes":[[[[]]]]}`,
		`{"attributes":"` + strings.Repeat("x", 100) + `"}`,
		`null`, `{}`, `[]`, `{"location":null,"attributes":null}`,
	} {
		f.Add([]byte(seed), string(geo.WGS84))
		f.Add([]byte(seed), string(geo.BD09))
	}
	f.Fuzz(func(t *testing.T, body []byte, datum string) {
		var s Submission
		if json.Unmarshal(body, &s) != nil {
			return
		}
		a, err := s.Validate("fire-119", geo.Datum(datum))
		if err == nil {
			checkAccepted(t, &a)
			return
		}
		var e *Error
		if !errors.As(err, &e) || e.Code != CodeInvalid || len(e.Fields) == 0 {
			t.Fatalf("refused without naming a field: %#v", err)
		}
		for _, field := range e.Fields {
			if field.Field == "" || field.Reason == "" || len(field.Value) > maxShownBytes+len("…") {
				t.Errorf("field %+v", field)
			}
		}
	})
}
