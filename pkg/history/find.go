package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/statistics"
)

// maxMentions bounds what one search looks at: the newest so many texts that hold its words.
const maxMentions = 50_000

// Query is what is looked for among incidents; a zero member asks for nothing.
type Query struct {
	From, To   time.Time // of opening
	OpenAt     time.Time // opened before, and not over then
	Words      string    // all of them
	Area       string    // in it or below
	Department string    // with a task
	Type       string
	States     []alert.IncidentState
	Priorities []alert.Priority
	Before     uint64 // opened by an event before this one
}

// Find calls yield for the incidents that q asks for, newest first, until it returns false. opened is the event
// that opened the incident.
func (s *Store) Find(ctx context.Context, q Query, yield func(opened uint64, doc *alert.Incident) bool) error {
	text, args, err := s.query(ctx, q)
	if err != nil {
		return err
	}
	rows, err := s.read.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var n uint64
		var b sql.RawBytes
		if err := rows.Scan(&n, &b); err != nil {
			return err
		}
		doc := &alert.Incident{}
		if err := json.Unmarshal(b, doc); err != nil {
			return err
		}
		if !yield(n, doc) {
			return nil
		}
	}
	return rows.Err()
}

// query makes SQL of q. Incidents are opened in order of time, so a time becomes a range of their keys.
func (s *Store) query(ctx context.Context, q Query) (string, []any, error) {
	var where []string
	var args []any
	add := func(cond string, values ...any) {
		where, args = append(where, cond), append(args, values...)
	}
	from := "incidents i"
	switch { // what narrows most leads
	case q.Department != "":
		from = "parts p CROSS JOIN incidents i ON i.n = p.n"
		add("p.department = ?", q.Department)
	case q.Area != "":
		from = "places p CROSS JOIN incidents i ON i.n = p.n"
		add("p.area = ?", q.Area)
	}
	key := "i.n"
	if from != "incidents i" {
		key = "p.n"
	}
	if q.Department != "" && q.Area != "" {
		add("EXISTS (SELECT 1 FROM places a WHERE a.area = ? AND a.n = "+key+")", q.Area)
	}
	for _, bound := range []struct {
		at time.Time
		op string
	}{{q.From, ">="}, {q.To, "<"}} {
		if bound.at.IsZero() {
			continue
		}
		n, err := s.openedBy(ctx, bound.at)
		if err != nil {
			return "", nil, err
		}
		add(key+" "+bound.op+" ?", n)
	}
	if !q.OpenAt.IsZero() {
		n, err := s.openedBy(ctx, q.OpenAt)
		if err != nil {
			return "", nil, err
		}
		add(key+" < ? AND (i.closed_at = 0 OR i.closed_at >= ?)", n, int64(alert.TimeOf(q.OpenAt)))
	}
	if q.Before != 0 {
		add(key+" < ?", int64(q.Before))
	}
	if q.Words != "" {
		add(key+` IN (SELECT coalesce(said.n, w.rowid) FROM (SELECT rowid FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?) w
			LEFT JOIN said ON said.seq = w.rowid)`, match(q.Words), maxMentions)
	}
	if q.Type != "" {
		add("i.type = ?", q.Type)
	}
	in("i.state", q.States, func(v alert.IncidentState) any { return string(v) }, add)
	in("i.priority", q.Priorities, func(v alert.Priority) any { return int(v) }, add)
	text := "SELECT i.n, i.doc FROM " + from
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	return text + " ORDER BY " + key + " DESC", args, nil
}

func in[T any](column string, values []T, of func(T) any, add func(string, ...any)) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = of(v)
	}
	add(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", args...)
}

// openedBy returns the event of the first incident opened at or after t, or more than any.
func (s *Store) openedBy(ctx context.Context, t time.Time) (n int64, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT n FROM incidents WHERE opened_at >= ? ORDER BY opened_at, n LIMIT 1", int64(alert.TimeOf(t))).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 1<<63 - 1, nil
	}
	return n, err
}

// Searchable reports whether something is left of words to look for.
func Searchable(words string) bool { return match(words) != "" }

// Events returns the sequences of an incident's events, oldest first; false: it is not in.
func (s *Store) Events(ctx context.Context, id string) ([]uint64, bool, error) {
	var b []byte
	err := s.read.QueryRowContext(ctx, "SELECT events FROM incidents WHERE id = ? ORDER BY n DESC LIMIT 1", id).Scan(&b)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return sequences(b), err == nil, err
}

// Tallies implements statistics.Source.
func (s *Store) Tallies(ctx context.Context, g statistics.Grouping, part string, from, to time.Time, yield func(time.Time, string, []byte) error) error {
	rows, err := s.read.QueryContext(ctx, "SELECT slot, key, tally FROM cells WHERE grouping = ? AND part = ? AND slot >= ? AND slot < ?", int(g), part, from.Unix(), to.Unix())
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var slot int64
		var key string
		var tally sql.RawBytes
		if err := rows.Scan(&slot, &key, &tally); err != nil {
			return err
		}
		if err := yield(time.Unix(slot, 0), key, tally); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Late implements statistics.Source.
func (s *Store) Late(ctx context.Context, department string, from, to time.Time, most int) (late []statistics.Late, total int, err error) {
	where := " FROM late l WHERE l.at >= ? AND l.at < ? AND (? = '' OR l.department = ?)"
	args := []any{int64(alert.TimeOf(from)), int64(alert.TimeOf(to)), department, department}
	if err = s.read.QueryRowContext(ctx, "SELECT count(*)"+where, args...).Scan(&total); err != nil {
		return nil, 0, err
	}
	late = []statistics.Late{}
	rows, err := s.read.QueryContext(ctx, "SELECT l.entry, (SELECT group_concat(p.department) FROM parts p WHERE p.n = l.n)"+where+" ORDER BY l.at DESC LIMIT ?", append(args, most)...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var b sql.RawBytes
		var departments string
		if err := rows.Scan(&b, &departments); err != nil {
			return nil, 0, err
		}
		var l statistics.Late
		if err := json.Unmarshal(b, &l); err != nil {
			return nil, 0, err
		}
		l.Part = strings.Split(departments, ",")
		late = append(late, l)
	}
	return late, total, rows.Err()
}
