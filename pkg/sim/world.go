package sim

import (
	"container/heap"
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// rhythm is how busy each hour of a day is, against the busiest: a city's emergency calls, lowest before dawn.
var rhythm = [24]float64{0.42, 0.34, 0.28, 0.25, 0.25, 0.30, 0.42, 0.62, 0.82, 0.92, 0.98, 1.0, 0.93, 0.88, 0.9, 0.93, 0.97, 1.0, 1.0, 0.97, 0.92, 0.85, 0.72, 0.56}

// What happens at once when the city begins to live.
const (
	openers       = 24
	openersWithin = 12 * time.Second
)

// A typhoon multiplies everything, and what nature does most.
const (
	typhoonRate    = 4.0
	typhoonNatural = 8.0
)

// world makes happenings.
type world struct {
	o       *Options
	rng     *rand.Rand
	kinds   []kind
	weights []float64 // running sums over kinds
	cells   []geo.Cell
	run     string // prefix of this run's alert ids
	n       int
	waiting calls // callers who have yet to call, by time
}

// kind is an incident type with the sources that may report it.
type kind struct {
	*plan.Type
	sources []*plan.Source
}

func newWorld(o *Options) *world {
	w := &world{o: o, rng: rand.New(rand.NewPCG(o.Seed, 0)), run: strconv.FormatInt(time.Now().UnixMilli(), 36)}
	sum := 0.0
	for _, t := range o.City.Types {
		k := kind{Type: t}
		for _, s := range o.City.Sources {
			if s.Plain() && s.MaySend(t.Code) && o.SourceTokens[s.ID] != "" {
				k.sources = append(k.sources, s)
			}
		}
		if len(k.sources) == 0 {
			continue
		}
		// The graver, the rarer.
		weight := [...]float64{0, 0.35, 1, 2, 2.5}[t.Priority]
		if t.Class == alert.ClassNatural {
			weight *= 0.3
			if o.Typhoon {
				weight *= typhoonNatural
			}
		}
		sum += weight
		w.kinds, w.weights = append(w.kinds, k), append(w.weights, sum)
	}
	for a := range o.City.Areas.Areas {
		w.cells = append(w.cells, a.Cells...)
	}
	return w
}

// live makes happenings and hands each call over when its time has come.
func (w *world) live(ctx context.Context, out chan<- call) {
	if len(w.kinds) == 0 || w.o.PerMinute <= 0 {
		<-ctx.Done()
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	next := time.Now()
	for i := range openers { // so that a new city does not begin empty
		w.happen(next.Add(time.Duration(i) * openersWithin / openers))
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		for !next.After(now) {
			w.happen(next)
			next = next.Add(time.Duration(w.rng.ExpFloat64() * float64(w.gap(now))))
			if next.Before(now.Add(-time.Minute)) { // the machine slept: do not catch up
				next = now
			}
		}
		for len(w.waiting) > 0 && !w.waiting[0].at.After(now) {
			select {
			case out <- heap.Pop(&w.waiting).(call):
			case <-ctx.Done():
				return
			}
		}
		until := next
		if len(w.waiting) > 0 && w.waiting[0].at.Before(until) {
			until = w.waiting[0].at
		}
		timer.Reset(time.Until(until))
	}
}

// gap is the mean time between happenings at t.
func (w *world) gap(t time.Time) time.Duration {
	rate := w.o.PerMinute * rhythm[t.In(w.o.City.Zone).Hour()]
	if w.o.Typhoon {
		rate *= typhoonRate
	}
	return time.Duration(float64(time.Minute) / rate)
}

// happen lets something happen at t, and the people who see it call.
func (w *world) happen(t time.Time) {
	k := w.kinds[min(w.pick(), len(w.kinds)-1)]
	at := w.somewhere()
	callers := 1
	if k.Group.RadiusM > 0 {
		switch d := w.rng.Float64(); {
		case d < 0.02:
			callers = 10 + w.rng.IntN(40)
		case d < 0.15:
			callers = 2 + w.rng.IntN(4)
		}
	}
	source := k.sources[w.rng.IntN(len(k.sources))]
	for i := range callers {
		if len(w.waiting) >= maxCalls {
			return
		}
		w.n++
		c := call{at: t, source: source, kind: k.Type, id: "demo-" + w.run + "-" + strconv.Itoa(w.n), position: at, caller: i, floors: 1 + int(w.rng.ExpFloat64()*5), injured: w.injured()}
		if i > 0 { // later callers within minutes, each standing somewhere else
			c.at = t.Add(time.Duration(w.rng.ExpFloat64() * float64(40*time.Second)))
			c.position = moved(at, w.rng.NormFloat64()*60, w.rng.NormFloat64()*60)
			c.source = k.sources[w.rng.IntN(len(k.sources))]
		}
		heap.Push(&w.waiting, c)
	}
}

// injured is how many people are hurt: mostly none.
func (w *world) injured() int {
	if w.rng.Float64() < 0.95 {
		return 0
	}
	return 1 + int(w.rng.ExpFloat64())
}

func (w *world) pick() int {
	d := w.rng.Float64() * w.weights[len(w.weights)-1]
	i, _ := slices.BinarySearch(w.weights, d)
	return i
}

// somewhere is a place in the city: mostly about its centre, now and then anywhere.
func (w *world) somewhere() geo.Point {
	const tries, spreadM, urban = 20, 3500, 0.6
	for range tries {
		p := moved(w.o.City.Centre, w.rng.NormFloat64()*spreadM, w.rng.NormFloat64()*spreadM)
		if len(w.cells) > 0 && w.rng.Float64() > urban {
			if c, ok := w.cells[w.rng.IntN(len(w.cells))].Centre(); ok {
				p = moved(c, w.rng.NormFloat64()*300, w.rng.NormFloat64()*300)
			}
		}
		if !w.o.City.Areas.Locate(p).Outside {
			return p
		}
	}
	return w.o.City.Centre
}

// moved is p some metres further east and north.
func moved(p geo.Point, eastM, northM float64) geo.Point {
	const metresADegree = 111_195
	return geo.Point{Lon: p.Lon + eastM/(metresADegree*math.Cos(p.Lat*math.Pi/180)), Lat: p.Lat + northM/metresADegree}
}

// calls is a heap by time.
type calls []call

func (c calls) Len() int           { return len(c) }
func (c calls) Less(i, j int) bool { return c[i].at.Before(c[j].at) }
func (c calls) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }

// Push implements heap.Interface.
func (c *calls) Push(x any) { *c = append(*c, x.(call)) }

// Pop implements heap.Interface.
func (c *calls) Pop() any {
	last := len(*c) - 1
	x := (*c)[last]
	*c = (*c)[:last]
	return x
}
