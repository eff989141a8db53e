package push

import (
	"math"

	h3 "github.com/uber/h3-go/v4"

	"github.com/banyan-ecc/banyan/geo"
)

// centre returns the middle of a cell, and a point in no box for what is no cell.
func centre(c geo.Cell) geo.Point {
	p, err := h3.CellToLatLng(h3.Cell(c))
	if err != nil {
		return geo.Point{Lon: math.Inf(1), Lat: math.Inf(1)}
	}
	return geo.Point{Lon: p.Lng, Lat: p.Lat}
}

// A cell of MaxCellResolution reaches less than this far from its centre, in degrees of latitude; at the
// equator a degree of longitude is as long, elsewhere it is shorter.
const cellReachDegrees = 0.0025

// widened returns b with a cell's reach added on every side.
func widened(b Box) Box {
	lat := max(math.Abs(b.South), math.Abs(b.North))
	dLon := cellReachDegrees / max(math.Cos(lat*math.Pi/180), 0.01)
	return Box{b.West - dLon, b.South - cellReachDegrees, b.East + dLon, b.North + cellReachDegrees}
}
