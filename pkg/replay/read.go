package replay

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"unicode/utf8"
)

// Bounds of a file.
const (
	MaxRowBytes = 1 << 20
	MaxColumns  = 4_096
)

// source is the file, packed or not.
type source struct {
	r      io.Reader
	closer io.Closer    // nil for a reader that is the caller's
	size   int64        // bytes of the file as it lies there; 0 if unknown
	read   atomic.Int64 // of those
}

// open opens the file of o.
func open(o *Options) (*source, error) {
	s := &source{}
	in := o.From
	if in == nil {
		f, err := os.Open(o.Path)
		if err != nil {
			return nil, err
		}
		s.closer = f
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			s.size = info.Size()
		}
		in = f
	}
	r, err := unpacked(bufio.NewReaderSize(&counter{in, &s.read}, 64<<10))
	if err != nil {
		s.close()
		return nil, fmt.Errorf("%s: %w", o.label(), err)
	}
	s.r = r
	return s, nil
}

func (s *source) close() {
	if s.closer != nil {
		_ = s.closer.Close() // it was only read
	}
}

// fraction returns how much of the file has been read; 0 if unknown.
func (s *source) fraction() float64 {
	if s.size == 0 {
		return 0
	}
	return min(1, float64(s.read.Load())/float64(s.size))
}

// counter counts what is read.
type counter struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}

var (
	gzipMagic = []byte{0x1f, 0x8b}
	byteOrder = []byte{0xef, 0xbb, 0xbf} // UTF-8's mark, which spreadsheets write
)

// unpacked returns r without gzip, whatever the file is called, and without a byte order mark.
func unpacked(r *bufio.Reader) (io.Reader, error) {
	head, err := r.Peek(len(gzipMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.Equal(head, gzipMagic) {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, err
		}
		r = bufio.NewReaderSize(z, 64<<10)
	}
	head, err = r.Peek(len(byteOrder))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if bytes.Equal(head, byteOrder) {
		_, _ = r.Discard(len(byteOrder)) // they were peeked
	}
	return r, nil
}

// guard bounds what is read for one row: an open quote would take in the rest of the file.
type guard struct {
	r    io.Reader
	left int
}

var errRowTooLong = fmt.Errorf("a row is longer than %d bytes: is a quote left open?", MaxRowBytes)

func (g *guard) Read(b []byte) (int, error) {
	if g.left <= 0 {
		return 0, errRowTooLong
	}
	n, err := g.r.Read(b)
	g.left -= n
	return n, err
}

// table reads rows.
type table struct {
	csv    *csv.Reader
	guard  *guard
	label  string
	header []string
}

// newTable reads the header.
func newTable(r io.Reader, comma rune, label string) (*table, error) {
	g := &guard{r: r, left: MaxRowBytes}
	t := &table{csv: csv.NewReader(g), guard: g, label: label}
	t.csv.Comma = comma
	t.csv.ReuseRecord = true
	header, err := t.csv.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the file is empty: want a header line")
		}
		return nil, fmt.Errorf("%s: %w", label, err)
	}
	if len(header) > MaxColumns {
		return nil, fmt.Errorf("%s: %d columns: at most %d", label, len(header), MaxColumns)
	}
	t.header = append([]string(nil), header...)
	for _, name := range t.header {
		if !utf8.ValidString(name) {
			return nil, fmt.Errorf("%s: the header is not UTF-8: convert the file first", label)
		}
	}
	return t, nil
}

// next returns the next row and the line it begins on, io.EOF after the last. A row that is not CSV comes as
// trouble, and reading can go on; any other error ends it. The row is valid until the next call.
func (t *table) next() (line int, row []string, trouble *Trouble, err error) {
	t.guard.left = MaxRowBytes
	row, err = t.csv.Read()
	var pe *csv.ParseError
	switch {
	case err == nil:
		line, _ = t.csv.FieldPos(0)
		return line, row, nil, nil
	case errors.As(err, &pe) && errors.Is(err, csv.ErrFieldCount):
		reason := fmt.Sprintf("has %d columns, the header has %d", len(row), len(t.header))
		return pe.StartLine, nil, &Trouble{Line: pe.StartLine, Reason: reason}, nil
	case errors.As(err, &pe) && !errors.Is(err, errRowTooLong):
		reason := fmt.Sprintf("is not CSV: line %d, byte %d: %v", pe.Line, pe.Column, pe.Err)
		return pe.StartLine, nil, &Trouble{Line: pe.StartLine, Reason: reason}, nil
	case errors.Is(err, io.EOF):
		return 0, nil, nil, io.EOF
	}
	return 0, nil, nil, fmt.Errorf("%s: %w", t.label, err)
}
