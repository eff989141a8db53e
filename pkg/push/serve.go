package push

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/websocket"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Subprotocol is the websocket subprotocol spoken here.
const Subprotocol = "banyan.v1"

const (
	bearerProtocol   = "bearer."
	retryAfterSecond = 1
)

// TokenFromRequest returns the bearer token of r, "" for none: that of the Authorization header or else of a
// subprotocol bearer.TOKEN, which is what a browser can send. The query string is never looked at, because it
// ends up in logs.
func TokenFromRequest(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(token)
	}
	for _, p := range websocket.Subprotocols(r) {
		if t, ok := strings.CutPrefix(p, bearerProtocol); ok {
			return t
		}
	}
	return ""
}

// Serve turns r into a websocket connection with the rights of g and returns; the connection goes on without
// the handler's goroutine, its request and its buffers. A request it refuses is answered through
// Options.Refuse.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, g Grant) {
	if offered := websocket.Subprotocols(r); len(offered) > 0 && !slices.Contains(offered, Subprotocol) {
		h.o.Refuse(w, r, alert.Errorf(alert.CodeInvalid, "the subprotocol %s must be among those offered", Subprotocol))
		return
	}
	if err := h.reserve(g.Name); err != nil {
		h.o.Refuse(w, r, err)
		return
	}
	if !h.gate.pass(r.Context().Done(), h.stop, func() { h.take(w, r, g) }) {
		h.release(g.Name)
		h.o.Refuse(w, r, alert.Errorf(alert.CodeUnavailable, "the server stops; connect again"))
	}
}

// take makes a client of a request for which a connection is reserved.
func (h *Hub) take(w http.ResponseWriter, r *http.Request, g Grant) {
	ws, err := h.upgrader.Upgrade(hijacker{w}, r, nil)
	if err != nil { // it has been answered, or the connection is gone
		h.release(g.Name)
		return
	}
	c := h.newConn(ws.NetConn(), g) // gorilla's own has no further use, and nothing was read yet
	if !h.register(c) {
		h.release(g.Name)
		_ = c.nc.Close()
		return
	}
	c.shard.ask(request{what: attach, c: c})
	go c.wait()
}

// reserve counts a connection that is to be.
func (h *Hub) reserve(name string) *alert.Error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closing:
		return alert.Errorf(alert.CodeUnavailable, "the server stops; connect again")
	case h.open >= h.o.MaxConns:
		return alert.Errorf(alert.CodeUnavailable, "%d connections are open, no more are taken; try again later", h.o.MaxConns)
	case h.perName[name] >= h.o.MaxConnsPerName:
		return alert.Errorf(alert.CodeRateLimited, "%d connections of this key are open, no more are taken; close some", h.o.MaxConnsPerName)
	}
	h.open++
	h.perName[name]++
	return nil
}

func (h *Hub) release(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open--
	if h.perName[name]--; h.perName[name] == 0 {
		delete(h.perName, name)
	}
}

// register makes c known to Close, and reports false when that has been called.
func (h *Hub) register(c *conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return false
	}
	h.conns[c] = struct{}{}
	h.readers.Add(1)
	c.shard = slices.MinFunc(h.shards, func(a, b *shard) int { return int(a.load.Load() - b.load.Load()) })
	c.shard.load.Add(1)
	return true
}

func (h *Hub) newConn(nc net.Conn, g Grant) *conn {
	c := &conn{hub: h, nc: nc, sock: newSocket(nc), grant: g, place: place{slot: -1}}
	c.heard.Store(h.nanos())
	return c
}

// hijacker lets gorilla take a connection over through whatever wraps the writer.
type hijacker struct{ http.ResponseWriter }

// Hijack implements http.Hijacker.
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(h.ResponseWriter).Hijack()
}

// originAllowed keeps pages of other sites from using a visitor's network to connect. Who is no browser sends
// no Origin.
func (h *Hub) originAllowed(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && (strings.EqualFold(u.Host, r.Host) || h.origins[canonicalOrigin(origin)])
}

func canonicalOrigin(s string) string { return strings.ToLower(strings.TrimRight(s, "/")) }

// upgradeRefused answers for gorilla, in our words.
func (h *Hub) upgradeRefused(w http.ResponseWriter, r *http.Request, status int, reason error) {
	switch {
	case status == http.StatusForbidden:
		h.o.Refuse(w, r, alert.Errorf(alert.CodeForbidden, "pages of origin %.100q may not connect; the server's configuration names those that may", r.Header.Get("Origin")))
	case status >= http.StatusInternalServerError:
		h.o.Refuse(w, r, alert.Errorf(alert.CodeInternal, "the connection could not be taken over"))
		if f := h.o.Hooks.Internal; f != nil {
			f(reason)
		}
	default:
		h.o.Refuse(w, r, alert.Errorf(alert.CodeMalformed, "%s", strings.TrimPrefix(reason.Error(), "websocket: ")))
	}
}

// refusePlainly is the Refuse of a hub on its own. The server's sends a problem document.
func refusePlainly(w http.ResponseWriter, _ *http.Request, e *alert.Error) {
	status := http.StatusBadRequest
	switch e.Code {
	case alert.CodeForbidden:
		status = http.StatusForbidden
	case alert.CodeRateLimited:
		status = http.StatusTooManyRequests
	case alert.CodeUnavailable:
		status = http.StatusServiceUnavailable
	case alert.CodeInternal:
		status = http.StatusInternalServerError
	}
	if e.Code == alert.CodeUnavailable || e.Code == alert.CodeRateLimited {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfterSecond))
	}
	http.Error(w, e.Detail, status)
}
