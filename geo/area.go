package geo

import (
	"fmt"
	"slices"
)

// Level is a level of the area tree 区划.
type Level uint8

// The levels, from the whole city down.
const (
	City      Level = iota + 1 // 市
	District                   // 区县
	Street                     // 街道、乡镇
	Community                  // 社区、村
	Grid                       // 网格
)

var levelNames = [...]string{"", "city", "district", "street", "community", "grid"}

// ParseLevel reads the name of a level.
func ParseLevel(name string) (Level, error) {
	if i := slices.Index(levelNames[:], name); i > 0 {
		return Level(i), nil
	}
	return 0, fmt.Errorf("level %.16q is not city, district, street, community or grid", name)
}

// String returns the name of the level.
func (l Level) String() string {
	if int(l) < len(levelNames) {
		return levelNames[l]
	}
	return fmt.Sprintf("Level(%d)", uint8(l))
}

// MarshalText is the name.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads the name.
func (l *Level) UnmarshalText(text []byte) (err error) {
	*l, err = ParseLevel(string(text))
	return err
}

// Ring is a closed line of straight edges in the plane of longitude and latitude; the first point need not
// be repeated at the end.
type Ring []Point

// Polygon is an outer ring and its holes. What lies in an odd number of its rings is inside.
type Polygon []Ring

// Area is one node of the area tree. Polygons are exact and win over Cells; an area may have neither, and
// is then known by its code alone.
type Area struct {
	Code     string
	Parent   string // code; empty for the root
	Name     string
	NameEN   string
	Level    Level
	Polygons []Polygon
	Cells    []Cell // H3 cells of DispatchResolution or coarser whose indexes do not overlap
	Centre   *Point // where to show it; nil: worked out from the shape
}
