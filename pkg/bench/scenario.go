package bench

import (
	"cmp"
	"context"
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

	Most time.Duration // aimed at for the 99th percentile at the last wall; 0: nothing is

	run func(*bench, context.Context, Scenario) error // nil: the load alone
}

// Scenarios are those that Run knows by name. Each has a centre of its own.
var Scenarios = []Scenario{
	{Name: "calm", About: "a day without anything: 5 alerts a second, 20 walls", PerS: 5, Walls: 20},
	{Name: "burst", About: "20 a second and 200 at once every second", PerS: 20, Burst: 200, Walls: 100},
	{Name: "typhoon", About: "500 a second for 1,000 walls", PerS: 500, Walls: 1000},
	{Name: "typhoon-peak", About: "1,000 a second for 1,000 walls", PerS: 1000, Walls: 1000, Most: 250 * time.Millisecond},
	{Name: "screens", About: "one alert after the other to the last of 10 to 10,000 walls, as many as files may be open", run: (*bench).manyScreens},
	{Name: "slow-screens", About: "100 a second for 500 walls, by turns without and with ten that never read", PerS: 100, Walls: 500, Deaf: 10, run: (*bench).slowScreens},
	{Name: "reconnect-storm", About: "50 a second while 2,000 walls drop and resume at once, again and again", PerS: 50, Walls: 2000, run: (*bench).reconnectStorm},
	{Name: "fat-snapshot", About: "20 a second for 20 walls while 20 more join a city with 20,000 open incidents (--incidents)", PerS: 20, Walls: 20, run: (*bench).fatSnapshot},
	{Name: "metrics-overhead", About: "two centres by turns, one of which measures nothing: processor time an alert", run: (*bench).metricsOverhead},
	{Name: "cold-start", About: "a centre with a million open incidents (--cold) is started again, after a stop and after a kill", run: (*bench).coldStart},
	{Name: "gateways", About: "3 gateways with 2,000 walls each beside a node with 2,000 and with 6,000: processes, and redis-server", run: (*bench).gateways},
}

// Bounds of what is measured open-loop.
const (
	maxUnderWay = 4096 // alerts without an answer; more is a failure of the centre
	shortest    = int64(time.Microsecond)
	longest     = int64(5 * time.Minute)
	digits      = 3
)

// scenarios runs those that are asked for.
func (b *bench) scenarios(ctx context.Context) error {
	for _, name := range b.o.Scenarios {
		i := slices.IndexFunc(Scenarios, func(s Scenario) bool { return s.Name == name })
		if i < 0 {
			return fmt.Errorf("no scenario %q", name)
		}
		s := Scenarios[i]
		if b.o.Rate > 0 && s.PerS > 0 {
			s.PerS = b.o.Rate
			s.About += fmt.Sprintf("; but %g a second", s.PerS)
		}
		if s.run == nil {
			s.run = (*bench).plain
		}
		b.printf("%s: %s\n", s.Name, s.About)
		if err := s.run(b, ctx, s); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		b.printf("\n")
	}
	return nil
}

// scenarioRun is a load that goes on, and what came of it.
type scenarioRun struct {
	*bench
	s       Scenario
	hall    *hired
	mu      sync.Mutex
	posted  []posted
	arrived [][]arrival // of each timed wall, once all have left
}

// posted is an alert that was answered.
type posted struct {
	seq  uint64 // of its event
	due  time.Time
	took time.Duration
}

// plain is a scenario that is its load and nothing else, beside bare net/http under the same arrivals.
func (b *bench) plain(ctx context.Context, s Scenario) error {
	floor := newHistogram()
	url, stop, err := bareServer()
	if err != nil {
		return err
	}
	err = b.arrive(ctx, s, url, b.lasting(), func(_ receipt, _ time.Time, took time.Duration) { _ = floor.RecordValue(int64(took)) })
	stop()
	if err != nil {
		return err
	}
	return b.within(false, func() error {
		r, err := b.load(ctx, s, nil)
		if err != nil {
			return err
		}
		b.tell(figure(s.Name, "alert due → answered, durable", r.accepts(always)).
			beside(ofP99, ms(time.Duration(floor.ValueAtQuantile(99))), "bare net/http under the same arrivals"))
		each, last := r.lags(always)
		b.tell(figure(s.Name, fmt.Sprintf("alert due → frame at a wall (one of %d)", sampled), each))
		f := figure(s.Name, "alert due → frame at the last of those", last)
		if s.Most > 0 {
			f = f.aim(f.P99 < ms(s.Most), "p99 under %v", s.Most)
		}
		b.tell(f)
		return nil
	})
}

// lasting returns what says whether alerts are still due, for as long as the options say.
func (b *bench) lasting() func(time.Time) bool {
	until := time.Now().Add(b.o.For)
	return until.After
}

// load has the walls of s connected and sends its alerts. While they go on it calls beside, if that is not nil, and ends
// when that has; else it goes on as long as the options say. It waits until every wall has everything.
func (b *bench) load(ctx context.Context, s Scenario, beside func(*scenarioRun) error) (r *scenarioRun, err error) {
	r = &scenarioRun{bench: b, s: s}
	if r.hall, err = hire(b.o.Hall(ctx)); err != nil {
		return nil, err
	}
	h := r.hall
	defer func() { err = errors.Join(err, h.dismiss()) }()
	if _, err := h.order(order{Do: "connect", Server: b.URL, Token: b.WallToken, Walls: s.Walls, Deaf: s.Deaf}); err != nil {
		return nil, err
	}
	going, besides := b.lasting(), make(chan error, 1)
	if beside == nil {
		besides <- nil
	} else {
		ended := make(chan struct{})
		going = func(time.Time) bool {
			select {
			case <-ended:
				return false
			default:
				return true
			}
		}
		go func() {
			defer close(ended)
			besides <- beside(r)
		}()
	}
	err = b.arrive(ctx, s, b.alerts(), going, r.answered)
	if err = errors.Join(err, <-besides); err != nil {
		return nil, err
	}
	r.arrived, err = r.settle()
	return r, err
}

// arrive sends alerts when they are due, as long as going says, and tells answered of each answer, one at a time.
func (b *bench) arrive(ctx context.Context, s Scenario, url string, going func(time.Time) bool, answered func(r receipt, due time.Time, took time.Duration)) error {
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
	next := time.Now()
	second := next
	var err error
	for err == nil && going(next) && ctx.Err() == nil {
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

// accepts is how long after they were due the alerts were answered that were due when asks says.
func (r *scenarioRun) accepts(asks func(time.Time) bool) *hdrhistogram.Histogram {
	h := newHistogram()
	for _, p := range r.posted {
		if asks(p.due) {
			_ = h.RecordValue(int64(p.took)) // longer than longest is a failure that shows elsewhere
		}
	}
	return h
}

func always(time.Time) bool { return true }

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

// lags returns how long after it was due each alert, of those due when asks says, was at each timed wall, and at the
// last of them.
func (r *scenarioRun) lags(asks func(time.Time) bool) (each, last *hdrhistogram.Histogram) {
	each, last = newHistogram(), newHistogram()
	slices.SortFunc(r.posted, func(a, b posted) int { return cmp.Compare(a.seq, b.seq) })
	slowest := make([]time.Duration, len(r.posted))
	for _, wall := range r.arrived {
		k := 0
		for i, p := range r.posted {
			for k < len(wall) && wall[k].Seq < p.seq {
				k++
			}
			if k == len(wall) {
				break
			}
			if !asks(p.due) {
				continue
			}
			lag := time.Duration(wall[k].At - p.due.UnixNano())
			_ = each.RecordValue(int64(lag))
			slowest[i] = max(slowest[i], lag)
		}
	}
	for i, lag := range slowest {
		if asks(r.posted[i].due) {
			_ = last.RecordValue(int64(lag))
		}
	}
	return each, last
}
