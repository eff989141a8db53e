package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/redisstore"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// forwardedHeader names the node that passed a request on; it is passed on once.
const forwardedHeader = "Banyan-Forwarded-By"

// maxIdleBetween is how many connections to another node are kept for the next request.
const maxIdleBetween = 256

// replicateWait is how long an answer waits for Redis under durability replicated, before it is given without.
const replicateWait = 2 * time.Second

// forwarding passes what changes the city, what the node that leads has alone, and the consoles, whose connection shows
// that a seat is held, on to that node, with the caller's own credentials; everything else is answered here.
func (a *App) forwarding(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leader := a.cluster.leader.Load()
		alone := a.seq.Err() != nil && (leader == nil || leader.Node == a.o.Node) // says why nothing is accepted
		if a.leads() || alone || !changes(r) && !ofLeader(r) && !a.console(r) {
			next.ServeHTTP(w, r)
			return
		}
		a.passOn(w, r)
	})
}

// newBetween returns the connections to other nodes. No proxy of the environment stands between nodes.
func newBetween() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy, t.MaxIdleConnsPerHost = nil, maxIdleBetween
	return t
}

// passOn has the node that leads answer a request. What is under way when another begins to lead ends at once, so that it
// is repeated there.
func (a *App) passOn(w http.ResponseWriter, r *http.Request) {
	leader := a.cluster.leader.Load()
	if leader == nil || r.Header.Get(forwardedHeader) != "" {
		api.WriteProblem(w, alert.Errorf(alert.CodeUnavailable, "no node leads just now; repeat the request: it does no harm"))
		return
	}
	target, err := url.Parse(leader.Address)
	if err != nil {
		api.WriteProblem(w, alert.Errorf(alert.CodeUnavailable, "the node that leads says it is at %q; see --advertise", leader.Address))
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(leader.gone, cancel)()
	_, secure := a.peer(r)
	proxy := &httputil.ReverseProxy{
		Transport: a.between,
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = p.In.Host // a page's origin is compared with it
			p.Out.Header["X-Forwarded-For"] = p.In.Header["X-Forwarded-For"]
			p.SetXForwarded()
			if secure { // to whoever stands before this node
				p.Out.Header.Set("X-Forwarded-Proto", "https")
			}
			p.Out.Header.Set(forwardedHeader, a.o.Node)
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			a.o.Logger.Debug("the node that leads does not answer", "leader", leader.Node, "error", err)
			api.WriteProblem(w, alert.Errorf(alert.CodeUnavailable, "the node that leads does not answer; repeat the request: it does no harm"))
		},
	}
	proxy.ServeHTTP(w, r.WithContext(ctx))
}

// console reports whether a request connects an officer's console.
func (a *App) console(r *http.Request) bool {
	if r.URL.Path != api.StreamPath {
		return false
	}
	c, ok := a.caller(r)
	return ok && a.heard(c) != nil
}

// changes reports whether a request may change the city. Signing in and out is a matter of this node.
func changes(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return false
	}
	return strings.HasPrefix(r.URL.Path, "/api/v1/") && !strings.HasPrefix(r.URL.Path, "/api/v1/login") && r.URL.Path != "/api/v1/logout"
}

// engine returns what takes commands: the writer, which under durability replicated answers when Redis has it too.
func (a *App) engine() api.Engine {
	if !a.o.Replicated || a.mirror.Mirror == nil {
		return a.seq
	}
	e := &replicated{Sequencer: a.seq, mirror: a.mirror.Mirror}
	a.metrics.Counter("banyan_unreplicated_total", "Commands answered without Redis under durability replicated, because it did not take them in time.",
		func() float64 { return float64(e.without.Load()) })
	return e
}

// replicated is a writer whose answers wait for Redis.
type replicated struct {
	*sequencer.Sequencer
	mirror  *redisstore.Mirror
	without atomic.Int64
}

// Do implements api.Engine.
func (e *replicated) Do(ctx context.Context, c dispatch.Command) (sequencer.Outcome, error) {
	out, err := e.Sequencer.Do(ctx, c)
	return e.confirm(ctx, out, err)
}

// Submit implements api.Engine.
func (e *replicated) Submit(ctx context.Context, c dispatch.Command) (func(context.Context) (sequencer.Outcome, error), error) {
	wait, err := e.Sequencer.Submit(ctx, c)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (sequencer.Outcome, error) {
		out, err := wait(ctx)
		return e.confirm(ctx, out, err)
	}, nil
}

// confirm waits until Redis has what a command made, or had made before. An alert is never refused because Redis is
// gone: it is in the journal, and the answer stands. Only who was deposed does not answer for it.
func (e *replicated) confirm(ctx context.Context, out sequencer.Outcome, err error) (sequencer.Outcome, error) {
	seq := out.Known
	if n := len(out.Events); n > 0 {
		seq = out.Events[n-1].Seq
	}
	if err != nil || seq == 0 {
		return out, err
	}
	ctx, cancel := context.WithTimeout(ctx, replicateWait)
	defer cancel()
	if e.mirror.Await(ctx, seq) == nil {
		return out, nil
	}
	if why := e.mirror.Refusal(); errors.Is(why, redisstore.ErrDeposed) || errors.Is(why, redisstore.ErrForeign) {
		return sequencer.Outcome{}, alert.Errorf(alert.CodeUnavailable, "another node leads by now; repeat the request: it does no harm")
	}
	e.without.Add(1)
	return out, nil
}

// doorway lets messages of sources in the way alerts come, once that is known.
type doorway struct{ a *App }

// Submit implements ingest.Engine.
func (d doorway) Submit(ctx context.Context, c dispatch.Command) (func(context.Context) (sequencer.Outcome, error), error) {
	return d.a.commands.Submit(ctx, c)
}

// leading runs what only who leads does: fetching from brokers and feeds, listening for silence, looking for what has
// expired. A node that has led once leads until it ends.
func (a *App) leading(ctx context.Context, run func(context.Context)) {
	for !a.seq.Leads() {
		pause(ctx, tailWait)
		if ctx.Err() != nil {
			return
		}
	}
	ctx, cancel := a.untilFailed(ctx)
	defer cancel()
	run(ctx)
}
