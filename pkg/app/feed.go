package app

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/push"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// feed turns committed batches into what the hub shows. It is called by the writer alone.
type feed struct {
	buf    []byte // room for what is encoded next, never written twice; the hub keeps it
	seat   func(id string) (*plan.Seat, bool)
	source func(id string) (*plan.Source, bool)
}

// feedRoom is the size of the allocations that encoded events share.
const feedRoom = 16 << 10

func (f *feed) encode(e *dispatch.Event) []byte {
	if cap(f.buf)-len(f.buf) < feedRoom/4 {
		f.buf = make([]byte, 0, feedRoom)
	}
	at := len(f.buf)
	f.buf = e.AppendJSON(f.buf)
	return f.buf[at:len(f.buf):len(f.buf)]
}

// batch makes the hub's batch of a committed one.
func (f *feed) batch(c *sequencer.Committed) push.Batch {
	b := push.Batch{Epoch: c.Epoch, From: c.From, To: c.To, Items: make([]push.Item, len(c.Events))}
	for i := range c.Events {
		e := &c.Events[i]
		it := &b.Items[i]
		*it = concerns(c.Docs[i])
		it.Seq, it.Full = e.Seq, c.Encoded[i]
		if e.Type == dispatch.ConfigLoaded { // its files stay in the journal
			it.Full = f.encode(&dispatch.Event{Seq: e.Seq, At: e.At, Type: e.Type, Digest: e.Digest})
		}
		if e.Seat != "" {
			it.Seats = append(it.Seats, e.Seat)
			if seat, ok := f.seat(e.Seat); ok {
				it.Departments = []string{seat.Department}
			}
			if e.To != "" {
				it.Seats = append(it.Seats, e.To)
			}
		}
		if e.Swap != nil && e.Swap.Return != nil {
			it.Seats = append(it.Seats, e.Swap.Return.Seat)
		}
		if e.Amendment != nil { // leave names no seat
			it.Departments = []string{e.Amendment.Department}
		}
		if e.From != "" && e.Task != nil && !slices.Contains(it.Seats, e.From) {
			it.Seats = append(it.Seats, e.From) // who loses a task must hear of it
		}
		if e.Source != "" {
			f.ofSource(it, e)
		}
		if r, ok := dispatch.Redact(e); ok && !it.Sealed {
			if r.Type == dispatch.IncidentOpened {
				r.Alert = nil // a thousand walls are sent each: the incident beside it says all that they show
			}
			it.Wall = f.encode(&r)
		}
	}
	return b
}

// ofSource makes an event about a source one for its department and the centre; messages in quarantine stay in the
// journal.
func (f *feed) ofSource(it *push.Item, e *dispatch.Event) {
	it.Departments = []string{plan.Centre}
	if src, ok := f.source(e.Source); ok && src.Department != plan.Centre {
		it.Departments = append(it.Departments, src.Department)
	}
	if e.Held != nil {
		shown := *e
		shown.Held = nil
		it.Full = f.encode(&shown)
	}
}

// concerns says whom an incident concerns: every department and seat that has or had a part in it.
func concerns(doc *alert.Incident) push.Item {
	if doc == nil {
		return push.Item{}
	}
	it := push.Item{Incident: doc.ID, Cell: doc.Cell}
	for _, t := range doc.Tasks {
		if !slices.Contains(it.Departments, t.Department) {
			it.Departments = append(it.Departments, t.Department)
		}
		it.Seats = append(append(it.Seats, t.Seat), t.Escalated...)
	}
	slices.Sort(it.Seats)
	it.Seats = slices.Compact(it.Seats)
	if it.Sealed = doc.Sensitivity == alert.Sealed; it.Sealed { // the centre takes part in everything
		it.Cell, it.Departments = 0, append(it.Departments, plan.Centre)
	}
	return it
}

// MaxSnapshotIncidents bounds the incidents of a snapshot; the most urgent ones are kept, of equally urgent
// ones the newest, and the frame says that there are more.
const MaxSnapshotIncidents = 5_000

// screens gives the hub what a subscription begins with.
type screens struct {
	replica *sequencer.Replica
	now     func() time.Time
}

// Snapshot implements push.State.
func (s *screens) Snapshot(topics []push.Topic, redacted bool, department string) (epoch uint32, seq uint64, members []byte, err error) {
	var board dispatch.Board
	var docs []*alert.Incident
	s.replica.ReadAt(func(of uint32, st *dispatch.State) {
		epoch, seq, board = of, st.Seq(), st.Board(s.now(), redacted)
		docs = make([]*alert.Incident, 0, min(st.Len(), MaxSnapshotIncidents))
		st.Newest(0, func(_ uint64, doc *alert.Incident) bool {
			if !doc.State.Final() {
				docs = append(docs, doc)
			}
			return true
		})
	})
	// Documents never change, so all that follows needs no lock.
	docs = slices.DeleteFunc(docs, func(doc *alert.Incident) bool {
		if doc.Sensitivity != alert.Sealed {
			return false
		}
		it := concerns(doc)
		return !it.For(department, redacted)
	})
	if !wholeCity(topics) {
		docs = slices.DeleteFunc(docs, func(doc *alert.Incident) bool {
			it := concerns(doc)
			return !slices.ContainsFunc(topics, func(t push.Topic) bool { return t.Concerns(&it) })
		})
	}
	total := len(docs)
	if total > MaxSnapshotIncidents {
		slices.SortStableFunc(docs, func(a, b *alert.Incident) int { return int(a.Priority) - int(b.Priority) })
		docs = docs[:MaxSnapshotIncidents]
	}
	if redacted {
		for i, doc := range docs {
			docs[i] = dispatch.RedactIncident(doc)
		}
	}
	members, err = json.Marshal(struct {
		Incidents []*alert.Incident `json:"incidents"`
		Total     int               `json:"incidents_total"`
		dispatch.Board
	}{docs, total, board})
	if err != nil {
		return 0, 0, nil, err
	}
	return epoch, seq, members[1 : len(members)-1], nil
}

func wholeCity(topics []push.Topic) bool {
	return slices.ContainsFunc(topics, func(t push.Topic) bool { return t.Kind == push.Wall })
}
