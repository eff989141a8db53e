package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Scenario is a load with open-loop arrival: alerts are due at times that do not wait for the answers to those
// before, and each is timed from when it was due. A centre that stalls is seen to stall.
type Scenario struct {
	Name  string
	About string
	PerS  float64 // alerts a second
	Walls int     // that read
	Deaf  int     // that never read
	Burst int     // alerts due at once, every second, beside the others
	Storm bool    // all walls drop and resume, again and again

	run func(*bench, context.Context) error // nil: the load alone
}

// Scenarios are those that Run knows by name.
var Scenarios = []Scenario{
	{Name: "calm", About: "a day without anything: 5 alerts a second, 20 walls", PerS: 5, Walls: 20},
	{Name: "burst", About: "20 a second and 200 at once every second", PerS: 20, Burst: 200, Walls: 100},
	{Name: "typhoon", About: "500 a second for 1,000 walls", PerS: 500, Walls: 1000},
	{Name: "slow-screens", About: "100 a second for 500 walls, ten of which never read", PerS: 100, Walls: 500, Deaf: 10},
	{Name: "reconnect-storm", About: "20 a second while 2,000 walls drop and resume at once, again and again", PerS: 20, Walls: 2000, Storm: true},
	{Name: "gateways", About: "3 gateways with 2,000 walls each beside a node with 2,000 and with 6,000: processes, and redis-server", run: (*bench).gateways},
}

// Bounds of what is measured open-loop.
const (
	maxUnderWay = 4096 // alerts without an answer; more is a failure of the centre
	shortest    = int64(time.Microsecond)
	longest     = int64(5 * time.Minute)
	digits      = 3
	stormEvery  = 1500 * time.Millisecond // of calm before a storm
)

// Figure is what is printed and written as JSON: milliseconds.
type Figure struct {
	Scenario string  `json:"scenario"`
	What     string  `json:"what"`
	N        int64   `json:"n"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Max      float64 `json:"max_ms"`
	Floor    float64 `json:"floor_ms,omitempty"` // of p99
	Ratio    float64 `json:"ratio,omitempty"`    // of p99 to the floor
	Beside   string  `json:"beside,omitempty"`   // what the floor is
}

// beside sets the floor.
func (f *Figure) beside(what string, floor *hdrhistogram.Histogram) {
	f.Beside, f.Floor = what, float64(floor.ValueAtQuantile(99))/float64(time.Millisecond)
	f.Ratio = f.P99 / max(f.Floor, 0.001)
}

// scenarioRun is a scenario that goes on.
type scenarioRun struct {
	*bench
	s      Scenario
	hall   *hired
	mu     sync.Mutex
	posted []posted
}

// posted is an alert that was answered.
type posted struct {
	seq  uint64 // of its event
	due  time.Time
	took time.Duration
}

// storm is when walls dropped and were all served again.
type storm struct{ from, to time.Time }

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(shortest, longest, digits) }

func figure(s, what string, h *hdrhistogram.Histogram) Figure {
	ms := func(v int64) float64 { return float64(v) / float64(time.Millisecond) }
	return Figure{Scenario: s, What: what, N: h.TotalCount(), P50: ms(h.ValueAtQuantile(50)), P99: ms(h.ValueAtQuantile(99)), Max: ms(h.Max())}
}

// scenarios runs those that are asked for.
func (b *bench) scenarios(ctx context.Context) error {
	for _, name := range b.o.Scenarios {
		i := slices.IndexFunc(Scenarios, func(s Scenario) bool { return s.Name == name })
		if i < 0 {
			return fmt.Errorf("no scenario %q", name)
		}
		s := Scenarios[i]
		b.printf("%s: %s\n", s.Name, s.About)
		if s.run == nil {
			s.run = func(b *bench, ctx context.Context) error { return b.scenario(ctx, s) }
		}
		if err := s.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (b *bench) scenario(ctx context.Context, s Scenario) (err error) {
	floor := newHistogram()
	url, stop, err := bareServer()
	if err != nil {
		return err
	}
	err = b.arrive(ctx, s, url, func(_ receipt, _ time.Time, took time.Duration) { _ = floor.RecordValue(int64(took)) })
	stop()
	if err != nil {
		return err
	}
	r := &scenarioRun{bench: b, s: s}
	if r.hall, err = hire(b.o.Hall(ctx)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.hall.dismiss()) }()
	if _, err := r.hall.order(order{Do: "connect", Server: b.o.Server, Token: b.o.WallToken, Walls: s.Walls, Deaf: s.Deaf}); err != nil {
		return err
	}
	var storms []storm
	var failed error
	storming := make(chan struct{})
	go func() {
		defer close(storming)
		if s.Storm {
			storms, failed = r.storms(ctx)
		}
	}()
	err = b.arrive(ctx, s, b.alerts(), r.answered)
	<-storming
	if err = errors.Join(err, failed); err != nil {
		return err
	}
	arrived, err := r.settle()
	if err != nil {
		return err
	}
	r.report(floor, storms, arrived)
	b.printf("\n")
	return nil
}

// report prints the figures of a scenario that is over.
func (r *scenarioRun) report(floor *hdrhistogram.Histogram, storms []storm, arrived [][]arrival) {
	calm, stormy := newHistogram(), newHistogram()
	for _, p := range r.posted {
		h := calm
		if slices.ContainsFunc(storms, func(s storm) bool { return !p.due.Before(s.from) && p.due.Before(s.to) }) {
			h = stormy
		}
		_ = h.RecordValue(int64(p.took)) // longer than longest is a failure that shows elsewhere
	}
	f := figure(r.s.Name, "alert due → answered, durable", calm)
	f.beside("bare net/http under the same arrivals", floor)
	r.tell(f)
	if r.s.Storm {
		f := figure(r.s.Name, "the same, while walls come back", stormy)
		f.beside("the calm between", calm)
		r.tell(f)
	}
	each, last := r.lags(arrived)
	r.tell(figure(r.s.Name, fmt.Sprintf("alert due → frame at a wall (one of %d)", sampled), each))
	r.tell(figure(r.s.Name, "alert due → frame at the last of those", last))
	if r.s.Storm {
		h := newHistogram()
		for _, s := range storms {
			_ = h.RecordValue(int64(s.to.Sub(s.from)))
		}
		r.tell(figure(r.s.Name, fmt.Sprintf("%d walls dropped → all served again", r.s.Walls), h))
	}
}

// storms has all walls drop and come back, again and again, with a calm as long as a storm may take between.
func (r *scenarioRun) storms(ctx context.Context) (storms []storm, err error) {
	for end := time.Now().Add(r.o.For); ; {
		select {
		case <-time.After(min(stormEvery, r.o.For/2)):
		case <-ctx.Done():
			return storms, ctx.Err()
		}
		if len(storms) > 0 && time.Now().Add(stormEvery).After(end) {
			return storms, nil
		}
		from := time.Now()
		d, err := r.hall.order(order{Do: "storm"})
		if err != nil {
			return storms, err
		}
		storms = append(storms, storm{from, from.Add(d.Took)})
	}
}

// tell prints a figure, or writes it as a line of JSON.
func (b *bench) tell(f Figure) {
	if b.o.JSON {
		_ = json.NewEncoder(b.o.Out).Encode(f)
		return
	}
	b.printf("  %-48s n %7d  p50 %8.2f ms  p99 %8.2f ms  max %8.2f ms", f.What, f.N, f.P50, f.P99, f.Max)
	if f.Floor > 0 {
		b.printf("   p99 %.2f × %s (%.2f ms)", f.Ratio, f.Beside, f.Floor)
	}
	b.printf("\n")
}

// arrive sends alerts when they are due and times each from then.
func (b *bench) arrive(ctx context.Context, s Scenario, url string, answered func(r receipt, due time.Time, took time.Duration)) error {
	var mu sync.Mutex
	var failed error
	var sending sync.WaitGroup
	under := make(chan struct{}, maxUnderWay)
	send := func(due time.Time) error {
		select {
		case under <- struct{}{}:
		default:
			return fmt.Errorf("%d alerts are without an answer", maxUnderWay)
		}
		body := b.body()
		sending.Go(func() {
			defer func() { <-under }()
			r, err := b.post(ctx, url, body)
			took := time.Since(due)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
				return
			}
			answered(r, due, took)
		})
		return nil
	}
	began := time.Now()
	next, second := began, began
	var err error
	for err == nil && next.Before(began.Add(b.o.For)) && ctx.Err() == nil {
		time.Sleep(time.Until(next))
		err = send(next)
		if s.Burst > 0 && !next.Before(second) {
			for range s.Burst {
				if err == nil {
					err = send(next)
				}
			}
			second = second.Add(time.Second)
		}
		next = next.Add(time.Duration(rand.ExpFloat64() / s.PerS * float64(time.Second)))
	}
	sending.Wait()
	if err == nil {
		err = failed
	}
	if err == nil {
		err = ctx.Err()
	}
	return err
}

// answered notes an alert by its event.
func (r *scenarioRun) answered(a receipt, due time.Time, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.posted = append(r.posted, posted{a.Seq, due, took})
}

// settle waits until every wall that reads has what was posted, and has them leave.
func (r *scenarioRun) settle() ([][]arrival, error) {
	last := uint64(0)
	for _, p := range r.posted {
		last = max(last, p.seq)
	}
	if _, err := r.hall.order(order{Do: "settle", Seq: last}); err != nil {
		return nil, err
	}
	d, err := r.hall.order(order{Do: "leave"})
	return d.Arrived, err
}

// lags returns how long after it was due each alert was at each timed wall, and at the last of them.
func (r *scenarioRun) lags(arrived [][]arrival) (each, last *hdrhistogram.Histogram) {
	each, last = newHistogram(), newHistogram()
	slices.SortFunc(r.posted, func(a, b posted) int { return cmp.Compare(a.seq, b.seq) })
	slowest := make([]time.Duration, len(r.posted))
	for _, wall := range arrived {
		k := 0
		for i, p := range r.posted {
			for k < len(wall) && wall[k].Seq < p.seq {
				k++
			}
			if k == len(wall) {
				break
			}
			lag := time.Duration(wall[k].At - p.due.UnixNano())
			_ = each.RecordValue(int64(lag))
			slowest[i] = max(slowest[i], lag)
		}
	}
	for _, lag := range slowest {
		_ = last.RecordValue(int64(lag))
	}
	return each, last
}
