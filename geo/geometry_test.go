package geo

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestGeometry(t *testing.T) {
	for in, want := range map[string]string{
		`[119.3, 26]`:                                                                           `{"type":"Point","coordinates":[119.3,26]}`,
		`[[119.3, 26.1], [119.4, 26, 7]]`:                                                       `{"type":"LineString","coordinates":[[119.3,26.1],[119.4,26]]}`,
		`"POINT(119.3 26.1)"`:                                                                   `{"type":"Point","coordinates":[119.3,26.1]}`,
		`" linestring (119.3 26.1 , 119.4000004 26.0) "`:                                        `{"type":"LineString","coordinates":[[119.3,26.1],[119.4,26]]}`,
		`"MULTILINESTRING ((1 2, 3 4), (5 6, 7 8))"`:                                            `{"type":"MultiLineString","coordinates":[[[1,2],[3,4]],[[5,6],[7,8]]]}`,
		`"POLYGON ((0 0, 1 0, 1 1))"`:                                                           `{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}`,
		`"MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)), ((2 2, 3 2, 3 3, 2 2)))"`:                       `{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]],[[[2,2],[3,2],[3,3],[2,2]]]]}`,
		`{"type":"Point","coordinates":[1,2]}`:                                                  `{"type":"Point","coordinates":[1,2]}`,
		`{"type":"MultiLineString","coordinates":[[[1,2],[3,4]]]}`:                              `{"type":"MultiLineString","coordinates":[[[1,2],[3,4]]]}`,
		`{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]],"bbox":[0,0,1,1]}`:         `{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}`,
		`{"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]],[[1,1],[2,2],[3]]]]}`: "a position is [lon, lat]",
		`[]`:                               "empty",
		`7`:                                "a geometry is",
		`"here"`:                           "is no geometry",
		`"CIRCLE (1 2)"`:                   "is no geometry",
		`"POINT (1 2, 3 4)"`:               "a position is",
		`"POINT (1"`:                       "a bracket is not closed",
		`"POINT (1 2) 3"`:                  "stands behind",
		`"LINESTRING (1 2)"`:               "a line has at least 2",
		`"LINESTRING (1 2; 3 4)"`:          "is no number of degrees",
		`"LINESTRING (1 2, 3)"`:            "is no position",
		`"LINESTRING (200 2, 3 4)"`:        "lon 200 is not between",
		`"POLYGON ((0 0, 1 1))"`:           "a ring 3",
		`"POLYGON (((0 0, 1 1, 2 2)))"`:    "a position is",
		`"POLYGON ((((((0 0, 1 1))))))"`:   "deeper",
		`{"type":"GeometryCollection"}`:    `geometry "GeometryCollection"`,
		`{"type":"Point"}`:                 "a position is",
		`{"type":"Point","coordinates":1}`: "a position is",
		`[["1","2"],["3","4"]]`:            "two numbers",
	} {
		var v any
		if err := json.Unmarshal([]byte(in), &v); err != nil {
			t.Fatal(in, err)
		}
		g, err := ReadGeometry(v, WGS84)
		switch {
		case err != nil:
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", in, err, want)
			}
		case string(g.AppendJSON(nil)) != want:
			t.Errorf("%s becomes %s, want %s", in, g.AppendJSON(nil), want)
		}
	}
	long := "LINESTRING (" + strings.Repeat("1 2, ", MaxGeometryPoints) + "1 2)"
	if _, err := ReadGeometry(long, WGS84); err == nil || !strings.Contains(err.Error(), "1024 positions") {
		t.Errorf("a long line: %v", err)
	}
	if _, err := ReadGeometry("POINT (1 2)", "mars"); err == nil {
		t.Error("an unknown datum is taken")
	}
	shifted, err := ReadGeometry("POINT (119.3 26.1)", GCJ02)
	if err != nil || string(shifted.AppendJSON(nil)) == `{"type":"Point","coordinates":[119.3,26.1]}` {
		t.Errorf("gcj02: %s %v", shifted.AppendJSON(nil), err)
	}
}

// FuzzGeometry: whatever a text says, it is refused or becomes a geometry that reads back as itself.
func FuzzGeometry(f *testing.F) {
	for _, s := range []string{"POINT (1 2)", "LINESTRING (1 2, 3 4)", "POLYGON ((0 0, 1 0, 1 1))", "MULTIPOLYGON (((0 0, 1 0, 1 1)))", "POLYGON ((((", "POINT ()", "LINESTRING (,)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		g, err := ReadGeometry(text, WGS84)
		if err != nil {
			return
		}
		first := g.AppendJSON(nil)
		var v any
		if err := json.Unmarshal(first, &v); err != nil {
			t.Fatalf("%q: %s: %v", text, first, err)
		}
		again, err := ReadGeometry(v, WGS84)
		if err != nil || string(again.AppendJSON(nil)) != string(first) {
			t.Errorf("%q: %s, then %s, %v", text, first, again.AppendJSON(nil), err)
		}
	})
}
