package app

import (
	"context"
	"sync"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/roster"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// presence watches the consoles: whose connection shows a sign of life keeps the seat present, and silence is
// told to the engine. It decides nothing; the engine does.
type presence struct {
	seq *sequencer.Sequencer
	now func() time.Time

	mu    sync.Mutex
	heard map[string]time.Time // by seat, last sign of life of any of its consoles

	gapsAt time.Time      // when gaps were looked for last
	gapsOf *roster.Roster // in which roster
}

// gapsEvery is how often gaps ahead are looked for in a roster that has not changed.
const gapsEvery = time.Minute

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
	every(ctx, watchEvery, func() {
		if !p.seq.Leads() { // officers have their time to come back once this node does
			began = p.now()
			return
		}
		for _, c := range p.due(began) {
			// A refusal means that things have changed meanwhile; the next look sees them.
			_, _ = p.seq.Do(ctx, c)
		}
	})
}

// due returns the commands that silence and time call for.
func (p *presence) due(began time.Time) []dispatch.Command {
	now := p.now()
	commands := p.gapsDue(now)
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
			_, out := st.SeatMaintenance(on.Seat, alert.TimeOf(now))
			silent := now.Sub(since) > city.Presence.LostAfter && !out
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
		for _, source := range st.MaintenanceDue(alert.TimeOf(now)) {
			commands = append(commands, dispatch.Command{Type: dispatch.SourceAct, Target: source, Action: alert.ActWatch})
		}
	})
	return commands
}

// gapsDue returns the command that gaps in the roster ahead call for.
func (p *presence) gapsDue(now time.Time) []dispatch.Command {
	var city *plan.City
	var held *roster.Roster
	var told []dispatch.Gap
	p.seq.Replica().Read(func(st *dispatch.State) { city, held, told = st.City(), st.Roster(), st.Gaps() })
	if city == nil || held == p.gapsOf && now.Sub(p.gapsAt) < gapsEvery {
		return nil
	}
	p.gapsOf, p.gapsAt = held, now
	closed, opened := dispatch.GapChanges(city, held, told, alert.TimeOf(now))
	if len(closed)+len(opened) == 0 {
		return nil
	}
	return []dispatch.Command{{Type: dispatch.RosterAct, Action: alert.ActWatch}}
}
