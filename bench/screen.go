package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Screens are read by what costs the driver least and every service the same: one goroutine and one buffer each,
// frames taken apart without being copied out, and nothing of the event looked at but its number.

const (
	readBytes   = 64 << 10
	headBytes   = 120 // of a frame of Banyan's, in which "to" stands
	dialTimeout = 20 * time.Second
)

// Opcodes of RFC 6455 section 5.2.
const (
	opText   = 1
	opBinary = 2
	opPing   = 9
	opPong   = 10
)

// moment is when a screen had an event, and with Banyan all before it.
type moment struct {
	key uint64
	at  int64 // nanoseconds of clock
}

// screen is one receiver.
type screen struct {
	conn    net.Conn
	keys    keys
	upTo    bool          // keys say that all before them are there
	got     atomic.Uint64 // the last key, or else how many
	bytes   atomic.Int64
	ended   atomic.Bool
	moments []moment // of its reader until that has ended
}

// keys finds the numbers of events in what comes.
type keys interface {
	// frame is given a frame piece by piece; first says that it begins here. It calls found for every number.
	frame(piece []byte, first bool, found func(uint64))
}

var clockBegan = time.Now()

// clock is a monotonic time in nanoseconds.
func clock() int64 { return int64(time.Since(clockBegan)) }

// dial opens a websocket, says hello and reads until ready stands in what comes.
func (s *service) dial() (*screen, error) {
	u, err := url.Parse(s.url)
	if err != nil {
		return nil, err
	}
	c, err := net.DialTimeout("tcp", u.Host, dialTimeout)
	if err != nil {
		return nil, err
	}
	sc := &screen{conn: c, keys: s.keys(), upTo: s.upTo}
	if err := sc.open(u, s); err != nil {
		_ = c.Close()
		return nil, err
	}
	return sc, nil
}

func (sc *screen) open(u *url.URL, s *service) error {
	if err := sc.conn.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return err
	}
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // never fails
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n", u.RequestURI(), u.Host, base64.StdEncoding.EncodeToString(nonce))
	if s.protocol != "" {
		fmt.Fprintf(&b, "Sec-WebSocket-Protocol: %s\r\n", s.protocol)
	}
	if s.token != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", s.token)
	}
	if _, err := io.WriteString(sc.conn, b.String()+"\r\n"); err != nil {
		return err
	}
	r := bufio.NewReaderSize(sc.conn, readBytes)
	answer, err := http.ReadResponse(r, nil)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("%s answered a screen %s", u.Host, answer.Status)
	}
	for _, hello := range s.hello {
		if err := sc.write(s.opcode, []byte(hello)); err != nil {
			return err
		}
	}
	for ready := false; !ready; { // one whole frame after the other, the first may be megabytes
		_, body, err := readFrame(r)
		if err != nil {
			return err
		}
		ready = bytes.Contains(body[:min(len(body), 4<<10)], []byte(s.ready))
	}
	if r.Buffered() > 0 {
		sc.conn = &ahead{Conn: sc.conn, r: r}
	}
	return sc.conn.SetDeadline(time.Time{})
}

// ahead gives first what was read ahead.
type ahead struct {
	net.Conn
	r *bufio.Reader
}

func (a *ahead) Read(b []byte) (int, error) {
	if a.r == nil || a.r.Buffered() == 0 {
		a.r = nil
		return a.Conn.Read(b)
	}
	return a.r.Read(b)
}

func readFrame(r *bufio.Reader) (op byte, body []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, nil, err
	}
	if _, err := io.ReadFull(r, head[2:2+extraBytes(head[1])]); err != nil {
		return 0, nil, err
	}
	body = make([]byte, payloadOf(head[:]))
	_, err = io.ReadFull(r, body)
	return head[0] & 15, body, err
}

// extraBytes is how many bytes of length follow the first two of a frame from a server.
func extraBytes(second byte) int {
	switch second & 127 {
	case 126:
		return 2
	case 127:
		return 8
	}
	return 0
}

func payloadOf(head []byte) uint64 {
	switch n := head[1] & 127; n {
	case 126:
		return uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		return binary.BigEndian.Uint64(head[2:])
	default:
		return uint64(n)
	}
}

// write sends a frame masked with nothing, as RFC 6455 allows for the mask 0.
func (sc *screen) write(op byte, payload []byte) error {
	b := []byte{0x80 | op}
	if n := len(payload); n < 126 {
		b = append(b, 0x80|byte(n))
	} else {
		b = append(b, 0x80|126, byte(n>>8), byte(n))
	}
	_, err := sc.conn.Write(append(append(b, 0, 0, 0, 0), payload...))
	return err
}

// read notes every event until the connection ends.
func (sc *screen) read() {
	defer sc.ended.Store(true)
	buf := make([]byte, readBytes)
	var head []byte // of the frame that has begun, while it is not whole
	var left uint64 // of its payload
	first, op := false, byte(0)
	found := func(key uint64) {
		sc.moments = append(sc.moments, moment{key, clock()})
		if sc.upTo {
			sc.got.Store(key)
		} else {
			sc.got.Add(1)
		}
	}
	for {
		n, err := sc.conn.Read(buf)
		if err != nil {
			return
		}
		sc.bytes.Add(int64(n))
		for b := buf[:n]; len(b) > 0; {
			if left == 0 {
				want := 2
				if len(head) >= 2 {
					want += extraBytes(head[1])
				}
				if len(head) < want {
					take := min(want-len(head), len(b))
					head, b = append(head, b[:take]...), b[take:]
				}
				if len(head) < 2 || len(head) < 2+extraBytes(head[1]) {
					continue
				}
				left, op, first, head = payloadOf(head), head[0]&15, true, head[:0]
				if left == 0 && op == opPing {
					_ = sc.write(opPong, nil)
				}
				continue
			}
			piece := b[:min(uint64(len(b)), left)]
			b, left = b[len(piece):], left-uint64(len(piece))
			switch op {
			case opPing:
				if left == 0 {
					_ = sc.write(opPong, piece)
				}
			default:
				sc.keys.frame(piece, first, found)
			}
			first = false
		}
	}
}

// reaches reads how far a frame of Banyan's goes, in its head.
type reaches struct{ head []byte }

func (k *reaches) frame(piece []byte, first bool, found func(uint64)) {
	if first {
		k.head = k.head[:0]
	}
	if len(k.head) == headBytes {
		return
	}
	k.head = append(k.head, piece[:min(len(piece), headBytes-len(k.head))]...)
	if len(k.head) < 24 {
		return
	}
	member := []byte(`"to":`)
	if bytes.HasPrefix(k.head, []byte(`{"op":"snapshot"`)) {
		member = []byte(`"seq":`)
	}
	i := bytes.Index(k.head, member)
	if i < 0 {
		return
	}
	digits := k.head[i+len(member):]
	end := bytes.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
	if end <= 0 {
		return
	}
	if n, err := strconv.ParseUint(string(digits[:end]), 10, 64); err == nil {
		k.head = append(k.head, make([]byte, headBytes-len(k.head))...) // what is behind is never looked at
		found(n)
	}
}

// numbers finds the ids of alerts wherever they stand, also across frames.
type numbers struct{ text []byte }

const (
	idMark   = `"id":"bench-`
	idDigits = 8
)

func (k *numbers) frame(piece []byte, _ bool, found func(uint64)) {
	k.text = append(k.text, piece...)
	at := 0
	for {
		i := bytes.Index(k.text[at:], []byte(idMark))
		if i < 0 {
			at = max(at, len(k.text)-len(idMark)+1)
			break
		}
		digits := at + i + len(idMark)
		if digits+idDigits > len(k.text) {
			at += i
			break
		}
		if n, err := strconv.ParseUint(string(k.text[digits:digits+idDigits]), 10, 64); err == nil {
			found(n)
		}
		at = digits + idDigits
	}
	k.text = append(k.text[:0], k.text[at:]...)
}
