package push

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// masked returns a frame as a client sends it.
func masked(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	mask := [maskBytes]byte{1, 0xaa, 3, 0xff}
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%maskBytes])
	}
	return b
}

// TestFramesComeInPieces sends requests in fragments with control frames between them, cut where it happens, over a plain
// socket and over TLS. Each request is answered, in order.
func TestFramesComeInPieces(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("tls=%v", secure), func(t *testing.T) {
			r := newRig(t, Options{}, false)
			seed := uint64(time.Now().UnixNano())
			rnd := rand.New(rand.NewPCG(seed, 0))
			c := r.dial()
			if secure {
				c = r.dialTLS()
			}
			const requests = 12 // a sign of life each, in at most 4 frames: within the burst
			var stream []byte
			for i := range requests {
				text := fmt.Sprintf(`{"op":"ping","id":%d,"pad":"%s"}`, i, strings.Repeat("x", rnd.IntN(MaxClientFrameBytes-40)))
				if i == 0 {
					text = `{"op":"ping","id":0,"pad":"` + strings.Repeat("x", MaxClientFrameBytes-29) + `"}` // as long as may be
				}
				if rnd.IntN(2) == 0 {
					stream = append(stream, masked(0x80|opText, text)...)
					continue
				}
				cut := rnd.IntN(len(text) + 1)
				stream = append(stream, masked(opText, text[:cut])...)
				if rnd.IntN(2) == 0 {
					stream = append(stream, masked(0x80|opPing, strings.Repeat("p", rnd.IntN(maxControlBytes+1)))...)
				}
				stream = append(stream, masked(opContinuation, "")...)
				stream = append(stream, masked(0x80|opContinuation, text[cut:])...)
			}
			sent := make(chan error, 1)
			go func() {
				for len(stream) > 0 {
					n := min(len(stream), 1+rnd.IntN(3000))
					if _, err := c.ws.NetConn().Write(stream[:n]); err != nil {
						sent <- err
						return
					}
					stream = stream[n:]
				}
				sent <- nil
			}()
			for i := range requests {
				if f := c.expect("pong"); string(f.ID) != fmt.Sprint(i) {
					t.Fatalf("seed %d: got the pong of %s, want %d", seed, f.ID, i)
				}
			}
			if err := <-sent; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// dialTLS connects through a listener of its own that speaks TLS.
func (r *rig) dialTLS() *client {
	r.t.Helper()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.hub.Serve(w, q, r.grant) }))
	r.t.Cleanup(s.Close)
	d := websocket.Dialer{HandshakeTimeout: patience, Subprotocols: []string{Subprotocol}, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	ws, _, err := d.Dial("wss"+strings.TrimPrefix(s.URL, "https"), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = ws.Close() })
	return &client{r.t, ws}
}

// TestWhatNoWebsocketClientSends is refused with close 1002, and told apart from what only waits for its rest.
func TestWhatNoWebsocketClientSends(t *testing.T) {
	r := newRig(t, Options{}, false)
	for name, bytes := range map[string][]byte{
		"not masked":                 {0x80 | opText, 1, '{'},
		"reserved bit":               masked(0xc0|opText, "{}"),
		"reserved opcode":            masked(0x80|3, ""),
		"reserved control opcode":    masked(0x80|11, ""),
		"control frame in fragments": masked(opPing, ""),
		"long control frame":         masked(0x80|opPing, strings.Repeat("x", maxControlBytes+1)),
		"continuation of nothing":    masked(0x80|opContinuation, "{}"),
		"text within fragments":      append(masked(opText, "{"), masked(0x80|opText, "}")...),
		"half a close code":          masked(0x80|opClose, "\x03"),
		"close code of nobody":       masked(0x80|opClose, "\x03\xed"),
		"close reason no text":       masked(0x80|opClose, "\x03\xe8\xff"),
	} {
		t.Run(name, func(t *testing.T) {
			c := r.dial()
			c.t = t
			if _, err := c.ws.NetConn().Write(bytes); err != nil {
				t.Fatal(err)
			}
			c.expectClose(websocket.CloseProtocolError)
		})
	}
}

// TestFragmentsTogetherAreBounded refuses a request whose parts are each short enough.
func TestFragmentsTogetherAreBounded(t *testing.T) {
	r := newRig(t, Options{}, false)
	c := r.dial()
	part := strings.Repeat("x", MaxClientFrameBytes/2)
	stream := append(masked(opText, part), masked(opContinuation, part)...)
	if _, err := c.ws.NetConn().Write(append(stream, masked(0x80|opContinuation, "x")...)); err != nil {
		t.Fatal(err)
	}
	if f := c.expect("error"); f.Code != "too_large" {
		t.Fatalf("got %+v", f)
	}
	c.expectClose(websocket.CloseMessageTooBig)
}

// TestGlanceHasRoom has as much waiting as there may be: all parts of the longest request, and a control frame of which the
// last byte is still to come. What is read next must fit behind it.
func TestGlanceHasRoom(t *testing.T) {
	ping := masked(0x80|opPing, strings.Repeat("p", maxControlBytes))
	stream := append(masked(opText, strings.Repeat("x", MaxClientFrameBytes)), ping...)
	stream = append(stream, masked(0x80|opContinuation, "")...)
	if whole, parts := readAll(stream, len(stream)), readAll(stream, len(ping)-1); whole != parts || !strings.Contains(whole, "request ") {
		t.Errorf("whole:\n%.200s\nin pieces:\n%.200s", whole, parts)
	}
	for cut := range len(stream) {
		_ = readAll(stream[:cut], cut+1)
	}
}

// TestCloseIsAnswered repeats the client's code, and an empty close for none.
func TestCloseIsAnswered(t *testing.T) {
	r := newRig(t, Options{}, false)
	for _, code := range []int{websocket.CloseNoStatusReceived, websocket.CloseNormalClosure, 4321} {
		c := r.dial()
		if err := c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		c.expectClose(code)
	}
	eventually(t, func() bool { return r.hub.Stats().Connections == 0 })
}

// FuzzInbound cuts anything at all into pieces: what is read does not depend on where, and nothing is read beyond a buffer.
func FuzzInbound(f *testing.F) {
	f.Add(append(masked(opText, `{"op":`), masked(0x80|opContinuation, `"ping"}`)...), uint16(3))
	f.Add(masked(0x80|opText, strings.Repeat("x", 300)), uint16(100))
	f.Fuzz(func(t *testing.T, data []byte, piece uint16) {
		whole, parts := readAll(data, len(data)+1), readAll(data, int(piece)+1)
		if whole != parts {
			t.Fatalf("whole:\n%s\nin pieces of %d:\n%s", whole, int(piece)+1, parts)
		}
	})
}

// readAll tells of every frame and request in data, which comes piece by piece.
func readAll(data []byte, piece int) string {
	var in inbound
	var b strings.Builder
	for len(data) > 0 {
		n := copy(in.free(), data[:min(piece, len(data))])
		in.end, data = in.end+n, data[n:]
		for {
			f, ok, err := in.next()
			if err != nil {
				fmt.Fprintf(&b, "error %v", err)
				return b.String()
			}
			if !ok {
				if len(in.free()) < glanceBytes {
					panic("no room for what the next glance finds")
				}
				break
			}
			fmt.Fprintf(&b, "%v %d %q\n", f.fin, f.opcode, f.payload)
			switch {
			case f.opcode >= opClose || f.fin && !in.begun:
				in.drop(f)
			default:
				if in.fragment(f); f.fin {
					fmt.Fprintf(&b, "request %q\n", in.b[:in.message])
					in.whole()
				}
			}
		}
	}
	return b.String()
}
