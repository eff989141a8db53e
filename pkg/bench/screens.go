package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// arrivals tells when the last of a number of readers has what is waited for.
type arrivals struct {
	target atomic.Uint64
	left   atomic.Int64
	done   chan time.Time
}

// expect begins to wait for target at n readers.
func (a *arrivals) expect(target uint64, n int) {
	a.left.Store(int64(n))
	a.target.Store(target)
}

// reader reads frames until the connection ends and reports each target it reaches.
func (a *arrivals) reader(ws *websocket.Conn) {
	seen := uint64(0)
	for {
		_, frame, err := ws.ReadMessage()
		if err != nil {
			return
		}
		target := a.target.Load()
		if target > seen && reaches(frame) >= target {
			seen = target
			if a.left.Add(-1) == 0 {
				a.done <- time.Now()
			}
		}
	}
}

var (
	toMember  = []byte(`"to":`)
	seqMember = []byte(`"seq":`)
)

// reaches returns up to which sequence an events frame or a snapshot goes, 0 for any other frame.
func reaches(frame []byte) uint64 {
	head, member := frame[:min(len(frame), 120)], toMember
	if bytes.HasPrefix(head, []byte(`{"op":"snapshot"`)) {
		member = seqMember
	}
	i := bytes.Index(head, member)
	if i < 0 {
		return 0
	}
	digits := head[i+len(member):]
	end := bytes.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
	n, _ := strconv.ParseUint(string(digits[:max(end, 0)]), 10, 64)
	return n
}

// screens measures from the POST of an alert to its frame at the last of n walls.
func (b *bench) screens(ctx context.Context) error {
	b.printf("alert POST → frame at the last of n walls\n")
	defer b.printf("\n")
	for _, n := range b.o.Walls {
		if err := b.lastOf(ctx, "walls", n, b.o.Rounds); err != nil {
			return err
		}
	}
	return nil
}

// lastOf measures n walls beside bare writes to as many connections.
func (b *bench) lastOf(ctx context.Context, part string, n, rounds int) error {
	floor, err := b.bareFan(ctx, n, rounds)
	if err != nil {
		return fmt.Errorf("bare fan-out to %d: %w", n, err)
	}
	real, err := b.fan(ctx, n, rounds)
	if err != nil {
		return fmt.Errorf("%d walls: %w", n, err)
	}
	sum := b.httpFloor.p50 + b.syncFloor.p50 + floor.p50
	f := real.figure(part, fmt.Sprintf("POST → last of %d walls", n), rounds).
		beside(ofP50, ms(sum), fmt.Sprintf("HTTP %v + sync %v + bare writes %v", b.httpFloor.p50.Round(time.Microsecond), b.syncFloor.p50.Round(time.Microsecond), floor.p50.Round(time.Microsecond)))
	switch n {
	case 1:
		limit := b.httpFloor.p50 + time.Duration(aimCommits*float64(b.syncFloor.p50)) + floor.p50
		f = f.aim(real.p50 <= limit, "HTTP + %v × sync + one way = %.3f ms", aimCommits, ms(limit))
	case aimFanWalls:
		limit := time.Duration(aimFan*float64(floor.p50)) + b.syncFloor.p50
		f = f.aim(real.p50 <= limit, "%v × bare writes + sync = %.2f ms", aimFan, ms(limit))
	}
	b.tell(f)
	return nil
}

// fan connects n walls and posts alerts one after the other.
func (b *bench) fan(ctx context.Context, n, rounds int) (quantiles, error) {
	a := &arrivals{done: make(chan time.Time, 1)}
	a.target.Store(^uint64(0))
	var readers sync.WaitGroup
	walls := make([]*websocket.Conn, 0, n)
	defer func() {
		for _, ws := range walls {
			_ = ws.Close()
		}
		readers.Wait()
	}()
	url := "ws" + strings.TrimPrefix(b.URL, "http") + "/api/v1/stream"
	header := http.Header{"Authorization": {"Bearer " + b.WallToken}, "Sec-WebSocket-Protocol": {"banyan.v1"}}
	for range n {
		ws, _, err := websocket.DefaultDialer.DialContext(ctx, url, header)
		if err != nil {
			return quantiles{}, err
		}
		walls = append(walls, ws)
		if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"op":"subscribe","topics":["wall"]}`)); err != nil {
			return quantiles{}, err
		}
		if _, _, err := ws.ReadMessage(); err != nil { // the snapshot
			return quantiles{}, err
		}
	}
	first, err := b.post(ctx, b.alerts(), b.body()) // where the city stands
	if err != nil {
		return quantiles{}, err
	}
	for _, ws := range walls {
		readers.Go(func() { a.reader(ws) })
	}
	next := first.Seq + uint64(len(first.Tasks)) + 1
	took := make([]time.Duration, 0, rounds)
	for range rounds {
		a.expect(next, n)
		body := b.body()
		began := time.Now()
		r, err := b.post(ctx, b.alerts(), body)
		if err != nil {
			return quantiles{}, err
		}
		last, err := a.wait(ctx)
		if err != nil {
			return quantiles{}, err
		}
		took = append(took, last.Sub(began))
		next = r.Seq + uint64(len(r.Tasks)) + 1
	}
	return quantilesOf(took), nil
}

func (a *arrivals) wait(ctx context.Context) (time.Time, error) {
	t := time.NewTimer(30 * time.Second)
	defer t.Stop()
	select {
	case at := <-a.done:
		return at, nil
	case <-t.C:
		return time.Time{}, fmt.Errorf("%d screens never got event %d", a.left.Load(), a.target.Load())
	case <-ctx.Done():
		return time.Time{}, ctx.Err()
	}
}

// bareFan writes one ready-made frame to n gorilla connections from GOMAXPROCS goroutines, nothing else.
func (b *bench) bareFan(ctx context.Context, n, rounds int) (quantiles, error) {
	conns := make(chan net.Conn, n)
	up := websocket.Upgrader{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ws, err := up.Upgrade(w, r, nil); err == nil {
			conns <- ws.NetConn()
		}
	}))
	defer s.Close()
	a := &arrivals{done: make(chan time.Time, 1)}
	a.target.Store(^uint64(0))
	var readers sync.WaitGroup
	var clients []*websocket.Conn
	var servers []net.Conn
	defer func() {
		for i := range clients {
			_ = clients[i].Close()
			_ = servers[i].Close()
		}
		readers.Wait()
	}()
	for range n {
		ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws"+strings.TrimPrefix(s.URL, "http"), nil)
		if err != nil {
			return quantiles{}, err
		}
		clients, servers = append(clients, ws), append(servers, <-conns)
		readers.Go(func() { a.reader(ws) })
	}
	took := make([]time.Duration, 0, rounds)
	for i := range rounds {
		a.expect(uint64(i+1), n)
		frame := textFrame(fmt.Appendf(nil, `{"op":"events","from":1,"to":%d,"pad":"%0480d"}`, i+1, i))
		began := time.Now()
		for part := range runtime.GOMAXPROCS(0) {
			go func() {
				for k := part; k < n; k += runtime.GOMAXPROCS(0) {
					_, _ = servers[k].Write(frame) // a reader that misses it is found by wait
				}
			}()
		}
		last, err := a.wait(ctx)
		if err != nil {
			return quantiles{}, err
		}
		took = append(took, last.Sub(began))
	}
	return quantilesOf(took), nil
}

// textFrame is an unmasked text frame of less than 64 KiB (RFC 6455 section 5.2).
func textFrame(payload []byte) []byte {
	return append([]byte{0x81, 126, byte(len(payload) >> 8), byte(len(payload))}, payload...)
}
