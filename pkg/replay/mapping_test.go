package replay

import (
	"strings"
	"testing"
)

func TestMistakesAreNamedWithFileAndLine(t *testing.T) {
	const rest = "\ntype: {from: \"${t}\"}\noccurred_at: {from: \"${w}\", layouts: [rfc3339]}\narea: {from: \"${a}\"}"
	const noArea = "\ntype: {from: \"${t}\"}\noccurred_at: {from: \"${w}\", layouts: [rfc3339]}"
	for name, c := range map[string]struct{ yaml, want string }{
		"empty":             {"", "m.yaml: the file is empty"},
		"two documents":     {`id: "${i}"` + rest + "\n---\nid: x", "m.yaml: holds more than one YAML document"},
		"syntax":            {"id: [", "m.yaml:1: did not find expected node content"},
		"unknown key":       {`id: "${i}"` + rest + "\nskip when: x", `m.yaml:5: unknown key "skip when"`},
		"unknown inner key": {`id: "${i}"` + rest + "\nlocation:\n  form: x", `m.yaml:6: unknown key "form"`},
		"key twice":         {`id: "${i}"` + rest + "\nid: x", `m.yaml:5: mapping key "id" already defined`},
		"list for a scalar": {`id: ["${i}"]` + rest, "m.yaml:1: want a single value here"},
		"no id":             {strings.TrimPrefix(rest, "\n"), "m.yaml: id is missing"},
		"constant id":       {"id: Call Number" + rest, `m.yaml:1: id: "Call Number" names no column: write ${Call Number}`},
		"open column":       {`id: "${i"` + rest, `m.yaml:1: id: "${i": ${ without }`},
		"empty column":      {`id: "a${ }"` + rest, `m.yaml:1: id: "a${ }": ${} names no column`},
		"lone dollar":       {`id: "$i"` + rest, `m.yaml:1: id: "$i": a lone $`},
		"no type":           {"id: \"${i}\"\noccurred_at: {from: \"${w}\", layouts: [rfc3339]}\narea: {from: \"${a}\"}", "m.yaml: type is missing"},
		"no time":           {"id: \"${i}\"\ntype: {from: \"${t}\"}\narea: {from: \"${a}\"}", "m.yaml: occurred_at is missing"},
		"no place":          {`id: "${i}"` + noArea, "m.yaml: neither location nor area"},
		"lookup of nothing": {`id: "${i}"` + rest + "\npriority: {values: {a: P1}}", "m.yaml: priority: from is missing"},
		"no layout":         {"id: \"${i}\"\ntype: {from: \"${t}\"}\narea: {from: \"${a}\"}\noccurred_at:\n  from: \"${w}\"", "m.yaml:5: occurred_at.layouts: 0 layouts"},
		"strftime":          {"id: \"${i}\"\ntype: {from: \"${t}\"}\narea: {from: \"${a}\"}\noccurred_at:\n  from: \"${w}\"\n  layouts:\n    - \"%Y-%m-%d\"", `m.yaml:7: occurred_at.layouts: "%Y-%m-%d" keeps no date and minute`},
		"twelve hours":      {"id: \"${i}\"\ntype: {from: \"${t}\"}\narea: {from: \"${a}\"}\noccurred_at: {from: \"${w}\", layouts: [\"2006-01-02 03:04\"], zone: UTC}", `m.yaml:4: occurred_at.layouts: "2006-01-02 03:04" keeps no date and minute`},
		"no zone":           {"id: \"${i}\"\ntype: {from: \"${t}\"}\narea: {from: \"${a}\"}\noccurred_at: {from: \"${w}\", layouts: [\"2006-01-02 15:04\"]}", `m.yaml:4: occurred_at.layouts: "2006-01-02 15:04" has no offset`},
		"abbreviation":      {"id: \"${i}\"\ntype: {from: \"${t}\"}\narea: {from: \"${a}\"}\noccurred_at: {from: \"${w}\", layouts: [\"2006-01-02 15:04 MST\"], zone: UTC}", "m.yaml:4: occurred_at.layouts: \"2006-01-02 15:04 MST\" reads zone abbreviations"},
		"bad zone":          {"id: \"${i}\"\ntype: {from: \"${t}\"}\narea: {from: \"${a}\"}\noccurred_at: {from: \"${w}\", layouts: [rfc3339], zone: Mars/Base}", `m.yaml:4: occurred_at.zone "Mars/Base" is not an IANA zone`},
		"local zone":        {"id: \"${i}\"\ntype: {from: \"${t}\"}\narea: {from: \"${a}\"}\noccurred_at: {from: \"${w}\", layouts: [rfc3339], zone: Local}", `m.yaml:4: occurred_at.zone "Local" is not an IANA zone`},
		"pattern":           {`id: "${i}"` + rest + "\nlocation:\n  from: \"${l}\"\n  pattern: '('", "m.yaml:7: location.pattern: error parsing regexp"},
		"groups":            {`id: "${i}"` + rest + "\nlocation:\n  from: \"${l}\"\n  pattern: '(?P<lon>.*)'", `m.yaml:7: location.pattern: "(?P<lon>.*)" has no groups`},
		"no pattern":        {`id: "${i}"` + rest + "\nlocation: {from: \"${l}\"}", "m.yaml:5: location.pattern: is missing"},
		"half a position":   {`id: "${i}"` + rest + "\nlocation: {lon: \"${l}\"}", "m.yaml: location.lat is missing"},
		"both ways":         {`id: "${i}"` + rest + "\nlocation: {from: \"${l}\", pattern: '(?P<lon>.)(?P<lat>.)', lon: \"${x}\"}", "m.yaml:5: location: either from and pattern, or lon and lat"},
		"datum":             {`id: "${i}"` + rest + "\nlocation: {lon: \"${x}\", lat: \"${y}\", datum: nad27}", `m.yaml:5: location.datum "nad27"`},
		"accuracy":          {`id: "${i}"` + rest + "\nlocation: {lon: \"${x}\", lat: \"${y}\", accuracy_m: .inf}", "m.yaml: location.accuracy_m is +Inf: want 0 to 100000 metres"},
		"comma":             {`id: "${i}"` + rest + "\ncomma: ';;'", "m.yaml:5: comma: want one character"},
		"attribute kind":    {`id: "${i}"` + rest + "\nattributes: {n: {from: \"${n}\", as: float}}", `m.yaml:5: attribute "n": as "float"`},
		"attribute key":     {`id: "${i}"` + rest + "\nattributes: {n: {of: \"${n}\"}}", `m.yaml:5: unknown key "of"`},
		"attribute scalar":  {`id: "${i}"` + rest + "\nattributes: all", "m.yaml:5: attributes: want a list of columns"},
		"attribute twice":   {`id: "${i}"` + rest + "\nattributes: [a, a]", `m.yaml:5: attribute "a" stands there twice`},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Parse("m.yaml", []byte(c.yaml))
			if err == nil || m != nil {
				t.Fatalf("no mistake found; want %s", c.want)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %s\nwant %s", err, c.want)
			}
			if strings.Contains(err.Error(), "replay.") {
				t.Errorf("names a Go type: %s", err)
			}
		})
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := Parse("m.yaml", []byte("id: x\ntype: {from: y}\noccurred_at: {from: z, layouts: [nonsense]}\narea: {from: \"${a}\"}"))
	if err == nil {
		t.Fatal("no mistake found")
	}
	for _, want := range []string{"m.yaml:1: id", "m.yaml:2: type.from", "m.yaml:3: occurred_at.from", "m.yaml:3: occurred_at.layouts"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not in\n%s", want, err)
		}
	}
}

func TestColumnsThatAreNotThere(t *testing.T) {
	m := mapping(t, plain)
	_, err := m.bind([]string{"id", "ref", "type", "Time", "lon", "lat"})
	if err == nil || !strings.Contains(err.Error(), `m.yaml:5: no column "time" in the CSV header: id, ref, type, Time, lon, lat`) {
		t.Errorf("got %v", err)
	}
	if _, err := m.bind([]string{" lat ", "id", "ref", "type", "time", "lon", "more"}); err != nil {
		t.Errorf("any order, and blanks around a name: %v", err)
	}
}

func TestTemplate(t *testing.T) {
	header := map[string]int{"a b": 0, "c": 1}
	for s, c := range map[string]struct {
		row  []string
		want string
	}{
		"${a b}":          {[]string{" x ", "y"}, "x"},
		"${a b}-${c}":     {[]string{"x", "y"}, "x-y"},
		"${ c }$$ ${a b}": {[]string{"", "5"}, "5$"},
		"no. ${c}":        {[]string{"x", " "}, ""}, // nothing is said
		"${c}${c}":        {[]string{"", "z"}, "zz"},
	} {
		tmpl, err := parseTemplate(s, 1)
		if err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		bound, missing := tmpl.bind(header)
		if got := bound.fill(c.row); got != c.want || len(missing) > 0 {
			t.Errorf("%q of %q: got %q, want %q; missing %q", s, c.row, got, c.want, missing)
		}
	}
}

func FuzzMapping(f *testing.F) {
	f.Add(plain, "1|r|fire|2026-05-01 08:30:00|119.3|26.08")
	f.Add("id: \"${a}\"\ntype: {default: x}\noccurred_at: {from: \"${b}\", layouts: [unix, unix_ms, rfc3339]}\narea: {from: \"${c}\", values: {1: a}, default: b}\nattributes: [a, b]\ntext: \"$$ ${c}\"", "1|1e9|\xff")
	f.Add("id: \"${a}\"\ntype: {from: \"${a}\"}\noccurred_at: {from: \"${b}\", layouts: [\"2006-01-02T15:04Z07:00\"]}\nlocation: {from: \"${c}\", pattern: '(?P<lat>.*) (?P<lon>.*)', accuracy_m: .nan}\nattributes: {n: {from: \"${d}\", as: number}}", "a|0001-01-01T00:00+23:59|1 NaN|0x1p9")
	f.Fuzz(func(t *testing.T, yaml, values string) {
		m, err := Parse("m.yaml", []byte(yaml))
		if err != nil {
			for _, line := range strings.Split(err.Error(), "\n") {
				if line == "" {
					t.Errorf("an empty line in %q", err)
				}
			}
			if !strings.HasPrefix(err.Error(), "m.yaml:") || m != nil {
				t.Errorf("names no file: %q", err)
			}
			return
		}
		checkFuzzedRow(t, m, strings.Split(values, "|"))
	})
}
