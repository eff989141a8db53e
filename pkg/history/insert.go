package history

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// The driver prepares a statement anew each time it is executed, which takes longer than putting one row in. So rows are
// put in many at a time: those of incidents as a statement of so many, the short ones from one document of JSON.

const (
	maxRows         = 32       // of incidents a statement
	maxListBytes    = 16 << 10 // of a list, and then one text; so long is a statement
	incidentColumns = 10
)

// rows are the columns of incidents that wait to be written, row after row.
type rows []any

// writeRows writes the incidents that wait.
func (p *portion) writeRows() error {
	n := len(p.rows) / incidentColumns
	if n == 0 {
		return nil
	}
	const row = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
	_, err := p.tx.ExecContext(p.ctx, "INSERT INTO incidents VALUES"+strings.Repeat(row+", ", n-1)+row+` ON CONFLICT(n) DO UPDATE SET type = excluded.type,
		closed_at = excluded.closed_at, state = excluded.state, priority = excluded.priority, doc = excluded.doc, events = excluded.events, last = excluded.last`, p.rows...)
	clear(p.rows)
	p.rows = p.rows[:0]
	p.pace.breathe(p.hurry)
	return err
}

// list is an object of JSON that json_each reads as rows of key and value; a key may be in it more than once.
type list struct{ b []byte }

func (l *list) key(key string) {
	if len(l.b) == 0 {
		l.b = append(l.b, '{')
	} else {
		l.b = append(l.b, ',')
	}
	l.b = append(alert.AppendString(l.b, key), ':')
}

func (l *list) number(key string, value uint64) {
	l.key(key)
	l.b = strconv.AppendUint(l.b, value, 10)
}

func (l *list) text(key, value string) {
	l.key(key)
	l.b = alert.AppendString(l.b, value)
}

// insert executes a statement that reads the list, and empties it.
func (p *portion) insert(l *list, query string) error {
	if len(l.b) == 0 {
		return nil
	}
	_, err := p.tx.ExecContext(p.ctx, query, string(append(l.b, '}')))
	l.b = l.b[:0]
	p.pace.breathe(p.hurry)
	return err
}

// writeWords writes what was heard.
func (p *portion) writeWords() error {
	if err := p.insert(&p.said, "INSERT INTO said SELECT CAST(key AS INTEGER), value FROM json_each(?)"); err != nil {
		return err
	}
	return p.insert(&p.heard, "INSERT INTO words(rowid, text) SELECT CAST(key AS INTEGER), value FROM json_each(?)")
}

// pair is what an incident is found by.
type pair struct {
	by string // area or department
	n  uint64
}

// writePairs writes where incidents are and who has part in them.
func (p *portion) writePairs() error {
	for _, table := range []struct {
		insert string
		pairs  []pair
	}{{"INSERT OR IGNORE INTO places SELECT key, value FROM json_each(?)", p.places}, {"INSERT OR IGNORE INTO parts SELECT key, value FROM json_each(?)", p.parts}} {
		slices.SortFunc(table.pairs, func(a, b pair) int { return cmp.Or(strings.Compare(a.by, b.by), cmp.Compare(a.n, b.n)) })
		var l list
		for _, x := range table.pairs {
			l.number(x.by, x.n)
			if len(l.b) >= maxListBytes {
				if err := p.insert(&l, table.insert); err != nil {
					return err
				}
			}
		}
		if err := p.insert(&l, table.insert); err != nil {
			return err
		}
	}
	return nil
}
