package roster

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// csvColumns are what CSV writes. ReadCSV needs the first four, in any order and under any of their names.
var csvColumns = []string{"seat", "from", "to", "holder", "shift", "seat_name", "layer", "why"}

// csvNames are the names a column may have in what is read.
var csvNames = map[string]string{"seat": "seat", "专席": "seat", "席位": "seat", "from": "from", "开始": "from", "to": "to", "结束": "to",
	"holder": "holder", "person": "holder", "值班员": "holder", "姓名": "holder", "reason": "reason", "事由": "reason"}

// byteOrderMark makes spreadsheet programs read a file as UTF-8.
const byteOrderMark = "\ufeff"

// CSV writes spans as a table with a line each, gaps too: their holder is empty. Times are those of the city's
// wall clock with their offset. names are those of seats, by id.
func (r *Roster) CSV(spans []Span, names map[string]string) []byte {
	b := bytes.NewBufferString(byteOrderMark)
	w := csv.NewWriter(b)
	w.UseCRLF = true
	_ = w.Write(csvColumns) // a buffer takes everything
	for _, s := range spans {
		_ = w.Write([]string{s.Seat, s.From.Format(time.RFC3339), s.To.Format(time.RFC3339), s.Holder, s.Shift.ID, names[s.Seat], s.Layer, s.Why})
	}
	w.Flush()
	return b.Bytes()
}

// ReadCSV reads a table as assignments, in order of time. Its first line names the columns: at least seat, from,
// to and holder; reason is taken too, others are not looked at. Lines without a holder are gaps and left out.
// Times are as 2026-05-01T08:00:00+08:00, or 2026-05-01 08:00 by the clock of o.Zone.
func ReadCSV(data []byte, o Reading) (out []Assignment, misreads []*Misread) {
	if len(data) > MaxReadBytes {
		return nil, []*Misread{{0, fmt.Sprintf("%d bytes: at most %d", len(data), MaxReadBytes)}}
	}
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte(byteOrderMark))))
	in.FieldsPerRecord = -1
	in.TrimLeadingSpace = true
	var columns map[string]int
	for {
		record, err := in.Read()
		if err == io.EOF {
			break
		}
		var syntax *csv.ParseError
		if errors.As(err, &syntax) {
			return nil, append(misreads, &Misread{syntax.Line, syntax.Err.Error()})
		}
		line, _ := in.FieldPos(0)
		if columns == nil {
			if columns, err = csvHeader(record); err != nil {
				return nil, append(misreads, &Misread{line, err.Error()})
			}
			continue
		}
		a, ok, err := o.row(columns, record)
		if err != nil {
			misreads = append(misreads, &Misread{line, err.Error()})
		} else if ok {
			out = append(out, a)
		}
		if len(out) > MaxReadEntries {
			return nil, append(misreads, &Misread{line, fmt.Sprintf("more than %d entries", MaxReadEntries)})
		}
	}
	if columns == nil {
		misreads = append(misreads, &Misread{0, "the file is empty"})
	}
	slices.SortStableFunc(out, func(a, b Assignment) int { return a.From.Compare(b.From) })
	return out, misreads
}

func csvHeader(record []string) (map[string]int, error) {
	columns := map[string]int{}
	for i, name := range record {
		if known := csvNames[strings.ToLower(strings.TrimSpace(name))]; known != "" {
			if _, again := columns[known]; again {
				return nil, fmt.Errorf("the column %q is there twice", known)
			}
			columns[known] = i
		}
	}
	for _, name := range csvColumns[:4] {
		if _, ok := columns[name]; !ok && name != "seat" {
			return nil, fmt.Errorf("no column %q: the first line names seat, from, to and holder", name)
		}
	}
	return columns, nil
}

// row reads a line; false if it is a gap or outside of what is asked for.
func (o *Reading) row(columns map[string]int, record []string) (a Assignment, ok bool, err error) {
	field := func(name string) string {
		if i, ok := columns[name]; ok && i < len(record) {
			return strings.TrimSpace(record[i])
		}
		return ""
	}
	if a.Person = field("holder"); a.Person == "" {
		return a, false, nil
	}
	if a.Seat = o.seat(field("seat")); a.Seat == "" {
		return a, false, fmt.Errorf("no seat %q", field("seat"))
	}
	if a.From, err = o.moment(field("from")); err != nil {
		return a, false, err
	}
	if a.To, err = o.moment(field("to")); err != nil {
		return a, false, err
	}
	if n := a.To.Sub(a.From); n <= 0 || n > MaxDays*24*time.Hour {
		return a, false, fmt.Errorf("it lasts %v: want more than nothing, at most %d days", n, MaxDays)
	}
	a.Reason = field("reason")
	return a, a.From.Before(o.To) && a.To.After(o.From), nil
}

func (o *Reading) moment(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02 15:04:05", "2006/1/2 15:04", "2006/1/2 15:04:05"} { // the last two: Excel in China
		if t, err := time.Parse(layout, s); err == nil {
			return time.Unix(earliest(o.Zone, t.Unix()), 0).In(o.Zone), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-05-01 08:00", s)
}
