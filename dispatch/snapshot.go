package dispatch

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/wire"
)

// SnapshotVersion is raised when a snapshot's records change so that an older reader would misread them. Version 1 had
// incidents and keys as CBOR of their own, which takes twice as long to read.
const SnapshotVersion = 2

// A snapshot is a CBOR sequence (RFC 8742): one header, then Incidents stored incidents, oldest first, then Known stored
// keys in the order they will be forgotten, both in blocks. Blocks are independent of each other, so
// a reader may decode them side by side and restore them in order. Equal states write equal bytes.

// Block is a number of records, one behind the other.
type Block struct {
	_       struct{} `cbor:",toarray"`
	Records int
	Bytes   []byte
}

// Bounds of a block: it ends with the record that reaches one of them.
const (
	blockRecords = 512
	blockBytes   = 1 << 20
)

// Header is the first record of a snapshot.
type Header struct {
	Version    int
	Engine     int `cbor:",omitempty"` // that made the state; absent: 2 or before
	Seq        uint64
	Now        alert.Time
	Digest     string
	Files      map[string][]byte
	Keep       retention
	Today      Today
	Incidents  int
	Known      int
	Refs       int                     `cbor:",omitempty"` // to make room for: sources' numbers of incidents,
	Tasks      map[string]int          `cbor:",omitempty"` // and open tasks by seat
	Ended      []string                // finished incidents in the order they will be retired
	SignOns    []*SignOn               `cbor:",omitempty"` // by seat
	Handovers  []*Handover             `cbor:",omitempty"` // open, by seat
	NoShows    map[string]alert.Time   `cbor:",omitempty"` // by seat, when the last one was told
	Handed     map[string][]Handed     `cbor:",omitempty"` // by seat
	Amendments []*Amendment            `cbor:",omitempty"`
	Swaps      []*Swap                 `cbor:",omitempty"`
	Gaps       []Gap                   `cbor:",omitempty"`
	SeatsOut   map[string]*Maintenance `cbor:",omitempty"` // by seat
	SourcesOut map[string]*Maintenance `cbor:",omitempty"` // by source

	Sources map[string]sourceRecord `cbor:",omitempty"`
	Storms  map[string]storm        `cbor:",omitempty"`
}

// Stored is an incident in a snapshot.
type Stored struct {
	Doc    *alert.Incident   `cbor:"1,keyasint"`
	Events []uint64          `cbor:"2,keyasint"`
	Cut    bool              `cbor:"3,keyasint,omitempty"`
	Near   bool              `cbor:"4,keyasint,omitempty"` // alerts find it by place or area
	Refs   []alert.SourceRef `cbor:"5,keyasint,omitempty"` // alerts find it by these
}

// StoredKey is a known alert in a snapshot.
type StoredKey struct {
	_   struct{} `cbor:",toarray"`
	Key alert.Key
	Seq uint64
	At  alert.Time
}

var encodeMode = func() cbor.EncMode {
	m, err := cbor.EncOptions{Sort: cbor.SortCoreDeterministic}.EncMode()
	if err != nil {
		panic(err)
	}
	return m
}()

// View is everything a snapshot needs, taken at one instant. Taking it copies references only; writing it
// may then happen beside a state that goes on.
type View struct {
	header    Header
	incidents []Stored
	known     []StoredKey
}

// View takes the state as it is now.
func (s *State) View() *View {
	v := &View{header: Header{
		Version: SnapshotVersion, Engine: EngineVersion, Seq: s.seq, Now: s.now, Digest: s.digest, Files: s.files, Keep: s.keep,
		Today: s.counts.Today, Incidents: len(s.incidents), Known: s.forget.len(), Refs: len(s.byRef), Tasks: make(map[string]int, len(s.loads)),
	}}
	for _, seat := range slices.Sorted(maps.Keys(s.loads)) {
		if n := len(s.loads[seat].tasks); n > 0 {
			v.header.Tasks[seat] = n
		}
	}
	v.incidents = make([]Stored, 0, len(s.incidents))
	for _, o := range s.order {
		if l := o.inc; l != nil {
			v.incidents = append(v.incidents, Stored{Doc: l.doc, Events: slices.Clip(l.events), Cut: l.cut, Near: l.near, Refs: l.refs})
		}
	}
	for _, e := range s.ended.all() {
		v.header.Ended = append(v.header.Ended, e.id)
	}
	v.header.SignOns, v.header.Handovers = s.duty.lists()
	v.header.NoShows, v.header.Handed = maps.Clone(s.duty.noShows), maps.Clone(s.duty.handed)
	v.header.Amendments, v.header.Swaps, v.header.Gaps = s.Amendments(), s.Swaps(), s.Gaps()
	v.header.SeatsOut, v.header.SourcesOut = maps.Clone(s.maintenance.seats), maps.Clone(s.maintenance.sources)
	v.header.Sources, v.header.Storms = make(map[string]sourceRecord, len(s.sources)), maps.Clone(s.storms)
	for _, id := range slices.Sorted(maps.Keys(s.sources)) {
		v.header.Sources[id] = *s.sources[id]
	}
	v.known = make([]StoredKey, 0, s.forget.len())
	for _, k := range s.forget.all() {
		v.known = append(v.known, StoredKey{Key: k.key, Seq: k.seq, At: k.at})
	}
	return v
}

// Seq returns the sequence the view was taken at.
func (v *View) Seq() uint64 { return v.header.Seq }

// Incidents returns the documents in the view, oldest first.
func (v *View) Incidents() []Stored { return v.incidents }

// Encode writes the snapshot.
func (v *View) Encode(w io.Writer) error {
	e := encodeMode.NewEncoder(w)
	if err := e.Encode(&v.header); err != nil {
		return err
	}
	var b Block
	for i := range v.incidents {
		b.Bytes = wire.Sized(b.Bytes, v.incidents[i].record)
		if b.Records++; b.Records < blockRecords && len(b.Bytes) < blockBytes && i < len(v.incidents)-1 {
			continue
		}
		if err := e.Encode(&b); err != nil {
			return err
		}
		b.Records, b.Bytes = 0, b.Bytes[:0]
	}
	for chunk := range slices.Chunk(v.known, blockBytes/storedKeyBytes) {
		b.Records, b.Bytes = len(chunk), b.Bytes[:0]
		for _, k := range chunk {
			b.Bytes = append(b.Bytes, k.Key[:]...)
			b.Bytes = binary.LittleEndian.AppendUint64(b.Bytes, k.Seq)
			b.Bytes = binary.LittleEndian.AppendUint64(b.Bytes, uint64(k.At))
		}
		if err := e.Encode(&b); err != nil {
			return err
		}
	}
	return nil
}

const storedKeyBytes = len(alert.Key{}) + 8 + 8

// record describes x in a block.
func (x *Stored) record(r *wire.Record) {
	wire.Part(r, 1, &x.Doc, func(r *wire.Record, doc *alert.Incident) { doc.Record(r) })
	wire.Ints(r, 2, &x.Events)
	r.Bool(3, &x.Cut)
	r.Bool(4, &x.Near)
	wire.Parts(r, 5, &x.Refs, func(r *wire.Record, ref *alert.SourceRef) { ref.Record(r) })
}

// Incidents reads a block of incidents.
func (b *Block) Incidents() (out []Stored, err error) {
	out = make([]Stored, 0, min(b.Records, blockRecords))
	for rest := b.Bytes; len(rest) > 0; {
		x := Stored{Doc: &alert.Incident{Areas: []string{}, Alerts: []alert.Ref{}, Tasks: []*alert.Task{}}}
		if rest, err = wire.ReadSized(rest, x.record); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// Known reads a block of known alerts.
func (b *Block) Known() ([]StoredKey, error) {
	if len(b.Bytes)%storedKeyBytes != 0 {
		return nil, fmt.Errorf("a block of known alerts has %d bytes, which are no whole number of them", len(b.Bytes))
	}
	out := make([]StoredKey, 0, len(b.Bytes)/storedKeyBytes)
	for b := range slices.Chunk(b.Bytes, storedKeyBytes) {
		k := StoredKey{Key: alert.Key(b)}
		b = b[len(k.Key):]
		k.Seq, k.At = binary.LittleEndian.Uint64(b), alert.Time(binary.LittleEndian.Uint64(b[8:]))
		out = append(out, k)
	}
	return out, nil
}

// Restorer builds a state from the records of a snapshot, fed in order.
type Restorer struct {
	state     *State
	header    Header
	incidents int
	known     int
}

// maxRoom bounds the room made on the word of a header.
const maxRoom = 1 << 21

// NewRestorer begins with the header.
func NewRestorer(h Header) (*Restorer, error) {
	if h.Version < 1 || h.Version > SnapshotVersion {
		return nil, fmt.Errorf("snapshot has version %d, this binary reads up to %d: start the newer one, or remove the journal's .snap files, without which a start takes longer", h.Version, SnapshotVersion)
	}
	if err := Readable(h.Engine); err != nil {
		return nil, err
	}
	s := New()
	s.incidents, s.known = make(map[string]*live, min(h.Incidents, maxRoom)), make(map[alert.Key]uint64, min(h.Known, maxRoom))
	s.byRef, s.order = make(map[alert.SourceRef]*live, min(h.Refs, maxRoom)), make([]opening, 0, min(h.Incidents, maxRoom))
	s.deadlines.items, s.forget.items = make([]due, 0, min(h.Incidents, maxRoom)), make([]knownAlert, 0, min(h.Known, maxRoom))
	for _, seat := range slices.Sorted(maps.Keys(h.Tasks)) {
		s.loads[seat] = &seatLoad{tasks: make(map[string]struct{}, min(h.Tasks[seat], h.Incidents, maxRoom/(1+len(h.Tasks)))), asked: map[string]struct{}{}}
	}
	s.seq, s.now, s.digest, s.files, s.keep = h.Seq, h.Now, h.Digest, h.Files, h.Keep
	s.counts.Today = h.Today
	s.duty = dutyOf(h.SignOns, h.Handovers, h.NoShows)
	maps.Copy(s.duty.handed, h.Handed)
	s.amends = amends{entries: h.Amendments, swaps: h.Swaps}
	s.gaps = h.Gaps
	maps.Copy(s.maintenance.seats, h.SeatsOut)
	maps.Copy(s.maintenance.sources, h.SourcesOut)
	for _, id := range slices.Sorted(maps.Keys(h.Sources)) {
		r := h.Sources[id]
		r.Held = slices.Clone(r.Held)
		s.sources[id] = &r
	}
	maps.Copy(s.storms, h.Storms)
	return &Restorer{state: s, header: h}, nil
}

// Incident takes in the next incident. What x points to is kept and never written to, so that two states may be restored
// from one record.
func (r *Restorer) Incident(x Stored) error {
	if x.Doc == nil || len(x.Events) == 0 {
		return fmt.Errorf("snapshot record %d is no incident", r.incidents)
	}
	l := &live{doc: x.Doc, events: slices.Clip(x.Events), cut: x.Cut, refs: slices.Clip(x.Refs)}
	r.state.insert(l, x.Events[0])
	if x.Near {
		r.state.index(l)
	}
	for _, ref := range x.Refs {
		r.state.byRef[ref] = l
	}
	for _, a := range x.Doc.Alerts[min(1, len(x.Doc.Alerts)):] {
		r.state.reports[alert.KeyOf(a.Source, a.ID)] = l
	}
	r.incidents++
	return nil
}

// Known takes in the next known alert.
func (r *Restorer) Known(k StoredKey) {
	r.state.known[k.Key] = k.Seq
	r.state.forget.push(knownAlert{k.At, k.Seq, k.Key})
	r.known++
}

// State returns the state once every record is in.
func (r *Restorer) State() (*State, error) {
	if r.incidents != r.header.Incidents || r.known != r.header.Known {
		return nil, fmt.Errorf("snapshot holds %d of %d incidents and %d of %d known alerts", r.incidents, r.header.Incidents, r.known, r.header.Known)
	}
	for _, id := range r.header.Ended {
		l := r.state.incidents[id]
		if l == nil {
			return nil, fmt.Errorf("snapshot lists finished incident %s but does not hold it", id)
		}
		r.state.ended.push(ending{l.doc.ClosedAt, id})
	}
	return r.state, nil
}
