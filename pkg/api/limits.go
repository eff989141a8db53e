package api

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Rate of actions and reads of one key. It bounds a script gone wild, not a busy officer.
const (
	KeyPerSecond = 500
	KeyBurst     = 2_000
	maxLimiters  = 100_000 // keys with a limiter; past it all are forgotten and begin anew with a full burst
)

// limits holds a token bucket for each source and key.
type limits struct {
	now func() time.Time
	mu  *sync.Mutex
	by  map[string]*rate.Limiter
}

func newLimits(now func() time.Time) limits {
	return limits{now: now, mu: new(sync.Mutex), by: map[string]*rate.Limiter{}}
}

func (l *limits) get(id string, perSecond float64, burst int) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	x := l.by[id]
	if x == nil || x.Limit() != rate.Limit(perSecond) || x.Burst() != burst {
		if len(l.by) >= maxLimiters {
			clear(l.by)
		}
		x = rate.NewLimiter(rate.Limit(perSecond), burst)
		l.by[id] = x
	}
	return x
}

// source takes n alerts from the rate of a source.
func (l *limits) source(p *plan.Source, n int) error {
	if l.get("source/"+p.ID, p.PerSecond, p.Burst).AllowN(l.now(), n) {
		return nil
	}
	return alert.Errorf(alert.CodeRateLimited, "source %s sends more than %g alerts a second (burst %d), the rate in its profile: send again later, nothing accepted is lost", p.ID, p.PerSecond, p.Burst)
}

// key takes one request from the rate of a key.
func (l *limits) key(id string) error {
	if l.get("key/"+id, KeyPerSecond, KeyBurst).AllowN(l.now(), 1) {
		return nil
	}
	return alert.Errorf(alert.CodeRateLimited, "this key sends more than %d requests a second (burst %d)", KeyPerSecond, KeyBurst)
}
