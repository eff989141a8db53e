//go:build unix

package push

import (
	"net"
	"syscall"
)

// rawWriter makes one write(2) that never waits: what the socket does not take at once is the caller's. Of a
// connection that is no plain socket (TLS) nothing is taken, so all of it goes to the slow lane.
type rawWriter struct {
	conn syscall.RawConn // nil: no plain socket
	call func(fd uintptr) bool

	b   []byte // for call and from it; here, so that a write allocates nothing
	n   int
	err error
}

func (w *rawWriter) init(nc net.Conn) {
	var err error
	switch s := nc.(type) {
	case *net.TCPConn:
		w.conn, err = s.SyscallConn()
	case *net.UnixConn:
		w.conn, err = s.SyscallConn()
	}
	if err != nil {
		w.conn = nil
	}
	w.call = w.once
}

// once always reports done: returning false would park the caller until the socket can be written.
func (w *rawWriter) once(fd uintptr) bool {
	for {
		w.n, w.err = syscall.Write(int(fd), w.b)
		if w.err != syscall.EINTR {
			return true
		}
	}
}

// try writes what of b goes at once and returns how much that was. A full socket is no error.
func (w *rawWriter) try(b []byte) (int, error) {
	if w.conn == nil {
		return 0, nil
	}
	w.b = b
	err := w.conn.Write(w.call)
	w.b = nil
	switch {
	case err != nil: // closed
		return 0, err
	case w.err == syscall.EAGAIN:
		return 0, nil
	case w.err != nil:
		return 0, w.err
	}
	return w.n, nil
}
