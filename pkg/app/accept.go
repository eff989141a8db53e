package app

import (
	"net"
	"runtime"
	"time"
)

// Bounds of how fast connections are taken: 2,000 screens in one to three seconds on two processors. Faster, and alerts
// wait; see docs/performance.md.
const (
	acceptAtOnce  = 3 // connections a processor
	acceptEvery   = 2 * time.Millisecond
	acceptSlowest = 6 * time.Millisecond // where the processors are behind
	acceptLate    = time.Millisecond     // from which they are
	acceptCatchUp = 8                    // times acceptAtOnce, after a time in which nobody was taken
)

// paced takes connections as fast as they come one by one, and a few at a time where thousands come at once: after a
// network came back all screens of a city connect in the same moment, and each is a goroutine with some 50 µs of work
// before it is known what it wants.
// Alerts, which come over connections that are there, would stand in the processors' queues behind all of them. The
// others wait where they cost nothing, in the kernel's, though not for long: who sends an alert over a connection of its
// own waits there too. How long a goroutine waits for a processor is seen from how late this one is woken: then it takes
// connections more slowly. A machine that is busy with other things wakes it later still, so what is taken at once grows
// with the time that has passed: on the whole it is never less than acceptAtOnce a processor in acceptSlowest.
// Accept is for one goroutine.
type paced struct {
	net.Listener
	began time.Time
	taken int // since
	most  int // to be taken, 0: acceptAtOnce a processor
	every time.Duration
}

// Accept implements net.Listener.
func (p *paced) Accept() (net.Conn, error) {
	atOnce := acceptAtOnce * runtime.GOMAXPROCS(0)
	if p.taken >= max(p.most, atOnce) {
		p.rest(atOnce)
	}
	c, err := p.Listener.Accept()
	switch now := time.Now(); {
	case p.taken == 0:
		p.began = now
	case now.Sub(p.began) >= max(p.every, acceptEvery):
		p.began, p.taken, p.most = now, 0, atOnce
	}
	p.taken++
	return c, err
}

// rest waits until more may be taken, and says how many.
func (p *paced) rest(atOnce int) {
	due := max(p.every, acceptEvery)
	time.Sleep(due - time.Since(p.began))
	passed := time.Since(p.began)
	if p.every = acceptEvery; passed-due > acceptLate {
		p.every = acceptSlowest
	}
	p.taken, p.most = 0, atOnce*min(max(int(passed/acceptSlowest), 1), acceptCatchUp)
}
