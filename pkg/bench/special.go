package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Scenarios that are more than a load.

const (
	slowTurns      = 5
	aimDeaf        = 1.2
	storms         = 3
	aimStorm       = 3 * time.Second
	aimStormAccept = 2.0
	joiners        = 20
	fillAtATime    = 4
	aimMetrics     = 1.03
	overheadTurns  = 100
	overheadLines  = 500
	overheadWalls  = 5
)

// screenCounts are how many walls the scenario screens has, one after the other.
var screenCounts = []int{10, 100, 1000, 2000, 5000, 10_000}

// manyScreens measures from the POST to the last of more and more walls.
func (b *bench) manyScreens(ctx context.Context, s Scenario) (err error) {
	floor, stop, err := bareServer()
	if err != nil {
		return err
	}
	b.httpFloor, err = b.oneByOne(ctx, floor, b.o.Rounds)
	stop()
	if err != nil {
		return err
	}
	if b.syncFloor, err = syncFloor(b.o.Dir, b.o.Rounds); err != nil {
		return err
	}
	const spare = 300 // files besides
	most := (int(min(RaiseFiles(), 1<<30)) - spare) / 2
	for i, n := range screenCounts {
		if n > most {
			b.printf("  %d walls need %d open files, %d are allowed (ulimit -n): as many as these let\n", n, 2*n+spare, 2*most+spare)
			if i > 0 && most <= screenCounts[i-1] {
				break
			}
			n = most
		}
		rounds := max(10, min(b.o.Rounds, 100_000/n))
		if err := b.within(false, func() error { return b.lastOf(ctx, s.Name, n, rounds) }); err != nil {
			return err
		}
	}
	return nil
}

// slowScreens compares the walls that read when there are deaf ones with when there are none: by turns, each turn with a
// centre of its own, and the medians of what the turns had. One turn that the machine disturbed then decides nothing.
func (b *bench) slowScreens(ctx context.Context, s Scenario) error {
	var each [2][]Figure
	for turn := range slowTurns {
		for k := range 2 {
			i, one := (k+turn)%2, s
			if i == 0 {
				one.Deaf = 0
			}
			err := b.within(false, func() error {
				r, err := b.load(ctx, one, nil)
				if err == nil {
					lags, _ := r.lags(always)
					each[i] = append(each[i], figure(s.Name, "", lags))
				}
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	without, with := medians(each[0]), medians(each[1])
	without.What = "all walls read: alert due → frame at a wall"
	with.What = fmt.Sprintf("%d never read: → frame at a wall that does", s.Deaf)
	b.tell(without)
	b.tell(with.beside(ofP99, without.P99, "all read").most(aimDeaf))
	return nil
}

// medians returns the median of each time of what was measured several times.
func medians(of []Figure) (m Figure) {
	median := func(time func(Figure) float64) float64 {
		all := make([]float64, len(of))
		for i := range of {
			all[i] = time(of[i])
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	m = of[0]
	m.P50, m.P99 = median(func(f Figure) float64 { return f.P50 }), median(func(f Figure) float64 { return f.P99 })
	m.Max, m.N = median(func(f Figure) float64 { return f.Max }), 0
	for _, f := range of {
		m.N += f.N
	}
	return m
}

// reconnectStorm compares what alerts wait for their answers while all walls come back with what they wait in the calm
// between.
func (b *bench) reconnectStorm(ctx context.Context, s Scenario) error {
	type span struct{ from, to time.Time }
	var spans []span
	during := func(t time.Time) bool {
		for _, s := range spans {
			if !t.Before(s.from) && t.Before(s.to) {
				return true
			}
		}
		return false
	}
	return b.within(false, func() error {
		r, err := b.load(ctx, s, func(r *scenarioRun) error {
			for range storms {
				if err := pause(ctx, b.o.For/2); err != nil {
					return err
				}
				from := time.Now()
				d, err := r.hall.order(order{Do: "storm"})
				if err != nil {
					return err
				}
				spans = append(spans, span{from, from.Add(d.Took)})
			}
			return nil
		})
		if err != nil {
			return err
		}
		served := newHistogram()
		for _, s := range spans {
			_ = served.RecordValue(int64(s.to.Sub(s.from)))
		}
		calm := r.accepts(func(t time.Time) bool { return !during(t) })
		b.tell(figure(s.Name, "in calm: alert due → answered, durable", calm))
		b.tell(figure(s.Name, "while walls come back: alert due → answered", r.accepts(during)).
			beside(ofP99, ms(time.Duration(calm.ValueAtQuantile(99))), "calm").most(aimStormAccept))
		each, _ := r.lags(during)
		b.tell(figure(s.Name, "while walls come back: → frame at a wall", each))
		b.tell(figure(s.Name, fmt.Sprintf("%d walls dropped → all served again", s.Walls), served).aim(served.Max() <= int64(aimStorm), "max under %v", aimStorm))
		return nil
	})
}

// pause waits, not beyond the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fatSnapshot has walls join a city with very many open incidents, while others go on.
func (b *bench) fatSnapshot(ctx context.Context, s Scenario) error {
	return b.within(false, func() error {
		if err := b.fill(ctx, b.o.Incidents); err != nil {
			return err
		}
		first := newHistogram()
		var from, to time.Time
		var bytes int64
		r, err := b.load(ctx, s, func(r *scenarioRun) (err error) {
			if err := pause(ctx, b.o.For); err != nil {
				return err
			}
			from = time.Now()
			d, err := r.hall.order(order{Do: "join", Walls: joiners})
			to, bytes = time.Now(), d.Bytes
			for _, took := range d.Joined {
				_ = first.RecordValue(int64(took))
			}
			return err
		})
		if err != nil {
			return err
		}
		before, _ := r.lags(func(t time.Time) bool { return t.Before(from) })
		during, _ := r.lags(func(t time.Time) bool { return !t.Before(from) && t.Before(to) })
		b.tell(Figure{Scenario: s.Name, What: fmt.Sprintf("snapshot of %d open incidents", b.o.Incidents), Bytes: bytes})
		b.tell(figure(s.Name, fmt.Sprintf("%d walls join at once: connect → whole picture", joiners), first))
		b.tell(figure(s.Name, "others before: alert due → frame at a wall", before))
		b.tell(figure(s.Name, "others meanwhile: alert due → frame at a wall", during).beside(ofP99, ms(time.Duration(before.ValueAtQuantile(99))), "before"))
		return nil
	})
}

// fill opens so many incidents.
func (b *bench) fill(ctx context.Context, n int) error {
	began, under := time.Now(), make(chan struct{}, fillAtATime)
	var posting sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for left := n; left > 0; left -= batchLines {
		lines := min(left, batchLines)
		body := b.lines(lines)
		under <- struct{}{}
		posting.Go(func() {
			defer func() { <-under }()
			if err := b.postBatch(ctx, b.source(), body); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = err
			}
		})
	}
	posting.Wait()
	b.printf("  %d incidents opened in %v\n", n, time.Since(began).Round(time.Millisecond))
	return failed
}

// metricsOverhead gives two centres, of which one measures nothing, the same work by turns. What the driver needs of the
// processor is the same for both and small beside it. The collector works between the turns, for neither.
func (b *bench) metricsOverhead(ctx context.Context, s Scenario) error {
	var spent [2][]time.Duration
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	return b.within(true, func() error {
		off := b.Centre
		return b.within(false, func() (err error) {
			on := b.Centre
			defer func() { b.Centre = on }()       // which within stops
			for _, c := range []*Centre{off, on} { // both push to as many
				h, err := hire(b.o.Hall(ctx))
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, h.dismiss()) }()
				if _, err := h.order(order{Do: "connect", Server: c.URL, Token: c.WallToken, Walls: overheadWalls}); err != nil {
					return err
				}
			}
			for turn := range overheadTurns + 1 {
				for k := range 2 {
					i := (k + turn) % 2 // each is first as often as the other
					b.Centre = []*Centre{off, on}[i]
					body := b.lines(overheadLines)
					runtime.GC()
					began := processorTime()
					if err := b.postBatch(ctx, b.source(), body); err != nil {
						return err
					}
					if turn > 0 { // the first is to warm up
						spent[i] = append(spent[i], processorTime()-began)
					}
				}
			}
			each := func(i, percent int) float64 {
				slices.Sort(spent[i])
				return ms(spent[i][(overheadTurns-1)*percent/100]) / overheadLines
			}
			f := Figure{Scenario: s.Name, What: "processor time of an alert, measured", N: overheadTurns * overheadLines, P50: each(1, 50), P99: each(1, 99)}
			b.tell(f.beside(ofP50, each(0, 50), "unmeasured").most(aimMetrics))
			return nil
		})
	})
}
