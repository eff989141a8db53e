package roster

import (
	"slices"
	"strings"
	"time"
)

// What Quality counts, by the wall clock of the city.
const (
	NightFrom  = 22 * time.Hour // after midnight
	NightTo    = 6 * time.Hour  // of the next day
	NightHours = 3 * time.Hour  // on duty within a night make it one
)

// Load is what a roster asks of one person within a time.
type Load struct {
	Person  string
	Hours   time.Duration // on duty; hours at two seats at once count once
	Spans   int           // shifts and parts of shifts
	Nights  int           // with at least NightHours on duty between NightFrom and NightTo
	Weekend int           // Saturdays and Sundays with duty
	Longest time.Duration // without a break
	// Rest is the shortest time between the end of one shift and the beginning of another; zero where they
	// follow each other. RestBefore is when the latter begins, zero if there was only one shift.
	Rest       time.Duration
	RestBefore time.Time
	Seats      []string // held, in order of the roster
}

// Double is a time in which one person holds two seats.
type Double struct {
	Person   string
	From, To time.Time
	Seats    [2]string
}

// Report is what Quality finds.
type Report struct {
	People  []Load   // by name
	Doubles []Double // by name and time
}

// Quality returns how the roster treats people in [a, b), b at most MaxDays after a. Work and rest before a and
// after b are not seen.
func (r *Roster) Quality(a, b time.Time) Report {
	from, to := clip(a, b)
	held := map[string][]worked{}
	for _, s := range r.order {
		for t := from; t < to; {
			w := highest(r.zone, t)
			h := r.at(s, t, w)
			n := min(r.next(s, t, w), to)
			if h.holder != "" {
				held[h.holder] = add(held[h.holder], worked{s, h, t, n})
			}
			t = n
		}
	}
	var report Report
	for _, person := range sortedKeys(held) {
		spans := held[person]
		slices.SortStableFunc(spans, func(a, b worked) int { return compare(a.from, b.from) })
		report.People = append(report.People, r.load(person, spans))
		report.Doubles = r.doubles(report.Doubles, person, spans)
	}
	return report
}

// worked is a part of a shift that somebody holds.
type worked struct {
	seat     *seat
	hold     hold
	from, to int64
}

// add appends s, or lengthens the last span where s goes on with it.
func add(spans []worked, s worked) []worked {
	if n := len(spans); n > 0 && spans[n-1].seat == s.seat && spans[n-1].hold == s.hold && spans[n-1].to == s.from {
		spans[n-1].to = s.to
		return spans
	}
	return append(spans, s)
}

// same reports whether a and b are parts of one shift: the same time of the same day, or one entry that reaches
// over several shifts.
func (a *worked) same(b *worked) bool {
	return a.hold.entry != nil && a.hold.entry == b.hold.entry ||
		a.hold.table == b.hold.table && a.hold.shift == b.hold.shift && a.hold.begun == b.hold.begun
}

// load sums up spans, which are in order of time.
func (r *Roster) load(person string, spans []worked) Load {
	l := Load{Person: person, Spans: len(spans)}
	nights, weekend := map[int64]int64{}, map[int64]bool{}
	begun, until, counted := spans[0].from, spans[0].from, spans[0].from // of the stretch without a break; hours up to counted are in
	for i := range spans {
		s := &spans[i]
		if s.from > until {
			begun = s.from
		}
		if i > 0 && !s.same(&spans[i-1]) {
			rest := time.Duration(max(0, s.from-until)) * time.Second
			if l.RestBefore.IsZero() || rest < l.Rest {
				l.Rest, l.RestBefore = rest, r.time(s.from)
			}
		}
		if from := max(s.from, counted); from < s.to {
			l.Hours += time.Duration(s.to-from) * time.Second
			r.days(from, s.to, nights, weekend)
			counted = s.to
		}
		until = max(until, s.to)
		l.Longest = max(l.Longest, time.Duration(until-begun)*time.Second)
		if !slices.Contains(l.Seats, s.seat.id) {
			l.Seats = append(l.Seats, s.seat.id)
		}
	}
	for _, seconds := range nights {
		if time.Duration(seconds)*time.Second >= NightHours {
			l.Nights++
		}
	}
	l.Weekend = len(weekend)
	slices.SortFunc(l.Seats, strings.Compare)
	return l
}

// days enters the seconds of [from, to) that lie in each night, and the days of weekends it touches; days and
// nights (by the day they begin on) are numbered on the wall line.
func (r *Roster) days(from, to int64, nights map[int64]int64, weekend map[int64]bool) {
	firstDay, lastDay := floorDiv(highest(r.zone, from), dayS), floorDiv(highest(r.zone, to-1), dayS)
	for day := firstDay - 1; day <= lastDay; day++ {
		begins := earliest(r.zone, day*dayS+int64(NightFrom/time.Second))
		ends := earliest(r.zone, (day+1)*dayS+int64(NightTo/time.Second))
		if n := min(to, ends) - max(from, begins); n > 0 {
			nights[day] += n
		}
		if weekday := time.Unix(day*dayS, 0).UTC().Weekday(); day >= firstDay && (weekday == time.Saturday || weekday == time.Sunday) {
			weekend[day] = true
		}
	}
}

// doubles appends the times in which person holds two seats.
func (r *Roster) doubles(out []Double, person string, spans []worked) []Double {
	for i := range spans {
		for j := i + 1; j < len(spans) && spans[j].from < spans[i].to; j++ {
			if spans[i].seat == spans[j].seat {
				continue
			}
			d := Double{Person: person, From: r.time(spans[j].from), To: r.time(min(spans[i].to, spans[j].to)),
				Seats: [2]string{spans[i].seat.id, spans[j].seat.id}}
			slices.Sort(d.Seats[:])
			out = append(out, d)
		}
	}
	return out
}

// Limits are what a roster may ask of a person.
type Limits struct {
	Rest    time.Duration // at least, between shifts
	Longest time.Duration // at most, without a break
	Spread  int           // at most, between the nights, and between the weekend days, of those who share a seat
}

// UsualLimits are for a city that says nothing else: eight hours of rest, a day and night at a stretch.
var UsualLimits = Limits{Rest: 8 * time.Hour, Longest: 25 * time.Hour, Spread: 8}

// Uneven is a seat whose nights or weekend days are not shared evenly.
type Uneven struct {
	Seat, What  string // nights or weekend days
	Least, Most Load
}

// Count returns how much of what u is about l has.
func (u Uneven) Count(l Load) int {
	if u.What == sharedNights {
		return l.Nights
	}
	return l.Weekend
}

// What is to be shared evenly.
const (
	sharedNights  = "nights"
	sharedWeekend = "weekend days"
)

// Uneven returns the seats that more than one person hold by turns, where nights or weekend days of the
// least and the most burdened differ by more than spread.
func (r *Roster) Uneven(report Report, spread int) []Uneven {
	of := map[string][]Load{}
	for _, l := range report.People {
		if len(l.Seats) == 1 { // who goes from seat to seat is not compared with those who stay
			of[l.Seats[0]] = append(of[l.Seats[0]], l)
		}
	}
	var out []Uneven
	for _, s := range r.order {
		for _, what := range []string{sharedNights, sharedWeekend} {
			loads := of[s.id]
			if len(loads) < 2 {
				continue
			}
			u := Uneven{Seat: s.id, What: what}
			order := func(a, b Load) int { return u.Count(a) - u.Count(b) }
			u.Least, u.Most = slices.MinFunc(loads, order), slices.MaxFunc(loads, order)
			if u.Count(u.Most)-u.Count(u.Least) > spread {
				out = append(out, u)
			}
		}
	}
	return out
}
