package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Bounds of a measurement.
const (
	dialsAtATime = 16
	lastWait     = 20 * time.Second // for the last screen after the last event
	maxUnderWay  = 4096             // posts without an answer; more is collapse
	idleRest     = time.Millisecond // between two single events, so that processors fall idle as they do
)

// hall is a service with its screens.
type hall struct {
	*service
	screens []*screen
	readers sync.WaitGroup
}

// openHall starts a peer and connects n screens.
func (d *driver) openHall(p peer, n int) (*hall, error) {
	s, err := p.start(d)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	h := &hall{service: s, screens: make([]*screen, n)}
	var failed atomic.Pointer[error]
	var dialers sync.WaitGroup
	var next atomic.Int64
	for range min(dialsAtATime, n) {
		dialers.Go(func() {
			for i := next.Add(1) - 1; i < int64(n) && failed.Load() == nil; i = next.Add(1) - 1 {
				sc, err := s.dial()
				if err != nil {
					failed.Store(&err)
					return
				}
				h.screens[i] = sc
			}
		})
	}
	dialers.Wait()
	if err := failed.Load(); err != nil {
		h.close()
		return nil, fmt.Errorf("%s: screens: %w", p.name, *err)
	}
	for _, sc := range h.screens {
		h.readers.Go(sc.read)
	}
	return h, nil
}

func (h *hall) close() {
	for _, sc := range h.screens {
		if sc != nil {
			_ = sc.conn.Close()
		}
	}
	h.readers.Wait()
	h.stop()
}

// have reports whether every screen has key, or so many events; lost is how many connections ended.
func (h *hall) have(key uint64) (all bool, lost int) {
	all = true
	for _, sc := range h.screens {
		if sc.ended.Load() {
			lost++
		} else if sc.got.Load() < key {
			all = false
		}
	}
	return all, lost
}

// await waits until every screen has key.
func (h *hall) await(ctx context.Context, key uint64, within time.Duration) error {
	for end := time.Now().Add(within); ; time.Sleep(idleRest) {
		all, lost := h.have(key)
		switch {
		case lost > 0:
			return fmt.Errorf("%d of %d screens were cut off", lost, len(h.screens))
		case all:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("event %d never reached all screens", key)
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// sent is an event and when it was due.
type sent struct {
	key uint64
	due int64
}

// spread is what one measurement saw.
type spread struct {
	answer, last *hdrhistogram.Histogram // nanoseconds from when an event was due: to the answer, to the last screen
	missed       int                     // events that some screen never had in time
	lost         int                     // screens cut off
	behind       bool                    // half of the events came later than the measurement was long, or never
	perEvent     float64                 // bytes that a screen received for one event
	cpu          time.Duration           // of the service for one event
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(int64(time.Microsecond), int64(10*time.Minute), 3)
}

func quantile(h *hdrhistogram.Histogram, q float64) time.Duration {
	return time.Duration(h.ValueAtQuantile(q))
}

// idle publishes events one after the other, each when all screens have the one before.
func (d *driver) idle(ctx context.Context, p peer, screens, rounds int) (*spread, error) {
	h, err := d.openHall(p, screens)
	if err != nil {
		return nil, err
	}
	defer h.close()
	const warm = 20
	var events []sent
	s := &spread{answer: newHistogram()}
	var cpu time.Duration
	var bytes int64
	for i := range rounds + warm {
		if i == warm {
			cpu, bytes = h.ticks(), h.received()
		}
		n := uint64(i + 1)
		body := d.body(n)
		began := clock()
		key, err := h.publish(ctx, n, body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		if i >= warm {
			_ = s.answer.RecordValue(clock() - began)
			events = append(events, sent{key, began})
		}
		if err := h.await(ctx, key, lastWait); err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	s.cpu, s.perEvent = (h.ticks()-cpu)/time.Duration(rounds), float64(h.received()-bytes)/float64(rounds*screens)
	h.finish(events, s)
	return s, nil
}

func (h *hall) received() (n int64) {
	for _, sc := range h.screens {
		n += sc.bytes.Load()
	}
	return n
}

// open publishes events when they are due, whatever became of those before, and times each from then.
func (d *driver) open(ctx context.Context, p peer, screens int, perSecond float64, length time.Duration, seed uint64) (*spread, error) {
	h, err := d.openHall(p, screens)
	if err != nil {
		return nil, err
	}
	defer h.close()
	s := &spread{answer: newHistogram()}
	chance := rand.New(rand.NewPCG(seed, seed))
	var mu sync.Mutex
	var events []sent
	var failed error
	var posts sync.WaitGroup
	under := make(chan struct{}, maxUnderWay)
	cpu, bytes, began := h.ticks(), h.received(), clock()
	n := uint64(0)
	for next := began; next < began+int64(length) && ctx.Err() == nil; next += int64(chance.ExpFloat64() / perSecond * float64(time.Second)) {
		time.Sleep(time.Duration(next - clock()))
		select {
		case under <- struct{}{}: // what is late from here on counts from when it was due
		case <-ctx.Done():
			continue
		}
		n++
		body, due, number := d.body(n), next, n
		posts.Go(func() {
			defer func() { <-under }()
			key, err := h.publish(ctx, number, body)
			took := clock() - due
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
				return
			}
			_ = s.answer.RecordValue(took)
			events = append(events, sent{key, due})
		})
	}
	posts.Wait()
	if err := errors.Join(failed, ctx.Err()); err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	last := uint64(len(events))
	for _, e := range events {
		if h.upTo {
			last = max(last, e.key)
		}
	}
	_ = h.await(ctx, last, lastWait) // what never came is counted by finish
	s.cpu, s.perEvent = (h.ticks()-cpu)/time.Duration(len(events)), float64(h.received()-bytes)/float64(len(events)*screens)
	_, s.lost = h.have(0)
	h.finish(events, s)
	s.behind = s.missed > 0 || quantile(s.last, 50) > length
	return s, nil
}

// finish ends the reading and finds when the last screen had each event. One that a screen never had counts as if it
// had come at the end of the waiting: that is the least it took.
func (h *hall) finish(events []sent, s *spread) {
	never := clock()
	for _, sc := range h.screens {
		_ = sc.conn.Close()
	}
	h.readers.Wait()
	slices.SortFunc(events, func(a, b sent) int { return cmp.Compare(a.key, b.key) })
	last, missing := make([]int64, len(events)), make([]bool, len(events))
	for _, sc := range h.screens {
		at := h.arrivals(sc, events)
		for i, t := range at {
			if t == 0 {
				missing[i], t = true, never
			}
			last[i] = max(last[i], t)
		}
	}
	s.last = newHistogram()
	for i, e := range events {
		_ = s.last.RecordValue(last[i] - e.due)
		if missing[i] {
			s.missed++
		}
	}
}

// arrivals returns when a screen had each of events, which are sorted; 0 where never.
func (h *hall) arrivals(sc *screen, events []sent) []int64 {
	at := make([]int64, len(events))
	if h.upTo {
		k := 0
		for i, e := range events {
			for k < len(sc.moments) && sc.moments[k].key < e.key {
				k++
			}
			if k == len(sc.moments) {
				break
			}
			at[i] = sc.moments[k].at
		}
		return at
	}
	// Keys are 1, 2, 3…, and may come in another order.
	if len(events) == 0 {
		return at
	}
	first := events[0].key
	for _, m := range sc.moments {
		if i := m.key - first; m.key >= first && i < uint64(len(at)) && at[i] == 0 {
			at[i] = m.at
		}
	}
	return at
}
