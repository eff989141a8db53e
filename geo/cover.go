package geo

import (
	"fmt"
	"math"
	"slices"

	h3 "github.com/uber/h3-go/v4"
)

// Circle is what lies within a distance of a position.
type Circle struct {
	Centre  Point
	RadiusM float64
}

// Bounds of the work that one cover is.
const (
	coverCells  = 8192 // cells of one resolution, by estimate, before they are compacted
	coverPoints = 1000 // corners of a ring; a finer one is thinned out first
)

// Cover returns the cells that the shapes touch: at most `most` of them, compacted, ascending, of DispatchResolution
// or as coarse as that needs. A position is in the cover if a parent of its cell is; right at the rim that is true
// to a part of a cell, for a cell's children do not tile it exactly. A corner of a ring with very many may be
// cut by less than half a cell. A shape without extent is covered by its cell.
func Cover(polygons []Polygon, circles []Circle, most int) ([]Cell, error) {
	var cells []Cell
	resolution := coverResolution(polygons, circles)
	for _, p := range polygons {
		found, err := coverPolygon(p, resolution)
		if err != nil {
			return nil, err
		}
		cells = append(cells, found...)
	}
	for _, c := range circles {
		cells = coverCircle(cells, c, resolution)
	}
	slices.Sort(cells)
	cells, err := compact(slices.Compact(cells))
	return coarsen(cells, most), err
}

// coarsen replaces cells by their parents, the finest first, until there are no more than most.
func coarsen(cells []Cell, most int) []Cell {
	for resolution := MaxResolution - 1; len(cells) > most && resolution >= 0; resolution-- {
		cells = slices.Clone(cells)
		for i, c := range cells {
			cells[i] = c.Parent(resolution)
		}
		slices.Sort(cells)
		cells = slices.Compact(cells)
	}
	return cells[:min(len(cells), most)]
}

// Cover returns at most `most` cells that hold the area with the given code and all below it; none where nothing of
// it has a shape.
func (x *Index) Cover(code string, most int) ([]Cell, error) {
	n, ok := x.byCode[code]
	if !ok {
		return nil, nil
	}
	a := &x.nodes[n].area
	cells := slices.Clone(a.Cells)
	if len(a.Polygons) > 0 {
		found, err := Cover(a.Polygons, nil, most)
		if err != nil {
			return nil, err
		}
		cells = append(cells, found...)
	}
	if len(cells) == 0 {
		for _, child := range x.nodes[n].children {
			found, err := x.Cover(child, most)
			if err != nil {
				return nil, err
			}
			cells = append(cells, found...)
		}
	}
	slices.Sort(cells)
	return coarsen(slices.Compact(cells), most), nil
}

// cellAreaM2 is the average area of a hexagon.
func cellAreaM2(resolution int) float64 {
	return 1.5 * math.Sqrt(3) * edgeAverageM[resolution] * edgeAverageM[resolution]
}

// coverResolution is the finest at which the shapes need coverCells or fewer.
func coverResolution(polygons []Polygon, circles []Circle) int {
	resolution := DispatchResolution
	for ; resolution > 0; resolution-- {
		area, edge := cellAreaM2(resolution), edgeAverageM[resolution]
		n := 0.0
		for _, p := range polygons {
			width, height := p.extent()
			n += (width + 2*edge) * (height + 2*edge) / area
		}
		for _, c := range circles {
			n += math.Pi * (c.RadiusM + 2*edge) * (c.RadiusM + 2*edge) / area
		}
		if n <= coverCells {
			break
		}
	}
	return resolution
}

// extent returns the size of the box around the outer ring, in metres.
func (p Polygon) extent() (width, height float64) {
	if len(p) == 0 || len(p[0]) == 0 {
		return 0, 0
	}
	west, east, south, north := 180.0, -180.0, 90.0, -90.0
	for _, q := range p[0] {
		west, east, south, north = min(west, q.Lon), max(east, q.Lon), min(south, q.Lat), max(north, q.Lat)
	}
	span := east - west
	if span > 180 { // it crosses the date line
		span = 360 - span
	}
	widest := 0.0
	if south*north > 0 {
		widest = min(math.Abs(south), math.Abs(north))
	}
	const metre = earthRadiusM * math.Pi / 180
	return span * metre * math.Cos(widest*math.Pi/180), (north - south) * metre
}

func coverPolygon(p Polygon, resolution int) ([]Cell, error) {
	if len(p) == 0 || len(p[0]) == 0 {
		return nil, nil
	}
	if width, height := p.extent(); width == 0 || height == 0 {
		return []Cell{CellAtResolution(p[0][0], resolution)}, nil
	}
	var g h3.GeoPolygon
	for i, ring := range p {
		ring = thin(ring, edgeAverageM[resolution]/2)
		loop := make(h3.GeoLoop, len(ring))
		for j, q := range ring {
			loop[j] = h3.LatLng{Lat: q.Lat, Lng: q.Lon}
		}
		if i == 0 {
			g.GeoLoop = loop
		} else if len(loop) > 2 {
			g.Holes = append(g.Holes, loop)
		}
	}
	found, err := h3.PolygonToCellsExperimental(g, resolution, h3.ContainmentOverlapping)
	if err != nil {
		return nil, fmt.Errorf("covering a polygon with cells: %w", err)
	}
	cells := make([]Cell, 0, len(found)+1)
	for _, c := range found {
		cells = append(cells, Cell(c))
	}
	return append(cells, CellAtResolution(p[0][0], resolution)), nil
}

// thin leaves out corners that are nearer than tolerance to the one before, where a ring has more than coverPoints.
func thin(ring Ring, toleranceM float64) Ring {
	for ; len(ring) > coverPoints; toleranceM *= 2 {
		kept := ring[:1:1]
		for _, p := range ring[1:] {
			if DistanceM(kept[len(kept)-1], p) >= toleranceM {
				kept = append(kept, p)
			}
		}
		ring = kept
	}
	return ring
}

func coverCircle(cells []Cell, c Circle, resolution int) []Cell {
	centre := CellAtResolution(c.Centre, resolution)
	if centre == 0 || c.RadiusM <= 0 {
		return append(cells, centre)
	}
	k := int(math.Ceil(c.RadiusM/(edgeAverageM[resolution]*shortestEdge*math.Sqrt(3)))) + 1
	reach := c.RadiusM + 1.5*edgeAverageM[resolution]
	for _, cell := range centre.AppendDisk(nil, k) {
		if p, ok := cell.Centre(); ok && DistanceM(p, c.Centre) <= reach {
			cells = append(cells, cell)
		}
	}
	return cells
}

// Touched returns the codes of the areas of a level that cells lie in, ascending; of what has no area of that
// level below it, the deepest above. It asks each cell of DispatchResolution-2 or finer by its middle, and a
// coarser one by those of its children, so an area that only a rim touches may be left out.
func (x *Index) Touched(cells []Cell, level Level) []string {
	found := map[string]bool{}
	ask := func(c Cell) {
		p, _ := c.Centre()
		place := x.Locate(p)
		if place.Outside {
			return
		}
		code := place.Path[0]
		for _, step := range place.Path {
			if a, ok := x.Area(step); ok && a.Level <= level {
				code = step
			}
		}
		found[code] = true
	}
	for _, c := range cells {
		if c.Resolution() >= DispatchResolution-2 {
			ask(c)
			continue
		}
		children, err := h3.Cell(c).Children(min(c.Resolution()+touchedFiner, DispatchResolution-2))
		if err != nil {
			continue
		}
		for _, child := range children {
			ask(Cell(child))
		}
	}
	codes := make([]string, 0, len(found))
	for code := range found {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// touchedFiner is how many resolutions below its own a coarse cell is asked: 343 children.
const touchedFiner = 3
