package plan

import (
	"regexp"
	"slices"
	"strconv"

	"github.com/banyan-ecc/banyan/pkg/roster"
)

type rawShift struct {
	ID     str `yaml:"id"`
	Name   str `yaml:"name"`
	NameEN str `yaml:"name_en"`
	From   str `yaml:"from"`
	To     str `yaml:"to"`
}

type rawRotation struct {
	ID    str           `yaml:"id"`
	Name  str           `yaml:"name"`
	Table str           `yaml:"table"`
	Start str           `yaml:"start"`
	Turn  str           `yaml:"turn"`
	Order []map[str]str `yaml:"order"`
}

type rawRosters struct {
	Shifts []rawShift `yaml:"shifts"`
	Tables []struct {
		ID     str        `yaml:"id"`
		Name   str        `yaml:"name"`
		Shifts []rawShift `yaml:"shifts"`
	} `yaml:"tables"`
	Rotations []rawRotation         `yaml:"rotations"`
	Rosters   []map[str]rosterValue `yaml:"rosters"`
	Layers    []struct {
		ID      str                   `yaml:"id"`
		Name    str                   `yaml:"name"`
		From    str                   `yaml:"from"`
		To      str                   `yaml:"to"`
		Rosters []map[str]rosterValue `yaml:"rosters"`
	} `yaml:"layers"`
	OneOff    []rawAssignment `yaml:"one_off"`
	Overrides []rawAssignment `yaml:"overrides"`
	Leave     []rawLeave      `yaml:"leave"`
	Swaps     []rawSwap       `yaml:"swaps"`
}

// rosterLoader reads rosters.yaml into a roster.Scheme and remembers where everything stands.
type rosterLoader struct {
	*loader
	scheme roster.Scheme
	shifts map[string]roster.Shift // of all tables
	lines  map[roster.Part][]int   // of entries
	rows   [][]rowOrigin           // of rows, by layer
}

// rowOrigin is where a row stands and which teams of its rotation it forgets.
type rowOrigin struct {
	line    int
	missing []string
}

func (l *loader) loadRosters() {
	var raw rawRosters
	if !l.decode(rostersFile, &raw) {
		return
	}
	x := &rosterLoader{loader: l, shifts: map[string]roster.Shift{}, lines: map[roster.Part][]int{}}
	x.scheme.Zone = l.city.Zone
	for _, s := range l.city.Seats {
		x.scheme.Seats = append(x.scheme.Seats, s.ID)
	}
	before := len(l.problems)
	x.tables(&raw)
	x.rotations(raw.Rotations)
	if len(l.problems) > before {
		return // every row would be wrong by it
	}
	x.layers(&raw)
	x.scheme.OneOffs = x.assignments(raw.OneOff, roster.PartOneOffs)
	x.scheme.Overrides = x.assignments(raw.Overrides, roster.PartOverrides)
	x.leave(raw.Leave)
	x.swaps(raw.Swaps)
	made, faults := roster.Compile(x.scheme)
	for _, f := range faults {
		l.problem(rostersFile, x.line(f.Part, f.Layer, f.Index), "%s", x.words(f))
	}
	if made == nil {
		return
	}
	x.holes(made)
	l.city.Roster = made
}

// line returns where an entry of a part stands, 0 if it stands nowhere.
func (x *rosterLoader) line(p roster.Part, layer, index int) int {
	if p == roster.PartRows {
		if layer < len(x.rows) && index >= 0 && index < len(x.rows[layer]) {
			return x.rows[layer][index].line
		}
		return 0
	}
	if lines := x.lines[p]; index >= 0 && index < len(lines) {
		return lines[index]
	}
	return 0
}

func (x *rosterLoader) words(f *roster.Fault) string {
	switch f.Part {
	case roster.PartTables:
		return "shifts: " + f.Message
	case roster.PartOneOffs, roster.PartOverrides, roster.PartLeave, roster.PartSwaps:
		return string(f.Part) + ": " + f.Message
	}
	return f.Message
}

// holes reports the gaps that show without asking for a date.
func (x *rosterLoader) holes(made *roster.Roster) {
	said := map[*rowOrigin]bool{}
	for _, h := range made.Holes() {
		if h.Part == roster.PartRows && h.Index >= 0 {
			if o := &x.rows[h.Layer][h.Index]; len(o.missing) > 0 {
				if !said[o] {
					row := x.scheme.Layers[h.Layer].Rows[h.Index]
					for _, team := range o.missing {
						x.problem(rostersFile, o.line, "gap: nobody holds seat %q when it is the turn of team %q of rotation %q", h.Seat, team, row.Rotation)
					}
				}
				said[o] = true
				continue
			}
		}
		x.problem(rostersFile, x.line(h.Part, h.Layer, h.Index), "%s", h.Message)
	}
}

var clockPattern = regexp.MustCompile(`^([01]\d|2[0-3]):([0-5]\d)$`)

func (l *loader) minutes(s str) int {
	m := clockPattern.FindStringSubmatch(s.V)
	if m == nil {
		l.problem(rostersFile, s.Line, "%q is not a time of day such as 08:00", s.V)
		return 0
	}
	h, _ := strconv.Atoi(m[1])
	min, _ := strconv.Atoi(m[2])
	return h*60 + min
}

// tables reads the main table of shifts and the others. Ids of shifts are unique over all of them, so that a
// row need not say which table it means.
func (x *rosterLoader) tables(raw *rawRosters) {
	seen := map[string]int{}
	line := 0
	if len(raw.Shifts) > 0 {
		line = raw.Shifts[0].ID.Line
	}
	x.table(roster.Table{}, line, raw.Shifts, seen)
	tables := map[string]int{}
	for _, t := range raw.Tables {
		if x.id(rostersFile, "table", t.ID, tables) {
			x.table(roster.Table{ID: t.ID.V}, t.ID.Line, t.Shifts, seen)
		}
	}
}

func (x *rosterLoader) table(t roster.Table, line int, shifts []rawShift, seen map[string]int) {
	for _, r := range shifts {
		if r.ID.V == seatKey {
			x.problem(rostersFile, r.ID.Line, "shift id %q is taken: it names the seat of a row", seatKey)
		} else if slices.Contains(rowKeys, r.ID.V) {
			x.problem(rostersFile, r.ID.Line, "shift id %q is taken: it is a key of a row", r.ID.V)
		} else if x.id(rostersFile, "shift", orAt(r.ID, r.From), seen) {
			s := roster.Shift{ID: r.ID.V, Name: r.Name.V, NameEN: r.NameEN.V, From: x.minutes(r.From), To: x.minutes(r.To)}
			t.Shifts, x.shifts[s.ID] = append(t.Shifts, s), s
		}
	}
	x.scheme.Tables = append(x.scheme.Tables, t)
	x.lines[roster.PartTables] = append(x.lines[roster.PartTables], line)
}

var turnPattern = regexp.MustCompile(`^(?:(\d{1,4}) )?(hour|shift|day|week|month)s?$`)

func (x *rosterLoader) rotations(raw []rawRotation) {
	seen := map[string]int{}
	for _, r := range raw {
		if !x.id(rostersFile, "rotation", orAt(r.ID, r.Turn), seen) {
			continue
		}
		made := &roster.Rotation{ID: r.ID.V, Table: r.Table.V, Every: 1}
		if m := turnPattern.FindStringSubmatch(r.Turn.V); m == nil {
			x.problem(rostersFile, lineOr(r.Turn.Line, r.ID.Line), "rotation %q: turn %q: want hour, shift, day, week or month, or a number of them such as 2 days", r.ID.V, r.Turn.V)
		} else {
			if made.Unit = roster.Unit(m[2]); m[1] != "" {
				made.Every, _ = strconv.Atoi(m[1])
			}
		}
		made.Start = x.start(r, made.Table)
		for _, turn := range r.Order {
			made.Order = append(made.Order, x.turn(r.ID.V, turn))
		}
		x.scheme.Rotations = append(x.scheme.Rotations, made)
		x.lines[roster.PartRotations] = append(x.lines[roster.PartRotations], r.ID.Line)
	}
}

// start reads when a first turn begins: at a time of day, or on a day with the first shift of the table.
func (x *rosterLoader) start(r rawRotation, table string) roster.WallClock {
	s := str{r.Start.V, lineOr(r.Start.Line, r.ID.Line)}
	at, timed, ok := x.wallClock(s)
	if !ok {
		return roster.WallClock{}
	}
	for _, t := range x.scheme.Tables {
		if t.ID == table && !timed && len(t.Shifts) > 0 {
			at.Hour, at.Minute = t.Shifts[0].From/60, t.Shifts[0].From%60
		}
	}
	return at
}

// turn reads one turn of a rotation: the team of each shift.
func (x *rosterLoader) turn(rotation string, raw map[str]str) map[string]string {
	teams := map[string]string{}
	for _, shift := range inOrder(raw) {
		team := raw[shift]
		if _, known := x.shifts[shift.V]; !known {
			x.problem(rostersFile, shift.Line, "rotation %q: no shift %q", rotation, shift.V)
		} else if slices.Contains(rowKeys, team.V) {
			x.problem(rostersFile, team.Line, "rotation %q: team %q is taken: it is a key of a row", rotation, team.V)
		} else {
			teams[shift.V] = team.V
		}
	}
	return teams
}
