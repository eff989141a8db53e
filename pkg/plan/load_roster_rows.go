package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/banyan-ecc/banyan/pkg/roster"
)

// Keys of a row of the roster; the others are shifts or, in a rotation, teams.
const (
	seatKey     = "seat"
	rotationKey = "rotation"
	peopleKey   = "people"
	fromKey     = "from"
	toKey       = "to"
)

var rowKeys = []string{seatKey, rotationKey, peopleKey, fromKey, toKey}

// rosterValue is a text, or a list of texts, in a row.
type rosterValue struct {
	str
	list []str
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (v *rosterValue) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		v.Line = n.Line
		return n.Decode(&v.list)
	}
	return v.str.UnmarshalYAML(n)
}

// layers reads the rows at the bottom and those of the layers above.
func (x *rosterLoader) layers(raw *rawRosters) {
	x.layer(roster.Layer{}, 0, raw.Rosters)
	seen := map[string]int{}
	for _, r := range raw.Layers {
		if !x.id(rostersFile, "layer", orAt(r.ID, r.From), seen) {
			continue
		}
		layer := roster.Layer{ID: r.ID.V, Name: r.Name.V}
		if r.From.V != "" {
			layer.From = x.moment(r.From, false)
		}
		if r.To.V != "" {
			layer.To = x.moment(r.To, true)
		}
		x.layer(layer, r.ID.Line, r.Rosters)
	}
}

func (x *rosterLoader) layer(layer roster.Layer, line int, raw []map[str]rosterValue) {
	always := map[string]int{} // seats with a row that holds for ever
	var origins []rowOrigin
	for _, r := range raw {
		row, origin, ok := x.row(r)
		if !ok {
			continue
		}
		if row.From.IsZero() && row.To.IsZero() {
			if first, again := always[row.Seat]; again {
				x.problem(rostersFile, origin.line, "seat %q has a row on line %d already", row.Seat, first)
				continue
			}
			always[row.Seat] = origin.line
		}
		layer.Rows, origins = append(layer.Rows, row), append(origins, origin)
	}
	x.scheme.Layers, x.rows = append(x.scheme.Layers, layer), append(x.rows, origins)
	x.lines[roster.PartLayers] = append(x.lines[roster.PartLayers], line)
}

// row reads one row; false if it is of no seat.
func (x *rosterLoader) row(raw map[str]rosterValue) (row roster.Row, origin rowOrigin, ok bool) {
	keys := inOrder(raw)
	var rest []str // shifts or teams
	for _, key := range keys {
		origin.line = lineOr(origin.line, key.Line)
		v := raw[key]
		if (v.list != nil) != (key.V == peopleKey) {
			x.problem(rostersFile, key.Line, "%s: want %s", key.V, map[bool]string{true: "a list of people", false: "a text, not a list"}[key.V == peopleKey])
			continue
		}
		switch key.V {
		case seatKey:
			row.Seat = v.V
		case rotationKey:
			row.Rotation = v.V
		case peopleKey:
			for _, p := range v.list {
				row.People = append(row.People, x.person(p))
			}
		case fromKey:
			row.From = x.moment(v.str, false)
		case toKey:
			row.To = x.moment(v.str, true)
		default:
			rest = append(rest, key)
		}
	}
	if row.Rotation == "" {
		row.Holders = x.holders(row.Seat, rest, raw)
	} else {
		row.Teams, origin.missing = x.teams(&row, rest, raw)
	}
	if x.city.seats[row.Seat] == nil {
		x.problem(rostersFile, origin.line, "no seat %q", row.Seat)
		return row, origin, false
	}
	return row, origin, true
}

// holders reads who holds the shifts of a row without a rotation.
func (x *rosterLoader) holders(seat string, shifts []str, raw map[str]rosterValue) map[string]string {
	out := map[string]string{}
	for _, key := range shifts {
		if _, known := x.shifts[key.V]; !known {
			x.problem(rostersFile, key.Line, "seat %q: no shift %q", seat, key.V)
		} else if v := raw[key]; v.V != "" {
			out[key.V] = x.person(v.str)
		}
	}
	return out
}

// teams reads who is which team in a row, and returns the teams of the rotation that it does not name.
func (x *rosterLoader) teams(row *roster.Row, keys []str, raw map[str]rosterValue) (out map[string]string, missing []string) {
	i := slices.IndexFunc(x.scheme.Rotations, func(r *roster.Rotation) bool { return r.ID == row.Rotation })
	if i < 0 {
		return nil, nil // the roster says so
	}
	known := map[string]bool{}
	for _, turn := range x.scheme.Rotations[i].Order {
		for _, team := range turn {
			known[team] = true
		}
	}
	out = map[string]string{}
	for _, key := range keys {
		if !known[key.V] {
			x.problem(rostersFile, key.Line, "seat %q: rotation %q has no team %q", row.Seat, row.Rotation, key.V)
		} else if v := raw[key]; v.V != "" {
			out[key.V] = x.person(v.str)
		}
	}
	for _, team := range slices.Sorted(maps.Keys(known)) {
		if out[team] == "" && team != "" {
			missing = append(missing, team)
		}
	}
	return out, missing
}

// MaxPersonBytes bounds the name of a person.
const MaxPersonBytes = 96

// person checks a name. It is shown on walls and goes into calendars and spreadsheets, where some signs at its
// beginning would be taken for a formula.
func (x *rosterLoader) person(s str) string {
	switch {
	case s.V == "":
		x.problem(rostersFile, s.Line, "a name is missing")
	case len(s.V) > MaxPersonBytes:
		x.problem(rostersFile, s.Line, "a name has %d bytes: at most %d", len(s.V), MaxPersonBytes)
	case strings.ContainsFunc(s.V, unicode.IsControl), strings.TrimSpace(s.V) != s.V, strings.ContainsAny(s.V[:1], "=+-@"):
		x.problem(rostersFile, s.Line, "%s is no name", fmt.Sprintf("%q", s.V))
	}
	return s.V
}
