package sim

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/plan"
)

// each has a sample sent for every entry of a register in turn, as a system does that measures many things: with the
// entry's id in the place of the one in the sample, and numbers that go up and down between two bounds, all of one
// entry together.
type each struct {
	Register string                `yaml:"register"`
	ID       string                `yaml:"id"`      // text of the sample
	Within   string                `yaml:"within"`  // how long it takes to come round
	Numbers  map[string][2]float64 `yaml:"numbers"` // by text of the sample: at its calmest, at its worst
}

// Bounds of a round over a register.
const (
	minSweep = time.Second
	maxSweep = time.Hour
)

// check says what is wrong with what a sample says of a round, and returns how long one takes.
func (e *each) check(city *plan.City, text string) (r *plan.Register, within time.Duration, err error) {
	r, ok := city.Register(e.Register)
	if !ok || len(r.Entries) == 0 {
		return nil, 0, fmt.Errorf("each: no register %q with entries", e.Register)
	}
	if within, err = time.ParseDuration(e.Within); err != nil || within < minSweep || within > maxSweep {
		return nil, 0, fmt.Errorf("each: within is %q, want %v to %v", e.Within, minSweep, maxSweep)
	}
	for number := range e.Numbers {
		if !strings.Contains(text, number) || number == "" {
			return nil, 0, fmt.Errorf("each: %q is not in the sample", number)
		}
	}
	if e.ID == "" || !strings.Contains(text, e.ID) {
		return nil, 0, errors.New("each: id is not in the sample")
	}
	return r, within, nil
}

// sweep sends a sample for each entry of its register, again and again, until ctx ends.
func (o *Options) sweep(ctx context.Context, client *http.Client, source *plan.Source, m *message, rng *rand.Rand) {
	register, within, err := m.vary.Each.check(o.City, m.text)
	if err != nil { // ReadSystems has looked
		return
	}
	states := make([]float64, len(register.Entries))
	usual := make([]float64, len(states))
	for i := range states {
		usual[i] = rng.Float64() * rng.Float64()
		states[i] = usual[i]
	}
	every := within / time.Duration(len(states))
	for {
		for i, e := range register.Entries {
			states[i] = wander(states[i], usual[i], rng)
			if err := o.transmit(ctx, client, source, m.ofEntry(e.ID, states[i], time.Now().In(o.City.Zone))); err != nil && ctx.Err() == nil {
				o.Logger.Warn("demo: a reading was refused", "sample", m.file, "error", err)
			}
			if !sleep(ctx, every) {
				return
			}
		}
	}
}

// wander moves a state between 0, the calmest, and 1 by chance, and back towards where it usually is.
func wander(state, usual float64, rng *rand.Rand) float64 {
	const back, step = 0.2, 0.11
	return min(1, max(0, state+back*(usual-state)+step*rng.NormFloat64()))
}

// ofEntry returns a sample as it is sent for an entry of its register in a state.
func (m *message) ofEntry(id string, state float64, now time.Time) []byte {
	pairs := []string{m.vary.Each.ID, id}
	for text, bounds := range m.vary.Each.Numbers {
		pairs = append(pairs, text, strconv.FormatFloat(bounds[0]+state*(bounds[1]-bounds[0]), 'f', 1, 64))
	}
	for text, format := range m.vary.Time {
		pairs = append(pairs, text, written(now, format))
	}
	return []byte(strings.NewReplacer(pairs...).Replace(m.text))
}
