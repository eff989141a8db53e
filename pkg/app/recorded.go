package app

import (
	"fmt"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// recorded finds past events in the journal.
type recorded struct{ log *journal.Journal }

// Events implements api.History.
func (h recorded) Events(seq uint64) ([]dispatch.Event, error) {
	f, err := h.log.FrameAt(seq)
	if err != nil {
		return nil, err
	}
	rec, err := sequencer.DecodeRecord(f.Payload)
	if err != nil {
		return nil, err
	}
	return rec.DecodeEvents()
}

// Encoded implements api.History. Sequences are ascending, so each frame is read once.
func (h recorded) Encoded(seqs []uint64) ([][]byte, error) {
	out := make([][]byte, 0, len(seqs))
	var f journal.Frame
	var rec sequencer.Record
	for _, seq := range seqs {
		if seq < f.Seq || seq >= f.Seq+uint64(len(rec.Events)) {
			var err error
			if f, err = h.log.FrameAt(seq); err != nil {
				return nil, err
			}
			if rec, err = sequencer.DecodeRecord(f.Payload); err != nil {
				return nil, err
			}
		}
		if seq-f.Seq >= uint64(len(rec.Events)) {
			return nil, fmt.Errorf("the frame at %d holds no event %d", f.Seq, seq)
		}
		out = append(out, rec.Events[seq-f.Seq])
	}
	return out, nil
}
