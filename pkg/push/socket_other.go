//go:build !unix

package push

import (
	"errors"
	"net"
)

// socket writes nothing at once: on this system everything goes through the slow lanes, and reads wait.
type socket struct{}

func newSocket(net.Conn) socket { return socket{} }

func (socket) plain() bool { return false }

func (socket) try([]byte) (int, error) { return 0, nil }

func (socket) more([]byte) (int, error) { return 0, nil }

func (socket) wait(func(fd uintptr) bool) error { return errors.ErrUnsupported }

func attemptOn(uintptr, []byte, bool) (int, error) { return 0, errors.ErrUnsupported }
