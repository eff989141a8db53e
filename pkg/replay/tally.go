package replay

import (
	"strings"
	"sync"
	"time"
)

// Kind says what became of a row.
type Kind string

// What becomes of a row. Every row read is exactly one of these, or unsent.
const (
	Accepted    Kind = "accepted"
	Duplicate   Kind = "duplicate"    // accepted before, in this run or an earlier one
	Refused     Kind = "refused"      // by the server
	RefusedHere Kind = "refused here" // the mapping or the file does not say what to send
	Failed      Kind = "failed"       // no answer that counts, or none within the attempts
)

// noted is the kind of a reason for rows that were accepted in spite of trouble.
const noted Kind = "noted"

// Bounds of what a summary keeps.
const (
	MaxReasons  = 200
	MaxExamples = 5 // rows named for each reason
)

// tally counts what becomes of rows, from many goroutines.
type tally struct {
	mu        sync.Mutex
	s         Summary
	reasons   map[reasonKey]*Reason
	order     []reasonKey
	incidents map[string]int      // incident id → rows
	refs      map[string]string   // incident_ref → the incident it came to first
	split     map[string]struct{} // refs that came to more than one
	latency   histogram
}

type reasonKey struct {
	kind        Kind
	code, field string
}

func newTally() *tally {
	return &tally{reasons: map[reasonKey]*Reason{}, incidents: map[string]int{}, refs: map[string]string{}, split: map[string]struct{}{}}
}

func (t *tally) row() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.s.Rows++
}

func (t *tally) unsent(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.s.Unsent += n
}

// late notes how far behind its time a row is posted.
func (t *tally) late(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.s.MostBehind = max(t.s.MostBehind, d)
}

// refusedHere counts a row that is not sent.
func (t *tally) refusedHere(r *report) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.s.RefusedHere++
	last := r.troubles[len(r.troubles)-1]
	t.because(RefusedHere, "", last.Field, r.troubles)
}

// answered counts a row that was posted.
func (t *tally) answered(r *report, o *outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.s.Retries += o.attempts - 1
	switch o.kind {
	case Accepted, Duplicate:
		t.accepted(r, o)
	case Refused:
		t.s.Refused++
		t.because(Refused, o.code, fieldsOf(o), examples(r, o))
	default:
		t.s.Failed++
		t.because(Failed, o.code, "", examples(r, o))
	}
}

func (t *tally) accepted(r *report, o *outcome) {
	t.latency.add(o.latency)
	if o.kind == Accepted {
		t.s.Accepted++
		t.s.Tasks += len(o.receipt.Tasks)
	} else {
		t.s.Duplicates++
	}
	id := o.receipt.IncidentID
	t.incidents[id]++
	if r.hasRef {
		if first, known := t.refs[r.ref]; !known {
			t.refs[r.ref] = id
		} else if first != id {
			t.split[r.ref] = struct{}{}
		}
	}
	if len(r.troubles) > 0 {
		t.s.Noted++
		t.because(noted, "", r.troubles[0].Field, r.troubles)
	}
}

func fieldsOf(o *outcome) string {
	names := make([]string, len(o.fields))
	for i, f := range o.fields {
		names[i] = f.Field
	}
	return strings.Join(names, ", ")
}

// examples words why the server did not take a row, with the column where the mapping saw trouble itself.
func examples(r *report, o *outcome) []Trouble {
	if len(o.fields) == 0 {
		return []Trouble{{Line: r.line, Reason: o.detail}}
	}
	var out []Trouble
	for _, f := range o.fields {
		e := Trouble{Line: r.line, Field: f.Field, Reason: f.Reason, Value: shown(f.Value)}
		for _, own := range r.troubles {
			if own.Field == f.Field {
				e.Column, e.Value = own.Column, own.Value
			}
		}
		out = append(out, e)
	}
	return out
}

// because counts a reason and keeps a few rows that show it.
func (t *tally) because(kind Kind, code, field string, rows []Trouble) {
	k := reasonKey{kind, code, field}
	r := t.reasons[k]
	if r == nil {
		if len(t.order) >= MaxReasons {
			k.code, k.field = "", "other"
			r = t.reasons[k]
		}
		if r == nil {
			r = &Reason{Kind: k.kind, Code: k.code, Field: k.field}
			t.reasons[k] = r
			t.order = append(t.order, k)
		}
	}
	r.Count++
	if r.Count <= MaxExamples {
		r.Examples = append(r.Examples, rows...)
	}
}

// counts returns the counts alone, for the progress.
func (t *tally) counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.s.Counts
}

func (t *tally) summary(elapsed time.Duration) Summary {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.s
	s.Elapsed = elapsed
	s.Incidents, s.Refs, s.SplitRefs = len(t.incidents), len(t.refs), len(t.split)
	for _, rows := range t.incidents {
		s.MostRows = max(s.MostRows, rows)
	}
	s.P50, s.P90, s.P99, s.Max = t.latency.quantile(0.5), t.latency.quantile(0.9), t.latency.quantile(0.99), t.latency.most
	for _, k := range t.order {
		r := *t.reasons[k]
		s.Reasons = append(s.Reasons, r)
	}
	return s
}
