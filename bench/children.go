package main

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/gorilla/websocket"
	"github.com/nats-io/nats-server/v2/server"
)

// serveHTTP serves on a free port until the process ends.
func serveHTTP(h http.Handler) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(l) }()
	return l.Addr().String(), nil
}

// publishing answers POST /publish by handing the body on.
func publishing(mux *http.ServeMux, publish func([]byte) error) {
	mux.HandleFunc("POST /publish", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err == nil && !json.Valid(b) {
			err = errors.New("no JSON")
		}
		if err == nil {
			err = publish(b)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
}

// serveFloor writes what is posted to every connection from as many goroutines as there are processors, what waits
// joined in one bare write a connection: what no server can do without.
func serveFloor() (string, error) {
	shards := make([]*shard, runtime.GOMAXPROCS(0))
	for i := range shards {
		shards[i] = &shard{frames: make(chan []byte, maxUnderWay)}
		go shards[i].run()
	}
	var next atomic.Int64
	up, mux := websocket.Upgrader{}, http.NewServeMux()
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		if c, err := up.Upgrade(w, r, nil); err == nil {
			_ = c.WriteMessage(websocket.TextMessage, []byte("ready"))
			shards[next.Add(1)%int64(len(shards))].join(c.NetConn())
		}
	})
	publishing(mux, func(b []byte) error {
		frame := append([]byte{0x81, 126, byte(len(b) >> 8), byte(len(b))}, b...)
		for _, s := range shards {
			s.frames <- frame
		}
		return nil
	})
	return serveHTTP(mux)
}

// shard writes to its part of the connections.
type shard struct {
	frames chan []byte
	mu     sync.Mutex
	conns  []net.Conn
}

func (s *shard) join(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, c)
}

func (s *shard) run() {
	var joined []byte
	for frame := range s.frames {
		joined = append(joined[:0], frame...)
		for n := len(s.frames); n > 0; n-- {
			joined = append(joined, <-s.frames...)
		}
		s.mu.Lock()
		for _, c := range s.conns {
			_, _ = c.Write(joined) // one that is gone is no matter here
		}
		s.mu.Unlock()
	}
}

// serveLoop writes a frame that is prepared once to every gorilla connection in a loop, as a first version does.
func serveLoop() (string, error) {
	var mu sync.Mutex
	var conns []*websocket.Conn
	up, mux := websocket.Upgrader{}, http.NewServeMux()
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		if c, err := up.Upgrade(w, r, nil); err == nil {
			_ = c.WriteMessage(websocket.TextMessage, []byte("ready"))
			mu.Lock()
			defer mu.Unlock()
			conns = append(conns, c)
		}
	})
	publishing(mux, func(b []byte) error {
		m, err := websocket.NewPreparedMessage(websocket.TextMessage, b)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, c := range conns {
			_ = c.WritePreparedMessage(m)
		}
		return nil
	})
	return serveHTTP(mux)
}

const (
	historyEvents   = 1000     // kept in memory, so that a receiver could resume
	queueBytes      = 64 << 20 // of a receiver; with the default of 1 MB it would be cut off where others wait
	childPingPeriod = 25 * time.Second
)

// serveCentrifuge pushes with a history in memory.
func serveCentrifuge() (string, error) {
	node, err := centrifuge.New(centrifuge.Config{LogLevel: centrifuge.LogLevelNone, ClientQueueMaxSize: queueBytes})
	if err != nil {
		return "", err
	}
	node.OnConnect(func(c *centrifuge.Client) {
		c.OnSubscribe(func(_ centrifuge.SubscribeEvent, answer centrifuge.SubscribeCallback) {
			answer(centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{EnableRecovery: true, EnablePositioning: true}}, nil)
		})
	})
	if err := node.Run(); err != nil {
		return "", err
	}
	// Without a pong being asked for: the driver's screens answer websocket pings only.
	handler := centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{CheckOrigin: func(*http.Request) bool { return true },
		PingPongConfig: centrifuge.PingPongConfig{PingInterval: childPingPeriod, PongTimeout: -1}})
	mux := http.NewServeMux()
	mux.HandleFunc("/ws", func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(centrifuge.SetCredentials(r.Context(), &centrifuge.Credentials{UserID: "wall"})))
	})
	publishing(mux, func(b []byte) error {
		_, err := node.Publish("wall", b, centrifuge.WithHistory(historyEvents, time.Minute))
		return err
	})
	return serveHTTP(mux)
}

// serveNATS runs the server; it keeps nothing.
func serveNATS() (string, error) {
	o := &server.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, MaxPending: queueBytes}
	o.Websocket.Host, o.Websocket.Port, o.Websocket.NoTLS = "127.0.0.1", server.RANDOM_PORT, true
	s, err := server.NewServer(o)
	if err != nil {
		return "", err
	}
	s.Start()
	if !s.ReadyForConnections(startTimeout) {
		return "", errors.New("the server does not answer")
	}
	ports := s.PortsInfo(startTimeout)
	if ports == nil || len(ports.WebSocket) == 0 {
		return "", errors.New("the server has no websocket")
	}
	return ports.WebSocket[0] + " " + s.Addr().String(), nil
}
