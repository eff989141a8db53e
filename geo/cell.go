package geo

import (
	"fmt"
	"strconv"

	h3 "github.com/uber/h3-go/v4"
)

// DispatchResolution is the H3 resolution at which positions are held: cells about 0.4 km across.
const DispatchResolution = 9

// MaxResolution is the finest resolution of H3.
const MaxResolution = 15

// Cell is an H3 cell index. The zero Cell is no cell. In text it is the usual 15 hexadecimal digits.
type Cell uint64

// CellAt returns the cell of p at DispatchResolution, 0 if p is no position.
func CellAt(p Point) Cell { return CellAtResolution(p, DispatchResolution) }

// CellAtResolution returns the cell of p at a resolution from 0 to MaxResolution, 0 if p is no position.
func CellAtResolution(p Point, resolution int) Cell {
	if p.Validate() != nil {
		return 0
	}
	c, err := h3.LatLngToCell(h3.LatLng{Lat: p.Lat, Lng: p.Lon}, resolution)
	if err != nil {
		return 0
	}
	return Cell(c)
}

// ParseCell reads the hexadecimal text of a valid cell.
func ParseCell(text string) (Cell, error) {
	n, err := strconv.ParseUint(text, 16, 64)
	if err != nil || !h3.Cell(n).IsValid() {
		return 0, fmt.Errorf("%.32q is not an H3 cell", text)
	}
	return Cell(n), nil
}

// String returns the hexadecimal text, empty for no cell.
func (c Cell) String() string {
	if c == 0 {
		return ""
	}
	return strconv.FormatUint(uint64(c), 16)
}

// MarshalText is the hexadecimal text.
func (c Cell) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Cell) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*c = 0
		return nil
	}
	parsed, err := ParseCell(string(text))
	*c = parsed
	return err
}

// An H3 index holds its resolution in four bits and then three bits a digit, coarse to fine; digits finer
// than the resolution are 7. See "H3Index bit layout" in the H3 documentation.
const (
	resolutionShift = 52
	resolutionMask  = Cell(0xf) << resolutionShift
	digitBits       = 3
)

// Resolution returns the resolution of c, 0 to MaxResolution.
func (c Cell) Resolution() int { return int(c & resolutionMask >> resolutionShift) }

// Parent returns the cell at a coarser resolution whose index begins as c does; c itself at its own
// resolution or a finer one. It is bit arithmetic: a call into H3 costs a hundred times as much.
func (c Cell) Parent(resolution int) Cell {
	if c == 0 || resolution >= c.Resolution() {
		return c
	}
	finer := Cell(1)<<(digitBits*(MaxResolution-resolution)) - 1
	return c&^resolutionMask | Cell(resolution)<<resolutionShift | finer
}

// AppendDisk appends the cells within k steps of c, c included, to dst.
func (c Cell) AppendDisk(dst []Cell, k int) []Cell {
	disk, err := h3.GridDisk(h3.Cell(c), k)
	if err != nil {
		return dst
	}
	for _, n := range disk {
		dst = append(dst, Cell(n))
	}
	return dst
}

// Centre returns the middle of c, false if c is no cell.
func (c Cell) Centre() (Point, bool) {
	p, err := h3.CellToLatLng(h3.Cell(c))
	return Point{Lon: p.Lng, Lat: p.Lat}, err == nil
}

// Boundary returns the corners of c, counter-clockwise, not closed; none if c is no cell.
func (c Cell) Boundary() Ring {
	b, err := h3.CellToBoundary(h3.Cell(c))
	if err != nil {
		return nil
	}
	ring := make(Ring, len(b))
	for i, p := range b {
		ring[i] = Point{Lon: p.Lng, Lat: p.Lat}
	}
	return ring
}

// edgeAverageM is the average edge length at each resolution, from the table of cell statistics in the H3
// documentation.
var edgeAverageM = [MaxResolution + 1]float64{1281256.011, 483056.8391, 182512.9565, 68979.22179, 26071.75968,
	9854.090990, 3724.532667, 1406.475763, 531.414010, 200.786148, 75.863783, 28.663897, 10.830188, 4.092010, 1.546100, 0.584169}

// shortestEdge is less than the shortest edge of a hexagon anywhere as a part of the average.
const shortestEdge = 0.55

// CellWidthM returns a distance in metres such that everything that near to a position lies in its cell at
// the resolution or in the ring around that cell. (From a corner of a hexagon the far side of the ring is
// one edge away, from elsewhere further.)
func CellWidthM(resolution int) float64 { return edgeAverageM[resolution] * shortestEdge }
