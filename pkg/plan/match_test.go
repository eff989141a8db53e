package plan

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

func facts(change func(*Facts)) *Facts {
	f := &Facts{Type: "fire.building", Group: "fire", Class: "accident", Priority: 1, Source: "fire-119", Department: "fire",
		Text: "六楼冒烟", Area: "350102", Areas: []string{"350100", "350102"}, Lon: 119.3, Lat: 26.08, Hour: 21, Weekday: 5, Alerts: 1,
		Attributes: map[string]any{"floors": 30.0, "tags": []any{"gas", "school"}}}
	if change != nil {
		change(f)
	}
	return f
}

func TestConditions(t *testing.T) {
	for condition, want := range map[string]string{
		"attributes.floors >= 8":                                  "true",
		"attributes.floors >= 31":                                 "false",
		"attributes.injured >= 8":                                 "invalid operation: <nil> >= int (1:20)",
		"(attributes.injured ?? 0) >= 8":                          "false",
		"attributes?.building?.floors == nil":                     "true",
		`"gas" in attributes.tags`:                                "true",
		`any(attributes.tags, # startsWith "sch")`:                "true",
		`count(attributes.tags, true) == 2`:                       "true",
		`text contains "冒烟" and class == "accident"`:              "true",
		`text matches "^[0-9一二三四五六]+楼"`:                           "true",
		`text matches attributes.pattern`:                         "false",
		"hour in 20..23 or hour < 6":                              "true",
		"weekday in [6, 7]":                                       "false",
		`"350102" in areas and area != "350100"`:                  "true",
		"not outside and lon > 119 and lat < 27":                  "true",
		"priority <= 2 and alerts == 1":                           "true",
		`group == "fire" and source == "fire-119"`:                "true",
		`type == "fire.building" and department == "fire"`:        "true",
		"attributes.floors":                                       "invalid operation: bool(float64) (1:1)",
		"any(attributes.floors, true)":                            "reflect: call of reflect.Value.Len on float64 Value (1:1)",
		"count(1..attributes.floors * 10000, true) > 0":           "memory budget exceeded (1:8)",
		"filter(attributes.tags, len(# + #) > 6) == [\"school\"]": "true",
	} {
		p, err := compile(condition)
		if err != nil {
			t.Errorf("%s: %v", condition, err)
			continue
		}
		ok, err := holds(p, facts(nil))
		got := map[bool]string{true: "true", false: "false"}[ok]
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", condition, got, want)
		}
	}
}

func TestConditionsThatAreRefused(t *testing.T) {
	for condition, want := range map[string]string{
		"now() > date('2026-05-01')":                            "unknown name",
		"keys(attributes)[0] == 'a'":                            "unknown name keys",
		"values(attributes)[0] == 'a'":                          "unknown name values",
		"toPairs(attributes)[0][0] == 'a'":                      "unknown name toPairs",
		"len(repeat(text, 100000)) > 5":                         "unknown name repeat",
		"len(map(1..9, text + text)) > 5":                       "unknown name map",
		"reduce(1..9, #acc + text, '') == text":                 "unknown name reduce",
		"let a = text + text; let b = a + a; b + b == text":     "let is not to be had",
		"count(1..300, count(1..300, true) > 0) > 0":            "a loop over a list stands within another",
		"count(1..9, len(filter(attributes.a, # > 1)) > 0) > 0": "a loop over a list stands within another",
		"":            "unexpected token EOF",
		"true; false": "",
		strings.Repeat(" ", MaxConditionBytes) + "true": "at most 2048 are taken",
		strings.Repeat("(", 2000) + "true":              "unexpected token EOF",
	} {
		_, err := compile(condition)
		if want == "" {
			if err != nil {
				t.Errorf("%.60s: %v", condition, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60s: got %v, want %s", condition, err, want)
		}
	}
}

// A condition gives the same answer every time, whatever it is asked.
func TestConditionsAreRepeatable(t *testing.T) {
	conditions := []string{"string(attributes) contains 'a1b'", "attributes.m == attributes.n", "(attributes.m ?? 0) > 1",
		"any(attributes.m, # > 1)", "sum(attributes.m) > 2", "first(attributes.m) == last(attributes.m)"}
	rapid.Check(t, func(t *rapid.T) {
		p, err := compile(rapid.SampledFrom(conditions).Draw(t, "condition"))
		if err != nil {
			t.Fatal(err)
		}
		f := facts(func(f *Facts) {
			inner := rapid.MapOf(rapid.StringMatching("[a-e]"), rapid.Float64Range(0, 3)).Draw(t, "inner")
			list := rapid.SliceOf(rapid.Float64Range(0, 3)).Draw(t, "list")
			f.Attributes = map[string]any{"m": anyOf(inner), "n": anyOf(inner)}
			if rapid.Bool().Draw(t, "a list") {
				f.Attributes["m"] = anyList(list)
			}
		})
		first, firstErr := holds(p, f)
		for range 20 {
			again, err := holds(p, f)
			if again != first || (err == nil) != (firstErr == nil) || err != nil && err.Error() != firstErr.Error() {
				t.Fatalf("first %v %v, then %v %v", first, firstErr, again, err)
			}
		}
	})
}

func anyOf(m map[string]float64) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func anyList(l []float64) []any {
	out := []any{}
	for _, v := range l {
		out = append(out, v)
	}
	return out
}

func TestMatchTakesTheFirstThatHolds(t *testing.T) {
	c := load(t, cityFiles(t))
	ty, _ := c.Type("fire.building")
	for name, x := range map[string]struct {
		change func(*Facts)
		want   string
	}{
		"all hold":           {nil, "highrise"},
		"too low":            {func(f *Facts) { f.Attributes["floors"] = 7.0 }, "fire"},
		"another district":   {func(f *Facts) { f.Areas = []string{"350100", "350103"} }, "fire"},
		"below the district": {func(f *Facts) { f.Areas = []string{"350100", "350102", "350102001"} }, "highrise"},
		"not urgent":         {func(f *Facts) { f.Priority = 3 }, "fire"},
	} {
		p, failed := ty.Match(facts(x.change))
		if p.ID != x.want || len(failed) > 0 {
			t.Errorf("%s: plan %s, failed %v", name, p.ID, failed)
		}
	}
	p, failed := ty.Match(facts(func(f *Facts) { f.Attributes = nil }))
	if p.ID != "fire" || len(failed) != 1 || failed[0] != (Failure{"highrise", "invalid operation: <nil> >= int (1:19)"}) {
		t.Errorf("a rule that fails: plan %s, failed %+v", p.ID, failed)
	}
	if p.Lead != "fire" || p.Priority != 0 || len(p.Supports) != 1 || p.Ladder.ID != "standard" {
		t.Errorf("plan %+v", p)
	}
}

func TestRaised(t *testing.T) {
	files := edit(t, cityFiles(t), "plans.yaml", "raises:\n", `raises:
  - {id: broken, types: [fire.*], when: attributes.injured > 3, priority: P1}
  - {id: some-callers, types: [fire.*], when: alerts >= 3, priority: P2}
  - {id: few-callers, types: [fire.*], when: alerts >= 2, priority: P3}
`)
	c := load(t, files)
	fire, _ := c.Type("fire.vehicle")
	dispute, _ := c.Type("dispute")
	for _, x := range []struct {
		alerts int
		to     alert.Priority
		rule   string
	}{{1, 0, ""}, {2, alert.P3, "few-callers"}, {3, alert.P2, "some-callers"}, {10, alert.P1, "many-callers"}} {
		to, rule, failed := fire.Raised(facts(func(f *Facts) { f.Alerts, f.Attributes = x.alerts, map[string]any{"injured": "many"} }))
		if to != x.to || rule != x.rule || len(failed) != 1 || failed[0].Rule != "broken" {
			t.Errorf("%d alerts: %s by %q, failed %v", x.alerts, to, rule, failed)
		}
	}
	if to, rule, failed := dispute.Raised(facts(nil)); to != 0 || rule != "" || failed != nil || dispute.HasRaises() || dispute.NeedsAttributes() {
		t.Errorf("a type without raises: %v %q %v", to, rule, failed)
	}
	if !fire.HasRaises() || !fire.NeedsAttributes() {
		t.Error("a type with raises has none")
	}
}

func BenchmarkMatch(b *testing.B) {
	c := load(b, cityFiles(b))
	ty, _ := c.Type("fire.building")
	f := facts(nil)
	b.ReportAllocs()
	for b.Loop() {
		if p, _ := ty.Match(f); p.ID != "highrise" {
			b.Fatal(p.ID)
		}
	}
}
