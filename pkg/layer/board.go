// Package layer keeps what sources measure, as maps show it: of each feature of a layer, a stretch of road, a gauge, the
// last reading, in memory and bounded, until it is too old. A reading is no alert: it calls for nobody, the next one
// takes its place in minutes, and after a restart an old one must not pass for the present. So it is not journalled.
package layer

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Bounds of what is kept; plan.MaxLayers bounds the layers, the profile's keep the age.
const (
	MaxFeatures      = 5_000    // of one layer
	MaxGeometryBytes = 32 << 10 // of one feature, as GeoJSON
	MaxLayerBytes    = 2 << 20  // of all geometry of one layer that came in messages
	MaxIDBytes       = 128      // of a feature's id
	MaxLabelBytes    = 120
)

// Reading is what a source measured of one feature.
type Reading struct {
	Feature  string
	State    *plan.LayerState
	Value    *float64
	Label    string        // "": the register says
	At       time.Time     // zero: now
	Geometry *geo.Geometry // nil: the register says
}

// Board holds the layers of a city. It is safe for concurrent use.
type Board struct {
	now func() time.Time

	mu       sync.Mutex
	city     string // digest of the one adopted
	layers   map[string]*shown
	revision uint64 // the last one given
	turn     int    // whose changes are told first
	relist   bool   // which layers there are has changed
}

// shown is a layer and its features.
type shown struct {
	source   *plan.Source
	features map[string]*feature
	bytes    int        // of geometry that came in messages
	oldest   alert.Time // no feature was measured before
	newest   alert.Time
	revision uint64
	changed  []string // ids whose change is to be told, in order
	refused  uint64
	problem  string // why the last one was refused

	encoded   []byte // the collection, as it was at encodedAt
	encodedAt time.Time
}

// feature is the last reading of one feature.
type feature struct {
	state    *plan.LayerState
	value    *float64
	label    string
	at       alert.Time
	geometry []byte // GeoJSON
	own      bool   // came in a message
	untold   bool   // geometry and label have not been told
	changed  bool   // stands in changed
}

// New returns a board without layers.
func New(now func() time.Time) *Board {
	// Revisions begin where no earlier server's have come to.
	return &Board{now: now, layers: map[string]*shown{}, revision: uint64(now().UnixMicro())}
}

// Put takes a reading of a source that has a layer. One older than what is held changes nothing. The error says why it
// cannot be shown; it is counted.
func (b *Board) Put(src *plan.Source, r Reading) error {
	now := alert.TimeOf(b.now())
	at := now
	if !r.At.IsZero() {
		at = min(at, alert.TimeOf(r.At)) // a clock that is fast must not keep a state alive
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.layer(src)
	err := l.put(r, at, now)
	if err != nil {
		l.refuse(err)
	}
	return err
}

// Refuse counts a message that yields no reading.
func (b *Board) Refuse(src *plan.Source, why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.layer(src).refuse(why)
}

func (l *shown) refuse(why error) {
	l.refused++
	l.problem = shortened(why.Error(), alert.MaxReasonBytes)
}

// layer returns the layer of a source, as the source's profile now has it.
func (b *Board) layer(src *plan.Source) *shown {
	l := b.layers[src.ID]
	if l == nil {
		l = &shown{source: src, features: map[string]*feature{}, revision: b.revision}
		b.layers[src.ID] = l
		b.relist = true
	}
	if l.source.Layer != src.Layer {
		l.reload(src)
		b.revision++
		l.revision = b.revision // whoever shows it reads all of it again
		b.relist = true
	}
	return l
}

// reload brings the features into a new profile; those that have no place or state in it go.
func (l *shown) reload(src *plan.Source) {
	l.source, l.encoded, l.changed = src, nil, nil
	for id, f := range l.features {
		f.changed = false
		state, ok := src.Layer.StateByID(f.state.ID)
		if reg := src.Layer.Register; ok && reg != nil {
			if src.Layer.Label == nil {
				f.label = ""
			}
			ok = f.place(reg, id) == nil
		} else if ok {
			ok = f.own
		}
		if f.state = state; !ok {
			delete(l.features, id)
		}
	}
	l.bytes = 0
	for _, f := range l.features {
		if f.own {
			l.bytes += len(f.geometry)
		}
	}
}

// place takes name and geometry from a register.
func (f *feature) place(r *plan.Register, id string) error {
	e, ok := r.Entry(id)
	if !ok {
		return fmt.Errorf("feature %.60q is not in register %s", id, r.ID)
	}
	if f.label == "" {
		f.label = shortened(e.Name, MaxLabelBytes)
	}
	g := e.Geometry
	if g == nil {
		g = geo.PointGeometry(e.Location)
	}
	f.geometry, f.own = g.AppendJSON(nil), false
	return nil
}

func (l *shown) put(r Reading, at, now alert.Time) error {
	if err := r.check(); err != nil {
		return err
	}
	if keep := l.source.Layer.Keep; at.Add(keep) <= now {
		return fmt.Errorf("the reading is older than %v", keep)
	}
	f, known := l.features[r.Feature]
	if known && at < f.at {
		return nil
	}
	next := &feature{state: r.State, value: r.Value, label: shortened(r.Label, MaxLabelBytes), at: at}
	switch reg := l.source.Layer.Register; {
	case reg != nil && known && r.Label == "":
		next.label, next.geometry = f.label, f.geometry
	case reg != nil:
		if err := next.place(reg, r.Feature); err != nil {
			return err
		}
	case r.Geometry == nil:
		return errors.New("there is no geometry")
	default:
		next.geometry, next.own = r.Geometry.AppendJSON(nil), true
	}
	if err := l.admit(f, next); err != nil {
		return err
	}
	next.untold = !known || f.untold || f.label != next.label || string(f.geometry) != string(next.geometry)
	if next.changed = true; !known || !f.changed {
		l.changed = append(l.changed, r.Feature)
	}
	if len(l.features) == 0 || at < l.oldest {
		l.oldest = at
	}
	l.features[r.Feature], l.newest = next, max(l.newest, at)
	return nil
}

// check says what is wrong with a reading whatever is held.
func (r *Reading) check() error {
	switch {
	case r.Feature == "" || len(r.Feature) > MaxIDBytes || !utf8.ValidString(r.Feature) || strings.ContainsFunc(r.Feature, unicode.IsControl):
		return fmt.Errorf("the feature's id must be a text of 1 to %d bytes", MaxIDBytes)
	case r.State == nil:
		return errors.New("there is no state")
	case r.Value != nil && (math.IsNaN(*r.Value) || math.IsInf(*r.Value, 0)):
		return errors.New("the value is no number")
	}
	return nil
}

// admit holds the bounds: next takes the place of f, nil for none.
func (l *shown) admit(f, next *feature) error {
	if f == nil && len(l.features) >= MaxFeatures {
		return fmt.Errorf("the layer has %d features: no more are taken", MaxFeatures)
	}
	grown := l.bytes
	if f != nil && f.own {
		grown -= len(f.geometry)
	}
	if next.own {
		grown += len(next.geometry)
		if len(next.geometry) > MaxGeometryBytes {
			return fmt.Errorf("the geometry is %d bytes long, at most %d are taken", len(next.geometry), MaxGeometryBytes)
		}
		if grown > MaxLayerBytes {
			return fmt.Errorf("the layer's geometry is longer than %d bytes: no more is taken", MaxLayerBytes)
		}
	}
	l.bytes = grown
	return nil
}

// expire drops features that are too old.
func (l *shown) expire(now alert.Time) {
	keep := l.source.Layer.Keep
	if len(l.features) == 0 || l.oldest.Add(keep) > now {
		return
	}
	l.oldest = now
	for id, f := range l.features {
		if f.at.Add(keep) > now {
			l.oldest = min(l.oldest, f.at)
			continue
		}
		delete(l.features, id)
		if f.own {
			l.bytes -= len(f.geometry)
		}
		if !f.changed {
			l.changed = append(l.changed, id)
		}
	}
}

// Adopt drops the layers that a city does not have, and those that have changed are shown as it has them.
func (b *Board) Adopt(city *plan.City) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if city.Digest == b.city {
		return
	}
	b.city = city.Digest
	for id := range b.layers {
		if src, ok := city.Source(id); !ok || src.Layer == nil {
			delete(b.layers, id)
			b.relist = true
		}
	}
	for _, src := range city.Layers() {
		b.layer(src)
	}
}

// Figures say how a layer is doing.
type Figures struct {
	Revision  uint64
	Features  int
	Stale     int            // older than the profile's valid
	States    map[string]int // features by state, stale ones left out
	UpdatedAt alert.Time     // of the newest reading; 0: there was none
	Refused   uint64         // messages that yielded no reading, since the server began
	Problem   string         // why the last of them did not
}

// Figures returns how the layer of a source is doing.
func (b *Board) Figures(src *plan.Source) Figures {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, now := b.layer(src), alert.TimeOf(b.now())
	l.expire(now)
	f := Figures{Revision: l.revision, Features: len(l.features), States: map[string]int{}, UpdatedAt: l.newest, Refused: l.refused, Problem: l.problem}
	for _, x := range l.features {
		if x.at.Add(l.source.Layer.Valid) <= now {
			f.Stale++
		} else {
			f.States[x.state.ID]++
		}
	}
	return f
}

func shortened(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "")
}
