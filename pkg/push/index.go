package push

import (
	"slices"

	"github.com/banyan-ecc/banyan/geo"
)

// audience is those connections of a shard that have the same subscription.
type audience struct {
	sub     *subscription
	members []*conn

	pending []*Item // of the flush at hand that it wants, ascending
	seen    uint64  // mark of the last item matched, so that two of its topics count once

	caught    []byte      // frames of the last catch-up, for those who join next from the same snapshot
	catchFrom [2]position // where such stand, and the shard; zero: none are kept
	catchTo   position    // where the frames end
}

func (a *audience) forgetCaught() { a.caught, a.catchFrom = nil, [2]position{} }

// index finds the audiences an item concerns without looking at the others: one look-up a topic id and a
// cell resolution. Only boxes are tried one by one. It belongs to the goroutine of its shard.
type index struct {
	all   map[string]*audience // by subscription key
	walls []*audience
	maps  []*audience                          // with the topic layers
	byID  [Incident + 1]map[string][]*audience // of Seat, Department and Incident
	cells map[geo.Cell][]*audience
	boxes []boxed
	count [MaxCellResolution + 1]int // cells entries of each resolution
	mark  uint64

	matched bool // some audience wants the item matched last
}

type boxed struct {
	Box // widened
	aud *audience
}

func newIndex() index {
	x := index{all: map[string]*audience{}, cells: map[geo.Cell][]*audience{}}
	for k := range x.byID {
		x.byID[k] = map[string][]*audience{}
	}
	return x
}

// audience returns the audience of sub and makes it where there is none.
func (x *index) audience(sub *subscription) *audience {
	a := x.all[sub.key]
	if a != nil {
		return a
	}
	a = &audience{sub: sub}
	x.all[sub.key] = a
	for _, t := range sub.topics {
		switch t.Kind {
		case Wall:
			x.walls = append(x.walls, a)
		case Layers:
			x.maps = append(x.maps, a)
		case Seat, Department, Incident:
			x.byID[t.Kind][t.ID] = append(x.byID[t.Kind][t.ID], a)
		case BBox:
			x.boxes = append(x.boxes, boxed{widened(t.Box), a})
		case Cells:
			for _, c := range t.Cells {
				x.cells[c] = append(x.cells[c], a)
				x.count[c.Resolution()]++
			}
		}
	}
	return a
}

// drop forgets an audience that has no members left.
func (x *index) drop(a *audience) {
	delete(x.all, a.sub.key)
	is := func(b *audience) bool { return a == b }
	for _, t := range a.sub.topics {
		switch t.Kind {
		case Wall:
			x.walls = slices.DeleteFunc(x.walls, is)
		case Layers:
			x.maps = slices.DeleteFunc(x.maps, is)
		case Seat, Department, Incident:
			without(x.byID[t.Kind], t.ID, is)
		case BBox:
			x.boxes = slices.DeleteFunc(x.boxes, func(b boxed) bool { return b.aud == a })
		case Cells:
			for _, c := range t.Cells {
				if without(x.cells, c, is) {
					x.count[c.Resolution()]--
				}
			}
		}
	}
}

// without takes what is out of m[k], and reports whether something was.
func without[K comparable](m map[K][]*audience, k K, is func(*audience) bool) bool {
	n := len(m[k])
	rest := slices.DeleteFunc(m[k], is)
	if len(rest) == 0 {
		delete(m, k)
	} else {
		m[k] = rest
	}
	return len(rest) < n
}

// match puts it into pending of every audience that wants it, and appends to dirty those for which it is the
// first.
func (x *index) match(it *Item, dirty []*audience) []*audience {
	x.mark++
	x.matched = false
	put := func(list []*audience) {
		for _, a := range list {
			if a.seen == x.mark || a.sub.body(it) == nil {
				continue
			}
			a.seen = x.mark
			if len(a.pending) == 0 {
				dirty = append(dirty, a)
			}
			a.pending = append(a.pending, it)
			x.matched = true
		}
	}
	if it.everybody() {
		for _, a := range x.all {
			put([]*audience{a})
		}
		return dirty
	}
	for _, s := range it.Seats {
		put(x.byID[Seat][s])
	}
	for _, d := range it.Departments {
		put(x.byID[Department][d])
	}
	put(x.byID[Incident][it.Incident])
	put(x.walls)
	if it.Cell != 0 {
		for r := min(it.Cell.Resolution(), MaxCellResolution); r >= MinCellResolution; r-- {
			if x.count[r] > 0 {
				put(x.cells[it.Cell.Parent(r)])
			}
		}
		if len(x.boxes) > 0 {
			at, _ := it.Cell.Centre()
			for i := range x.boxes {
				if x.boxes[i].Contains(at) {
					put([]*audience{x.boxes[i].aud})
				}
			}
		}
	}
	return dirty
}
