package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/test/link"
)

// gated is a leader and a gateway, which reaches Redis over a link.
type gated struct {
	t       *testing.T
	dir     string // of the leader
	redis   string
	toRedis *link.Link
	toEast  *link.Link
	east    *centre
	gateway *centre
}

func newGated(t *testing.T, change ...func(*app.Options)) *gated {
	t.Helper()
	redis := startRedis(t)
	g := &gated{t: t, redis: redis, toRedis: link.New(t, redis), toEast: link.New(t, "127.0.0.1:1"), dir: t.TempDir()}
	o := options(t, g.dir)
	o.Redis, o.Node, o.Advertise = "redis://"+redis+"/0", "east", "http://"+g.toEast.Addr()
	for _, f := range change {
		f(&o)
	}
	g.east = run(t, o)
	g.toEast.To(g.east.app.Addr().String())
	eventually(t, "east leads", g.east.is("leader", func(s nodeStatus) bool { return s.Mirror.State == "current" }))
	g.gateway = runGateway(t, "redis://"+g.toRedis.Addr()+"/0", g.dir, g.east, change...)
	return g
}

// runGateway opens a gateway with a key of the node whose data folder is dir.
func runGateway(t *testing.T, redis, dir string, node *centre, change ...func(*app.Options)) *centre {
	t.Helper()
	token, err := auth.Add(dir, auth.Key{Role: auth.RoleGateway, Name: "gateway"})
	if err != nil {
		t.Fatal(err)
	}
	o := options(t, "")
	for _, f := range change {
		f(&o)
	}
	o.Redis, o.Node, o.GatewayKey = redis, "gateway", filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(o.GatewayKey, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := app.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &centre{tb: t, app: a, url: "http://" + a.Addr().String(), cancel: cancel, ended: make(chan error, 1), client: &http.Client{Timeout: patience, Transport: &http.Transport{}},
		source: node.source, officer: node.officer, wal: node.wal}
	go func() { c.ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-c.ended; err != nil {
			t.Errorf("the gateway ended with %v", err)
		}
		c.client.CloseIdleConnections()
	})
	eventually(t, "the gateway shows the city", c.is("gateway", func(s nodeStatus) bool { return s.Leader != "" && s.Seq > 0 && !s.Degraded }))
	return c
}

func (g *gated) shows(seq uint64) {
	g.t.Helper()
	eventually(g.t, fmt.Sprintf("the gateway shows %d", seq), g.gateway.is("gateway", func(s nodeStatus) bool { return s.Seq >= seq && !s.Degraded }))
}

// raw returns the next frame that is no heartbeat as it came.
func (s *screen) raw() (document map[string]any) {
	s.tb.Helper()
	for document = nil; document == nil || document["op"] == "heartbeat"; {
		if err := s.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			s.tb.Fatal(err)
		}
		document = nil
		if err := s.ws.ReadJSON(&document); err != nil {
			s.tb.Fatal(err)
		}
	}
	delete(document, "server_time")
	return document
}

// TestGatewayShowsWhatANodeShows compares what a node and a gateway answer and show, from the start on and after events.
func TestGatewayShowsWhatANodeShows(t *testing.T) {
	t.Parallel()
	g := newGated(t)
	walls := [2]*screen{g.east.connect(g.east.wal, false), g.gateway.connect(g.gateway.wal, false)}
	both := func(what string) {
		t.Helper()
		if node, gateway := walls[0].raw(), walls[1].raw(); !reflect.DeepEqual(node, gateway) || node["op"] != what {
			t.Fatalf("a node shows %v, a gateway %v", node, gateway)
		}
	}
	for _, s := range walls {
		s.subscribe(map[string]any{"topics": []string{"wall"}})
	}
	both("snapshot")
	last := uint64(0)
	for i := range 5 {
		last = g.gateway.post(i).Seq // passed on
		both("events")
	}
	g.shows(last)
	for _, s := range walls {
		s.subscribe(map[string]any{"topics": []string{"wall"}})
	}
	both("snapshot")
	for path, token := range map[string]string{"/api/v1/incidents": g.east.wal, "/api/v1/incidents?state=active": g.east.officer, "/api/v1/seats": g.east.officer, "/api/v1/city": g.east.wal,
		"/api/v1/areas": g.east.wal, "/api/v1/statistics/now": g.east.wal, "/api/v1/me": g.east.officer, "/api/v1/history/incidents?limit=1": g.east.wal, "/api/v1/none": g.east.wal} {
		code1, _, node, err1 := g.east.send(http.MethodGet, path, token, nil)
		code2, _, gateway, err2 := g.gateway.send(http.MethodGet, path, token, nil)
		if err := errors.Join(err1, err2); err != nil || code1 != code2 || !bytes.Equal(node, gateway) {
			t.Errorf("%s: %v: a node answers %d %.300s, a gateway %d %.300s", path, err, code1, node, code2, gateway)
		}
	}
	if _, err := g.gateway.app.Reload(t.Context()); err == nil { // on SIGHUP
		t.Error("a gateway reloads what it does not have")
	}
	g.gateway.must(http.StatusUnauthorized, http.MethodGet, "/api/v1/city", "bk_nobody", "", nil)
	g.gateway.must(http.StatusForbidden, http.MethodGet, "/api/v1/incidents", g.east.source, "", nil)
	g.gateway.must(http.StatusForbidden, http.MethodGet, "/api/v1/node/snapshot", g.east.officer, "", nil)
}

// TestPeopleAtAGateway: who signs in at a gateway signs in at the node that leads, and a console is connected to it.
func TestPeopleAtAGateway(t *testing.T) {
	t.Parallel()
	g := newGated(t)
	const password = "a hall of screens"
	if err := auth.AddUser(g.dir, auth.User{Name: "chen", Display: "陈志强", Department: "fire", Roles: []auth.Role{auth.RoleOfficer}}, password); err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Timeout: patience, Jar: jar, Transport: &http.Transport{}}
	defer c.CloseIdleConnections()
	call := func(method, path, body string, want int) string {
		t.Helper()
		r, err := http.NewRequest(method, g.gateway.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", g.gateway.url)
		answer, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		b, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != want {
			t.Fatalf("%s %s: %d %s %v, want %d", method, path, answer.StatusCode, b, err, want)
		}
		return string(b)
	}
	call(http.MethodGet, "/api/v1/me", "", http.StatusUnauthorized)
	call(http.MethodPost, "/api/v1/login", `{"name":"chen","password":"`+password+`"}`, http.StatusOK)
	for _, where := range []string{"/api/v1/me", "/api/v1/incidents", "/api/v1/sources"} { // the last is passed on
		call(http.MethodGet, where, "", http.StatusOK)
	}
	if me := call(http.MethodGet, "/api/v1/me", "", http.StatusOK); !strings.Contains(me, `"user":"chen"`) || !strings.Contains(me, `"expires"`) {
		t.Errorf("me: %s", me)
	}
	call(http.MethodPost, "/api/v1/seats/fire-1/sign-on", `{"reason":"顶班"}`, http.StatusOK)

	console := g.gateway.connect(g.gateway.officer, false)
	console.subscribe(map[string]any{"topics": []string{"wall"}})
	console.expect("snapshot")
	if at, here := g.east.screens(), g.gateway.screens(); at != 1 || here != 0 {
		t.Errorf("%d screens at the node that leads, %d at the gateway", at, here)
	}
	at, err := url.Parse(g.gateway.url)
	if err != nil {
		t.Fatal(err)
	}
	session := jar.Cookies(at)
	call(http.MethodPost, "/api/v1/logout", "", http.StatusNoContent)
	call(http.MethodGet, "/api/v1/me", "", http.StatusUnauthorized) // its cookie is gone
	jar.SetCookies(at, session)
	call(http.MethodGet, "/api/v1/me", "", http.StatusUnauthorized) // and worth nothing
}

// TestGatewayCutOff cuts a gateway off from Redis: alerts are passed on, and events come from the node that leads. Cut off
// from that too, its screens are told. When the cuts heal after the stream has lost what came meanwhile, the node that leads
// fills the gap.
func TestGatewayCutOff(t *testing.T) {
	t.Parallel()
	g := newGated(t)
	wall := g.gateway.connect(g.gateway.wal, false)
	wall.subscribe(map[string]any{"topics": []string{"wall"}})
	at := wall.expect("snapshot").Seq
	g.toRedis.Set(link.Cut)
	for i := range 3 {
		for seq := g.gateway.post(i).Seq; at < seq; {
			f := wall.expect("events")
			if f.From != at+1 {
				t.Fatalf("after %d: %d to %d", at, f.From, f.To)
			}
			at = f.To
		}
	}
	if err := g.gateway.is("gateway", func(s nodeStatus) bool { return s.Degraded && s.Mirror.State == "following" })(); err != nil {
		t.Error(err)
	}
	g.toEast.Set(link.Cut)
	for i := range 3 {
		g.east.post(3 + i)
	}
	g.gateway.must(http.StatusServiceUnavailable, http.MethodPost, "/api/v1/alerts", g.gateway.source, alert(9), nil)
	stale(t, wall)
	if err := g.gateway.is("gateway", func(s nodeStatus) bool { return s.Degraded && s.Mirror.State == "down" })(); err != nil {
		t.Error(err)
	}
	g.gateway.must(http.StatusServiceUnavailable, http.MethodGet, "/readyz", "", "", nil)
	late := g.gateway.connect(g.gateway.wal, false)
	late.subscribe(map[string]any{"topics": []string{"wall"}})
	if f := late.raw(); f["stale_since"] == nil || f["op"] != "snapshot" {
		t.Errorf("the snapshot of one who is cut off: %v", f)
	}

	host, port, _ := net.SplitHostPort(g.redis)
	if out, err := exec.Command("redis-cli", "-h", host, "-p", port, "XTRIM", "banyan:{"+g.city()+"}:events", "MAXLEN", "1").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	g.toRedis.Set(link.Open)
	seq := g.east.post(10).Seq
	g.toEast.Set(link.Open)
	for at < seq {
		f := wall.expect("events")
		if f.From != at+1 {
			t.Fatalf("after %d: %d to %d", at, f.From, f.To)
		}
		at = f.To
	}
	g.shows(seq)
	late.subscribe(map[string]any{"topics": []string{"wall", "incident:none"}})
	if f := late.raw(); f["stale_since"] != nil {
		t.Errorf("the snapshot of one who is cut off no longer: %v", f["stale_since"])
	}
	for seq := g.east.post(11).Seq; at < seq; {
		at = wall.expect("events").To
	}
}

func (g *gated) city() string {
	g.t.Helper()
	var city struct{ ID string }
	g.gateway.must(http.StatusOK, http.MethodGet, "/api/v1/city", g.gateway.wal, "", &city)
	return city.ID
}

// stale waits for a heartbeat that says that the server is cut off.
func stale(t *testing.T, s *screen) {
	t.Helper()
	for {
		if err := s.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, b, err := s.ws.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		var f struct {
			Op    string
			Stale *time.Time `json:"stale_since"`
		}
		if err := json.Unmarshal(b, &f); err != nil {
			t.Fatal(err)
		}
		if f.Op == "heartbeat" && f.Stale != nil {
			return
		}
	}
}

// TestGatewayLeavesAHistory has a gateway shown what the leader, cut off from Redis as the gateway is, then takes along when
// it is lost. The city goes on without it, and so does the gateway: its screens get a snapshot, and never see both.
func TestGatewayLeavesAHistory(t *testing.T) {
	t.Parallel()
	redis := startRedis(t)
	nodeLink, gatewayLink := link.New(t, redis), link.New(t, redis)
	east0, west0 := options(t, t.TempDir()), options(t, t.TempDir())
	east0.Redis, east0.Node = "redis://"+nodeLink.Addr()+"/0", "east"
	west0.Redis, west0.Node = "redis://"+redis+"/0", "west"
	east := run(t, east0)
	eventually(t, "east leads", east.is("leader", func(s nodeStatus) bool { return s.Mirror.State == "current" }))
	gateway := runGateway(t, "redis://"+gatewayLink.Addr()+"/0", east0.DataDir, east)
	keys, err := os.ReadFile(filepath.Join(east0.DataDir, auth.FileName))
	if err == nil {
		err = os.WriteFile(filepath.Join(west0.DataDir, auth.FileName), keys, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	west := run(t, west0)
	west.source, west.officer, west.wal = east.source, east.officer, east.wal
	shared := east.post(1).Seq
	eventually(t, "west follows", west.is("follower", func(s nodeStatus) bool { return s.Seq >= shared }))
	wall := gateway.connect(gateway.wal, false)
	wall.subscribe(map[string]any{"topics": []string{"wall"}})
	at := wall.expect("snapshot")
	for at.Seq < shared+2 { // and the tasks of that alert
		at.Seq = wall.expect("events").To
	}

	nodeLink.Set(link.Cut)
	gatewayLink.Set(link.Cut)
	alone := east.post(2)
	lost := wall.expect("events") // from the node that leads
	if lost.From != at.Seq+1 || lost.Events[0].IncidentID != alone.IncidentID {
		t.Fatalf("after %d: %+v, want %+v", at.Seq, lost, alone)
	}
	if err := east.stop(); err != nil && !app.Deposed(err) {
		t.Log("east:", err)
	}
	gatewayLink.Set(link.Open)
	eventually(t, "west leads", west.is("leader", func(s nodeStatus) bool { return true }))
	instead := west.post(3)
	if instead.Seq > lost.To {
		t.Fatalf("west's first event is %d: it was to have the place of one of %d to %d", instead.Seq, lost.From, lost.To)
	}
	f := wall.expect("snapshot")
	if f.Reason != "epoch_changed" || f.Epoch <= lost.Epoch {
		t.Errorf("snapshot: %s, epoch %d after %d", f.Reason, f.Epoch, lost.Epoch)
	}
	shown := map[string]bool{}
	for _, i := range f.Incidents {
		shown[i.ID] = true
	}
	if !shown[instead.IncidentID] || shown[alone.IncidentID] {
		t.Errorf("shown after it: %v", shown)
	}
	late := gateway.connect(gateway.wal, false)
	late.subscribe(map[string]any{"topics": []string{"wall"}, "since": map[string]any{"epoch": lost.Epoch, "seq": lost.To}})
	if f := late.expect("snapshot"); f.Reason != "epoch_changed" {
		t.Errorf("who comes back from there: %s", f.Reason)
	}
}

// TestGatewayKey: without a good key there is no gateway, and what is missing is said.
func TestGatewayKey(t *testing.T) {
	o := options(t, "")
	o.Redis, o.GatewayKey = "redis://127.0.0.1:1/0", filepath.Join(t.TempDir(), "key")
	for content, want := range map[string]string{"": "want one line", "a b\n": "want one line", strings.Repeat("x", 500): "want one line"} {
		if err := os.WriteFile(o.GatewayKey, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := app.Open(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", content, err)
		}
	}
	o.GatewayKey = filepath.Join(t.TempDir(), "none")
	if _, err := app.Open(o); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "banyan key add --role gateway") {
		t.Errorf("no file: %v", err)
	}
}
