package dispatch

import (
	"fmt"
	"strings"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// LevelOf returns the level that an incident is with: the one it was passed to, or else that of the last of its areas.
func LevelOf(city *plan.City, inc *alert.Incident) geo.Level {
	if inc.Level != 0 {
		return inc.Level
	}
	if a, ok := city.Areas.Area(inc.Areas[len(inc.Areas)-1]); ok {
		return a.Level
	}
	return geo.City
}

// pass brings an incident to another level of the areas: up 上报, or down 下派. Which level is named, not how far to go,
// so that an officer whose answer was lost may ask again.
func (d *decision) pass(inc *alert.Incident) error {
	p := d.city.Passing
	from := LevelOf(d.city, inc)
	switch {
	case !p.Of(inc.Type):
		return alert.Errorf(alert.CodeConflict, "incident %s is of type %s, which this city passes between no levels (plans.yaml, passing)", inc.Number, inc.Type)
	case !p.Has(d.c.Level):
		return needs("level", "must be one of "+strings.Join(p.Names(), ", "))
	case inc.State == alert.IncidentSuspended:
		return alert.Errorf(alert.CodeConflict, "incident %s is suspended: resume it first", inc.Number)
	case d.c.Level == from:
		return nil
	}
	d.emit(Event{Type: IncidentPassed, IncidentID: inc.ID, From: from.String(), To: d.c.Level.String(), Reason: d.c.Reason, By: d.c.By})
	return nil
}

// applyPass brings the incident to the level it was passed to.
func applyPass(doc *alert.Incident, e *Event) {
	level, err := geo.ParseLevel(e.To)
	if err != nil {
		panic(fmt.Sprintf("dispatch: event %d: %v", e.Seq, err))
	}
	doc.Level = level
}
