package push

import (
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// maxWatched bounds the watched items that are on their way to screens; the oldest gives way.
const maxWatched = 4096

// watch follows single items, those that are Watched, to the sockets and onto the screens of who sees them. Without any it
// costs the look at a flag.
type watch struct {
	n     atomic.Int64 // items on the list
	mu    sync.Mutex
	items []watched // ascending
}

type watched struct {
	Item        // without its encodings, so that no batch is held in memory for it
	at    int64 // published, Unix nanoseconds
	wrote int64 // the last shard's write of it; 0: none yet
	sent  bool  // Hooks.Sent knows
	shown bool  // Hooks.Shown knows
}

// begin takes in what a batch has of watched items.
func (w *watch) begin(b *Batch, at int64) {
	for i := range b.Items {
		if !b.Items[i].Watched {
			continue
		}
		it := b.Items[i]
		it.Full, it.Wall = placeholder(it.Full), placeholder(it.Wall)
		w.mu.Lock()
		if len(w.items) >= maxWatched {
			w.items = w.items[1:]
		}
		w.items = append(w.items, watched{Item: it, at: at})
		w.n.Store(int64(len(w.items)))
		w.mu.Unlock()
	}
}

// placeholder keeps of an encoding that there is one.
func placeholder(b []byte) []byte {
	if b == nil {
		return nil
	}
	return []byte{}
}

// wrote notes that a shard has written an item to sockets.
func (w *watch) wrote(seq uint64, at int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := w.find(seq); i < len(w.items) && w.items[i].Seq == seq {
		w.items[i].wrote = max(w.items[i].wrote, at)
	}
}

// find returns the place of the first item from sequence seq on.
func (w *watch) find(seq uint64) int {
	return sort.Search(len(w.items), func(i int) bool { return w.items[i].Seq >= seq })
}

// passed tells of the items of a batch that every shard is done with.
func (w *watch) passed(b *Batch, tell func(seq uint64, at time.Time)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := w.find(b.From); i < len(w.items) && w.items[i].Seq <= b.To; i++ {
		if it := &w.items[i]; it.wrote != 0 && !it.sent {
			it.sent = true
			tell(it.Seq, time.Unix(0, it.wrote))
		}
	}
}

// drawn tells of the items that a client, which sees what sub asks for, is the first to show.
func (w *watch) drawn(sub *subscription, seq uint64, now int64, tell func(seq uint64, at time.Time)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	done := false
	for i := range w.items {
		it := &w.items[i]
		if it.Seq > seq {
			break
		}
		if !it.shown && sub.wants(&it.Item) {
			it.shown = true
			tell(it.Seq, time.Unix(0, now))
		}
		done = done || it.shown && it.sent
	}
	if done {
		w.keep(func(it *watched) bool { return !it.shown || !it.sent })
	}
}

// tidy forgets what nobody shows any more.
func (w *watch) tidy(now int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.keep(func(it *watched) bool { return now-it.at <= int64(maxDrawnAge) })
}

// keep drops the others. mu is held.
func (w *watch) keep(wanted func(*watched) bool) {
	w.items = slices.DeleteFunc(w.items, func(it watched) bool { return !wanted(&it) })
	w.n.Store(int64(len(w.items)))
}

// drawn notes that the client says it shows everything up to seq. Both ends of the time are ours, so no clock of a
// screen enters; the report's way back is in it. A screen that was away and shows what is old says nothing of drawing.
func (c *conn) drawn(seq uint64) {
	now := c.hub.nanos()
	if seq <= c.shown || !c.reports.take(now, drawnPerSecond, drawnBurst) {
		return
	}
	c.shown = seq
	if c.hub.watch.n.Load() > 0 {
		c.mu.Lock()
		sub := c.sub
		c.mu.Unlock()
		if sub != nil {
			c.hub.watch.drawn(sub, seq, now, c.hub.o.Hooks.Shown)
		}
	}
	f := c.hub.o.Hooks.Drawn
	if f == nil {
		return
	}
	if at := c.hub.ring.publishedAt(seq); at != 0 && now-at <= int64(maxDrawnAge) {
		f(time.Duration(now - at))
	}
}
