package layer

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// desk is a board with a clock of its own and a source with a layer.
type desk struct {
	*Board
	t   *testing.T
	at  time.Time
	src *plan.Source
}

func newDesk(t *testing.T) *desk {
	d := &desk{t: t, at: time.Date(2026, 5, 1, 1, 0, 0, 0, time.UTC), src: source("gauges", true)}
	d.Board = New(func() time.Time { return d.at })
	return d
}

func source(id string, public bool) *plan.Source {
	return &plan.Source{ID: id, Layer: &plan.Layer{Name: id, Public: public, Valid: 10 * time.Minute, Keep: 30 * time.Minute,
		States: []*plan.LayerState{{ID: "calm"}, {ID: "high", Level: alert.Red}}}}
}

func (d *desk) reading(id, state string) Reading {
	s, _ := d.src.Layer.StateByID(state)
	return Reading{Feature: id, State: s, Geometry: geo.PointGeometry(geo.Point{Lon: 119.3, Lat: 26})}
}

func (d *desk) put(r Reading) {
	d.t.Helper()
	if err := d.Put(d.src, r); err != nil {
		d.t.Fatal(err)
	}
}

// collection is a FeatureCollection as it is read.
type collection struct {
	ID       string
	Revision uint64
	Features []struct {
		ID         string
		Geometry   json.RawMessage
		Properties struct {
			State, Label string
			Value        *float64
			At, Until    time.Time
		}
	}
}

func (d *desk) collection() (c collection) {
	d.t.Helper()
	d.at = d.at.Add(shareAge) // or the last one would do
	if err := json.Unmarshal(d.Collection(d.src), &c); err != nil {
		d.t.Fatal(err)
	}
	return c
}

// told is a frame as it is read.
type told struct {
	Op     string
	List   []struct{ ID string }
	Layers []struct {
		ID             string
		From, Revision uint64
		Features       []struct {
			ID, State, Label string
			Geometry         json.RawMessage
		}
		Gone []string
	}
}

func read(t *testing.T, frame []byte) (f told) {
	t.Helper()
	if frame == nil {
		return f
	}
	if err := json.Unmarshal(frame, &f); err != nil || f.Op != "layers" {
		t.Fatalf("%v: %s", err, frame)
	}
	return f
}

// TestBoard: the last reading of each feature is shown, changes go on from one another, and what is old goes.
func TestBoard(t *testing.T) {
	d := newDesk(t)
	five := 5.5
	first := d.reading("a", "calm")
	first.Value, first.Label = &five, "一号"
	d.put(first)
	d.put(d.reading("b", "high"))
	if f := read(t, first1(d.Changes())); len(f.List) != 1 || f.List[0].ID != "gauges" {
		t.Errorf("a new layer is not listed: %+v", f)
	}
	all, public := d.Changes()
	f := read(t, all)
	if string(all) != string(public) || len(f.Layers) != 1 || len(f.Layers[0].Features) != 2 || f.Layers[0].Features[0].Label != "一号" || f.Layers[0].Features[1].Geometry == nil {
		t.Fatalf("%s, %s", all, public)
	}
	c := d.collection()
	if c.ID != "gauges" || c.Revision != f.Layers[0].Revision || len(c.Features) != 2 || *c.Features[0].Properties.Value != 5.5 || c.Features[0].Properties.State != "calm" ||
		string(c.Features[1].Geometry) != `{"type":"Point","coordinates":[119.3,26]}` || c.Features[0].Properties.Until.Sub(c.Features[0].Properties.At) != 10*time.Minute {
		t.Errorf("%+v", c)
	}
	if again, _ := d.Changes(); again != nil {
		t.Errorf("told twice: %s", again)
	}
	d.at = d.at.Add(20 * time.Minute)
	d.put(d.reading("b", "calm"))
	next := read(t, first1(d.Changes())).Layers[0]
	if next.From != c.Revision || next.Revision <= next.From || len(next.Features) != 1 || next.Features[0].State != "calm" || next.Features[0].Geometry != nil {
		t.Errorf("%+v", next)
	}
	if g := d.Figures(d.src); g.Features != 2 || g.Stale != 1 || g.States["calm"] != 1 || g.UpdatedAt != alert.TimeOf(d.at) {
		t.Errorf("%+v", g)
	}
	d.at = d.at.Add(15 * time.Minute)
	if gone := read(t, first1(d.Changes())).Layers[0]; len(gone.Gone) != 1 || gone.Gone[0] != "a" {
		t.Errorf("%+v", gone)
	}
	if c := d.collection(); len(c.Features) != 1 || c.Features[0].ID != "b" {
		t.Errorf("%+v", c)
	}
	d.at = d.at.Add(time.Hour)
	if c := d.collection(); len(c.Features) != 0 {
		t.Errorf("%+v", c)
	}
	if d.layers["gauges"].bytes != 0 {
		t.Errorf("%d bytes are still counted", d.layers["gauges"].bytes)
	}
}

func first1(a, _ []byte) []byte { return a }

// TestTimes: an older reading changes nothing, one that is too old is refused, and a clock that is fast is not believed.
func TestTimes(t *testing.T) {
	d := newDesk(t)
	now := d.at
	r := d.reading("a", "high")
	r.At = now.Add(time.Hour)
	d.put(r)
	if at := d.collection().Features[0].Properties.At; !at.Equal(now) {
		t.Errorf("measured %v, it is %v", at, now)
	}
	older := d.reading("a", "calm")
	older.At = now.Add(-time.Minute)
	d.put(older)
	if c := d.collection(); c.Features[0].Properties.State != "high" {
		t.Errorf("%+v", c)
	}
	older.At = now.Add(-time.Hour)
	if err := d.Put(d.src, older); err == nil || !strings.Contains(err.Error(), "older than 30m") {
		t.Error(err)
	}
	if g := d.Figures(d.src); g.Refused != 1 || !strings.Contains(g.Problem, "older than") {
		t.Errorf("%+v", g)
	}
}

// TestBounds: whatever a source sends, so much is kept and no more.
func TestBounds(t *testing.T) {
	d := newDesk(t)
	refused := func(want string, change func(*Reading)) {
		t.Helper()
		r := d.reading("x", "calm")
		change(&r)
		if err := d.Put(d.src, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	nan := math.NaN()
	refused("the feature's id", func(r *Reading) { r.Feature = "" })
	refused("the feature's id", func(r *Reading) { r.Feature = strings.Repeat("x", MaxIDBytes+1) })
	refused("the feature's id", func(r *Reading) { r.Feature = "a\nb" })
	refused("no state", func(r *Reading) { r.State = nil })
	refused("no number", func(r *Reading) { r.Value = &nan })
	refused("no geometry", func(r *Reading) { r.Geometry = nil })
	long := d.reading("x", "calm")
	long.Label = strings.Repeat("长", 100)
	d.put(long)
	if l := len(d.collection().Features[0].Properties.Label); l > MaxLabelBytes || l == 0 {
		t.Errorf("a label of %d bytes", l)
	}
	for n := range MaxFeatures - 1 {
		d.put(d.reading(fmt.Sprint(n), "calm"))
	}
	refused("5000 features", func(r *Reading) { r.Feature = "one more" })
	d.put(d.reading("x", "high")) // those it has go on

	other := source("lines", false)
	line := make([]any, geo.MaxGeometryPoints)
	for i := range line {
		line[i] = []any{119 + float64(i)/1e6 + 1e-6, 26.123456}
	}
	g, err := geo.ReadGeometry(line, geo.WGS84)
	if err != nil {
		t.Fatal(err)
	}
	taken := 0
	for n := range 1000 {
		r := d.reading(fmt.Sprint(n), "calm")
		if r.Geometry = g; d.Put(other, r) == nil {
			taken++
		}
	}
	l := d.layers["lines"]
	if taken == 0 || taken > MaxLayerBytes/len(g.AppendJSON(nil)) || l.bytes > MaxLayerBytes || len(l.features) != taken {
		t.Errorf("%d taken, %d bytes, %d features", taken, l.bytes, len(l.features))
	}
	// Frames are bounded too, and in the end everything has been told once.
	features, frames := map[string]int{}, 0
	for all, _ := d.Changes(); all != nil; all, _ = d.Changes() {
		if frames++; len(all) > MaxChangesBytes+MaxGeometryBytes {
			t.Fatalf("a frame of %d bytes", len(all))
		}
		for _, l := range read(t, all).Layers {
			for _, f := range l.Features {
				features[l.ID+" "+f.ID]++
			}
		}
	}
	if len(features) != MaxFeatures+taken || frames < 10 {
		t.Errorf("%d features in %d frames", len(features), frames)
	}
}

// TestPublic: who sees public layers alone is told of no other.
func TestPublic(t *testing.T) {
	d := newDesk(t)
	internal := source("internal", false)
	r := d.reading("secret", "high")
	if err := d.Put(internal, r); err != nil {
		t.Fatal(err)
	}
	d.Changes()
	all, public := d.Changes()
	if !strings.Contains(string(all), "secret") || public != nil {
		t.Errorf("%s, %s", all, public)
	}
	if list := string(d.List(true)); strings.Contains(list, "internal") || !strings.Contains(string(d.List(false)), "internal") {
		t.Errorf("%s", list)
	}
}

// TestAdopt: another profile takes over what still has a place and a state in it; a layer that is gone is gone.
func TestAdopt(t *testing.T) {
	d := newDesk(t)
	d.put(d.reading("a", "calm"))
	d.put(d.reading("b", "high"))
	d.Changes()
	d.Changes()
	before := d.collection().Revision
	changed := source("gauges", false)
	changed.Layer.States = changed.Layer.States[:1]
	d.src = changed
	c := d.collection()
	if len(c.Features) != 1 || c.Features[0].ID != "a" || c.Revision == before {
		t.Errorf("%+v", c)
	}
	if f := read(t, first1(d.Changes())); len(f.List) != 1 {
		t.Errorf("%+v", f)
	}
	d.Adopt(&plan.City{Digest: "other"})
	if f := read(t, first1(d.Changes())); f.List == nil || len(f.List) != 0 {
		t.Errorf("%+v", f)
	}
}
