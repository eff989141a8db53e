package sequencer

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/banyan-ecc/banyan/dispatch"
)

// Record is what one journal frame holds: a command and the events it made, with the engine that decided
// and the digest of the configuration it decided under.
type Record struct {
	Engine  int               `json:"engine"`
	Digest  string            `json:"digest"`
	Command dispatch.Command  `json:"command"`
	Events  []json.RawMessage `json:"events"`
}

// encoder turns events and commands into JSON, each once.
type encoder struct {
	buf   []byte
	spans []span // of the events in it
}

type span struct{ from, to int }

// document is what encodes itself.
type document interface{ AppendJSON([]byte) []byte }

// encode returns the JSON of v in memory of its own.
func (e *encoder) encode(v document) []byte {
	e.buf = v.AppendJSON(e.buf[:0])
	return bytes.Clone(e.buf)
}

// frame returns the payload of a frame, and encoded with each event as it stands in it: what goes to the journal, to
// screens and to mirrors is encoded once and shares its memory.
func (e *encoder) frame(digest string, c *dispatch.Command, events []dispatch.Event, encoded [][]byte) (payload []byte, _ [][]byte) {
	b := c.AppendJSON(appendHead(e.buf[:0], dispatch.EngineVersion, digest))
	b = append(b, recordEvents...)
	e.spans = e.spans[:0]
	for i := range events {
		if i > 0 {
			b = append(b, ',')
		}
		at := len(b)
		b = events[i].AppendJSON(b)
		e.spans = append(e.spans, span{at, len(b)})
	}
	e.buf = append(b, recordEnd...)
	payload = bytes.Clone(e.buf)
	for _, s := range e.spans {
		encoded = append(encoded, payload[s.from:s.to:s.to])
	}
	return payload, encoded
}

// EncodeEvents returns the JSON of each event, as the journal, the push hub and every mirror carry it.
func EncodeEvents(events []dispatch.Event) [][]byte {
	var e encoder
	out := make([][]byte, len(events))
	for i := range events {
		out[i] = e.encode(&events[i])
	}
	return out
}

// DecodeRecord reads the payload of a frame.
func DecodeRecord(payload []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(payload, &r); err != nil {
		return Record{}, fmt.Errorf("journal record: %w", err)
	}
	return r, nil
}

// DecodeEvents reads the events of a record. They are none, and the error dispatch.ErrNewer, where a newer engine
// decided.
func (r *Record) DecodeEvents() ([]dispatch.Event, error) {
	if err := dispatch.Readable(r.Engine); err != nil {
		return nil, err
	}
	out := make([]dispatch.Event, len(r.Events))
	for i, raw := range r.Events {
		if err := json.Unmarshal(raw, &out[i]); err != nil {
			return nil, fmt.Errorf("journal event: %w", err)
		}
	}
	return out, nil
}
