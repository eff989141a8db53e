package app

import (
	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// said reports whether the officer of words that are handed over has told the city itself since: a deposed node may have had
// no answer for them, and they were repeated at another. What has no words does no harm twice.
func (a *App) said(c *dispatch.Command) bool {
	if c.Text == "" || c.By == nil {
		return false
	}
	var timeline []uint64
	a.seq.Replica().Read(func(st *dispatch.State) {
		id := c.Target
		if _, inc, ok := st.Task(id); ok {
			id = inc.ID
		}
		timeline, _, _ = st.Timeline(id)
	})
	for _, seq := range timeline {
		f, err := a.log.FrameAt(seq)
		if err != nil {
			return false
		}
		record, err := sequencer.DecodeRecord(f.Payload)
		if err != nil {
			return false
		}
		was := &record.Command
		if was.IdempotencyKey == "" && was.At >= c.At && was.Action == c.Action && was.Target == c.Target && was.Text == c.Text && was.By != nil && *was.By == *c.By {
			return true
		}
	}
	return false
}
