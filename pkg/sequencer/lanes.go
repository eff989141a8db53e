package sequencer

import (
	"sync"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Bounds of what sources have waiting.
const (
	LaneSize     = 2048   // commands of one source; past it that source, and no other, is told to come again
	MaxWaiting   = 65_536 // of all sources together; past it whoever has more than its share is told to come again
	laneShare    = 64     // commands a source may always have waiting
	urgentPart   = 4      // of so many places in a batch one is kept from P1, so that a flood of it starves nobody
	maxIdleLanes = 4096   // sources that have nothing waiting and are still known; more are forgotten
)

// lanes hold what sources have waiting, a queue a source. Sources take turns, those with something urgent first, so
// that however much one of them sends, the others wait for one command of it at a time.
type lanes struct {
	mu      sync.Mutex
	lanes   map[string]*lane
	turns   [2][]*lane // who has something waiting, in order: urgent, other
	waiting int
	wake    chan struct{} // holds a token while something may be waiting
}

// lane is one source's.
type lane struct {
	queues [2][]*request // urgent, other; taken from the front
	size   int
}

const urgent, other = 0, 1

func newLanes() *lanes { return &lanes{lanes: map[string]*lane{}, wake: make(chan struct{}, 1)} }

// laneOf returns the source whose lane a command waits in, "" for one that waits with those of officers and the clock.
func laneOf(c *dispatch.Command) string {
	switch {
	case c.Alert != nil && (c.Type == dispatch.SubmitAlert || c.Type == dispatch.UpdateAlert || c.Type == dispatch.CancelAlert):
		return c.Alert.Source
	case c.Type == dispatch.SourceAct && c.Action == alert.ActQuarantine:
		return c.Target
	}
	return ""
}

// put puts a request into its source's lane, or says that it is full.
func (l *lanes) put(source string, r *request, kind int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.lanes[source]
	if at == nil {
		if len(l.lanes) >= maxIdleLanes {
			l.forget()
		}
		at = &lane{}
		l.lanes[source] = at
	}
	if at.size >= LaneSize || l.waiting >= MaxWaiting && at.size >= laneShare {
		return alert.Errorf(alert.CodeRateLimited, "%d commands of source %s wait already, the most there may be: retry shortly; nothing accepted is lost", at.size, source)
	}
	if len(at.queues[kind]) == 0 {
		l.turns[kind] = append(l.turns[kind], at)
	}
	at.queues[kind] = append(at.queues[kind], r)
	at.size++
	l.waiting++
	select {
	case l.wake <- struct{}{}:
	default:
	}
	return nil
}

// forget drops lanes in which nothing waits.
func (l *lanes) forget() {
	for source, at := range l.lanes {
		if at.size == 0 {
			delete(l.lanes, source)
		}
	}
}

// take appends to batch what waits, source by source in turn, until it holds most.
func (l *lanes) take(batch []*request, most int) []*request {
	l.mu.Lock()
	defer l.mu.Unlock()
	room := most - len(batch)
	batch = l.round(batch, urgent, len(batch)+room-room/urgentPart)
	batch = l.round(batch, other, most)
	batch = l.round(batch, urgent, most)
	if l.waiting > 0 {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return batch
}

// round lets those with something of a kind take turns.
func (l *lanes) round(batch []*request, kind, most int) []*request {
	turns := l.turns[kind]
	for len(batch) < most && len(turns) > 0 {
		at := turns[0]
		turns = turns[1:]
		q := at.queues[kind]
		batch = append(batch, q[0])
		q[0] = nil
		if q = q[1:]; len(q) > 0 {
			turns = append(turns, at)
		} else {
			q = nil
		}
		at.queues[kind] = q
		at.size--
		l.waiting--
	}
	l.turns[kind] = turns
	return batch
}

// len returns how many commands wait.
func (l *lanes) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting
}
