package bench

import (
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Patient returns the type whose tasks fall due latest, and the sources that may send it at the default
// rate, of equally late ones that with the most: the ladders of thousands of unanswered tasks are not what is
// measured.
func Patient(city *plan.City) (best *plan.Type, from []*plan.Source) {
	var longest time.Duration
	for _, t := range city.Types {
		if t.Priority != alert.P4 {
			continue
		}
		var able []*plan.Source
		for _, s := range city.Sources {
			if s.Plain() && s.MaySend(t.Code) && s.PerSecond >= plan.DefaultSourcePerSecond {
				able = append(able, s)
			}
		}
		after := t.General().Ladder.Steps(t.Priority)[0].After
		if len(able) > 0 && (after > longest || after == longest && len(able) > len(from)) {
			best, from, longest = t, able, after
		}
	}
	return best, from
}
