package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for something that must happen.
const patience = 20 * time.Second

const testCity = "../api/testdata/city"

func options(tb testing.TB, dir string) app.Options {
	tb.Helper()
	city, err := app.ReadCity(testCity)
	if err != nil {
		tb.Fatal(err)
	}
	return app.Options{City: city, DataDir: dir, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)}
}

// centre is a running centre and the keys to it.
type centre struct {
	tb                   testing.TB
	app                  *app.App
	url                  string
	source, officer, wal string
	client               *http.Client
	cancel               context.CancelFunc
	ended                chan error
}

// run opens a centre and lets it run until stop or the end of the test.
func run(tb testing.TB, o app.Options) *centre {
	tb.Helper()
	a, err := app.Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	c := &centre{tb: tb, app: a, url: "http://" + a.Addr().String(), ended: make(chan error, 1), client: &http.Client{Timeout: patience, Transport: &http.Transport{}}}
	for key, token := range map[auth.Key]*string{
		{Role: auth.RoleSource, Source: "fire-119"}:                            &c.source,
		{Role: auth.RoleOfficer, Seat: "centre-leader", Name: "centre-leader"}: &c.officer,
		{Role: auth.RoleWall, Name: "hall"}:                                    &c.wal,
	} {
		if *token, err = auth.Add(o.DataDir, key); err != nil {
			tb.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	go func() { c.ended <- a.Run(ctx) }()
	tb.Cleanup(func() {
		cancel()
		if c.ended != nil {
			<-c.ended
		}
		c.client.CloseIdleConnections()
	})
	return c
}

// stop asks for an orderly stop and returns how that went.
func (c *centre) stop() error {
	c.cancel()
	err := <-c.ended
	c.ended = nil
	return err
}

func (c *centre) send(method, path, token string, body io.Reader) (status int, header http.Header, answer []byte, err error) {
	req, err := http.NewRequest(method, c.url+path, body)
	if err != nil {
		return 0, nil, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, nil, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, answer, err
}

// must sends what must be answered with a status, and reads the answer into a document unless that is nil.
func (c *centre) must(status int, method, path, token, body string, into any) {
	c.tb.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	got, _, answer, err := c.send(method, path, token, r)
	if err == nil && got == status && into != nil {
		err = json.Unmarshal(answer, into)
	}
	if err != nil || got != status {
		c.tb.Fatalf("%s %s: %v: %d %s, want %d", method, path, err, got, answer, status)
	}
}

// alert is one, placed so that no two with different n are about one incident.
func alert(n int) string {
	return fmt.Sprintf(`{"id":"%d","type":"fire.vehicle","occurred_at":"2026-05-01T08:30:00+08:00","incident_ref":"%d","location":{"lon":119.25,"lat":26.05},"text":"车辆起火"}`, n, n)
}

// receipt is the answer to an accepted alert.
type receipt struct {
	AlertID    string `json:"alert_id"`
	IncidentID string `json:"incident_id"`
	Duplicate  bool
	Seq        uint64
	Tasks      []struct{ ID string }
}

func (c *centre) post(n int) (r receipt) {
	c.tb.Helper()
	c.must(http.StatusAccepted, http.MethodPost, "/api/v1/alerts", c.source, alert(n), &r)
	return r
}

// frame is any frame of the stream.
type frame struct {
	Op         string
	Epoch      uint32
	Seq        uint64
	From, To   uint64
	Reason     string
	Incidents  []struct{ ID string }
	Events     []event
	ServerTime time.Time `json:"server_time"`
}

type event struct {
	Seq        uint64
	Type       string
	IncidentID string `json:"incident_id"`
	Alert      json.RawMessage
}

// screen is a websocket.
type screen struct {
	tb testing.TB
	ws *websocket.Conn
}

// connect opens a websocket; a tight one takes little before it must be read.
func (c *centre) connect(token string, tight bool) *screen {
	c.tb.Helper()
	d := websocket.Dialer{HandshakeTimeout: patience, Subprotocols: []string{"banyan.v1", "bearer." + token}}
	if tight {
		d.NetDial = func(network, addr string) (net.Conn, error) {
			conn, err := net.Dial(network, addr)
			if err == nil {
				err = conn.(*net.TCPConn).SetReadBuffer(64 << 10)
			}
			return conn, err
		}
	}
	ws, _, err := d.Dial("ws"+strings.TrimPrefix(c.url, "http")+"/api/v1/stream", nil)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.tb.Cleanup(func() { _ = ws.Close() })
	return &screen{c.tb, ws}
}

func (s *screen) subscribe(request map[string]any) {
	s.tb.Helper()
	request["op"] = "subscribe"
	if err := s.ws.WriteJSON(request); err != nil {
		s.tb.Fatal(err)
	}
}

// next returns the next frame that is no heartbeat.
func (s *screen) next() (f frame) {
	s.tb.Helper()
	for f.Op = "heartbeat"; f.Op == "heartbeat"; {
		if err := s.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			s.tb.Fatal(err)
		}
		f = frame{}
		if err := s.ws.ReadJSON(&f); err != nil {
			s.tb.Fatal(err)
		}
	}
	return f
}

func (s *screen) expect(op string) frame {
	s.tb.Helper()
	f := s.next()
	if f.Op != op {
		s.tb.Fatalf("got %+v, want %s", f, op)
	}
	return f
}

// told reads until the connection ends; the channel yields how.
func (s *screen) told() <-chan error {
	end := make(chan error, 1)
	_ = s.ws.SetReadDeadline(time.Now().Add(patience))
	go func() {
		for {
			if _, _, err := s.ws.ReadMessage(); err != nil {
				end <- err
				return
			}
		}
	}()
	return end
}
