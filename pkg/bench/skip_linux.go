package bench

import (
	"io"
	"net"
	"syscall"
)

// skip throws away the next n bytes of a connection. A kernel of Linux does not even copy them (tcp(7), MSG_TRUNC).
func skip(nc net.Conn, n int64) error {
	tcp, ok := nc.(*net.TCPConn)
	if !ok || n == 0 {
		_, err := io.CopyN(io.Discard, nc, n)
		return err
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		for n > 0 {
			got, _, no := syscall.Syscall6(syscall.SYS_RECVFROM, fd, 0, uintptr(n), syscall.MSG_TRUNC, 0, 0)
			switch {
			case no == syscall.EINTR:
			case no == syscall.EAGAIN:
				return false
			case no != 0:
				failed = no
				return true
			case got == 0:
				failed = io.ErrUnexpectedEOF
				return true
			default:
				n -= int64(got)
			}
		}
		return true
	})
	if failed != nil {
		return failed
	}
	return err
}
