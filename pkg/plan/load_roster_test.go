package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/roster"
)

// rich is a roster of the small city with everything a roster can say. Lines are counted by the mistakes below.
const rich = `shifts:
  - {id: day, name: 早班, name_en: Day, from: "08:00", to: "16:00"}
  - {id: evening, name: 中班, name_en: Evening, from: "16:00", to: "00:00"}
  - {id: night, name: 夜班, name_en: Night, from: "00:00", to: "08:00"}
tables:
  - id: two
    name: 两班
    shifts:
      - {id: light, from: "07:30", to: "19:30"}
      - {id: dark, from: "19:30", to: "07:30"}
  - {id: whole, shifts: [{id: whole-day, name: 全天班, from: "08:00", to: "08:00"}]}
rotations:
  - id: four-teams
    start: 2026-01-05
    turn: week
    order:
      - {day: 甲, evening: 丁, night: 丙}
      - {day: 乙, evening: 甲, night: 丁}
      - {day: 丙, evening: 乙, night: 甲}
      - {day: 丁, evening: 丙, night: 乙}
  - {id: daily, table: whole, start: 2026-01-01, turn: day}
  - {id: two-months, table: whole, start: 2026-01-31 12:00, turn: 2 months}
rosters:
  - {seat: fire-1, rotation: four-teams, 甲: 陈志强, 乙: 林国华, 丙: 黄文斌, 丁: 刘文锋}
  - {seat: fire-gulou, light: 郑建平, dark: 何永福}
  - {seat: fire-backup, rotation: daily, people: [吴海燕, 许少华, 张立群]}
  - {seat: fire-leader, rotation: two-months, people: [王晓东, 杨春生]}
  - {seat: police-1, day: 刘德明, evening: 许强, night: 蔡宗泽, to: 2026-05-31}
  - {seat: police-1, from: 2026-06-01, whole-day: 朱建华}
  - {seat: police-leader, whole-day: 周兰芳}
  - {seat: centre-leader, rotation: daily, people: [郭建国, 高永强]}
layers:
  - id: holiday
    name: 国庆加强
    from: 2026-10-01 08:00
    to: 2026-10-08 08:00
    rosters:
      - {seat: fire-1, day: 唐俊杰}
one_off:
  - {seat: police-1, person: 邱琳, from: 2026-05-04 12:00, to: 2026-05-04 14:00, reason: 训练}
overrides:
  - {seat: fire-gulou, person: 方思敏, date: 2026-05-05, shift: dark}
leave:
  - {person: 陈志强, substitute: 齐志勇, from: 2026-05-01, to: 2026-05-03, reason: 婚假}
swaps:
  - {id: s1, seat: fire-1, date: 2026-06-01, shift: day, person: 林国华, with: 陈志强, in_return: {seat: fire-1, date: 2026-06-02, shift: evening}, state: approved, approved_by: 王晓东}
  - {id: s2, seat: fire-1, date: 2026-06-03, shift: day, person: 林国华, with: 陈志强, state: accepted}
`

func TestRichRoster(t *testing.T) {
	files := cityFiles(t)
	files["rosters.yaml"] = []byte(rich)
	r := load(t, files).Roster
	for _, c := range []struct{ seat, at, holder, shift, why string }{
		{"fire-1", "2026-05-04 08:00", "林国华", "day", "roster, rotation four-teams"}, // week 18 of the rotation
		{"fire-1", "2026-05-04 07:59", "黄文斌", "night", "roster, rotation four-teams"},
		{"fire-1", "2026-05-02 08:00", "齐志勇", "day", "roster, rotation four-teams; stands in for 陈志强 (婚假)"},
		{"fire-gulou", "2026-05-05 19:29", "郑建平", "light", "roster"},
		{"fire-gulou", "2026-05-05 19:30", "方思敏", "dark", "override"},
		{"fire-gulou", "2026-05-06 07:29", "方思敏", "dark", "override"},
		{"fire-gulou", "2026-05-06 07:30", "郑建平", "light", "roster"},
		{"fire-backup", "2026-01-02 07:59", "吴海燕", "whole-day", "roster, rotation daily"},
		{"fire-backup", "2026-01-02 08:00", "许少华", "whole-day", "roster, rotation daily"},
		{"fire-leader", "2026-03-31 11:59", "王晓东", "whole-day", "roster, rotation two-months"},
		{"fire-leader", "2026-03-31 12:00", "杨春生", "whole-day", "roster, rotation two-months"},
		{"fire-leader", "2026-09-30 11:59", "杨春生", "whole-day", "roster, rotation two-months"},
		{"fire-leader", "2026-09-30 12:00", "王晓东", "whole-day", "roster, rotation two-months"}, // September has no 31st
		{"police-1", "2026-05-04 13:00", "邱琳", "day", "one-off shift (训练)"},
		{"police-1", "2026-05-31 23:59", "许强", "evening", "roster"},
		{"police-1", "2026-06-01 00:00", "朱建华", "whole-day", "roster"},
		{"fire-1", "2026-10-01 08:00", "唐俊杰", "day", "layer holiday"},
		{"fire-1", "2026-10-01 16:00", "林国华", "evening", "roster, rotation four-teams"},
		{"fire-1", "2026-06-01 08:00", "陈志强", "day", "roster, rotation four-teams; swap s1 with 林国华"},
		{"fire-1", "2026-06-02 16:00", "林国华", "evening", "roster, rotation four-teams; swap s1 with 陈志强"},
		{"fire-1", "2026-06-03 08:00", "林国华", "day", "roster, rotation four-teams"}, // only accepted
	} {
		at, err := time.ParseInLocation("2006-01-02 15:04", c.at, r.Zone())
		if err != nil {
			t.Fatal(err)
		}
		s := r.At(at).Span(c.seat)
		if s.Holder != c.holder || s.Shift.ID != c.shift || s.Why != c.why {
			t.Errorf("%s at %s: %s in shift %s: %s", c.seat, c.at, s.Holder, s.Shift.ID, s.Why)
		}
	}
}

// Each mistake is made in the rich roster by itself; the problems are all that Load may say about it.
func TestRichRosterNamesMistakes(t *testing.T) {
	files := cityFiles(t)
	files["rosters.yaml"] = []byte(rich)
	for _, m := range []struct{ name, old, by, want string }{
		{"shift of two tables", "{id: light, ", "{id: night, ", `rosters.yaml:9: shift "night" stands on line 4 already`},
		{"table that does not cover", `{id: dark, from: "19:30"`, `{id: dark, from: "20:00"`, `rosters.yaml:6: shifts: shift "light" ends at 19:30 but shift "dark" begins at 20:00: together they must cover 24 hours exactly`},
		{"shift with the name of a key", "{id: light, ", "{id: people, ", `rosters.yaml:9: shift id "people" is taken: it is a key of a row`},
		{"bad turn", "turn: week", "turn: fortnight", `rosters.yaml:15: rotation "four-teams": turn "fortnight": want hour, shift, day, week or month, or a number of them such as 2 days`},
		{"no turns", "turn: 2 months", "turn: 0 months", `rosters.yaml:22: rotation "two-months": a turn lasts 0 units: want 1 to 1000`},
		{"bad start", "start: 2026-01-05", "start: Monday", `rosters.yaml:14: "Monday" is not a date such as 2026-05-01, or with a time 2026-05-01 08:00`},
		{"start long ago", "start: 2026-01-05", "start: 1026-01-05", `rosters.yaml:14: "1026-01-05": want a year from 2000 to 2199`},
		{"rotation of no table", "daily, table: whole", "daily, table: hole", `rosters.yaml:21: rotation "daily": no table "hole"`},
		{"unknown shift in an order", "{day: 甲, evening: 丁", "{day: 甲, dusk: 丁", `rosters.yaml:17: rotation "four-teams": no shift "dusk"`},
		{"shift of another table in an order", "{day: 甲, evening: 丁", "{day: 甲, light: 丁", `rosters.yaml:13: rotation "four-teams", turn 1: no shift "light" in its table`},
		{"team with the name of a key", "{day: 甲, evening: 丁", "{day: from, evening: 丁", `rosters.yaml:17: rotation "four-teams": team "from" is taken: it is a key of a row`},
		{"no such rotation", "rotation: daily, people: [吴", "rotation: nightly, people: [吴", `rosters.yaml:26: seat "fire-backup": no rotation "nightly"`},
		{"a list for teams", "甲: 陈志强, 乙: 林国华, 丙: 黄文斌, 丁: 刘文锋", "people: [陈志强]", `rosters.yaml:24: seat "fire-1": rotation "four-teams" has teams: name somebody for each, not a list of people`},
		{"teams for a list", "people: [吴海燕, 许少华, 张立群]", "甲: 吴海燕", `rosters.yaml:26: seat "fire-backup": rotation "daily" has no team "甲"` + "\n" +
			`rosters.yaml:26: seat "fire-backup": rotation "daily" goes through 0 people: want 1 to 1000`},
		{"people without a rotation", "rotation: daily, people: [吴海燕", "people: [吴海燕", `rosters.yaml:26: seat "fire-backup": people take turns, but no rotation says when`},
		{"people in a text", "people: [吴海燕, 许少华, 张立群]", "people: 吴海燕", `rosters.yaml:26: people: want a list of people` + "\n" +
			`rosters.yaml:26: seat "fire-backup": rotation "daily" goes through 0 people: want 1 to 1000`},
		{"list for a name", "light: 郑建平", "light: [郑建平]", `rosters.yaml:25: light: want a text, not a list` + "\n" + `rosters.yaml:25: gap: nobody holds seat "fire-gulou" in shift "light"`},
		{"mapping for a name", "light: 郑建平", "light: {a: b}", `rosters.yaml:25: a mapping is not a text`},
		{"name like a formula", "light: 郑建平", "light: =1+1", `rosters.yaml:25: "=1+1" is no name`},
		{"long name", "light: 郑建平", "light: " + strings.Repeat("郑", 33), `rosters.yaml:25: a name has 99 bytes: at most 96`},
		{"nameless", "[吴海燕, 许", "[吴海燕, '', 许", `rosters.yaml:26: a name is missing` + "\n" + `rosters.yaml:26: gap: nobody holds seat "fire-backup" in shift "whole-day" of turn 2 of rotation "daily"`},
		{"shifts of two tables", "{seat: fire-gulou, light: 郑建平", "{seat: fire-gulou, day: 郑建平", `rosters.yaml:25: seat "fire-gulou": shifts "dark" and "day" are of different tables`},
		{"rows at the same time", "from: 2026-06-01, whole", "from: 2026-05-31 23:00, whole", `rosters.yaml:29: seat "police-1" has another row that is in force at the same time`},
		{"day between rows", "from: 2026-06-01, whole", "from: 2026-06-02, whole", `rosters.yaml:29: gap: nobody holds seat "police-1" from 2026-06-01 00:00 to 2026-06-02 00:00: nobody is named`},
		{"row that ends first", "from: 2026-06-01, whole", "from: 2026-06-01, to: 2026-05-01, whole", `rosters.yaml:29: seat "police-1": the row ends before it begins`},
		{"nobody's team", ", 丙: 黄文斌", "", `rosters.yaml:24: gap: nobody holds seat "fire-1" when it is the turn of team "丙" of rotation "four-teams"`},
		{"layer without id", "- id: holiday", "- id: ''", `rosters.yaml:33: a layer has no id`},
		{"layer that ends first", "to: 2026-10-08 08:00", "to: 2026-09-08 08:00", `rosters.yaml:33: the layer ends before it begins`},
		{"unknown key", "    name: 国庆加强", "    title: 国庆加强", `rosters.yaml:34: unknown key "title"`},
		{"one-off of no seat", "{seat: police-1, person: 邱琳", "{seat: police-9, person: 邱琳", `rosters.yaml:40: no seat "police-9"`},
		{"one-off that ends first", "to: 2026-05-04 14:00", "to: 2026-05-04 11:00", `rosters.yaml:40: one_off: it lasts -1h0m0s: want more than nothing, at most 400 days`},
		{"one-off of no time", ", from: 2026-05-04 12:00, to: 2026-05-04 14:00", "", `rosters.yaml:40: one_off: want from and to, or date and shift`},
		{"one-off of two times", "邱琳, from:", "邱琳, date: 2026-05-04, from:", `rosters.yaml:40: one_off: want from and to, or date and shift`},
		{"override of no shift", "shift: dark}", "shift: dusk}", `rosters.yaml:42: no shift "dusk"`},
		{"override with a time", "date: 2026-05-05, shift: dark", "date: 2026-05-05 08:00, shift: dark", `rosters.yaml:42: "2026-05-05 08:00": want a date alone; the shift says when`},
		{"override of nobody", "person: 方思敏, ", "", `rosters.yaml:42: a name is missing`},
		{"leave of a stranger", "person: 陈志强, substitute", "person: 陈志弱, substitute", `rosters.yaml:44: leave: 陈志弱 is nowhere on the roster`},
		{"leave for oneself", "substitute: 齐志勇", "substitute: 陈志强", `rosters.yaml:44: leave: 陈志强 cannot stand in for 陈志强`},
		{"leave without a substitute", "substitute: 齐志勇, ", "", `rosters.yaml:44: gap: nobody holds seat "fire-1" from 2026-05-01 08:00 to 2026-05-01 16:00: 陈志强 is away (婚假)`},
		{"leave without an end", ", to: 2026-05-03, reason", ", reason", `rosters.yaml:44: "" is not a date such as 2026-05-01, or with a time 2026-05-01 08:00`},
		{"swap of another's shift", "shift: day, person: 林国华, with: 陈志强, in_return", "shift: night, person: 林国华, with: 陈志强, in_return", `rosters.yaml:46: swaps: 林国华 does not hold seat "fire-1" at 2026-06-01 00:00`},
		{"swap nobody approved", ", approved_by: 王晓东", "", `rosters.yaml:46: swaps: an approved swap says who approved it, neither of the two who swap`},
		{"swap in no state", "state: accepted", "state: fine", `rosters.yaml:47: swaps: state "fine": want asked, accepted, approved, refused or withdrawn`},
		{"swap with oneself", "with: 陈志强, state", "with: 林国华, state", `rosters.yaml:47: swaps: want two different people`},
		{"two swaps of a shift", "date: 2026-06-03, shift: day, person: 林国华, with: 陈志强, state: accepted", "date: 2026-06-01, shift: day, person: 林国华, with: 黄文斌, state: approved, approved_by: 王晓东",
			`rosters.yaml:47: swaps: another approved swap of seat "fire-1" is about the same time`},
	} {
		t.Run(m.name, func(t *testing.T) {
			c, problems := Load(edit(t, files, "rosters.yaml", m.old, m.by))
			if got := problems.Error(); got != m.want || c != nil {
				t.Errorf("\n got %s\nwant %s", got, m.want)
			}
		})
	}
}

// What RosterYAML writes is read again, also where the clocks go back.
func TestRosterYAML(t *testing.T) {
	files := edit(t, cityFiles(t), "city.yaml", "Asia/Shanghai", "America/Los_Angeles")
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	var want []roster.Assignment
	for i, at := range []string{"2026-11-01T08:00:00Z", "2026-11-01T08:30:00Z", "2026-11-01T09:30:00Z", "2026-11-02T00:00:30Z"} {
		from, _ := time.Parse(time.RFC3339, at)
		want = append(want, roster.Assignment{Seat: "fire-1", Person: "O'Brien " + fmt.Sprint(i), From: from, To: from.Add(30 * time.Minute), Reason: `a: "b", {c}`})
	}
	text := string(files["rosters.yaml"]) + string(RosterYAML(roster.PartOverrides, want, zone))
	files["rosters.yaml"] = []byte(text)
	got := load(t, files).Roster.Scheme().Overrides
	if !slices.EqualFunc(got, want, func(a, b roster.Assignment) bool {
		return a.Seat == b.Seat && a.Person == b.Person && a.Reason == b.Reason && a.From.Equal(b.From) && a.To.Equal(b.To)
	}) {
		t.Errorf("from\n%s\ngot %+v", text, got)
	}
}

// Whatever the roster says, loading it does not panic, a city that is loaded can be asked, and every problem
// stands in a file.
func FuzzRoster(f *testing.F) {
	f.Add(rich)
	f.Add(string(cityFiles(f)["rosters.yaml"]))
	f.Fuzz(func(t *testing.T, text string) {
		files := cityFiles(t)
		files["rosters.yaml"] = []byte(text)
		c, problems := Load(files)
		for _, p := range problems {
			if p.File != "rosters.yaml" || p.Message == "" || p.Line < 0 || p.Line > strings.Count(text, "\n")+2 { // what is cut off stands in the line after it
				t.Errorf("%+v", p)
			}
		}
		if c == nil {
			return
		}
		a := time.Date(2026, 5, 4, 0, 0, 0, 0, c.Zone)
		for _, seat := range c.Seats {
			spans := c.Roster.Between(seat.ID, a, a.AddDate(0, 0, 2))
			if !spans[0].From.Equal(a) || !spans[len(spans)-1].To.Equal(a.AddDate(0, 0, 2)) {
				t.Errorf("%+v", spans)
			}
		}
	})
}
