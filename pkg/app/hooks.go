package app

import (
	"context"
	"maps"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/hooks"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

const (
	keepHooksEvery = time.Second // at most this much is sent again after a crash, or by another node
	hearHooksEvery = 10          // times as long: how often a node that does not send asks how far the targets came
	placesTimeout  = 500 * time.Millisecond
)

// openHooks has each target of the data folder follow the journal of the node that leads.
func (a *App) openHooks() error {
	targets, err := hooks.Read(a.o.DataDir)
	if err != nil {
		return err
	}
	for _, t := range targets {
		s, err := hooks.NewSender(t, a.o.DataDir, a.o.City.ID, epochs{a.log})
		if err != nil {
			return err
		}
		if a.traces != nil {
			s.Traceparent = a.traceparent
		}
		a.hooks = append(a.hooks, s)
		a.follow(&follower{
			name: "hook " + t.ID, leads: true,
			after: func(ctx context.Context) (uint64, error) {
				a.hearHooks(ctx) // from who led before
				return s.Begin()
			},
			take: func(ctx context.Context, entries []sequencer.Entry) error { return s.Send(ctx, entries, a.mayLeave) },
		})
		labels := map[string]string{"target": t.ID} // as many as stand in the file
		a.metrics.Gauge("banyan_hook_sent_events", "Events sent to a target of webhooks since the start.", labels, func() float64 { return float64(s.Sent.Load()) })
		a.metrics.Gauge("banyan_hook_refused_events", "Events that a target will never take and that were passed over.", labels, func() float64 { return float64(s.Refused.Load()) })
		a.metrics.Gauge("banyan_hook_behind_events", "Events in the journal that a target has not been sent yet; 0 where another node sends.", labels, func() float64 {
			if !a.leads() {
				return 0
			}
			return float64(a.log.LastSeq() - s.At.Load())
		})
	}
	return nil
}

// epochs is the journal as senders see it.
type epochs struct{ *journal.Journal }

// EpochAt implements hooks.Log.
func (e epochs) EpochAt(seq uint64) (uint32, error) {
	f, err := e.FrameAt(seq)
	return f.Epoch, err
}

// places are how far targets of webhooks came, as Redis knows it.
type places struct {
	client redis.UniversalClient // nil: this node is alone
	key    string
	told   map[string]any // what it was told last
}

// keepHooks keeps how far the targets came: in the data folder, and by the node that sends in Redis, for the one that
// will when it is lost.
func (a *App) keepHooks(ctx context.Context) {
	if len(a.hooks) == 0 {
		return
	}
	n := 0
	every(ctx, keepHooksEvery, func() {
		if n++; n%hearHooksEvery == 0 {
			a.places.told = nil // Redis may have been emptied
			if !a.seq.Leads() {
				a.hearHooks(ctx)
			}
		}
		for _, s := range a.hooks {
			if err := s.Keep(); err != nil {
				a.o.Logger.Warn("how far a target of webhooks came is not kept: more comes twice after a crash", "target", s.ID, "error", err)
			}
		}
		a.tellHooks(ctx)
	})
}

// tellHooks tells Redis how far the targets came, if this node sends what is the city's. What it is told is true whoever
// tells it last: a place is of an epoch. An epoch that Redis does not know may be none of the city's.
func (a *App) tellHooks(ctx context.Context) {
	p := &a.places
	if p.client == nil || !a.seq.Leads() || !a.cluster.claimed.Load() {
		return
	}
	next := map[string]any{}
	for _, s := range a.hooks {
		if place := s.Place().String(); p.told[s.ID] != place {
			next[s.ID] = place
		}
	}
	if len(next) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, placesTimeout)
	defer cancel()
	if err := p.client.HSet(ctx, p.key, next).Err(); err != nil {
		a.o.Logger.Debug("redis is not told how far webhooks came", "error", err)
		return
	}
	if p.told == nil {
		p.told = map[string]any{}
	}
	maps.Copy(p.told, next)
}

// hearHooks hears from Redis how far the targets came. Without it this node knows what it heard or sent itself.
func (a *App) hearHooks(ctx context.Context) {
	p := &a.places
	if p.client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, placesTimeout)
	defer cancel()
	all, err := p.client.HGetAll(ctx, p.key).Result()
	for _, s := range a.hooks {
		if text := all[s.ID]; err == nil && text != "" {
			var place hooks.Place
			if place, err = hooks.ParsePlace(text); err == nil {
				s.Heard(place)
			}
		}
	}
	if err != nil {
		a.o.Logger.Debug("redis does not say how far webhooks came", "error", err)
	}
}

// mayLeave reports whether an incident may be told to other systems: sealed ones never, and neither those that are no
// longer in memory, of which nobody knows.
func (a *App) mayLeave(incident string) (open bool) {
	a.seq.Replica().Read(func(st *dispatch.State) {
		doc, ok := st.Incident(incident)
		open = ok && doc.Sensitivity != alert.Sealed
	})
	return open
}
