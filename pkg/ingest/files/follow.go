// Package files takes messages from CSV and NDJSON files that a system drops into a folder, or goes on writing to.
// What was taken of each file is kept beside, so that each line is taken once; after a crash a few come again, and
// are duplicates.
package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/banyan-ecc/banyan/pkg/ingest"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Bounds of what is read.
const (
	MaxFiles     = 1_000   // that a pattern fits; the first by name
	portionBytes = 4 << 20 // read at once; a line longer than this is passed over
	portionLines = 512     // handed in at once
	headBytes    = 256     // tell a file from another one of the same name
)

// Door takes messages; see ingest.Door.
type Door interface {
	Take(ctx context.Context, source string, messages []ingest.Message) []ingest.Result
}

// Options say whose files to take from where.
type Options struct {
	Source    string
	Transport plan.Transport
	DataDir   string // of the files, and of what was taken of them
	Door      Door
	Count     func(outcome string)
	Logger    *slog.Logger
}

// place is how far a file was taken.
type place struct {
	Offset int64  `json:"offset"`
	Head   string `json:"head"` // digest of its first HeadLen bytes
	Len    int    `json:"len"`
	Size   int64  `json:"size"` // when it was last looked at
}

// follower takes the files of one source.
type follower struct {
	o      Options
	file   string
	places map[string]*place
}

// Run looks for files and lines every so often until ctx ends. The error is of what was taken being unreadable.
func Run(ctx context.Context, o Options) error {
	f := &follower{o: o, file: filepath.Join(o.DataDir, "taken", o.Source+".json"), places: map[string]*place{}}
	if err := f.load(); err != nil {
		return err
	}
	tick := time.NewTicker(max(o.Transport.Every, time.Millisecond))
	defer tick.Stop()
	for {
		if err := f.look(ctx); err != nil && ctx.Err() == nil {
			o.Logger.Error("files of a source cannot be taken; tried again", "source", o.Source, "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (f *follower) load() error {
	b, err := os.ReadFile(f.file)
	if errors.Is(err, fs.ErrNotExist) {
		return os.MkdirAll(filepath.Dir(f.file), 0o700)
	}
	if err == nil {
		err = json.Unmarshal(b, &f.places)
	}
	if err != nil {
		return fmt.Errorf("what was taken of the files of source %s: %w; remove the file to take them all again", f.o.Source, err)
	}
	return nil
}

// save writes what was taken, whole, before the old is given up.
func (f *follower) save() error {
	b, err := json.Marshal(f.places)
	if err != nil {
		return err
	}
	next := f.file + ".new"
	w, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = w.Write(b)
	if err == nil {
		err = w.Sync()
	}
	if err = errors.Join(err, w.Close()); err != nil {
		return err
	}
	return os.Rename(next, f.file)
}

// look takes what is new in every file.
func (f *follower) look(ctx context.Context) error {
	names, err := filepath.Glob(filepath.Join(f.o.DataDir, f.o.Transport.Path))
	if err != nil {
		return err
	}
	names = names[:min(len(names), MaxFiles)]
	for name := range f.places {
		if !slices.Contains(names, filepath.Join(f.o.DataDir, name)) {
			delete(f.places, name) // removed; were it put there again it would be another one
		}
	}
	var errs []error
	for _, name := range names {
		if err := f.one(ctx, name); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// one takes what is new in a file.
func (f *follower) one(ctx context.Context, path string) error {
	name, err := filepath.Rel(f.o.DataDir, path)
	if err != nil {
		return err
	}
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return err // a folder, or a link to who knows where
	}
	r, err := os.Open(path)
	if err != nil {
		return err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return err
	}
	p := f.places[name]
	if p == nil || info.Size() < p.Offset || digest(r, p.Len) != p.Head {
		p = &place{Head: digest(r, 0)}
		f.places[name] = p
	}
	rests := p.Size == info.Size() // nobody has written since the last look: its last line is whole
	p.Size = info.Size()
	for ctx.Err() == nil && p.Offset < info.Size() {
		more, err := f.portion(ctx, r, name, p, rests)
		if err != nil || !more {
			return err
		}
	}
	return ctx.Err()
}

// digest is that of the first n bytes.
func digest(r io.ReaderAt, n int) string {
	b := make([]byte, n)
	n, _ = r.ReadAt(b, 0)
	sum := sha256.Sum256(b[:n])
	return hex.EncodeToString(sum[:8])
}

// line is a message and where it ends in the portion.
type line struct {
	message ingest.Message
	end     int
}

// portion takes the lines of a portion of a file, false where there is nothing more to take now.
func (f *follower) portion(ctx context.Context, r io.ReaderAt, name string, p *place, rests bool) (bool, error) {
	b := make([]byte, min(portionBytes, p.Size-p.Offset))
	n, err := r.ReadAt(b, p.Offset)
	if err != nil && err != io.EOF {
		return false, err
	}
	b = b[:n]
	last := p.Offset+int64(n) == p.Size
	lines, err := f.lines(r, b, name, p.Offset, last && rests)
	if err != nil {
		return false, err
	}
	if len(lines) == 0 {
		if last {
			return false, nil
		}
		f.o.Logger.Error("a line is longer than can be taken and was passed over", "source", f.o.Source, "file", name, "at", p.Offset, "limit", portionBytes)
		p.Offset += int64(n)
		return true, f.taken(r, p)
	}
	begin := p.Offset
	for len(lines) > 0 {
		some := lines[:min(len(lines), portionLines)]
		messages := make([]ingest.Message, 0, len(some))
		for _, l := range some {
			messages = append(messages, l.message)
		}
		for i, result := range f.o.Door.Take(ctx, f.o.Source, messages) {
			if result.Status == ingest.Refused && (ctx.Err() != nil || result.Again() || result.Err.Code == "internal" || result.Err.Code == "forbidden") {
				return false, f.taken(r, p) // from here on again
			}
			f.o.Count(string(result.Status))
			p.Offset = begin + int64(some[i].end)
		}
		if err := f.taken(r, p); err != nil {
			return false, err
		}
		lines = lines[len(some):]
	}
	return true, nil
}

// taken keeps how far a file was taken, and by what it is known.
func (f *follower) taken(r io.ReaderAt, p *place) error {
	if p.Len < headBytes {
		p.Len = int(min(headBytes, p.Offset))
		p.Head = digest(r, p.Len)
	}
	return f.save()
}

func (f *follower) lines(r io.ReaderAt, b []byte, name string, offset int64, whole bool) ([]line, error) {
	if f.o.Transport.Format == "csv" {
		return f.csv(r, b, name, offset, whole)
	}
	var lines []line
	for at := 0; at < len(b); {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 && !whole {
			break
		}
		text, end := b[at:], len(b)
		if n >= 0 {
			text, end = b[at:at+n], at+n+1
		}
		if text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\ufeff"))); len(text) > 0 {
			m := ingest.Message{ID: name + ":" + strconv.FormatInt(offset+int64(at), 10), Kind: "json", Raw: text[:min(len(text), ingest.MaxMessageBytes)], Headers: map[string]string{"file": name}}
			if body, err := ingest.DecodeJSON(text); err == nil {
				m.Body = body
			}
			lines = append(lines, line{m, end})
		} else if len(lines) > 0 {
			lines[len(lines)-1].end = end
		}
		at = end
	}
	return lines, nil
}

// reader reads CSV as the profile says it is separated.
func (f *follower) reader(in io.Reader) *csv.Reader {
	r := csv.NewReader(in)
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	if d := []rune(f.o.Transport.Delimiter); len(d) == 1 {
		r.Comma = d[0]
	}
	return r
}

// csv reads records; the first of a file names the columns.
func (f *follower) csv(file io.ReaderAt, b []byte, name string, offset int64, whole bool) ([]line, error) {
	header := f.reader(io.NewSectionReader(file, 0, portionBytes))
	columns, err := header.Read()
	if err != nil {
		return nil, nil // nothing yet
	}
	skip := 0
	if offset == 0 {
		skip = int(header.InputOffset())
		if skip > len(b) {
			return nil, nil
		}
	}
	columns = decoded(columns)
	columns[0] = trimMark(columns[0])
	r := f.reader(bytes.NewReader(b[skip:]))
	var lines []line
	for {
		at := skip + int(r.InputOffset())
		record, err := r.Read()
		end := skip + int(r.InputOffset())
		if err == io.EOF {
			return lines, nil
		}
		if end == len(b) && !whole && (err != nil || b[len(b)-1] != '\n') {
			return lines, nil // not whole yet
		}
		m := ingest.Message{ID: name + ":" + strconv.FormatInt(offset+int64(at), 10), Kind: "csv", Headers: map[string]string{"file": name}}
		m.Raw = bytes.TrimSpace(b[at:end])
		m.Raw = m.Raw[:min(len(m.Raw), ingest.MaxMessageBytes)]
		if err == nil && end-at <= ingest.MaxMessageBytes {
			m.Body = make(map[string]any, len(columns))
			for i, text := range decoded(record) {
				if i < len(columns) {
					m.Body[columns[i]] = text
				}
			}
		}
		lines = append(lines, line{m, end})
	}
}

func trimMark(s string) string { return string(bytes.TrimPrefix([]byte(s), []byte("\ufeff"))) }

// decoded reads texts that are no UTF-8 as GB18030, in which office programs in China write.
func decoded(texts []string) []string {
	for i, s := range texts {
		if !utf8.ValidString(s) {
			if t, err := simplifiedchinese.GB18030.NewDecoder().String(s); err == nil {
				texts[i] = t
			}
		}
	}
	return texts
}
