package dispatch

import (
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// State is everything a decision looks at. It holds what is open and what ended within the retention of
// the city, so its size is bounded by the work at hand, not by history. It is not safe for concurrent use.
type State struct {
	city   *plan.City
	digest string
	files  map[string][]byte

	keep retention

	seq uint64
	now alert.Time

	incidents   map[string]*live
	order       []opening // of incidents in memory, oldest first, with holes where one retired
	holes       int
	ended       queue[ending]
	known       map[alert.Key]uint64 // alerts and idempotency keys within the duplicate window → sequence of their event
	forget      queue[knownAlert]
	near        map[string]grid // by group
	byArea      map[areaKey][]*live
	byRef       map[alert.SourceRef]*live
	loads       map[string]*seatLoad
	duty        duty
	amends      amends
	gaps        []Gap // told of and not over, by time and seat
	maintenance outOfService
	counts      Counts
	deadlines   deadlines
	reports     map[alert.Key]*live // incidents in memory by their further alerts; the first one's key is their id
	storms      map[string]storm
	sources     map[string]*sourceRecord
}

// retention is how long what is over stays in memory, and how what is open is found. It comes with the configuration's event, so that
// applying needs no compiled configuration.
type retention struct {
	Closed  time.Duration  `json:"closed"`            // finished incidents
	Known   time.Duration  `json:"known"`             // keys of alerts
	Buckets map[string]int `json:"buckets,omitempty"` // H3 resolution of the buckets of groups that correlate by place
}

// live is an incident in memory: the present document and the events that made it.
type live struct {
	doc    *alert.Incident
	events []uint64          // sequences, at most MaxTimeline
	cut    bool              // more events happened than events holds
	near   bool              // alerts find it by place or area
	refs   []alert.SourceRef // alerts find it by these; shared with views, so never written to
}

// MaxTimeline bounds the event sequences an incident keeps; the journal has them all.
const MaxTimeline = 4096

type opening struct {
	seq uint64
	inc *live
}

type ending struct {
	at alert.Time
	id string
}

type knownAlert struct {
	at  alert.Time
	seq uint64 // as in known, so that a snapshot need not ask
	key alert.Key
}

// New returns an empty state, with no configuration.
func New() *State {
	return &State{
		incidents: map[string]*live{}, known: map[alert.Key]uint64{}, near: map[string]grid{},
		byArea: map[areaKey][]*live{}, byRef: map[alert.SourceRef]*live{}, loads: map[string]*seatLoad{},
		duty: dutyOf(nil, nil, nil), maintenance: newOutOfService(),
		reports: map[alert.Key]*live{}, storms: map[string]storm{}, sources: map[string]*sourceRecord{},
		counts: newCounts(),
	}
}

// Seq returns the sequence of the last event applied.
func (s *State) Seq() uint64 { return s.seq }

// Now returns the time of the last event applied. A command must not carry an earlier one.
func (s *State) Now() alert.Time { return s.now }

// City returns the configuration in force; nil before the first one is loaded or, after recovery from
// bytes, before UseCity.
func (s *State) City() *plan.City { return s.city }

// Digest returns the digest of the configuration in force, "" before the first.
func (s *State) Digest() string { return s.digest }

// Files returns the files of the configuration in force.
func (s *State) Files() map[string][]byte { return s.files }

// UseCity gives the state the compiled form of the configuration it already holds as files.
func (s *State) UseCity(c *plan.City) {
	if c.Digest != s.digest {
		panic("dispatch: UseCity with digest " + c.Digest + " but the state is under " + s.digest)
	}
	s.city = c
	s.settleRoster(nil)
}

// Incident returns the document of an incident in memory.
func (s *State) Incident(id string) (*alert.Incident, bool) {
	l, ok := s.incidents[id]
	if !ok {
		return nil, false
	}
	return l.doc, true
}

// Task returns a task of an incident in memory, with its incident.
func (s *State) Task(id string) (*alert.Task, *alert.Incident, bool) {
	var buf [64]byte
	incidentID, ok := alert.AppendIncidentOfTask(buf[:0], id)
	if !ok {
		return nil, nil, false
	}
	l, ok := s.incidents[string(incidentID)]
	if !ok {
		return nil, nil, false
	}
	for _, t := range l.doc.Tasks {
		if t.ID == id {
			return t, l.doc, true
		}
	}
	return nil, nil, false
}

// Timeline returns the sequences of the events of an incident, oldest first, and whether older ones than
// those exist in the journal only. The slice must not be written to.
func (s *State) Timeline(id string) (events []uint64, cut, ok bool) {
	l, ok := s.incidents[id]
	if !ok {
		return nil, false, false
	}
	return l.events[:len(l.events):len(l.events)], l.cut, true
}

// Known returns the sequence of the event that holds the alert with key k, if it was accepted within the
// duplicate window.
func (s *State) Known(k alert.Key) (uint64, bool) { seq, ok := s.known[k]; return seq, ok }

// Len returns how many incidents are in memory.
func (s *State) Len() int { return len(s.incidents) }

// Newest calls yield for the incidents in memory, newest first, beginning with those opened by an event
// before sequence before (0: from the newest), until yield returns false.
func (s *State) Newest(before uint64, yield func(opened uint64, doc *alert.Incident) bool) {
	hi := len(s.order)
	if before > 0 {
		hi = searchOpening(s.order, before)
	}
	for i := hi - 1; i >= 0; i-- {
		if o := s.order[i]; o.inc != nil && !yield(o.seq, o.inc.doc) {
			return
		}
	}
}

// searchOpening returns the index of the first opening with seq ≥ want.
func searchOpening(order []opening, want uint64) int {
	lo, hi := 0, len(order)
	for lo < hi {
		if mid := (lo + hi) / 2; order[mid].seq < want {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// Load is how much work lies somewhere.
type Load struct {
	Open    int `json:"open"`           // tasks not final
	Waiting int `json:"unacknowledged"` // of these, not acknowledged
	Overdue int `json:"overdue"`        // of these, past their first deadline

	Unstaffed int `json:"unstaffed"` // of those that wait, with nobody on duty to take them
}

// LoadOf returns the work at a seat.
func (s *State) LoadOf(seat string) Load {
	if l := s.loads[seat]; l != nil {
		return l.Load
	}
	return Load{}
}

// Counts returns the counts of the whole city. The maps must not be written to.
func (s *State) Counts() Counts { return s.counts }

// NextDeadline returns when a Tick is due, and false if nothing waits.
func (s *State) NextDeadline() (alert.Time, bool) { return s.deadlines.next() }

type areaKey struct{ group, area string }

// stale reports whether an entry of the heap no longer says what its task says.
func (s *State) stale(d due) bool {
	t, _, ok := s.Task(d.task)
	return !ok || t.Deadline != d.at
}
