package app

import (
	"container/heap"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// expireEvery is how often warnings that have expired are looked for.
const expireEvery = time.Second

// expiry takes back the alerts of incidents whose warnings have all expired. It decides nothing: what follows from
// an alert that is taken back is for the engine. The work does not depend on how many incidents are open.
type expiry struct {
	seq *sequencer.Sequencer
	now func() time.Time

	mu  sync.Mutex
	due dueHeap
}

// due is when to look at an incident.
type due struct {
	at       alert.Time
	incident string
}

type dueHeap []due

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(due)) }
func (h *dueHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// committed notes when to look at the incidents of a batch.
func (x *expiry) committed(c *commit) {
	for i := range c.Events {
		if a := c.Events[i].Alert; a != nil && a.ExpiresAt != 0 {
			x.note(due{a.ExpiresAt, c.Events[i].IncidentID})
		}
	}
}

func (x *expiry) note(d due) {
	x.mu.Lock()
	defer x.mu.Unlock()
	heap.Push(&x.due, d)
}

// run looks until ctx ends, at first at what the journal had.
func (x *expiry) run(ctx context.Context) {
	x.seq.Replica().Read(func(st *dispatch.State) {
		st.Newest(0, func(_ uint64, doc *alert.Incident) bool {
			if doc.ExpiresAt != 0 && !doc.State.Final() {
				x.note(due{doc.ExpiresAt, doc.ID})
			}
			return true
		})
	})
	every(ctx, expireEvery, func() {
		for {
			d, ok := x.next()
			if !ok {
				return
			}
			if err := x.expire(ctx, d.incident); err != nil && ctx.Err() == nil {
				x.note(due{alert.TimeOf(x.now().Add(expireEvery)), d.incident}) // the queue is full, or the like
				return
			}
		}
	})
}

// next takes out what is due, false if nothing is.
func (x *expiry) next() (due, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.due) == 0 || x.due[0].at > alert.TimeOf(x.now()) {
		return due{}, false
	}
	return heap.Pop(&x.due).(due), true
}

// expire takes back every alert of an incident that has expired. One that expires later by now is noted already.
func (x *expiry) expire(ctx context.Context, id string) error {
	var doc *alert.Incident
	x.seq.Replica().Read(func(st *dispatch.State) { doc, _ = st.Incident(id) })
	now := alert.TimeOf(x.now())
	if doc == nil || doc.State.Final() || doc.ExpiresAt == 0 || doc.ExpiresAt > now {
		return nil
	}
	for _, r := range doc.Alerts {
		if r.Cancelled {
			continue
		}
		_, err := x.seq.Do(ctx, dispatch.Command{Type: dispatch.CancelAlert, Revision: "expired:" + doc.ExpiresAt.String(),
			Alert: &alert.Alert{AlertID: r.AlertID, Source: r.Source, ID: r.ID, Text: "已到期 expired", OccurredAt: now, ReceivedAt: now, Exercise: doc.Exercise}})
		var refused *alert.Error
		if errors.As(err, &refused) && refused.Code == alert.CodeForbidden {
			continue // its source is no longer configured: it stays for people to close
		}
		if err != nil {
			return err
		}
	}
	return nil
}
