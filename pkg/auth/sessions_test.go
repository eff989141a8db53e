package auth

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSessionLifetimes(t *testing.T) {
	h := newHall(t)
	h.user("chenzq")
	idle, busy := h.enters("chenzq", home), h.enters("chenzq", home)
	p, _ := h.Who(busy)
	for h.now().Before(p.Expires.Add(-time.Minute)) {
		h.wait(SessionIdle - time.Second)
		if !h.now().Before(p.Expires) {
			break
		}
		if _, ok := h.Who(busy); !ok {
			t.Fatalf("a session in use ended %v early", p.Expires.Sub(h.now()))
		}
	}
	if _, ok := h.Who(idle); ok {
		t.Error("a session nobody used goes on")
	}
	h.at = p.Expires.Add(-time.Nanosecond)
	if h.Touch(p.Session); !h.Touch(p.Session) { // an open console is use
		t.Error("it ends before its time")
	}
	h.at = p.Expires
	if _, ok := h.Who(busy); ok || h.Touch(p.Session) {
		t.Error("it goes on for ever if it is used")
	}
}

// TestSessionsSurviveARestart: a token works after a restart and after a crash, and is nowhere in the files.
func TestSessionsSurviveARestart(t *testing.T) {
	h := newHall(t)
	h.user("chenzq")
	token, gone := h.enters("chenzq", home), h.enters("chenzq", home)
	h.wait(20 * time.Minute)
	if _, ok := h.Who(token); !ok {
		t.Fatal("lost")
	}
	if err := h.Logout(gone); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(h.dir, SessionsFile)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), token) || !strings.Contains(string(b), hash(token)) {
		t.Errorf("the file holds %s", b)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, want 0600", info.Mode().Perm())
	}
	h.wait(20 * time.Minute) // since the log-in too long, since the last use not
	h.open()                 // as after a crash: nothing was closed
	if _, ok := h.Who(token); !ok {
		t.Error("a session in use is lost")
	}
	if _, ok := h.Who(gone); ok {
		t.Error("a session that was ended is back")
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	// A torn line costs whose it was their session, and nobody else's.
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"id":"0123`); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	h.open()
	if _, ok := h.Who(token); !ok {
		t.Error("a torn line behind it ended a session")
	}
	later := h.enters("chenzq", home)
	h.wait(SessionIdle)
	h.open()
	for _, x := range []string{token, later} {
		if _, ok := h.Who(x); ok {
			t.Error("idle time stops while the server does")
		}
	}
}

// TestSessionsAreBounded: of one person so many, in all so many, and the file does not grow for ever.
func TestSessionsAreBounded(t *testing.T) {
	h := newHall(t)
	h.user("chenzq")
	h.user("linzb")
	other := h.enters("linzb", home)
	var tokens []string
	for range MaxSessionsPerUser + 3 {
		tokens = append(tokens, h.enters("chenzq", home))
		h.wait(time.Second)
	}
	for i, token := range tokens {
		if _, ok := h.Who(token); ok != (i >= 3) {
			t.Errorf("session %d of %d: %v", i, len(tokens), ok)
		}
	}
	if _, ok := h.Who(other); !ok {
		t.Error("somebody else's session ended")
	}
	s, now := h.sessions, h.now()
	for n := len(s.byID); n < MaxSessions; n++ {
		s.byID[fmt.Sprint(n)] = &held{Session: Session{ID: fmt.Sprint(n), User: fmt.Sprint(n), Created: now, Used: now}}
	}
	if _, _, err := h.Login(t.Context(), "linzb", goodPassword, home); err == nil || !strings.Contains(err.Error(), "no more") {
		t.Errorf("one session too many: %v", err)
	}
	h.wait(SessionIdle)
	h.enters("linzb", home)
	if n := len(s.byID); n != 1 {
		t.Errorf("%d sessions are held, want those that are not over: 1", n)
	}
	for range 3 * compactAfter {
		if err := s.write(&Session{ID: "x", User: "x"}, false); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(s.path)
	if n := strings.Count(string(b), "\n"); err != nil || n > compactAfter+10 {
		t.Errorf("the file has %d lines, %v", n, err)
	}
}

// TestSessionsOfTwoNodes: nodes that have one folder know each other's sessions: at once who came, soon who went, and
// neither loses the other's when it writes the file anew.
func TestSessionsOfTwoNodes(t *testing.T) {
	a := newHall(t)
	a.user("chenzq")
	b := &hall{t: t, dir: a.dir, at: a.at}
	b.open()
	token := a.enters("chenzq", home)
	if _, ok := b.Who(token); !ok {
		t.Fatal("the other node does not know who signed in")
	}
	if err := a.Logout(token); err != nil {
		t.Fatal(err)
	}
	b.sessions.checked.Store(0) // some time later
	if _, ok := b.Who(token); ok {
		t.Error("at the other node a session goes on that was ended")
	}
	var tokens []string
	for i := range MaxSessionsPerUser {
		node := []*hall{a, b}[i%2]
		tokens = append(tokens, node.enters("chenzq", home))
		for range compactAfter / 3 {
			if err := node.sessions.write(&Session{ID: "x", User: "x"}, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, token := range tokens {
		for name, node := range map[string]*hall{"a": a, "b": b} {
			if _, ok := node.Who(token); !ok {
				t.Errorf("session %d is lost at %s", i, name)
			}
		}
	}
	b2, err := os.ReadFile(a.sessions.path)
	if n := strings.Count(string(b2), "\n"); err != nil || n > 2*compactAfter {
		t.Errorf("the file has %d lines, %v", n, err)
	}
}
