package geo

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// covered asks as a cover is meant to be asked: by the parents of a position's cell, for a cell's children do not tile it exactly.
func covered(cells []Cell, p Point, resolution int) bool {
	return slices.ContainsFunc(cells, func(c Cell) bool { return CellAtResolution(p, resolution).Parent(c.Resolution()) == c })
}

func TestCoverHoldsWhatIsInside(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		centre := Point{Lon: r.Float64()*340 - 170, Lat: r.Float64()*140 - 70}
		size := math.Pow(10, r.Float64()*4-3) // 0.001° to 10°
		n := 3 + r.IntN(30)
		ring := make(Ring, n)
		for i := range ring {
			a, d := 2*math.Pi*float64(i)/float64(n), size*(0.5+r.Float64()/2)
			ring[i] = Point{Lon: centre.Lon + d*math.Cos(a), Lat: centre.Lat + d*math.Sin(a)}
		}
		const most = 500
		cells, err := Cover([]Polygon{{ring}}, nil, most)
		base := coverResolution([]Polygon{{ring}}, nil)
		if err != nil || len(cells) == 0 || len(cells) > most {
			t.Fatalf("%d cells, %v for %v", len(cells), err, ring)
		}
		for range 100 {
			i := r.IntN(n)
			a, b, u, v := ring[i], ring[(i+1)%n], r.Float64(), r.Float64()
			if u+v > 1 {
				u, v = 1-u, 1-v
			}
			p := Point{Lon: centre.Lon + u*(a.Lon-centre.Lon) + v*(b.Lon-centre.Lon), Lat: centre.Lat + u*(a.Lat-centre.Lat) + v*(b.Lat-centre.Lat)}
			if !covered(cells, p, base) {
				t.Errorf("%v of %v is in none of %d cells, made from resolution %d", p, ring, len(cells), base)
			}
		}
		if far := (Point{Lon: centre.Lon + 5*size, Lat: centre.Lat}); size < 1 && size > 0.05 && covered(cells, far, base) {
			t.Errorf("%v is covered, far from %v", far, ring)
		}
	}
}

func TestCoverOfCircles(t *testing.T) {
	centre := Point{Lon: 119.3, Lat: 26.08}
	for _, radius := range []float64{0, 1, 500, 20_000, 1e6, 2e7} {
		circles := []Circle{{centre, radius}}
		cells, err := Cover(nil, circles, 500)
		if err != nil || len(cells) == 0 || len(cells) > 500 {
			t.Fatalf("%v m: %d cells, %v", radius, len(cells), err)
		}
		for bearing := 0.0; bearing < 2*math.Pi; bearing += 0.1 {
			d := 0.98 * min(radius, 4e6) / earthRadiusM * 180 / math.Pi
			p := Point{Lon: centre.Lon + d*math.Sin(bearing)/math.Cos(centre.Lat*math.Pi/180), Lat: centre.Lat + d*math.Cos(bearing)}
			if DistanceM(p, centre) < radius && !covered(cells, p, coverResolution(nil, circles)) {
				t.Errorf("%v m: %v is in no cell", radius, p)
			}
		}
	}
}

func TestCoverIsBounded(t *testing.T) {
	ring := make(Ring, 100_000) // a coast
	for i := range ring {
		a := 2 * math.Pi * float64(i) / float64(len(ring))
		d := 2 + 0.3*math.Sin(700*a)
		ring[i] = Point{Lon: 119 + d*math.Cos(a), Lat: 26 + d*math.Sin(a)}
	}
	cells, err := Cover([]Polygon{{ring}, {{{Lon: 119, Lat: 26}, {Lon: 119, Lat: 26}, {Lon: 119, Lat: 26}}}}, nil, 500)
	if err != nil || len(cells) == 0 || len(cells) > 500 || !covered(cells, Point{Lon: 119, Lat: 26}, 4) {
		t.Fatalf("%d cells, %v", len(cells), err)
	}
}
