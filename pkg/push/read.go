package push

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"strings"
	"time"
	"unicode/utf8"

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

// A client that says nothing has a goroutine in wait; when something comes, another one serves it, so that the stack
// this takes is not kept for a client that is silent again. One of them owns the connection's life at a time.

// wait waits for what the client sends.
func (c *conn) wait() {
	var err error
	if c.sock.plain() {
		err = c.sock.wait(c.glance)
	} else {
		c.glanced, c.ended = c.nc.Read(c.first[:])
	}
	if err == nil {
		err = c.ended
	}
	if err != nil {
		c.end(err)
		return
	}
	go c.serve()
}

// glance reads the first of what has come, if something has.
func (c *conn) glance(fd uintptr) bool {
	c.glanced, c.ended = attemptOn(fd, c.first[:], false)
	return c.glanced > 0 || c.ended != nil
}

// serve serves what has come.
func (c *conn) serve() {
	if err := c.receive(); err != nil {
		c.end(err)
		return
	}
	go c.wait()
}

// receive reads and serves until nothing more is there. What it leaves in c.in is the beginning of something.
func (c *conn) receive() error {
	if c.in == nil {
		c.in = inbounds.Get().(*inbound)
	}
	c.in.end += copy(c.in.free(), c.first[:c.glanced])
	for {
		for c.in != nil {
			f, ok, err := c.in.next()
			if err == nil && !ok {
				break
			}
			if err == nil {
				err = c.take(f)
			}
			if refusal := (*alert.Error)(nil); errors.As(err, &refusal) && !c.refuse(refusal) {
				err = nil
			}
			if err != nil {
				return err
			}
		}
		if c.in == nil {
			return nil
		}
		n, err := c.more()
		if c.in.end += n; err != nil {
			return err
		}
		if n == 0 {
			c.lendBack()
			return nil
		}
	}
}

// more reads what else is there. Where that can not be asked, it waits for the rest of what has begun.
func (c *conn) more() (int, error) {
	switch {
	case c.sock.plain():
		return c.sock.more(c.in.free())
	case c.in.empty():
		return 0, nil
	}
	return c.nc.Read(c.in.free())
}

// lendBack gives the buffer back when nothing is in it.
func (c *conn) lendBack() {
	if c.in.empty() {
		inbounds.Put(c.in)
		c.in = nil
	}
}

// take serves a frame.
func (c *conn) take(f frame) error {
	if err := c.admit(); err != nil {
		return err
	}
	in := c.in
	switch {
	case f.opcode == opClose:
		return c.closedBy(f.payload)
	case f.opcode == opPing:
		c.answer(control(finPong, f.payload))
		fallthrough
	case f.opcode == opPong:
		in.drop(f)
		return nil
	case !f.fin:
		in.fragment(f)
		return nil
	}
	kind, payload, done := f.opcode, f.payload, func() { in.drop(f) }
	if in.begun {
		in.fragment(f)
		kind, payload, done = in.opcode, in.b[:in.message], in.whole
	}
	if kind != opText {
		return alert.Errorf(alert.CodeUnsupportedType, "requests are text frames of JSON")
	}
	r, err := parseClientFrame(payload)
	done()
	c.lendBack() // before something that may have to wait
	if err != nil {
		return err
	}
	return c.request(&r)
}

// closedBy answers the client's close frame.
func (c *conn) closedBy(payload []byte) error {
	code, reply := websocket.CloseNoStatusReceived, control(finClose, nil)
	switch len(payload) {
	case 0:
	case 1:
		return protocolError("half a close code")
	default:
		code = int(binary.BigEndian.Uint16(payload))
		if !mayClose(code) || !utf8.Valid(payload[2:]) {
			return protocolError("bad close code or reason")
		}
		reply = closeFrame(code, "")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.shut {
		c.write(piece{b: reply})
		c.endedWith(code)
	}
	return errAnswered
}

// mayClose reports whether a client may give code (RFC 6455 section 7.4).
func mayClose(code int) bool {
	return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006 || code >= 3000 && code <= 4999
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

var (
	errShut     = errors.New("push: the connection was closed by us")
	errAnswered = errors.New("push: the client's close frame is here")
)

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

// request serves a request.
func (c *conn) request(f *clientFrame) error {
	switch f.Op {
	case "subscribe":
		return c.subscribe(f)
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

// end clears a connection away, of which nothing more is read because of why. After a close frame that the client has
// not answered it waits a while for the other side to end first: closing with something unread would throw away what the
// client has not taken yet, the close frame included.
func (c *conn) end(why error) {
	defer c.hub.readers.Done()
	if p := protocolError(""); errors.As(why, &p) {
		c.close(websocket.CloseProtocolError, string(p))
	}
	c.in = nil
	c.mu.Lock()
	c.shut = true
	polite, lane := c.saidClose && why != errAnswered, c.lane
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
