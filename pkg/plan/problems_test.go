package plan

import (
	"strings"
	"testing"
)

// Each mistake is made in the small city by itself; the problems are all that Load may say about it.
var mistakes = []struct {
	name          string
	file, old, by string // old replaced by by; old empty: the file is missing
	want          string // problems, one a line
}{
	// YAML itself.
	{"syntax", "seats.yaml", "- {id: fire-1,", "- {id: fire-1,, ", "seats.yaml:2: did not find expected node content, in what begins here"},
	{"tab", "city.yaml", "name: 林都市", "\tname: 林都市", "city.yaml:2: found a tab character that violates indentation"},
	{"not a mapping", "sources/hotline.yaml", "name: 便民热线\nname_en: Hotline\ndepartment: centre\n", "hotline\n", `sources/hotline.yaml:1: "hotline" is not a mapping`},
	{"two documents", "departments.yaml", "departments:", "---\ndepartments: []\n---\ndepartments:", "departments.yaml: holds more than one YAML document; only one is read"},
	{"unknown key", "city.yaml", "zoom: 10", "zooom: 10", `city.yaml:8: unknown key "zooom"`},
	{"unknown key in a list", "seats.yaml", "{id: police-1, ", "{id: police-1, colour: red, ", `seats.yaml:6: unknown key "colour"`},
	{"unknown key in a nested list", "plans.yaml", "P2: [{after: 45s, do: remind}", "P2: [{after: 45s, do: remind, who: all}", `plans.yaml:4: unknown key "who"`},
	{"repeated key", "city.yaml", "zoom: 10", "zoom: 10\nname: 林都", `city.yaml:9: mapping key "name" already defined at line 2`},
	{"number for a list", "plans.yaml", "supports: [police, centre]", "supports: 7", `plans.yaml:14: "7" is not a list`},
	{"text for a number", "city.yaml", "zoom: 10", "zoom: far", `city.yaml:8: "far" is not a number`},
	{"text for a coordinate", "city.yaml", "lon: 119.2965", "lon: east", `city.yaml:7: "east" is not a number`},
	{"bad duration", "city.yaml", "unstaffed_retry: 30s", "unstaffed_retry: 30", `city.yaml:11: "30" is not a duration such as 30s, 5m or 168h`},
	{"two bad durations", "plans.yaml", "P2: [{after: 45s, do: remind}, {after: 4m, do: centre}]\n    P3: [{after: 2m,", "P2: [{after: soon, do: remind}, {after: 4m, do: centre}]\n    P3: [{after: later,",
		`plans.yaml:4: "soon" is not a duration such as 30s, 5m or 168h` + "\n" +
			`plans.yaml:5: "later" is not a duration such as 30s, 5m or 168h`},
	{"missing file", "seats.yaml", "", "", "seats.yaml: the file is missing"},

	// city.yaml
	{"no id", "city.yaml", "id: lindu", "id: ''", "city.yaml:1: a city has no id"},
	{"bad id", "city.yaml", "id: lindu", "id: 林都", `city.yaml:1: city id "林都": want lower-case letters, digits, dots and hyphens, at most 64`},
	{"long id", "city.yaml", "id: lindu", "id: " + strings.Repeat("x", 65), `city.yaml:1: city id "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": want lower-case letters, digits, dots and hyphens, at most 64`},
	{"no name", "city.yaml", "name: 林都市", "name: ''", "city.yaml:2: name is missing"},
	{"bad prefix", "city.yaml", "number_prefix: LD", "number_prefix: L/D", `city.yaml:4: number prefix id "l/d": want lower-case letters, digits, dots and hyphens, at most 64`},
	{"no such zone", "city.yaml", "Asia/Shanghai", "Asia/Lindu", `city.yaml:6: time_zone "Asia/Lindu" is not an IANA zone such as Asia/Shanghai`},
	{"the server's zone", "city.yaml", "Asia/Shanghai", "Local", `city.yaml:6: time_zone "Local" is not an IANA zone such as Asia/Shanghai`},
	{"no centre", "city.yaml", "centre: {lon: 119.2965, lat: 26.0745}\n", "", "city.yaml: centre is missing: want centre: {lon: …, lat: …}"},
	{"half a centre", "city.yaml", ", lat: 26.0745", "", "city.yaml:7: centre needs both lon and lat"},
	{"centre off the globe", "city.yaml", "lat: 26.0745", "lat: 119.2965", "city.yaml:7: centre: lat 119.2965 is not between -90 and 90 degrees"},
	{"short window", "city.yaml", "duplicate_window: 168h", "duplicate_window: 59m", "city.yaml:9: duplicate_window is 59m0s: want 1h0m0s to 2160h0m0s"},
	{"no retention", "city.yaml", "closed_retention: 12h\n", "", "city.yaml: closed_retention is 0s: want 1m0s to 720h0m0s"},
	{"long retry", "city.yaml", "unstaffed_retry: 30s", "unstaffed_retry: 61m", "city.yaml:11: unstaffed_retry is 1h1m0s: want 1s to 1h0m0s"},
	{"retention outlives window", "city.yaml", "closed_retention: 12h", "closed_retention: 169h", "city.yaml:10: closed_retention is longer than duplicate_window: a repeated alert would find its incident twice"},
	{"dangling root", "city.yaml", `area: "350100"`, `area: "350199"`, `city.yaml:5: area: no area "350199" in areas.yaml`},
	{"root is not the root", "city.yaml", `area: "350100"`, `area: "350102"`, `city.yaml:5: area: "350102" has a parent: want "350100", the root of areas.yaml`},
	{"passing of nothing", "plans.yaml", "plans:\n", "passing: {levels: [city, street]}\nplans:\n", "plans.yaml: passing names no types"},
	{"passing to nowhere", "plans.yaml", "plans:\n", "passing: {types: [fire.*], levels: [city, village]}\nplans:\n", `plans.yaml:7: passing: level "village" is not city, district, street, community or grid`},
	{"passing to one", "plans.yaml", "plans:\n", "passing: {types: [fire.*], levels: [city]}\nplans:\n", "plans.yaml:7: passing names one level: there is nothing to pass between"},
	{"passing twice", "plans.yaml", "plans:\n", "passing: {types: [fire.*], levels: [city, city]}\nplans:\n", "plans.yaml:7: passing: level city is there twice"},
	{"duplicate ladder", "plans.yaml", "plans:\n", "  standard:\n    P1: []\nplans:\n", `plans.yaml:7: mapping key "standard" already defined at line 2`},
	{"dangling default ladder", "city.yaml", "default_ladder: standard", "default_ladder: steep", `city.yaml:12: default_ladder: no ladder "steep" in plans.yaml`},
	{"endless zoom", "city.yaml", "zoom: 10", "zoom: 99", "city.yaml:8: zoom is 99: want more than 0, at most 22"},

	// areas.yaml
	{"duplicate area", "areas.yaml", `- {code: "350102"`, "- {code: \"350102\", parent: \"350100\", level: district}\n  - {code: \"350102\"", `areas.yaml:4: area "350102" stands on line 3 already`},
	{"bad level", "areas.yaml", "level: district", "level: village", `areas.yaml:3: area "350102": level "village" is not city, district, street, community or grid`},
	{"dangling parent", "areas.yaml", `parent: "350100"`, `parent: "350199"`, `areas.yaml:3: area "350102": no parent area "350199"`},
	{"two roots", "areas.yaml", `parent: "350100", `, "", "areas.yaml: 2 areas have no parent: exactly one, the city, must have none"},
	{"level upside down", "areas.yaml", "level: district", "level: city", `areas.yaml: area "350102": level city cannot lie below "350100", a city`},
	{"area centre off the globe", "areas.yaml", "lon: 119.30", "lon: 1193.0", "areas.yaml:3: centre: lon 1193 is not between -180 and 180 degrees"},
	{"half an area centre", "areas.yaml", "lon: 119.30, ", "", "areas.yaml:3: centre needs both lon and lat"},

	// departments.yaml
	{"duplicate department", "departments.yaml", "- {id: police,", "- {id: fire, name: 消防, leader: fire-leader}\n  - {id: police,", `departments.yaml:3: department "fire" stands on line 2 already`},
	{"department without id", "departments.yaml", "- {id: police, ", "- {",
		"departments.yaml:3: a department has no id" + "\n" +
			`plans.yaml:14: plan "highrise": supports: no department "police"` + "\n" +
			`plans.yaml:20: plan "fire": supports: no department "police"` + "\n" +
			`plans.yaml:24: plan "dispute": lead: no department "police"` + "\n" +
			`seats.yaml:6: seat "police-1": no department "police"` + "\n" +
			`seats.yaml:7: seat "police-leader": no department "police"`},
	{"seat without id", "seats.yaml", "id: fire-backup, ", "",
		`rosters.yaml:7: no seat "fire-backup"` + "\n" +
			`seats.yaml:2: seat "fire-1": backup: no seat "fire-backup"` + "\n" +
			`seats.yaml:4: a seat has no id`},
	{"type without code", "types.yaml", "code: dispute, ", "",
		`plans.yaml:23: no incident type matches "dispute"` + "\n" +
			`types.yaml:7: a type has no id`},
	{"dangling leader", "departments.yaml", "leader: fire-leader", "leader: fire-chief", `departments.yaml:2: department "fire": leader: no seat "fire-chief"`},
	{"no leader", "departments.yaml", ", leader: fire-leader", "", `departments.yaml:2: department "fire": leader: no seat ""`},
	{"leader of another department", "departments.yaml", "leader: fire-leader", "leader: police-leader", `departments.yaml:2: department "fire": leader "police-leader" must be a seat of the department with role leader`},
	{"leader is no leader", "departments.yaml", "leader: fire-leader", "leader: fire-1", `departments.yaml:2: department "fire": leader "fire-1" must be a seat of the department with role leader`},
	{"no centre department", "departments.yaml", "- {id: centre, ", "- {id: center, ",
		`departments.yaml: the department "centre", the command centre itself, is missing` + "\n" +
			`departments.yaml:4: department "center": leader "centre-leader" must be a seat of the department with role leader` + "\n" +
			`departments.yaml:4: department "center" has no duty seat for the whole city: work could find no seat` + "\n" +
			`plans.yaml:14: plan "highrise": supports: no department "centre"` + "\n" +
			`seats.yaml:8: seat "centre-leader": no department "centre"` + "\n" +
			`sources/hotline.yaml:3: no department "centre"`},

	// seats.yaml
	{"duplicate seat", "seats.yaml", "{id: police-1,", "{id: fire-1,",
		`departments.yaml:3: department "police" has no duty seat for the whole city: work could find no seat` + "\n" +
			`rosters.yaml:9: no seat "police-1"` + "\n" +
			`seats.yaml:6: seat "fire-1" stands on line 2 already`},
	{"seat of no department", "seats.yaml", "{id: fire-backup, department: fire,", "{id: fire-backup, department: fires,",
		`seats.yaml:2: seat "fire-1": backup "fire-backup" must be another seat of department "fire"` + "\n" +
			`seats.yaml:4: seat "fire-backup": no department "fires"`},
	{"bad role", "seats.yaml", "role: backup}", "role: standby}", `seats.yaml:4: role "standby": want duty, backup, leader, commander`},
	{"dangling backup", "seats.yaml", "backup: fire-backup}", "backup: fire-2}", `seats.yaml:2: seat "fire-1": backup: no seat "fire-2"`},
	{"backup of another department", "seats.yaml", "backup: fire-backup}", "backup: police-1}", `seats.yaml:2: seat "fire-1": backup "police-1" must be another seat of department "fire"`},
	{"its own backup", "seats.yaml", "backup: fire-backup}", "backup: fire-1}", `seats.yaml:2: seat "fire-1": backup "fire-1" must be another seat of department "fire"`},
	{"dangling area of a seat", "seats.yaml", `areas: ["350102"]`, `areas: ["350199"]`, `seats.yaml:3: no area "350199"`},
	{"no seat for the whole city", "seats.yaml", "name_en: Police 1, role: duty}", "name_en: Police 1, role: duty, areas: [\"350102\"]}", `departments.yaml:3: department "police" has no duty seat for the whole city: work could find no seat`},

	// types.yaml
	{"duplicate group", "types.yaml", "- {id: order}", "- {id: order}\n  - {id: fire}", `types.yaml:4: group "fire" stands on line 2 already`},
	{"radius too large", "types.yaml", "radius_m: 500", "radius_m: 5001", "types.yaml:2: radius_m is 5001: want more than 0, at most 5000"},
	{"no radius", "types.yaml", "radius_m: 500, ", "", "types.yaml:2: radius_m is 0: want more than 0, at most 5000"},
	{"window too long", "types.yaml", "window: 30m", "window: 25h", "types.yaml:2: window is 25h0m0s: want 1s to 24h0m0s"},
	{"duplicate type", "types.yaml", "{code: fire.vehicle,", "{code: fire.building,", `types.yaml:6: type "fire.building" stands on line 5 already`},
	{"type without name", "types.yaml", "name: 纠纷, ", "", `types.yaml:7: type "dispute" has no name`},
	{"bad class", "types.yaml", "class: security", "class: social", `types.yaml:7: class "social": want natural, accident, health, security`},
	{"dangling group", "types.yaml", "group: order", "group: orders", `types.yaml:7: type "dispute": no group "orders"`},
	{"bad priority", "types.yaml", "priority: P4", "priority: low", `types.yaml:7: priority "low": want P1, P2, P3 or P4`},
	{"no priority", "types.yaml", ", priority: P4", "", `types.yaml:7: priority "": want P1, P2, P3 or P4`},

	// plans.yaml
	{"bad priority of a ladder", "plans.yaml", "    P4: [{after: 5m,", "    P5: [{after: 5m,",
		`plans.yaml:2: ladder "standard", P4: 0 steps: want 1 to 16` + "\n" +
			`plans.yaml:6: ladder "standard": priority "P5": want P1, P2, P3 or P4`},
	{"ladder without steps", "plans.yaml", "P3: [{after: 2m, do: remind}]", "P3: []", `plans.yaml:5: ladder "standard", P3: 0 steps: want 1 to 16`},
	{"steps fall in time", "plans.yaml", "{after: 40s, do: backup}", "{after: 20s, do: backup}", `plans.yaml:3: ladder "standard", P1: step 2 comes after 20s, not later than the step before it (20s)`},
	{"step after nothing", "plans.yaml", "{after: 5m, do: remind}", "{do: remind}", "plans.yaml:6: after is 0s: want 1s to 720h0m0s"},
	{"bad step", "plans.yaml", "{after: 5m, do: remind}", "{after: 5m, do: shout}", `plans.yaml:6: do "shout": want remind, backup, department_leader, centre, commander`},
	{"repeat too short", "plans.yaml", "repeat: 60s", "repeat: 1s", "plans.yaml:3: repeat is 1s: want 5s to 24h0m0s"},
	{"repeat before the end", "plans.yaml", "{after: 40s, do: backup}", "{after: 40s, do: backup, repeat: 60s}", `plans.yaml:3: ladder "standard", P1: only the last step may repeat`},
	{"duplicate plan", "plans.yaml", "- id: dispute", "- id: fire",
		`plans.yaml:22: plan "fire" stands on line 17 already` + "\n" +
			`types.yaml:7: type "dispute" has no plan in plans.yaml`},
	{"raise named as a plan", "plans.yaml", "{id: many-callers,", "{id: fire,", `plans.yaml:27: raise "fire" stands on line 17 already`},
	{"dangling lead", "plans.yaml", "lead: police", "lead: polise", `plans.yaml:24: plan "dispute": lead: no department "polise"`},
	{"no lead", "plans.yaml", "    lead: police\n", "", `plans.yaml:22: plan "dispute": lead: no department ""`},
	{"dangling support", "plans.yaml", "supports: [police, centre]", "supports: [police, health]", `plans.yaml:14: plan "highrise": supports: no department "health"`},
	{"lead supports itself", "plans.yaml", "supports: [police, centre]", "supports: [police, fire]", `plans.yaml:14: plan "highrise": department "fire" stands in it twice`},
	{"support named twice", "plans.yaml", "supports: [police, centre]", "supports: [police, police]", `plans.yaml:14: plan "highrise": department "police" stands in it twice`},
	{"dangling ladder", "plans.yaml", "    types: [dispute]\n    lead: police\n    ladder: standard", "    types: [dispute]\n    lead: police\n    ladder: steep", `plans.yaml:25: plan "dispute": no ladder "steep"`},
	{"dangling area of a plan", "plans.yaml", `areas: ["350102"]`, `areas: ["350199"]`, `plans.yaml:11: no area "350199"`},
	{"bad priorities", "plans.yaml", "priorities: [P1, P2]", "priorities: [P1, P9]", `plans.yaml:12: priority "P9": want P1, P2, P3 or P4`},
	{"bad priority of a plan", "plans.yaml", "priority: P1\n", "priority: high\n", `plans.yaml:15: priority "high": want P1, P2, P3 or P4`},
	{"pattern without a type", "plans.yaml", "types: [dispute]", "types: [dispute, flood.*]", `plans.yaml:23: no incident type matches "flood.*"`},
	{"plan without types", "plans.yaml", "    types: [dispute]\n", "",
		`plans.yaml:22: plan "dispute" names no types` + "\n" +
			`types.yaml:7: type "dispute" has no plan in plans.yaml`},
	{"last plan has conditions", "plans.yaml", "    types: [dispute]\n", "    types: [dispute]\n    when: hour < 8\n", `plans.yaml:22: plan "dispute" is the last of type "dispute" but has conditions: an alert could be left without a plan`},
	{"last plan has areas", "plans.yaml", "    types: [dispute]\n", "    types: [dispute]\n    areas: [\"350102\"]\n", `plans.yaml:22: plan "dispute" is the last of type "dispute" but has conditions: an alert could be left without a plan`},
	{"raise without when", "plans.yaml", "when: alerts >= 10, ", "", `plans.yaml:27: raise "many-callers" has no when`},
	{"raise without priority", "plans.yaml", ", priority: P1}\n", "}\n", `plans.yaml:27: priority "": want P1, P2, P3 or P4`},

	// Conditions.
	{"syntax of a condition", "plans.yaml", "attributes.floors >= 8", "attributes.floors >=", `plans.yaml:10: plan "highrise": when: unexpected token EOF (1:20)`},
	{"unknown word", "plans.yaml", "attributes.floors >= 8", "attribute.floors >= 8", `plans.yaml:10: plan "highrise": when: unknown name attribute (1:1)`},
	{"not true or false", "plans.yaml", "attributes.floors >= 8", "hour + 1", `plans.yaml:10: plan "highrise": when: expected bool, but got int`},
	{"kinds that do not compare", "plans.yaml", "attributes.floors >= 8", "hour == 'eight'", `plans.yaml:10: plan "highrise": when: invalid operation: == (mismatched types int and string) (1:6)`},
	{"a clock", "plans.yaml", "attributes.floors >= 8", "now().Hour() > 8", `plans.yaml:10: plan "highrise": when: unknown name now (1:1)`},
	{"too long", "plans.yaml", "attributes.floors >= 8", "\"'" + strings.Repeat("x", MaxConditionBytes) + "' == text\"", `plans.yaml:10: plan "highrise": when: is 2058 bytes long, at most 2048 are taken`},
	{"order of a map", "plans.yaml", "attributes.floors >= 8", "first(keys(attributes)) == 'a'", `plans.yaml:10: plan "highrise": when: unknown name keys (1:7)`},
	{"loop in a loop", "plans.yaml", "attributes.floors >= 8", "any(attributes.a, any(attributes.b, true))", `plans.yaml:10: plan "highrise": when: a loop over a list stands within another`},
	{"let", "plans.yaml", "attributes.floors >= 8", "let a = text + text; a + a == text", `plans.yaml:10: plan "highrise": when: let is not to be had`},
	{"too many parts", "plans.yaml", "attributes.floors >= 8", strings.Repeat("outside or ", MaxConditionNodes/2) + "outside", `plans.yaml:10: plan "highrise": when: compilation failed: expression exceeds maximum allowed nodes (1:1415)`},

	// rosters.yaml
	{"duplicate shift", "rosters.yaml", "- {id: night,", "- {id: day,", `rosters.yaml:3: shift "day" stands on line 2 already`},
	{"shift named seat", "rosters.yaml", "- {id: night,", "- {id: seat,", `rosters.yaml:3: shift id "seat" is taken: it names the seat of a row`},
	{"not a time of day", "rosters.yaml", `from: "20:00"`, `from: "24:00"`, `rosters.yaml:3: "24:00" is not a time of day such as 08:00`},
	{"hole between shifts", "rosters.yaml", `to: "20:00"`, `to: "19:00"`, `rosters.yaml:2: shifts: shift "day" ends at 19:00 but shift "night" begins at 20:00: together they must cover 24 hours exactly`},
	{"gap", "rosters.yaml", "day: 郭建国, ", "", `rosters.yaml:11: gap: nobody holds seat "centre-leader" in shift "day"`},
	{"empty name", "rosters.yaml", "day: 郭建国", "day: ''", `rosters.yaml:11: gap: nobody holds seat "centre-leader" in shift "day"`},
	{"seat without a row", "rosters.yaml", "  - {seat: centre-leader, day: 郭建国, night: 高永强}\n", "",
		`rosters.yaml: gap: nobody holds seat "centre-leader" in shift "day"` + "\n" +
			`rosters.yaml: gap: nobody holds seat "centre-leader" in shift "night"`},
	{"two rows for a seat", "rosters.yaml", "{seat: police-leader,", "{seat: police-1,",
		`rosters.yaml: gap: nobody holds seat "police-leader" in shift "day"` + "\n" +
			`rosters.yaml: gap: nobody holds seat "police-leader" in shift "night"` + "\n" +
			`rosters.yaml:10: seat "police-1" has a row on line 9 already`},
	{"row for no seat", "rosters.yaml", "{seat: police-leader,", "{seat: police-boss,",
		`rosters.yaml: gap: nobody holds seat "police-leader" in shift "day"` + "\n" +
			`rosters.yaml: gap: nobody holds seat "police-leader" in shift "night"` + "\n" +
			`rosters.yaml:10: no seat "police-boss"`},
	{"row without a seat", "rosters.yaml", "{seat: police-leader, ", "{",
		`rosters.yaml: gap: nobody holds seat "police-leader" in shift "day"` + "\n" +
			`rosters.yaml: gap: nobody holds seat "police-leader" in shift "night"` + "\n" +
			`rosters.yaml:10: no seat ""`},
	{"unknown shifts", "rosters.yaml", "{seat: centre-leader, day: 郭建国", "{seat: centre-leader, dusk: 甲, dawn: 乙, day: 郭建国",
		`rosters.yaml:11: seat "centre-leader": no shift "dawn"` + "\n" +
			`rosters.yaml:11: seat "centre-leader": no shift "dusk"`},

	// sources
	{"dangling department of a source", "sources/hotline.yaml", "department: centre", "department: hotline", `sources/hotline.yaml:3: no department "hotline"`},
	{"bad datum", "sources/fire-119.yaml", "datum: gcj02", "datum: mars", `sources/fire-119.yaml:4: datum "mars": want wgs84, gcj02, bd09`},
	{"pattern of a source without a type", "sources/fire-119.yaml", "types: [fire.*]", "types: [fire.*, rescue.*]", `sources/fire-119.yaml:5: no incident type matches "rescue.*"`},
	{"no rate", "sources/fire-119.yaml", "per_second: 50", "per_second: 0", "sources/fire-119.yaml:6: per_second is 0: want more than 0"},
	{"no burst", "sources/fire-119.yaml", "burst: 100", "burst: 0", "sources/fire-119.yaml:6: burst is 0: want at least 1"},
}

func TestLoadNamesMistakes(t *testing.T) {
	good := cityFiles(t)
	load(t, good)
	for _, m := range mistakes {
		t.Run(m.name, func(t *testing.T) {
			c, problems := Load(edit(t, good, m.file, m.old, m.by))
			if got := problems.Error(); got != m.want {
				t.Errorf("\n got %s\nwant %s", got, m.want)
			}
			if _, again := Load(edit(t, good, m.file, m.old, m.by)); again.Error() != problems.Error() {
				t.Errorf("loaded again, the problems are\n%v", again)
			}
			if c != nil && len(problems) > 0 || c == nil && len(problems) == 0 {
				t.Errorf("city %v beside %d problems", c != nil, len(problems))
			}
		})
	}
}
