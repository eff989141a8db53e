package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Cluster is a city of one node and gateways, each a process of its own.
type Cluster struct {
	Node         string // base URL of who leads
	Gateways     []string
	SourceTokens []string
	WallToken    string
	Stop         func() error // ends them and removes what they kept
}

const (
	gatewayCount   = 3
	gatewayScreens = 2000 // at one node, and at each gateway
	gatewayTurns   = 2    // of what is compared
	gatewayRounds  = 50   // alerts a turn
	frameHead      = 128  // bytes of a frame that say how far it goes
)

// gatewayPart is screens that watch at some servers.
type gatewayPart struct {
	what    string
	servers []string
	each    int
	took    []time.Duration
}

// gateways measures, one alert after the other, when the last of many screens at three gateways has it, beside as many
// and fewer at the node itself. All processes share this machine's processors.
func (b *bench) gateways(ctx context.Context, _ Scenario) (err error) {
	RaiseFiles()
	c, err := b.o.Cluster(ctx, gatewayCount)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	b.Centre = &Centre{SourceTokens: c.SourceTokens}
	node := []string{c.Node}
	parts := []*gatewayPart{
		{what: fmt.Sprintf("last of %d at the node", gatewayScreens), servers: node, each: gatewayScreens},
		{what: fmt.Sprintf("last of %d at %d gateways", gatewayScreens, gatewayCount), servers: c.Gateways, each: gatewayScreens / gatewayCount},
		{what: fmt.Sprintf("last of %d at the node", gatewayCount*gatewayScreens), servers: node, each: gatewayCount * gatewayScreens},
		{what: fmt.Sprintf("last of %d × %d at %d gateways", gatewayCount, gatewayScreens, gatewayCount), servers: c.Gateways, each: gatewayScreens},
	}
	for range gatewayTurns {
		for _, p := range parts {
			if err := b.lastAt(ctx, c, p); err != nil {
				return fmt.Errorf("%s: %w", p.what, err)
			}
		}
	}
	floor := quantilesOf(parts[0].took)
	for _, p := range parts {
		b.tellGateways(p, floor)
	}
	return nil
}

// lastAt connects the screens of a part and posts alerts to the node, one after the other.
func (b *bench) lastAt(ctx context.Context, c *Cluster, p *gatewayPart) error {
	a := &arrivals{done: make(chan time.Time, 1)}
	a.target.Store(^uint64(0))
	var readers sync.WaitGroup
	var screens []*websocket.Conn
	defer func() {
		for _, ws := range screens {
			_ = ws.Close()
		}
		readers.Wait()
	}()
	header := http.Header{"Authorization": {"Bearer " + c.WallToken}, "Sec-WebSocket-Protocol": {"banyan.v1"}}
	for _, server := range p.servers {
		for range p.each {
			ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws"+strings.TrimPrefix(server, "http")+"/api/v1/stream", header)
			if err != nil {
				return err
			}
			screens = append(screens, ws)
			if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"op":"subscribe","topics":["wall"]}`)); err != nil {
				return err
			}
			if _, _, err := ws.ReadMessage(); err != nil { // the snapshot
				return err
			}
		}
	}
	for _, ws := range screens {
		readers.Go(func() { a.skim(ws) })
	}
	next := uint64(0) // the event of the next alert; 0: not known yet
	for measured := 0; measured < gatewayRounds; {
		if next > 0 {
			a.expect(next, len(screens))
		}
		body, began := b.body(), time.Now()
		r, err := b.post(ctx, c.Node+"/api/v1/alerts", body)
		if err != nil {
			return err
		}
		if next > 0 {
			last, err := a.wait(ctx)
			if err != nil {
				return err
			}
			if r.Seq == next { // else something has happened in between, and the wait was for that
				p.took = append(p.took, last.Sub(began))
				measured++
			}
		}
		next = r.Seq + uint64(len(r.Tasks)) + 1
	}
	return nil
}

// tellGateways prints what came of a part beside the node with its screens.
func (b *bench) tellGateways(p *gatewayPart, floor quantiles) {
	q := quantilesOf(p.took)
	f := q.figure("gateways", "POST → "+p.what, len(p.took))
	f.Max = ms(slices.Max(p.took))
	b.tell(f.beside(ofP99, ms(floor.p99), fmt.Sprintf("the node with %d", gatewayScreens)))
}

// skim is reader without keeping what is read.
func (a *arrivals) skim(ws *websocket.Conn) {
	var head [frameHead]byte
	seen := uint64(0)
	for {
		_, r, err := ws.NextReader()
		if err != nil {
			return
		}
		n, _ := io.ReadFull(r, head[:]) // a shorter frame ends here
		if _, err := io.Copy(io.Discard, r); err != nil {
			return
		}
		if target := a.target.Load(); target > seen && reaches(head[:n]) >= target {
			seen = target
			if a.left.Add(-1) == 0 {
				a.done <- time.Now()
			}
		}
	}
}
