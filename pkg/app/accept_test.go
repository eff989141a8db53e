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

// TestPacedOnABusyMachine: who is woken late takes more slowly, but makes up for what it has slept.
func TestPacedOnABusyMachine(t *testing.T) {
	const atOnce = 6
	p := &paced{began: time.Now().Add(-acceptEvery - acceptLate - time.Millisecond)}
	if p.rest(atOnce); p.every != acceptSlowest || p.most != atOnce {
		t.Errorf("late: %d every %v, want %d every %v", p.most, p.every, atOnce, acceptSlowest)
	}
	p.began = time.Now().Add(-5*acceptSlowest - time.Millisecond)
	if p.rest(atOnce); p.most < 5*atOnce || p.most > acceptCatchUp*atOnce {
		t.Errorf("after five times %v: %d, want %d", acceptSlowest, p.most, 5*atOnce)
	}
	p.began = time.Now().Add(-time.Hour)
	if p.rest(atOnce); p.most != acceptCatchUp*atOnce {
		t.Errorf("after an hour: %d, want %d", p.most, acceptCatchUp*atOnce)
	}
}
