package push

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// shard writes to its part of the connections: one goroutine that reads the ring at its own pace, matches what
// waits there to audiences, and writes to each member once. While it writes, batches gather in the ring, and
// the next flush takes them all. Nothing waits for more to come, except where the shard is behind already: see flush.
type shard struct {
	hub   *Hub
	first bool // the one that also tidies up for the hub
	wake  chan struct{}
	load  atomic.Int32 // connections given to it

	mu    sync.Mutex
	inbox []request // at most a few for every connection

	// The rest belongs to the shard's goroutine.
	history  uint64 // of the ring
	epoch    uint32 // of the event at pos
	pos      uint64 // everything up to here was sent
	index    index
	conns    []*conn
	entries  []*entry
	dirty    []*audience
	spare    []request
	writes   int
	glimpsed uint64   // number of the glimpse it has told
	viewers  []*conn  // of the one it tells
	watched  []uint64 // sequences of the flush at hand that go to somebody here
}

// request asks a shard to change what only its goroutine may.
type request struct {
	what uint8
	c    *conn
	gen  uint32
	sub  *subscription
	at   position
}

const (
	attach = iota // the connection exists: watch over it
	detach        // it has ended
	join          // it has been sent sub up to a position: deltas from there
	leave         // it has no subscription any more
)

func newShard(h *Hub, first bool) *shard {
	return &shard{hub: h, first: first, wake: make(chan struct{}, 1), index: newIndex()}
}

// ask leaves r for the shard.
func (s *shard) ask(r request) {
	s.mu.Lock()
	s.inbox = append(s.inbox, r)
	s.mu.Unlock()
	s.rouse()
}

// rouse wakes the shard, or lets it know that it has to look once more.
func (s *shard) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// run is the shard's goroutine. When the hub stops it sends what was published and ends.
func (s *shard) run() {
	defer s.hub.shardsDone.Done()
	beat := time.NewTicker(s.hub.o.Heartbeat / sweepsPerBeat)
	defer beat.Stop()
	for {
		sweep, last := false, false
		select {
		case <-s.wake:
		case <-beat.C:
			sweep = true
		case <-s.hub.stop:
			last = true
		}
		s.serveInbox()
		s.flush()
		if last {
			return
		}
		s.showLayers()
		if sweep {
			s.sweep()
		}
	}
}

func (s *shard) serveInbox() {
	s.mu.Lock()
	s.inbox, s.spare = s.spare[:0], s.inbox
	s.mu.Unlock()
	for _, r := range s.spare {
		c := r.c
		switch r.what {
		case attach:
			c.slot = len(s.conns)
			s.conns = append(s.conns, c)
			c.spoke = s.hub.nanos()
			c.pinged = c.spoke
		case detach:
			s.unseat(c)
			s.forget(c)
		case leave:
			if r.gen >= c.joined {
				s.unseat(c)
			}
		case join:
			s.join(r)
		}
	}
	clear(s.spare)
}

func (s *shard) forget(c *conn) {
	if c.slot < 0 {
		return
	}
	last := len(s.conns) - 1
	s.conns[c.slot] = s.conns[last]
	s.conns[c.slot].slot = c.slot
	s.conns[last] = nil
	s.conns = s.conns[:last]
	c.slot = -1
}

// unseat takes c out of its audience.
func (s *shard) unseat(c *conn) {
	a := c.aud
	if a == nil {
		return
	}
	last := len(a.members) - 1
	a.members[c.member] = a.members[last]
	a.members[c.member].member = c.member
	a.members[last] = nil
	a.members = a.members[:last]
	c.aud = nil
	if last == 0 {
		s.index.drop(a)
		s.hub.n.audiences.Add(-1)
	}
}

// join makes c a member of its audience and brings it up to the shard's position. What it was sent may lie
// before that position (the ring has the difference) or after it (what is on the way is then left out).
func (s *shard) join(r request) {
	c := r.c
	if c.slot < 0 || r.gen < c.joined {
		return // it has ended, or asked for something else since
	}
	s.unseat(c)
	c.joined, c.era, c.next = r.gen, r.at.Epoch, r.at.Seq+1
	c.spoke = s.hub.nanos()
	a := s.index.audience(r.sub)
	if len(a.members) == 0 {
		s.hub.n.audiences.Add(1)
	}
	c.aud, c.member = a, len(a.members)
	a.members = append(a.members, c)
	c.share(r.gen, a.sub)
	switch {
	case r.at.Seq > s.pos && r.at.Epoch < s.epoch: // of a history that is not the city's any more
		s.lose(c, ReasonEpochChanged)
	case r.at.before(position{s.epoch, s.pos}):
		s.catchUp(c, r.at)
	}
}

// catchUp tells c what lies between its position and the shard's.
func (s *shard) catchUp(c *conn, at position) {
	a := c.aud
	if from := [2]position{at, {s.epoch, s.pos}}; a.catchFrom != from {
		all, why := s.hub.ring.resume(at)
		if why == ReasonTooOld {
			why = ReasonSlow
		}
		if why != "" {
			s.lose(c, why)
			return
		}
		a.catchFrom = from
		if a.caught, a.catchTo, _ = tell(a.sub, at, all, s.pos, 0); len(a.caught) > 0 {
			s.hub.n.encoded.Add(1)
		}
	}
	if len(a.caught) == 0 {
		return // nothing it wants: its next frame says from where it stood
	}
	s.send(c, a.caught, a.catchTo)
}

// lose takes c, which has missed something, out of its audience; a snapshot brings it back.
func (s *shard) lose(c *conn, why Reason) {
	gen := c.joined
	s.unseat(c)
	s.hub.lanes.Add(1)
	go func() {
		defer s.hub.lanes.Done()
		c.refresh(gen, why)
	}()
}

// flush sends all that the ring holds after the shard's position, one epoch after the other. A shard that has fallen
// behind, because its connections are more than the processors can write to, rests as long as it has written, at most maxRest: what gathers
// meanwhile costs one write a connection all the same, and those who read have the processors.
func (s *shard) flush() {
	for took := time.Duration(0); ; {
		st, more := s.waiting()
		if !more {
			return
		}
		if took >= restFrom {
			time.Sleep(min(took, maxRest))
			st, _ = s.waiting()
		}
		if st.history != s.history || st.from != s.pos+1 {
			s.skip(st)
		}
		began := s.hub.nanos()
		s.advance(st)
		took = time.Duration(s.hub.nanos() - began)
	}
}

// waiting returns what the ring holds after the shard's position, and whether that is anything.
func (s *shard) waiting() (st stretch, more bool) {
	st = s.hub.ring.after(s.history, s.pos, s.entries)
	s.entries = st.entries
	return st, st.history != s.history || st.to != s.pos
}

// advance sends a stretch.
func (s *shard) advance(st stretch) {
	started, events := s.hub.o.Now(), 0
	for _, e := range st.entries {
		events += len(e.Items)
		for i := range e.Items {
			s.dirty = s.index.match(&e.Items[i], s.dirty)
			if e.Items[i].Watched && s.index.matched {
				s.watched = append(s.watched, e.Items[i].Seq)
			}
		}
	}
	slices.SortStableFunc(s.dirty, func(a, b *audience) int { return cmp.Compare(a.sub.urgency, b.sub.urgency) })
	conns := 0
	for _, a := range s.dirty {
		conns += s.tell(a, st, started.UnixNano())
		clear(a.pending)
		a.pending = a.pending[:0]
		a.forgetCaught()
	}
	for _, seq := range s.watched {
		s.hub.watch.wrote(seq, s.hub.nanos())
	}
	s.watched = s.watched[:0]
	for _, e := range st.entries {
		if e.passed() && s.hub.watch.n.Load() > 0 {
			s.hub.watch.passed(&e.Batch, s.hub.o.Hooks.Sent)
		}
		if conns > 0 {
			s.hub.pushed(e.at)
		}
	}
	s.epoch, s.pos = st.epoch, st.to
	clear(s.dirty)
	clear(s.entries)
	s.dirty = s.dirty[:0]
	s.hub.flushed(events, conns, started)
}

// skip moves the shard over what it can not tell: another history has begun, or the ring has lost what came
// next. Members that stand before the gap are lost; those whose snapshot was newer are not.
func (s *shard) skip(st stretch) {
	reached, why, other := s.pos, ReasonSlow, st.history != s.history
	if other {
		reached = 0
	}
	s.history, s.epoch, s.pos = st.history, st.epoch, st.from-1
	for _, c := range s.conns {
		switch {
		case c.aud == nil || c.era > st.epoch:
		case other && c.era < st.epoch:
			s.lose(c, ReasonEpochChanged)
		case max(reached+1, c.next) < st.from:
			s.lose(c, why)
		}
	}
}

// tell sends what is pending for a to its members, and returns how many that were. All of them get the same
// bytes, but for those whose last frame ended elsewhere.
func (s *shard) tell(a *audience, st stretch, now int64) (told int) {
	var frames []byte
	var from uint64
	for i := 0; i < len(a.members); {
		c := a.members[i]
		if c.era <= st.epoch && c.next <= st.to {
			if from != c.next {
				from, frames = c.next, s.frames(a, st, c.next)
			}
			if len(frames) > 0 {
				told++
				c.spoke = now
				if !s.send(c, frames, position{st.epoch, st.to}) {
					continue // another member has its place
				}
			}
		}
		i++
	}
	return told
}

// frames returns what is pending for a from sequence from on, nil when that is nothing. The shards share it.
func (s *shard) frames(a *audience, st stretch, from uint64) []byte {
	items := a.pending
	for len(items) > 0 && items[0].Seq < from {
		items = items[1:]
	}
	if len(items) == 0 {
		return nil
	}
	newest := st.entries[len(st.entries)-1]
	return newest.frame(frameKey{a.sub.key, from}, func() []byte {
		s.hub.n.encoded.Add(1)
		return eventsFrames(a.sub, st.epoch, from, st.to, items)
	})
}

// send delivers frames that end at a position, and reports whether c is still a member.
func (s *shard) send(c *conn, frames []byte, to position) bool {
	if s.writes++; s.writes%yieldEvery == 0 {
		runtime.Gosched()
	}
	switch c.deliver(frames, c.joined, to) {
	case taken:
		c.era, c.next = to.Epoch, to.Seq+1
		return true
	case late:
		s.hub.slowed(c)
	}
	s.unseat(c)
	return false
}

// sweep looks after connections with nothing going on: heartbeats, pings, and those that are not there.
func (s *shard) sweep() {
	now := s.hub.o.Now()
	nanos, o := now.UnixNano(), &s.hub.o
	beat := heartbeatFrame(s.epoch, s.pos, now, s.hub.staleSince())
	soon := o.Heartbeat / sweepsPerBeat // the next sweep would be too late
	for _, c := range s.conns {
		if time.Duration(nanos-c.heard.Load()) >= o.Silence && !c.silenced {
			c.silenced = true
			c.close(websocket.ClosePolicyViolation, "no sign of life for "+o.Silence.String())
			continue
		}
		if time.Duration(nanos-c.pinged) >= o.Ping-soon {
			c.pinged = nanos
			c.answer(pingFrame)
		}
		if time.Duration(nanos-c.spoke) >= o.Heartbeat-soon {
			s.heartbeat(c, beat, now)
		}
	}
	for _, a := range s.index.all {
		a.forgetCaught()
	}
	if s.first {
		s.hub.shared.tidy(now)
		if s.hub.watch.n.Load() > 0 {
			s.hub.watch.tidy(nanos)
		}
	}
}

// heartbeat tells c that it has all there is. A client that was not told of the last sequences, because they
// did not concern it, first gets an empty events frame, so that the sequence in a heartbeat is always the to
// of the frame before.
func (s *shard) heartbeat(c *conn, beat []byte, now time.Time) {
	frames, to := beat, position{s.epoch, s.pos}
	switch {
	case c.aud == nil:
	case c.era > s.epoch || c.next > s.pos+1: // its snapshot was newer
		to = position{c.era, c.next - 1}
		frames = heartbeatFrame(to.Epoch, to.Seq, now, s.hub.staleSince())
	case c.next <= s.pos:
		frames = append(eventsFrames(c.aud.sub, s.epoch, c.next, s.pos, nil), beat...)
	}
	if c.idle(frames, c.aud != nil, c.joined, to) {
		c.spoke = now.UnixNano()
		c.era, c.next = to.Epoch, to.Seq+1
	}
}
