package push

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/banyan-ecc/banyan/geo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// city is a State for tests: it knows every item of every epoch, and its snapshots say how many of them the
// topics have been shown so far, which is what a client can check its own count against.
type city struct {
	mu      sync.Mutex
	epoch   uint32
	items   map[uint32][]Item // by epoch, from sequence 1: the history as that leader had it
	begun   map[uint32]uint64 // the first sequence of each epoch
	applied position          // what snapshots show
	asked   int               // snapshots so far
	fail    error             // what Snapshot answers instead
	hold    chan struct{}     // when set, Snapshot waits for it
	padding string            // a further member, to make snapshots long
}

func newCity() *city {
	return &city{epoch: 1, items: map[uint32][]Item{1: nil}, begun: map[uint32]uint64{1: 1}, applied: position{Epoch: 1}}
}

// Snapshot implements State.
func (s *city) Snapshot(topics []Topic, redacted bool, _ string) (uint32, uint64, []byte, error) {
	s.mu.Lock()
	s.asked++
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return 0, 0, nil, s.fail
	}
	n := s.countLocked(s.applied.Epoch, s.applied.Seq, topics, redacted)
	return s.applied.Epoch, s.applied.Seq, fmt.Appendf(nil, `"count":%d,"padding":%q`, n, s.padding), nil
}

func (s *city) count(epoch uint32, seq uint64, topics []Topic, redacted bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.countLocked(epoch, seq, topics, redacted)
}

func (s *city) countLocked(epoch uint32, seq uint64, topics []Topic, redacted bool) (n int) {
	for i := range s.items[epoch][:seq] {
		it := &s.items[epoch][i]
		if redacted && it.Wall == nil || !redacted && it.Full == nil {
			continue
		}
		if slices.ContainsFunc(topics, func(t Topic) bool { return t.Concerns(it) }) {
			n++
		}
	}
	return n
}

// commit makes a batch of items; snapshots do not show it before apply.
func (s *city) commit(items ...Item) Batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := uint64(len(s.items[s.epoch])) + 1
	for i := range items {
		items[i].Seq = from + uint64(i)
		items[i].Full = fmt.Appendf(nil, `{"seq":%d,"text":"full","long":%q}`, items[i].Seq, long)
		if items[i].Incident != hidden {
			items[i].Wall = fmt.Appendf(nil, `{"seq":%d,"long":%q}`, items[i].Seq, long)
		}
	}
	s.items[s.epoch] = append(s.items[s.epoch], items...)
	return Batch{Epoch: s.epoch, From: from, To: from + uint64(len(items)) - 1, Items: items}
}

// apply lets snapshots show what was committed up to b.
func (s *city) apply(b Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := (position{b.Epoch, b.To}); s.applied.before(at) {
		s.applied = at
	}
}

// takeOver begins the next epoch with all but the last items.
func (s *city) takeOver(lost int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.items[s.epoch]
	kept = slices.Clone(kept[:max(0, len(kept)-lost)])
	s.epoch++
	s.items[s.epoch] = kept
	s.begun[s.epoch] = uint64(len(kept)) + 1
}

// names reports whether a position names an event: its epoch is the one that wrote it.
func (s *city) names(p position) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return p.Seq >= s.begun[p.Epoch] && p.Seq <= uint64(len(s.items[p.Epoch])) || p == position{Epoch: 1}
}

func (s *city) head() (uint32, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch, uint64(len(s.items[s.epoch]))
}

// long gives items a length like that of real ones.
var long = strings.Repeat("福", 60)

// hidden is the incident whose items walls do not see.
const hidden = "i-hidden"

var testCells = func() []geo.Cell {
	c, err := geo.ParseCell("894183b61d3ffff")
	if err != nil {
		panic(err)
	}
	return c.AppendDisk(nil, 6)
}()

// randomItem returns an item such as a city makes: few departments, more seats, many incidents.
func randomItem(r *rand.Rand) Item {
	if r.IntN(50) == 0 {
		return Item{}
	}
	it := Item{Incident: fmt.Sprintf("i-%d", r.IntN(20))}
	if r.IntN(10) == 0 {
		it.Incident = hidden
	}
	for range r.IntN(3) {
		d := r.IntN(4)
		it.Departments = append(it.Departments, fmt.Sprintf("d%d", d))
		it.Seats = append(it.Seats, fmt.Sprintf("d%d-%d", d, r.IntN(3)))
	}
	if r.IntN(4) > 0 {
		it.Cell = testCells[r.IntN(len(testCells))]
	}
	return it
}

// randomTopics returns the topics of a subscription.
func randomTopics(r *rand.Rand) []string {
	if r.IntN(3) == 0 {
		return []string{"wall"}
	}
	var list []string
	for range 1 + r.IntN(3) {
		switch r.IntN(5) {
		case 0:
			list = append(list, fmt.Sprintf("department:d%d", r.IntN(4)))
		case 1:
			list = append(list, fmt.Sprintf("seat:d%d-%d", r.IntN(4), r.IntN(3)))
		case 2:
			list = append(list, fmt.Sprintf("incident:i-%d", r.IntN(20)))
		case 3:
			a, b := testCells[r.IntN(len(testCells))], testCells[r.IntN(len(testCells))]
			list = append(list, fmt.Sprintf("cells:%x,%x", uint64(a.Parent(5+r.IntN(5))), uint64(b)))
		case 4:
			p, _ := testCells[r.IntN(len(testCells))].Centre()
			w := 0.001 + r.Float64()*0.02
			list = append(list, fmt.Sprintf("bbox:%g,%g,%g,%g", p.Lon-w, p.Lat-w, p.Lon+w, p.Lat+w))
		}
	}
	return list
}
