package app

import (
	"context"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/history"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// History is in no hurry: it rests within a portion after every few milliseconds, so that the writer never finds a
// processor taken for long, and between portions, so that what comes meanwhile is one.
const (
	historyRest = time.Second // while it keeps up
	historyDuty = 7           // times as long as it worked
)

// archive is the read model as the API asks it.
type archive struct{ *history.Store }

// Find implements api.Archive.
func (a archive) Find(ctx context.Context, q api.PastQuery, yield func(uint64, *alert.Incident) bool) error {
	return a.Store.Find(ctx, history.Query(q), yield)
}

// Searchable implements api.Archive.
func (archive) Searchable(words string) bool { return history.Searchable(words) }

// openHistory opens the read model and has it follow the journal.
func (a *App) openHistory() (err error) {
	if a.o.NoHistory {
		return nil
	}
	if a.past, err = history.Open(a.o.DataDir); err != nil {
		return err
	}
	a.past.Rest(historyDuty)
	a.follow(&follower{
		name:  "history",
		after: func(context.Context) (uint64, error) { return a.past.After(a.log) },
		take: func(ctx context.Context, entries []sequencer.Entry) error {
			if err := a.past.Take(ctx, entries); err != nil || len(entries) == maxFollowFrames {
				return err
			}
			pause(ctx, historyRest)
			return nil
		},
	})
	a.metrics.Gauge("banyan_history_lag_events", "Events in the journal that searches and statistics do not know yet.", nil, func() float64 {
		seq, err := a.past.Seq(context.Background())
		if err != nil {
			return -1
		}
		return float64(a.log.LastSeq()) - float64(seq)
	})
	return nil
}

// archive returns what the API asks about the past, nil where history is off.
func (a *App) archive() api.Archive {
	if a.past == nil {
		return nil
	}
	return archive{a.past}
}
