package push

import "math"

// A cell of MaxCellResolution reaches less than this far from its centre, in degrees of latitude; at the
// equator a degree of longitude is as long, elsewhere it is shorter.
const cellReachDegrees = 0.0025

// widened returns b with a cell's reach added on every side.
func widened(b Box) Box {
	lat := max(math.Abs(b.South), math.Abs(b.North))
	dLon := cellReachDegrees / max(math.Cos(lat*math.Pi/180), 0.01)
	return Box{b.West - dLon, b.South - cellReachDegrees, b.East + dLon, b.North + cellReachDegrees}
}
