package push

import (
	"bufio"
	"net"
	"net/http"
	"time"
)

// wire is the connection as gorilla sees it. Reads go straight through. Writes, which gorilla makes only of
// the answer to the upgrade and of control frames, take the same way as ours once the connection is a client's.
type wire struct {
	net.Conn
	c *conn // nil until the upgrade is answered
}

// Write implements net.Conn. It takes p whole or drops it: an answer to a client that is at its end.
func (w *wire) Write(p []byte) (int, error) {
	if w.c == nil {
		return w.Conn.Write(p)
	}
	own := append([]byte(nil), p...) // gorilla uses its buffer again, and p may have to wait
	if len(p) >= 2 && p[0] == finClose {
		w.c.echoClose(own)
	} else {
		w.c.answer(own)
	}
	return len(p), nil
}

// SetWriteDeadline implements net.Conn. Deadlines of writes belong to the slow lane.
func (w *wire) SetWriteDeadline(t time.Time) error {
	if w.c == nil {
		return w.Conn.SetWriteDeadline(t)
	}
	return nil
}

// echoClose sends a close frame that gorilla made: the answer to the client's, or a protocol error.
func (c *conn) echoClose(frame []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		return
	}
	c.write(piece{b: frame})
	code := 1005 // RFC 6455: none was given
	if len(frame) >= 4 {
		code = int(frame[2])<<8 | int(frame[3])
	}
	c.endedWith(code)
}

// hijacker hands gorilla a wire where it takes the connection over, through whatever wraps the writer.
type hijacker struct {
	http.ResponseWriter
	wire *wire // on its own: it outlives the request and must not keep it alive
}

// Hijack implements http.Hijacker.
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, brw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.wire = &wire{Conn: nc}
	return h.wire, brw, nil
}
