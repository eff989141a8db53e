package dispatch

import (
	"math"
	"slices"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// MaxNearby bounds the incidents of one bucket, and so of what one alert is compared with; the one that was
// reported last the longest ago gives way. More than that many open incidents of one group in one cell is no longer a question of place.
const MaxNearby = 64

// grid holds the incidents of one group by H3 cell. A cell's list is in order of the last report, so that
// looking for what is near in time ends at the first that is too long ago.
type grid map[geo.Cell][]nearby

// nearby is an incident in a bucket, with what correlation compares, so that looking needs no second
// memory access.
type nearby struct {
	first, last alert.Time
	at          geo.Point
	opened      uint64 // event that opened it
	inc         *live
}

func (n *nearby) before(o *nearby) bool {
	return n.last < o.last || n.last == o.last && n.opened < o.opened
}

// settle moves the entry at i, which may have become a later one, to its place.
func settle(entries []nearby, i int) {
	for ; i+1 < len(entries) && entries[i+1].before(&entries[i]); i++ {
		entries[i], entries[i+1] = entries[i+1], entries[i]
	}
}

// gridOf returns the grid of an incident's group and its bucket there, false if the incident has no position
// or its group does not correlate by place.
func (s *State) gridOf(d *alert.Incident) (grid, geo.Cell, bool) {
	res, ok := s.keep.Buckets[d.Group]
	if !ok || d.LocationFrom != alert.FromPosition {
		return nil, 0, false
	}
	g := s.near[d.Group]
	if g == nil {
		g = grid{}
		s.near[d.Group] = g
	}
	return g, d.Cell.Parent(res), true
}

// rebucket sorts the incidents that alerts find by place anew, when a configuration has changed the radii.
func (s *State) rebucket() {
	clear(s.near)
	for _, o := range s.order {
		if l := o.inc; l != nil && l.near && l.doc.LocationFrom == alert.FromPosition {
			l.near = false
			s.index(l)
		}
	}
}

// index makes an incident one that alerts find by place or area.
func (s *State) index(l *live) {
	d := l.doc
	g, b, byPlace := s.gridOf(d)
	switch {
	case byPlace:
		e := nearby{d.FirstOccurredAt, d.LastOccurredAt, d.Location.Point(), l.events[0], l}
		l.near = true
		i := len(g[b])
		for i > 0 && e.before(&g[b][i-1]) {
			i--
		}
		entries := slices.Insert(g[b], i, e)
		if len(entries) > MaxNearby {
			entries[0].inc.near = false
			entries = slices.Delete(entries, 0, 1)
		}
		g[b] = entries
	case d.LocationFrom == alert.FromArea:
		k := areaKey{d.Group, d.Areas[len(d.Areas)-1]}
		entries := s.byArea[k]
		if len(entries) >= MaxNearby {
			entries[0].near = false
			entries = slices.Delete(entries, 0, 1)
		}
		s.byArea[k] = append(entries, l)
		l.near = true
	}
}

// lead makes a source's number lead to l, and no longer to another incident.
func (s *State) lead(r alert.SourceRef, l *live) {
	if old := s.byRef[r]; old != nil {
		old.refs = slices.DeleteFunc(slices.Clone(old.refs), func(o alert.SourceRef) bool { return o == r })
	}
	s.byRef[r] = l
	l.refs = append(slices.Clip(l.refs), r)
}

// unindex takes an incident out of what alerts may join.
func (s *State) unindex(l *live) {
	d := l.doc
	for _, r := range l.refs {
		delete(s.byRef, r)
	}
	l.refs = nil
	if !l.near {
		return
	}
	l.near = false
	if d.LocationFrom == alert.FromArea {
		k := areaKey{d.Group, d.Areas[len(d.Areas)-1]}
		remove(s.byArea, k, func(o *live) bool { return o == l })
		return
	}
	g, b, _ := s.gridOf(d)
	remove(g, b, func(n nearby) bool { return n.inc == l })
}

// remove drops entries from the list under k, and the list when it is empty.
func remove[K comparable, T any](m map[K][]T, k K, gone func(T) bool) {
	if rest := slices.DeleteFunc(m[k], gone); len(rest) == 0 {
		delete(m, k)
	} else {
		m[k] = rest
	}
}

// touch brings the entry of an incident up to date with its document.
func (s *State) touch(l *live, doc *alert.Incident) {
	g, b, byPlace := s.gridOf(doc)
	if !l.near || !byPlace {
		return
	}
	entries := g[b]
	for i := range entries {
		if entries[i].inc == l {
			entries[i].first, entries[i].last = doc.FirstOccurredAt, doc.LastOccurredAt
			settle(entries, i)
			return
		}
	}
}

// candidate is an incident an alert may join.
type candidate struct {
	inc      *live
	distance float64 // metres
	opened   uint64  // event that opened it
	by       string  // how it was found: "reference", "place", "area"
}

// find returns the incident that a belongs to, or false if it begins a new one. A source's own number
// decides first; then, within the group, the nearest incident within radius and window, the older one when
// equally near. The work does not depend on how many incidents are open.
func (s *State) find(a *alert.Alert, src *plan.Source, g *plan.Group, where *placement) (candidate, bool) {
	if a.IncidentRef != "" {
		if l := s.byRef[alert.SourceRef{Source: a.Source, Ref: a.IncidentRef}]; l != nil && absorbs(l.doc) && alike(a, src, l.doc) {
			return candidate{inc: l, by: "reference"}, true
		}
	}
	if g.Window == 0 {
		return candidate{}, false
	}
	if where.from == alert.FromArea {
		for _, l := range s.byArea[areaKey{g.ID, where.areas[len(where.areas)-1]}] {
			if within(a.OccurredAt, l.doc.FirstOccurredAt, l.doc.LastOccurredAt, g.Window) && mayJoin(a, src, l.doc) {
				return candidate{inc: l, by: "area"}, true
			}
		}
		return candidate{}, false
	}
	if where.from != alert.FromPosition {
		return candidate{}, false
	}
	return s.nearest(a, src, g, where)
}

func (s *State) nearest(a *alert.Alert, src *plan.Source, g *plan.Group, where *placement) (candidate, bool) {
	best := candidate{distance: g.RadiusM, by: "place"}
	grid := s.near[g.ID]
	if len(grid) == 0 {
		return best, false
	}
	p := where.location.Point()
	from, to := a.OccurredAt.Add(-g.Window), a.OccurredAt.Add(g.Window)
	var ring [7]geo.Cell
	for _, c := range where.bucket.AppendDisk(ring[:0], 1) {
		entries := grid[c]
		for i := len(entries) - 1; i >= 0 && entries[i].last >= from; i-- {
			n := &entries[i]
			if n.first > to || math.Abs(n.at.Lat-p.Lat) > g.RadiusM/metresPerDegreeAtLeast {
				continue
			}
			d := geo.DistanceM(p, n.at)
			if d > best.distance || d == best.distance && best.inc != nil && best.opened < n.opened {
				continue
			}
			if mayJoin(a, src, n.inc.doc) {
				best.inc, best.distance, best.opened = n.inc, d, n.opened
			}
		}
	}
	return best, best.inc != nil
}

// metresPerDegreeAtLeast is less than a degree of latitude is long, so that most of what is too far away is
// passed over without trigonometry.
const metresPerDegreeAtLeast = 110_000

func within(t, first, last alert.Time, window time.Duration) bool {
	return t >= first.Add(-window) && t <= last.Add(window)
}

// absorbs reports whether an incident takes further alerts. A suspended one does not: nobody is looking at it.
func absorbs(i *alert.Incident) bool {
	return !i.State.Final() && i.State != alert.IncidentSuspended
}

// alike reports whether an alert and an incident may be seen by the same, and are both real: what is sealed is kept
// apart, and so is a drill.
func alike(a *alert.Alert, src *plan.Source, i *alert.Incident) bool {
	return a.Exercise == i.Exercise && (src.Sensitivity == alert.Sealed) == (i.Sensitivity == alert.Sealed)
}

// mayJoin reports whether a may join i by place: not when its source has already told the two apart.
func mayJoin(a *alert.Alert, src *plan.Source, i *alert.Incident) bool {
	if !absorbs(i) || !alike(a, src, i) {
		return false
	}
	ref := i.RefOf(a.Source)
	return a.IncidentRef == "" || ref == "" || ref == a.IncidentRef
}
