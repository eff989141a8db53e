package push

import (
	"sort"
	"sync"
	"sync/atomic"
)

// ring holds the newest batches: the queue of the shards, each of which reads at its own pace, and the memory
// from which clients resume. It is bounded in events and in bytes; a reader that falls off its end starts over
// with snapshots. Publish is its only writer.
//
// A position in it is a sequence and the epoch of the event there. Who leads the city may change: as long as the new
// leader goes on where the ring ends, that is one history, and a reader of it misses nothing. Two leaders that gave
// the same sequence to different events gave it different epochs, so a position of the other history is told by that.
type ring struct {
	maxEvents, maxBytes int
	readers             int // shards; each calls passed once for every entry it reads

	mu      sync.RWMutex
	history uint64 // counts the histories begun, by the first batch and by each that does not follow; 0 until then
	base    uint32 // epoch of the event before the oldest held
	epoch   uint32 // of the event at head
	head    uint64 // newest sequence
	entries []*entry
	events  int
	bytes   int
	waiters int           // in await
	moved   chan struct{} // closed by the next publish, where somebody waits
}

// entry is one batch in the ring.
type entry struct {
	Batch
	at      int64 // when it was published, Unix nanoseconds
	bytes   int
	waiting atomic.Int32 // shards that have not passed it

	mu     sync.Mutex
	frames map[frameKey][]byte // that end with this batch; until the last shard has passed
}

// frameKey names the frames from a sequence up to the end of the entry that holds them.
type frameKey struct {
	sub  string
	from uint64
}

// frame returns the frames named k, which build makes for the first shard that asks.
func (e *entry) frame(k frameKey, build func() []byte) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f, ok := e.frames[k]; ok {
		return f
	}
	f := build()
	if e.waiting.Load() > 1 { // another shard may want it
		if e.frames == nil {
			e.frames = make(map[frameKey][]byte, 1)
		}
		e.frames[k] = f
	}
	return f
}

// passed tells e that one shard is done with it, and reports whether that was the last one.
func (e *entry) passed() bool {
	if e.waiting.Add(-1) != 0 {
		return false
	}
	e.mu.Lock()
	e.frames = nil
	e.mu.Unlock()
	return true
}

// first returns the oldest sequence held, head+1 when nothing is.
func (r *ring) first() uint64 {
	if len(r.entries) == 0 {
		return r.head + 1
	}
	return r.entries[0].From
}

// publication is what became of a batch.
type publication uint8

const (
	published publication = iota
	gapped                // it does not follow the one before; whoever stood there needs a snapshot
	refused               // of an older epoch, or told before
)

// publish appends b and drops what is past the bounds, though never the newest batch.
func (r *ring) publish(b Batch, now int64) publication {
	e := &entry{Batch: b, at: now, bytes: perEntryBytes}
	e.waiting.Store(int32(r.readers))
	for i := range b.Items {
		e.bytes += perEntryBytes + len(b.Items[i].Full) + len(b.Items[i].Wall)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiters > 0 {
		defer r.rouse()
	}
	outcome, empty := published, b.To < b.From
	switch {
	case r.history == 0:
		r.begin(b.Epoch)
	case b.Epoch < r.epoch, b.Epoch == r.epoch && b.To <= r.head:
		return refused
	case b.From != r.head+1, empty: // one of another epoch that is empty says that the event at head is another one
		r.begin(b.Epoch)
		outcome = gapped
	}
	r.epoch, r.head = b.Epoch, b.To
	if empty {
		return outcome
	}
	r.entries = append(r.entries, e)
	r.events += len(b.Items)
	r.bytes += e.bytes
	for len(r.entries) > 1 && (r.events > r.maxEvents || r.bytes > r.maxBytes) {
		old := r.entries[0]
		r.entries[0] = nil
		r.entries = r.entries[1:]
		r.base = old.Epoch
		r.events -= len(old.Items)
		r.bytes -= old.bytes
	}
	return outcome
}

// begin forgets everything: what comes is another history, or another part of this one.
func (r *ring) begin(base uint32) {
	r.entries, r.events, r.bytes = nil, 0, 0
	r.base = base
	r.history++
}

// stretch is events of one epoch that follow each other.
type stretch struct {
	history uint64
	epoch   uint32
	from    uint64 // first sequence told
	to      uint64 // last
	entries []*entry
}

// after returns what follows sequence pos of a history, as far as it is of one epoch, in buf where that is large
// enough. Where the history is another one, or what follows is not held any more, it begins with the oldest held.
func (r *ring) after(history, pos uint64, buf []*entry) stretch {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if first := r.first(); history != r.history || pos+1 < first {
		pos = first - 1
	}
	return r.run(pos, buf)
}

// run returns what follows sequence pos, which is held, as far as it is of one epoch. mu is held.
func (r *ring) run(pos uint64, buf []*entry) stretch {
	s := stretch{history: r.history, epoch: r.epoch, from: pos + 1, to: r.head, entries: buf[:0]}
	rest := r.entries[r.search(pos+1):]
	if len(rest) == 0 {
		return s
	}
	s.epoch = rest[0].Epoch
	end := len(rest)
	if s.epoch != r.epoch {
		end = sort.Search(len(rest), func(i int) bool { return rest[i].Epoch > s.epoch })
	}
	s.to, s.entries = rest[end-1].To, append(s.entries, rest[:end]...)
	return s
}

// search returns the index of the entry that holds a sequence, or of the first behind it. mu is held.
func (r *ring) search(seq uint64) int {
	return sort.Search(len(r.entries), func(i int) bool { return r.entries[i].To >= seq })
}

// at returns the epoch of the event at a sequence, where that is known: of those held and the one before. mu is held.
func (r *ring) at(seq uint64) (epoch uint32, ok bool) {
	switch first := r.first(); {
	case r.history == 0 || seq+1 < first || seq > r.head:
		return 0, false
	case seq+1 == first:
		return r.base, true
	}
	return r.entries[r.search(seq)].Epoch, true
}

// publishedAt returns when the batch that holds a sequence was published, 0 if it is not held.
func (r *ring) publishedAt(seq uint64) int64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	i := r.search(seq)
	if i == len(r.entries) || r.entries[i].From > seq {
		return 0
	}
	return r.entries[i].at
}

// covers reports whether everything after a position is held or yet to come.
func (r *ring) covers(p position) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if p.Epoch > r.epoch || p.Epoch == r.epoch && p.Seq > r.head {
		return true
	}
	epoch, ok := r.at(p.Seq)
	return ok && epoch == p.Epoch
}

// await waits until a position that lies before it is reached, at most until give is done. Nodes are told of an event one
// a little after the other, and a client that comes from one may know more than the next one yet.
func (r *ring) await(p position, give <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiters++
	defer func() { r.waiters-- }()
	for r.history > 0 && p.Epoch >= r.epoch && (position{r.epoch, r.head}).before(p) {
		if r.moved == nil {
			r.moved = make(chan struct{})
		}
		moved := r.moved
		r.mu.Unlock()
		given := false
		select {
		case <-moved:
		case <-give:
			given = true
		}
		r.mu.Lock()
		if given {
			return
		}
	}
}

// rouse wakes those who wait. mu is held.
func (r *ring) rouse() {
	if r.moved != nil {
		close(r.moved)
		r.moved = nil
	}
}

// resume returns what follows since, a stretch an epoch, or why it cannot be continued from there.
func (r *ring) resume(since position) ([]stretch, Reason) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	switch epoch, ok := r.at(since.Seq); {
	case r.history == 0:
		return nil, ReasonTooOld
	case since.Epoch > r.epoch, since.Seq > r.head, ok && epoch != since.Epoch:
		return nil, ReasonEpochChanged
	case !ok:
		return nil, ReasonTooOld
	}
	var all []stretch
	for pos := since.Seq; pos < r.head; {
		s := r.run(pos, nil)
		all, pos = append(all, s), s.to
	}
	return all, ""
}

// tell returns the frames of what sub wants of stretches up to sequence last, and the position they end at: since where
// there is nothing. A stretch in which nothing is wanted is told by the from of the next frame. With more than max bytes
// of items, ok is false; 0 sets no bound.
func tell(sub *subscription, since position, all []stretch, last uint64, max int) (frames []byte, at position, ok bool) {
	at = since
	size := 0
	for i := range all {
		s := &all[i]
		items := s.pick(sub, at.Seq, last)
		if len(items) == 0 {
			continue
		}
		for _, it := range items {
			size += len(sub.body(it))
		}
		if max > 0 && size > max {
			return nil, since, false
		}
		to := min(s.to, last)
		frames = append(frames, eventsFrames(sub, s.epoch, at.Seq+1, to, items)...)
		at = position{s.epoch, to}
	}
	return frames, at, true
}

// pick returns the items of s after seq and up to last that sub wants.
func (s *stretch) pick(sub *subscription, seq, last uint64) (items []*Item) {
	for _, e := range s.entries {
		for i := range e.Items {
			if it := &e.Items[i]; it.Seq > seq && it.Seq <= last && sub.wants(it) {
				items = append(items, it)
			}
		}
	}
	return items
}
