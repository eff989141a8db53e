package push

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// position is where a client stands: at an event, named by its sequence and its epoch.
type position struct {
	Epoch uint32 `json:"epoch"`
	Seq   uint64 `json:"seq"`
}

// before reports whether p is older than q, whichever history is that of the city.
func (p position) before(q position) bool {
	return p.Epoch < q.Epoch || p.Epoch == q.Epoch && p.Seq < q.Seq
}

// clientFrame is what a client sends.
type clientFrame struct {
	Op     string          `json:"op"`
	Topics []string        `json:"topics"`
	Since  *position       `json:"since"`
	ID     json.RawMessage `json:"id"`
	Seq    uint64          `json:"seq"` // of drawn
}

var requestBuffers = sync.Pool{New: func() any { return new([MaxClientFrameBytes + 1]byte) }}

// read is the connection's reader goroutine: it answers requests until the connection ends, which it then
// clears away.
func (c *conn) read() {
	answered := false // the client's close frame is here: it sends nothing more
	defer func() { c.end(answered) }()
	c.ws.SetPingHandler(func(data string) error {
		if err := c.admit(); err != nil {
			return err
		}
		c.answer(control(finPong, []byte(data)))
		return nil
	})
	c.ws.SetPongHandler(func(string) error { return c.admit() })
	for {
		kind, r, err := c.ws.NextReader()
		if err == nil {
			err = c.request(kind, r)
		}
		switch refusal := (*alert.Error)(nil); {
		case err == nil:
		case errors.As(err, &refusal):
			if c.refuse(refusal) {
				return
			}
		default: // of the network, or gorilla has answered a protocol error
			var ce *websocket.CloseError
			answered = errors.As(err, &ce)
			return
		}
	}
}

// admit notes a sign of life, and refuses one too many.
func (c *conn) admit() error {
	now := c.hub.nanos()
	c.heard.Store(now)
	if f := c.grant.Heard; f != nil {
		f()
	}
	if !c.requests.take(now, requestsPerSecond, requestBurst) {
		e := alert.Errorf(alert.CodeRateLimited, "more than %d frames a second: send fewer", requestsPerSecond)
		c.refuse(e)
		c.close(websocket.ClosePolicyViolation, string(e.Code))
		return errShut
	}
	return nil
}

var errShut = errors.New("push: the connection was closed by us")

// refuse tells the client of err, ends the connection where the table says so, and reports whether it did.
func (c *conn) refuse(err error) bool {
	c.answer(errorFrame(err))
	code := closeOf[alert.CodeOf(err)]
	if code == 0 {
		return false
	}
	if f := c.hub.o.Hooks.Internal; f != nil && code == websocket.CloseInternalServerErr {
		f(err)
	}
	c.close(code, string(alert.CodeOf(err)))
	return true
}

// request reads and serves one frame.
func (c *conn) request(kind int, r io.Reader) error {
	if err := c.admit(); err != nil {
		return err
	}
	if kind != websocket.TextMessage {
		return alert.Errorf(alert.CodeUnsupportedType, "requests are text frames of JSON")
	}
	buf := requestBuffers.Get().(*[MaxClientFrameBytes + 1]byte)
	defer requestBuffers.Put(buf)
	n, err := io.ReadFull(r, buf[:])
	switch {
	case err == nil:
		return alert.Errorf(alert.CodeTooLarge, "a request is at most %d bytes long", MaxClientFrameBytes)
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		return err
	}
	f, err := parseClientFrame(buf[:n])
	if err != nil {
		return err
	}
	switch f.Op {
	case "subscribe":
		return c.subscribe(&f)
	case "unsubscribe":
		c.unsubscribe()
	case "drawn":
		c.drawn(f.Seq)
	case "ping":
		c.answer(pongFrame(f.ID, c.hub.o.Now()))
	}
	return nil
}

// parseClientFrame reads a request. Members it does not know are let through: a newer client may send them.
func parseClientFrame(b []byte) (clientFrame, error) {
	var f clientFrame
	if err := json.Unmarshal(b, &f); err != nil {
		return f, alert.Errorf(alert.CodeMalformed, "the frame is not the JSON of a request: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	switch f.Op {
	case "subscribe":
		switch {
		case len(f.Topics) == 0:
			return f, invalid("subscribe needs topics, such as [\"wall\"]")
		case len(f.Topics) > MaxTopics:
			return f, invalid("subscribe has %d topics, at most %d are taken", len(f.Topics), MaxTopics)
		}
	case "ping":
		if f.ID = bytes.TrimSpace(f.ID); len(f.ID) > maxPingIDBytes || len(f.ID) > 0 && f.ID[0] != '"' && f.ID[0] != '-' && (f.ID[0] < '0' || f.ID[0] > '9') {
			return f, invalid("the id of a ping is a number or a string, at most %d bytes long", maxPingIDBytes)
		}
	case "unsubscribe", "drawn":
	case "":
		return f, invalid("op is missing: subscribe, unsubscribe, drawn or ping")
	default:
		return f, invalid("op %.40q is not known: subscribe, unsubscribe, drawn or ping", f.Op)
	}
	return f, nil
}

// subscribe replaces the connection's subscription. The old one ends here, also when the new one is refused
// by the state; one that is wrong in itself or not allowed changes nothing.
func (c *conn) subscribe(f *clientFrame) error {
	if !c.subscribes.take(c.hub.nanos(), subscribesPerSecond, subscribeBurst) {
		return alert.Errorf(alert.CodeRateLimited, "more than %d subscribes at once, or %d a second: wait a second", subscribeBurst, subscribesPerSecond)
	}
	topics := make([]Topic, 0, len(f.Topics))
	for _, name := range f.Topics {
		t, err := ParseTopic(name)
		if err != nil {
			return err
		}
		if c.grant.Allow != nil {
			if err := c.grant.Allow(t); err != nil {
				return coded(err)
			}
		}
		topics = append(topics, t)
	}
	sub, err := newSubscription(topics, c.grant.Redacted, c.grant.Department)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.gen++
	gen := c.gen
	c.sub, c.behind, c.reached, c.tries = sub, false, position{}, 0
	c.mu.Unlock()
	if f.Since != nil {
		c.await(*f.Since) // before the gate: who waits keeps nobody from passing
	}
	c.hub.gate.pass(nil, c.hub.stop, func() { err = c.open(gen, sub, f.Since) }) // a hub that stops opens nothing more
	return err
}

// open sends what a subscription begins with.
func (c *conn) open(gen uint32, sub *subscription, since *position) error {
	reason := ReasonSubscribed
	if since != nil {
		if reason = c.resume(gen, sub, *since); reason == "" {
			return nil
		}
	}
	if err := c.snapshot(gen, sub, reason, position{}); err != nil {
		c.unsubscribe()
		return err
	}
	return nil
}

// coded makes sure that an error is one the read loop tells the client of.
func coded(err error) error {
	if e := (*alert.Error)(nil); errors.As(err, &e) {
		return e
	}
	return &alert.Error{Code: alert.CodeInternal, Detail: err.Error()}
}

// unsubscribe ends the subscription; the connection goes on with heartbeats.
func (c *conn) unsubscribe() {
	c.mu.Lock()
	c.gen++
	gen := c.gen
	c.sub, c.behind = nil, false
	c.mu.Unlock()
	c.shard.ask(request{what: leave, c: c, gen: gen})
}

// end clears a connection away. After a close frame that the client has not answered it waits a while for the
// other side to end first: closing with something unread would throw away what the client has not taken yet,
// the close frame included.
func (c *conn) end(answered bool) {
	defer c.hub.readers.Done()
	c.mu.Lock()
	c.shut = true
	polite, lane := c.saidClose && !answered, c.lane
	c.mu.Unlock()
	if tcp, ok := c.nc.(*net.TCPConn); ok && polite && !lane {
		_ = tcp.CloseWrite() // fails only where nothing is left to close
	}
	if polite {
		_ = c.nc.SetReadDeadline(time.Now().Add(closeWait))
		_, _ = io.CopyN(io.Discard, c.nc, maxLingerBytes) // until the end, the deadline or the bound: all the same
	}
	_ = c.nc.Close()
	c.shard.load.Add(-1)
	c.shard.ask(request{what: detach, c: c})
	c.hub.mu.Lock()
	delete(c.hub.conns, c)
	c.hub.mu.Unlock()
	c.hub.release(c.grant.Name)
}
