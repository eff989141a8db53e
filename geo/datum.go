package geo

import (
	"fmt"
	"math"
)

// Datum is a coordinate system of positions.
type Datum string

// The datums. Maps published in China are in GCJ-02, WGS-84 shifted by some hundred metres; Baidu's BD-09
// shifts that again.
const (
	WGS84 Datum = "wgs84"
	GCJ02 Datum = "gcj02"
	BD09  Datum = "bd09"
)

// ToWGS84 converts p from datum d. The result, converted back, is p to within a millimetre, except within
// a kilometre of the rectangle outside which GCJ-02 is WGS-84, where the shift is not continuous.
func ToWGS84(p Point, d Datum) (Point, error) {
	switch d {
	case WGS84:
		return p, nil
	case GCJ02:
		return invert(p, gcjFromWGS), nil
	case BD09:
		return invert(invert(p, bdFromGCJ), gcjFromWGS), nil
	}
	return Point{}, fmt.Errorf("datum %.16q is not wgs84, gcj02 or bd09", string(d))
}

// FromWGS84 converts p, a WGS-84 position, to datum d.
func FromWGS84(p Point, d Datum) (Point, error) {
	switch d {
	case WGS84:
		return p, nil
	case GCJ02:
		return gcjFromWGS(p), nil
	case BD09:
		return bdFromGCJ(gcjFromWGS(p)), nil
	}
	return Point{}, fmt.Errorf("datum %.16q is not wgs84, gcj02 or bd09", string(d))
}

// invert finds q with forward(q) = p by fixed-point iteration; both shifts are small and smooth, so each
// round gains two digits or more.
func invert(p Point, forward func(Point) Point) Point {
	const rounds, enough = 30, 1e-11
	q := p
	for range rounds {
		f := forward(q)
		dLon, dLat := p.Lon-f.Lon, p.Lat-f.Lat
		q.Lon += dLon
		q.Lat += dLat
		if math.Abs(dLon) < enough && math.Abs(dLat) < enough {
			break
		}
	}
	return q
}

// gcjFromWGS is the published polynomial of GCJ-02 over the Krasovsky 1940 ellipsoid.
func gcjFromWGS(p Point) Point {
	const (
		axisM = 6378245.0              // semi-major axis
		ee    = 0.00669342162296594323 // first eccentricity squared
	)
	if p.Lon < 72.004 || p.Lon > 137.8347 || p.Lat < 0.8293 || p.Lat > 55.8271 {
		return p
	}
	x, y := p.Lon-105, p.Lat-35
	root := math.Sqrt(math.Abs(x))
	wave := (20*math.Sin(6*x*math.Pi) + 20*math.Sin(2*x*math.Pi)) * 2 / 3
	north := -100 + 2*x + 3*y + 0.2*y*y + 0.1*x*y + 0.2*root + wave +
		(20*math.Sin(y*math.Pi)+40*math.Sin(y/3*math.Pi))*2/3 + (160*math.Sin(y/12*math.Pi)+320*math.Sin(y*math.Pi/30))*2/3
	east := 300 + x + 2*y + 0.1*x*x + 0.1*x*y + 0.1*root + wave +
		(20*math.Sin(x*math.Pi)+40*math.Sin(x/3*math.Pi))*2/3 + (150*math.Sin(x/12*math.Pi)+300*math.Sin(x/30*math.Pi))*2/3
	lat := p.Lat * math.Pi / 180
	magic := 1 - ee*math.Sin(lat)*math.Sin(lat)
	return Point{
		Lon: p.Lon + east*180/(axisM/math.Sqrt(magic)*math.Cos(lat)*math.Pi),
		Lat: p.Lat + north*180/(axisM*(1-ee)/(magic*math.Sqrt(magic))*math.Pi),
	}
}

func bdFromGCJ(p Point) Point {
	const turn = math.Pi * 3000 / 180
	r := math.Hypot(p.Lon, p.Lat) + 0.00002*math.Sin(p.Lat*turn)
	angle := math.Atan2(p.Lat, p.Lon) + 0.000003*math.Cos(p.Lon*turn)
	return Point{Lon: r*math.Cos(angle) + 0.0065, Lat: r*math.Sin(angle) + 0.006}
}
