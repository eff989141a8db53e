package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// presence watches the consoles: whose connection shows a sign of life keeps the seat present, and silence is
// told to the engine. It decides nothing; the engine does.
type presence struct {
	seq *sequencer.Sequencer
	now func() time.Time

	mu    sync.Mutex
	heard map[string]time.Time // by seat, last sign of life of any of its consoles
}

// watchEvery is how often silence is looked for.
const watchEvery = time.Second

func newPresence(seq *sequencer.Sequencer, now func() time.Time) *presence {
	return &presence{seq: seq, now: now, heard: map[string]time.Time{}}
}

// hear notes a sign of life of a seat's console.
func (p *presence) hear(seat string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.heard[seat] = p.now()
}

// run looks at every seat somebody is signed on at until ctx ends. Those who were signed on when the server
// began have their time to come back.
func (p *presence) run(ctx context.Context) {
	began := p.now()
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, c := range p.due(began) {
			// A refusal means that things have changed meanwhile; the next look sees them.
			if _, err := p.seq.Do(ctx, c); errors.Is(err, context.Canceled) {
				return
			}
		}
	}
}

// due returns the commands that silence and time call for.
func (p *presence) due(began time.Time) []dispatch.Command {
	now := p.now()
	var commands []dispatch.Command
	add := func(seat string, a alert.Action) {
		commands = append(commands, dispatch.Command{Type: dispatch.SeatAct, Target: seat, Action: a})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seq.Replica().Read(func(st *dispatch.State) {
		city := st.City()
		if city == nil {
			return
		}
		for _, on := range st.SignOns() {
			since := on.At.Std()
			for _, t := range []time.Time{began, p.heard[on.Seat]} {
				if t.After(since) {
					since = t
				}
			}
			silent := now.Sub(since) > city.Presence.LostAfter
			switch {
			case silent && (on.LostAt == 0 || st.LoadOf(on.Seat).Waiting > 0):
				add(on.Seat, alert.ActLose)
			case !silent && on.LostAt != 0:
				add(on.Seat, alert.ActFind)
			}
		}
		for _, seat := range st.WatchDue(alert.TimeOf(now)) {
			add(seat, alert.ActWatch)
		}
	})
	return commands
}
