package geo

import "math"

// Index answers which areas a position lies in. NewIndex makes one; it never changes after that, so a
// reload builds another beside it and swaps the pointer.
type Index struct {
	nodes  []node
	byCode map[string]int32
	// whole maps cells that lie in one area entirely, compacted, to that area; of two areas with the same
	// cell the deeper.
	whole map[Cell]int32
	// border maps cells of DispatchResolution through which borders run to what is left to ask, deepest first.
	border   map[Cell][]clip
	coarsest int  // resolution of the coarsest cell of whole
	shaped   bool // some area has a shape: without any, nothing can be told to lie outside
}

type node struct {
	area     Area
	depth    int
	path     []string // codes from the root to the area, shared by all who ask
	children []string
	centre   *Point
	leaf     bool // no area below has a shape
}

// Place is where a position lies.
type Place struct {
	Cell    Cell     // at DispatchResolution; 0 if the position is none
	Path    []string // codes from the city down to the finest area known; not to be written to
	Outside bool     // in no area, though areas have shapes: Path is the city alone
}

// root is the first node.
const root = 0

// Locate finds the areas of p. Where areas with polygons overlap, the deeper one is meant, and of equally
// deep ones always the same.
func (x *Index) Locate(p Point) Place {
	cell := CellAt(p)
	found := int32(-1)
	for res := DispatchResolution; res >= x.coarsest; res-- {
		if n, ok := x.whole[cell.Parent(res)]; ok && x.deeper(n, found) {
			if found = n; x.nodes[n].leaf {
				break
			}
		}
	}
	if found < 0 || !x.nodes[found].leaf {
		for i, clips := 0, x.border[cell]; i < len(clips); i++ {
			c := &clips[i]
			if !x.deeper(c.node, found) {
				break // so are all that follow
			}
			if c.contains(p.Lon, p.Lat) {
				found = c.node
				break
			}
		}
	}
	if found < 0 {
		return Place{Cell: cell, Path: x.nodes[root].path, Outside: x.shaped || cell == 0}
	}
	return Place{Cell: cell, Path: x.nodes[found].path}
}

func (x *Index) deeper(a, b int32) bool { return b < 0 || x.nodes[a].depth > x.nodes[b].depth }

// Area returns the area with the given code.
func (x *Index) Area(code string) (*Area, bool) {
	n, ok := x.byCode[code]
	if !ok {
		return nil, false
	}
	return &x.nodes[n].area, true
}

// Path returns the codes from the root to the area with the given code; not to be written to.
func (x *Index) Path(code string) ([]string, bool) {
	n, ok := x.byCode[code]
	if !ok {
		return nil, false
	}
	return x.nodes[n].path, true
}

// Centre returns a position to show for the area: the one it was given, else one within its shape. An area
// without either has none.
func (x *Index) Centre(code string) (Point, bool) {
	n, ok := x.byCode[code]
	if !ok || x.nodes[n].centre == nil {
		return Point{}, false
	}
	return *x.nodes[n].centre, true
}

// Children returns the codes of the areas right below the one with the given code, in the order given.
func (x *Index) Children(code string) []string {
	if n, ok := x.byCode[code]; ok {
		return x.nodes[n].children
	}
	return nil
}

// Areas calls yield for every area, parents before children, until it returns false.
func (x *Index) Areas(yield func(*Area) bool) {
	for i := range x.nodes {
		if !yield(&x.nodes[i].area) {
			return
		}
	}
}

// Root returns the code of the root.
func (x *Index) Root() string { return x.nodes[root].area.Code }

// nearest returns the cell centre nearest to the middle of all of them: a point that is in the shape even
// where the middle is not.
func nearest(cells []Cell) *Point {
	var points []Point
	var middle Point
	for _, c := range cells {
		if p, ok := c.Centre(); ok {
			points = append(points, p)
			middle.Lon += p.Lon
			middle.Lat += p.Lat
		}
	}
	if len(points) == 0 {
		return nil
	}
	middle.Lon /= float64(len(points))
	middle.Lat /= float64(len(points))
	best, at := math.Inf(1), points[0]
	for _, p := range points {
		if d := DistanceM(p, middle); d < best {
			best, at = d, p
		}
	}
	return &at
}
