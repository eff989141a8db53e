// Command bench has peers do a part of Banyan's work in one run on one machine: an event of 500 bytes, published
// by itself, until the last of a number of websocket receivers has it. Nothing here is durable: no peer waits for
// a disk. Beside them stands the floor, a frame made once and written to every gorilla connection in a loop.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/gorilla/websocket"
)

const payloadBytes = 500

// peer is something that pushes to websockets.
type peer struct {
	name string
	// start returns the address receivers connect to, what they say first, how to publish, and how to stop.
	start func() (*service, error)
}

// service is a peer that runs.
type service struct {
	url       string
	protocols []string
	binary    bool
	hello     []string // sent by a receiver, one answer or more is read
	ready     string   // in the answer after which a receiver is subscribed
	publish   func([]byte) error
	stop      func()
}

var peers = []peer{{"bare gorilla loop (floor)", startFloor}, {"centrifuge with history", startCentrifuge}, {"nats-server websocket", startNATS}}

func main() {
	receivers := flag.Int("receivers", 1000, "websocket receivers")
	rounds := flag.Int("rounds", 200, "events, one after the other")
	flag.Parse()
	floor := time.Duration(0)
	for _, p := range peers {
		h, err := measure(p, *receivers, *rounds)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", p.name, err)
			os.Exit(1)
		}
		p50, p99 := time.Duration(h.ValueAtQuantile(50)), time.Duration(h.ValueAtQuantile(99))
		if floor == 0 {
			floor = p50
		}
		fmt.Printf("%-28s last of %d: p50 %10v  p99 %10v  %.2f × floor\n", p.name, *receivers, p50.Round(time.Microsecond), p99.Round(time.Microsecond), float64(p50)/float64(floor))
	}
}

// round is one event on its way.
type round struct {
	left atomic.Int64
	done chan struct{}
}

func measure(p peer, n, rounds int) (*hdrhistogram.Histogram, error) {
	s, err := p.start()
	if err != nil {
		return nil, err
	}
	defer s.stop()
	var now atomic.Pointer[round]
	var readers sync.WaitGroup
	conns := make([]*websocket.Conn, 0, n)
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
		readers.Wait()
	}()
	for range n {
		c, err := s.receive()
		if err != nil {
			return nil, err
		}
		conns = append(conns, c)
		readers.Go(func() { read(c, &now) })
	}
	h := hdrhistogram.New(1000, int64(time.Minute), 3)
	for i := range rounds {
		r := &round{done: make(chan struct{})}
		r.left.Store(int64(n))
		now.Store(r)
		event := fmt.Sprintf(`{"n":1%05d,"text":%q}`, i, strings.Repeat("x", payloadBytes-30))
		began := time.Now()
		if err := s.publish([]byte(event)); err != nil {
			return nil, err
		}
		select {
		case <-r.done:
		case <-time.After(30 * time.Second):
			return nil, fmt.Errorf("%d receivers never got event %d", r.left.Load(), i)
		}
		if err := h.RecordValue(int64(time.Since(began))); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// receive connects a receiver and subscribes it.
func (s *service) receive() (*websocket.Conn, error) {
	d := websocket.Dialer{Subprotocols: s.protocols}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, _, err := d.DialContext(ctx, s.url, http.Header{})
	if err != nil {
		return nil, err
	}
	kind := websocket.TextMessage
	if s.binary {
		kind = websocket.BinaryMessage
	}
	for _, m := range s.hello {
		if err := c.WriteMessage(kind, []byte(m)); err != nil {
			return nil, err
		}
	}
	for s.ready != "" {
		_, b, err := c.ReadMessage()
		if err != nil {
			return nil, err
		}
		if strings.Contains(string(b), `"error"`) {
			return nil, fmt.Errorf("a receiver was answered %s", b)
		}
		if strings.Contains(string(b), s.ready) {
			break
		}
	}
	return c, nil
}

// read counts an event at its receiver: every message that is as large as one.
func read(c *websocket.Conn, now *atomic.Pointer[round]) {
	size := 0
	for {
		_, b, err := c.ReadMessage()
		if err != nil {
			return
		}
		if size += len(b); size < payloadBytes-20 { // a control message, or the head of an event
			continue
		}
		size = 0
		if r := now.Load(); r.left.Add(-1) == 0 {
			close(r.done)
		}
	}
}
