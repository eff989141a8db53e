package test

import (
	"encoding/json"
	"math/rand/v2"
	"sync"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// promise is an alert that a client sent, and the answer if there was one.
type promise struct {
	source  string
	body    string            // as sent
	receipt *dispatch.Receipt // nil: nobody knows whether it was accepted
}

// deed is an officer's action that was answered with success.
type deed struct {
	target string // task or incident
	action alert.Action
	text   string // of a note: tells it from every other
}

// ledger is what the clients know: everything in it that was answered must be there after any crash.
type ledger struct {
	mu     sync.Mutex
	alerts []*promise
	by     map[string]*promise // by source and id
	deeds  []deed
	tasks  []*knownTask

	refused int // actions
}

// knownTask is a task as a client knows it.
type knownTask struct {
	dispatch.ReceiptTask
	incident string
	next     int // index into the life an officer gives it
}

func newLedger() *ledger { return &ledger{by: map[string]*promise{}} }

// sent notes that an alert is on its way.
func (l *ledger) sent(source, id, body string) *promise {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &promise{source: source, body: body}
	l.alerts = append(l.alerts, p)
	l.by[source+"\x00"+id] = p
	return p
}

// accepted notes the answer to p. It returns what is wrong with it, "" if nothing is: an answer already known
// must come again, word for word but for the flag.
func (l *ledger) accepted(p *promise, answer []byte) string {
	var r dispatch.Receipt
	if err := json.Unmarshal(answer, &r); err != nil {
		return "the answer is not a receipt: " + err.Error()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.receipt == nil {
		r.Duplicate = false // whether it had been accepted before its first answer was lost, nobody knows
		p.receipt = &r
		for _, t := range r.Tasks {
			l.tasks = append(l.tasks, &knownTask{ReceiptTask: t, incident: r.IncidentID})
		}
		return ""
	}
	if !r.Duplicate {
		return "an accepted alert was taken a second time: duplicate is false"
	}
	r.Duplicate = false
	was, _ := json.Marshal(p.receipt) // a receipt always encodes
	is, _ := json.Marshal(r)
	if string(was) != string(is) {
		return "the answer changed\n was " + string(was) + "\n is  " + string(is)
	}
	return ""
}

// answered returns some alert of the source that was accepted before; nil if none was found.
func (l *ledger) answered(rng *rand.Rand, source string) *promise {
	l.mu.Lock()
	defer l.mu.Unlock()
	const tries = 8
	for range min(tries, len(l.alerts)) {
		if p := l.alerts[rng.IntN(len(l.alerts))]; p.source == source && p.receipt != nil {
			return p
		}
	}
	return nil
}

// since returns the alerts sent after the first n, and beside them up to extra of the earlier ones.
func (l *ledger) since(n, extra int, rng *rand.Rand) []*promise {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := append([]*promise(nil), l.alerts[n:]...)
	for range min(extra, n) {
		out = append(out, l.alerts[rng.IntN(n)])
	}
	return out
}

// task takes some unfinished task for an officer to work on; nobody else gets it until it is given back.
func (l *ledger) task(rng *rand.Rand) *knownTask {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.tasks) == 0 {
		return nil
	}
	// Mostly a recent one: old tasks would otherwise never be finished and new ones never begun.
	i := len(l.tasks) - 1 - min(rng.IntN(len(l.tasks)), rng.IntN(40))
	t := l.tasks[i]
	l.tasks = append(l.tasks[:i], l.tasks[i+1:]...)
	return t
}

func (l *ledger) giveBack(t *knownTask) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tasks = append(l.tasks, t)
}

func (l *ledger) did(d deed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deeds = append(l.deeds, d)
}

func (l *ledger) refusal() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refused++
}

func (l *ledger) size() (alerts, deeds, refused int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.alerts), len(l.deeds), l.refused
}

// deedsSince returns the actions after the first n.
func (l *ledger) deedsSince(n int) []deed {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]deed(nil), l.deeds[n:]...)
}
