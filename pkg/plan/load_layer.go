package plan

import (
	"strings"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// rawLayer is a layer as it is written.
type rawLayer struct {
	Name        str             `yaml:"name"`
	NameEN      str             `yaml:"name_en"`
	Unit        str             `yaml:"unit"`
	Sensitivity str             `yaml:"sensitivity"`
	States      []rawLayerState `yaml:"states"`
	Feature     *rawRule        `yaml:"feature"`
	State       *rawRule        `yaml:"state"`
	Value       *rawRule        `yaml:"value"`
	Label       *rawRule        `yaml:"label"`
	At          *rawRule        `yaml:"at"`
	Geometry    *rawRule        `yaml:"geometry"`
	Register    str             `yaml:"register"`
	Valid       span            `yaml:"valid"`
	Keep        *span           `yaml:"keep"`
}

type rawLayerState struct {
	ID     str `yaml:"id"`
	Name   str `yaml:"name"`
	NameEN str `yaml:"name_en"`
	Level  str `yaml:"level"`
}

// layer compiles the layer of a profile, if it has one. It is part of the mapping: tables are those of the map.
func (x *mapper) layer(raw *rawLayer) *Layer {
	if raw == nil {
		return nil
	}
	l := &Layer{Name: raw.Name.V, NameEN: raw.NameEN.V, Unit: raw.Unit.V, Public: x.source.Sensitivity == alert.Public, Valid: raw.Valid.V}
	if l.Name == "" || len(l.Name) > maxLayerName || len(l.NameEN) > maxLayerName {
		x.problem(x.file, raw.Name.Line, "layer.name: want a name of at most %d bytes, and the same of name_en", maxLayerName)
	}
	if len(l.Unit) > MaxLayerUnit {
		x.problem(x.file, raw.Unit.Line, "layer.unit: at most %d bytes", MaxLayerUnit)
	}
	if x.source.Sealed() {
		x.problem(x.file, raw.Name.Line, "layer: what the source sends is sealed, or a part of it: it can have no layer")
	}
	if s := raw.Sensitivity; s.V != "" && x.among(x.file, "layer.sensitivity", s, "public", "internal") {
		l.Public = s.V == string(alert.Public)
	}
	x.layerStates(raw, l)
	l.Feature = x.rule("layer.feature", raw.Feature, nil)
	l.State = x.rule("layer.state", raw.State, func(field string, s str) {
		if _, ok := l.StateByID(s.V); !ok {
			x.problem(x.file, s.Line, "%s: %q is none of states", field, s.V)
		}
	})
	l.Value, l.Label = x.rule("layer.value", raw.Value, nil), x.rule("layer.label", raw.Label, nil)
	l.At, l.Geometry = x.rule("layer.at", raw.At, nil), x.rule("layer.geometry", raw.Geometry, nil)
	if l.Feature == nil || l.State == nil {
		x.problem(x.file, raw.Name.Line, "layer needs feature and state")
	}
	x.layerPlace(raw, l)
	x.within(x.file, "layer.valid", span{l.Valid, lineOr(raw.Valid.Line, raw.Name.Line)}, MinLayerValid, MaxLayerValid)
	l.Keep = LayerKeepFactor * l.Valid
	if k := raw.Keep; k != nil {
		x.within(x.file, "layer.keep", *k, l.Valid, MaxLayerKeep)
		l.Keep = k.V
	}
	l.Keep = min(l.Keep, MaxLayerKeep)
	return l
}

// layerStates reads the states. Each is drawn like one level: two of the same could not be told apart.
func (x *mapper) layerStates(raw *rawLayer, l *Layer) {
	if n := len(raw.States); n == 0 || n > MaxLayerStates {
		x.problem(x.file, raw.Name.Line, "layer.states: %d states: want 1 to %d", n, MaxLayerStates)
		return
	}
	seen, levels := map[string]int{}, map[string]string{}
	for _, s := range raw.States {
		x.id(x.file, "layer state", s.ID, seen)
		if s.Name.V == "" || len(s.Name.V) > maxLayerName || len(s.NameEN.V) > maxLayerName {
			x.problem(x.file, s.ID.Line, "layer.states: %q wants a name of at most %d bytes, and the same of name_en", s.ID.V, maxLayerName)
		}
		if s.Level.V != "" {
			x.among(x.file, "layer.states: level", s.Level, "blue", "yellow", "orange", "red")
		}
		if before, twice := levels[s.Level.V]; twice {
			x.problem(x.file, s.ID.Line, "layer.states: %q looks like %q: each has a level of its own, and one may have none", s.ID.V, before)
		}
		levels[s.Level.V] = s.ID.V
		l.States = append(l.States, &LayerState{ID: s.ID.V, Name: s.Name.V, NameEN: s.NameEN.V, Level: alert.WarningLevel(s.Level.V)})
	}
}

// layerPlace reads where features are: in the message, or in a register.
func (x *mapper) layerPlace(raw *rawLayer, l *Layer) {
	name := raw.Register
	switch {
	case (l.Geometry == nil) == (name.V == ""):
		x.problem(x.file, orAt(name, raw.Name).Line, "layer needs geometry, or the register that has it, and not both")
	case name.V != "":
		r, ok := x.city.Register(name.V)
		if !ok {
			x.problem(x.file, name.Line, "layer.register: no register %q: this city has %s", name.V, orElse(strings.Join(x.city.RegisterIDs(), ", "), "none"))
		}
		l.Register = r
	}
}
