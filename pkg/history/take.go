package history

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
	"github.com/banyan-ecc/banyan/pkg/statistics"
)

// sum tells a frame from that of another journal.
func sum(f *journal.Frame) string {
	h := sha256.Sum256(f.Payload)
	return hex.EncodeToString(h[:16])
}

// portion is what one transaction takes in.
type portion struct {
	s         *Store
	ctx       context.Context // of statements, which nothing cuts off
	pace      pace
	hurry     context.Context // when it has ended nobody rests
	tx        *sql.Tx
	prepared  map[string]*sql.Stmt
	part      *dispatch.Part
	incidents map[string]*entry
	cells     map[cell]*statistics.Tally
	late      map[string]*lateness
	rows      rows // of incidents
	heard     list // words by event
	said      list // incident by event
	places    []pair
	parts     []pair
}

// entry is an incident that the portion changes.
type entry struct {
	n       uint64
	events  []byte // distances between sequences
	last    uint64
	doc     *alert.Incident // as stored, nil of a new one
	parties int             // how many of its tasks are in the tables
}

type cell struct {
	grouping  statistics.Grouping
	part, key string
	slot      int64
}

// lateness is an entry of the list of late tasks.
type lateness struct {
	n  uint64
	at alert.Time
	statistics.Late
}

// Take takes in frames that follow what is in; those it has already are passed over. It either takes all or none.
func (s *Store) Take(ctx context.Context, entries []sequencer.Entry) (err error) {
	s.taking.Lock()
	defer s.taking.Unlock()
	done, err := s.Seq(ctx)
	if err != nil {
		return err
	}
	for len(entries) > 0 && entries[0].LastSeq() <= done {
		entries = entries[1:]
	}
	if len(entries) == 0 {
		return nil
	}
	zone := s.zone
	defer func() {
		if err != nil {
			s.zone = zone
		}
	}()
	// A transaction whose context ends is rolled back behind the back of the statement that runs, which can leave the
	// file locked. So it is cut off between frames instead.
	whole := context.WithoutCancel(ctx)
	tx, err := s.write.BeginTx(whole, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing to undo after Commit
	p := &portion{s: s, ctx: whole, pace: pace{s.rests, time.Now()}, hurry: ctx, tx: tx, prepared: map[string]*sql.Stmt{}, part: dispatch.NewPart(),
		incidents: map[string]*entry{}, cells: map[cell]*statistics.Tally{}, late: map[string]*lateness{}}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.entry(&e); err != nil {
			return fmt.Errorf("history, frame at %d: %w", e.Seq, err)
		}
		p.pace.breathe(p.hurry)
	}
	last := &entries[len(entries)-1].Frame
	for key, value := range map[string]string{"seq": strconv.FormatUint(last.LastSeq(), 10), "last frame": sum(last)} {
		if err := p.exec("INSERT INTO meta VALUES(?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", key, value); err != nil {
			return err
		}
	}
	if err := p.flush(); err != nil {
		return err
	}
	return tx.Commit()
}

func (p *portion) stmt(query string) (*sql.Stmt, error) {
	if st := p.prepared[query]; st != nil {
		return st, nil
	}
	st, err := p.tx.PrepareContext(p.ctx, query)
	p.prepared[query] = st
	return st, err
}

func (p *portion) exec(query string, args ...any) error {
	st, err := p.stmt(query)
	if err == nil {
		_, err = st.ExecContext(p.ctx, args...)
	}
	return err
}

// row scans the one row of a query; false: there is none.
func (p *portion) row(query string, arg any, into ...any) (bool, error) {
	st, err := p.stmt(query)
	if err == nil {
		err = st.QueryRowContext(p.ctx, arg).Scan(into...)
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func (p *portion) entry(e *sequencer.Entry) error {
	events, _, err := e.Events()
	if err != nil {
		return err
	}
	for i := range events {
		if err := p.event(&events[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *portion) event(e *dispatch.Event) error {
	if e.Type == dispatch.ConfigLoaded {
		return p.configured(e)
	}
	ids := e.Concerns()
	before := make([]*alert.Incident, len(ids))
	for i, id := range ids {
		if _, err := p.load(id, e); err != nil {
			return err
		}
		if e.Type != dispatch.IncidentOpened {
			before[i], _ = p.part.Incident(id)
		}
	}
	p.part.Apply(e)
	for i, id := range ids {
		after, ok := p.part.Incident(id)
		if !ok || after == before[i] {
			continue
		}
		en := p.incidents[id]
		en.note(e.Seq)
		p.count(en, before[i], after, e)
		if err := p.hear(en, after, e); err != nil {
			return err
		}
	}
	return nil
}

// load brings an incident into the portion.
func (p *portion) load(id string, e *dispatch.Event) (*entry, error) {
	en := p.incidents[id]
	if e.Type == dispatch.IncidentOpened {
		if en != nil { // one of the same id that is long over
			if err := p.writeIncident(id, en); err != nil {
				return nil, err
			}
		}
		en = &entry{n: e.Seq}
		p.incidents[id] = en
		return en, nil
	}
	if en != nil {
		return en, nil
	}
	en = &entry{}
	var doc []byte
	found, err := p.row("SELECT n, doc, events, last FROM incidents WHERE id = ? ORDER BY n DESC LIMIT 1", id, &en.n, &doc, &en.events, &en.last)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("event %d is about incident %s, which no event before it opened", e.Seq, id)
	}
	en.doc = &alert.Incident{}
	if err := json.Unmarshal(doc, en.doc); err != nil {
		return nil, err
	}
	en.parties = len(en.doc.Tasks)
	p.part.Put(en.doc)
	p.incidents[id] = en
	return en, nil
}

// note adds an event to the incident's own.
func (en *entry) note(seq uint64) {
	if len(en.events) < maxEventsBytes {
		en.events = appendStep(en.events, seq-en.last)
		en.last = seq
	}
}

// count adds what the event says to the cells and the list of late tasks.
func (p *portion) count(en *entry, before, after *alert.Incident, e *dispatch.Event) {
	place, tally, ok := statistics.Observe(before, after, e)
	if !ok {
		return
	}
	slot := p.s.zone.Slot(e.At.Std()).Unix()
	place.Cells(func(g statistics.Grouping, part, key string) {
		c := cell{g, part, key, slot}
		t := p.cells[c]
		if t == nil {
			t = &statistics.Tally{}
			p.cells[c] = t
		}
		t.Merge(&tally)
	})
	if t := e.Task; t != nil && after.Sensitivity != alert.Sealed && (p.late[t.ID] != nil || t.Overdue || t.State == alert.TaskUnstaffed || t.AcknowledgedAt == e.At) {
		p.noteLate(en, after, e)
	}
}

// noteLate puts a late task on the list, or says there what became of it.
func (p *portion) noteLate(en *entry, inc *alert.Incident, e *dispatch.Event) {
	t := e.Task
	l := &lateness{n: en.n, at: e.At}
	if known := p.late[t.ID]; known != nil {
		l.at = known.at
	} else if !t.Overdue && t.State != alert.TaskUnstaffed {
		l.at = 0 // acknowledged: only if it was late
	}
	l.Late = statistics.Late{Task: t.ID, Incident: inc.ID, Number: inc.Number, Type: inc.Type, Department: t.Department, Seat: t.Seat,
		Priority: t.Priority, Why: statistics.Why(t), AssignedAt: t.AssignedAt, AcknowledgedAt: t.AcknowledgedAt}
	p.late[t.ID] = l
}

// hear takes in the words of an event. Nothing that is sealed is heard.
func (p *portion) hear(en *entry, inc *alert.Incident, e *dispatch.Event) error {
	if inc.Sensitivity == alert.Sealed {
		return nil
	}
	var text string
	switch {
	case e.Type == dispatch.IncidentOpened:
		text = strings.Join([]string{inc.Number, inc.Type, inc.Text}, "\n")
	case e.Alert != nil:
		text = e.Alert.Text
	case e.Type == dispatch.IncidentNote || e.Type == dispatch.IncidentAssessed:
		text = e.Text
	}
	if grams := spread(text); grams != "" {
		if e.Seq != en.n {
			p.said.number(strconv.FormatUint(e.Seq, 10), en.n)
		}
		p.heard.text(strconv.FormatUint(e.Seq, 10), grams)
		if len(p.heard.b) >= maxListBytes {
			return p.writeWords()
		}
	}
	return nil
}

// configured takes the city's clock from a configuration.
func (p *portion) configured(e *dispatch.Event) error {
	city, problems := plan.Load(e.Files)
	if len(problems) > 0 {
		return nil // an old one that compiles no more: time is cut as before
	}
	p.s.zone = statistics.ZoneOf(city)
	cuts := make([]string, len(p.s.zone.Cuts))
	for i, c := range p.s.zone.Cuts {
		cuts[i] = strconv.Itoa(c)
	}
	return p.exec("INSERT INTO meta VALUES('zone', ?) ON CONFLICT DO UPDATE SET value = excluded.value", city.Zone.String()+" "+strings.Join(cuts, ","))
}

// readZone reads what configured wrote.
func (s *Store) readZone() error {
	text, err := s.meta("zone")
	s.zone = statistics.Zone{Location: time.UTC}
	if err != nil || text == "" {
		return err
	}
	name, cuts, _ := strings.Cut(text, " ")
	if s.zone.Location, err = time.LoadLocation(name); err != nil {
		return err
	}
	for _, c := range strings.FieldsFunc(cuts, func(r rune) bool { return r == ',' }) {
		m, err := strconv.Atoi(c)
		if err != nil {
			return err
		}
		s.zone.Cuts = append(s.zone.Cuts, m)
	}
	return nil
}
