package push

import (
	"context"
	"math"
	"strconv"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// What a subscription begins with, a snapshot or the deltas since the client left, is made outside the shards
// and sent before the connection joins its audience; the shard then closes the difference from the ring.

// await waits a while until the hub knows what the client knows already.
func (c *conn) await(since position) {
	if h := c.hub; h.o.Await > 0 {
		ctx, cancel := context.WithTimeout(h.life, h.o.Await)
		defer cancel()
		h.ring.await(since, ctx.Done())
	}
}

// resume continues where the client stopped, or returns why that is not possible.
func (c *conn) resume(gen uint32, sub *subscription, since position) Reason {
	h := c.hub
	key := "since " + strconv.FormatUint(uint64(since.Epoch), 10) + " " + strconv.FormatUint(since.Seq, 10) + " " + sub.key
	o := h.shared.get(key, h.o.Now, func(o *opening) bool { return h.ring.covers(o.position) }, func(o *opening) {
		all, why := h.ring.resume(since)
		if why != "" {
			o.why, o.err = why, errNotResumed
			return
		}
		ok := false
		if o.frame, o.position, ok = tell(sub, since, all, math.MaxUint64, maxResumeBytes); !ok {
			o.why, o.err = ReasonTooOld, errNotResumed
		} else if len(o.frame) > 0 { // else the next frame says from where the client stood
			h.n.encoded.Add(1)
		}
	})
	if o.err != nil {
		return o.why
	}
	if c.begin(gen, o.position, piece{b: resumedFrame(since.Epoch, since.Seq)}, piece{b: o.frame}) {
		h.n.resumes.Add(1)
		if f := h.o.Hooks.Resumed; f != nil {
			f(len(o.frame))
		}
		c.shard.ask(request{what: join, c: c, gen: gen, sub: sub, at: o.position})
		c.beginLayers(sub)
	}
	return ""
}

var errNotResumed = alert.Errorf(alert.CodeConflict, "not to be resumed from there")

// snapshot begins a subscription with the whole state, not older than what the client had been sent.
func (c *conn) snapshot(gen uint32, sub *subscription, reason Reason, reached position) error {
	h := c.hub
	suits := func(o *opening) bool { return !o.before(reached) && h.ring.covers(o.position) }
	o := h.shared.get(sub.key, h.o.Now, suits, func(o *opening) {
		h.n.snapshots.Add(1)
		var members []byte
		if o.Epoch, o.Seq, members, o.err = h.state.Snapshot(sub.topics, sub.redacted, sub.department); o.err == nil {
			o.frame = snapshotHead(sub, o.Epoch, o.Seq, members)
		}
	})
	if o.err != nil {
		return coded(o.err)
	}
	if c.begin(gen, o.position, piece{b: o.frame}, piece{b: snapshotTail(h.o.Now(), reason, h.staleSince()), tail: true}) {
		if f := h.o.Hooks.Began; f != nil {
			f(reason, len(o.frame)+snapshotTailBytes)
		}
		c.shard.ask(request{what: join, c: c, gen: gen, sub: sub, at: o.position})
		c.beginLayers(sub)
	}
	return nil
}

// refresh gives a client that has lost deltas a snapshot.
func (c *conn) refresh(gen uint32, reason Reason) {
	c.mu.Lock()
	sub, reached := c.sub, c.reached
	c.tries++
	tries, stale := c.tries, c.shut || c.gen != gen
	c.mu.Unlock()
	if stale || sub == nil {
		return
	}
	err := error(alert.Errorf(alert.CodeUnavailable, "snapshots are outrun by events; connect again"))
	if tries <= maxSnapshotTries {
		c.hub.gate.pass(nil, c.hub.stop, func() { err = c.snapshot(gen, sub, reason, reached) })
	}
	if err != nil {
		c.refuse(err)
	}
}
