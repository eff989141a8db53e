package push

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// conn is one client. Three parties use it: its reader, which owns its life; the goroutine of its shard; and,
// while the client does not take what it is sent, its slow lane. What is written goes through write, under mu,
// so that frames never mix: those of a shard and answers.
type conn struct {
	hub   *Hub
	shard *shard
	nc    net.Conn
	sock  socket // nc, where that is one
	grant Grant
	heard atomic.Int64 // last sign of life, nanoseconds since the epoch

	// Of the reader only.
	requests, subscribes, reports bucket
	shown                         uint64   // newest sequence the client said it shows
	in                            *inbound // what was read and not served; nil: nothing
	first                         [glanceBytes]byte
	glanced                       int   // bytes of first that serve has to begin with
	ended                         error // why nothing more is read

	mu      sync.Mutex
	gen     uint32        // of the subscription; what is sent under an older one is thrown away
	sub     *subscription // nil: none
	reached position      // the client has been sent what concerns it up to here
	tries   int           // snapshots in a row that were too old when they were sent

	lane      bool // the slow lane writes; nobody else may
	behind    bool // deltas were dropped; a snapshot follows when the lane has ended
	shut      bool // nothing more is sent
	saidClose bool // a close frame was the last thing sent
	rest      []byte
	queue     []piece // behind rest
	queued    int     // bytes of queue

	place // the shard's own notes
}

// place is where a connection stands in its shard. It belongs to the shard's goroutine.
type place struct {
	slot     int // in shard.conns, -1 when not there
	aud      *audience
	member   int    // in aud.members
	joined   uint32 // generation of the subscription it joined with
	era      uint32 // epoch of the event before next
	next     uint64 // first sequence it has not been told of
	spoke    int64  // when it was last sent something, nanoseconds since the epoch
	pinged   int64
	silenced bool
}

// piece is something to write.
type piece struct {
	b    []byte
	tail bool // ends the frame that the piece before begins: must follow it
}

// verdict is what became of a frame.
type verdict uint8

const (
	taken verdict = iota // written, or it will be
	late                 // dropped, with all that waited: the client is too slow and gets a snapshot
	gone                 // not wanted: the connection is at its end, or has another subscription
)

// deliver sends frames that bring a subscription up to a position. It never blocks.
func (c *conn) deliver(b []byte, gen uint32, to position) verdict {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut || c.behind || c.gen != gen {
		return gone
	}
	if c.lane && c.queued+len(b) > c.hub.o.ConnBufferBytes {
		c.fallBehind()
		return late
	}
	c.reached, c.tries = to, 0
	c.write(piece{b: b})
	return taken
}

// fallBehind drops all that waits, but for the end of a frame whose beginning is on its way. mu is held.
func (c *conn) fallBehind() {
	keep := 0
	if len(c.queue) > 0 && c.queue[0].tail {
		keep = 1
	}
	clear(c.queue[keep:])
	c.queue = c.queue[:keep]
	c.queued = 0
	for _, p := range c.queue {
		c.queued += len(p.b)
	}
	c.behind = true
	c.hub.n.dropped.Add(1)
}

// begin sends what a subscription begins with, whatever its size, and notes where the client then stands. It
// reports false when the subscription is not the connection's any more.
func (c *conn) begin(gen uint32, at position, pieces ...piece) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut || c.gen != gen {
		return false
	}
	c.behind, c.reached = false, at
	for _, p := range pieces {
		if len(p.b) > 0 {
			c.write(p)
		}
	}
	return true
}

// share has the connection hold the one copy of its subscription that its audience has.
func (c *conn) share(gen uint32, sub *subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gen == gen {
		c.sub = sub
	}
}

// answer sends a frame that belongs to no subscription. One that would pass the bound is dropped: a client
// that asks without reading the answers.
func (c *conn) answer(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut || c.lane && c.queued+len(b) > c.hub.o.ConnBufferBytes {
		return
	}
	c.write(piece{b: b})
}

// idle sends a heartbeat, unless the client is busy or has not got what its subscription begins with.
func (c *conn) idle(b []byte, joined bool, gen uint32, to position) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut || c.lane || c.behind || joined && c.gen != gen || !joined && c.sub != nil {
		return false
	}
	if joined {
		if c.tries = 0; c.reached.before(to) {
			c.reached = to
		}
	}
	c.write(piece{b: b})
	return true
}

// close sends a close frame as the last thing and gives the client closeWait to answer it.
func (c *conn) close(code int, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		return
	}
	c.write(piece{b: closeFrame(code, reason)})
	c.endedWith(code)
}

// endedWith notes that a close frame was written. mu is held.
func (c *conn) endedWith(code int) {
	c.shut, c.saidClose = true, true
	c.hub.closed(code)
	_ = c.nc.SetReadDeadline(time.Now().Add(closeWait)) // fails only on a closed connection
}

// write writes p, or queues it behind what waits. mu is held.
func (c *conn) write(p piece) {
	if c.lane {
		c.queue = append(c.queue, p)
		c.queued += len(p.b)
		return
	}
	n, err := c.sock.try(p.b)
	if err != nil {
		c.shut = true
		_ = c.nc.Close() // the reader sees it and ends the connection
		return
	}
	if n == len(p.b) {
		return
	}
	c.rest, c.lane = p.b[n:], true
	c.hub.n.lanes.Add(1)
	c.hub.lanes.Add(1)
	go c.drain()
}

// drain is the slow lane: it finishes what did not go through at once, each piece under a deadline, and ends
// when nothing waits. A client that was too slow even for this then gets a snapshot.
func (c *conn) drain() {
	defer c.hub.lanes.Done()
	defer c.hub.n.lanes.Add(-1)
	for {
		b, gen, due := c.waiting()
		if due {
			c.refresh(gen, ReasonSlow)
		}
		if b == nil {
			return
		}
		for len(b) > 0 {
			_ = c.nc.SetWriteDeadline(time.Now().Add(c.hub.o.WriteTimeout))
			n, err := c.nc.Write(b[:min(len(b), laneChunkBytes)])
			if err != nil {
				c.abandon(err)
				return
			}
			b = b[n:]
			c.heard.Store(c.hub.nanos()) // a full socket takes more only when the client has read
		}
	}
}

// waiting returns the next bytes for the lane. When there are none the lane has ended, and due says that the
// client is owed a snapshot.
func (c *conn) waiting() (b []byte, gen uint32, due bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if b = c.rest; b != nil {
		c.rest = nil
		return b, 0, false
	}
	if len(c.queue) > 0 {
		b = c.queue[0].b
		c.queue[0] = piece{}
		c.queue = c.queue[1:]
		c.queued -= len(b)
		return b, 0, false
	}
	c.queue = nil
	_ = c.nc.SetWriteDeadline(time.Time{}) // or the next write outside the lane would fail by it
	c.lane = false
	return nil, c.gen, c.behind && !c.shut
}

// abandon gives up a client the lane could not write to.
func (c *conn) abandon(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		c.hub.n.stuck.Add(1)
		if !c.shut {
			c.hub.closed(websocket.ClosePolicyViolation)
		}
	}
	c.shut, c.lane, c.queue, c.queued = true, false, nil, 0
	_ = c.nc.Close()
}

// bucket bounds a rate: perSecond sustained, burst at once.
type bucket struct {
	tokens float64
	last   int64 // nanoseconds since the epoch
}

// take reports whether one more is within the rate.
func (k *bucket) take(now int64, perSecond, burst float64) bool {
	if k.last == 0 {
		k.tokens = burst
	} else {
		k.tokens = min(burst, k.tokens+float64(max(now-k.last, 0))/1e9*perSecond)
	}
	k.last = now
	if k.tokens < 1 {
		return false
	}
	k.tokens--
	return true
}
