package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/ingest"
	"github.com/banyan-ecc/banyan/pkg/ingest/cap"
	"github.com/banyan-ecc/banyan/pkg/ingest/cloudevents"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Bounds of sample files.
const (
	maxSampleBytes = 64 << 20
	maxSamples     = 10_000 // of one file
)

// sample is one message of a file.
type sample struct {
	name    string // of the file, and which one in it
	message ingest.Message
	err     error // why it cannot be read
}

// readSamples reads the messages in a file; - is standard input, taken for JSON or NDJSON.
func readSamples(name string, stdin io.Reader) ([]sample, error) {
	b, err := readBounded(name, stdin)
	if err != nil {
		return nil, err
	}
	var out []sample
	if strings.EqualFold(filepath.Ext(name), ".csv") {
		out, err = csvSamples(name, b)
	} else {
		out, err = jsonSamples(name, b)
	}
	if err == nil && len(out) == 0 {
		err = errors.New("holds no message")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return out, nil
}

// readSamplesOf reads the messages in a file as the transport of a source does.
func readSamplesOf(city *plan.City, src *plan.Source, name string, stdin io.Reader) ([]sample, error) {
	switch src.Transport.Kind {
	case plan.TransportCAP, plan.TransportFeed:
		b, err := readBounded(name, stdin)
		if err != nil {
			return nil, err
		}
		r := cap.Reader{Verifier: cap.Verifier{Now: time.Now}, Drills: src.Transport.Drills, City: city.Areas, Source: src.ID}
		m, err := r.Read(b)
		return []sample{{name, m, err}}, nil
	case plan.TransportCloudEvents:
		b, err := readBounded(name, stdin)
		if err != nil {
			return nil, err
		}
		kind := cloudevents.Structured
		if strings.HasPrefix(strings.TrimLeft(string(b[:min(len(b), 512)]), " \t\r\n"), "[") {
			kind = cloudevents.Batch
		}
		messages, err := cloudevents.Read(http.Header{"Content-Type": {kind}}, b)
		if err != nil {
			return []sample{{name: name, err: err}}, nil
		}
		var out []sample
		for i, m := range messages {
			out = append(out, sample{name: fmt.Sprintf("%s #%d", name, i+1), message: m})
		}
		return out, nil
	}
	return readSamples(name, stdin)
}

func readBounded(name string, stdin io.Reader) ([]byte, error) {
	from := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		from = f
	}
	b, err := io.ReadAll(io.LimitReader(from, maxSampleBytes+1))
	if err == nil && len(b) > maxSampleBytes {
		err = fmt.Errorf("%s is longer than %d MiB", name, maxSampleBytes>>20)
	}
	return b, err
}

// jsonSamples reads objects one after the other, each perhaps one of a list.
func jsonSamples(name string, b []byte) (out []sample, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	for len(out) <= maxSamples {
		var raw json.RawMessage
		switch err := d.Decode(&raw); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("not JSON at byte %d: %w", d.InputOffset(), err)
		}
		list := []json.RawMessage{raw}
		if raw[0] == '[' {
			if err := json.Unmarshal(raw, &list); err != nil {
				return nil, err
			}
		}
		for _, raw := range list {
			body, err := ingest.DecodeJSON(raw)
			out = append(out, sample{fmt.Sprintf("%s #%d", name, len(out)+1), ingest.Message{Kind: "json", Body: body, Raw: raw}, err})
		}
	}
	return nil, fmt.Errorf("holds more than %d messages", maxSamples)
}

// csvSamples reads rows below a row of names; what separates them is whatever the first row has most of.
func csvSamples(name string, b []byte) (out []sample, err error) {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	first, _, _ := bytes.Cut(b, []byte("\n"))
	r := csv.NewReader(bytes.NewReader(b))
	for _, c := range ",;\t|" {
		if bytes.Count(first, []byte(string(c))) > bytes.Count(first, []byte(string(r.Comma))) {
			r.Comma = c
		}
	}
	names, err := r.Read()
	if err != nil {
		return nil, err
	}
	for len(out) <= maxSamples {
		row, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, err
		}
		body := make(map[string]any, len(names))
		for i, n := range names {
			body[strings.TrimSpace(n)] = row[i]
		}
		out = append(out, sample{fmt.Sprintf("%s #%d", name, len(out)+1), ingest.Message{Kind: "csv", Body: body}, nil})
	}
	return nil, fmt.Errorf("holds more than %d rows", maxSamples)
}
