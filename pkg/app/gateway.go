package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/redisstore"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// A gateway holds the state of the city in memory and nothing on disk. It begins with the state of the node that leads,
// fetched over HTTP, and goes on with the events of the stream; so its screens are shown what a node's are, from the same
// code. Everything it does not know itself it asks the node that leads, with the credentials of whoever asks.

// Times and bounds of a gateway.
const (
	leaderEvery   = 250 * time.Millisecond  // how often Redis is asked who leads
	lagEvery      = time.Second             // how often the node that leads is asked where it stands
	helpAfter     = 1500 * time.Millisecond // without an answer of Redis, the node that leads is asked for events
	fetchRest     = time.Second             // between two attempts to get the state
	fetchTries    = 20                      // that found nothing newer than what a gap came behind
	nodeTimeout   = 5 * time.Second         // of a short question to a node
	imageTimeout  = 5 * time.Minute         // of the whole state
	staleAfter    = 5 * time.Second         // without a word that this is the city, screens are told
	maxImageBytes = 4 << 30
	maxKeyBytes   = 256
)

// ErrAnotherHistory is what Run of a gateway returns when the city has another history than the one it shows, and an
// older one: it was set up anew. The gateway is to be opened again.
var ErrAnotherHistory = errors.New("the city has another history than this gateway")

// gateway is what makes a process one; nil in a node.
type gateway struct {
	key     string
	callers *callers
	placed  bool                   // the tail follows the state
	tries   int                    // to get the state, in vain
	has     atomic.Bool            // there is a state to show
	waits   atomic.Pointer[string] // for what; nil: for nothing
	tailed  atomic.Int64           // when Redis last answered about the stream, Unix nanoseconds
	said    said
}

// said is what the node that leads has said of where it stands.
type said struct {
	mu     sync.Mutex
	seq    uint64    // last
	at     time.Time // when
	goal   uint64    // the sequence that is waited for
	goalAt time.Time // when it was said; zero: none is waited for
}

// hear notes where the node that leads stands.
func (s *said) hear(seq uint64, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seq, s.at = seq, now; s.goalAt.IsZero() { // a goal that moves on would never be reached
		s.goal, s.goalAt = seq, now
	}
}

// shown returns as of when what is shown up to a sequence is the city; the zero time if there is nothing new to say. A node
// that does not answer says nothing against the stream.
func (s *said) shown(seq uint64, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case seq >= s.seq || now.Sub(s.at) > staleAfter:
		s.goalAt = time.Time{}
		return now
	case seq >= s.goal && !s.goalAt.IsZero():
		at := s.goalAt
		s.goalAt = time.Time{}
		return at
	}
	return time.Time{}
}

// last returns what was said last, and when.
func (s *said) last() (seq uint64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq, s.at
}

// silent reports whether the node that leads has not answered for a while.
func (s *said) silent() bool {
	_, at := s.last()
	return time.Since(at) > staleAfter
}

// nowhere is the log of who keeps none.
type nowhere struct{}

// Append implements sequencer.Log.
func (nowhere) Append([]journal.Frame) error { return nil }

// WriteSnapshot implements sequencer.Log.
func (nowhere) WriteSnapshot(uint64, func(io.Writer) error) error { return nil }

// openGateway is open for a gateway.
func (a *App) openGateway() (err error) {
	if err = a.openTraces(); err != nil {
		return err
	}
	g := &gateway{}
	if g.key, err = readKey(a.o.GatewayKey); err != nil {
		return err
	}
	g.callers = newCallers(a.whoIs, time.Now)
	a.gateway = g
	g.wait("for Redis to say who leads the city")
	a.newSequencer(nowhere{}, &sequencer.Start{Writer: dispatch.New(), Reader: dispatch.New()}, math.MaxUint64)
	a.presence = newPresence(a.seq, time.Now)
	a.newHub()
	if a.mirror.client, err = redisstore.Dial(a.o.Redis); err != nil {
		return err
	}
	a.cluster.lease = redisstore.NewLease(a.mirror.client, a.o.City.ID, a.o.Node, "", redisstore.DefaultLease)
	a.cluster.tail = redisstore.NewTail(a.mirror.client, a.o.City.ID)
	a.measure()
	if err = a.openMetrics(); err != nil {
		return err
	}
	return a.listen(a.gatewayHandler(api.New(api.Options{
		Engine: a.seq, State: a.seq.Replica(), Caller: knownCaller, Stream: a.stream, Rights: rights{}, Peer: a.peer, Metrics: a.metrics.Handler(),
		Ready: a.ready, Alive: a.alive, Pages: a.o.Pages, Now: time.Now, Node: a.node, Observe: a.metrics.Request, Logger: a.o.Logger,
	})))
}

// readKey returns the token in a file.
func readKey(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("the key of the gateway: %w; `banyan key add --role gateway --name NAME` on a node makes one", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxKeyBytes+1))
	key := strings.TrimSpace(string(b))
	if err == nil && (key == "" || len(b) > maxKeyBytes || strings.ContainsAny(key, " \r\n\t")) {
		err = errors.New("want one line with a token")
	}
	if err != nil {
		return "", fmt.Errorf("the key of the gateway in %s: %w", path, err)
	}
	return key, nil
}

// runGateway adds what a gateway does to g.
func (a *App) runGateway(g *errgroup.Group, ctx context.Context) {
	g.Go(func() error { return a.trail(ctx) })
	g.Go(func() error {
		a.askLeader(ctx)
		return nil
	})
}

// wait says what the gateway waits for, "" for nothing. A new reason is logged.
func (g *gateway) wait(why string) (changed bool) {
	before := g.waits.Load()
	if why == "" {
		g.waits.Store(nil)
		return before != nil
	}
	g.waits.Store(&why)
	return before == nil || *before != why
}

// waiting returns what the gateway waits for, "" for nothing.
func (g *gateway) waiting() string {
	if p := g.waits.Load(); p != nil {
		return *p
	}
	return ""
}

// trail keeps the state that of the city until ctx ends. The error is final.
func (a *App) trail(ctx context.Context) error {
	g, asked := a.gateway, time.Time{}
	for ctx.Err() == nil {
		var err error
		if time.Since(asked) >= leaderEvery {
			asked = time.Now()
			err = a.findLeader(ctx)
		}
		if err == nil {
			err = a.trailOnce(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, ErrAnotherHistory):
			return err
		case err != nil:
			if g.wait(err.Error()) {
				a.o.Logger.Warn("this gateway waits", "for", err, "shows", a.seq.Replica().At().String())
			}
			pause(ctx, tailWait)
		case g.wait(""):
			a.o.Logger.Info("this gateway shows the city", "at", a.seq.Replica().At().String())
		}
	}
	return nil
}

// findLeader asks Redis who leads.
func (a *App) findLeader(ctx context.Context) error {
	h, held, err := a.cluster.lease.Holder(ctx)
	switch {
	case err != nil: // who led may lead still
		return fmt.Errorf("redis does not answer: %w", err)
	case !held:
		a.cluster.led(nil)
	default:
		a.cluster.led(&h)
	}
	return nil
}

// trailOnce takes what is new in the stream, once, having got the state first where that is due.
func (a *App) trailOnce(ctx context.Context) error {
	g := a.gateway
	if !g.placed {
		if err := a.fetch(ctx); err != nil {
			pause(ctx, fetchRest)
			return err
		}
		g.placed, g.tries = true, 0
		g.has.Store(true)
		a.takePlace()
	}
	frames, err := a.cluster.tail.Next(ctx, tailWait)
	if err != nil {
		a.takePlace() // what was read in part is read again
		return fmt.Errorf("redis does not give the stream: %w", err)
	}
	g.tailed.Store(time.Now().UnixNano())
	if len(frames) > 0 {
		first, at := frames[0], a.seq.Replica().At()
		switch err := a.seq.Adopt(ctx, frames); {
		case errors.Is(err, dispatch.ErrNewer):
			a.takePlace()
			return err
		case err != nil && (first.Epoch < at.Epoch || first.Epoch == at.Epoch && first.Seq <= at.Seq): // the node that leads has given it already
			a.takePlace()
			return nil
		case err != nil: // a gap, or another history
			a.takePlace()
			filled := a.takeFrames(ctx)
			if g.placed = !errors.Is(filled, errOtherEvent); filled != nil && g.placed {
				return fmt.Errorf("the stream has a gap: %w", filled)
			}
			a.o.Logger.Warn("the stream did not go on from where this gateway stood", "at", at.String(), "why", err, "filled", g.placed)
			a.takePlace()
			return nil
		}
	}
	if a.cluster.leader.Load() == nil {
		return errors.New("no node leads the city")
	}
	if at := g.said.shown(a.seq.Replica().At().Seq, time.Now()); !at.IsZero() {
		a.current.Store(at.UnixNano())
	}
	return nil
}

// takePlace has the tail go on behind what is shown.
func (a *App) takePlace() {
	at := a.seq.Replica().At()
	a.cluster.tail.Seek(redisstore.ID{Epoch: at.Epoch, Seq: at.Seq})
}

// fetch begins with the state of the node that leads.
func (a *App) fetch(ctx context.Context) error {
	if a.cluster.leader.Load() == nil {
		return errors.New("no node leads the city, to get the state from")
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, imageTimeout)
	defer cancel()
	answer, err := a.askNode(ctx, "/api/v1/node/snapshot")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	epoch, err := strconv.ParseUint(answer.Header.Get(api.EpochHeader), 10, 32)
	if err != nil {
		return fmt.Errorf("the node that leads sent no %s with its state: is it of this version?", api.EpochHeader)
	}
	start, err := sequencer.Restore(io.LimitReader(answer.Body, maxImageBytes), uint32(epoch))
	if err != nil {
		return fmt.Errorf("the state of the node that leads cannot be read: %w", err)
	}
	if start.Problems != nil {
		a.o.Logger.Error("the configuration in force does not compile here: upgrade this gateway", "error", start.Problems)
	}
	a.current.Store(began.UnixNano()) // screens begin anew within Restart
	if err := a.seq.Restart(ctx, start); errors.Is(err, sequencer.ErrOutOfOrder) {
		if a.gateway.tries++; a.gateway.tries >= fetchTries {
			return fmt.Errorf("%w: %w", ErrAnotherHistory, err)
		}
		return fmt.Errorf("the node that leads has nothing newer: %w", err)
	} else if err != nil {
		return err
	}
	a.o.Logger.Info("state fetched", "from", answer.Request.URL.Host, "at", a.seq.Replica().At().String(), "incidents", start.Reader.Len(),
		"took", time.Since(began).Round(time.Millisecond))
	return nil
}

// askNode asks the node that leads for something: a gateway with its own key, a node with what it knows from Redis alone.
// The answer is a 200.
func (a *App) askNode(ctx context.Context, path string) (*http.Response, error) {
	leader := a.cluster.leader.Load()
	if leader == nil {
		return nil, errors.New("no node leads the city")
	}
	r, err := nodeRequest(ctx, leader.Address, path)
	if err != nil {
		return nil, err
	}
	key, mend := leader.Token, "is its program as new as this one?"
	if a.gateway != nil {
		key, mend = a.gateway.key, "`banyan key add --role gateway --name NAME` there makes one"
	}
	r.Header.Set("Authorization", "Bearer "+key)
	answer, err := a.between.RoundTrip(r)
	if err != nil {
		return nil, fmt.Errorf("the node that leads, %s, does not answer: %w", leader.Node, err)
	}
	switch answer.StatusCode {
	case http.StatusOK:
		return answer, nil
	case http.StatusUnauthorized, http.StatusForbidden:
		err = fmt.Errorf("the node that leads, %s, refuses the key of this one: %s", leader.Node, mend)
	default:
		err = fmt.Errorf("the node that leads, %s, answers %s", leader.Node, answer.Status)
	}
	return nil, errors.Join(err, answer.Body.Close())
}

func nodeRequest(ctx context.Context, address, path string) (*http.Request, error) {
	base, err := url.Parse(address)
	if err != nil || base.Host == "" {
		return nil, fmt.Errorf("the node that leads says it is at %.100q; see --advertise", address)
	}
	return http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(address, "/")+path, nil)
}

// askLeader keeps asking the node that leads where it stands, and for the events themselves while the stream does not
// bring them: Redis is gone, or behind.
func (a *App) askLeader(ctx context.Context) {
	asked := time.Time{}
	for ctx.Err() == nil {
		if time.Since(asked) >= lagEvery {
			asked = time.Now()
			if s, err := a.leaderStatus(ctx); err == nil && s.Role == "leader" {
				a.gateway.said.hear(s.Seq, time.Now())
			}
		}
		if a.gateway.needsHelp(a.current.Load(), time.Now()) {
			if err := a.takeFrames(ctx); err != nil {
				a.o.Logger.Debug("neither the stream nor the node that leads brings events", "error", err)
			}
		}
		pause(ctx, leaderEvery)
	}
}

// errOtherEvent means that the city has gone on without what is shown.
var errOtherEvent = errors.New("the node that leads has another event at this place")

// needsHelp reports whether it is long that Redis has answered, or that the stream has brought what the node that leads has.
// The node is asked for no more than it must be: what it has and Redis has not is lost if it is lost.
func (g *gateway) needsHelp(current int64, now time.Time) bool {
	return g.has.Load() && (now.Sub(time.Unix(0, g.tailed.Load())) > helpAfter || now.Sub(time.Unix(0, current)) > staleAfter)
}

// takeFrames takes what follows what is shown from the journal of the node that leads, where that is the same history.
func (a *App) takeFrames(ctx context.Context) error {
	began, at := time.Now(), a.seq.Replica().At()
	ctx, cancel := context.WithTimeout(ctx, nodeTimeout)
	defer cancel()
	frames, err := a.nodeFrames(ctx, at.Seq)
	if err != nil {
		return err
	}
	if len(frames) == 0 || frames[0].Epoch != at.Epoch || frames[0].LastSeq() != at.Seq {
		return fmt.Errorf("%w: %d", errOtherEvent, at.Seq)
	}
	if frames = frames[1:]; len(frames) > 0 {
		if err := a.seq.Adopt(ctx, frames); err != nil {
			return err
		}
	}
	a.gateway.said.shown(a.seq.Replica().At().Seq, began)
	a.current.Store(began.UnixNano())
	return nil
}

func (a *App) leaderStatus(ctx context.Context) (s api.NodeStatus, err error) {
	ctx, cancel := context.WithTimeout(ctx, nodeTimeout)
	defer cancel()
	answer, err := a.askNode(ctx, "/api/v1/node")
	if err != nil {
		return s, err
	}
	defer answer.Body.Close()
	return s, json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&s)
}

// staleSince returns since when this process has not known that what it shows is the city; the zero time while it does.
func (a *App) staleSince() time.Time {
	if a.gateway == nil && (a.o.Redis == "" || a.leads()) {
		return time.Time{}
	}
	at := time.Unix(0, a.current.Load())
	if time.Since(at) < staleAfter {
		return time.Time{}
	}
	return at
}

// gatewayReady reports whether a gateway has a state to show, and hears the city in one way or another.
func (a *App) gatewayReady() error {
	g := a.gateway
	if !g.has.Load() {
		return fmt.Errorf("there is no state to show yet: %s", g.waiting())
	}
	if since := a.staleSince(); !since.IsZero() && g.said.silent() {
		return fmt.Errorf("cut off since %s: %s", since.UTC().Format(time.RFC3339), g.waiting())
	}
	return nil
}

// gatewayStatus says what a gateway is to the city.
func (a *App) gatewayStatus() api.NodeStatus {
	g, at := a.gateway, a.seq.Replica().At()
	n := api.NodeStatus{Name: a.o.Node, Role: "gateway", Epoch: at.Epoch, Seq: at.Seq, Durability: "local", Mirror: api.MirrorStatus{State: "following"}}
	if h := a.cluster.leader.Load(); h != nil {
		n.Leader = h.Address
	}
	if seq, _ := g.said.last(); seq > at.Seq {
		n.Mirror.LagEvents = seq - at.Seq
		n.Mirror.LagSeconds = time.Since(time.Unix(0, a.current.Load())).Seconds()
	}
	since := a.staleSince()
	switch why := g.waiting(); {
	case !g.has.Load():
		n.Mirror.State, n.Degraded, n.Reason = "connecting", true, "there is no state to show yet: "+why
	case !since.IsZero():
		n.Mirror.State, n.Degraded = "down", true
		n.Mirror.LagSeconds = time.Since(since).Seconds()
		n.Reason = "screens are told that this gateway is cut off: " + why
		if why == "" {
			n.Reason = "the stream is behind the node that leads"
		}
	case why != "":
		n.Degraded, n.Reason = true, why
	case time.Since(time.Unix(0, g.tailed.Load())) > helpAfter: // it may be frozen, and no error yet
		n.Degraded, n.Reason = true, "redis does not answer: events come from the node that leads"
	case g.said.silent():
		n.Degraded, n.Reason = true, "the node that leads does not answer; see --advertise and --gateway-key"
	}
	return n
}
