package push

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// patience is how long a test waits for something that must happen.
const patience = 20 * time.Second

// serverFrame is any frame of the server.
type serverFrame struct {
	Op         string          `json:"op"`
	Epoch      uint32          `json:"epoch"`
	Seq        uint64          `json:"seq"`
	From       uint64          `json:"from"`
	To         uint64          `json:"to"`
	Topics     []string        `json:"topics"`
	Count      int             `json:"count"`
	Reason     Reason          `json:"reason"`
	Code       string          `json:"code"`
	Detail     string          `json:"detail"`
	ID         json.RawMessage `json:"id"`
	ServerTime time.Time       `json:"server_time"`
	StaleSince time.Time       `json:"stale_since"`
	Events     []struct {
		Seq  uint64 `json:"seq"`
		Text string `json:"text"`
	} `json:"events"`
}

// rig is a hub behind a real HTTP server.
type rig struct {
	t      testing.TB
	hub    *Hub
	city   *city
	server *httptest.Server
	grant  Grant
}

// newRig starts a hub. Connections get small socket buffers where tight is set, so that a client which does
// not read is noticed after little.
func newRig(t testing.TB, o Options, tight bool) *rig {
	t.Helper()
	r := &rig{t: t, city: newCity(), grant: Grant{Name: "test"}}
	r.hub = NewHub(r.city, o)
	r.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.hub.Serve(w, q, r.grant) }))
	if tight {
		r.server.Listener = tightListener{r.server.Listener}
	}
	r.server.Start()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.hub.Close(ctx); err != nil {
			t.Errorf("Close: %v", err)
		}
		r.server.Close()
	})
	return r
}

const tightBytes = 4 << 10

type tightListener struct{ net.Listener }

func (l tightListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		err = c.(*net.TCPConn).SetWriteBuffer(tightBytes)
	}
	return c, err
}

// publish commits, applies and publishes one batch.
func (r *rig) publish(items ...Item) Batch {
	b := r.city.commit(items...)
	r.city.apply(b)
	r.hub.Publish(b)
	return b
}

// client is one test client.
type client struct {
	t  testing.TB
	ws *websocket.Conn
}

func (r *rig) url() string { return "ws" + strings.TrimPrefix(r.server.URL, "http") }

func (r *rig) dial(options ...func(*websocket.Dialer, http.Header)) *client {
	r.t.Helper()
	c, _, err := r.tryDial(options...)
	if err != nil {
		r.t.Fatalf("dial: %v", err)
	}
	return c
}

func (r *rig) tryDial(options ...func(*websocket.Dialer, http.Header)) (*client, *http.Response, error) {
	d, h := websocket.Dialer{HandshakeTimeout: patience, Subprotocols: []string{Subprotocol}, ReadBufferSize: 4 << 10}, http.Header{}
	for _, o := range options {
		o(&d, h)
	}
	ws, resp, err := d.Dial(r.url(), h)
	if err != nil {
		return nil, resp, err
	}
	r.t.Cleanup(func() { _ = ws.Close() })
	return &client{r.t, ws}, resp, nil
}

// tight gives a client a small receive buffer.
func tight(d *websocket.Dialer, _ http.Header) {
	d.NetDial = func(network, addr string) (net.Conn, error) {
		c, err := net.Dial(network, addr)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(tightBytes)
		}
		return c, err
	}
}

func (c *client) send(v any) {
	c.t.Helper()
	if err := c.ws.WriteJSON(v); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

func (c *client) subscribe(topics ...string) { c.t.Helper(); c.subscribeSince(nil, topics...) }

func (c *client) subscribeSince(since *position, topics ...string) {
	c.t.Helper()
	c.send(struct {
		Op     string    `json:"op"`
		Topics []string  `json:"topics"`
		Since  *position `json:"since,omitempty"`
	}{"subscribe", topics, since})
}

func (c *client) read() (f serverFrame, err error) {
	if err = c.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return f, err
	}
	_, b, err := c.ws.ReadMessage()
	if err != nil {
		return f, err
	}
	return f, json.Unmarshal(b, &f)
}

// next returns the next frame that is no heartbeat.
func (c *client) next() serverFrame {
	c.t.Helper()
	for {
		f, err := c.read()
		if err != nil {
			c.t.Fatalf("read: %v", err)
		}
		if f.Op != "heartbeat" {
			return f
		}
	}
}

// expect returns the next frame that is no heartbeat, which must be an op.
func (c *client) expect(op string) serverFrame {
	c.t.Helper()
	f := c.next()
	if f.Op != op {
		c.t.Fatalf("got %+v, want op %s", f, op)
	}
	return f
}

// expectClose reads up to the close frame, which must have the code.
func (c *client) expectClose(code int) {
	c.t.Helper()
	for {
		_, err := c.read()
		var ce *websocket.CloseError
		switch {
		case err == nil:
		case !errors.As(err, &ce) || ce.Code != code:
			c.t.Fatalf("got %v, want close %d", err, code)
		default:
			return
		}
	}
}

// events reads events frames up to sequence to and checks that they follow seq without a gap.
func (c *client) events(seq, to uint64) (seqs []uint64) {
	c.t.Helper()
	for seq < to {
		f := c.expect("events")
		if f.From != seq+1 || f.To < f.From {
			c.t.Fatalf("events from %d to %d do not follow %d", f.From, f.To, seq)
		}
		for _, e := range f.Events {
			if e.Seq < f.From || e.Seq > f.To || len(seqs) > 0 && e.Seq <= seqs[len(seqs)-1] {
				c.t.Fatalf("event %d is out of place in %d to %d after %v", e.Seq, f.From, f.To, seqs)
			}
			seqs = append(seqs, e.Seq)
		}
		seq = f.To
	}
	return seqs
}
