package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/geo"
)

// TestRegister: what is near is what a look at every entry finds, the nearest first.
func TestRegister(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	b.WriteString("# who made it\n# datum: gcj02\nid,lon,name,lat,stream\n")
	const entries = 3000
	for i := range entries {
		fmt.Fprintf(&b, "c%d,%f,摄像机 %d,%f,rtsp://video.example/%d\n", i, 119.2+rng.Float64()*0.2, i, 26.0+rng.Float64()*0.2, i)
	}
	files := cityFiles(t)
	files["registers/cameras.csv"] = []byte(b.String())
	files["registers/empty.csv"] = []byte("id,name,lon,lat\n")
	files["registers/roads.csv"] = []byte("id,name,lon,lat,wkt,kind\nr1,五四路,119.3,26.1,\"LINESTRING (119.3 26.1, 119.4 26.1)\",主干路\n")
	c := load(t, files)
	if got := c.RegisterIDs(); !slices.Equal(got, []string{"cameras", "empty", "roads"}) {
		t.Fatalf("registers %v", got)
	}
	r, _ := c.Register("cameras")
	if len(r.Entries) != entries || r.Entries[7].Attributes["stream"] != "rtsp://video.example/7" || !slices.Equal(r.Columns, []string{"stream"}) {
		t.Fatalf("%d entries, %+v, columns %v", len(r.Entries), r.Entries[7], r.Columns)
	}
	p := geo.Point{Lon: 119.3, Lat: 26.1}
	for _, radius := range []float64{1, 150, 400, 1000, 5000, 90_000} {
		var want []string
		for _, e := range r.Entries {
			if geo.DistanceM(p, e.Location) <= min(radius, MaxNearM) {
				want = append(want, e.ID)
			}
		}
		near := r.Near(p, radius, entries)
		if len(near) != len(want) || !slices.IsSortedFunc(near, func(a, b Near) int { return int(a.DistanceM*1e6) - int(b.DistanceM*1e6) }) {
			t.Errorf("within %v m: %d, want %d", radius, len(near), len(want))
		}
		if few := r.Near(p, radius, 3); len(few) != min(3, len(want)) || len(few) > 0 && few[0] != near[0] {
			t.Errorf("the nearest 3 within %v m: %v", radius, few)
		}
	}
	if e, ok := r.Entry("c7"); !ok || e != r.Entries[7] || e.Geometry != nil {
		t.Errorf("by id: %+v %v", e, ok)
	}
	roads, _ := c.Register("roads")
	e, _ := roads.Entry("r1")
	if got := string(e.Geometry.AppendJSON(nil)); got != `{"type":"LineString","coordinates":[[119.3,26.1],[119.4,26.1]]}` || e.Attributes["kind"] != "主干路" || len(roads.Columns) != 1 {
		t.Errorf("%s, %+v, %v", got, e, roads.Columns)
	}
	empty, _ := c.Register("empty")
	if near := empty.Near(p, 5000, 10); len(near) != 0 {
		t.Errorf("%v in an empty register", near)
	}
	if _, ok := c.Register("lakes"); ok {
		t.Error("a register that is not there")
	}
}

// TestRegisterMistakes: each mistake with its line.
func TestRegisterMistakes(t *testing.T) {
	const head = "id,name,lon,lat,stream\n"
	for text, want := range map[string]string{
		"":                                         "registers/x.csv:1: there is no line of names",
		"id,name,lon\n":                            "registers/x.csv:1: column lat is missing",
		"id,name,lon,lat,id\n":                     `registers/x.csv:1: column 5 is "id"`,
		head + "1,a,119.3\n":                       "registers/x.csv:2: wrong number of fields",
		head + "1,a,east,26.1,\n":                  `registers/x.csv:2: lon "east" is not a number of degrees`,
		head + "# a note\n1,a,119.3,126.1,\n":      "registers/x.csv:3: ",
		head + "1,,119.3,26.1,\n":                  "registers/x.csv:2: id and name must say something",
		head + "1,a,119.3,26.1,\n1,b,119,26,\n":    `registers/x.csv:3: id "1" is in line 2 already`,
		head + "1,a,119,26,rtsp://me:pw@video/1\n": "registers/x.csv:2: stream holds a password or user name",
		"id,name,lon,lat,wkt\n1,a,119,26,LINE\n":   `registers/x.csv:2: wkt: "LINE" is no geometry`,
		"# datum: cgcs\n" + head:                   `registers/x.csv:1: datum "cgcs" is not wgs84, gcj02 or bd09`,
		head + "1,a,119,26," + strings.Repeat("x", MaxRegisterValue+1) + "\n": "registers/x.csv:2: a value must be UTF-8",
		head + strings.Repeat(",", MaxRegisterColumns) + "\n":                 "registers/x.csv:2: wrong number of fields",
		"id,name,lon,lat" + strings.Repeat(",x", MaxRegisterColumns) + "\n":   "registers/x.csv:1: 28 columns: at most 24",
	} {
		files := cityFiles(t)
		files["registers/x.csv"] = []byte(text)
		_, problems := Load(files)
		if len(problems) == 0 || !strings.HasPrefix(problems[0].String(), want) {
			t.Errorf("%.80q: %v, want %s", text, problems, want)
		}
	}
	files := cityFiles(t)
	files["registers/Bad Name.csv"] = []byte(head)
	if _, problems := Load(files); len(problems) != 1 {
		t.Errorf("a bad name: %v", problems)
	}
	for name, is := range map[string]bool{"registers/a.csv": true, "registers/a/b.csv": false, "registers/.a.csv": false, "registers/a.yaml": false, "a.csv": false} {
		if IsCityFile(name) != is {
			t.Errorf("%s is a file of the city: %v", name, !is)
		}
	}
}
