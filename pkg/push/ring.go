package push

import (
	"sort"
	"sync"
	"sync/atomic"
)

// ring holds the newest batches: the queue of the shards, each of which reads at its own pace, and the memory
// from which clients resume. It is bounded in events and in bytes; a reader that falls off its end starts over
// with snapshots. Publish is its only writer.
type ring struct {
	maxEvents, maxBytes int
	readers             int // shards; each calls passed once for every entry it reads

	mu      sync.RWMutex
	epoch   uint32 // 0 until the first batch
	head    uint64 // newest sequence
	entries []*entry
	events  int
	bytes   int
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

// passed tells e that one shard is done with it.
func (e *entry) passed() {
	if e.waiting.Add(-1) == 0 {
		e.mu.Lock()
		e.frames = nil
		e.mu.Unlock()
	}
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
	gapped                // sequences are missing before it; whoever stood there needs a snapshot
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
	outcome := published
	switch {
	case b.Epoch < r.epoch, b.Epoch == r.epoch && b.To <= r.head && r.epoch != 0:
		return refused
	case b.Epoch > r.epoch:
		r.clear()
		r.epoch = b.Epoch
	case b.From != r.head+1:
		r.clear()
		outcome = gapped
	}
	r.head = b.To
	if b.To < b.From {
		return outcome
	}
	r.entries = append(r.entries, e)
	r.events += len(b.Items)
	r.bytes += e.bytes
	for len(r.entries) > 1 && (r.events > r.maxEvents || r.bytes > r.maxBytes) {
		old := r.entries[0]
		r.entries[0] = nil
		r.entries = r.entries[1:]
		r.events -= len(old.Items)
		r.bytes -= old.bytes
	}
	return outcome
}

func (r *ring) clear() { r.entries, r.events, r.bytes = nil, 0, 0 }

// stretch is what a reader finds behind its position.
type stretch struct {
	epoch   uint32
	from    uint64 // first sequence told; what lies between the position and it is lost
	to      uint64 // newest sequence
	entries []*entry
}

// after returns what follows sequence pos of epoch, in buf where that is large enough. When the epoch is
// another one, it returns everything held.
func (r *ring) after(epoch uint32, pos uint64, buf []*entry) stretch {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s := stretch{epoch: r.epoch, from: r.first(), to: r.head, entries: buf[:0]}
	i := 0
	if epoch == r.epoch && pos+1 >= s.from {
		s.from = pos + 1
		i = sort.Search(len(r.entries), func(i int) bool { return r.entries[i].To > pos })
	}
	s.entries = append(s.entries, r.entries[i:]...)
	return s
}

// publishedAt returns when the batch that holds a sequence was published, 0 if it is not held.
func (r *ring) publishedAt(seq uint64) int64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	i := sort.Search(len(r.entries), func(i int) bool { return r.entries[i].To >= seq })
	if i == len(r.entries) || r.entries[i].From > seq {
		return 0
	}
	return r.entries[i].at
}

// covers reports whether everything after sequence seq of epoch is held or yet to come.
func (r *ring) covers(epoch uint32, seq uint64) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return epoch > r.epoch || epoch == r.epoch && seq+1 >= r.first()
}

// resume returns what follows since, or why it cannot be continued from there.
func (r *ring) resume(since position) (stretch, Reason) {
	r.mu.RLock()
	epoch, head, first := r.epoch, r.head, r.first()
	r.mu.RUnlock()
	switch {
	case epoch == 0:
		return stretch{}, ReasonTooOld
	case since.Epoch != epoch, since.Seq > head:
		return stretch{}, ReasonEpochChanged
	case since.Seq+1 < first:
		return stretch{}, ReasonTooOld
	}
	s := r.after(since.Epoch, since.Seq, nil)
	if s.epoch != since.Epoch {
		return stretch{}, ReasonEpochChanged
	}
	if s.from != since.Seq+1 {
		return stretch{}, ReasonTooOld
	}
	return s, ""
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
