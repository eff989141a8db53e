// Package geo knows positions, H3 cells, areas with their borders, and the datums used in China. It knows
// nothing of alerts. H3 is the C library by way of uber/h3-go, so building needs cgo and a C compiler.
//
// Everything here is immutable once made and safe for concurrent use.
package geo

import (
	"fmt"
	"math"
)

// Point is a position in degrees, WGS-84 unless said otherwise.
type Point struct {
	Lon float64 `json:"lon"`
	Lat float64 `json:"lat"`
}

// Validate reports whether p lies on the globe: both finite, longitude within ±180°, latitude within ±90°.
func (p Point) Validate() error {
	switch {
	case !(p.Lon >= -180 && p.Lon <= 180): // NaN fails every comparison
		return fmt.Errorf("lon %v is not between -180 and 180 degrees", p.Lon)
	case !(p.Lat >= -90 && p.Lat <= 90):
		return fmt.Errorf("lat %v is not between -90 and 90 degrees", p.Lat)
	}
	return nil
}

// earthRadiusM is the mean radius R1 of the WGS-84 ellipsoid.
const earthRadiusM = 6371008.8

// DistanceM returns the great-circle distance of a and b in metres, by the haversine formula. On the real
// ellipsoid it is off by up to 0.5%.
func DistanceM(a, b Point) float64 {
	const rad = math.Pi / 180
	sinLat := math.Sin((b.Lat - a.Lat) * rad / 2)
	sinLon := math.Sin((b.Lon - a.Lon) * rad / 2)
	h := sinLat*sinLat + math.Cos(a.Lat*rad)*math.Cos(b.Lat*rad)*sinLon*sinLon
	return 2 * earthRadiusM * math.Asin(math.Sqrt(min(h, 1)))
}
