package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/push"
)

// Who sends a request to a gateway, keys, people and sessions, only the nodes know. A gateway asks the one that leads with
// the credentials it was sent, and believes the answer for a moment.

// Times and bounds of what a gateway remembers of its callers.
const (
	callerFresh    = 10 * time.Second // a key or session that has ended is let in no longer than that
	callerKept     = 5 * time.Minute  // or than that, while no node answers
	maxCallers     = 50_000
	maxCallersAsks = 64 // at once
	maxMeBytes     = 64 << 10
	maxTokenBytes  = 1 << 10
)

// errUnknownCaller means that the node that leads knows no such key or session.
var errUnknownCaller = errors.New("no such key or session")

// credential is what a request carries to say who sends it.
type credential struct {
	kind  string // bearer, basic or cookie
	token string
	plain string // of basic: the header as it came
}

func (c *credential) id() string {
	sum := sha256.Sum256([]byte(c.kind + " " + c.token))
	return hex.EncodeToString(sum[:])
}

// callers remembers who has which credentials.
type callers struct {
	ask   func(context.Context, credential) (api.Caller, error) // errUnknownCaller: nobody
	now   func() time.Time
	slots chan struct{}

	mu  sync.Mutex
	all map[string]*known // by id of the credential
}

// known is one credential and whose it is.
type known struct {
	credential
	caller api.Caller
	at     time.Time     // when a node last said so; zero: not yet
	asking chan struct{} // closed when the question under way is answered; nil: none is
	err    error         // of the last question
}

func newCallers(ask func(context.Context, credential) (api.Caller, error), now func() time.Time) *callers {
	return &callers{ask: ask, now: now, slots: make(chan struct{}, maxCallersAsks), all: map[string]*known{}}
}

// who returns whose a credential is: as a node said a moment ago, or else as one says now. Those who come with the same
// at once have one question asked. The error is errUnknownCaller, or says that nobody can tell.
func (c *callers) who(ctx context.Context, cred credential) (api.Caller, error) {
	id := cred.id()
	c.mu.Lock()
	k := c.all[id]
	if k == nil {
		c.room()
		k = &known{credential: cred}
		c.all[id] = k
	}
	if !k.at.IsZero() && c.now().Sub(k.at) <= callerFresh {
		defer c.mu.Unlock()
		return k.caller, nil
	}
	asking := c.begin(id, k)
	c.mu.Unlock()
	select {
	case <-asking:
	case <-ctx.Done():
		return api.Caller{}, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case k.err == nil, !errors.Is(k.err, errUnknownCaller) && c.holds(k):
		return k.caller, nil
	}
	return api.Caller{}, k.err
}

// holds reports whether what was said of a credential still counts while nobody says anything. mu is held.
func (c *callers) holds(k *known) bool {
	return !k.at.IsZero() && c.now().Sub(k.at) <= callerKept && (!k.caller.Person || c.now().Before(k.caller.Expires))
}

// begin asks about a credential, unless that is under way. mu is held.
func (c *callers) begin(id string, k *known) <-chan struct{} {
	if k.asking != nil {
		return k.asking
	}
	done := make(chan struct{})
	k.asking = done
	go func() { // whoever asked first may leave: the others wait on
		ctx, cancel := context.WithTimeout(context.Background(), nodeTimeout)
		defer cancel()
		var caller api.Caller
		var err error
		select {
		case c.slots <- struct{}{}:
			caller, err = c.ask(ctx, k.credential)
			<-c.slots
		case <-ctx.Done():
			err = errors.New("too many credentials are asked about at once")
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if k.err, k.asking = err, nil; err == nil {
			k.caller, k.at = caller, c.now()
		} else if (errors.Is(err, errUnknownCaller) || !c.holds(k)) && c.all[id] == k {
			delete(c.all, id)
		}
		close(done)
	}()
	return done
}

// forget has a credential asked about anew.
func (c *callers) forget(cred credential) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.all, cred.id())
}

// room forgets what has not been asked about for long, and some at all where that is not enough. mu is held.
func (c *callers) room() {
	if len(c.all) < maxCallers {
		return
	}
	for id, k := range c.all {
		if k.asking == nil && !c.holds(k) {
			delete(c.all, id)
		}
	}
	for id, k := range c.all {
		if len(c.all) < maxCallers-maxCallers/10 { // so that it is long until the next time
			return
		}
		if k.asking == nil {
			delete(c.all, id)
		}
	}
}

// whoIs asks the node that leads whose a credential is.
func (a *App) whoIs(ctx context.Context, cred credential) (api.Caller, error) {
	leader := a.cluster.leader.Load()
	if leader == nil {
		return api.Caller{}, errors.New("no node leads just now")
	}
	r, err := nodeRequest(ctx, leader.Address, "/api/v1/me")
	if err != nil {
		return api.Caller{}, err
	}
	switch cred.kind {
	case "bearer":
		r.Header.Set("Authorization", "Bearer "+cred.token)
	case "basic":
		r.Header.Set("Authorization", cred.plain)
	default: // whether the node takes this for TLS depends on what it knows of proxies: the cookie has two names
		r.AddCookie(api.SessionCookie(cred.token, false))
		r.AddCookie(api.SessionCookie(cred.token, true))
	}
	answer, err := a.between.RoundTrip(r)
	if err != nil {
		return api.Caller{}, err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized:
		return api.Caller{}, errUnknownCaller
	default:
		return api.Caller{}, fmt.Errorf("asked who somebody is, %s answers %s", leader.Node, answer.Status)
	}
	var me api.Me
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxMeBytes)).Decode(&me); err != nil {
		return api.Caller{}, err
	}
	return callerFrom(me, cred.token), nil
}

// callerFrom makes a caller of what a node says of them.
func callerFrom(me api.Me, token string) api.Caller {
	c := api.Caller{Person: me.User != "", Roles: me.Roles, Source: me.Source, Key: "user/" + me.User,
		Actor: alert.Actor{Seat: me.Seat, Department: me.Department, Name: me.Name, User: me.User}}
	if me.Expires != nil {
		c.Expires = *me.Expires
	}
	if !c.Person { // the id of a key is the beginning of its hash
		sum := sha256.Sum256([]byte(token))
		c.Key = hex.EncodeToString(sum[:])[:12]
	}
	return c
}

// credentialOf returns what a request carries, false for nothing.
func (a *App) credentialOf(r *http.Request) (credential, bool) {
	if token := push.TokenFromRequest(r); token != "" {
		return credential{kind: "bearer", token: token}, len(token) <= maxTokenBytes
	}
	if _, token, ok := r.BasicAuth(); ok && token != "" {
		return credential{"basic", token, r.Header.Get("Authorization")}, len(token) <= maxTokenBytes
	}
	_, secure := a.peer(r)
	token := api.SessionToken(r, secure)
	return credential{kind: "cookie", token: token}, token != ""
}

type knownKey struct{}

// knownCaller returns who gatewayHandler has found out sends a request.
func knownCaller(r *http.Request) (api.Caller, bool) {
	c, ok := r.Context().Value(knownKey{}).(api.Caller)
	return c, ok
}

// shownHere is what a gateway answers from the state it holds.
var shownHere = map[string]bool{
	"/api/v1/stream": true, "/api/v1/node": true, "/api/v1/me": true, "/api/v1/incidents": true, "/api/v1/seats": true, "/api/v1/statistics/now": true,
	"/api/v1/city": true, "/api/v1/areas": true, "/api/v1/areas/locate": true, "/api/v1/areas.geojson": true, "/api/v1/cells.geojson": true,
}

// gatewayHandler answers what a gateway knows, and passes everything else on to the node that leads; consoles too, whose
// connection shows that a seat is held.
func (a *App) gatewayHandler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case strings.HasPrefix(path, "/api/") && !(reads && shownHere[path]):
			a.passOn(w, r)
			if cred, ok := a.credentialOf(r); ok && path == "/api/v1/logout" {
				a.gateway.callers.forget(cred)
			}
			return
		case !strings.HasPrefix(path, "/api/") && !strings.HasPrefix(path, "/openapi") && path != "/metrics": // pages and health, for anybody
			next.ServeHTTP(w, r)
			return
		}
		if cred, ok := a.credentialOf(r); ok {
			c, err := a.gateway.callers.who(r.Context(), cred)
			if err != nil && !errors.Is(err, errUnknownCaller) {
				a.o.Logger.Debug("who sends a request is not known", "error", err)
				api.WriteProblem(w, alert.Errorf(alert.CodeUnavailable, "no node can say just now who you are; repeat the request"))
				return
			}
			if err == nil {
				if path == "/api/v1/stream" && a.heard(c) != nil {
					a.passOn(w, r)
					return
				}
				c.Seat = seatNamed(r)
				r = r.WithContext(context.WithValue(r.Context(), knownKey{}, c))
			}
		}
		if path != "/api/v1/node" && path != "/metrics" && !a.gateway.has.Load() {
			api.WriteProblem(w, alert.Errorf(alert.CodeUnavailable, "this gateway has no state to show yet: %s", a.gateway.waiting()))
			return
		}
		next.ServeHTTP(w, r)
	})
}
