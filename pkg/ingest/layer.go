package ingest

import (
	"errors"
	"fmt"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/layer"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// layer asks the rules of the source's layer. What fails there never holds an alert up.
func (x *mapper) layer(src *plan.Source) {
	l, problems := src.Layer, x.out.Problems
	x.out.Problems = nil
	r := &layer.Reading{Feature: x.text(l.Feature), Label: x.text(l.Label)}
	state, _ := x.value(l.State, func(v any) (any, error) {
		id, err := plan.Text(v)
		if _, ok := l.StateByID(id); err == nil && !ok {
			err = fmt.Errorf("%.60q is none of the layer's states", id)
		}
		return id, err
	}).(string)
	r.State, _ = l.StateByID(state)
	r.Value = x.number(l.Value)
	at := l.At
	if at == nil && x.m.OccurredAt != nil {
		same := *x.m.OccurredAt
		same.Field = "layer.at"
		at = &same
	}
	r.At, _ = x.value(at, func(v any) (any, error) { return x.m.Time.Parse(v) }).(time.Time)
	r.Geometry, _ = x.value(l.Geometry, func(v any) (any, error) { return geo.ReadGeometry(v, src.Datum) }).(*geo.Geometry)
	x.out.Layer, x.out.LayerProblems, x.out.Problems = r, x.out.Problems, problems
}

// show puts what a message measured on its source's layer, and says what became of that.
func (d *Door) show(src *plan.Source, mapped *Mapped) (said string) {
	if mapped.Layer == nil || d.o.Layers == nil {
		return ""
	}
	var err error
	if len(mapped.LayerProblems) > 0 {
		err = errors.New(reasonOf(mapped.LayerProblems, true))
		d.o.Layers.Refuse(src, err)
	} else {
		err = d.o.Layers.Put(src, *mapped.Layer)
	}
	if err != nil {
		return fmt.Sprintf("not on the layer: %v", err)
	}
	return fmt.Sprintf("on the layer: %s is %s", mapped.Layer.Feature, mapped.Layer.State.ID)
}
