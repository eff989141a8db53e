package replay

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// columnsOf returns every column a mapping asks for, once.
func columnsOf(m *Mapping) []string {
	var names []string
	add := func(ts ...*template) {
		for _, t := range ts {
			if t != nil {
				names = append(names, t.columns()...)
			}
		}
	}
	add(m.id, m.ref, m.text, m.occurredAt.from)
	for _, l := range []*lookup{m.typ, m.priority, m.area} {
		if l != nil {
			add(l.from)
		}
	}
	if l := m.location; l != nil {
		add(l.from, l.lon, l.lat)
	}
	for _, a := range m.attributes {
		add(a.from)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkFuzzedRow makes an alert of any row with any mapping: it is sent or refused with a reason, and what is
// sent is JSON that says what it says in UTF-8.
func checkFuzzedRow(t *testing.T, m *Mapping, values []string) {
	header := columnsOf(m)
	bound, err := m.bind(header)
	if err != nil {
		t.Fatalf("its own columns %q: %v", header, err)
	}
	row := make([]string, len(header))
	for i := range row {
		row[i] = values[i%len(values)]
	}
	r := bound.report(7, row)
	if r.body == nil {
		if len(r.troubles) == 0 || r.troubles[0].Line != 7 || r.troubles[0].Reason == "" {
			t.Errorf("refused without a reason: %+v", r)
		}
		return
	}
	var in alert.Submission
	if err := json.Unmarshal(r.body, &in); err != nil || !utf8.Valid(r.body) {
		t.Fatalf("sends %q: %v", r.body, err)
	}
	if !r.at.IsZero() {
		if _, err := time.Parse(time.RFC3339Nano, in.OccurredAt); err != nil {
			t.Errorf("reads a time that cannot be read back: %v", err)
		}
	}
}

const every = `
id: "${n}-${unit}"
incident_ref: "${n}"
type:
  from: "${kind}"
  values: {fire: fire.building}
  default: other
priority:
  from: "${p}"
  values: {1: P1, 2: P2}
occurred_at:
  from: "${day} ${clock}"
  layouts: ["01/02/2006 03:04:05 PM", rfc3339, unix, unix_ms]
  zone: America/Los_Angeles
location:
  from: "${where}"
  pattern: '^\((?P<lat>[^,]+), (?P<lon>[^,]+)\)$'
  datum: gcj02
  accuracy_m: 30
area: {from: "${area}", values: {"6": sf-6}}
text: "${kind} at ${street}"
attributes:
  unit: "${unit}"
  alarms: {from: "${alarms}", as: number}
  als: {from: "${als}", as: boolean}
`

var everyHeader = []string{"n", "unit", "kind", "p", "day", "clock", "where", "area", "street", "alarms", "als"}

func everyRow(change func(set func(column, value string))) []string {
	row := []string{"17", "E1", "fire", "1", "01/02/2017", "03:04:05 PM", "(37.5, -122.25)", "6", "MAIN ST", "2", "true"}
	if change != nil {
		change(func(column, value string) { row[slices.Index(everyHeader, column)] = value })
	}
	return row
}

func TestARowBecomesAnAlert(t *testing.T) {
	m, err := mapping(t, every).bind(everyHeader)
	if err != nil {
		t.Fatal(err)
	}
	r := m.report(2, everyRow(nil))
	if len(r.troubles) > 0 {
		t.Fatalf("trouble: %v", r.troubles)
	}
	const want = `{"id":"17-E1","type":"fire.building","occurred_at":"2017-01-02T15:04:05-08:00",` +
		`"location":{"lon":-122.25,"lat":37.5,"datum":"gcj02","accuracy_m":30},"area":"sf-6","priority":"P1","text":"fire at MAIN ST",` +
		`"incident_ref":"17","attributes":{"alarms":2,"als":true,"unit":"E1"}}`
	if string(r.body) != want {
		t.Errorf("got  %s\nwant %s", r.body, want)
	}
}

func TestWhatARowLacks(t *testing.T) {
	m, err := mapping(t, every).bind(everyHeader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		column, value string
		trouble       string // "" if none
		sent          bool
		check         func(*alert.Submission) bool
	}{
		"default of a lookup":   {"kind", "riot", "", true, func(s *alert.Submission) bool { return s.Type == "other" }},
		"blank, no default":     {"p", "", "", true, func(s *alert.Submission) bool { return s.Priority == "" }},
		"not listed":            {"p", "9", `line 4, column p "9": is not among the values`, false, nil},
		"area not listed":       {"area", "12", `line 4, column area "12": is not among the values`, false, nil},
		"unreadable time":       {"clock", "25:00", `line 4, column day, clock "01/02/2017 25:00": is no time of layout`, true, func(s *alert.Submission) bool { return s.OccurredAt == "01/02/2017 25:00" }},
		"no position":           {"where", " ", "line 4, column where: holds no position", true, func(s *alert.Submission) bool { return s.Location == nil && s.Area == "sf-6" }},
		"position off pattern":  {"where", "37.5 -122", `line 4, column where "37.5 -122": does not match the pattern`, true, func(s *alert.Submission) bool { return s.Location == nil }},
		"position of words":     {"where", "(a, b)", `line 4, column where "b a": holds no two numbers`, true, func(s *alert.Submission) bool { return s.Location == nil }},
		"position not a number": {"where", "(NaN, 1)", `holds no two numbers`, true, func(s *alert.Submission) bool { return s.Location == nil }},
		"position off the map":  {"where", "(95, 200)", "", true, func(s *alert.Submission) bool { return *s.Location.Lat == 95 && *s.Location.Lon == 200 }},
		"number of words":       {"alarms", "two", `line 4, column alarms "two": is not a number`, false, nil},
		"boolean of words":      {"als", "maybe", `line 4, column als "maybe": is not true or false`, false, nil},
		"blank attribute":       {"alarms", "", "", true, func(s *alert.Submission) bool { return string(s.Attributes) == `{"als":true,"unit":"E1"}` }},
		"another encoding":      {"street", "\xb8\xa3\xd6\xdd", `column kind, street "fire at ?": is not UTF-8`, false, nil},
		"quotes in text":        {"street", "\"A\"\nB", "", true, func(s *alert.Submission) bool { return s.Text == "fire at \"A\"\nB" }},
	} {
		t.Run(name, func(t *testing.T) {
			r := m.report(4, everyRow(func(set func(column, value string)) { set(c.column, c.value) }))
			var got string
			for _, x := range r.troubles {
				got += x.String()
			}
			if (got == "") != (c.trouble == "") || !strings.Contains(got, c.trouble) {
				t.Errorf("trouble: got %q, want %q", got, c.trouble)
			}
			if (r.body != nil) != c.sent {
				t.Fatalf("sent is %v, want %v", r.body != nil, c.sent)
			}
			if c.sent {
				var in alert.Submission
				if err := json.Unmarshal(r.body, &in); err != nil || !c.check(&in) {
					t.Errorf("%v: sends %s", err, r.body)
				}
			}
		})
	}
}

func TestTimes(t *testing.T) {
	k := &timing{layouts: []string{"01/02/2006 03:04:05 PM", layoutRFC3339, layoutUnix}}
	k.zone, _ = time.LoadLocation("America/Los_Angeles")
	for v, want := range map[string]string{
		"12/31/2016 11:57:56 PM":    "2016-12-31T23:57:56-08:00",
		"07/01/2017 12:00:00 AM":    "2017-07-01T00:00:00-07:00", // summer
		"2017-07-01T00:00:00+08:00": "2017-07-01T00:00:00+08:00",
		"1483228800":                "2017-01-01T00:00:00Z",
		"2017-07-01":                "",
		"":                          "",
		"9999999999999":             "", // a year past 9999
	} {
		got, ok := k.parse(v)
		if ok != (want != "") || ok && got.Format(time.RFC3339) != want {
			t.Errorf("%q: got %v %v, want %q", v, got, ok, want)
		}
	}
}

func TestAttributesAsAList(t *testing.T) {
	m := mapping(t, strings.Replace(plain, "location:", "attributes: [ref, \"a}$b\"]\nlocation:", 1))
	b, err := m.bind([]string{"id", "ref", "type", "time", "lon", "lat", "a}$b"})
	if err != nil {
		t.Fatal(err)
	}
	var in alert.Submission
	if err := json.Unmarshal(b.report(2, []string{"1", "r", "fire", "2026-05-01 08:30:00", "119", "26", "x"}).body, &in); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(in.Attributes, &got); err != nil || !reflect.DeepEqual(got, map[string]any{"ref": "r", "a}$b": "x"}) {
		t.Errorf("attributes: %v %v", got, err)
	}
}
