package geo

import (
	"fmt"
	"math"
	"slices"

	h3 "github.com/uber/h3-go/v4"
)

// Bounds of an area tree.
const (
	MaxAreas  = 65_536  // a large city has some 20,000 grids
	MaxPoints = 2 << 20 // of all polygons together
)

// NewIndex compiles an area tree. There must be exactly one root, each parent must be there, a child's
// level must be below its parent's, and codes are unique; the error names the area that breaks a rule.
func NewIndex(areas []Area) (*Index, error) {
	x := &Index{byCode: make(map[string]int32, len(areas)), whole: map[Cell]int32{}, border: map[Cell][]clip{}, coarsest: DispatchResolution}
	if err := x.tree(areas); err != nil {
		return nil, err
	}
	points := 0
	for i := range x.nodes {
		n, err := checkShape(&x.nodes[i].area)
		if points += n; err == nil && points > MaxPoints {
			err = fmt.Errorf("polygons have more than %d points", MaxPoints)
		}
		if err != nil {
			return nil, fmt.Errorf("area %q: %w", x.nodes[i].area.Code, err)
		}
	}
	for i := range x.nodes {
		if err := x.cover(int32(i)); err != nil {
			return nil, fmt.Errorf("area %q: %w", x.nodes[i].area.Code, err)
		}
	}
	for cell, clips := range x.border {
		slices.SortStableFunc(clips, func(a, b clip) int {
			if d := x.nodes[b.node].depth - x.nodes[a.node].depth; d != 0 {
				return d
			}
			return int(a.node - b.node)
		})
		x.border[cell] = slices.Clip(clips)
	}
	x.markLeaves()
	return x, nil
}

// tree orders the areas parents first, in the order given otherwise, and links them.
func (x *Index) tree(areas []Area) error {
	if len(areas) > MaxAreas {
		return fmt.Errorf("%d areas: at most %d", len(areas), MaxAreas)
	}
	known, below, roots := make(map[string]bool, len(areas)), map[string][]*Area{}, 0
	for i := range areas {
		a := &areas[i]
		if known[a.Code] {
			return fmt.Errorf("area %q is there twice", a.Code)
		}
		known[a.Code] = true
		below[a.Parent] = append(below[a.Parent], a)
		if a.Parent == "" {
			roots++
		}
	}
	if roots != 1 {
		return fmt.Errorf("%d areas have no parent: exactly one, the city, must have none", roots)
	}
	for i := range areas {
		if a := &areas[i]; a.Parent != "" && !known[a.Parent] {
			return fmt.Errorf("area %q: no parent area %q", a.Code, a.Parent)
		}
	}
	x.nodes = make([]node, 0, len(areas))
	x.add(below[""][0], nil)
	for i := 0; i < len(x.nodes); i++ { // grows: breadth first
		parent := &x.nodes[i]
		for _, child := range below[parent.area.Code] {
			if child.Level <= parent.area.Level {
				return fmt.Errorf("area %q: level %v cannot lie below %q, a %v", child.Code, child.Level, parent.area.Code, parent.area.Level)
			}
			parent.children = append(parent.children, child.Code)
			x.add(child, parent.path)
		}
	}
	if len(x.nodes) < len(areas) {
		for i := range areas {
			if _, ok := x.byCode[areas[i].Code]; !ok {
				return fmt.Errorf("area %q lies below itself", areas[i].Code)
			}
		}
	}
	return nil
}

// add appends a node; capacity was set aside, so that pointers to nodes stay good.
func (x *Index) add(a *Area, parent []string) {
	x.byCode[a.Code] = int32(len(x.nodes))
	path := append(slices.Clip(parent), a.Code)
	x.nodes = append(x.nodes, node{area: *a, depth: len(path), path: slices.Clip(path), centre: a.Centre})
}

// checkShape looks at the shape of an area and counts its points.
func checkShape(a *Area) (points int, err error) {
	for _, polygon := range a.Polygons {
		for _, ring := range polygon {
			if len(ring) < 3 {
				return points, fmt.Errorf("a ring of %d points: at least 3", len(ring))
			}
			points += len(ring)
			west, east := math.Inf(1), math.Inf(-1)
			for _, p := range ring {
				if err := p.Validate(); err != nil {
					return points, err
				}
				west, east = min(west, p.Lon), max(east, p.Lon)
			}
			if east-west > 180 {
				return points, fmt.Errorf("a ring more than 180 degrees wide: one that crosses the antimeridian must be cut there")
			}
		}
	}
	for _, c := range a.Cells {
		if !h3.Cell(c).IsValid() || c.Resolution() > DispatchResolution {
			return points, fmt.Errorf("%x is not an H3 cell of resolution %d or coarser", uint64(c), DispatchResolution)
		}
	}
	return points, nil
}

// cover enters an area's shape.
func (x *Index) cover(n int32) error {
	cells := x.nodes[n].area.Cells
	x.shaped = x.shaped || len(cells) > 0 || len(x.nodes[n].area.Polygons) > 0
	if polygons := x.nodes[n].area.Polygons; len(polygons) > 0 {
		near := borderCells(edgesOf(polygons))
		all, err := fill(polygons, DispatchResolution)
		if err != nil {
			return err
		}
		interior := slices.DeleteFunc(slices.Clone(all), func(c Cell) bool { return near[c] != nil })
		if cells, err = compact(interior); err != nil {
			return err
		}
		x.clip(n, polygons, near)
		if x.nodes[n].centre == nil {
			if x.nodes[n].centre = nearest(all); x.nodes[n].centre == nil {
				x.nodes[n].centre = &polygons[0][0][0] // smaller than a cell
			}
		}
	} else if x.nodes[n].centre == nil {
		x.nodes[n].centre = nearest(cells)
	}
	for _, c := range cells {
		if was, ok := x.whole[c]; !ok || x.deeper(n, was) {
			x.whole[c] = n
		}
		x.coarsest = min(x.coarsest, c.Resolution())
	}
	return nil
}

func (x *Index) clip(n int32, polygons []Polygon, near map[Cell][]edge) {
	all := edgesOf(polygons)
	for cell, edges := range near {
		x.border[cell] = append(x.border[cell], newClip(n, cellBox(cell), all, edges))
	}
}

// borderCells returns the cells whose box an edge meets, with those edges.
//
// It walks each edge in steps much shorter than a cell. A box is covered by its cell and the ring around
// it, and a step may begin one cell before the one it meets: two rings around each step hold every cell
// concerned.
func borderCells(edges []edge) map[Cell][]edge {
	const stepM, rings = 80.0, 2
	near := map[Cell][]edge{}
	boxes := map[Cell]box{}
	var disk []Cell
	for i := range edges {
		e := &edges[i]
		seen := map[Cell]bool{}
		steps := int(DistanceM(Point{e.x1, e.y1}, Point{e.x2, e.y2})/stepM) + 1
		last := Cell(0)
		for s := 0; s <= steps; s++ {
			t := float64(s) / float64(steps)
			at := CellAt(Point{Lon: e.x1 + t*(e.x2-e.x1), Lat: e.y1 + t*(e.y2-e.y1)})
			if at == last {
				continue
			}
			last = at
			disk = at.AppendDisk(disk[:0], rings)
			for _, c := range disk {
				if seen[c] {
					continue
				}
				seen[c] = true
				b, ok := boxes[c]
				if !ok {
					b = cellBox(c)
					boxes[c] = b
				}
				if b.meets(e) {
					near[c] = append(near[c], *e)
				}
			}
		}
	}
	return near
}

// markLeaves finds the areas below which no shape lies: once in one of them, there is nothing left to ask.
func (x *Index) markLeaves() {
	for i := range x.nodes {
		x.nodes[i].leaf = true
	}
	for i := len(x.nodes) - 1; i > 0; i-- { // children after parents
		n := &x.nodes[i]
		if len(n.area.Polygons) > 0 || len(n.area.Cells) > 0 || !n.leaf {
			x.nodes[x.byCode[n.area.Parent]].leaf = false
		}
	}
}

// fill returns the cells whose centre lies in one of the polygons, ascending.
func fill(polygons []Polygon, resolution int) ([]Cell, error) {
	var cells []Cell
	for _, polygon := range polygons {
		var g h3.GeoPolygon
		for i, ring := range polygon {
			loop := make(h3.GeoLoop, len(ring))
			for j, p := range ring {
				loop[j] = h3.LatLng{Lat: p.Lat, Lng: p.Lon}
			}
			if i == 0 {
				g.GeoLoop = loop
			} else {
				g.Holes = append(g.Holes, loop)
			}
		}
		found, err := h3.PolygonToCells(g, resolution)
		if err != nil {
			return nil, fmt.Errorf("filling a polygon with cells: %w", err)
		}
		for _, c := range found {
			cells = append(cells, Cell(c))
		}
	}
	slices.Sort(cells)
	return slices.Compact(cells), nil
}

// compact replaces complete sets of children by their parents, again and again. Ascending.
func compact(cells []Cell) ([]Cell, error) {
	in := make([]h3.Cell, len(cells))
	for i, c := range cells {
		in[i] = h3.Cell(c)
	}
	out, err := h3.CompactCells(in)
	if err != nil {
		return nil, fmt.Errorf("compacting cells: %w", err)
	}
	compacted := make([]Cell, len(out))
	for i, c := range out {
		compacted[i] = Cell(c)
	}
	slices.Sort(compacted)
	return compacted, nil
}
