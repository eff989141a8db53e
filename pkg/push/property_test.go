package push

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// model is what a client knows, and checks: the items it has been shown, by snapshot and deltas, are at every
// moment as many as the city has shown its topics up to that sequence. A gap or a repeat makes them differ.
type model struct {
	city     *city
	redacted bool
	topics   []Topic
	at       position
	count    int
	begun    bool // a snapshot or resumed frame has come for topics
	seen     map[string]int
}

func (m *model) apply(f *serverFrame) error {
	kind := f.Op
	if f.Reason != "" {
		kind += " " + string(f.Reason)
	}
	m.seen[kind]++
	switch f.Op {
	case "snapshot":
		m.at, m.count, m.begun = position{f.Epoch, f.Seq}, f.Count, true
	case "resumed":
		if (position{f.Epoch, f.Seq}) != m.at {
			return fmt.Errorf("resumed at %d:%d, asked for %v", f.Epoch, f.Seq, m.at)
		}
		m.begun = true
	case "events":
		if f.Epoch < m.at.Epoch || f.From != m.at.Seq+1 || f.To < f.From {
			return fmt.Errorf("events %d:%d to %d do not follow %v", f.Epoch, f.From, f.To, m.at)
		}
		last := f.From - 1
		for _, e := range f.Events {
			if e.Seq <= last || e.Seq > f.To {
				return fmt.Errorf("event %d is out of place in %d to %d", e.Seq, f.From, f.To)
			}
			last = e.Seq
		}
		if f.Epoch > m.at.Epoch {
			m.seen["events of the next leader"]++
		}
		m.at = position{f.Epoch, f.To}
		m.count += len(f.Events)
	case "heartbeat":
		if m.begun && (position{f.Epoch, f.Seq}) != m.at {
			return fmt.Errorf("a heartbeat says %d:%d to a client told up to %v", f.Epoch, f.Seq, m.at)
		}
		return nil
	case "error":
		return fmt.Errorf("refused: %s %s", f.Code, f.Detail)
	default:
		return fmt.Errorf("unknown op %q", f.Op)
	}
	if !m.city.names(m.at) {
		return fmt.Errorf("after %s at %v, which is no event", f.Op, m.at)
	}
	if want := m.city.count(m.at.Epoch, m.at.Seq, m.topics, m.redacted); m.count != want {
		return fmt.Errorf("after %s at %v: shown %d items, there are %d", f.Op, m.at, m.count, want)
	}
	return nil
}

// roamer is a client that comes and goes, reads in fits, and changes its mind.
type roamer struct {
	rig   *rig
	r     *rand.Rand
	model model
	ws    *websocket.Conn
	names []string
	left  int // frames until it does something else
}

func (w *roamer) connect(resume bool) error {
	d := websocket.Dialer{HandshakeTimeout: patience, Subprotocols: []string{Subprotocol}, ReadBufferSize: 1024}
	tight(&d, nil)
	ws, _, err := d.Dial(w.rig.url(), nil)
	if err != nil {
		return err
	}
	w.ws = ws
	return w.subscribe(resume)
}

func (w *roamer) subscribe(resume bool) error {
	if !resume {
		w.names, w.model.topics, w.model.at = randomTopics(w.r), nil, position{}
		for _, n := range w.names {
			t, err := ParseTopic(n)
			if err != nil {
				return err
			}
			w.model.topics = append(w.model.topics, t)
		}
	}
	request := map[string]any{"op": "subscribe", "topics": w.names}
	if resume && w.model.at.Epoch != 0 {
		request["since"] = w.model.at
	}
	w.model.begun = false
	return w.ws.WriteJSON(request)
}

// step reads one frame, or does something a client may do. It reports whether the client stands at the goal.
func (w *roamer) step(p *pace) (bool, error) {
	goal, over := p.over()
	if !over && w.left == 0 {
		w.left = w.r.IntN(40)
		switch w.r.IntN(8) {
		case 0, 1, 2:
			_ = w.ws.Close()
			return false, w.connect(true)
		case 3:
			_ = w.ws.Close()
			return false, w.connect(false)
		default: // reads nothing for a while
			p.await(w.r.IntN(150))
		}
	}
	w.left = max(0, w.left-1)
	if err := w.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return false, err
	}
	_, b, err := w.ws.ReadMessage()
	if websocket.IsCloseError(err, websocket.CloseTryAgainLater) {
		return false, w.connect(true) // snapshots were outrun
	}
	if err != nil {
		return false, err
	}
	var f serverFrame
	if err := json.Unmarshal(b, &f); err != nil {
		return false, err
	}
	if f.Op == "error" && f.Code == "unavailable" {
		w.model.seen["unavailable"]++
		return false, nil
	}
	if err := w.model.apply(&f); err != nil {
		return false, err
	}
	p.progress()
	return over && w.model.begun && w.model.at == goal, nil
}

func (w *roamer) roam(p *pace) error {
	if err := w.connect(false); err != nil {
		return err
	}
	defer func() { _ = w.ws.Close() }()
	for {
		if there, err := w.step(p); err != nil || there {
			return err
		}
	}
}

// pace keeps the publisher and the clients at roughly one speed, and tells the clients of the end.
type pace struct {
	mu     sync.Mutex
	change sync.Cond
	told   int // batches published
	goal   position
	ended  bool
	reads  chan struct{}
}

func newPace() *pace {
	p := &pace{reads: make(chan struct{}, 8)}
	p.change.L = &p.mu
	return p
}

// published notes a batch and waits until clients have read a little, or all of them pause.
func (p *pace) published() {
	p.mu.Lock()
	p.told++
	p.mu.Unlock()
	p.change.Broadcast()
	patience := time.NewTimer(time.Millisecond)
	defer patience.Stop()
	for range 8 {
		select {
		case <-p.reads:
		case <-patience.C:
			return
		}
	}
}

func (p *pace) progress() {
	select {
	case p.reads <- struct{}{}:
	default:
	}
}

// await returns when n more batches were published, or all were.
func (p *pace) await(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for until := p.told + n; p.told < until && !p.ended; {
		p.change.Wait()
	}
}

func (p *pace) end(goal position) {
	p.mu.Lock()
	p.goal, p.ended = goal, true
	p.mu.Unlock()
	p.change.Broadcast()
}

func (p *pace) over() (position, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.goal, p.ended
}

// TestEveryClientSeesEverythingOnceOrASnapshot lets clients roam while a city publishes, its snapshots now
// before and now behind what is published and its leader changing, and checks each against the city.
func TestEveryClientSeesEverythingOnceOrASnapshot(t *testing.T) {
	const clients, batches = 24, 1200
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := newRig(t, Options{
		Shards: 3, RingEvents: 300, ConnBufferBytes: 1 << 10, Heartbeat: 20 * time.Millisecond,
		MaxConns: 1 << 20, MaxConnsPerName: 1 << 20,
	}, true)
	r.grant.Redacted = seed%2 == 0
	r.publish(Item{Incident: "i-1"})

	var mu sync.Mutex
	total := map[string]int{}
	p := newPace()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var wg sync.WaitGroup
	for n := range clients {
		w := &roamer{rig: r, r: rand.New(rand.NewPCG(seed, uint64(n))), model: model{city: r.city, redacted: r.grant.Redacted, seen: map[string]int{}}}
		wg.Go(func() {
			if err := w.roam(p); err != nil {
				t.Errorf("client %d at %v, topics %v: %v", n, w.model.at, w.names, err)
				cancel()
			}
			mu.Lock()
			defer mu.Unlock()
			for k, v := range w.model.seen {
				total[k] += v
			}
		})
	}
	publishAtRandom(ctx, r, rand.New(rand.NewPCG(seed, clients)), batches, p)
	wg.Wait()
	t.Logf("frames: %v, hub: %+v", total, r.hub.Stats())
	for _, kind := range []string{"snapshot subscribed", "snapshot slow", "snapshot resumed_too_old", "snapshot epoch_changed", "resumed", "events", "events of the next leader"} {
		if total[kind] == 0 {
			t.Errorf("no frame was %q: the test does not test it", kind)
		}
	}
}

// publishAtRandom publishes batches: of a third the state shows the effect before the hub is told, of the
// others a while after.
func publishAtRandom(ctx context.Context, r *rig, rnd *rand.Rand, batches int, p *pace) {
	behind := 0
	var b Batch
	for n := range batches {
		if ctx.Err() != nil {
			break
		}
		lost := 0
		if n%200 == 199 {
			lost = rnd.IntN(3) * (n / 200 % 2) // every other leader has all of the one before
			r.city.takeOver(lost)
			behind = 0
		}
		items := make([]Item, 1+rnd.IntN(4))
		for i := range items {
			items[i] = randomItem(rnd)
		}
		b = r.city.commit(items...)
		if rnd.IntN(3) == 0 || lost > 0 { // a state that has another history is told of with that
			r.city.apply(b)
			behind = 0
			p.published()
		} else {
			behind++
		}
		r.hub.Publish(b)
		if behind > rnd.IntN(8) {
			r.city.apply(b)
			behind = 0
		}
		p.published()
	}
	r.city.apply(b)
	p.end(position{b.Epoch, b.To})
}
