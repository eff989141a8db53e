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
type encoder struct{ buf []byte }

// document is what encodes itself.
type document interface{ AppendJSON([]byte) []byte }

// encode returns the JSON of v in memory of its own.
func (e *encoder) encode(v document) []byte {
	e.buf = v.AppendJSON(e.buf[:0])
	return bytes.Clone(e.buf)
}

// frame returns the payload of a frame, made of events already encoded.
func (e *encoder) frame(digest string, c *dispatch.Command, events [][]byte) []byte {
	e.buf = c.AppendJSON(e.buf[:0])
	return joinRecord(dispatch.EngineVersion, digest, e.buf, events)
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
