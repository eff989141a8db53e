package link

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// patience is how long the test waits for something that must happen.
const patience = 20 * time.Second

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
	k := New(t, echo.Addr().String())
	c, err := net.Dial("tcp", k.Addr())
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
	k.Set(Mute)
	say("b")
	if got := <-heard + back(shortly); got != "bnothing" {
		t.Errorf("mute: %s", got)
	}
	k.Set(Open)
	if got := back(patience); got != "b" {
		t.Errorf("what was held back came as %s", got)
	}
	for _, state := range []State{Deaf, Hole} {
		k.Set(state)
		say("c")
		if got := back(shortly); got != "nothing" || len(heard) != 0 {
			t.Errorf("%s: %s, %d heard", state, got, len(heard))
		}
		k.Set(Open)
		if got := back(patience) + <-heard; got != "cc" {
			t.Errorf("%s, and opened: %s", state, got)
		}
	}
	k.Set(Slow)
	began := time.Now()
	say("d")
	if got := back(patience); got != "d" || time.Since(began) < 2*Delay {
		t.Errorf("slow: %s after %v", got, time.Since(began))
	}
	k.Set(Cut)
	if got := back(patience); got != "the end" {
		t.Errorf("cut: %s", got)
	}
	if other, err := net.Dial("tcp", k.Addr()); err == nil {
		if b, err := io.ReadAll(other); err == nil && len(b) > 0 || err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("cut, and a new connection: %q %v", b, err)
		}
		_ = other.Close()
	}
}
