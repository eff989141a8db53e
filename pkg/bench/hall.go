package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// A hall is many walls, in a process of its own: what they read is no work of the centre's, nor of who posts alerts and
// times the answers. It takes orders as lines of JSON and answers each with one.

// order is what a hall is told to do.
type order struct {
	Do     string // connect, storm, join, settle or leave
	Server string // of connect: base URL
	Token  string
	Walls  int    // that read, or join
	Deaf   int    // that never read
	Seq    uint64 // of settle: what every wall has to reach
}

// done is the answer to an order.
type done struct {
	Err     string
	Took    time.Duration   // of storm: from the first drop until every wall was served again
	Joined  []time.Duration // of join: from connecting until the whole snapshot was there
	Bytes   int64           // of the largest of those
	Arrived [][]arrival     // of leave: of each wall that is timed
}

// arrival is when a wall had reached a sequence.
type arrival struct {
	Seq uint64
	At  int64 // Unix nanoseconds
}

const (
	sampled    = 20 // one of so many walls is timed
	firstEpoch = 1  // of a centre that was just made
	headBytes  = 128
	patience   = 30 * time.Second
)

// Hall runs the walls that bench asks for over in and out, until in ends.
func Hall(ctx context.Context, in io.Reader, out io.Writer) error {
	h := &hall{}
	defer h.leave()
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		var d done
		var err error
		switch o.Do {
		case "connect":
			err = h.connect(ctx, o)
		case "storm":
			d.Took, err = h.storm(ctx)
		case "join":
			d.Joined, d.Bytes, err = h.join(ctx, o.Walls)
		case "settle":
			err = h.settle(ctx, o.Seq)
		case "leave":
			d.Arrived = h.leave()
		default:
			err = fmt.Errorf("order %q", o.Do)
		}
		if err != nil {
			d.Err = err.Error()
		}
		if err := answers.Encode(d); err != nil {
			return err
		}
	}
}

type hall struct {
	o       order
	walls   []*wall // those that never read come last
	readers sync.WaitGroup
}

// wall is a connection that reads, and when it got what, if it is one of those that are timed.
type wall struct {
	ws      *websocket.Conn
	timed   bool
	to      atomic.Uint64
	arrived []arrival // of its reader until that has ended
	served  chan struct{}
	once    sync.Once
}

func (h *hall) connect(ctx context.Context, o order) error {
	h.o = o
	for i := range o.Walls + o.Deaf {
		w := &wall{timed: i%sampled == 0, served: make(chan struct{})}
		if err := h.dial(ctx, w, `{"op":"subscribe","topics":["wall"]}`); err != nil {
			return err
		}
		h.walls = append(h.walls, w)
		if i < o.Walls {
			h.readers.Go(w.read)
		}
	}
	for _, w := range h.reading() {
		select {
		case <-w.served:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func (h *hall) reading() []*wall { return h.walls[:min(h.o.Walls, len(h.walls))] }

func (h *hall) dial(ctx context.Context, w *wall, first string) (err error) {
	url := "ws" + strings.TrimPrefix(h.o.Server, "http") + "/api/v1/stream"
	header := http.Header{"Authorization": {"Bearer " + h.o.Token}, "Sec-WebSocket-Protocol": {"banyan.v1"}}
	if w.ws, _, err = websocket.DefaultDialer.DialContext(ctx, url, header); err != nil {
		return err
	}
	return w.ws.WriteMessage(websocket.TextMessage, []byte(first))
}

// read notes how far a wall is until its connection ends. Of a frame it looks at no more than says that: the rest is thrown
// away in the kernel, because a hall on the machine of the centre must not take what a city's screens do not take from it.
func (w *wall) read() {
	nc := w.ws.NetConn()
	in := bufio.NewReaderSize(nc, 2*headBytes)
	for {
		op, size, err := frameBegins(in)
		if err != nil {
			return
		}
		head, err := in.Peek(int(min(size, headBytes)))
		if err != nil {
			return
		}
		to := reaches(head)
		if op == opPing {
			_ = w.ws.WriteControl(websocket.PongMessage, head, time.Now().Add(patience)) // a connection that is gone is seen by the next read
		}
		here := min(int64(in.Buffered()), size)
		_, _ = in.Discard(int(here)) // it is there
		if err := skip(nc, size-here); err != nil || op == opClose {
			return
		}
		if op != opText {
			continue
		}
		w.once.Do(func() { close(w.served) })
		if to <= w.to.Load() {
			continue
		}
		w.to.Store(to)
		if w.timed {
			w.arrived = append(w.arrived, arrival{to, time.Now().UnixNano()})
		}
	}
}

// What the first byte of a server's frame says; a centre sends whole frames (RFC 6455 section 5.2).
const (
	opText  = 0x81
	opClose = 0x88
	opPing  = 0x89
)

// frameBegins reads the header of a frame of a server.
func frameBegins(in *bufio.Reader) (op byte, size int64, err error) {
	var b [8]byte
	if _, err = io.ReadFull(in, b[:2]); err != nil {
		return 0, 0, err
	}
	op, size = b[0], int64(b[1])
	longer := map[int64]int{126: 2, 127: 8}[size]
	if longer == 0 {
		return op, size, nil
	}
	clear(b[:])
	_, err = io.ReadFull(in, b[8-longer:])
	return op, int64(binary.BigEndian.Uint64(b[:])), err
}

// storm cuts every wall at once, and has all of them come back where they were at once.
func (h *hall) storm(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	for _, w := range h.walls {
		_ = w.ws.Close()
	}
	h.readers.Wait()
	errs := make(chan error, len(h.walls))
	for _, w := range h.walls {
		go func() {
			w.served, w.once = make(chan struct{}), sync.Once{}
			err := h.dial(ctx, w, fmt.Sprintf(`{"op":"subscribe","topics":["wall"],"since":{"epoch":%d,"seq":%d}}`, firstEpoch, w.to.Load()))
			if err == nil {
				h.readers.Go(w.read)
				select {
				case <-w.served:
				case <-time.After(patience):
					err = fmt.Errorf("not served within %v of its subscription", patience)
				}
			}
			errs <- err
		}()
	}
	var failed error
	n := 0
	for range h.walls {
		if err := <-errs; err != nil {
			n, failed = n+1, err // one says as much as thousands
		}
	}
	if failed != nil {
		failed = fmt.Errorf("%d of %d walls that came back: %w", n, len(h.walls), failed)
	}
	return time.Since(began), failed
}

// join connects n walls at once, which leave again when each has its snapshot.
func (h *hall) join(ctx context.Context, n int) (took []time.Duration, bytes int64, failed error) {
	type joined struct {
		took  time.Duration
		bytes int64
		err   error
	}
	all := make(chan joined, n)
	for range n {
		go func() {
			var w wall
			var j joined
			began := time.Now()
			if j.err = h.dial(ctx, &w, `{"op":"subscribe","topics":["wall"]}`); j.err == nil {
				var r io.Reader
				if _, r, j.err = w.ws.NextReader(); j.err == nil {
					j.bytes, j.err = io.Copy(io.Discard, r)
				}
				_ = w.ws.Close()
			}
			j.took = time.Since(began)
			all <- j
		}()
	}
	for range n {
		j := <-all
		took, bytes, failed = append(took, j.took), max(bytes, j.bytes), errors.Join(failed, j.err)
	}
	return took, bytes, failed
}

// settle waits until every wall that reads has reached a sequence.
func (h *hall) settle(ctx context.Context, last uint64) error {
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		behind := 0
		for _, w := range h.reading() {
			if w.to.Load() < last {
				behind++
			}
		}
		switch {
		case behind == 0:
			return nil
		case time.Now().After(end):
			return fmt.Errorf("%d walls never got event %d", behind, last)
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// leave ends all connections and returns what the timed walls had when.
func (h *hall) leave() (arrived [][]arrival) {
	for _, w := range h.walls {
		if w.ws != nil {
			_ = w.ws.Close()
		}
	}
	h.readers.Wait()
	for _, w := range h.reading() {
		if w.timed {
			arrived = append(arrived, w.arrived)
		}
	}
	h.walls = nil
	return arrived
}

// hired is a hall as who gives the orders sees it.
type hired struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	orders  *json.Encoder
	answers *json.Decoder
}

// hire starts a hall.
func hire(cmd *exec.Cmd) (h *hired, err error) {
	h = &hired{cmd: cmd}
	if h.in, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	h.orders, h.answers = json.NewEncoder(h.in), json.NewDecoder(bufio.NewReader(out))
	return h, cmd.Start()
}

func (h *hired) order(o order) (d done, err error) {
	if err = h.orders.Encode(o); err == nil {
		err = h.answers.Decode(&d)
	}
	if err != nil {
		return d, fmt.Errorf("the process of the walls: %w", err)
	}
	if d.Err != "" {
		return d, errors.New(d.Err)
	}
	return d, nil
}

// dismiss ends the hall.
func (h *hired) dismiss() error { return errors.Join(h.in.Close(), h.cmd.Wait()) }
