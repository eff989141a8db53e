package sequencer

import (
	"fmt"
	"iter"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/journal"
)

// Entry is a frame of the journal on its way to who follows it. What was just committed carries its events with it,
// what is read back is decoded when it is asked for.
type Entry struct {
	journal.Frame
	events  []dispatch.Event
	encoded [][]byte
}

// Entries are the frames of a committed batch.
func (c *Committed) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		at := 0
		for _, f := range c.Frames {
			to := at + int(f.Count)
			if !yield(Entry{f, c.Events[at:to:to], c.Encoded[at:to:to]}) {
				return
			}
			at = to
		}
	}
}

// Events returns the events of the frame, which are everybody's and never written to, and each as the frame has it in
// JSON. The error is dispatch.ErrNewer where a newer engine decided, and ErrOutOfOrder where the frame is not what it
// says.
func (e *Entry) Events() ([]dispatch.Event, [][]byte, error) {
	if e.events != nil {
		return e.events, e.encoded, nil
	}
	rec, err := DecodeRecord(e.Payload)
	if err != nil {
		return nil, nil, err
	}
	events, err := rec.DecodeEvents()
	if err != nil {
		return nil, nil, err
	}
	if len(events) != int(e.Count) || events[0].Seq != e.Seq {
		return nil, nil, fmt.Errorf("%w: the frame at %d holds other events than it says", ErrOutOfOrder, e.Seq)
	}
	encoded := make([][]byte, len(rec.Events))
	for i, raw := range rec.Events {
		encoded[i] = raw
	}
	e.events, e.encoded = events, encoded
	return events, encoded, nil
}
