package app

import (
	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// noted reports whether a note that is handed over is there already, word for word and by the same officer: Redis may lose
// that it was taken, and whatever else is handed over does no harm twice.
func (a *App) noted(c *dispatch.Command) bool {
	if c.Action != alert.ActNote || c.By == nil {
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
		if was := record.Command; was.Action == alert.ActNote && was.Text == c.Text && was.By != nil && *was.By == *c.By {
			return true
		}
	}
	return false
}
