package app

import (
	"context"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/hooks"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// openHooks has each target of the data folder follow the journal.
func (a *App) openHooks() error {
	targets, err := hooks.Read(a.o.DataDir)
	if err != nil {
		return err
	}
	for _, t := range targets {
		s, err := hooks.NewSender(t, a.o.DataDir, a.log.LastSeq())
		if err != nil {
			return err
		}
		if a.traces != nil {
			s.Traceparent = a.traceparent
		}
		a.hooks = append(a.hooks, s)
		a.follow("hook "+t.ID, s.After, func(ctx context.Context, frames []journal.Frame) error { return a.sendHooks(ctx, s, frames) })
		labels := map[string]string{"target": t.ID} // as many as stand in the file
		a.metrics.Gauge("banyan_hook_sent_events", "Events sent to a target of webhooks since the start.", labels, func() float64 { return float64(s.Sent.Load()) })
		a.metrics.Gauge("banyan_hook_refused_events", "Events that a target will never take and that were passed over.", labels, func() float64 { return float64(s.Refused.Load()) })
		a.metrics.Gauge("banyan_hook_behind_events", "Events in the journal that a target has not been sent yet.", labels, func() float64 { return float64(a.log.LastSeq() - s.At.Load()) })
	}
	return nil
}

func (a *App) sendHooks(ctx context.Context, s *hooks.Sender, frames []journal.Frame) error {
	for _, f := range frames {
		rec, err := sequencer.DecodeRecord(f.Payload)
		if err != nil {
			return err
		}
		events, err := rec.DecodeEvents()
		if err != nil {
			return err
		}
		if err := s.Send(ctx, events, a.mayLeave); err != nil {
			return err
		}
	}
	return nil
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
