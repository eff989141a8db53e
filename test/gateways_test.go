package test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

const (
	roamingScreens = 8
	leadersKilled  = 2
)

// gatewayRun is a city of two nodes and two gateways, what was accepted there and what screens were shown.
type gatewayRun struct {
	*nodeFaults
	gateways []*server
	accepted []uint64 // the events that 202s named
	posted   atomic.Int64
	ended    atomic.Uint64 // the last event; 0: not known yet
}

// TestGateways kills the leader twice under load that comes in by two gateways, while screens move from one gateway to the
// other. Each must be shown every event once, in order, and never need a second snapshot.
func TestGateways(t *testing.T) {
	t.Parallel()
	g := &gatewayRun{nodeFaults: &nodeFaults{t: t, seed: uint64(time.Now().UnixNano()), tokens: map[string]string{}, done: make(chan struct{})}}
	t.Logf("seed %d", g.seed)
	g.begin()
	g.layers()
	screens := make([]*roamer, roamingScreens)
	var watching, working sync.WaitGroup
	for i := range screens {
		screens[i] = &roamer{run: g, rng: rand.New(rand.NewPCG(g.seed, uint64(i))), shown: shown{events: map[uint64]string{}}}
		watching.Go(screens[i].roam)
	}
	for i := range g.gateways {
		working.Go(func() { g.work(i) })
	}
	for range leadersKilled {
		leader := g.settled(false)
		g.atLeast(g.posted.Load() + 30)
		leader.server.kill()
		g.atLeast(g.posted.Load() + 30) // the other leads
		g.launch(leader)
	}
	close(g.done)
	working.Wait()
	leader := g.settled(true)
	s, err := g.status(leader)
	if err != nil {
		t.Fatal(err)
	}
	g.ended.Store(s.Seq)
	watching.Wait()
	g.compare(screens, leader)
	for i := range g.gateways {
		g.checkStatus(i, s)
	}
}

func (g *gatewayRun) begin() {
	g.redis = startRedis(g.t)
	for _, name := range []string{"east", "west"} {
		port := openPort(g.t)
		g.nodes = append(g.nodes, &cityNode{name: name, dir: g.t.TempDir(), port: port, face: g.face("http://127.0.0.1:" + port)})
	}
	g.keys()
	key, err := auth.Add(g.nodes[0].dir, auth.Key{Role: auth.RoleGateway, Name: "gateway"})
	if err != nil {
		g.t.Fatal(err)
	}
	g.copyKeys()
	file := filepath.Join(g.t.TempDir(), "gateway.key")
	if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
		g.t.Fatal(err)
	}
	env := []string{"BANYAN_ROLE=gateway", "BANYAN_GATEWAY_KEY=" + file, "BANYAN_REDIS=redis://127.0.0.1:" + g.redis.port + "/0"}
	for range 2 { // they wait for the nodes
		dir := filepath.Join(g.t.TempDir(), "none")
		s := launch(g.t, dir, env...)
		s.ready(g.t)
		if code, answer, err := s.do(http.MethodGet, "/readyz", "", "", ""); err != nil || code != http.StatusServiceUnavailable {
			g.t.Errorf("a gateway without a city is ready: %d %s %v", code, answer, err)
		}
		if _, err := os.Stat(dir); err == nil {
			g.t.Error("a gateway has made a data folder")
		}
		g.gateways = append(g.gateways, s)
	}
	for _, n := range g.nodes {
		g.launch(n)
		n.server.ready(g.t)
	}
	g.settled(false)
	for _, s := range g.gateways {
		for code := 0; code != http.StatusOK; {
			if code, _, err = s.do(http.MethodGet, "/readyz", "", "", ""); err != nil {
				g.t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// layers: what a source measures is with the node that leads alone, and yet every node and gateway shows it.
func (g *gatewayRun) layers() {
	g.t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		g.t.Fatal(err)
	}
	body := fmt.Sprintf(`{"segment":"350102-0442-1","index":5.2,"minutes":6,"closed":false,"time":%q}`, time.Now().In(zone).Format("20060102150405"))
	if code, answer, err := g.gateways[0].do(http.MethodPost, "/api/v1/alerts", g.tokens["traffic"], "application/json", body); err != nil || code != http.StatusAccepted {
		g.t.Fatalf("a reading: %d %s %v", code, answer, err)
	}
	for _, s := range []*server{g.nodes[0].server, g.nodes[1].server, g.gateways[0], g.gateways[1]} {
		code, answer, err := s.do(http.MethodGet, "/api/v1/layers/traffic", g.wall, "", "")
		if err != nil || code != http.StatusOK || !strings.Contains(string(answer), `"id":"350102-0442-1"`) || !strings.Contains(string(answer), `"state":"slow"`) {
			g.t.Errorf("layers of %s: %d %.300s %v", s.url, code, answer, err)
		}
	}
}

func (g *gatewayRun) face(url string) *server {
	s := &server{url: url, client: &http.Client{Timeout: impatience, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	g.t.Cleanup(s.client.CloseIdleConnections)
	return s
}

// copyKeys gives the second node the keys of the first.
func (g *gatewayRun) copyKeys() {
	b, err := os.ReadFile(filepath.Join(g.nodes[0].dir, auth.FileName))
	if err == nil {
		err = os.WriteFile(filepath.Join(g.nodes[1].dir, auth.FileName), b, 0o600)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

// work sends alerts to one gateway after the other, each until it is accepted.
func (g *gatewayRun) work(i int) {
	faces := []*server{g.face(g.gateways[0].url), g.face(g.gateways[1].url)}
	for k := i; ; k++ {
		body := fmt.Sprintf(`{"id":"g%d-%d","type":"fire.building","occurred_at":%q,"location":{"lon":%f,"lat":26.08},"text":"烟"}`, i, k,
			time.Now().UTC().Format(time.RFC3339), 119.2+float64(k%200)*0.001)
		for accepted := false; !accepted; time.Sleep(5 * time.Millisecond) {
			select {
			case <-g.done:
				return
			default:
			}
			code, answer, err := faces[k%2].do(http.MethodPost, "/api/v1/alerts", g.tokens["fire-119"], "application/json", body)
			var r dispatch.Receipt
			switch {
			case err != nil || code == http.StatusServiceUnavailable:
				continue
			case code != http.StatusAccepted || json.Unmarshal(answer, &r) != nil:
				g.t.Errorf("%d %s", code, answer)
				return
			}
			accepted = true
			g.mu.Lock()
			g.accepted = append(g.accepted, r.Seq)
			g.mu.Unlock()
			g.posted.Add(1)
		}
	}
}

// atLeast waits until so many alerts were accepted.
func (g *gatewayRun) atLeast(n int64) {
	for deadline := time.Now().Add(patience); g.posted.Load() < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			g.t.Fatalf("%d alerts accepted after %v, want %d", g.posted.Load(), patience, n)
		}
	}
}

// roamer is a screen that moves between the gateways.
type roamer struct {
	run *gatewayRun
	rng *rand.Rand
	shown
	snapshots int
	at        int // gateway
}

func (r *roamer) roam() {
	for stays := true; stays; {
		r.at = 1 - r.at
		ended, err := r.visit(1 + r.rng.IntN(40))
		if err != nil {
			r.run.t.Errorf("a screen at %d-%d: %v", r.epoch, r.seq, err)
			return
		}
		stays = !ended
	}
}

// visit watches at one gateway for some frames, and reports whether everything was shown.
func (r *roamer) visit(frames int) (ended bool, err error) {
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(r.run.gateways[r.at].url, "http")+"/api/v1/stream",
		http.Header{"Authorization": {"Bearer " + r.run.wall}, "Sec-WebSocket-Protocol": {"banyan.v1"}})
	if err != nil {
		return false, err
	}
	defer ws.Close()
	request := map[string]any{"op": "subscribe", "topics": []string{"wall"}}
	if r.seq > 0 {
		request["since"] = map[string]any{"epoch": r.epoch, "seq": r.seq}
	}
	if err := ws.WriteJSON(request); err != nil {
		return false, err
	}
	for ; frames > 0; frames-- {
		if last := r.run.ended.Load(); last > 0 && r.seq >= last {
			return true, nil
		}
		var f wallFrame
		if err := ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return false, err
		}
		if err := ws.ReadJSON(&f); err != nil {
			return false, err
		}
		if f.Op == "snapshot" {
			if r.snapshots++; r.snapshots > 1 {
				return false, fmt.Errorf("a second snapshot: %s at %d-%d", f.Reason, f.Epoch, f.Seq)
			}
		}
		if f.Op == "events" && f.Epoch > r.epoch { // the next leader goes on
			r.epoch = f.Epoch
		}
		if wrong := r.take(&f); wrong != "" {
			return false, fmt.Errorf("%s: %+v", wrong, f)
		}
	}
	return false, nil
}

// compare holds what the screens were shown against a journal.
func (g *gatewayRun) compare(screens []*roamer, leader *cityNode) {
	for _, n := range g.nodes {
		n.server.kill()
	}
	events, epochs := map[uint64]string{}, map[uint32]bool{}
	if _, err := journal.Verify(filepath.Join(leader.dir, app.JournalDir), func(fr journal.Frame) error {
		epochs[fr.Epoch] = true
		rec, err := sequencer.DecodeRecord(fr.Payload)
		if err != nil {
			return err
		}
		decoded, err := rec.DecodeEvents()
		for _, e := range decoded {
			events[e.Seq] = string(e.Type) + " " + e.IncidentID
		}
		return err
	}); err != nil {
		g.t.Fatal(err)
	}
	resumed := 0
	for i, s := range screens {
		if s.snapshots != 1 {
			g.t.Errorf("screen %d got %d snapshots", i, s.snapshots)
		}
		first := g.ended.Load()
		for seq, event := range s.events {
			if first = min(first, seq); events[seq] != event {
				g.t.Errorf("screen %d was shown event %d as %q; the journal has %q", i, seq, event, events[seq])
			}
		}
		for _, seq := range g.accepted {
			if seq > first && s.events[seq] == "" {
				g.t.Errorf("screen %d was not shown event %d, which was accepted", i, seq)
			}
		}
		resumed += s.resumed
	}
	g.t.Logf("%d events in %d epochs, %d alerts accepted by gateways; %d screens resumed %d times", len(events), len(epochs), len(g.accepted), len(screens), resumed)
	if resumed < roamingScreens || len(epochs) <= leadersKilled {
		g.t.Error("too little happened for a test")
	}
}

// checkStatus looks at what a gateway says of itself when it shows the city.
func (g *gatewayRun) checkStatus(i int, want nodeStatus) {
	code, answer, err := g.gateways[i].do(http.MethodGet, "/api/v1/node", g.wall, "", "")
	var s nodeStatus
	if err == nil {
		err = json.Unmarshal(answer, &s)
	}
	if err != nil || code != http.StatusOK || s.Role != "gateway" || s.Seq != want.Seq || s.Epoch != want.Epoch {
		g.t.Errorf("gateway %d: %d %s %v; the leader was at %d-%d", i, code, answer, err, want.Epoch, want.Seq)
	}
}
