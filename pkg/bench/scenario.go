package bench

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/gorilla/websocket"
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
	Storm bool    // all walls drop in the middle and resume
}

// Scenarios are those that Run knows by name.
var Scenarios = []Scenario{
	{Name: "calm", About: "a day without anything: 5 alerts a second, 20 walls", PerS: 5, Walls: 20},
	{Name: "burst", About: "20 a second and 200 at once every second", PerS: 20, Burst: 200, Walls: 100},
	{Name: "typhoon", About: "500 a second for 1,000 walls", PerS: 500, Walls: 1000},
	{Name: "slow-screens", About: "100 a second for 500 walls, ten of which never read", PerS: 100, Walls: 500, Deaf: 10},
	{Name: "reconnect-storm", About: "20 a second while 2,000 walls drop and resume at once", PerS: 20, Walls: 2000, Storm: true},
}

// Bounds of what is measured open-loop.
const (
	maxUnderWay = 4096 // alerts without an answer; more is a failure of the centre
	shortest    = int64(time.Microsecond)
	longest     = int64(5 * time.Minute)
	digits      = 3
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
}

// scenarioRun is a scenario that goes on.
type scenarioRun struct {
	*bench
	s       Scenario
	accept  *hdrhistogram.Histogram
	mu      sync.Mutex
	posted  []moment // the event of every alert, and when it was due
	walls   []*wall  //
	readers sync.WaitGroup
	storm   time.Duration // from the first drop until every wall was served again
	failed  error
}

// moment is when a sequence was due, or was there.
type moment struct {
	seq uint64
	at  time.Time
}

// wall is a connection that reads, and when it got what, if it is one of those that are timed.
type wall struct {
	ws      *websocket.Conn
	timed   bool
	to      atomic.Uint64
	arrived []moment // of its reader until that has ended
	served  chan struct{}
	once    sync.Once
}

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
		if err := b.scenario(ctx, Scenarios[i]); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (b *bench) scenario(ctx context.Context, s Scenario) error {
	b.printf("%s: %s\n", s.Name, s.About)
	floor := newHistogram()
	url, stop, err := bareServer()
	if err != nil {
		return err
	}
	err = b.arrive(ctx, s, url, floor, func(receipt, time.Time) {})
	stop()
	if err != nil {
		return err
	}
	r := &scenarioRun{bench: b, s: s, accept: newHistogram()}
	defer r.hangUp()
	if err := r.connect(ctx, s.Walls+s.Deaf); err != nil {
		return err
	}
	storming := make(chan struct{})
	go func() {
		defer close(storming)
		if !s.Storm {
			return
		}
		select {
		case <-time.After(b.o.For / 2):
			r.reconnect(ctx)
		case <-ctx.Done():
		}
	}()
	err = b.arrive(ctx, s, b.alerts(), r.accept, r.answered)
	<-storming
	if err == nil {
		err = r.failed
	}
	if err == nil {
		err = r.settle(ctx)
	}
	if err != nil {
		return err
	}
	f := figure(s.Name, "alert due → answered, durable", r.accept)
	f.Floor = float64(floor.ValueAtQuantile(99)) / float64(time.Millisecond)
	f.Ratio = f.P99 / max(f.Floor, 0.001)
	b.tell(f)
	r.hangUp()
	each, last := r.lags()
	b.tell(figure(s.Name, fmt.Sprintf("alert due → frame at a wall (one of %d)", sampled), each))
	b.tell(figure(s.Name, "alert due → frame at the last of those", last))
	if s.Storm {
		ms := float64(r.storm) / float64(time.Millisecond)
		b.tell(Figure{Scenario: s.Name, What: fmt.Sprintf("%d walls dropped → all served again", s.Walls), N: int64(s.Walls), P50: ms, P99: ms, Max: ms})
	}
	b.printf("\n")
	return nil
}

// tell prints a figure, or writes it as a line of JSON.
func (b *bench) tell(f Figure) {
	if b.o.JSON {
		_ = json.NewEncoder(b.o.Out).Encode(f)
		return
	}
	b.printf("  %-48s n %7d  p50 %8.2f ms  p99 %8.2f ms  max %8.2f ms", f.What, f.N, f.P50, f.P99, f.Max)
	if f.Floor > 0 {
		b.printf("   p99 %.2f × bare net/http under the same arrivals (%.2f ms)", f.Ratio, f.Floor)
	}
	b.printf("\n")
}

// arrive sends alerts when they are due and times each from then.
func (b *bench) arrive(ctx context.Context, s Scenario, url string, into *hdrhistogram.Histogram, answered func(receipt, time.Time)) error {
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
			_ = into.RecordValue(int64(took)) // longer than longest is a failure that shows elsewhere
			answered(r, due)
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

const (
	sampled    = 20 // one of so many walls is timed
	firstEpoch = 1  // of a centre that was just made
)

// connect opens walls; the last s.Deaf of them never read.
func (r *scenarioRun) connect(ctx context.Context, n int) error {
	for i := range n {
		w := &wall{timed: i%sampled == 0, served: make(chan struct{})}
		if err := r.dial(ctx, w, `{"op":"subscribe","topics":["wall"]}`); err != nil {
			return err
		}
		r.walls = append(r.walls, w)
		if i < r.s.Walls {
			r.readers.Go(w.read)
		}
	}
	for _, w := range r.walls[:r.s.Walls] {
		select {
		case <-w.served:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (r *scenarioRun) dial(ctx context.Context, w *wall, first string) (err error) {
	url := "ws" + strings.TrimPrefix(r.o.Server, "http") + "/api/v1/stream"
	header := http.Header{"Authorization": {"Bearer " + r.o.WallToken}, "Sec-WebSocket-Protocol": {"banyan.v1"}}
	if w.ws, _, err = websocket.DefaultDialer.DialContext(ctx, url, header); err != nil {
		return err
	}
	return w.ws.WriteMessage(websocket.TextMessage, []byte(first))
}

// read notes how far a wall is until its connection ends.
func (w *wall) read() {
	for {
		_, frame, err := w.ws.ReadMessage()
		if err != nil {
			return
		}
		w.once.Do(func() { close(w.served) })
		to := reaches(frame)
		if to <= w.to.Load() {
			continue
		}
		w.to.Store(to)
		if w.timed {
			w.arrived = append(w.arrived, moment{to, time.Now()})
		}
	}
}

// answered notes when an alert was due, by its event.
func (r *scenarioRun) answered(a receipt, due time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.posted = append(r.posted, moment{a.Seq, due})
}

// settle waits until every wall that reads has what was posted.
func (r *scenarioRun) settle(ctx context.Context) error {
	last := uint64(0)
	for _, m := range r.posted {
		last = max(last, m.seq)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		behind := 0
		for _, w := range r.walls[:r.s.Walls] {
			if w.to.Load() < last {
				behind++
			}
		}
		switch {
		case behind == 0:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%d walls never got event %d", behind, last)
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// reconnect cuts every wall at once, and has all of them come back where they were at once.
func (r *scenarioRun) reconnect(ctx context.Context) {
	began := time.Now()
	for _, w := range r.walls {
		_ = w.ws.Close()
	}
	r.readers.Wait()
	errs := make(chan error, len(r.walls))
	for _, w := range r.walls {
		go func() {
			w.served, w.once = make(chan struct{}), sync.Once{}
			err := r.dial(ctx, w, fmt.Sprintf(`{"op":"subscribe","topics":["wall"],"since":{"epoch":%d,"seq":%d}}`, firstEpoch, w.to.Load()))
			if err == nil {
				r.readers.Go(w.read)
				select {
				case <-w.served:
				case <-time.After(30 * time.Second):
					err = fmt.Errorf("a wall that came back was never served")
				}
			}
			errs <- err
		}()
	}
	for range r.walls {
		if err := <-errs; err != nil {
			r.failed = err
		}
	}
	r.storm = time.Since(began)
}

// hangUp ends all connections and waits for their readers.
func (r *scenarioRun) hangUp() {
	for _, w := range r.walls {
		_ = w.ws.Close()
	}
	r.readers.Wait()
}

// lags returns how long after it was due each alert was at each timed wall, and at the last of them.
func (r *scenarioRun) lags() (each, last *hdrhistogram.Histogram) {
	each, last = newHistogram(), newHistogram()
	slices.SortFunc(r.posted, func(a, b moment) int { return cmp.Compare(a.seq, b.seq) })
	slowest := make([]time.Duration, len(r.posted))
	for _, w := range r.walls[:r.s.Walls] {
		k := 0
		for i, m := range r.posted {
			for k < len(w.arrived) && w.arrived[k].seq < m.seq {
				k++
			}
			if !w.timed || k == len(w.arrived) {
				continue
			}
			lag := w.arrived[k].at.Sub(m.at)
			_ = each.RecordValue(int64(lag))
			slowest[i] = max(slowest[i], lag)
		}
	}
	for _, lag := range slowest {
		_ = last.RecordValue(int64(lag))
	}
	return each, last
}
