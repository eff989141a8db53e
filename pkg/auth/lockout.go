package auth

import (
	"net/netip"
	"sync"
	"time"
)

// How guessing is slowed. Attempts beyond the free ones are followed by a delay that doubles with each. An
// address gets more free ones than a name, because a hall of officers may share one; both are forgotten by and
// by. A name is judged apart for addresses it was signed in from before, so that a stranger who guesses cannot
// keep an officer out.
const (
	FreeNameAttempts    = 5
	FreeAddressAttempts = 20
	FirstDelay          = time.Second
	LongestDelay        = 15 * time.Minute
	NameForgets         = time.Hour   // one attempt on a name is forgotten in
	AddressForgets      = time.Minute // one attempt from an address is forgotten in
	KnownFor            = 30 * 24 * time.Hour
	MaxTracked          = 50_000 // names, addresses and pairs that are being slowed
	MaxKnown            = 20_000 // pairs of name and address with a good log-in
	evictionSample      = 32
)

// suspect is what is being slowed: a name, an address, or a name from an address it is known to use.
type suspect struct {
	name    string
	address netip.Addr
}

// mark is what is held against a suspect.
type mark struct {
	attempts int       // not forgotten; a good one is taken back
	counted  time.Time // up to when attempts have been forgotten
	until    time.Time // refused before
	refused  int       // since the last that was let through
}

// lockout slows guessing. It is safe for concurrent use.
type lockout struct {
	mu    sync.Mutex
	marks map[suspect]*mark
	known map[suspect]time.Time // last good log-in
}

func newLockout() *lockout {
	return &lockout{marks: map[suspect]*mark{}, known: map[suspect]time.Time{}}
}

// network is the part of an address that one party holds: an IPv6 subscriber has at least a /64.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, _ := a.Prefix(64) // fails for a length out of range only
		return p.Addr()
	}
	return a
}

// suspects returns the marks an attempt counts against: one on the name, one on the address.
func (l *lockout) suspects(name string, address netip.Addr, now time.Time) [2]suspect {
	pair := suspect{name, address}
	if last, ok := l.known[pair]; ok && now.Sub(last) < KnownFor {
		return [2]suspect{pair, {address: address}}
	}
	return [2]suspect{{name: name}, {address: address}}
}

// ticket is an attempt that was let through.
type ticket struct {
	suspects [2]suspect
	pair     suspect
}

// begin lets an attempt through or says how long to wait. It is counted as a bad one from now on, so that many
// at once gain nothing. Refused is how many were turned away since the last one that was let through; for one
// that is turned away itself, it included.
func (l *lockout) begin(name string, address netip.Addr, now time.Time) (t ticket, wait time.Duration, refused int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	address = network(address)
	t = ticket{l.suspects(name, address, now), suspect{name, address}}
	for _, s := range t.suspects {
		if m := l.marks[s]; m != nil && now.Before(m.until) {
			m.refused++
			wait, refused = max(wait, m.until.Sub(now)), max(refused, m.refused)
		}
	}
	if wait > 0 {
		return t, wait, refused
	}
	for _, s := range t.suspects {
		m := l.mark(s, now)
		refused += m.refused
		m.refused = 0
		m.forget(s, now)
		m.attempts++
		if over := m.attempts - s.free(); over > 0 {
			m.until = now.Add(min(FirstDelay<<min(over-1, 30), LongestDelay))
		}
	}
	return t, 0, refused
}

func (s suspect) free() int {
	if s.name == "" {
		return FreeAddressAttempts
	}
	return FreeNameAttempts
}

// forget takes off what time has.
func (m *mark) forget(s suspect, now time.Time) {
	each := NameForgets
	if s.name == "" {
		each = AddressForgets
	}
	if gone := int(now.Sub(m.counted) / each); gone >= m.attempts {
		m.attempts, m.counted = 0, now
	} else if gone > 0 {
		m.attempts, m.counted = m.attempts-gone, m.counted.Add(time.Duration(gone)*each)
	}
}

// good ends what is held against the name; of the address, only the attempt itself is taken back.
func (l *lockout) good(t ticket, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.marks, t.suspects[0])
	l.takeBack(t.suspects[1])
	if _, again := l.known[t.pair]; !again && len(l.known) >= MaxKnown {
		evict(l.known, func(a, b time.Time) bool { return a.Before(b) })
	}
	l.known[t.pair] = now
}

// unjudged takes back an attempt of which nobody knows whether it was good.
func (l *lockout) unjudged(t ticket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range t.suspects {
		l.takeBack(s)
	}
}

func (l *lockout) takeBack(s suspect) {
	m := l.marks[s]
	if m == nil || m.attempts == 0 {
		return
	}
	if m.attempts--; m.attempts <= s.free() {
		m.until = time.Time{}
	}
	if m.attempts == 0 && m.refused == 0 {
		delete(l.marks, s)
	}
}

func (l *lockout) mark(s suspect, now time.Time) *mark {
	m := l.marks[s]
	if m == nil {
		if len(l.marks) >= MaxTracked {
			evict(l.marks, func(a, b *mark) bool {
				return a.attempts < b.attempts || a.attempts == b.attempts && a.counted.Before(b.counted)
			})
		}
		m = &mark{counted: now}
		l.marks[s] = m
	}
	return m
}

// evict makes room for one: of some, the one that less says matters least. Who fills the table with names that
// nobody has cannot make it forget the name that is guessed at.
func evict[V any](m map[suspect]V, less func(a, b V) bool) {
	var least suspect
	n := 0
	for s, v := range m {
		if n == 0 || less(v, m[least]) {
			least = s
		}
		if n++; n == evictionSample {
			break
		}
	}
	delete(m, least)
}
