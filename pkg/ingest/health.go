package ingest

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Health is how a source has been doing since the server began.
type Health struct {
	LastHeard  time.Time     // zero: not yet
	PerSecond  float64       // messages, over the last minute or two
	Lag        time.Duration // from occurred to received, a moving mean
	Errors     uint64        // messages refused
	Messages   uint64
	Quarantine uint64 // messages that went into quarantine
}

// window is over how long a rate is taken.
const window = time.Minute

// lagWeight is what the newest lag counts in the moving mean.
const lagWeight = 0.1

// pulse is the health of one source as it is kept. There are as many as configured sources.
type pulse struct {
	mu      sync.Mutex
	health  Health
	began   time.Time // of the present window
	now     float64   // messages in it
	before  float64   // in the one before
	lags    bool
	limiter *rate.Limiter
	warned  time.Time // when the log said that the quarantine is full
}

// pulse returns the pulse of a source that is configured.
func (d *Door) pulse(source string) *pulse {
	if p, ok := d.pulses.Load(source); ok {
		return p.(*pulse)
	}
	p, _ := d.pulses.LoadOrStore(source, &pulse{})
	return p.(*pulse)
}

// roll moves the window on to now.
func (p *pulse) roll(now time.Time) {
	switch past := now.Sub(p.began); {
	case past >= 2*window:
		p.began, p.before, p.now = now, 0, 0
	case past >= window:
		p.began, p.before, p.now = p.began.Add(window), p.now, 0
	}
}

// Hear notes a sign of life of a source: a message, or with occurred 0 a mere heartbeat.
func (d *Door) Hear(source string, occurred alert.Time) {
	now := d.o.Now()
	p := d.pulse(source)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.roll(now)
	p.health.LastHeard = now
	if occurred == 0 {
		return
	}
	lag := now.Sub(occurred.Std())
	if p.lags {
		lag = p.health.Lag + time.Duration(lagWeight*float64(lag-p.health.Lag))
	}
	p.health.Lag, p.lags = lag, true
}

// Count notes what became of a message of a source.
func (d *Door) Count(source string, s Status) {
	p := d.pulse(source)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.roll(d.o.Now())
	p.now++
	p.health.Messages++
	switch s {
	case Refused:
		p.health.Errors++
	case Quarantined:
		p.health.Quarantine++
	}
}

// Health returns how a source is doing.
func (d *Door) Health(source string) Health {
	p := d.pulse(source)
	p.mu.Lock()
	defer p.mu.Unlock()
	now := d.o.Now()
	p.roll(now)
	h := p.health
	part := float64(now.Sub(p.began)) / float64(window) // of the present window
	h.PerSecond = (p.before*(1-part) + p.now) / window.Seconds()
	return h
}

// allow takes a message from the rate of a source.
func (d *Door) allow(src *plan.Source) error {
	p := d.pulse(src.ID)
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.limiter; l == nil || float64(l.Limit()) != src.PerSecond || l.Burst() != src.Burst {
		p.limiter = rate.NewLimiter(rate.Limit(src.PerSecond), src.Burst)
	}
	if p.limiter.AllowN(d.o.Now(), 1) {
		return nil
	}
	return alert.Errorf(alert.CodeRateLimited, "source %s sends more than %g messages a second (burst %d), the rate in its profile: send again later, nothing accepted is lost", src.ID, src.PerSecond, src.Burst)
}
