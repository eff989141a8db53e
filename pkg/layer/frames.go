package layer

import (
	"encoding/json"
	"slices"
	"sort"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Bounds of what is told.
const (
	MaxChangesBytes = 64 << 10               // of one frame of changes; what is left comes with the next
	shareAge        = 100 * time.Millisecond // how long an encoded collection answers everybody: changes follow by frame
)

// Collection returns the layer of a source as a GeoJSON FeatureCollection, features by id, with the layer's id and the
// revision that frames of changes go on from.
func (b *Board) Collection(src *plan.Source) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, now := b.layer(src), b.now()
	if l.encoded != nil && now.Sub(l.encodedAt) < shareAge {
		return l.encoded
	}
	l.expire(alert.TimeOf(now))
	ids := make([]string, 0, len(l.features))
	for id := range l.features {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	o := alert.Object{}
	o.Str("type", "FeatureCollection")
	o.Str("id", src.ID)
	o.Uint("revision", l.revision)
	features := []byte{'['}
	for i, id := range ids {
		if i > 0 {
			features = append(features, ',')
		}
		f := l.features[id]
		p := alert.Object{}
		l.properties(&p, f)
		p.OptStr("label", f.label)
		x := alert.Object{B: features}
		x.Str("type", "Feature")
		x.Str("id", id)
		x.Raw("geometry", f.geometry)
		x.Raw("properties", p.End())
		features = x.End()
	}
	o.Raw("features", append(features, ']'))
	l.encoded, l.encodedAt = o.End(), now
	return l.encoded
}

// properties appends what changes from reading to reading.
func (l *shown) properties(o *alert.Object, f *feature) {
	o.Str("state", f.state.ID)
	if f.value != nil {
		v, _ := json.Marshal(*f.value) // it is finite
		o.Raw("value", v)
	}
	o.Time("at", f.at)
	o.Time("until", f.at.Add(l.source.Layer.Valid))
}

// Changes returns a frame of what has changed since the last call, for those who see every layer and for those who see
// public ones, nil for nothing. At most MaxChangesBytes are told at once, by turns of the layers; the rest is next. When
// which layers there are has changed, the frame lists them instead.
func (b *Board) Changes() (all, public []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.relist {
		b.relist = false
		return b.list(false), b.list(true)
	}
	ids := b.ids()
	if len(ids) == 0 {
		return nil, nil
	}
	b.turn = (b.turn + 1) % len(ids)
	ids = slices.Concat(ids[b.turn:], ids[:b.turn])
	now, size := alert.TimeOf(b.now()), 0
	var every, open [][]byte
	for _, id := range ids {
		l := b.layers[id]
		l.expire(now)
		if len(l.changed) == 0 || size >= MaxChangesBytes {
			continue
		}
		one := b.changes(id, l, MaxChangesBytes-size)
		size += len(one)
		every = append(every, one)
		if l.source.Layer.Public {
			open = append(open, one)
		}
	}
	return frame("layers", every), frame("layers", open)
}

// frame returns a frame with the entries under a name, nil where there are none.
func frame(name string, entries [][]byte) []byte {
	if len(entries) == 0 {
		return nil
	}
	b := []byte{'['}
	for i, e := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, e...)
	}
	o := alert.Object{}
	o.Str("op", "layers")
	o.Raw(name, append(b, ']'))
	return o.End()
}

// changes takes from a layer as many changes as fit, at least one.
func (b *Board) changes(id string, l *shown, most int) []byte {
	features, gone := []byte{'['}, []string(nil)
	told, size := 0, 0
	for told < len(l.changed) && (told == 0 || size+len(features) < most) {
		name := l.changed[told]
		told++
		f := l.features[name]
		if f == nil {
			gone, size = append(gone, name), size+len(name)+3
			continue
		}
		if len(features) > 1 {
			features = append(features, ',')
		}
		x := alert.Object{B: features}
		x.Str("id", name)
		l.properties(&x, f)
		if f.untold {
			x.OptStr("label", f.label)
			x.Raw("geometry", f.geometry)
		}
		features = x.End()
		f.changed, f.untold = false, false
	}
	l.changed = slices.Delete(l.changed, 0, told)
	b.revision++
	o := alert.Object{}
	o.Str("id", id)
	o.Uint("from", l.revision)
	o.Uint("revision", b.revision)
	o.Raw("features", append(features, ']'))
	o.OptStrs("gone", gone)
	l.revision, l.encoded = b.revision, nil
	return o.End()
}

// List returns a frame that lists the layers and their revisions, for whoever begins to follow them.
func (b *Board) List(public bool) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.list(public)
}

func (b *Board) list(public bool) []byte {
	list := []byte{'['}
	for _, id := range b.ids() {
		l := b.layers[id]
		if public && !l.source.Layer.Public {
			continue
		}
		if len(list) > 1 {
			list = append(list, ',')
		}
		x := alert.Object{B: list}
		x.Str("id", id)
		x.Uint("revision", l.revision)
		list = x.End()
	}
	o := alert.Object{}
	o.Str("op", "layers")
	o.Raw("list", append(list, ']'))
	return o.End()
}

func (b *Board) ids() []string {
	ids := make([]string, 0, len(b.layers))
	for id := range b.layers {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	return ids
}
