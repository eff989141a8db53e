package sequencer

import (
	"encoding/json"
	"fmt"
	"iter"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/journal"
)

// Entry is a frame of the journal on its way to who follows it. What was just committed carries its events with it;
// of what is read back no more is decoded than is asked for.
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

// split finds the events in the frame. The error is dispatch.ErrNewer where a newer engine decided, and ErrOutOfOrder
// where the frame holds others than it says.
func (e *Entry) split() error {
	if e.encoded != nil {
		return nil
	}
	p, err := SplitRecord(e.Payload)
	if err == nil {
		err = dispatch.Readable(p.Engine)
	}
	if err != nil {
		return err
	}
	if len(p.Events) != int(e.Count) {
		return fmt.Errorf("%w: the frame at %d holds other events than it says", ErrOutOfOrder, e.Seq)
	}
	e.encoded = p.Events
	return nil
}

// Events returns the events of the frame, which are everybody's and never written to, and each as the frame has it in
// JSON.
func (e *Entry) Events() ([]dispatch.Event, [][]byte, error) {
	if err := e.split(); err != nil || e.events != nil {
		return e.events, e.encoded, err
	}
	events := make([]dispatch.Event, len(e.encoded))
	for i, raw := range e.encoded {
		if err := json.Unmarshal(raw, &events[i]); err != nil {
			return nil, nil, fmt.Errorf("journal event: %w", err)
		}
	}
	if events[0].Seq != e.Seq {
		return nil, nil, fmt.Errorf("%w: the frame at %d holds other events than it says", ErrOutOfOrder, e.Seq)
	}
	e.events = events
	return events, e.encoded, nil
}

// Item is an event of a frame: what it is and about whom, and its JSON, of which the rest is decoded on demand.
type Item struct {
	Seq      uint64
	At       alert.Time
	Type     dispatch.EventType
	Incident string
	JSON     []byte // of the frame, never written to
	event    *dispatch.Event
}

// Items returns the events of the frame. Its errors are those of Events.
func (e *Entry) Items() ([]Item, error) {
	if err := e.split(); err != nil {
		return nil, err
	}
	items := make([]Item, len(e.encoded))
	for i, raw := range e.encoded {
		it := &items[i]
		it.Seq, it.JSON = e.Seq+uint64(i), raw
		if e.events != nil {
			event := &e.events[i]
			it.At, it.Type, it.Incident, it.event = event.At, event.Type, event.IncidentID, event
			continue
		}
		var failed error
		err := Members(raw, func(name string, value []byte) bool {
			switch name {
			case "at":
				failed = json.Unmarshal(value, &it.At)
			case "type":
				failed = json.Unmarshal(value, &it.Type)
			case "incident_id":
				failed = json.Unmarshal(value, &it.Incident)
				return false // the others stand before it
			}
			return failed == nil
		})
		if err == nil {
			err = failed
		}
		if err != nil {
			return nil, fmt.Errorf("journal event: %w", err)
		}
	}
	return items, nil
}

// Event returns the whole event, which is everybody's and never written to.
func (i *Item) Event() (*dispatch.Event, error) {
	if i.event == nil {
		event, err := DecodeEvent(i.JSON)
		if err != nil {
			return nil, err
		}
		i.event = &event
	}
	return i.event, nil
}
