package push

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Kind is what a topic selects by.
type Kind uint8

// The kinds, in the order in which shards serve them: who has to act comes before who watches.
const (
	Seat       Kind = iota + 1 // seat:<id>
	Department                 // department:<id>
	Incident                   // incident:<id>
	Cells                      // cells:<h3>,<h3>,…
	BBox                       // bbox:w,s,e,n
	Wall                       // wall
	Layers                     // layers: no events, but what ShowLayers tells
)

var prefixes = map[string]Kind{"seat": Seat, "department": Department, "incident": Incident, "cells": Cells, "bbox": BBox}

// Box is a rectangle in degrees, WGS-84.
type Box struct{ West, South, East, North float64 }

// Contains reports whether p lies in b, its border included.
func (b Box) Contains(p geo.Point) bool {
	return p.Lon >= b.West && p.Lon <= b.East && p.Lat >= b.South && p.Lat <= b.North
}

// Topic is one thing a client asks for. It is immutable once parsed.
type Topic struct {
	Kind  Kind
	ID    string     // of the seat, department or incident
	Cells []geo.Cell // of a cells topic, ascending, each once, resolutions MinCellResolution to MaxCellResolution
	Box   Box        // of a bbox topic
}

// String returns the canonical form: topics that select the same have the same.
func (t Topic) String() string {
	switch t.Kind {
	case Wall:
		return "wall"
	case Layers:
		return "layers"
	case Seat:
		return "seat:" + t.ID
	case Department:
		return "department:" + t.ID
	case Incident:
		return "incident:" + t.ID
	case BBox:
		b := append([]byte("bbox:"), formatDegrees(t.Box.West)...)
		for _, v := range [...]float64{t.Box.South, t.Box.East, t.Box.North} {
			b = append(append(b, ','), formatDegrees(v)...)
		}
		return string(b)
	case Cells:
		b := []byte("cells:")
		for i, c := range t.Cells {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendUint(b, uint64(c), 16)
		}
		return string(b)
	}
	return "topic(" + strconv.Itoa(int(t.Kind)) + ")"
}

func formatDegrees(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// ParseTopic reads one topic of a subscribe request. The error is an *alert.Error with CodeInvalid that says
// what is wrong and what is taken.
func ParseTopic(s string) (Topic, error) {
	switch s {
	case "wall":
		return Topic{Kind: Wall}, nil
	case "layers":
		return Topic{Kind: Layers}, nil
	}
	name, rest, _ := strings.Cut(s, ":")
	switch kind := prefixes[name]; kind {
	case Seat, Department, Incident:
		if why := badID(rest); why != "" {
			return Topic{}, invalid("topic %.60q: the id %s", s, why)
		}
		return Topic{Kind: kind, ID: rest}, nil
	case Cells:
		return parseCells(rest)
	case BBox:
		return parseBox(rest)
	}
	return Topic{}, invalid("topic %.60q is not known: wall, department:<id>, seat:<id>, incident:<id>, cells:<h3>,…, bbox:w,s,e,n or layers", s)
}

func badID(id string) string {
	switch {
	case id == "":
		return "is missing"
	case len(id) > MaxTopicIDBytes:
		return fmt.Sprintf("is %d bytes long, at most %d are taken", len(id), MaxTopicIDBytes)
	case !utf8.ValidString(id):
		return "is not valid UTF-8"
	case strings.ContainsFunc(id, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return "must be without spaces and control characters"
	}
	return ""
}

func parseCells(list string) (Topic, error) {
	parts := strings.SplitN(list, ",", MaxCells+1)
	if len(parts) > MaxCells {
		return Topic{}, tooManyCells()
	}
	t := Topic{Kind: Cells, Cells: make([]geo.Cell, 0, len(parts))}
	for i, p := range parts {
		c, err := geo.ParseCell(p)
		if err != nil {
			return Topic{}, invalid("topic cells: cell %d, %.20q, is not an H3 index in hexadecimal such as 89411c00003ffff", i+1, p)
		}
		if r := c.Resolution(); r < MinCellResolution || r > MaxCellResolution {
			return Topic{}, invalid("topic cells: cell %d, %s, has resolution %d: %d to %d are taken", i+1, p, r, MinCellResolution, MaxCellResolution)
		}
		t.Cells = append(t.Cells, c)
	}
	slices.Sort(t.Cells)
	t.Cells = slices.Compact(t.Cells)
	return t, nil
}

func tooManyCells() error {
	return invalid("more than %d cells: take coarser cells or a bbox", MaxCells)
}

func parseBox(list string) (Topic, error) {
	parts := strings.SplitN(list, ",", 5)
	if len(parts) != 4 {
		return Topic{}, invalid("topic bbox takes four numbers, west,south,east,north in degrees")
	}
	var v [4]float64
	for i, p := range parts {
		f, err := strconv.ParseFloat(p, 64)
		limit := 180.0
		if i%2 == 1 {
			limit = 90
		}
		if err != nil || math.IsNaN(f) || math.Abs(f) > limit {
			return Topic{}, invalid("topic bbox: %s is %.20q, it must be a number between -%g and %g degrees", [...]string{"west", "south", "east", "north"}[i], p, limit, limit)
		}
		v[i] = f + 0 // turns -0 into 0, so that one box has one name
	}
	b := Box{v[0], v[1], v[2], v[3]}
	if b.West >= b.East || b.South >= b.North {
		return Topic{}, invalid("topic bbox: west must be less than east and south less than north; ask for two boxes across the 180th meridian")
	}
	return Topic{Kind: BBox, Box: b}, nil
}

// Concerns reports whether it belongs to t. A position is known by its cell, so a bbox takes in what lies up
// to one cell outside it: rather one event too many at the border than one too few.
func (t Topic) Concerns(it *Item) bool {
	if it.everybody() {
		return true
	}
	switch t.Kind {
	case Wall:
		return true
	case Seat:
		return slices.Contains(it.Seats, t.ID)
	case Department:
		return slices.Contains(it.Departments, t.ID)
	case Incident:
		return it.Incident == t.ID
	case BBox:
		at, ok := it.Cell.Centre()
		return ok && widened(t.Box).Contains(at)
	case Cells:
		return it.Cell != 0 && t.holds(it.Cell)
	}
	return false
}

func (t Topic) holds(c geo.Cell) bool {
	for r := min(c.Resolution(), MaxCellResolution); r >= MinCellResolution; r-- {
		if _, found := slices.BinarySearch(t.Cells, c.Parent(r)); found {
			return true
		}
	}
	return false
}

// subscription is a set of topics and how much of it may be seen: what two connections must share to share
// their frames. It is immutable.
type subscription struct {
	key      string // canonical, the identity
	topics   []Topic
	redacted bool

	department string // whose sealed items it may see

	names   []byte // the topics as a JSON array
	urgency Kind   // of the most urgent topic
	layers  bool   // one of them is layers
}

// newSubscription checks the bounds of a whole subscription and makes it canonical.
func newSubscription(topics []Topic, redacted bool, department string) (*subscription, error) {
	cells := 0
	for _, t := range topics {
		cells += len(t.Cells)
	}
	if cells > MaxCells {
		return nil, tooManyCells()
	}
	named := make(map[string]Topic, len(topics))
	for _, t := range topics {
		named[t.String()] = t
	}
	names := make([]string, 0, len(named))
	for n := range named {
		names = append(names, n)
	}
	sort.Strings(names)
	s := &subscription{redacted: redacted, urgency: Layers, names: appendStrings(nil, names)}
	for _, n := range names {
		s.topics = append(s.topics, named[n])
		s.urgency = min(s.urgency, named[n].Kind)
		s.layers = s.layers || named[n].Kind == Layers
	}
	s.key = string(s.names)
	switch {
	case redacted:
		s.key = "redacted " + s.key
	case department != "":
		s.department, s.key = department, department+" "+s.key
	}
	return s, nil
}

// body returns the encoding of it that s may see, nil for none.
func (s *subscription) body(it *Item) []byte {
	if it.Sealed && !it.For(s.department, s.redacted) {
		return nil
	}
	if s.redacted {
		return it.Wall
	}
	return it.Full
}

// wants reports whether it belongs to s. It is the long way, one topic after the other, for the few times
// when an index is not at hand; index.match is the short one and must agree.
func (s *subscription) wants(it *Item) bool {
	if s.body(it) == nil {
		return false
	}
	for i := range s.topics {
		if s.topics[i].Concerns(it) {
			return true
		}
	}
	return false
}

func invalid(format string, args ...any) error {
	return alert.Errorf(alert.CodeInvalid, format, args...)
}
