package history

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/statistics"
)

// maxEventsBytes bounds the timeline of one incident; what is past it is in the journal alone.
const maxEventsBytes = 64 << 10

func appendStep(b []byte, step uint64) []byte { return binary.AppendUvarint(b, step) }

// sequences reads a timeline.
func sequences(b []byte) (seqs []uint64) {
	at := uint64(0)
	for len(b) > 0 {
		step, n := binary.Uvarint(b)
		if n <= 0 {
			return seqs
		}
		at += step
		seqs, b = append(seqs, at), b[n:]
	}
	return seqs
}

// kept is what of an incident is written: of a sealed one no more than a wall may see.
func kept(doc *alert.Incident) *alert.Incident {
	if doc.Sensitivity == alert.Sealed {
		return dispatch.RedactIncident(doc)
	}
	return doc
}

// flush writes what the portion has changed, each thing once.
func (p *portion) flush() error {
	// In order of their keys, so that rows are put beside one another in the tables' trees.
	for _, id := range slices.SortedFunc(maps.Keys(p.incidents), func(a, b string) int { return cmp.Compare(p.incidents[a].n, p.incidents[b].n) }) {
		if err := p.writeIncident(id, p.incidents[id]); err != nil {
			return err
		}
	}
	for _, write := range []func() error{p.writeRows, p.writeWords, p.writePairs, p.writeCells, p.writeLate} {
		if err := write(); err != nil {
			return err
		}
		p.pace.breathe(p.hurry)
	}
	return nil
}

func (p *portion) writeIncident(id string, en *entry) error {
	doc, ok := p.part.Incident(id)
	if !ok || doc == en.doc {
		return nil
	}
	doc = kept(doc)
	if en.doc == nil {
		for _, area := range doc.Areas {
			p.places = append(p.places, pair{area, en.n})
		}
	}
	for _, t := range doc.Tasks[en.parties:] {
		p.parts = append(p.parts, pair{t.Department, en.n})
	}
	p.rows = append(p.rows, en.n, id, doc.Type, string(doc.State), int(doc.Priority), int64(doc.OpenedAt), int64(doc.ClosedAt), doc.AppendJSON(nil), en.events, en.last)
	if len(p.rows) < maxRows*incidentColumns {
		return nil
	}
	return p.writeRows()
}

func (p *portion) writeCells() error {
	st, err := p.stmt("SELECT tally FROM cells WHERE grouping = ? AND part = ? AND slot = ? AND key = ?")
	if err != nil {
		return err
	}
	var buf []byte
	for c, t := range p.cells {
		rows, err := st.QueryContext(p.ctx, c.grouping, c.part, c.slot, c.key)
		if err != nil {
			return err
		}
		var was []byte
		if rows.Next() {
			err = rows.Scan(&was)
		}
		if cerr := rows.Close(); err == nil {
			err = cerr
		}
		if err == nil && was != nil {
			err = t.MergeBytes(was)
		}
		if err != nil {
			return err
		}
		p.pace.breathe(p.hurry)
		buf = t.Append(buf[:0])
		if err := p.exec("INSERT INTO cells VALUES(?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET tally = excluded.tally", c.grouping, c.part, c.slot, c.key, buf); err != nil {
			return err
		}
	}
	return nil
}

func (p *portion) writeLate() error {
	for id, l := range p.late {
		var at int64
		found, err := p.row("SELECT at FROM late WHERE task = ?", id, &at)
		if err != nil {
			return err
		}
		if found {
			l.at = alert.Time(at)
		} else if l.at == 0 {
			continue // acknowledged in time
		}
		l.LateAt = l.at
		b, err := json.Marshal(l.Late)
		if err != nil {
			return err
		}
		if err := p.exec("INSERT INTO late VALUES(?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET entry = excluded.entry", id, l.n, int64(l.at), l.Department, b); err != nil {
			return err
		}
	}
	return nil
}

var _ statistics.Source = (*Store)(nil)
