package geo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	h3 "github.com/uber/h3-go/v4"
)

// Shape is the outline of one area as read from a file.
type Shape struct {
	Code     string
	Name     string
	Line     int // of its feature in the file
	Polygons []Polygon
}

// ReadGeoJSON reads a FeatureCollection of Polygon and MultiPolygon features (RFC 7946) whose property
// "code" or "adcode" names the area, and converts it from datum d. Errors name the line.
func ReadGeoJSON(r io.Reader, d Datum) ([]Shape, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxGeoJSONBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxGeoJSONBytes {
		return nil, fmt.Errorf("more than %d MiB", MaxGeoJSONBytes>>20)
	}
	var shapes []Shape
	dec := json.NewDecoder(bytes.NewReader(data))
	lineAt := func(offset int64) int { return 1 + bytes.Count(data[:offset], []byte{'\n'}) }
	if err := seekFeatures(dec); err != nil {
		return nil, fmt.Errorf("line %d: %w", lineAt(dec.InputOffset()), err)
	}
	for dec.More() {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		line := lineAt(dec.InputOffset() - int64(len(raw)))
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", lineAt(dec.InputOffset()), err)
		}
		shape, err := readFeature(raw, d)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		shape.Line = line
		shapes = append(shapes, shape)
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("line %d: %w", lineAt(dec.InputOffset()), err)
	}
	return shapes, nil
}

// MaxGeoJSONBytes bounds a file of outlines.
const MaxGeoJSONBytes = 256 << 20

// seekFeatures reads up to the first element of the member "features".
func seekFeatures(dec *json.Decoder) error {
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("not a GeoJSON FeatureCollection")
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		if key != "features" {
			var skipped json.RawMessage
			if err := dec.Decode(&skipped); err != nil {
				return err
			}
			continue
		}
		if t, err := dec.Token(); err != nil || t != json.Delim('[') {
			return fmt.Errorf("features is not an array")
		}
		return nil
	}
	return fmt.Errorf("no member features: not a GeoJSON FeatureCollection")
}

// rings are the coordinates of a Polygon.
type rings [][][]float64

func readFeature(raw []byte, d Datum) (Shape, error) {
	var f struct {
		Properties map[string]any `json:"properties"`
		Geometry   struct {
			Type        string          `json:"type"`
			Coordinates json.RawMessage `json:"coordinates"`
		} `json:"geometry"`
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return Shape{}, err
	}
	s := Shape{Code: property(f.Properties, "code", "adcode"), Name: property(f.Properties, "name")}
	if s.Code == "" {
		return s, fmt.Errorf("the feature has no property code or adcode")
	}
	many := make([]rings, 1)
	var err error
	switch f.Geometry.Type {
	case "Polygon":
		err = json.Unmarshal(f.Geometry.Coordinates, &many[0])
	case "MultiPolygon":
		err = json.Unmarshal(f.Geometry.Coordinates, &many)
	default:
		err = fmt.Errorf("geometry %.32q: want a Polygon or MultiPolygon", f.Geometry.Type)
	}
	for _, p := range many {
		if err == nil {
			err = s.add(p, d)
		}
	}
	if err != nil {
		return s, fmt.Errorf("feature %q: %w", s.Code, err)
	}
	return s, nil
}

// add appends a polygon in datum d.
func (s *Shape) add(p rings, d Datum) error {
	var polygon Polygon
	for _, r := range p {
		ring := make(Ring, len(r))
		for i, at := range r {
			if len(at) < 2 {
				return fmt.Errorf("a position of %d numbers: want [lon, lat]", len(at))
			}
			read := Point{Lon: at[0], Lat: at[1]}
			if err := read.Validate(); err != nil {
				return err
			}
			var err error
			if ring[i], err = ToWGS84(read, d); err != nil {
				return err
			}
		}
		if n := len(ring); n > 1 && ring[0] == ring[n-1] {
			ring = ring[:n-1]
		}
		if len(ring) < 3 {
			return fmt.Errorf("a ring of %d points: at least 3", len(ring))
		}
		polygon = append(polygon, ring)
	}
	s.Polygons = append(s.Polygons, polygon)
	return nil
}

// property returns the first of the named properties there is, numbers as they are written.
func property(p map[string]any, names ...string) string {
	for _, name := range names {
		switch v := p[name].(type) {
		case string:
			return v
		case float64:
			return fmt.Sprintf("%.0f", v)
		}
	}
	return ""
}

// Outline returns the outline of an area as a GeoJSON geometry, nil if it has no shape. Outlines of cells
// run along the sides of the cells.
func (x *Index) Outline(code string) (json.RawMessage, error) {
	n, ok := x.byCode[code]
	if !ok {
		return nil, fmt.Errorf("no area %q", code)
	}
	a := &x.nodes[n].area
	switch {
	case len(a.Polygons) > 0:
		return EncodePolygons(a.Polygons)
	case len(a.Cells) > 0:
		polygons, err := outlineOf(a.Cells)
		if err != nil {
			return nil, fmt.Errorf("area %q: %w", code, err)
		}
		return EncodePolygons(polygons)
	}
	return nil, nil
}

// Outline returns a cell's outline as a GeoJSON geometry.
func (c Cell) Outline() (json.RawMessage, error) { return EncodePolygons([]Polygon{{c.Boundary()}}) }

// outlineOf returns the outline of a set of compacted cells.
func outlineOf(cells []Cell) ([]Polygon, error) {
	finest := 0
	in := make([]h3.Cell, len(cells))
	for i, c := range cells {
		in[i], finest = h3.Cell(c), max(finest, c.Resolution())
	}
	same, err := h3.UncompactCells(in, finest)
	if err != nil {
		return nil, err
	}
	loops, err := h3.CellsToMultiPolygon(same)
	if err != nil {
		return nil, err
	}
	polygons := make([]Polygon, len(loops))
	for i, g := range loops {
		for _, loop := range append([]h3.GeoLoop{g.GeoLoop}, g.Holes...) {
			ring := make(Ring, len(loop))
			for j, p := range loop {
				ring[j] = Point{Lon: p.Lng, Lat: p.Lat}
			}
			polygons[i] = append(polygons[i], ring)
		}
	}
	return polygons, nil
}

// EncodePolygons returns a GeoJSON MultiPolygon, its rings closed, to the centimetre.
func EncodePolygons(polygons []Polygon) (json.RawMessage, error) {
	many := make([][][][2]float64, len(polygons))
	for i, polygon := range polygons {
		for _, ring := range polygon {
			r := make([][2]float64, 0, len(ring)+1)
			for _, p := range ring {
				r = append(r, [2]float64{rounded(p.Lon), rounded(p.Lat)})
			}
			many[i] = append(many[i], append(r, r[0]))
		}
	}
	return json.Marshal(struct {
		Type        string           `json:"type"`
		Coordinates [][][][2]float64 `json:"coordinates"`
	}{"MultiPolygon", many})
}
