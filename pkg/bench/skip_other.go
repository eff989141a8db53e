//go:build !linux

package bench

import (
	"io"
	"net"
)

// skip throws away the next n bytes of a connection.
func skip(nc net.Conn, n int64) error {
	_, err := io.CopyN(io.Discard, nc, n)
	return err
}
