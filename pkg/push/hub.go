// Package push is the websocket hub: it shows every client what concerns it of what was committed, in order,
// at once. docs/protocol.md is its outside contract.
//
// The single writer hands over batches with Publish, which only puts them into a bounded ring and wakes the
// shards. Each shard is one goroutine with its part of the connections. It finds the audiences a batch
// concerns, encodes a frame once for each of them, and makes one write(2) a connection that never waits. What
// a socket does not take is finished by a slow lane, a goroutine that lives as long as something waits; past a
// bound the deltas are dropped and the client gets a fresh snapshot. A client therefore only ever slows itself.
package push

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// State is the committed state, which the hub asks for what a subscription begins with.
type State interface {
	// Snapshot returns the state at one sequence as JSON members, such as "incidents":[…],"seats":[…], to be
	// put into a snapshot frame. It must agree with the items of batches: members show the effect of every
	// event up to seq and of none after it. It is called by several goroutines at once and must return even
	// while the hub is closing; it may lie behind or before what was published. An *alert.Error reaches the
	// client, any other error is ours.
	Snapshot(topics []Topic, redacted bool, department string) (epoch uint32, seq uint64, members []byte, err error)
}

// Grant is what the key of a connection entitles it to.
type Grant struct {
	Name     string // of the key; connections are also bounded by name
	Redacted bool   // sees only what walls may see

	Department string            // whose sealed items are shown; "": none are
	Allow      func(Topic) error // nil error: may subscribe; else an *alert.Error. Called by one goroutine at a time
	Heard      func()            // called at each sign of life of the client; nil: nobody asks. Must not block
}

// Hooks are told what happens, for metrics. Any may be nil. They are called on the way of events, from several
// goroutines, and must not block.
type Hooks struct {
	Flushed  func(events, conns int, took time.Duration) // a shard has sent what waited
	Pushed   func(took time.Duration)                    // a shard has handed a batch to its sockets, that long after it was published
	Drawn    func(took time.Duration)                    // a screen says it shows a batch, that long after it was published
	Sent     func(seq uint64, at time.Time)              // a Watched item is with the sockets of all who see it
	Shown    func(seq uint64, at time.Time)              // the first screen says that it shows a Watched item
	Began    func(reason Reason, bytes int)              // a client was sent a snapshot
	Resumed  func(bytes int)                             // a client was sent the deltas it had missed
	Slow     func(name string)                           // a client of that key lost deltas and gets a snapshot
	Closed   func(code int)                              // a close frame was sent, or the client was too slow for one
	Internal func(err error)                             // a defect, for the log: its text is not sent to the client
}

// Options bound a hub. A zero value takes its default.
type Options struct {
	Shards          int           // writing goroutines; default GOMAXPROCS
	RingEvents      int           // events from which clients resume
	RingBytes       int           // bytes of them, both encodings
	ConnBufferBytes int           // that wait for a slow client before its deltas are dropped
	MaxConns        int           // connections
	MaxConnsPerName int           // connections of one key
	Heartbeat       time.Duration // longest silence towards a client
	Ping            time.Duration // between websocket pings
	Silence         time.Duration // longest silence of a client
	WriteTimeout    time.Duration // for 16 KiB to a slow client, then it is closed
	Await           time.Duration // for what a client that resumes has been shown elsewhere already; 0: it is not awaited

	StaleSince func() time.Time // since when the state is not known to be the city's; the zero time while it is. nil: it always is

	Layers func(redacted bool) []byte // one JSON object, what a connection that begins to follow layers is told first; nil: nothing

	Origins []string         // pages that may connect beside those of the host itself, such as https://wall.example
	Now     func() time.Time // default time.Now
	Refuse  func(http.ResponseWriter, *http.Request, *alert.Error)
	Hooks   Hooks
}

func (o *Options) setDefaults() {
	for _, d := range []struct {
		v  *int
		to int
	}{
		{&o.Shards, runtime.GOMAXPROCS(0)}, {&o.RingEvents, DefaultRingEvents}, {&o.RingBytes, DefaultRingBytes},
		{&o.ConnBufferBytes, DefaultConnBufferBytes}, {&o.MaxConns, DefaultMaxConns}, {&o.MaxConnsPerName, DefaultMaxConnsPerName},
	} {
		if *d.v <= 0 {
			*d.v = d.to
		}
	}
	for _, d := range []struct {
		v  *time.Duration
		to time.Duration
	}{{&o.Heartbeat, DefaultHeartbeat}, {&o.Ping, DefaultPing}, {&o.Silence, DefaultSilence}, {&o.WriteTimeout, DefaultWriteTimeout}} {
		if *d.v <= 0 {
			*d.v = d.to
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Refuse == nil {
		o.Refuse = refusePlainly
	}
}

// Hub serves websocket clients. Its methods are safe for use by several goroutines, but Publish, which has one
// caller at a time.
type Hub struct {
	o        Options
	state    State
	ring     ring
	layers   glimpse
	shards   []*shard
	shared   shared
	gate     gate
	watch    watch
	upgrader websocket.Upgrader
	origins  map[string]bool
	n        counters

	stop       chan struct{} // closed when the shards have to end
	life       context.Context
	end        context.CancelFunc // of life, with stop
	shardsDone sync.WaitGroup
	readers    sync.WaitGroup
	lanes      sync.WaitGroup // slow lanes and those who fetch snapshots

	mu      sync.Mutex
	closing bool
	conns   map[*conn]struct{}
	perName map[string]int
	open    int // connections and upgrades under way
}

type counters struct {
	encoded, dropped, gaps, refused, snapshots, resumes, stuck, deliveries atomic.Uint64
	lanes, audiences                                                       atomic.Int64
}

// NewHub returns a hub that runs until Close. Its shards are the only goroutines it has without connections.
func NewHub(state State, o Options) *Hub {
	o.setDefaults()
	h := &Hub{
		o: o, state: state, stop: make(chan struct{}),
		ring: ring{maxEvents: o.RingEvents, maxBytes: o.RingBytes, readers: o.Shards},
		gate: newGate(), conns: map[*conn]struct{}{}, perName: map[string]int{}, origins: map[string]bool{},
	}
	h.life, h.end = context.WithCancel(context.Background())
	h.shared.init()
	for _, origin := range o.Origins {
		h.origins[canonicalOrigin(origin)] = true
	}
	h.upgrader = websocket.Upgrader{
		HandshakeTimeout: handshakeTimeout, Subprotocols: []string{Subprotocol}, CheckOrigin: h.originAllowed, Error: h.upgradeRefused,
	}
	for i := range o.Shards {
		h.shards = append(h.shards, newShard(h, i == 0))
	}
	h.shardsDone.Add(len(h.shards))
	for _, s := range h.shards {
		go s.run()
	}
	return h
}

// Publish shows b, which is committed, to those it concerns. It does no I/O and waits for nobody; its cost is
// that of appending to the ring. Batches come in order, of one epoch or of those of several leaders in a row: after a
// gap every client gets a snapshot, a batch of an older epoch or told before is ignored. An empty one of another
// position than the last says that what follows is another history.
func (h *Hub) Publish(b Batch) {
	if h.o.Hooks.Sent != nil && h.o.Hooks.Shown != nil {
		h.watch.begin(&b, h.nanos())
	}
	switch h.ring.publish(b, h.nanos()) {
	case refused:
		h.n.refused.Add(1)
		return
	case gapped:
		h.n.gaps.Add(1)
	}
	for _, s := range h.shards {
		s.rouse()
	}
}

// Close refuses new connections, sends what was published, tells every client that the server goes away (1001)
// and waits for them to take that in, at most until ctx is done; then it ends what is left. When it returns no
// goroutine of the hub runs. The error is that of ctx when clients had to be cut off.
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	if !h.closing {
		h.closing = true
		close(h.stop)
		h.end()
	}
	h.mu.Unlock()
	h.shardsDone.Wait()
	for _, c := range h.connections() {
		c.close(websocket.CloseGoingAway, "the server stops; connect again")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.readers.Wait()
		h.lanes.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	for _, c := range h.connections() {
		_ = c.nc.Close() // its goroutines see it
	}
	<-done
	return ctx.Err()
}

func (h *Hub) connections() []*conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]*conn, 0, len(h.conns))
	for c := range h.conns {
		list = append(list, c)
	}
	return list
}

// Stats is what a hub is doing and has done.
type Stats struct {
	Connections int    // open now
	Audiences   int    // distinct subscriptions now, counted once a shard
	SlowLanes   int    // clients now that do not take what they are sent as fast as it comes
	Epoch       uint32 // of the newest event published; 0 before the first batch
	RingFirst   uint64 // oldest sequence held; RingLast+1 when none is
	RingLast    uint64 // newest sequence published
	RingEvents  int    // held
	RingBytes   int    // held

	Encoded    uint64 // events frames made
	Deliveries uint64 // of events frames to connections
	Snapshots  uint64 // asked of the State
	Resumes    uint64 // clients that went on where they had stopped
	Dropped    uint64 // times a client lost deltas and was owed a snapshot
	Stuck      uint64 // clients closed because they took nothing for WriteTimeout
	Gaps       uint64 // batches that did not follow the one before
	Refused    uint64 // batches of an older epoch or told before
}

// Stats returns the figures of the moment.
func (h *Hub) Stats() Stats {
	s := Stats{
		Audiences: int(h.n.audiences.Load()), SlowLanes: int(h.n.lanes.Load()), Encoded: h.n.encoded.Load(),
		Deliveries: h.n.deliveries.Load(), Snapshots: h.n.snapshots.Load(), Resumes: h.n.resumes.Load(), Dropped: h.n.dropped.Load(),
		Stuck: h.n.stuck.Load(), Gaps: h.n.gaps.Load(), Refused: h.n.refused.Load(),
	}
	h.ring.mu.RLock()
	s.Epoch, s.RingFirst, s.RingLast, s.RingEvents, s.RingBytes = h.ring.epoch, h.ring.first(), h.ring.head, h.ring.events, h.ring.bytes
	h.ring.mu.RUnlock()
	h.mu.Lock()
	s.Connections = len(h.conns)
	h.mu.Unlock()
	return s
}

func (h *Hub) staleSince() time.Time {
	if h.o.StaleSince == nil {
		return time.Time{}
	}
	return h.o.StaleSince()
}

func (h *Hub) nanos() int64 { return h.o.Now().UnixNano() }

func (h *Hub) flushed(events, conns int, started time.Time) {
	h.n.deliveries.Add(uint64(conns))
	if f := h.o.Hooks.Flushed; f != nil {
		f(events, conns, h.o.Now().Sub(started))
	}
}

func (h *Hub) slowed(c *conn) {
	if f := h.o.Hooks.Slow; f != nil {
		f(c.grant.Name)
	}
}

func (h *Hub) closed(code int) {
	if f := h.o.Hooks.Closed; f != nil {
		f(code)
	}
}

// pushed tells of a batch published at a time that is with the sockets now.
func (h *Hub) pushed(at int64) {
	if f := h.o.Hooks.Pushed; f != nil {
		f(time.Duration(h.nanos() - at))
	}
}
