package test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// linkState is what a link does with what is sent over it.
type linkState int

const (
	linkOpen linkState = iota
	linkCut            // connections end, and none can be made
	linkHole           // both ways everything goes on to be sent and nothing arrives
	linkDeaf           // what the client sends does not arrive
	linkMute           // what the client is sent does not arrive
	linkSlow           // linkDelay later, each way
)

var linkStates = [...]string{"open", "cut", "a black hole", "deaf", "mute", "slow"}

// String implements fmt.Stringer.
func (s linkState) String() string { return linkStates[s] }

const linkDelay = 60 * time.Millisecond

// link is a TCP proxy between two parties that can be made to fail. What a hole holds back arrives once it is open
// again, as TCP sees to.
type link struct {
	listener net.Listener
	to       string

	mu      sync.Mutex
	state   linkState
	changed chan struct{} // closed and renewed with each change
	conns   map[net.Conn]bool
}

// newLink returns an open link to an address.
func newLink(t *testing.T, to string) *link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &link{listener: l, to: to, changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	var serving sync.WaitGroup
	serving.Go(func() { k.serve(&serving) })
	t.Cleanup(func() {
		_ = l.Close()
		k.set(linkCut)
		serving.Wait()
	})
	return k
}

// addr is where the link is entered.
func (k *link) addr() string { return k.listener.Addr().String() }

// set changes what the link does.
func (k *link) set(s linkState) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state = s
	close(k.changed)
	k.changed = make(chan struct{})
	if s == linkCut {
		for c := range k.conns {
			_ = c.Close()
		}
	}
}

func (k *link) now() (linkState, chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state, k.changed
}

// keep notes a connection, to be ended by a cut; false: the link is cut already.
func (k *link) keep(c net.Conn) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns[c] = true
	return k.state != linkCut
}

func (k *link) end(c net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_ = c.Close()
	delete(k.conns, c)
}

func (k *link) serve(all *sync.WaitGroup) {
	for {
		c, err := k.listener.Accept()
		if err != nil {
			return
		}
		all.Go(func() { k.carry(c) })
	}
}

// carry carries one connection to its end.
func (k *link) carry(from net.Conn) {
	defer k.end(from)
	if !k.keep(from) {
		return
	}
	to, err := net.Dial("tcp", k.to)
	if err != nil {
		return
	}
	defer k.end(to)
	if !k.keep(to) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { k.pump(to, from, linkDeaf) })
	both.Go(func() { k.pump(from, to, linkMute) })
	both.Wait()
}

// pump carries one way, which stands still while the link is a hole or in state stopped.
func (k *link) pump(to, from net.Conn, stopped linkState) {
	defer k.end(to)
	defer k.end(from)
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !k.wait(stopped) {
			return
		}
		if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
	}
}

// wait waits until something may pass; false: never.
func (k *link) wait(stopped linkState) bool {
	for {
		state, changed := k.now()
		switch state {
		case linkCut:
			return false
		case linkHole, stopped:
			<-changed
		case linkSlow:
			time.Sleep(linkDelay)
			return true
		default:
			return true
		}
	}
}

// TestLink: the proxy that the fault suite believes does what it says.
func TestLink(t *testing.T) {
	t.Parallel()
	echo, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer echo.Close()
	heard := make(chan string, 64)
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b := make([]byte, 1)
				for {
					if _, err := io.ReadFull(c, b); err != nil {
						return
					}
					heard <- string(b)
					_, _ = c.Write(b) // it may be gone
				}
			}()
		}
	}()
	k := newLink(t, echo.Addr().String())
	c, err := net.Dial("tcp", k.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	say := func(what string) { fmt.Fprint(c, what) }
	back := func(within time.Duration) string {
		b := make([]byte, 1)
		_ = c.SetReadDeadline(time.Now().Add(within))
		_, err := io.ReadFull(c, b)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return "nothing"
		}
		if err != nil {
			return "the end"
		}
		return string(b)
	}
	const shortly = 30 * time.Millisecond
	say("a")
	if got := back(patience) + <-heard; got != "aa" {
		t.Errorf("open: %s", got)
	}
	k.set(linkMute)
	say("b")
	if got := <-heard + back(shortly); got != "bnothing" {
		t.Errorf("mute: %s", got)
	}
	k.set(linkOpen)
	if got := back(patience); got != "b" {
		t.Errorf("what was held back came as %s", got)
	}
	for _, state := range []linkState{linkDeaf, linkHole} {
		k.set(state)
		say("c")
		if got := back(shortly); got != "nothing" || len(heard) != 0 {
			t.Errorf("%s: %s, %d heard", state, got, len(heard))
		}
		k.set(linkOpen)
		if got := back(patience) + <-heard; got != "cc" {
			t.Errorf("%s, and opened: %s", state, got)
		}
	}
	k.set(linkSlow)
	began := time.Now()
	say("d")
	if got := back(patience); got != "d" || time.Since(began) < 2*linkDelay {
		t.Errorf("slow: %s after %v", got, time.Since(began))
	}
	k.set(linkCut)
	if got := back(patience); got != "the end" {
		t.Errorf("cut: %s", got)
	}
	if other, err := net.Dial("tcp", k.addr()); err == nil {
		if b, err := io.ReadAll(other); err == nil && len(b) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("cut, and a new connection: %q %v", b, err)
		}
		_ = other.Close()
	}
}
