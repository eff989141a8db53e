package push

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

func TestSubscribeGetsSnapshotThenDeltas(t *testing.T) {
	r := newRig(t, Options{}, false)
	r.publish(Item{Incident: "i-1"}, Item{Incident: "i-2"})
	c := r.dial()
	c.subscribe("wall")
	f := c.expect("snapshot")
	if f.Epoch != 1 || f.Seq != 2 || f.Count != 2 || f.Reason != ReasonSubscribed || !reflect.DeepEqual(f.Topics, []string{"wall"}) {
		t.Fatalf("snapshot %+v", f)
	}
	if age := time.Since(f.ServerTime); age < -time.Second || age > patience {
		t.Fatalf("server_time is %v away from now", age)
	}
	r.publish(Item{Incident: "i-1"})
	r.publish(Item{Incident: "i-1"}, Item{Incident: "i-3"})
	if got := c.events(2, 5); !reflect.DeepEqual(got, []uint64{3, 4, 5}) {
		t.Fatalf("events %v", got)
	}
}

func TestFramesCoverWhatDoesNotConcern(t *testing.T) {
	r := newRig(t, Options{}, false)
	r.publish(Item{Incident: "i-1"})
	c := r.dial()
	c.subscribe("seat:fire-1", "department:health")
	c.expect("snapshot")
	r.publish(Item{Incident: "i-1", Seats: []string{"fire-2"}, Departments: []string{"fire"}})
	r.publish(Item{Incident: "i-1", Seats: []string{"fire-1"}, Departments: []string{"fire"}}, Item{Incident: "i-9"})
	f := c.expect("events")
	if f.From != 2 || f.To != 4 || len(f.Events) != 1 || f.Events[0].Seq != 3 || f.Events[0].Text != "full" {
		t.Fatalf("events %+v", f)
	}
}

func TestRedactedSeeOnlyTheWallEncoding(t *testing.T) {
	r := newRig(t, Options{}, false)
	r.publish(Item{Incident: "i-1"})
	r.grant.Redacted = true
	c := r.dial()
	c.subscribe("wall")
	c.expect("snapshot")
	r.publish(Item{Incident: hidden}, Item{Incident: "i-2"})
	f := c.expect("events")
	if f.From != 2 || f.To != 3 || len(f.Events) != 1 || f.Events[0].Seq != 3 || f.Events[0].Text != "" {
		t.Fatalf("events %+v", f)
	}
}

func TestASecondSubscribeReplacesTheFirst(t *testing.T) {
	r := newRig(t, Options{}, false)
	r.publish(Item{Incident: "i-1"})
	c := r.dial()
	c.subscribe("wall")
	c.expect("snapshot")
	c.subscribe("incident:i-2")
	if f := c.expect("snapshot"); !reflect.DeepEqual(f.Topics, []string{"incident:i-2"}) {
		t.Fatalf("snapshot of %v", f.Topics)
	}
	r.publish(Item{Incident: "i-1"})
	r.publish(Item{Incident: "i-2"})
	if got := c.events(1, 3); !reflect.DeepEqual(got, []uint64{3}) {
		t.Fatalf("events %v", got)
	}
	c.send(map[string]string{"op": "unsubscribe"})
	c.send(map[string]any{"op": "ping", "id": 1})
	c.expect("pong")
	r.publish(Item{Incident: "i-2"})
	c.subscribe("wall")
	f := c.expect("snapshot") // it may be the one that was made a moment ago: then the rest follows
	if got := len(c.events(f.Seq, 4)); f.Count+got != 4 {
		t.Fatalf("after unsubscribe and subscribe: %+v and %d events", f, got)
	}
}

func TestResume(t *testing.T) {
	r := newRig(t, Options{RingEvents: 4}, false)
	for range 6 {
		r.publish(Item{Incident: "i-1"})
	}
	for _, test := range []struct {
		name   string
		since  position
		reason Reason // "" for resumed
		events []uint64
	}{
		{"in the ring", position{1, 4}, "", []uint64{5, 6}},
		{"at its very end", position{1, 2}, "", []uint64{3, 4, 5, 6}},
		{"nothing missed", position{1, 6}, "", nil},
		{"one too old", position{1, 1}, ReasonTooOld, nil},
		{"another epoch", position{2, 5}, ReasonEpochChanged, nil},
		{"from the future", position{1, 7}, ReasonEpochChanged, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := r.dial()
			c.subscribeSince(&test.since, "wall")
			f := c.next()
			switch {
			case test.reason == "" && (f.Op != "resumed" || f.Epoch != 1 || f.Seq != test.since.Seq):
				t.Fatalf("got %+v, want resumed", f)
			case test.reason != "" && (f.Op != "snapshot" || f.Reason != test.reason || f.Seq != 6):
				t.Fatalf("got %+v, want a snapshot, %s", f, test.reason)
			}
			if test.reason == "" {
				if got := c.events(test.since.Seq, 6); !reflect.DeepEqual(got, test.events) {
					t.Fatalf("events %v, want %v", got, test.events)
				}
			}
		})
	}
}

func TestANewHubIsToldWhereTheCityStands(t *testing.T) {
	r := newRig(t, Options{}, false)
	b := r.city.commit(Item{Incident: "i-1"}, Item{Incident: "i-2"})
	r.city.apply(b)
	r.hub.Publish(Batch{Epoch: 1, From: 3, To: 2})
	c := r.dial()
	c.subscribeSince(&position{1, 2}, "wall")
	c.expect("resumed")
	r.publish(Item{Incident: "i-3"})
	if got := c.events(2, 3); !reflect.DeepEqual(got, []uint64{3}) {
		t.Fatalf("events %v", got)
	}
}

func TestHeartbeatsAndPongs(t *testing.T) {
	r := newRig(t, Options{Heartbeat: 50 * time.Millisecond}, false)
	r.publish(Item{Incident: "i-1"})
	c := r.dial()
	c.subscribe("incident:i-1")
	c.expect("snapshot")
	f, err := c.read()
	if err != nil || f.Op != "heartbeat" || f.Epoch != 1 || f.Seq != 1 || f.ServerTime.IsZero() {
		t.Fatalf("got %+v, %v, want a heartbeat", f, err)
	}
	r.publish(Item{Incident: "i-2"}) // does not concern it: an empty frame says so before a heartbeat does
	for f.Op == "heartbeat" && f.Seq == 1 {
		if f, err = c.read(); err != nil {
			t.Fatal(err)
		}
	}
	if f.Op != "events" || f.From != 2 || f.To != 2 || len(f.Events) != 0 {
		t.Fatalf("got %+v, want an empty events frame", f)
	}
	if f, err = c.read(); err != nil || f.Op != "heartbeat" || f.Seq != 2 {
		t.Fatalf("got %+v, %v, want the heartbeat", f, err)
	}
	c.send(map[string]any{"op": "ping", "id": "a b"})
	if f := c.expect("pong"); string(f.ID) != `"a b"` || f.ServerTime.IsZero() {
		t.Fatalf("pong %+v", f)
	}
}

func TestAClientThatGivesNoSignOfLifeIsClosed(t *testing.T) {
	r := newRig(t, Options{Heartbeat: 50 * time.Millisecond, Ping: 50 * time.Millisecond, Silence: 300 * time.Millisecond}, false)
	silent, lively := r.dial(), r.dial()
	silent.ws.SetPingHandler(func(string) error { return nil })
	pings := make(chan struct{}, 1000)
	answer := lively.ws.PingHandler()
	lively.ws.SetPingHandler(func(s string) error { pings <- struct{}{}; return answer(s) })
	done := make(chan struct{})
	go func() {
		defer close(done)
		silent.expectClose(websocket.ClosePolicyViolation)
	}()
	for waiting := true; waiting; {
		if _, err := lively.read(); err != nil {
			t.Fatalf("the client that answers was closed: %v", err)
		}
		select {
		case <-done:
			waiting = false
		default:
		}
	}
	if len(pings) == 0 {
		t.Fatal("no ping came")
	}
}

func TestRefusals(t *testing.T) {
	r := newRig(t, Options{}, false)
	r.publish(Item{Incident: "i-1"})
	r.grant.Allow = func(t Topic) error {
		switch {
		case t.Kind == Seat:
			return alert.Errorf(alert.CodeForbidden, "the key may not see seats")
		case t.ID == "nowhere":
			return alert.Errorf(alert.CodeNotFound, "there is no department nowhere")
		case t.ID == "broken":
			return errors.New("secret path")
		}
		return nil
	}
	manyCells := "cells:" + strings.TrimSuffix(strings.Repeat("894183b61d3ffff,", MaxCells+1), ",")
	for _, test := range []struct {
		name, frame string
		code        alert.Code
		close       int // 0: the connection lives on
		says        string
	}{
		{"no JSON", `{"op":`, alert.CodeMalformed, 1008, "unexpected end of JSON input"},
		{"wrong type", `{"op":"subscribe","topics":"wall"}`, alert.CodeMalformed, 1008, "topics"},
		{"no op", `{}`, alert.CodeInvalid, 0, "op is missing"},
		{"unknown op", `{"op":"dance"}`, alert.CodeInvalid, 0, `op "dance" is not known`},
		{"no topics", `{"op":"subscribe"}`, alert.CodeInvalid, 0, "needs topics"},
		{"unknown topic", `{"op":"subscribe","topics":["walls"]}`, alert.CodeInvalid, 0, `topic "walls" is not known`},
		{"too many topics", `{"op":"subscribe","topics":["wall"` + strings.Repeat(`,"wall"`, MaxTopics) + `]}`, alert.CodeInvalid, 0, "33 topics, at most 32"},
		{"too many cells", `{"op":"subscribe","topics":["` + manyCells + `"]}`, alert.CodeTooLarge, 1009, "8192"},
		{"ping with an object", `{"op":"ping","id":{}}`, alert.CodeInvalid, 0, "number or a string"},
		{"forbidden", `{"op":"subscribe","topics":["wall","seat:fire-1"]}`, alert.CodeForbidden, 1008, "may not see seats"},
		{"not found", `{"op":"subscribe","topics":["department:nowhere"]}`, alert.CodeNotFound, 0, "no department nowhere"},
		{"a defect", `{"op":"subscribe","topics":["department:broken"]}`, alert.CodeInternal, 1011, "its log says more"},
		{"too large", `{"op":"ping","id":"` + strings.Repeat("x", MaxClientFrameBytes) + `"}`, alert.CodeTooLarge, 1009, "8192 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := r.dial()
			c.t = t
			if err := c.ws.WriteMessage(websocket.TextMessage, []byte(test.frame)); err != nil {
				t.Fatal(err)
			}
			f := c.expect("error")
			if f.Code != string(test.code) || !strings.Contains(f.Detail, test.says) || strings.Contains(f.Detail, "secret") {
				t.Fatalf("got %+v, want %s saying %q", f, test.code, test.says)
			}
			if test.close != 0 {
				c.expectClose(test.close)
				return
			}
			c.subscribe("wall")
			c.expect("snapshot")
		})
	}
}

func TestBinaryFramesAreRefused(t *testing.T) {
	r := newRig(t, Options{}, false)
	c := r.dial()
	if err := c.ws.WriteMessage(websocket.BinaryMessage, []byte(`{"op":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	if f := c.expect("error"); f.Code != string(alert.CodeUnsupportedType) {
		t.Fatalf("got %+v", f)
	}
	c.expectClose(websocket.CloseUnsupportedData)
}

func TestRatesAreBounded(t *testing.T) {
	r := newRig(t, Options{}, false)
	c := r.dial()
	for range subscribeBurst {
		c.subscribe("wall")
		c.expect("snapshot")
	}
	c.subscribe("wall")
	if f := c.expect("error"); f.Code != string(alert.CodeRateLimited) {
		t.Fatalf("got %+v", f)
	}
	for range requestBurst {
		if c.ws.WriteMessage(websocket.TextMessage, []byte(`{"op":"unsubscribe"}`)) != nil {
			break // closed already
		}
	}
	if f := c.expect("error"); f.Code != string(alert.CodeRateLimited) {
		t.Fatalf("got %+v", f)
	}
	c.expectClose(websocket.ClosePolicyViolation)
}

func TestAStateInTroubleClosesTryAgainLater(t *testing.T) {
	r := newRig(t, Options{}, false)
	r.city.fail = alert.Errorf(alert.CodeUnavailable, "still reading the journal")
	c := r.dial()
	c.subscribe("wall")
	if f := c.expect("error"); f.Code != string(alert.CodeUnavailable) || f.Detail != "still reading the journal" {
		t.Fatalf("got %+v", f)
	}
	c.expectClose(websocket.CloseTryAgainLater)
}

func TestEveryCodeHasACloseCode(t *testing.T) {
	for _, code := range []alert.Code{
		alert.CodeMalformed, alert.CodeInvalid, alert.CodeTooLarge, alert.CodeUnsupportedType, alert.CodeUnauthorized, alert.CodeForbidden,
		alert.CodeNotFound, alert.CodeConflict, alert.CodeRateLimited, alert.CodeUnavailable, alert.CodeInternal,
	} {
		if _, ok := closeOf[code]; !ok {
			t.Errorf("code %s is not in the table", code)
		}
	}
}

func TestUpgradeIsRefused(t *testing.T) {
	r := newRig(t, Options{Origins: []string{"https://Wall.example/"}, MaxConns: 3, MaxConnsPerName: 2}, false)
	origin := func(s string) func(*websocket.Dialer, http.Header) {
		return func(_ *websocket.Dialer, h http.Header) { h.Set("Origin", s) }
	}
	status := func(want int, options ...func(*websocket.Dialer, http.Header)) {
		t.Helper()
		_, resp, err := r.tryDial(options...)
		if err == nil || resp == nil || resp.StatusCode != want {
			t.Fatalf("got %v, %v, want %d", resp, err, want)
		}
	}
	status(http.StatusForbidden, origin("https://evil.example"))
	status(http.StatusForbidden, origin("http://wall.example"))
	status(http.StatusForbidden, origin("null"))
	status(http.StatusBadRequest, func(d *websocket.Dialer, _ http.Header) { d.Subprotocols = []string{"bearer.x"} })
	r.dial(origin(r.server.URL))
	r.dial(origin("https://wall.example"))
	status(http.StatusTooManyRequests)
	r.grant.Name = "other"
	if c, _, err := r.tryDial(func(d *websocket.Dialer, _ http.Header) { d.Subprotocols = nil }); err != nil || c.ws.Subprotocol() != "" {
		t.Fatalf("a client without subprotocols: %v", err)
	}
	status(http.StatusServiceUnavailable)
	resp, err := http.Get(r.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("plain GET: %s", resp.Status)
	}
}

func TestConnectionsAreGivenBack(t *testing.T) {
	r := newRig(t, Options{MaxConns: 1}, false)
	for range 20 {
		c := r.dial()
		if err := c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		c.expectClose(websocket.CloseNormalClosure)
		eventually(t, func() bool {
			r.hub.mu.Lock()
			defer r.hub.mu.Unlock()
			return r.hub.open == 0
		})
	}
}

func TestTokenFromRequest(t *testing.T) {
	for _, test := range []struct{ authorization, protocols, want string }{
		{"Bearer abc", "", "abc"},
		{"bearer  abc ", "banyan.v1, bearer.def", "abc"},
		{"", "banyan.v1, bearer.def", "def"},
		{"Basic abc", "banyan.v1,bearer.def", "def"},
		{"", "banyan.v1", ""},
		{"", "", ""},
	} {
		r, err := http.NewRequest(http.MethodGet, "/stream?token=q&access_token=q", nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.authorization != "" {
			r.Header.Set("Authorization", test.authorization)
		}
		if test.protocols != "" {
			r.Header.Set("Sec-Websocket-Protocol", test.protocols)
		}
		if got := TokenFromRequest(r); got != test.want {
			t.Errorf("%+v: got %q", test, got)
		}
	}
}

func TestCloseTellsEveryClient(t *testing.T) {
	r := newRig(t, Options{}, false)
	var clients []*client
	for range 8 {
		c := r.dial()
		c.subscribe("wall")
		c.expect("snapshot")
		c.send(map[string]any{"op": "ping"})
		c.expect("pong") // what came before it has been dealt with
		clients = append(clients, c)
	}
	r.publish(Item{Incident: "i-1"})
	closed := make(chan error)
	go func() { closed <- r.hub.Close(context.Background()) }()
	for _, c := range clients {
		c.events(0, 1)
		c.expectClose(websocket.CloseGoingAway)
	}
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	if _, resp, err := r.tryDial(); err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Fatalf("a closed hub took a connection: %v", err)
	}
}

func TestCloseCutsOffWhoDoesNotAnswer(t *testing.T) {
	r := newRig(t, Options{}, false)
	c := r.dial()
	c.subscribe("wall")
	c.expect("snapshot")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.hub.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("Close: %v", err)
	}
	if n := r.hub.Stats().Connections; n != 0 {
		t.Fatalf("%d connections are left", n)
	}
}

// eventually waits until what is asked for holds, giving way to those who make it so.
func eventually(t testing.TB, holds func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("it never came to hold")
		}
	}
}
