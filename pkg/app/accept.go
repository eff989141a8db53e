package app

import (
	"net"
	"runtime"
	"time"
)

// Bounds of how fast connections are taken: 2,000 screens in some two seconds on two processors. Faster, and alerts wait;
// see docs/performance.md.
const (
	acceptAtOnce = 3 // connections a processor
	acceptEvery  = 2 * time.Millisecond
)

// paced takes connections as fast as they come one by one, and a few at a time where thousands come at once: after a
// network came back all screens of a city connect in the same moment, and each is a goroutine with some 50 µs of work
// before it is known what it wants.
// Alerts, which come over connections that are there, would stand in the processors' queues behind all of them. The
// others wait where they cost nothing, in the kernel's, though not for long: who sends an alert over a connection of its
// own waits there too. Accept is for one goroutine.
type paced struct {
	net.Listener
	began time.Time
	taken int // since
}

// Accept implements net.Listener.
func (p *paced) Accept() (net.Conn, error) {
	if p.taken >= acceptAtOnce*runtime.GOMAXPROCS(0) {
		time.Sleep(acceptEvery - time.Since(p.began))
		p.taken = 0
	}
	c, err := p.Listener.Accept()
	if now := time.Now(); p.taken == 0 || now.Sub(p.began) >= acceptEvery {
		p.began, p.taken = now, 0
	}
	p.taken++
	return c, err
}
