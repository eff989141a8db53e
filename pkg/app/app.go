// Package app puts the parts together: it opens the journal, rebuilds the state, serves, and stops in order.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/history"
	"github.com/banyan-ecc/banyan/pkg/hooks"
	"github.com/banyan-ecc/banyan/pkg/ingest"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/layer"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/push"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
	"github.com/banyan-ecc/banyan/pkg/telemetry"
)

// JournalDir is the folder of the journal within the data folder.
const JournalDir = "journal"

// Times of the HTTP server.
const (
	readHeaderTimeout      = 10 * time.Second
	idleTimeout            = 2 * time.Minute
	DefaultShutdownTimeout = 15 * time.Second
	stuckAfter             = 10 * time.Second // the writer at one batch this long is not alive
	awaitScreen            = 5 * time.Second  // for what a screen that comes from another node has been shown there
)

// Options say what to serve.
type Options struct {
	City            *plan.City     // from ReadCity
	CityDir         string         // where it was read, to be read again; "": it cannot be
	DataDir         string         // made if absent
	AccessDir       string         // keys, people, sessions and the keys that seal, which several nodes may share; "": DataDir
	Listen          string         // host:port; port 0 takes a free one
	MetricsListen   string         // host:port of /metrics for whoever reaches it, without a key; "": with a key on Listen alone
	Origins         []string       // pages of other hosts that may connect
	Pages           fs.FS          // built web pages; nil: none
	Disk            journal.FS     // of the journal; nil: the machine's
	SnapshotEvery   uint64         // events; 0: the sequencer's default
	ShutdownTimeout time.Duration  // 0: DefaultShutdownTimeout
	NoHistory       bool           // keeps no read model: no search, no statistics
	Unmeasured      bool           // counts and times nothing: for finding out what that costs
	OIDC            auth.OIDC      // OpenID provider; zero: none
	LoginCost       auth.Cost      // of a password; zero: auth.DefaultCost
	Proxies         []netip.Prefix // whose word on a request's address and TLS counts
	Redis           string         // URL, or a file with one; "": none. See redisstore.Dial
	Node            string         // name of this node; "": the machine's
	Advertise       string         // URL under which other nodes reach this one; "": the address listened on
	Lease           time.Duration  // 0: redisstore.DefaultLease
	Replicated      bool           // answer only when Redis has it too
	Replicas        int            // of Redis that must have it then; at most redisstore.MaxReplicas
	GatewayKey      string         // file with the key of a gateway; "": this is a node. A gateway needs Redis and no DataDir
	TraceEndpoint   string         // URL of a collector that takes OTLP over HTTP; "": no traces are kept
	TraceSample     float64        // 0 to 1: the share of those alerts whose source began no trace
	Logger          *slog.Logger
}

// App is a running centre. Open makes one, Run serves.
type App struct {
	o          Options
	log        *journal.Journal
	keys       *auth.Store
	seq        *sequencer.Sequencer
	hub        *push.Hub
	presence   *presence
	door       *ingest.Door
	layers     *layer.Board
	transports *transports
	expiry     *expiry
	keyring    *ingest.Keyring
	ears       *listener
	people     *people
	streams    streams
	metrics    *telemetry.Telemetry
	traces     *telemetry.Traces // nil: none are kept
	listener   net.Listener
	server     *http.Server
	scraped    *http.Server // /metrics on a listener of its own; nil: none
	scrapedAt  net.Listener
	stopping   atomic.Bool
	mirror     mirror
	cluster    node
	gateway    *gateway        // nil: this is a node
	between    *http.Transport // to other nodes
	current    atomic.Int64    // when a gateway or follower last knew that it shows the city, Unix nanoseconds
	commands   api.Engine      // the writer, or what waits for Redis too

	past      *history.Store // nil: none is kept
	hooks     []*hooks.Sender
	places    places
	commits   []func(*commit)
	followers []*follower
}

// commit is a batch that is durable.
type commit = sequencer.Committed

// onCommit has f called by the writer after each commit, behind the screens; f must be quick and must not block.
// Whoever has more to do follows instead.
func (a *App) onCommit(f func(*commit)) { a.commits = append(a.commits, f) }

// Open takes the data folder for itself, rebuilds the state from it and begins to listen; it does not answer
// yet. The error says what to do: a *journal.CorruptError names the place of damage.
func Open(o Options) (*App, error) {
	if o.ShutdownTimeout == 0 {
		o.ShutdownTimeout = DefaultShutdownTimeout
	}
	o.AccessDir = cmp.Or(o.AccessDir, o.DataDir)
	a := &App{o: o, metrics: telemetry.New(Version()), between: newBetween()}
	open := a.open
	if o.GatewayKey != "" {
		open = a.openGateway
	}
	if err := open(); err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

func (a *App) open() (err error) {
	if err = a.openTraces(); err != nil {
		return err
	}
	if a.log, err = journal.Open(filepath.Join(a.o.DataDir, JournalDir), journal.Options{FS: a.o.Disk, Logger: a.o.Logger}); err != nil {
		return err
	}
	if a.keys, err = auth.Open(a.o.AccessDir); err != nil {
		return err
	}
	if err = a.openPeople(); err != nil {
		return err
	}
	start, err := a.recover()
	if err != nil {
		return err
	}
	a.newSequencer(a.log, start, a.o.SnapshotEvery)
	a.presence = newPresence(a.seq, time.Now)
	if err = a.openDoor(); err != nil {
		return err
	}
	if err = a.openHooks(); err != nil {
		return err
	}
	a.expiry = &expiry{seq: a.seq, now: time.Now}
	a.onCommit(a.expiry.committed)
	if a.transports, err = newTransports(a); err != nil {
		return err
	}
	a.newHub()
	a.hub.Publish(push.Batch{Epoch: start.Epoch, From: start.Writer.Seq() + 1, To: start.Writer.Seq()})
	if err = a.openMirror(); err != nil {
		return err
	}
	a.commands = a.traced(a.engine())
	a.measure()
	if err = a.openHistory(); err != nil {
		return err
	}
	if err = a.openMetrics(); err != nil {
		return err
	}
	if err = a.listen(a.forwarding(a.arriving(a.handler()))); err != nil {
		return err
	}
	a.openNode()
	return nil
}

// newSequencer makes what holds the state, and has what it commits shown.
func (a *App) newSequencer(log sequencer.Log, start *sequencer.Start, snapshotEvery uint64) {
	fd := &feed{seat: a.seat, source: a.source}
	a.seq = sequencer.New(sequencer.Options{
		Log: log, Start: start, SnapshotEvery: snapshotEvery, Logger: a.o.Logger, Follow: a.o.Redis != "",
		Publish: func(c *sequencer.Committed) {
			a.hub.Publish(a.watched(c, fd.batch(c)))
			if len(c.Events) == 0 { // another state, for screens alone
				return
			}
			for _, f := range a.commits {
				f(c)
			}
		},
		Observe: func(s sequencer.Stages) {
			if !a.o.Unmeasured {
				a.metrics.Batch(s.Commands, s.Events, s.Decide, s.Commit, s.Hand)
			}
			if a.traces != nil {
				a.traces.Batch(s)
			}
		},
	})
}

func (a *App) newHub() {
	await := time.Duration(0)
	if a.o.Redis != "" { // screens come from other nodes
		await = awaitScreen
	}
	a.hub = push.NewHub(&screens{a.seq.Replica(), time.Now}, push.Options{
		Origins: a.o.Origins, StaleSince: a.staleSince, Await: await, Layers: a.beginLayers,
		Refuse: func(w http.ResponseWriter, _ *http.Request, e *alert.Error) { api.WriteProblem(w, e) },
		Hooks:  a.screenHooks(),
	})
}

// listen takes the address; nothing is answered before Run.
func (a *App) listen(handler http.Handler) (err error) {
	if a.listener, err = net.Listen("tcp", a.o.Listen); err != nil {
		return err
	}
	a.server = &http.Server{Handler: handler, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: api.MaxHeaderBytes, ErrorLog: slog.NewLogLogger(a.o.Logger.Handler(), slog.LevelDebug)}
	return nil
}

// recoverGC is the collector's percentage while the state is rebuilt: nearly all that is allocated then stays.
const recoverGC = 400

// recover rebuilds the state, with a word now and then when that takes long.
func (a *App) recover() (*sequencer.Start, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(recoverGC))
	began := time.Now()
	start, err := sequencer.Recover(a.log, func(seq uint64) {
		a.o.Logger.Info("reading the journal", "seq", seq, "of", a.log.LastSeq())
	})
	if err != nil {
		return nil, fmt.Errorf("rebuilding the state: %w", err)
	}
	if last := a.log.LastSeq(); last > 0 { // a snapshot knows no epoch
		f, err := a.log.FrameAt(last)
		if err != nil {
			return nil, err
		}
		start.Epoch = max(start.Epoch, f.Epoch)
	}
	if start.Problems != nil {
		a.o.Logger.Warn("the configuration in the journal does not compile any more; the one given now replaces it", "error", start.Problems)
	}
	a.o.Logger.Info("state rebuilt", "seq", start.Writer.Seq(), "snapshot", start.SnapshotSeq, "frames", start.Frames,
		"incidents", start.Writer.Len(), "took", time.Since(began).Round(time.Millisecond))
	return start, nil
}

func (a *App) handler() http.Handler {
	return api.New(api.Options{
		Engine: a.commands, State: a.seq.Replica(), History: recorded{a.log}, Archive: a.archive(), Trail: a.log, Caller: a.caller, Stream: a.stream,
		Door: a.door, Layers: a.layers, Transports: a.transports, Reload: a.Reload, Rights: rights{}, Logins: a.people, Peer: a.peer,
		Metrics: a.metrics.Handler(), Ready: a.ready, Alive: a.alive, Pages: a.o.Pages, Now: time.Now, Node: a.node,
		Observe: observer(a, a.metrics.Request), Logger: a.o.Logger,
	})
}

// caller finds out who sends a request: a key, or else a person by their cookie.
func (a *App) caller(r *http.Request) (api.Caller, bool) {
	token, calendar := push.TokenFromRequest(r), false
	if token == "" {
		_, token, calendar = r.BasicAuth()
	}
	if token == "" {
		return a.person(r)
	}
	if l := a.cluster.lease; l != nil && !calendar && l.Proves(token) { // another node of this city
		return api.Caller{Key: "node", Roles: []string{string(auth.RoleGateway)}}, true
	}
	k, ok := a.keys.Lookup(token)
	// Calendar programs can send a password and nothing else. Browsers send one again on their own, so no other key is taken so.
	if !ok || calendar && k.Role != auth.RoleCalendar {
		return api.Caller{}, false
	}
	return a.keyCaller(k), true
}

// seat finds a seat of the configuration in force.
func (a *App) seat(id string) (seat *plan.Seat, ok bool) {
	a.seq.Replica().Read(func(st *dispatch.State) {
		if city := st.City(); city != nil {
			seat, ok = city.Seat(id)
		}
	})
	return seat, ok
}

func (a *App) stream(w http.ResponseWriter, r *http.Request, c api.Caller) {
	heard := a.heard(c)
	if heard != nil {
		heard()
	}
	if c.Person {
		w = a.streams.watch(w, c.Session)
	}
	redacted := !rights{}.Ever(c, string(auth.IncidentRead))
	a.hub.Serve(w, r, push.Grant{Name: c.Key, Heard: heard, Redacted: redacted, Department: c.Actor.Department,
		Allow: func(t push.Topic) error { return a.topicAllowed(c, redacted, t) }})
}

// ready reports whether alerts are taken: the journal is writable, the queue is not full, nobody is stopping.
func (a *App) ready() error {
	switch {
	case a.stopping.Load():
		return errors.New("stopping")
	case a.gateway != nil:
		return a.gatewayReady()
	case a.seq.Err() != nil:
		return fmt.Errorf("the journal failed and takes nothing more: %w; free or repair the disk, then restart", a.seq.Err())
	case a.log.Err() != nil: // and the writer has not tried since
		return fmt.Errorf("the journal failed and takes nothing more: %w", a.log.Err())
	case !a.seq.Leads() && a.cluster.leader.Load() == nil:
		return errors.New("no node leads this city yet")
	case a.seq.Queued() >= sequencer.MailboxSize:
		return fmt.Errorf("%d commands wait", a.seq.Queued())
	}
	return nil
}

// alive reports whether the writer's loop turns.
func (a *App) alive() error {
	if busy := a.seq.Busy(); busy > stuckAfter {
		return fmt.Errorf("the writer has been at one batch for %v", busy)
	}
	return nil
}

// Addr returns the address listened on.
func (a *App) Addr() net.Addr { return a.listener.Addr() }

// Run puts the configuration in force and serves until ctx ends; then it stops in order: no new requests,
// the mailbox drained, a last snapshot, every screen told. It returns nil after an orderly stop.
func (a *App) Run(ctx context.Context) error {
	// The writer outlives the server: requests under way are to be answered.
	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWriting()
	g, failed := errgroup.WithContext(ctx)
	written := make(chan error, 1)
	go func() { written <- a.seq.Run(writing) }()
	if a.gateway == nil {
		err := a.settle(failed)
		if err == nil {
			err = a.configure(failed)
		}
		if err != nil {
			stopWriting()
			return errors.Join(err, <-written, a.close())
		}
	}
	g.Go(func() error {
		if err := a.server.Serve(&paced{Listener: a.listener}); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(a.serveMetrics)
	if a.gateway != nil {
		a.runGateway(g, failed)
	} else {
		a.runParts(g, failed)
	}
	a.o.Logger.Info("serving", "city", a.o.City.ID, "address", a.Addr().String())
	<-failed.Done() // told to stop, or the listener failed
	a.stopping.Store(true)
	a.o.Logger.Info("stopping")
	// What is asked for from here on happens even though ctx has ended.
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.o.ShutdownTimeout)
	defer cancel()
	err := errors.Join(a.server.Shutdown(ending), a.closeMetrics())
	a.cluster.led(nil) // consoles that were passed on
	stopWriting()
	err = errors.Join(err, <-written, a.hub.Close(ending), g.Wait(), a.leave(ending), a.close())
	a.o.Logger.Info("stopped", "error", err)
	return err
}

// runParts adds to g what a node does beside answering.
func (a *App) runParts(g *errgroup.Group, ctx context.Context) {
	for _, run := range []func(context.Context){
		func(ctx context.Context) { a.leading(ctx, a.transports.run) },
		func(ctx context.Context) { a.leading(ctx, a.expiry.run) },
		func(ctx context.Context) { a.leading(ctx, a.ears.run) },
		func(ctx context.Context) { a.leading(ctx, a.showLayers) },
		func(ctx context.Context) { a.streams.run(ctx, a.people.Touch) },
		a.presence.run, a.runLeader, a.keepHooks,
	} {
		g.Go(func() error {
			run(ctx)
			return nil
		})
	}
	g.Go(func() error { return a.runNode(ctx) })
	for _, f := range a.followers {
		run := func(ctx context.Context) {
			f.follow(ctx, a.log, func(name string, err error) {
				a.o.Logger.Warn("falling behind; tried again", "follower", name, "error", err)
			})
		}
		g.Go(func() error {
			if f.leads {
				a.leading(ctx, run)
			} else {
				run(ctx)
			}
			return nil
		})
	}
}

// every calls look each period until ctx ends, for the first time after one.
func every(ctx context.Context, period time.Duration, look func()) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			look()
		}
	}
}

// configure makes the city given the one in force, unless it is that already.
func (a *App) configure(ctx context.Context) error {
	if !a.seq.Leads() { // it takes the leader's
		return nil
	}
	same := false
	a.seq.Replica().Read(func(st *dispatch.State) { same = st.Digest() == a.o.City.Digest && st.City() != nil })
	if same {
		return nil
	}
	if _, err := a.seq.Do(ctx, dispatch.Configure(a.o.City)); err != nil {
		return fmt.Errorf("loading the configuration: %w", err)
	}
	a.o.Logger.Info("configuration in force", "digest", a.o.City.Digest[:12])
	return nil
}

// close gives back what is still held.
func (a *App) close() error {
	var errs []error
	if a.hub != nil { // nobody is connected any more, or was yet
		errs = append(errs, a.hub.Close(context.Background()))
	}
	errs = append(errs, a.closeMetrics())
	if a.listener != nil {
		if err := a.listener.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for _, h := range a.hooks {
		errs = append(errs, h.Close())
	}
	if a.transports != nil {
		errs = append(errs, a.transports.chains.Close())
	}
	if a.people != nil {
		errs = append(errs, a.people.Close())
	}
	errs = append(errs, a.mirror.close())
	a.between.CloseIdleConnections()
	if a.traces != nil {
		a.traces.Close()
	}
	if a.past != nil {
		errs = append(errs, a.past.Close())
	}
	if a.log != nil {
		errs = append(errs, a.log.Close())
	}
	return errors.Join(errs...)
}
