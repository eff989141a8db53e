package geo

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

const districtsFile = "../../shared/data/areas/fuzhou_districts_wgs84.geojson"

// winding is another way to ask whether p is inside: the sum of the angles the rings turn about it.
func winding(polygons []Polygon, p Point) bool {
	odd := false
	for _, polygon := range polygons {
		for _, ring := range polygon {
			turn := 0.0
			for i, a := range ring {
				b := ring[(i+1)%len(ring)]
				d := math.Atan2(b.Lat-p.Lat, b.Lon-p.Lon) - math.Atan2(a.Lat-p.Lat, a.Lon-p.Lon)
				if d > math.Pi {
					d -= 2 * math.Pi
				} else if d < -math.Pi {
					d += 2 * math.Pi
				}
				turn += d
			}
			if math.Round(turn/(2*math.Pi)) != 0 {
				odd = !odd
			}
		}
	}
	return odd
}

func districts(tb testing.TB) []Area {
	data, err := os.ReadFile(districtsFile)
	if errors.Is(err, fs.ErrNotExist) {
		tb.Skip("the outlines of the districts are not on this machine")
	}
	if err != nil {
		tb.Fatal(err)
	}
	shapes, err := ReadGeoJSON(bytes.NewReader(data), WGS84)
	if err != nil {
		tb.Fatal(err)
	}
	areas := []Area{{Code: "350100", Level: City}}
	for _, s := range shapes {
		areas = append(areas, Area{Code: s.Code, Parent: "350100", Name: s.Name, Level: District, Polygons: s.Polygons})
	}
	return areas
}

// A town of three made-up districts, one with a hole that is another, one with two parts; streets cut one.
func town() []Area {
	square := func(w, s, e, n float64) Ring { return Ring{{w, s}, {e, s}, {e, n}, {w, n}} }
	return []Area{
		{Code: "1", Level: City},
		{Code: "11", Parent: "1", Level: District, Polygons: []Polygon{{square(119.0, 26.0, 119.2, 26.2), square(119.05, 26.05, 119.1, 26.1)}}},
		{Code: "12", Parent: "1", Level: District, Polygons: []Polygon{{square(119.05, 26.05, 119.1, 26.1)}}},
		{Code: "13", Parent: "1", Level: District, Polygons: []Polygon{
			{{{119.2, 26.0}, {119.3, 26.0}, {119.2501, 26.1003}, {119.3, 26.2}, {119.2, 26.2}}},
			{square(119.4, 26.0, 119.4004, 26.0003)}, // an island much smaller than a cell
		}},
		{Code: "111", Parent: "11", Level: Street, Polygons: []Polygon{{square(119.0, 26.0, 119.2, 26.03)}}},
		{Code: "112", Parent: "11", Level: Street, Polygons: []Polygon{{square(119.1, 26.03, 119.2, 26.2)}}},
		{Code: "1111", Parent: "111", Level: Community},
	}
}

func mustIndex(tb testing.TB, areas []Area) *Index {
	x, err := NewIndex(areas)
	if err != nil {
		tb.Fatal(err)
	}
	return x
}

// expect is Locate by asking every polygon.
func expect(x *Index, p Point) []string {
	best := -1
	for i := range x.nodes {
		n := &x.nodes[i]
		if winding(n.area.Polygons, p) && (best < 0 || n.depth > x.nodes[best].depth) {
			best = i
		}
	}
	if best < 0 {
		return x.nodes[root].path
	}
	return x.nodes[best].path
}

// points near every border: beside, just inside, just outside.
func borderPoints(areas []Area, rng *rand.Rand, yield func(Point, float64)) {
	for _, a := range areas {
		for _, polygon := range a.Polygons {
			for _, ring := range polygon {
				for i, p := range ring {
					q := ring[(i+1)%len(ring)]
					for range 4 {
						t := rng.Float64()
						off := math.Pow(10, -1-4*rng.Float64()) * (1 - 2*float64(rng.IntN(2))) // 1e-5 to 1e-1 of the edge: down to centimetres
						x, y := q.Lon-p.Lon, q.Lat-p.Lat
						yield(Point{p.Lon + t*x - off*y, p.Lat + t*y + off*x}, math.Abs(off)*math.Hypot(x, y))
					}
				}
			}
		}
	}
}

func TestLocateAgreesWithEveryPolygon(t *testing.T) {
	for name, areas := range map[string]func(testing.TB) []Area{"town": func(testing.TB) []Area { return town() }, "Fuzhou": districts} {
		t.Run(name, func(t *testing.T) {
			list := areas(t)
			x := mustIndex(t, list)
			rng := rand.New(rand.NewPCG(3, 4))
			asked, wrong := 0, 0
			ask := func(p Point) {
				asked++
				got, want := x.Locate(p), expect(x, p)
				if !slices.Equal(got.Path, want) || got.Outside != (len(want) == 1) || got.Cell != CellAt(p) {
					if wrong++; wrong < 10 {
						t.Errorf("%v: got %v outside=%v, want %v", p, got.Path, got.Outside, want)
					}
				}
			}
			w, s, e, n := 118.3, 25.2, 120.3, 26.7
			if name == "town" {
				w, s, e, n = 118.95, 25.95, 119.45, 26.25
			}
			for range 5_000 {
				ask(Point{w + rng.Float64()*(e-w), s + rng.Float64()*(n-s)})
			}
			borderPoints(list, rng, func(p Point, off float64) {
				if off > 1e-9 { // a tenth of a millimetre: nearer than that the two ways may round differently
					ask(p)
				}
			})
			t.Logf("%d positions, %d border cells, %d cells in one area", asked, len(x.border), len(x.whole))
		})
	}
}

// A point exactly on a border shared by neighbours is in exactly one of them.
func TestBorderBelongsToOne(t *testing.T) {
	one := func(w, s, e, n float64) *Index {
		return mustIndex(t, []Area{{Code: "1", Level: City}, {Code: "2", Parent: "1", Level: District, Polygons: []Polygon{{{{w, s}, {e, s}, {e, n}, {w, n}}}}}})
	}
	quarters := []*Index{one(119, 26, 119.1, 26.1), one(119.1, 26, 119.2, 26.1), one(119, 26.1, 119.1, 26.2), one(119.1, 26.1, 119.2, 26.2)}
	for i := range 997 {
		along := 0.2 * float64(i) / 997
		for _, p := range []Point{{119.1, 26 + along}, {119 + along, 26.1}, {119.1, 26.1}} {
			in := 0
			for _, x := range quarters {
				if !x.Locate(p).Outside {
					in++
				}
			}
			if in != 1 {
				t.Fatalf("%v on the border is in %d of 4 neighbours", p, in)
			}
		}
	}
}

func TestTree(t *testing.T) {
	x := mustIndex(t, town())
	if p, ok := x.Path("1111"); !ok || strings.Join(p, ">") != "1>11>111>1111" {
		t.Errorf("path of 1111: %v", p)
	}
	if c := x.Children("11"); !slices.Equal(c, []string{"111", "112"}) {
		t.Errorf("children of 11: %v", c)
	}
	if _, ok := x.Centre("1111"); ok {
		t.Error("an area without a shape has a centre")
	}
	for _, code := range []string{"11", "12", "13", "111"} {
		c, ok := x.Centre(code)
		if !ok || !slices.Contains(x.Locate(c).Path, code) {
			t.Errorf("the centre of %s, %v, is in %v", code, c, x.Locate(c).Path)
		}
	}
	if at := x.Locate(Point{math.NaN(), 26}); !at.Outside || at.Cell != 0 || len(at.Path) != 1 {
		t.Errorf("no position is at %+v", at)
	}
	bare := mustIndex(t, []Area{{Code: "1", Level: City}, {Code: "11", Parent: "1", Level: District}})
	if at := bare.Locate(Point{119, 26}); at.Outside || len(at.Path) != 1 {
		t.Errorf("in a city without shapes a position is at %+v", at)
	}
	for name, c := range map[string]struct {
		areas []Area
		want  string
	}{
		"twice":    {append(town(), Area{Code: "11", Parent: "1", Level: District}), `"11" is there twice`},
		"orphan":   {append(town(), Area{Code: "9", Parent: "8", Level: District}), `no parent area "8"`},
		"roots":    {append(town(), Area{Code: "9", Level: City}), "2 areas have no parent"},
		"none":     {nil, "0 areas have no parent"},
		"circle":   {append(town(), Area{Code: "8", Parent: "9", Level: Street}, Area{Code: "9", Parent: "8", Level: Street}), "below itself"},
		"level":    {append(town(), Area{Code: "9", Parent: "111", Level: District}), "level district cannot lie below"},
		"ring":     {append(town(), Area{Code: "9", Parent: "1", Level: District, Polygons: []Polygon{{{{1, 2}, {3, 4}}}}}), "a ring of 2 points"},
		"position": {append(town(), Area{Code: "9", Parent: "1", Level: District, Polygons: []Polygon{{{{1, 2}, {3, 4}, {5, 95}}}}}), "lat 95"},
		"world":    {append(town(), Area{Code: "9", Parent: "1", Level: District, Polygons: []Polygon{{{{-179, 2}, {179, 4}, {179, 5}}}}}), "antimeridian"},
		"cell":     {append(town(), Area{Code: "9", Parent: "1", Level: District, Cells: []Cell{42}}), "not an H3 cell"},
	} {
		if _, err := NewIndex(c.areas); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestPartition(t *testing.T) {
	areas := districts(t)
	exact := mustIndex(t, areas)
	var shapes []Shape
	for _, a := range areas[1:] {
		shapes = append(shapes, Shape{Code: a.Code, Polygons: a.Polygons})
	}
	cells, err := Partition(shapes)
	if err != nil {
		t.Fatal(err)
	}
	var csv bytes.Buffer
	if err := WritePartition(&csv, cells, "made by a test"); err != nil {
		t.Fatal(err)
	}
	read, err := ReadPartition(&csv)
	if err != nil || len(read) != 13 {
		t.Fatalf("%d areas: %v", len(read), err)
	}
	rough := []Area{{Code: "350100", Level: City}}
	for _, a := range read {
		rough = append(rough, Area{Code: a.Code, Parent: "350100", Level: District, Cells: a.Cells})
	}
	x := mustIndex(t, rough)
	rng := rand.New(rand.NewPCG(5, 6))
	differ, n := 0, 0
	for range 20_000 {
		p := Point{118.6 + rng.Float64(), 25.6 + rng.Float64()}
		want := exact.Locate(p)
		if want.Outside {
			continue
		}
		n++
		if got := x.Locate(p); !slices.Equal(got.Path, want.Path) {
			differ++
			c, _ := CellAt(p).Parent(PartitionResolution).Centre()
			if in := exact.Locate(c); slices.Equal(in.Path, want.Path) {
				t.Errorf("%v is in %v, and so is the centre of its cell, but the partition says %v", p, want.Path, got.Path)
			}
		}
	}
	if n < 10_000 || differ > n/20 {
		t.Errorf("the partition differs at %d of %d positions", differ, n)
	}
	for _, a := range read {
		if o, err := x.Outline(a.Code); err != nil || len(o) < 100 {
			t.Errorf("outline of %s: %d bytes, %v", a.Code, len(o), err)
		}
	}
}

func TestReadPartitionErrors(t *testing.T) {
	for text, want := range map[string]string{
		"cell;area\n": "line 1", "cell,area\n884183b61dfffff\n": "line 2", "cell,area\nxyz,1\n": "line 2",
		"cell,area\n884183b61dfffff,1\n# again\n884183b61dfffff,2\n":        "line 4: cell 884183b61dfffff stands on line 2",
		"cell,area\n884183b61dfffff,1\n" + within("884183b61dfffff") + ",2": "line 3: cell",
	} {
		if _, err := ReadPartition(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func within(text string) string {
	c, _ := ParseCell(text)
	p, _ := c.Centre()
	return CellAt(p).String()
}

func TestReadGeoJSONErrors(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                    "not a GeoJSON FeatureCollection",
		`{"type":"x"}`:          "no member features",
		"{\"features\":[\n{}]}": "line 2: the feature has no property code",
		`{"features":[{"properties":{"adcode":1},"geometry":{"type":"Point","coordinates":[1,2]}}]}`:                         "want a Polygon",
		"{\"features\":[\n\n{\"properties\":{\"code\":\"1\"},\"geometry\":{\"type\":\"Polygon\",\"coordinates\":[[[1]]]}}]}": `line 3: feature "1": a position of 1 numbers`,
		`{"features":[{"properties":{"code":"1"},"geometry":{"type":"Polygon","coordinates":[[[1,2],[3,4],[1,2]]]}}]}`:       "a ring of 2 points",
		`{"features":[`: "line 1",
	} {
		if _, err := ReadGeoJSON(strings.NewReader(text), WGS84); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func FuzzLocate(f *testing.F) {
	x, err := NewIndex(town())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(119.1, 26.1)
	f.Fuzz(func(t *testing.T, lon, lat float64) {
		if at := x.Locate(Point{lon, lat}); len(at.Path) == 0 || at.Outside != (len(at.Path) == 1) {
			t.Fatalf("%v %v is at %+v", lon, lat, at)
		}
	})
}

func FuzzReadGeoJSON(f *testing.F) {
	f.Add([]byte(`{"features":[{"properties":{"code":"1"},"geometry":{"type":"Polygon","coordinates":[[[1,2],[3,4],[5,2]]]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		shapes, err := ReadGeoJSON(bytes.NewReader(data), GCJ02)
		for _, s := range shapes {
			if err == nil && s.Code == "" {
				t.Fatal("a shape without a code")
			}
		}
	})
}

func BenchmarkLocate(b *testing.B) {
	x := mustIndex(b, districts(b))
	rng := rand.New(rand.NewPCG(7, 8))
	var anywhere, border []Point
	for range 4096 {
		anywhere = append(anywhere, Point{118.6 + rng.Float64()*1.2, 25.5 + rng.Float64()})
	}
	for c := range x.border {
		p, _ := c.Centre()
		if border = append(border, p); len(border) == 4096 {
			break
		}
	}
	for name, points := range map[string][]Point{"anywhere": anywhere, "border": border} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				x.Locate(points[i&(len(points)-1)])
			}
		})
	}
	b.Run("h3-cell-alone", func(b *testing.B) {
		for i := range b.N {
			CellAt(anywhere[i&4095])
		}
	})
}

func BenchmarkNewIndex(b *testing.B) {
	areas := districts(b)
	for range b.N {
		mustIndex(b, areas)
	}
}
