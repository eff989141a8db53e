package alert

import (
	"strconv"

	"github.com/banyan-ecc/banyan/geo"
)

// WarningLevel 预警级别 is the colour of a forecast or warning. It is an axis of its own, beside priority, grade and
// response level, and never folded into them. "" means that none was given.
type WarningLevel string

// The warning levels, the highest first: 红, 橙, 黄, 蓝.
const (
	Red    WarningLevel = "red"
	Orange WarningLevel = "orange"
	Yellow WarningLevel = "yellow"
	Blue   WarningLevel = "blue"
)

// WarningLevels lists them, the highest first.
var WarningLevels = [...]WarningLevel{Red, Orange, Yellow, Blue}

// Valid reports whether l is absent or one of the four.
func (l WarningLevel) Valid() bool { return l == "" || l.rank() < len(WarningLevels) }

// Above reports whether l is a higher level than o; an absent one is the lowest.
func (l WarningLevel) Above(o WarningLevel) bool { return l.rank() < o.rank() }

func (l WarningLevel) rank() int {
	for i, w := range WarningLevels {
		if l == w {
			return i
		}
	}
	return len(WarningLevels)
}

// Bounds of a cover.
const (
	MaxCoverCells = 256
	MaxCoverAreas = 64
)

// Cover is what a warning is about, where that is no position: areas, and H3 cells that hold it.
type Cover struct {
	Areas []string   `json:"areas,omitempty"` // codes, ascending, at most MaxCoverAreas
	Cells []geo.Cell `json:"cells,omitempty"` // compacted, ascending, at most MaxCoverCells
}

// AppendJSON appends c as JSON.
func (c *Cover) AppendJSON(b []byte) []byte {
	o := Object{B: b}
	if len(c.Areas) > 0 {
		o.Strs("areas", c.Areas)
	}
	if len(c.Cells) > 0 {
		o.key("cells")
		o.B = append(o.B, '[')
		for i, cell := range c.Cells {
			if i > 0 {
				o.B = append(o.B, ',')
			}
			o.B = AppendString(o.B, cell.String())
		}
		o.B = append(o.B, ']')
	}
	return o.End()
}

// warning checks what a submission says beyond a report of something that happens.
func (v *fields) warning(s *Submission, a *Alert) {
	a.WarningLevel, a.Exercise = WarningLevel(s.WarningLevel), s.Exercise
	if !a.WarningLevel.Valid() {
		v.add("warning_level", "must be red, orange, yellow or blue, or absent", "", s.WarningLevel)
	}
	if s.Level != "" {
		if err := a.Level.UnmarshalText([]byte(s.Level)); err != nil {
			v.add("level", "must be city, district, street, community or grid, or absent", "", s.Level)
		}
	}
	if s.ExpiresAt != "" {
		t, err := ParseTime(s.ExpiresAt)
		if err != nil {
			v.add("expires_at", err.Error(), "", s.ExpiresAt)
		}
		a.ExpiresAt = t
	}
	if s.Cover == nil {
		return
	}
	if n := len(s.Cover.Areas); n > MaxCoverAreas {
		v.add("cover.areas", "names too many areas", strconv.Itoa(MaxCoverAreas), "")
	}
	if n := len(s.Cover.Cells); n > MaxCoverCells {
		v.add("cover.cells", "holds too many cells: give parents of them", strconv.Itoa(MaxCoverCells), "")
	}
	for _, code := range s.Cover.Areas {
		v.text("cover.areas", code, 1, MaxAreaBytes)
	}
	a.Cover = s.Cover
}
