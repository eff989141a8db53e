package redisstore

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// The live state in Redis is written from the committed state as it is at the moment of a call: it is never
// older than the stream's last event, and newer only by what is on its way. Every document says its own seq.

const (
	rosterAhead   = 7 // days, today included
	rosterEvery   = time.Hour
	rosterKeep    = 48 * time.Hour // after the end of the day
	rebuildChunk  = 256            // incidents of one call
	maxSourcesOld = 4096           // sources remembered here, as many as a city may have
)

// live knows what of the live state is yet to be written. It belongs to the goroutine of Mirror.Run.
type live struct {
	whole     bool                 // everything is to be written anew
	incidents map[string]bool      // to be written
	sources   map[string]time.Time // last heard, of all that were heard of
	heard     map[string]bool      // of these, to be written
	board     bool                 // seats and counters are to be written
	boardAt   time.Time
	seats     map[string]string // as written, by id
	counts    map[string]string
	roster    *roster.Roster // as written
	rosterDay string
	rosterAt  time.Time
}

// invalidate has everything written anew before the mirror calls itself current.
func (l *live) invalidate() {
	l.whole, l.board = true, true
	l.seats, l.counts, l.roster, l.incidents = nil, nil, nil, nil
	l.heard = map[string]bool{}
	for s := range l.sources {
		l.heard[s] = true
	}
}

// spoiled is invalidate for later: what Redis refuses now it may refuse again at once.
func (l *live) spoiled() { l.invalidate() }

func (l *live) touch(t *touched) {
	for id := range t.incidents {
		if l.incidents == nil {
			l.incidents = map[string]bool{}
		}
		l.incidents[id] = true
	}
	for s, at := range t.sources {
		if l.sources == nil {
			l.sources, l.heard = map[string]time.Time{}, map[string]bool{}
		}
		if len(l.sources) < maxSourcesOld || !l.sources[s].IsZero() {
			l.sources[s], l.heard[s] = at.Std(), true
		}
	}
	l.board = l.board || t.board
}

// rest returns how long the mirror may wait for the next commit before the live state is looked at again.
func (l *live) rest(now time.Time) time.Duration {
	if l.board {
		return min(beat, max(time.Millisecond, boardRest-now.Sub(l.boardAt)))
	}
	return beat
}

// write adds to c what is due of the live state.
func (l *live) write(c *change, m *Mirror) {
	now := m.o.Now()
	board := l.board && now.Sub(l.boardAt) >= boardRest
	var docs []*alert.Incident
	var gone []string
	var b dispatch.Board
	m.o.State.Read(func(st *dispatch.State) {
		for id := range l.incidents {
			doc, ok := st.Incident(id)
			switch {
			case !ok: // over, and out of memory: only looking at all that is in Redis finds where it stood
				l.whole = true
				gone = append(gone, id)
			default:
				docs = append(docs, doc)
			}
		}
		if board {
			b = st.Board(now, false)
		}
	})
	for _, doc := range docs {
		putIncident(c, doc)
	}
	for _, id := range gone {
		c.do("DEL", c.names.Incident(id))
		c.do("ZREM", c.names.Incidents(), id)
	}
	l.incidents = nil
	for s := range l.heard {
		c.do("ZADD", c.names.Sources(), "GT", l.sources[s].UnixMilli(), s)
	}
	clear(l.heard)
	if board {
		l.putBoard(c, &b)
		l.board, l.boardAt = false, now
	}
}

// refresh writes what is due without a commit, and looks whether the stream is as it was left.
func (m *Mirror) refresh(ctx context.Context) error {
	if m.live.whole {
		if err := m.rebuild(ctx); err != nil {
			return err
		}
	}
	c, now := m.names.change(), m.o.Now()
	if now.Sub(m.live.boardAt) >= beat { // shifts change without a commit
		m.live.board = true
	}
	m.live.write(c, m)
	m.live.writeRosters(c, m, now)
	_, err := c.apply(ctx, m.o.Client, m.last, m.o.Epoch())
	var state *stateError
	if errors.As(err, &state) {
		m.live.spoiled()
	}
	return err
}

// rebuild makes the live state in Redis what the committed state is, whatever was there.
func (m *Mirror) rebuild(ctx context.Context) error {
	var docs []*alert.Incident
	m.o.State.Read(func(st *dispatch.State) {
		st.Newest(0, func(_ uint64, doc *alert.Incident) bool {
			if !doc.State.Final() {
				docs = append(docs, doc)
			}
			return true
		})
	})
	open, cells := map[string]bool{}, map[string]bool{}
	for _, doc := range docs {
		open[doc.ID], cells[cellMember(doc)] = true, true
	}
	c := m.names.change()
	flush := func(bound int) error {
		if len(c.keys) < bound+2 && c.bytes < maxChangeBytes {
			return nil
		}
		_, err := c.apply(ctx, m.o.Client, m.last, m.o.Epoch())
		c = m.names.change()
		return err
	}
	for _, kind := range []struct {
		key  string
		keep map[string]bool
		drop func(string)
	}{
		{m.names.Incidents(), open, func(id string) { c.do("DEL", m.names.Incident(id)) }},
		{m.names.Cells(), cells, func(string) {}},
	} {
		there, err := m.o.Client.ZRange(ctx, kind.key, 0, -1).Result()
		if err != nil && isWrongType(err) {
			c.do("DEL", kind.key)
			err = nil
		}
		if err != nil {
			return err
		}
		for _, member := range there {
			if kind.keep[member] {
				continue
			}
			c.do("ZREM", kind.key, member)
			kind.drop(member)
			if err := flush(rebuildChunk); err != nil {
				return err
			}
		}
	}
	if err := m.o.Client.ZCard(ctx, m.names.Sources()).Err(); err != nil && isWrongType(err) {
		c.do("DEL", m.names.Sources())
	}
	for _, doc := range docs {
		c.do("DEL", m.names.Incident(doc.ID)) // whatever it was
		putIncident(c, doc)
		if err := flush(rebuildChunk); err != nil {
			return err
		}
	}
	if err := m.rebuildSeats(ctx, c); err != nil {
		return err
	}
	for _, key := range []string{m.names.Counts(), m.names.Seats()} {
		c.do("DEL", key)
	}
	if err := flush(0); err != nil {
		return err
	}
	m.live.whole, m.live.board, m.live.boardAt = false, true, time.Time{}
	m.live.seats, m.live.counts = nil, nil
	return nil
}

// rebuildSeats drops the hashes of seats that are in Redis; those of the city are written next.
func (m *Mirror) rebuildSeats(ctx context.Context, c *change) error {
	seats, err := m.o.Client.SMembers(ctx, m.names.Seats()).Result()
	if err != nil && !isWrongType(err) {
		return err
	}
	for _, id := range seats {
		c.do("DEL", m.names.Seat(id))
	}
	return nil
}

func isWrongType(err error) bool { return strings.HasPrefix(err.Error(), "WRONGTYPE") }

func cellMember(doc *alert.Incident) string { return doc.Cell.String() + ":" + doc.ID }

// putIncident adds an incident as it is now: written while it is open, removed once it is over.
func putIncident(c *change, doc *alert.Incident) {
	key := c.names.Incident(doc.ID)
	if doc.State.Final() {
		c.do("DEL", key)
		c.do("ZREM", c.names.Incidents(), doc.ID)
		c.do("ZREM", c.names.Cells(), cellMember(doc))
		return
	}
	lon, lat := any(""), any("")
	if doc.Location != nil {
		lon, lat = doc.Location.Lon, doc.Location.Lat
	}
	c.do("HSET", key, "id", doc.ID, "number", doc.Number, "type", doc.Type, "state", string(doc.State), "priority", doc.Priority.String(),
		"cell", doc.Cell.String(), "lon", lon, "lat", lat, "areas", strings.Join(doc.Areas, " "), "alerts", doc.AlertCount,
		"opened_at", doc.OpenedAt.String(), "updated_at", doc.UpdatedAt.String(), "seq", doc.Seq, "document", doc.AppendJSON(nil))
	c.do("ZADD", c.names.Incidents(), urgency(doc), doc.ID)
	c.do("ZADD", c.names.Cells(), 0, cellMember(doc))
}

// urgency orders by priority and then by when it was opened: P·10¹³ + Unix milliseconds, exact in a double.
func urgency(doc *alert.Incident) int64 {
	return int64(doc.Priority)*1e13 + doc.OpenedAt.Std().UnixMilli()
}

// putBoard adds the seats that have changed, and the counters.
func (l *live) putBoard(c *change, b *dispatch.Board) {
	seats := make(map[string]string, len(b.Seats))
	for i := range b.Seats {
		s := &b.Seats[i]
		doc, _ := json.Marshal(s) // strings and numbers always encode
		seats[s.ID] = string(doc)
		if l.seats[s.ID] == string(doc) {
			continue
		}
		c.do("SADD", c.names.Seats(), s.ID)
		c.do("HSET", c.names.Seat(s.ID), "department", s.Department, "name", s.Name, "name_en", s.NameEN, "role", s.Role, "holder", s.Holder,
			"presence", s.Presence, "on_duty", s.OnDuty, "handover_id", s.HandoverID, "shift", s.Shift, "until", s.Until,
			"open_tasks", s.Open, "waiting_tasks", s.Waiting, "document", doc)
	}
	for id := range l.seats {
		if _, still := seats[id]; !still {
			c.do("SREM", c.names.Seats(), id)
			c.do("DEL", c.names.Seat(id))
		}
	}
	l.seats = seats
	l.putCounts(c, &b.Counts)
}

func (l *live) putCounts(c *change, b *dispatch.BoardCounts) {
	counts := map[string]string{}
	add := func(name string, v any) {
		text, _ := json.Marshal(v)
		counts[name] = strings.Trim(string(text), `"`)
	}
	for p, load := range b.Priorities {
		add(p+":open", load.Open)
		add(p+":unacknowledged", load.Waiting)
		add(p+":overdue", load.Overdue)
	}
	for _, d := range b.Departments {
		add(d.ID+":open", d.Open)
		add(d.ID+":unacknowledged", d.Waiting)
		add(d.ID+":overdue", d.Overdue)
		add(d.ID+":seats_on_duty", d.SeatsOnDuty)
		add(d.ID+":seats", d.Seats)
	}
	add("day", b.Today.Day)
	add("today:alerts", b.Today.Alerts)
	add("today:incidents", b.Today.Incidents)
	add("today:closed", b.Today.Closed)
	var words []any
	for _, name := range sorted(counts) {
		if l.counts[name] != counts[name] {
			words = append(words, name, counts[name])
		}
	}
	if len(words) > 0 {
		c.do("HSET", c.names.Counts(), words...)
	}
	for _, name := range sorted(l.counts) {
		if _, still := counts[name]; !still {
			c.do("HDEL", c.names.Counts(), name)
		}
	}
	l.counts = counts
}

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// rosterSpan is a time in which one person, or nobody, holds a seat.
type rosterSpan struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Holder string `json:"holder,omitempty"` // absent: a gap
	Shift  string `json:"shift"`
	Why    string `json:"why"`
}

// writeRosters adds the rosters of today and the days ahead when they have changed, a day has begun, or an hour
// has gone by.
func (l *live) writeRosters(c *change, m *Mirror, now time.Time) {
	var r *roster.Roster
	m.o.State.Read(func(st *dispatch.State) { r = st.Roster() })
	if r == nil {
		return
	}
	local := now.In(r.Zone())
	today := local.Format(time.DateOnly)
	if r == l.roster && today == l.rosterDay && now.Sub(l.rosterAt) < rosterEvery {
		return
	}
	for i := range rosterAhead {
		day := time.Date(local.Year(), local.Month(), local.Day()+i, 0, 0, 0, 0, r.Zone())
		key := c.names.Roster(day.Format(time.DateOnly))
		bySeat := map[string][]rosterSpan{}
		for _, s := range r.Day(day.Year(), day.Month(), day.Day()) {
			bySeat[s.Seat] = append(bySeat[s.Seat], rosterSpan{s.From.UTC().Format(time.RFC3339), s.To.UTC().Format(time.RFC3339), s.Holder, s.Shift.ID, s.Why})
		}
		c.do("DEL", key)
		for _, seat := range r.Seats() {
			doc, _ := json.Marshal(bySeat[seat])
			c.do("HSET", key, seat, doc)
		}
		c.do("EXPIREAT", key, day.AddDate(0, 0, 1).Add(rosterKeep).Unix())
	}
	l.roster, l.rosterDay, l.rosterAt = r, today, now
}
