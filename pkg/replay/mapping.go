// Package replay posts the rows of a CSV file to a server as alerts, as fast as it goes or paced by the times
// in the rows, and sums up what became of them. Which column means what stands in a mapping, a YAML file: a
// further city needs no line of Go. See docs/replay.md.
package replay

import (
	"os"
	"regexp"
	"time"
)

// Bounds of a mapping.
const (
	MaxMappingBytes = 1 << 20
	MaxAttributes   = 128
	MaxLayouts      = 16
)

// Mapping says how a row becomes an alert. It is immutable and safe for concurrent use.
type Mapping struct {
	name string // for people
	file string // for messages

	comma      rune
	id         *template
	ref        *template // may be nil
	typ        *lookup
	priority   *lookup // may be nil
	area       *lookup // may be nil
	occurredAt timing
	location   *location // may be nil
	text       *template // may be nil
	attributes []attribute
}

// Name returns what the mapping calls itself, or its file name.
func (m *Mapping) Name() string {
	if m.name != "" {
		return m.name
	}
	return m.file
}

// lookup turns a value into another by a table.
type lookup struct {
	from     *template // nil: always fallback
	values   map[string]string
	fallback *string // nil: a value that is not listed is refused
}

// timing reads times.
type timing struct {
	from    *template
	layouts []string
	zone    *time.Location // of layouts without an offset; may be nil
}

// Layouts with a name; all others are Go reference layouts.
const (
	layoutRFC3339 = "rfc3339"
	layoutUnix    = "unix"
	layoutUnixMS  = "unix_ms"
)

// location reads positions: one value by a pattern, or two.
type location struct {
	from      *template // with pattern
	pattern   *regexp.Regexp
	atLon     int // groups of pattern
	atLat     int
	lon, lat  *template // without
	datum     string
	accuracyM float64
}

// attribute is one member of an alert's attributes.
type attribute struct {
	name string
	from *template
	as   string
}

// Kinds of attribute values.
const (
	asText    = "text"
	asNumber  = "number"
	asBoolean = "boolean"
)

// Load reads the mapping in the file at path. The error names every mistake with file and line.
func Load(path string) (*Mapping, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, b)
}

// Parse reads a mapping from b; file is what errors call it.
func Parse(file string, b []byte) (*Mapping, error) {
	p := &problems{file: file}
	if len(b) > MaxMappingBytes {
		p.add(0, "is %d bytes long, at most %d are read", len(b), MaxMappingBytes)
		return nil, p.err()
	}
	var raw rawMapping
	if !p.decode(b, &raw) {
		return nil, p.err()
	}
	c := &compiler{problems: p, m: &Mapping{name: raw.Name.V, file: file, comma: ','}}
	c.compile(&raw)
	if err := p.err(); err != nil {
		return nil, err
	}
	return c.m, nil
}
