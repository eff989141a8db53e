// Package cloudevents reads CloudEvents 1.0 as they come over HTTP: structured, binary and in batches (CloudEvents
// JSON Event Format 1.0.2, HTTP Protocol Binding 1.0.2).
package cloudevents

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/ingest"
)

// Media types of structured events and batches.
const (
	Structured = "application/cloudevents+json"
	Batch      = "application/cloudevents-batch+json"
)

// Bounds of what is taken.
const (
	MaxBatchBytes  = 8 << 20
	MaxBatchEvents = 1000 // not more than ingest.MaxTake
	MaxAttributes  = 64
)

// Body reads at most as much of a body as may be taken of the content type.
func Body(contentType string, in io.Reader) ([]byte, error) {
	most := ingest.MaxMessageBytes
	if kind, _, _ := mime.ParseMediaType(contentType); kind == Batch {
		most = MaxBatchBytes
	}
	b, err := io.ReadAll(io.LimitReader(in, int64(most)+1))
	if err != nil {
		return nil, alert.Errorf(alert.CodeMalformed, "the body ended early: %v", err)
	}
	if len(b) > most {
		return nil, alert.Errorf(alert.CodeTooLarge, "the body is longer than %d bytes, the most that is taken", most)
	}
	return b, nil
}

// Read reads the events of a request: one, or those of a batch. In a batch, an event that is none makes all of it
// refused, for nobody could tell the sender which of them were taken before it is mended.
func Read(header http.Header, body []byte) ([]ingest.Message, error) {
	kind, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case header.Get("Ce-Specversion") != "":
		m, err := binary(header, body)
		return []ingest.Message{m}, err
	case err == nil && kind == Structured:
		m, err := structured(body, "")
		return []ingest.Message{m}, err
	case err == nil && kind == Batch:
		return batch(body)
	}
	return nil, alert.Errorf(alert.CodeUnsupportedType, "Content-Type is %.60q: want %s, %s, or the header ce-specversion and those that go with it", header.Get("Content-Type"), Structured, Batch)
}

func batch(body []byte) ([]ingest.Message, error) {
	var events []json.RawMessage
	if err := json.Unmarshal(body, &events); err != nil {
		return nil, alert.Errorf(alert.CodeMalformed, "not a JSON array of events: %v", err)
	}
	if len(events) > MaxBatchEvents {
		return nil, alert.Errorf(alert.CodeTooLarge, "%d events: at most %d in a batch", len(events), MaxBatchEvents)
	}
	messages := make([]ingest.Message, len(events))
	for i, raw := range events {
		m, err := structured(raw, fmt.Sprintf("[%d].", i))
		if err != nil {
			return nil, err
		}
		messages[i] = m
	}
	return messages, nil
}

// structured reads one event in the JSON format; where names it within a batch.
func structured(raw []byte, where string) (ingest.Message, error) {
	event, err := ingest.DecodeJSON(raw)
	if err != nil {
		if len(raw) > ingest.MaxMessageBytes {
			return ingest.Message{}, alert.Errorf(alert.CodeTooLarge, "%s%v", where, err)
		}
		return ingest.Message{}, alert.Errorf(alert.CodeMalformed, "%s%v", where, err)
	}
	attributes := map[string]string{}
	for name, v := range event {
		switch v := v.(type) {
		case string:
			attributes[name] = v
		case bool, int:
			attributes[name] = fmt.Sprint(v)
		}
	}
	delete(attributes, "data")
	delete(attributes, "data_base64")
	m, err := message(attributes, where)
	if err != nil {
		return m, err
	}
	m.Raw = raw
	if text, ok := event["data_base64"].(string); ok {
		data, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return m, invalid(where+"data_base64", "is not base64")
		}
		m.Body, err = bodyOf(attributes["datacontenttype"], data)
		return m, err
	}
	switch data := event["data"].(type) {
	case map[string]any:
		m.Body = data
	case nil:
		m.Body = map[string]any{}
	default:
		m.Body = map[string]any{"data": data}
	}
	return m, nil
}

// binary reads an event whose attributes are headers.
func binary(header http.Header, body []byte) (ingest.Message, error) {
	attributes := map[string]string{}
	for name, values := range header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "ce-") {
			text, err := url.PathUnescape(values[0]) // HTTP binding section 3.1.3.2
			if err != nil {
				return ingest.Message{}, invalid(name, "is not percent-encoded as it should be")
			}
			attributes[strings.TrimPrefix(name, "ce-")] = text
		}
	}
	m, err := message(attributes, "ce-")
	if err != nil {
		return m, err
	}
	if m.Headers["traceparent"] == "" && header.Get("Traceparent") != "" {
		m.Headers["traceparent"] = header.Get("Traceparent")
	}
	m.Raw = body
	m.Body, err = bodyOf(header.Get("Content-Type"), body)
	return m, err
}

// bodyOf reads data of a content type: JSON, or else text.
func bodyOf(contentType string, data []byte) (map[string]any, error) {
	kind, _, _ := mime.ParseMediaType(contentType)
	if contentType != "" && kind != "application/json" && kind != "text/json" && !strings.HasSuffix(kind, "+json") {
		return map[string]any{"data": string(data)}, nil
	}
	if data = bytes.TrimSpace(data); len(data) == 0 {
		return map[string]any{}, nil
	}
	if data[0] != '{' {
		data = append(append([]byte(`{"data":`), data...), '}')
	}
	body, err := ingest.DecodeJSON(data)
	if err != nil {
		return nil, alert.Errorf(alert.CodeMalformed, "data: %v", err)
	}
	return body, nil
}

func invalid(field, reason string) error {
	return &alert.Error{Code: alert.CodeInvalid, Detail: "the event breaks 1 rule of CloudEvents 1.0", Fields: []alert.Field{{Field: field, Reason: reason}}}
}

// message checks the context attributes (CloudEvents 1.0.2, Required and Optional Attributes). An event is
// identified by its source and its id together.
func message(attributes map[string]string, where string) (ingest.Message, error) {
	var broken []alert.Field
	add := func(name, reason string) {
		broken = append(broken, alert.Field{Field: where + name, Reason: reason})
	}
	for _, name := range []string{"id", "source", "type"} {
		if attributes[name] == "" {
			add(name, "is required")
		}
	}
	if v := attributes["specversion"]; v != "1.0" {
		add("specversion", fmt.Sprintf("is %.20q, want 1.0", v))
	}
	if v := attributes["time"]; v != "" {
		if _, err := time.Parse(time.RFC3339, v); err != nil {
			add("time", "is not an RFC 3339 time")
		}
	}
	if len(attributes) > MaxAttributes {
		add("", fmt.Sprintf("has %d attributes, at most %d are taken", len(attributes), MaxAttributes))
	}
	identity := attributes["source"] + "#" + attributes["id"]
	if len(identity) > alert.MaxIDBytes {
		add("id", fmt.Sprintf("and source together are longer than %d bytes", alert.MaxIDBytes-1))
	}
	if len(broken) > 0 {
		return ingest.Message{}, &alert.Error{Code: alert.CodeInvalid, Detail: "the event breaks " + count(len(broken)) + " of CloudEvents 1.0", Fields: broken}
	}
	headers := make(map[string]string, len(attributes)+1)
	for name, v := range attributes {
		headers["ce-"+name] = v
	}
	if v := attributes["traceparent"]; v != "" { // the extension Distributed Tracing
		headers["traceparent"] = v
	}
	return ingest.Message{ID: identity, Kind: "cloudevent", Headers: headers}, nil
}

func count(n int) string {
	if n == 1 {
		return "1 rule"
	}
	return fmt.Sprintf("%d rules", n)
}
