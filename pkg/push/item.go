package push

import (
	"slices"

	"github.com/banyan-ecc/banyan/geo"
)

// Item is one committed event as the hub sees it: its two encodings and whom it concerns. An item that names
// no incident, department, seat or cell (a configuration was loaded) concerns everybody. Items and all they
// refer to are shared between goroutines and must not be changed after Publish.
type Item struct {
	Seq         uint64   // from 1, without a gap
	Full        []byte   // one JSON object, for officers; nil: not shown to them
	Wall        []byte   // one JSON object without what walls may not see; nil: not shown to walls
	Incident    string   // incident id
	Departments []string // concerned by it
	Seats       []string // concerned by it
	Cell        geo.Cell // where, resolution 9; 0 for nowhere
	Watched     bool     // Hooks.Sent and Hooks.Shown are told of it
	Sealed      bool     // for Departments alone, whatever else a subscription asks for
}

// For reports whether a member of a department may see it. What is sealed is for the departments it concerns, and
// never for those who see redacted data.
func (it *Item) For(department string, redacted bool) bool {
	return !it.Sealed || !redacted && slices.Contains(it.Departments, department)
}

// everybody reports whether it concerns every subscription.
func (it *Item) everybody() bool {
	return it.Incident == "" && it.Cell == 0 && len(it.Departments) == 0 && len(it.Seats) == 0
}

// Batch is what one commit made, in order. To+1 is the From of the next. A batch that covers nothing
// (To = From-1, no items) tells a new hub where the city stands, so that clients can resume at that point.
type Batch struct {
	Epoch    uint32
	From, To uint64
	Items    []Item // ascending Seq, From to To; a sequence without an item is one nobody is shown
}
