package main

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/gorilla/websocket"
	"github.com/nats-io/nats-server/v2/server"
)

// startFloor writes a frame that is made once to every connection.
func startFloor() (*service, error) {
	var mu sync.Mutex
	var conns []*websocket.Conn
	up := websocket.Upgrader{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := up.Upgrade(w, r, nil); err == nil {
			mu.Lock()
			defer mu.Unlock()
			conns = append(conns, c)
			_ = c.WriteMessage(websocket.TextMessage, []byte("ready"))
		}
	}))
	return &service{url: "ws" + strings.TrimPrefix(s.URL, "http"), ready: "ready", stop: s.Close, publish: func(b []byte) error {
		m, err := websocket.NewPreparedMessage(websocket.TextMessage, b)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			if err := c.WritePreparedMessage(m); err != nil {
				return err
			}
		}
		return nil
	}}, nil
}

// startCentrifuge pushes with a history of 1,000 events in memory, so that a receiver could resume.
func startCentrifuge() (*service, error) {
	node, err := centrifuge.New(centrifuge.Config{LogLevel: centrifuge.LogLevelNone})
	if err != nil {
		return nil, err
	}
	node.OnConnect(func(c *centrifuge.Client) {
		c.OnSubscribe(func(_ centrifuge.SubscribeEvent, answer centrifuge.SubscribeCallback) {
			answer(centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{EnableRecovery: true, EnablePositioning: true}}, nil)
		})
	})
	if err := node.Run(); err != nil {
		return nil, err
	}
	handler := centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{CheckOrigin: func(*http.Request) bool { return true }})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(centrifuge.SetCredentials(r.Context(), &centrifuge.Credentials{UserID: "wall"})))
	}))
	return &service{url: "ws" + strings.TrimPrefix(s.URL, "http") + "/", hello: []string{`{"id":1,"connect":{}}`, `{"id":2,"subscribe":{"channel":"wall"}}`},
		ready: `"id":2`, stop: s.Close, publish: func(b []byte) error {
			_, err := node.Publish("wall", b, centrifuge.WithHistory(1000, time.Minute))
			return err
		}}, nil
}

// startNATS runs a server in this process; it keeps nothing.
func startNATS() (*service, error) {
	o := &server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true}
	o.Websocket.Host, o.Websocket.Port, o.Websocket.NoTLS = "127.0.0.1", server.RANDOM_PORT, true
	s, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return nil, errors.New("the server does not answer")
	}
	ports := s.PortsInfo(10 * time.Second)
	if ports == nil || len(ports.WebSocket) == 0 {
		return nil, errors.New("the server has no websocket")
	}
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		return nil, err
	}
	if _, err := c.Write([]byte("CONNECT {\"verbose\":false}\r\n")); err != nil {
		return nil, err
	}
	stop := func() {
		_ = c.Close()
		s.Shutdown()
	}
	return &service{url: ports.WebSocket[0], binary: true, hello: []string{"CONNECT {\"verbose\":false}\r\n", "SUB wall 1\r\n", "PING\r\n"}, ready: "PONG", stop: stop,
		publish: func(b []byte) error {
			_, err := c.Write([]byte("PUB wall " + strconv.Itoa(len(b)) + "\r\n" + string(b) + "\r\n"))
			return err
		}}, nil
}
