package dispatch

import (
	"slices"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// MaxNearby bounds the incidents of one bucket, and so of what one alert is compared with; the oldest gives
// way. More than that many open incidents of one group in one cell is no longer a question of place.
const MaxNearby = 64

// index makes an incident one that alerts find by place or area.
func (s *State) index(l *live) {
	d := l.doc
	switch {
	case d.LocationFrom == alert.FromPosition && d.Bucket != 0:
		b := bucket{d.Group, d.Bucket}
		entries := s.near[b]
		if len(entries) >= MaxNearby {
			entries[0].inc.near = false
			entries = slices.Delete(entries, 0, 1)
		}
		s.near[b] = append(entries, nearby{d.Location.Point(), d.FirstOccurredAt, d.LastOccurredAt, l})
		l.near = true
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

// unindex takes an incident out of what alerts may join.
func (s *State) unindex(l *live) {
	d := l.doc
	for _, r := range d.Refs {
		if s.byRef[r] == l {
			delete(s.byRef, r)
		}
	}
	if !l.near {
		return
	}
	l.near = false
	if d.LocationFrom == alert.FromArea {
		k := areaKey{d.Group, d.Areas[len(d.Areas)-1]}
		remove(s.byArea, k, func(o *live) bool { return o == l })
		return
	}
	remove(s.near, bucket{d.Group, d.Bucket}, func(n nearby) bool { return n.inc == l })
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
	if !l.near || doc.LocationFrom != alert.FromPosition {
		return
	}
	entries := s.near[bucket{doc.Group, doc.Bucket}]
	for i := range entries {
		if entries[i].inc == l {
			entries[i].first, entries[i].last = doc.FirstOccurredAt, doc.LastOccurredAt
			return
		}
	}
}

// candidate is an incident an alert may join.
type candidate struct {
	inc      *live
	distance float64 // metres
	by       string  // how it was found: "reference", "place", "area"
}

// find returns the incident that a belongs to, or false if it begins a new one. A source's own number
// decides first; then, within the group, the nearest incident within radius and window, the older one when
// equally near. The work does not depend on how many incidents are open.
func (s *State) find(a *alert.Alert, g *plan.Group, where *placement) (candidate, bool) {
	if a.IncidentRef != "" {
		if l := s.byRef[alert.SourceRef{Source: a.Source, Ref: a.IncidentRef}]; l != nil && absorbs(l.doc) {
			return candidate{l, 0, "reference"}, true
		}
	}
	if g.Window == 0 {
		return candidate{}, false
	}
	if where.from == alert.FromArea {
		for _, l := range s.byArea[areaKey{g.ID, where.areas[len(where.areas)-1]}] {
			if within(a.OccurredAt, l.doc.FirstOccurredAt, l.doc.LastOccurredAt, g.Window) && mayJoin(a, l.doc) {
				return candidate{l, 0, "area"}, true
			}
		}
		return candidate{}, false
	}
	if where.from != alert.FromPosition {
		return candidate{}, false
	}
	return s.nearest(a, g, where)
}

func (s *State) nearest(a *alert.Alert, g *plan.Group, where *placement) (candidate, bool) {
	best := candidate{distance: g.RadiusM, by: "place"}
	p := where.location.Point()
	var ring [7]geo.Cell
	for _, c := range where.bucket.AppendDisk(ring[:0], 1) {
		for _, n := range s.near[bucket{g.ID, c}] {
			if !within(a.OccurredAt, n.first, n.last, g.Window) {
				continue
			}
			d := geo.DistanceM(p, n.at)
			if d > best.distance || d == best.distance && best.inc != nil && best.inc.events[0] < n.inc.events[0] {
				continue
			}
			if mayJoin(a, n.inc.doc) {
				best.inc, best.distance = n.inc, d
			}
		}
	}
	return best, best.inc != nil
}

func within(t, first, last alert.Time, window time.Duration) bool {
	return t >= first.Add(-window) && t <= last.Add(window)
}

// absorbs reports whether an incident takes further alerts. A suspended one does not: nobody is looking at it.
func absorbs(i *alert.Incident) bool {
	return !i.State.Final() && i.State != alert.IncidentSuspended
}

// mayJoin reports whether a may join i by place: not when its source has already told the two apart.
func mayJoin(a *alert.Alert, i *alert.Incident) bool {
	if !absorbs(i) {
		return false
	}
	ref := i.RefOf(a.Source)
	return a.IncidentRef == "" || ref == "" || ref == a.IncidentRef
}
