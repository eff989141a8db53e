package plan

import (
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Bounds of layers.
const (
	MaxLayers       = 32 // of a city
	MaxLayerStates  = 5  // the four levels, and none
	MaxLayerUnit    = 16 // bytes
	MinLayerValid   = 5 * time.Second
	MaxLayerValid   = 24 * time.Hour
	MaxLayerKeep    = 48 * time.Hour
	LayerKeepFactor = 3 // of Valid, where the profile does not say how long
	maxLayerName    = 60
)

// Layer is how what a source measures is shown on maps: of each feature, a stretch of road or a gauge, the last state.
type Layer struct {
	Name, NameEN string
	Unit         string // of the value; "": none
	States       []*LayerState
	Public       bool // walls show it too

	Feature  *Rule     // id of the feature that a message is about
	State    *Rule     // id of one of States
	Value    *Rule     // nil: there is none
	Label    *Rule     // what the feature is called; nil: the register says, or nobody
	At       *Rule     // when it was measured; nil: Mapping.OccurredAt, else when the message came
	Geometry *Rule     // nil: Register has it
	Register *Register // nil: Geometry yields it

	Valid time.Duration // a reading older than that is shown as stale
	Keep  time.Duration // and one older than that no more
}

// LayerState is a state that a feature of a layer may be in.
type LayerState struct {
	ID, Name, NameEN string
	Level            alert.WarningLevel // what it is drawn like; "": as what is normal
}

// StateByID returns the state with an id.
func (l *Layer) StateByID(id string) (*LayerState, bool) {
	for _, s := range l.States {
		if s.ID == id {
			return s, true
		}
	}
	return nil, false
}

// Layers returns the sources that have a layer, by id.
func (c *City) Layers() (list []*Source) {
	for _, s := range c.Sources {
		if s.Layer != nil {
			list = append(list, s)
		}
	}
	return list
}
