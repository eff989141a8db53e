package app

import (
	"net"
	"runtime"
	"testing"
	"time"
)

// endless is a listener where somebody waits always.
type endless struct{ net.Listener }

func (endless) Accept() (net.Conn, error) { return nil, nil }

// TestPaced: no stretch of time sees more connections than two of its parts may; one by one they do not wait.
func TestPaced(t *testing.T) {
	p := &paced{Listener: endless{}}
	most := acceptAtOnce * runtime.GOMAXPROCS(0)
	began := time.Now()
	for range 5*most + 1 {
		if _, err := p.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 5*acceptEvery*9/10 {
		t.Errorf("%d connections in %v", 5*most+1, took)
	}
	p = &paced{Listener: endless{}, began: began, taken: most - 1}
	if _, _ = p.Accept(); p.taken != 1 {
		t.Errorf("%d counted, in a part of time that is over", p.taken)
	}
}
