package sequencer

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/banyan-ecc/banyan/dispatch"
)

// Parts are a record as its bytes, each as it was written: what carries records elsewhere need not understand
// them, and whoever joins the parts again has the very same frame.
type Parts struct {
	Engine  int
	Digest  string
	Command []byte
	Events  [][]byte
}

// SplitRecord takes the payload of a frame apart without decoding it. The parts share its memory.
func SplitRecord(payload []byte) (p Parts, err error) {
	err = Members(payload, func(name string, value []byte) bool {
		switch name {
		case "engine":
			p.Engine, err = strconv.Atoi(string(value))
		case "digest":
			if len(value) >= 2 {
				p.Digest = string(value[1 : len(value)-1]) // hexadecimal
			}
		case "command":
			p.Command = value
		case "events":
			p.Events = elements(value)
		}
		return err == nil
	})
	if err == nil && (p.Command == nil || len(p.Events) == 0) {
		err = errNotCompact
	}
	if err != nil {
		return p, fmt.Errorf("journal record: not as the writer writes it: %w", err)
	}
	return p, nil
}

// Join returns the payload that SplitRecord took apart.
func (p *Parts) Join() []byte {
	return joinRecord(p.Engine, p.Digest, p.Command, p.Events)
}

func joinRecord(engine int, digest string, command []byte, events [][]byte) []byte {
	n := len(command) + len(digest) + 64
	for _, v := range events {
		n += len(v) + 1
	}
	b := append(appendHead(make([]byte, 0, n), engine, digest), command...)
	b = append(b, recordEvents...)
	for i, v := range events {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, v...)
	}
	return append(b, recordEnd...)
}

// A record is its head, the command, recordEvents, the events with commas between them, and recordEnd.
const (
	recordEvents = `,"events":[`
	recordEnd    = `]}`
)

func appendHead(b []byte, engine int, digest string) []byte {
	b = strconv.AppendInt(append(b, `{"engine":`...), int64(engine), 10)
	b = append(append(b, `,"digest":"`...), digest...)
	return append(b, `","command":`...)
}

// DecodeEvent reads one event as it stands in a record.
func DecodeEvent(raw []byte) (e dispatch.Event, err error) {
	if err := json.Unmarshal(raw, &e); err != nil {
		return e, fmt.Errorf("journal event: %w", err)
	}
	return e, nil
}

// Members calls yield for the members of a compact JSON object, as the writer writes it, until yield returns
// false. A value shares doc's memory; of a string it has the quotes. The error means that doc is no such object.
func Members(doc []byte, yield func(name string, value []byte) bool) error {
	if len(doc) < 2 || doc[0] != '{' || doc[len(doc)-1] != '}' {
		return errNotCompact
	}
	for i := 1; i < len(doc)-1; {
		end := valueEnd(doc, i)
		if doc[i] != '"' || end >= len(doc) || doc[end] != ':' {
			return errNotCompact
		}
		name := doc[i+1 : end-1]
		i = end + 1
		end = valueEnd(doc, i)
		if end >= len(doc) || end == i || doc[end] != ',' && end != len(doc)-1 {
			return errNotCompact
		}
		if !yield(string(name), doc[i:end]) {
			return nil
		}
		i = end + 1
	}
	return nil
}

var errNotCompact = fmt.Errorf("not a compact JSON object")

// elements returns the elements of a compact JSON array.
func elements(list []byte) (values [][]byte) {
	for i := 1; i < len(list)-1; {
		end := valueEnd(list, i)
		if end == i {
			return nil
		}
		values = append(values, list[i:end])
		i = end + 1
	}
	return values
}

// valueEnd returns the index behind the JSON value that begins at i, len(b) if it has no end.
func valueEnd(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth == 0 && i < len(b) {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ':':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}
