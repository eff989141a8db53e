package geo

import (
	"math"
	"math/rand/v2"
	"testing"

	h3 "github.com/uber/h3-go/v4"
	"pgregory.net/rapid"
)

func TestDatumKnownPoints(t *testing.T) {
	// Published examples of the coordtransform library (MIT).
	p := Point{116.404, 39.915}
	for _, c := range []struct {
		name      string
		got, want Point
	}{
		{"wgs84 to gcj02", gcjFromWGS(p), Point{116.41024449916938, 39.91640428150164}},
		{"gcj02 to bd09", bdFromGCJ(p), Point{116.41036949371029, 39.92133699351021}},
	} {
		if DistanceM(c.got, c.want) > 0.001 {
			t.Errorf("%s: got %v, want %v", c.name, c.got, c.want)
		}
	}
	// In Fuzhou the two differ by about (-0.0049, +0.0028) degrees.
	w, err := ToWGS84(Point{119.2965, 26.0745}, GCJ02)
	if err != nil || math.Abs(w.Lon-119.2965+0.0049) > 5e-4 || math.Abs(w.Lat-26.0745-0.0028) > 5e-4 {
		t.Errorf("Fuzhou: %v %v", w, err)
	}
	if abroad := (Point{-122.42, 37.77}); gcjFromWGS(abroad) != abroad {
		t.Error("a position abroad was shifted")
	}
	if _, err := ToWGS84(p, "nad27"); err == nil {
		t.Error("an unknown datum was taken")
	}
}

func TestDatumRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Point{rapid.Float64Range(73, 136).Draw(t, "lon"), rapid.Float64Range(2, 54).Draw(t, "lat")}
		for _, d := range []Datum{WGS84, GCJ02, BD09} {
			there, err := FromWGS84(p, d)
			if err != nil {
				t.Fatal(err)
			}
			back, err := ToWGS84(there, d)
			if err != nil {
				t.Fatal(err)
			}
			if off := DistanceM(p, back); off > 0.001 {
				t.Fatalf("%s: %v came back as %v, %v m off", d, p, back, off)
			}
		}
	})
}

func TestParentAgreesWithH3(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Point{rapid.Float64Range(-180, 180).Draw(t, "lon"), rapid.Float64Range(-90, 90).Draw(t, "lat")}
		res := rapid.IntRange(0, MaxResolution).Draw(t, "resolution")
		to := rapid.IntRange(0, res).Draw(t, "to")
		c := CellAtResolution(p, res)
		want, err := h3.Cell(c).Parent(to)
		if err != nil || c.Parent(to) != Cell(want) || c.Resolution() != res {
			t.Fatalf("parent of %v at %d: got %v, want %v (%v)", c, to, c.Parent(to), want, err)
		}
		parsed, err := ParseCell(c.String())
		if err != nil || parsed != c {
			t.Fatalf("%v read back as %v: %v", c, parsed, err)
		}
	})
}

// What lies within the width of a cell is in it or in the ring around it.
func TestCellWidth(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		res := 5 + rng.IntN(6)
		p := Point{rng.Float64()*360 - 180, math.Asin(rng.Float64()*2-1) * 180 / math.Pi}
		if math.Abs(p.Lat) > 85 {
			continue
		}
		c := CellAtResolution(p, res)
		if h3.Cell(c).IsPentagon() {
			continue
		}
		// From a corner of the cell, the worst place to stand.
		corners := c.Boundary()
		from := corners[rng.IntN(len(corners))]
		bearing, d := rng.Float64()*2*math.Pi, CellWidthM(res)
		to := Point{from.Lon + d*math.Sin(bearing)/(111_195*math.Cos(from.Lat*math.Pi/180)), from.Lat + d*math.Cos(bearing)/111_195}
		if to.Validate() != nil {
			continue
		}
		found := false
		for _, n := range c.AppendDisk(nil, 1) {
			found = found || n == CellAtResolution(to, res)
		}
		if !found {
			t.Fatalf("%v is %.0f m from a corner of %v and outside its ring", to, d, c)
		}
	}
}

func TestDistance(t *testing.T) {
	// One degree of a meridian of the mean sphere.
	if d := DistanceM(Point{119, 26}, Point{119, 27}); math.Abs(d-111_195.08) > 0.1 {
		t.Errorf("a degree of latitude is %v m", d)
	}
	if d := DistanceM(Point{0, 0}, Point{180, 0}); math.Abs(d-math.Pi*earthRadiusM) > 1 {
		t.Errorf("half way round is %v m", d)
	}
}

func TestInvalidPositions(t *testing.T) {
	for _, p := range []Point{{math.NaN(), 0}, {0, math.NaN()}, {math.Inf(1), 0}, {181, 0}, {0, -91}} {
		if p.Validate() == nil || CellAt(p) != 0 {
			t.Errorf("%v was taken for a position", p)
		}
	}
	for _, text := range []string{"", "zz", "894183b61d3fff", "ffffffffffffffff", "894183b61d3ffff0"} {
		if c, err := ParseCell(text); err == nil {
			t.Errorf("%q was taken for cell %v", text, c)
		}
	}
}

func FuzzParseCell(f *testing.F) {
	f.Add("894183b61d3ffff")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCell(text)
		if err == nil && !h3.Cell(c).IsValid() {
			t.Fatalf("%q gave the invalid cell %x", text, uint64(c))
		}
	})
}
