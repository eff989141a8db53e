package app

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/redisstore"
)

// The times of a node. docs/consistency.md says why they are what they are.
const (
	tailWait     = 100 * time.Millisecond // a follower waits so long for more before it looks at the lease again
	claimTries   = 50
	probeTimeout = 500 * time.Millisecond // of asking the node that leads whether it is there
	maxAloneStep = 1024
	epochFile    = "epoch"
	roleFile     = "role"
	roleFollower = "follower"
)

// ErrDeposed is what Run returns when another node leads and this one has what that one lacks, or may have. Rejoin
// makes the data folder a follower's; then it is opened again.
var ErrDeposed = errors.New("deposed: another node leads this city")

// node is what this process is among the nodes of a city; zero without Redis.
type node struct {
	lease   *redisstore.Lease
	tail    *redisstore.Tail
	ttl     time.Duration
	leader  atomic.Pointer[leader] // as last heard; nil: nobody
	alone   atomic.Bool            // leads without the lease being renewed: Redis is out of reach
	cut     atomic.Bool            // followed, and leads alone since neither Redis nor the leader answered
	claimed atomic.Bool            // Redis knows this epoch: the mirror may write under it
	barred  atomic.Pointer[string] // why this node may not lead: Redis has a history of the city that it lacks; nil: it may
	seeking bool                   // the tail has no place yet
	role    string                 // as on disk; "": not read yet, or none
	free    time.Time              // since when nobody has held the lease, as a follower sees it; zero: somebody does
	heard   time.Time              // when a follower last heard of the city, from Redis or from who leads
}

// leader is a node that leads, in one life of it.
type leader struct {
	redisstore.Holder
	gone context.Context // ends when it leads no longer, as far as this node sees
	end  context.CancelFunc
}

// led notes who leads, nil for nobody. What is under way to another is ended.
func (n *node) led(h *redisstore.Holder) {
	before := n.leader.Load()
	if h != nil && before != nil && before.Holder == *h {
		return
	}
	var next *leader
	if h != nil {
		next = &leader{Holder: *h}
		next.gone, next.end = context.WithCancel(context.Background())
	}
	n.leader.Store(next)
	if before != nil {
		before.end()
	}
}

func (a *App) openNode() {
	if a.mirror.Mirror == nil {
		return
	}
	a.cluster.ttl = a.o.Lease
	if a.cluster.ttl == 0 {
		a.cluster.ttl = redisstore.DefaultLease
	}
	address := a.o.Advertise
	if address == "" {
		address = "http://" + a.listener.Addr().String()
	}
	a.cluster.lease = redisstore.NewLease(a.mirror.client, a.o.City.ID, a.o.Node, address, a.cluster.ttl)
	a.cluster.tail = redisstore.NewTail(a.mirror.client, a.o.City.ID)
	a.cluster.seeking = true
	a.cluster.heard = time.Now()
	a.current.Store(time.Now().UnixNano())
}

// settle decides at the beginning whether this node leads. It needs an answer of Redis for that, or none: a node that
// led last, or never followed, leads without Redis too, and one that followed waits.
func (a *App) settle(ctx context.Context) error {
	if a.cluster.lease == nil {
		return nil
	}
	if h, held, err := a.cluster.lease.Holder(ctx); err == nil && held && h.Node != a.o.Node {
		a.cluster.led(&h)
		err := a.cluster.tail.Compare(ctx, a.log)
		if final(err) && !errors.Is(err, redisstore.ErrGap) { // a gap is filled beside serving
			return err
		}
		return a.remember(roleFollower + " " + h.Address)
	}
	err := a.seek(ctx)
	if err == nil {
		if err = a.stand(ctx); err == nil {
			return nil
		}
	}
	if Deposed(err) || errors.Is(err, dispatch.ErrNewer) {
		return err
	}
	if errors.Is(err, redisstore.ErrGap) { // another has those events, and leads when it comes
		a.bar(err)
		return a.remember(roleFollower)
	}
	if role, address, _ := strings.Cut(a.remembered(), " "); !Final(err) && role == roleFollower {
		a.o.Logger.Warn("redis is out of reach; this node followed last, and waits", "error", err)
		if address != "" {
			a.cluster.led(&redisstore.Holder{Address: address})
		}
		return nil
	}
	a.o.Logger.Warn("this node leads alone, without Redis", "error", err)
	return a.leadAlone(ctx)
}

// bar keeps this node from leading while Redis has a history of the city that it lacks, nil: no longer. It is said once.
func (a *App) bar(err error) {
	before := a.cluster.barred.Load()
	if err == nil {
		if before != nil {
			a.cluster.barred.Store(nil)
			a.o.Logger.Info("this node has what the city has; it may lead again")
		}
		return
	}
	why := err.Error()
	a.cluster.barred.Store(&why)
	if before == nil {
		a.o.Logger.Error("redis has a history of the city that this node lacks: the lead is left to a node that has it; start that one, and where there is none see docs/operation.md", "error", err)
	}
}

// leadAlone begins an epoch without Redis. Two nodes may do so at once: each goes up by a number of its own, so
// that no two events have one place.
func (a *App) leadAlone(ctx context.Context) error {
	h := fnv.New32a()
	h.Write([]byte(a.o.Node))
	epoch, err := a.nextEpoch(a.seq.Epoch() + h.Sum32()%maxAloneStep)
	if err != nil {
		return err
	}
	a.cluster.alone.Store(true)
	return a.seq.Lead(ctx, epoch)
}

// final says whether an error will not go away by waiting.
func final(err error) bool { return Deposed(err) || Final(err) }

// Deposed reports whether Run ended because another node leads; Rejoin is what to do then.
func Deposed(err error) bool {
	var diverged *redisstore.DivergedError
	return errors.Is(err, ErrDeposed) || errors.As(err, &diverged)
}

// Final reports whether an error is for people to mend: this folder and Redis do not belong together.
func Final(err error) bool {
	return errors.Is(err, redisstore.ErrGap) || errors.Is(err, redisstore.ErrForeign) || errors.Is(err, redisstore.ErrSchema) || errors.Is(err, dispatch.ErrNewer)
}

// runNode keeps this node what it is until ctx ends: a leader renews its lease, a follower follows and stands for the
// lead when nobody holds it. The error is final.
func (a *App) runNode(ctx context.Context) error {
	if a.cluster.lease == nil {
		return nil
	}
	for ctx.Err() == nil {
		var err error
		switch {
		case a.seq.Err() != nil:
			err = a.keepFailed(ctx)
		case a.seq.Leads():
			err = a.keepLeading(ctx)
		default:
			err = a.keepFollowing(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, redisstore.ErrGap) {
			a.bar(err)
			a.cluster.free = time.Time{}
			pause(ctx, a.cluster.ttl/4)
			continue
		}
		if final(err) {
			return err
		}
		if err != nil {
			a.cluster.free = time.Time{}
			a.o.Logger.Debug("redis", "error", err)
			if err := a.whenCutOff(ctx); err != nil {
				return err
			}
			pause(ctx, tailWait)
		}
	}
	return nil
}

// whenCutOff has a follower that hears neither Redis nor who leads, for a lease, lead alone: no alert is refused for
// that. When the cut heals it is deposed, and what it took is submitted again.
func (a *App) whenCutOff(ctx context.Context) error {
	if a.seq.Leads() || a.seq.Err() != nil {
		return nil
	}
	if l := a.cluster.leader.Load(); l != nil && a.answers(ctx, l.Address) {
		a.cluster.heard = time.Now()
	}
	if time.Since(a.cluster.heard) < a.cluster.ttl || ctx.Err() != nil {
		return nil
	}
	a.cluster.cut.Store(true)
	if err := a.leadAlone(ctx); err != nil {
		return err
	}
	a.cluster.led(nil)
	a.o.Logger.Warn("cut off: neither Redis nor the node that leads answers; this node goes on alone, and hands over what it takes when it is heard again",
		"epoch", a.seq.Epoch(), "seq", a.log.LastSeq())
	return a.configure(ctx) // it may never have heard of the city
}

// answers reports whether a node takes alerts.
func (a *App) answers(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	r, err := nodeRequest(ctx, address, "/readyz")
	if err != nil {
		return false
	}
	answer, err := a.between.RoundTrip(r)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// keepLeading renews the lease once, and finds out whether another leads.
func (a *App) keepLeading(ctx context.Context) error {
	if err := a.mirror.Refusal(); errors.Is(err, redisstore.ErrDeposed) {
		return fmt.Errorf("%w: %w", ErrDeposed, err)
	}
	a.current.Store(time.Now().UnixNano()) // what it shows from when its journal fails is of then
	if a.cluster.barred.Load() != nil {
		return a.keepBarred(ctx)
	}
	h, mine, err := a.cluster.lease.Renew(ctx)
	switch {
	case err != nil:
		if a.cluster.alone.CompareAndSwap(false, true) && ctx.Err() == nil {
			a.o.Logger.Warn("the lease cannot be renewed; this node goes on alone", "error", err)
		}
	case !mine:
		return fmt.Errorf("%w: %s at %s", ErrDeposed, h.Node, h.Address)
	case !a.cluster.claimed.Load():
		if err := a.claim(ctx); err != nil {
			if !Final(err) {
				return err
			}
			a.bar(err)
			return a.cluster.lease.Release(ctx) // for a node whose history it is
		}
	default:
		a.cluster.led(&h)
		a.cluster.cut.Store(false)
		if a.cluster.alone.CompareAndSwap(true, false) {
			a.o.Logger.Info("the lease is held again")
		}
	}
	pause(ctx, a.cluster.ttl/6)
	return nil
}

// keepBarred goes on alone, beside a history in Redis that is not this node's, without the lease: a node whose history it
// is may lead.
func (a *App) keepBarred(ctx context.Context) error {
	pause(ctx, a.cluster.ttl/4)
	h, held, err := a.cluster.lease.Holder(ctx)
	switch {
	case err != nil:
		return err
	case held && h.Node != a.o.Node:
		return fmt.Errorf("%w: %s at %s", ErrDeposed, h.Node, h.Address)
	}
	a.cluster.cut.Store(false) // Redis answers
	if err := a.cluster.tail.Compare(ctx, a.log); !Final(err) {
		a.bar(nil)
		return err
	}
	return nil
}

// claim has Redis know the epoch of a node that began to lead without it.
func (a *App) claim(ctx context.Context) error {
	if err := a.cluster.tail.Compare(ctx, a.log); err != nil {
		return err
	}
	where, err := a.cluster.tail.Where(ctx)
	if err != nil {
		return err
	}
	if where.ID.Seq > a.log.LastSeq() || where.Epoch >= a.seq.Epoch() {
		return fmt.Errorf("%w: the city has come to epoch %d, event %d without it", ErrDeposed, where.Epoch, where.ID.Seq)
	}
	if err := a.cluster.lease.Claim(ctx, where, a.seq.Epoch()); err != nil {
		return err
	}
	a.cluster.claimed.Store(true)
	return a.remember("leader")
}

// keepFollowing takes what is new, once, and stands for the lead if nobody holds it.
func (a *App) keepFollowing(ctx context.Context) error {
	if a.cluster.seeking {
		if err := a.seek(ctx); err != nil {
			return err
		}
	}
	if _, err := a.adopt(ctx, tailWait); err != nil {
		return err
	}
	h, held, err := a.cluster.lease.Holder(ctx)
	if err != nil {
		return err
	}
	if held && h.Node != a.o.Node {
		a.cluster.heard = time.Now()
		a.cluster.led(&h)
		a.current.Store(time.Now().UnixNano())
		a.cluster.free = time.Time{}
		return a.remember(roleFollower + " " + h.Address)
	}
	a.cluster.led(nil)
	if a.cluster.free.IsZero() {
		a.cluster.free = time.Now()
	}
	if time.Since(a.cluster.free) < a.cluster.ttl/4 { // Redis may have been emptied: who leads renews before that
		return nil
	}
	return a.stand(ctx)
}

// adopt takes what follows in the stream into the journal.
func (a *App) adopt(ctx context.Context, wait time.Duration) (n int, err error) {
	frames, err := a.cluster.tail.Next(ctx, wait)
	if err != nil {
		a.cluster.seeking = true
		return 0, err
	}
	if len(frames) == 0 {
		return 0, nil
	}
	if err := a.seq.Adopt(ctx, frames); err != nil {
		a.cluster.seeking = true // the stream is compared again: it says whether there is a gap, or two histories
		return 0, err
	}
	return len(frames), nil
}

// stand takes the lease if it is free and, having all of the stream, begins an epoch of its own.
func (a *App) stand(ctx context.Context) (err error) {
	h, mine, err := a.cluster.lease.Take(ctx)
	if err != nil {
		return err
	}
	a.cluster.led(&h)
	if !mine {
		return a.remember(roleFollower + " " + h.Address)
	}
	defer func() {
		if err != nil { // a lead for a node that can
			a.cluster.led(nil)
			leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
			defer cancel()
			err = errors.Join(err, a.cluster.lease.Release(leaving))
		}
	}()
	began := time.Now()
	for range claimTries {
		for {
			n, err := a.adopt(ctx, 0)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
		if err := a.seek(ctx); err != nil {
			return err
		}
		where, err := a.cluster.tail.Where(ctx)
		if err != nil {
			return err
		}
		if where.ID.Seq > a.log.LastSeq() {
			continue
		}
		epoch, err := a.nextEpoch(where.Epoch)
		if err != nil {
			return err
		}
		switch err := a.cluster.lease.Claim(ctx, where, epoch); {
		case errors.Is(err, redisstore.ErrMoved):
			continue
		case err != nil:
			return err
		}
		if err := a.remember("leader"); err != nil {
			return err
		}
		if err := a.seq.Lead(ctx, epoch); err != nil {
			return err
		}
		a.cluster.claimed.Store(true)
		a.o.Logger.Info("this node leads", "epoch", epoch, "seq", a.log.LastSeq(), "took", time.Since(began).Round(time.Millisecond))
		return nil
	}
	return errors.New("the stream moves on while this node stands for the lead")
}

// nextEpoch returns an epoch above every one this node or Redis has seen, kept on disk before it is used.
func (a *App) nextEpoch(redis uint32) (uint32, error) {
	kept := uint64(0)
	path := filepath.Join(a.o.DataDir, epochFile)
	if b, err := os.ReadFile(path); err == nil {
		if kept, err = strconv.ParseUint(strings.TrimSpace(string(b)), 10, 32); err != nil {
			return 0, fmt.Errorf("%s: want a number: %w", path, err)
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return 0, err
	}
	epoch := max(a.seq.Epoch(), redis, uint32(kept)) + 1
	return epoch, writeDurably(path, []byte(strconv.FormatUint(uint64(epoch), 10)+"\n"))
}

// remember keeps on disk what this node is, for a start without Redis.
func (a *App) remember(role string) error {
	if a.remembered() == role {
		return nil
	}
	if err := writeDurably(filepath.Join(a.o.DataDir, roleFile), []byte(role+"\n")); err != nil {
		return err
	}
	a.cluster.role = role
	return nil
}

// remembered returns "leader", or "follower" and whom it followed, or nothing.
func (a *App) remembered() string {
	if a.cluster.role == "" {
		b, _ := os.ReadFile(filepath.Join(a.o.DataDir, roleFile)) // none: a new node
		a.cluster.role = strings.TrimSpace(string(b))
	}
	return a.cluster.role
}

// writeDurably replaces a file: whatever happens it is the old one or the new one.
func writeDurably(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already where all went well
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return journal.OS{}.SyncDir(filepath.Dir(path))
}
