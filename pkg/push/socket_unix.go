//go:build unix

package push

import (
	"io"
	"net"
	"sync"
	"syscall"
)

// socket reads and writes without waiting for more than one write(2) or read(2) takes. Of a connection that is no plain
// socket (TLS) nothing is written at once, so all of it goes to the slow lane, and reads wait.
type socket struct {
	conn syscall.RawConn // nil: no plain socket
}

// attempt is one system call on a descriptor. Attempts are pooled, so that one allocates nothing.
type attempt struct {
	write bool
	b     []byte
	n     int
	err   error
	call  func(fd uintptr) bool // once
}

var attempts = sync.Pool{New: func() any {
	a := new(attempt)
	a.call = a.once
	return a
}}

func newSocket(nc net.Conn) socket {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return socket{}
	}
	conn, err := sc.SyscallConn()
	if err != nil {
		return socket{}
	}
	return socket{conn}
}

// plain reports whether nc is a socket itself.
func (s socket) plain() bool { return s.conn != nil }

// once always reports done: returning false would park the caller until the socket is ready.
func (a *attempt) once(fd uintptr) bool {
	a.n, a.err = attemptOn(fd, a.b, a.write)
	return true
}

// attemptOn makes the call; a socket that is not ready is no error.
func attemptOn(fd uintptr, b []byte, write bool) (n int, err error) {
	for {
		if write {
			n, err = syscall.Write(int(fd), b)
		} else {
			n, err = syscall.Read(int(fd), b)
		}
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return 0, nil
		case err != nil:
			return 0, err
		case n == 0 && !write && len(b) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// try writes what of b goes at once and returns how much that was. A full socket is no error.
func (s socket) try(b []byte) (int, error) {
	if s.conn == nil {
		return 0, nil
	}
	return s.attempt(b, true)
}

// more reads into b what is there, which may be nothing.
func (s socket) more(b []byte) (int, error) {
	if s.conn == nil {
		return 0, nil
	}
	return s.attempt(b, false)
}

func (s socket) attempt(b []byte, write bool) (int, error) {
	a := attempts.Get().(*attempt)
	defer attempts.Put(a)
	a.write, a.b = write, b
	var err error
	if write {
		err = s.conn.Write(a.call)
	} else {
		err = s.conn.Read(a.call)
	}
	a.b = nil
	if err != nil { // closed, or past the deadline
		return 0, err
	}
	return a.n, a.err
}

// wait waits until glance has read something or failed.
func (s socket) wait(glance func(fd uintptr) bool) error { return s.conn.Read(glance) }
