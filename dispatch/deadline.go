package dispatch

import "github.com/banyan-ecc/banyan/pkg/alert"

// deadlines holds when tasks fall due, earliest first, equal times in order of task id. An entry whose task
// has since moved its deadline is stale; settle drops stale entries from the top, so that next is always
// true. There is at most one entry for each change of a deadline within the longest ladder.
type deadlines struct {
	heap[due]
}

type due struct {
	at   alert.Time
	task string
}

func (d due) before(o due) bool { return d.at < o.at || d.at == o.at && d.task < o.task }

func (d *deadlines) next() (alert.Time, bool) {
	if len(d.items) == 0 {
		return 0, false
	}
	return d.items[0].at, true
}

// settle drops entries from the top for as long as stale says so.
func (d *deadlines) settle(stale func(due) bool) {
	for len(d.items) > 0 && stale(d.items[0]) {
		d.pop()
	}
}

// place is an entry of the heap and where it stands in it.
type place struct {
	due
	index int
}

func (p place) before(o place) bool { return p.due.before(o.due) }

// dueBy returns the entries due at or before t that are not stale, in order, at most limit. It leaves the
// heap as it is: the due entries are a tree around the top, walked in order with a second, small heap.
func (d *deadlines) dueBy(t alert.Time, limit int, stale func(due) bool) []due {
	var out []due
	var frontier heap[place]
	add := func(i int) {
		if i < len(d.items) && d.items[i].at <= t {
			frontier.push(place{d.items[i], i})
		}
	}
	add(0)
	for len(frontier.items) > 0 && len(out) < limit {
		p := frontier.pop()
		add(2*p.index + 1)
		add(2*p.index + 2)
		if !stale(p.due) && (len(out) == 0 || out[len(out)-1] != p.due) {
			out = append(out, p.due)
		}
	}
	return out
}
