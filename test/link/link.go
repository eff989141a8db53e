// Package link is a TCP link between two parties that tests make fail.
package link

import (
	"net"
	"sync"
	"testing"
	"time"
)

// State is what a link does with what is sent over it.
type State int

// The states.
const (
	Open State = iota
	Cut        // connections end, and none can be made
	Hole       // both ways everything goes on to be sent and nothing arrives
	Deaf       // what the client sends does not arrive
	Mute       // what the client is sent does not arrive
	Slow       // Delay later, each way
)

var states = [...]string{"open", "cut", "a black hole", "deaf", "mute", "slow"}

// String implements fmt.Stringer.
func (s State) String() string { return states[s] }

// Delay is how much later what is sent over a slow link arrives.
const Delay = 60 * time.Millisecond

// Link is a TCP proxy. What a hole holds back arrives once it is open again, as TCP sees to.
type Link struct {
	listener net.Listener

	mu      sync.Mutex
	to      string
	state   State
	changed chan struct{} // closed and renewed with each change
	conns   map[net.Conn]bool
}

// New returns an open link to an address. It ends with the test, with every connection.
func New(t testing.TB, to string) *Link {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &Link{listener: l, to: to, changed: make(chan struct{}), conns: map[net.Conn]bool{}}
	var serving sync.WaitGroup
	serving.Go(func() { k.serve(&serving) })
	t.Cleanup(func() {
		_ = l.Close()
		k.Set(Cut)
		serving.Wait()
	})
	return k
}

// Addr is where the link is entered.
func (k *Link) Addr() string { return k.listener.Addr().String() }

// Set changes what the link does.
func (k *Link) Set(s State) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.state = s
	close(k.changed)
	k.changed = make(chan struct{})
	if s == Cut {
		for c := range k.conns {
			_ = c.Close()
		}
	}
}

// To has the connections to come end at another address.
func (k *Link) To(address string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.to = address
}

func (k *Link) now() (State, chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state, k.changed
}

// keep notes a connection, to be ended by a cut, and returns where it is to go; false: the link is cut already.
func (k *Link) keep(c net.Conn) (to string, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns[c] = true
	return k.to, k.state != Cut
}

func (k *Link) end(c net.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_ = c.Close()
	delete(k.conns, c)
}

func (k *Link) serve(all *sync.WaitGroup) {
	for {
		c, err := k.listener.Accept()
		if err != nil {
			return
		}
		all.Go(func() { k.carry(c) })
	}
}

// carry carries one connection to its end.
func (k *Link) carry(from net.Conn) {
	defer k.end(from)
	address, ok := k.keep(from)
	if !ok {
		return
	}
	to, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer k.end(to)
	if _, ok := k.keep(to); !ok {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { k.pump(to, from, Deaf) })
	both.Go(func() { k.pump(from, to, Mute) })
	both.Wait()
}

// pump carries one way, which stands still while the link is a hole or in state stopped.
func (k *Link) pump(to, from net.Conn, stopped State) {
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
func (k *Link) wait(stopped State) bool {
	for {
		state, changed := k.now()
		switch state {
		case Cut:
			return false
		case Hole, stopped:
			<-changed
		case Slow:
			time.Sleep(Delay)
			return true
		default:
			return true
		}
	}
}
