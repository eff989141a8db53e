package geo

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxGeometryPoints bounds the positions of one Geometry.
const MaxGeometryPoints = 1024

// Geometry is what stands somewhere, as a map draws it: a point, lines or polygons, WGS-84. It is immutable.
type Geometry struct {
	kind   string      // of RFC 7946
	groups [][][]Point // of polygons the rings, closed; of lines and points one group
}

// depthOf is how deep the positions of a kind lie in its coordinates.
var depthOf = map[string]int{"Point": 0, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}

// Kind returns the type of RFC 7946: Point, LineString, MultiLineString, Polygon or MultiPolygon.
func (g *Geometry) Kind() string { return g.kind }

// String returns the geometry as GeoJSON.
func (g *Geometry) String() string { return string(g.AppendJSON(nil)) }

// PointGeometry returns a point as a geometry.
func PointGeometry(p Point) *Geometry { return &Geometry{"Point", [][][]Point{{{p}}}} }

// ReadGeometry reads a geometry in datum d from what JSON or YAML were decoded to: an object of RFC 7946, bare
// coordinates ([lon, lat] is a point, a list of such a line), or a text in WKT such as LINESTRING (119.3 26.0, 119.4 26.1).
// At most MaxGeometryPoints positions are taken; a third number of one, its height, is left out.
func ReadGeometry(v any, d Datum) (*Geometry, error) {
	kind, coordinates := "", v
	switch v := v.(type) {
	case map[string]any:
		kind, _ = v["type"].(string)
		coordinates = v["coordinates"]
	case string:
		var err error
		if kind, coordinates, err = readWKT(v); err != nil {
			return nil, err
		}
	case []any:
		kind = "LineString"
		if len(v) > 0 {
			if _, deeper := v[0].([]any); !deeper {
				kind = "Point"
			}
		}
	default:
		return nil, fmt.Errorf("a geometry is a GeoJSON object, [lon, lat], a list of such, or a text in WKT")
	}
	depth, ok := depthOf[kind]
	if !ok {
		return nil, fmt.Errorf("geometry %.32q: want Point, LineString, MultiLineString, Polygon or MultiPolygon", kind)
	}
	r := geometryReader{datum: d, closed: strings.HasSuffix(kind, "Polygon")}
	for range 3 - depth { // everything is read as what lies deepest
		coordinates = []any{coordinates}
	}
	g := &Geometry{kind: kind}
	for _, group := range r.list(coordinates) {
		var lines [][]Point
		for _, line := range r.list(group) {
			lines = append(lines, r.line(line, min(depth+1, 2)))
		}
		g.groups = append(g.groups, lines)
	}
	if r.err != nil {
		return nil, r.err
	}
	return g, nil
}

// geometryReader keeps the first mistake.
type geometryReader struct {
	datum  Datum
	closed bool // lines are rings
	points int
	err    error
}

func (r *geometryReader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *geometryReader) list(v any) []any {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		r.fail("the coordinates of a geometry do not lie as deep as its type wants, or are empty")
	}
	return list
}

func (r *geometryReader) line(v any, least int) (line []Point) {
	for _, at := range r.list(v) {
		position, ok := at.([]any)
		if !ok || len(position) < 2 {
			r.fail("a position is [lon, lat]")
			return nil
		}
		if r.points++; r.points > MaxGeometryPoints {
			r.fail("a geometry of more than %d positions", MaxGeometryPoints)
			return nil
		}
		lon, ok1 := degrees(position[0])
		lat, ok2 := degrees(position[1])
		p := Point{Lon: lon, Lat: lat}
		if !ok1 || !ok2 {
			r.fail("a position is two numbers, lon and lat")
		} else if err := p.Validate(); err != nil {
			r.fail("%w", err)
		}
		if r.err != nil {
			return nil
		}
		converted, err := ToWGS84(p, r.datum)
		if err != nil {
			r.fail("%w", err)
		}
		line = append(line, converted)
	}
	if r.closed && len(line) > 0 && line[0] != line[len(line)-1] {
		line = append(line, line[0])
	}
	if r.closed {
		least = 4
	}
	if len(line) < least {
		r.fail("a line has at least 2 positions, a ring 3")
	}
	return line
}

func degrees(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	}
	return 0, false
}

// wktKinds are the types of RFC 7946 by what WKT calls them.
var wktKinds = map[string]string{"POINT": "Point", "LINESTRING": "LineString", "MULTILINESTRING": "MultiLineString", "POLYGON": "Polygon", "MULTIPOLYGON": "MultiPolygon"}

// readWKT turns well-known text (OGC 06-103r4) into a type and coordinates as GeoJSON has them.
func readWKT(text string) (kind string, coordinates any, err error) {
	word, rest, found := strings.Cut(text, "(")
	kind = wktKinds[strings.ToUpper(strings.TrimSpace(word))]
	if kind == "" || !found {
		return "", nil, fmt.Errorf("%.40q is no geometry: want WKT such as LINESTRING (119.3 26.0, 119.4 26.1)", text)
	}
	coordinates, rest, err = wktList(rest, 1)
	if err != nil {
		return "", nil, err
	}
	if strings.TrimSpace(rest) != "" {
		return "", nil, fmt.Errorf("%.20q stands behind the geometry", strings.TrimSpace(rest))
	}
	if list, ok := coordinates.([]any); ok && kind == "Point" && len(list) == 1 {
		coordinates = list[0]
	}
	return kind, coordinates, nil
}

// wktList reads what follows a bracket up to the one that closes it: lists, or positions.
func wktList(text string, depth int) (list []any, rest string, err error) {
	const deepest = 3
	for {
		text = strings.TrimSpace(text)
		var item any
		if inner, ok := strings.CutPrefix(text, "("); ok {
			if depth++; depth > deepest {
				return nil, "", fmt.Errorf("brackets lie deeper than %d", deepest)
			}
			if item, text, err = wktList(inner, depth); err != nil {
				return nil, "", err
			}
			depth--
		} else {
			end := strings.IndexAny(text, ",)")
			if end < 0 {
				return nil, "", fmt.Errorf("a bracket is not closed")
			}
			if item, err = wktPosition(text[:end]); err != nil {
				return nil, "", err
			}
			text = text[end:]
		}
		list = append(list, item)
		switch text = strings.TrimSpace(text); {
		case strings.HasPrefix(text, ","):
			text = text[1:]
		case strings.HasPrefix(text, ")"):
			return list, text[1:], nil
		default:
			return nil, "", fmt.Errorf("%.20q: want , or )", text)
		}
	}
}

func wktPosition(text string) (any, error) {
	var position []any
	for _, word := range strings.Fields(text) {
		n, err := strconv.ParseFloat(word, 64)
		if err != nil {
			return nil, fmt.Errorf("%.20q is no number of degrees", word)
		}
		position = append(position, n)
	}
	if len(position) < 2 {
		return nil, fmt.Errorf("%.20q is no position: want lon and lat", text)
	}
	return position, nil
}

// AppendJSON appends the geometry as RFC 7946 has it, with six decimals: 0.1 m.
func (g *Geometry) AppendJSON(b []byte) []byte {
	b = append(append(append(b, `{"type":"`...), g.kind...), `","coordinates":`...)
	switch depthOf[g.kind] {
	case 0:
		b = appendPosition(b, g.groups[0][0][0])
	case 1:
		b = appendLine(b, g.groups[0][0])
	case 2:
		b = appendLines(b, g.groups[0])
	default:
		b = appendAll(b, g.groups, appendLines)
	}
	return append(b, '}')
}

func appendAll[T any](b []byte, list []T, one func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, v)
	}
	return append(b, ']')
}

func appendLines(b []byte, lines [][]Point) []byte { return appendAll(b, lines, appendLine) }
func appendLine(b []byte, line []Point) []byte     { return appendAll(b, line, appendPosition) }

func appendPosition(b []byte, p Point) []byte {
	b = appendDegrees(append(b, '['), p.Lon)
	return append(appendDegrees(append(b, ','), p.Lat), ']')
}

func appendDegrees(b []byte, v float64) []byte {
	b = strconv.AppendFloat(b, v, 'f', 6, 64)
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}
