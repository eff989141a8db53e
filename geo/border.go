package geo

import "math"

// edge is a piece of a border that runs upward: y1 <= y2, and from west to east if level. Neighbours share
// their border, each in its own direction; oriented alike, both get the same answer from it, and a point on
// the border is in exactly one of them.
type edge struct{ x1, y1, x2, y2 float64 }

func newEdge(a, b Point) edge {
	if b.Lat < a.Lat || b.Lat == a.Lat && b.Lon < a.Lon {
		a, b = b, a
	}
	return edge{a.Lon, a.Lat, b.Lon, b.Lat}
}

// left reports whether (x, y) lies left of the edge, looking along it. A point on the line counts as a
// little to the east of it, and above a level one.
func (e *edge) left(x, y float64) bool {
	if e.y1 == e.y2 {
		return y >= e.y1
	}
	return (e.x2-e.x1)*(y-e.y1)-(x-e.x1)*(e.y2-e.y1) > 0
}

// spans reports whether a level line at y meets the edge; of the edge's ends the lower belongs to it.
func (e *edge) spans(y float64) bool { return e.y1 <= y && y < e.y2 }

// edgesOf returns the edges of all rings, without those of no length.
func edgesOf(polygons []Polygon) []edge {
	var edges []edge
	for _, polygon := range polygons {
		for _, ring := range polygon {
			for i, p := range ring {
				if q := ring[(i+1)%len(ring)]; p != q {
					edges = append(edges, newEdge(p, q))
				}
			}
		}
	}
	return edges
}

// inside is the even-odd rule with a ray to the east.
func inside(edges []edge, x, y float64) bool {
	in := false
	for i := range edges {
		if e := &edges[i]; e.spans(y) && e.left(x, y) {
			in = !in
		}
	}
	return in
}

// box is a rectangle of longitudes and latitudes.
type box struct{ w, s, e, n float64 }

// cellBox encloses a cell with a little to spare: H3's edges are arcs, not straight in this plane.
func cellBox(c Cell) box {
	b := box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, p := range c.Boundary() {
		b = box{min(b.w, p.Lon), min(b.s, p.Lat), max(b.e, p.Lon), max(b.n, p.Lat)}
	}
	dx, dy := (b.e-b.w)*0.02, (b.n-b.s)*0.02
	return box{b.w - dx, b.s - dy, b.e + dx, b.n + dy}
}

// meets reports whether an edge has a point in the box, and may say so of one that passes very near.
func (b box) meets(e *edge) bool {
	if max(e.x1, e.x2) < b.w || min(e.x1, e.x2) > b.e || e.y2 < b.s || e.y1 > b.n {
		return false
	}
	// All four corners on one side: the line passes by.
	sw, se, nw, ne := e.left(b.w, b.s), e.left(b.e, b.s), e.left(b.w, b.n), e.left(b.e, b.n)
	return e.y1 == e.y2 || sw != se || sw != nw || sw != ne
}

// clip is the part of an area's border within the box of one cell. It answers for points of that box by
// walking from a corner whose answer is known: up the east side, then west to the point, turning at each
// border met. Both legs lie in the box, so edges elsewhere do not matter.
type clip struct {
	node  int32
	base  bool // the south-east corner is inside
	east  float64
	edges []clipEdge
}

type clipEdge struct {
	edge
	crosses    bool // the east side, above the south-east corner
	leansRight bool
}

// newClip makes the clip of the border all for box b, near being those edges of it that meet b.
func newClip(node int32, b box, all, near []edge) clip {
	c := clip{node: node, base: inside(all, b.e, b.s), east: b.e, edges: make([]clipEdge, len(near))}
	for i, e := range near {
		leans := e.x2 > e.x1
		aboveCorner := e.left(b.e, b.s) != leans // the edge passes the east side above the corner
		c.edges[i] = clipEdge{edge: e, leansRight: leans, crosses: (e.x1 <= b.e) != (e.x2 <= b.e) && aboveCorner}
	}
	return c
}

// contains reports whether (x, y), a point of the clip's box, is inside. The one question "which side of
// the edge is the turning point" serves both legs, so that they cannot disagree about rounding.
func (c *clip) contains(x, y float64) bool {
	in := c.base
	for i := range c.edges {
		e := &c.edges[i]
		turn := e.left(c.east, y)
		if e.crosses && turn == e.leansRight {
			in = !in
		}
		if !turn && e.spans(y) && e.left(x, y) {
			in = !in
		}
	}
	return in
}
