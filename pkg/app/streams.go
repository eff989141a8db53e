package app

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// maxStreamsPerSession bounds the websockets of one person's session; past it the oldest is closed.
const maxStreamsPerSession = 16

// sweepEvery is how soon the websockets of a session that is over are closed.
const sweepEvery = time.Second

// streams are the open websockets of people. They end with the session, and while they are open it is in use.
type streams struct {
	mu        sync.Mutex
	bySession map[string][]net.Conn
}

// watch returns w such that the connection taken over from it belongs to a session.
func (s *streams) watch(w http.ResponseWriter, session string) http.ResponseWriter {
	return &streamWriter{w, s, session}
}

type streamWriter struct {
	http.ResponseWriter
	streams *streams
	session string
}

// Unwrap lets http.ResponseController find what the server's writer can do.
func (w *streamWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack implements http.Hijacker.
func (w *streamWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.streams.add(w.session, conn)
	}
	return conn, buf, err
}

func (s *streams) add(session string, c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bySession == nil {
		s.bySession = map[string][]net.Conn{}
	}
	open := stillOpen(s.bySession[session])
	if len(open) >= maxStreamsPerSession {
		_ = open[0].Close()
		open = open[1:]
	}
	s.bySession[session] = append(open, c)
}

// run closes the websockets of sessions that are over, until ctx ends; goesOn counts them as use of theirs.
func (s *streams) run(ctx context.Context, goesOn func(session string) bool) {
	every(ctx, sweepEvery, func() { s.sweep(goesOn) })
}

func (s *streams) sweep(goesOn func(session string) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session, conns := range s.bySession {
		conns = stillOpen(conns)
		if len(conns) > 0 && !goesOn(session) {
			for _, c := range conns {
				_ = c.Close() // the hub takes it for a client that went away
			}
			conns = nil
		}
		if len(conns) == 0 {
			delete(s.bySession, session)
			continue
		}
		s.bySession[session] = conns
	}
}

// stillOpen drops connections that the hub has closed.
func stillOpen(conns []net.Conn) (open []net.Conn) {
	for _, c := range conns {
		inner := c
		if t, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
			inner = t.NetConn()
		}
		if sock, ok := inner.(syscall.Conn); ok {
			raw, err := sock.SyscallConn()
			if err != nil || raw.Control(func(uintptr) {}) != nil {
				continue
			}
		}
		open = append(open, c)
	}
	return open
}
