package auth

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTenThousandGuesses lets somebody guess at one officer ten times a second. Almost none of it is looked at,
// all of it is counted, the file stays short, and the officer is not kept out.
func TestTenThousandGuesses(t *testing.T) {
	h := newHall(t)
	log := NewAttemptLog(h.dir)
	h.user("chenzq")
	h.enters("chenzq", home)
	const guesses, every = 10_000, 100 * time.Millisecond
	var longest time.Duration
	looked, began := 0, h.now()
	for range guesses {
		wait := h.guess("chenzq", stranger)
		if wait == 0 {
			looked++
		}
		longest = max(longest, wait)
		h.wait(every)
	}
	took := h.now().Sub(began)
	t.Logf("%d guesses in %v: %d looked at, longest wait %v", guesses, took, looked, longest)
	if most := FreeNameAttempts + 12; looked > most || looked < FreeNameAttempts { // 1+2+4+…+512 s
		t.Errorf("%d were looked at in %v, want at most %d", looked, took, most)
	}
	if n := h.hasher.done.Load(); n != int64(looked)+1 {
		t.Errorf("%d passwords were hashed for %d that were looked at", n, looked)
	}
	if longest > LongestDelay || longest < LongestDelay/4 {
		t.Errorf("the longest wait is %v", longest)
	}
	n := h.counts()
	if n[WrongPassword] != looked || n[Slowed] != guesses-looked || n[SignedIn] != 1 {
		t.Errorf("recorded: %v, of %d guesses", n, guesses)
	}
	if m := len(h.lockout.marks); m > 2 {
		t.Errorf("%d names and addresses are held", m)
	}
	h.enters("chenzq", home) // from where they are known
	if wait := h.guess("chenzq", stranger); wait == 0 {
		t.Error("a good log-in elsewhere gave the stranger new tries")
	}
	for _, a := range h.tried {
		if err := log.Add(a); err != nil {
			t.Fatal(err)
		}
	}
	recorded(t, h, looked)
}

// recorded holds the file of attempts against what happened.
func recorded(t *testing.T, h *hall, looked int) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(h.dir, AttemptsFile))
	if err != nil {
		t.Fatal(err)
	}
	lines, slowed := strings.Split(strings.TrimSpace(string(b)), "\n"), 0
	for _, line := range lines {
		var a Attempt
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		if a.Outcome != Slowed {
			slowed += a.Slowed
		}
	}
	if len(lines) > 3*looked || len(lines) < looked {
		t.Errorf("%d lines for %d attempts that were looked at", len(lines), looked)
	}
	if last := h.tried[len(h.tried)-1]; last.Outcome == Slowed {
		slowed += last.Slowed
	}
	if want := h.counts()[Slowed]; slowed < want { // the name and the address count on their own
		t.Errorf("the lines speak of %d slowed attempts, there were %d", slowed, want)
	}
}

// TestSlowly goes on for a month: a patient guesser gets as many tries as the longest delay allows.
func TestSlowly(t *testing.T) {
	h := newHall(t)
	h.user("chenzq")
	looked, end := 0, h.now().Add(30*24*time.Hour)
	for h.now().Before(end) {
		if wait := h.guess("chenzq", stranger); wait > 0 {
			h.wait(wait)
			continue
		}
		looked++
	}
	if most := int(30*24*time.Hour/LongestDelay) + 50; looked > most {
		t.Errorf("%d tries in a month, want at most %d", looked, most)
	}
}

// TestOnePasswordOnAllNames: from one address, changing the name gains nothing.
func TestOnePasswordOnAllNames(t *testing.T) {
	h := newHall(t)
	looked := 0
	for n := range 10_000 {
		if h.guess(fmt.Sprintf("name-%d", n), stranger) == 0 {
			looked++
		}
		h.wait(100 * time.Millisecond)
	}
	if looked > FreeAddressAttempts+30 || looked < FreeAddressAttempts {
		t.Errorf("%d names were tried in 1000 s", looked)
	}
	h.user("chenzq")
	h.enters("chenzq", home) // others are not concerned
}

// TestManyAddresses: on one name, changing the address gains nothing, and the tables stay bounded. IPv6
// addresses of one subscriber are one.
func TestManyAddresses(t *testing.T) {
	h := newHall(t)
	h.user("chenzq")
	h.enters("chenzq", home)
	looked := 0
	for n := range 10_000 {
		if h.guess("chenzq", netip.AddrFrom4([4]byte{100, 64, byte(n >> 8), byte(n)})) == 0 {
			looked++
		}
		h.wait(100 * time.Millisecond)
	}
	if looked > FreeNameAttempts+12 {
		t.Errorf("%d were looked at", looked)
	}
	h.enters("chenzq", home)
	looked = 0
	for n := range 1000 {
		a := netip.MustParseAddr("2001:db8:1:2::1").As16()
		a[15], a[14], a[9] = byte(n), byte(n>>8), byte(n>>4)
		if h.guess(fmt.Sprintf("name-%d", n), netip.AddrFrom16(a)) == 0 {
			looked++
		}
	}
	if looked > FreeAddressAttempts+1 {
		t.Errorf("%d were looked at from one /64", looked)
	}
}

// TestTablesAreBounded floods the table with names nobody has, from addresses all over. It does not grow past
// its bound, and the name that is really guessed at stays slowed.
func TestTablesAreBounded(t *testing.T) {
	l, now := newLockout(), time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	for n := range FreeNameAttempts + 10 {
		l.begin("chenzq", netip.AddrFrom4([4]byte{9, 9, 9, byte(n)}), now)
		now = now.Add(LongestDelay / 2)
	}
	chance := rand.New(rand.NewPCG(1, 2))
	for n := range MaxTracked {
		a := netip.AddrFrom4([4]byte{byte(chance.Uint32()), byte(chance.Uint32()), byte(chance.Uint32()), byte(chance.Uint32())})
		tk, wait, _ := l.begin(fmt.Sprintf("name-%d", n), a, now)
		if wait == 0 && n%2 == 0 {
			l.good(tk, now)
		}
	}
	if len(l.marks) > MaxTracked || len(l.known) > MaxKnown {
		t.Errorf("%d marks and %d known pairs", len(l.marks), len(l.known))
	}
	if len(l.marks) < MaxTracked/2 || len(l.known) < MaxKnown {
		t.Errorf("%d marks and %d known pairs: the flood was none", len(l.marks), len(l.known))
	}
	if m := l.marks[suspect{name: "chenzq"}]; m == nil || m.attempts < FreeNameAttempts {
		t.Errorf("the flood made the name forgotten: %+v", m)
	}
}

// TestAtOnce: attempts under way count as bad ones, so many at once gain nothing.
func TestAtOnce(t *testing.T) {
	l, now := newLockout(), time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	var through []ticket
	for range 100 {
		if tk, wait, _ := l.begin("chenzq", stranger, now); wait == 0 {
			through = append(through, tk)
		}
	}
	if len(through) != FreeNameAttempts+1 {
		t.Errorf("%d of 100 at once were let through", len(through))
	}
	for _, tk := range through { // nobody could look at them: nothing is held against anybody
		l.unjudged(tk)
	}
	if _, wait, _ := l.begin("chenzq", stranger, now); wait != 0 {
		t.Errorf("attempts nobody looked at cost %v", wait)
	}
}

// TestForgiven: an officer who mistypes a few times and then gets it right is at no disadvantage, nor is the
// hall, and what is held against a name is forgotten by and by.
func TestForgiven(t *testing.T) {
	h := newHall(t)
	h.user("chenzq")
	for range 200 {
		for range 3 {
			if wait := h.guess("chenzq", home); wait > 0 {
				t.Fatalf("slowed by %v", wait)
			}
		}
		h.enters("chenzq", home)
		h.wait(5 * time.Minute)
	}
	for range FreeNameAttempts + 3 {
		h.wait(h.guess("linzb", stranger))
	}
	h.wait(12 * time.Hour)
	for range FreeNameAttempts {
		if wait := h.guess("linzb", stranger); wait > 0 {
			t.Fatalf("half a day later: slowed by %v", wait)
		}
	}
}

func TestAttemptLogIsBounded(t *testing.T) {
	l := NewAttemptLog(t.TempDir())
	l.most = 2000
	for n := range 200 {
		if err := l.Add(Attempt{Name: fmt.Sprint(n), Outcome: WrongPassword}); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range []Attempt{{Name: "hidden", Outcome: Slowed, Slowed: 2}, {Name: "hidden", Outcome: Busy}} {
		if err := l.Add(a); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{l.path, l.path + ".1"} {
		b, err := os.ReadFile(path)
		if err != nil || len(b) > 2200 || strings.Contains(string(b), "hidden") {
			t.Errorf("%s: %d bytes, %v", path, len(b), err)
		}
	}
	if b, _ := os.ReadFile(l.path); !strings.Contains(string(b), `"name":"199"`) {
		t.Errorf("the last is not there: %s", b)
	}
	if files, _ := filepath.Glob(l.path + "*"); len(files) != 2 {
		t.Errorf("files: %v", files)
	}
}
