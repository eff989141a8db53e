package roster

import (
	"slices"
	"strings"
	"time"
)

// Span is a time in which one person, or nobody, holds a seat within one shift.
type Span struct {
	Seat      string
	From, To  time.Time // To is the first instant after it
	Holder    string    // "": a gap
	Shift     Shift     // of the row that names the holder; else of the seat's lowest layer
	Layer     string    // of the row; "" for the bottom one and for what is in no row
	InsteadOf string    // who would hold it but for a leave or a swap
	Why       string    // what named the holder, in words; of a gap, why there is one
}

// Gap reports whether nobody holds the seat.
func (s Span) Gap() bool { return s.Holder == "" }

// span puts h into words.
func (r *Roster) span(s *seat, h hold, from, to int64) Span {
	out := Span{Seat: s.id, From: r.time(from), To: r.time(to), Holder: h.holder, Shift: h.table.shifts[h.shift]}
	var why []string
	switch h.kind {
	case byNobody:
		why = append(why, "nobody is named")
		if h.leave != nil {
			why[0] = h.leave.person + " is away"
		}
	case byOneOff:
		why = append(why, "one-off shift")
	case byOverride:
		why = append(why, "override")
	case byLayer:
		why = append(why, "roster")
		if out.Layer = h.row.layer; out.Layer != "" {
			why[0] = "layer " + out.Layer
		}
		if h.row.rotation != "" {
			why[0] += ", rotation " + h.row.rotation
		}
	}
	if h.entry != nil && h.entry.reason != "" {
		why[0] += " (" + h.entry.reason + ")"
	}
	if h.leg != nil {
		out.InsteadOf = h.leg.give
		why = append(why, "swap "+h.leg.swap+" with "+h.leg.give)
	}
	if h.leave != nil && h.holder != "" {
		out.InsteadOf = h.leave.person
		why = append(why, "stands in for "+h.leave.person)
	}
	if h.leave != nil && h.leave.reason != "" {
		why[len(why)-1] += " (" + h.leave.reason + ")"
	}
	out.Why = strings.Join(why, "; ")
	return out
}

// clip bounds a question to [a, a+MaxDays), in whole seconds outwards.
func clip(a, b time.Time) (int64, int64) {
	from, to := a.Unix(), b.Unix()
	if b.Nanosecond() > 0 {
		to++
	}
	return from, min(to, from+maxSpanS)
}

// Between returns the spans of seat that together are exactly [a, b), in order; b is at most MaxDays after a,
// and both are widened to whole seconds. Spans that follow each other differ.
func (r *Roster) Between(seat string, a, b time.Time) []Span {
	from, to := clip(a, b)
	return r.between(r.lookup(seat), from, to, nil)
}

// between appends the spans of s in [from, to) to spans.
func (r *Roster) between(s *seat, from, to int64, spans []Span) []Span {
	var last hold
	begun := from
	for t := from; t < to; {
		w := highest(r.zone, t)
		h := r.at(s, t, w)
		if t > from && h != last {
			spans = append(spans, r.span(s, last, begun, t))
			begun = t
		}
		last = h
		t = r.next(s, t, w)
	}
	if from < to {
		spans = append(spans, r.span(s, last, begun, to))
	}
	return spans
}

// Gaps returns when nobody holds a seat in [a, b), for all seats, by seat and time; b is at most MaxDays after
// a. A gap is one span however many shifts it lasts; its Shift is the first.
func (r *Roster) Gaps(a, b time.Time) []Span {
	from, to := clip(a, b)
	var gaps []Span
	for _, s := range r.order {
		gaps = r.gaps(s, from, to, gaps)
	}
	return gaps
}

// gaps appends the gaps of s in [from, to) to spans.
func (r *Roster) gaps(s *seat, from, to int64, gaps []Span) []Span {
	open := false // the last gap may go on
	for t := from; t < to; {
		w := highest(r.zone, t)
		h := r.at(s, t, w)
		n := min(r.next(s, t, w), to)
		switch {
		case h.holder != "":
			open = false
		case open:
			gaps[len(gaps)-1].To = r.time(n)
		default:
			gaps, open = append(gaps, r.span(s, h, t, n)), true
		}
		t = n
	}
	return gaps
}

// MaxAhead bounds how far Next looks.
const MaxAhead = 31 * 24 * time.Hour

// Next returns the first span of seat after t that somebody else holds than holds it at t, or nobody; false if
// there is none within MaxAhead.
func (r *Roster) Next(seat string, t time.Time) (Span, bool) {
	s := r.lookup(seat)
	at := t.Unix()
	now := r.at(s, at, highest(r.zone, at)).holder
	for end := at + int64(MaxAhead/time.Second); at < end; {
		at = r.next(s, at, highest(r.zone, at))
		w := highest(r.zone, at)
		if h := r.at(s, at, w); h.holder != now {
			return Watch{roster: r, t: at, w: w}.Span(seat), true
		}
	}
	return Span{}, false
}

// Day returns the spans of all seats on a calendar day of the city's zone, by seat and time.
func (r *Roster) Day(year int, month time.Month, day int) []Span {
	from := earliest(r.zone, reading(year, month, day, 0, 0))
	to := earliest(r.zone, reading(year, month, day+1, 0, 0))
	var spans []Span
	for _, s := range r.order {
		spans = r.between(s, from, to, spans)
	}
	return spans
}

// Of returns the spans of the given seats that touch [a, b), whole, if one of people holds them, in order of
// time and seat; no seats or no people means all. b is at most MaxDays after a.
func (r *Roster) Of(seats, people []string, a, b time.Time) []Span {
	from, to := clip(a, b)
	var spans []Span
	for _, s := range r.order {
		if len(seats) > 0 && !slices.Contains(seats, s.id) {
			continue
		}
		n := len(spans)
		if spans = r.between(s, from, to, spans); len(spans) > n {
			spans[n].From = r.At(spans[n].From).Span(s.id).From
			last := &spans[len(spans)-1]
			last.To = r.At(last.From).Span(s.id).To
		}
	}
	if len(people) > 0 {
		spans = slices.DeleteFunc(spans, func(s Span) bool { return !slices.Contains(people, s.Holder) })
	}
	slices.SortStableFunc(spans, func(a, b Span) int { return a.From.Compare(b.From) })
	return spans
}
