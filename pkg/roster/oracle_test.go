package roster

import (
	"slices"
	"time"
)

// oracle answers the question of the package the slow and obvious way: it lives through a time minute by
// minute, looking at the clock on the wall, and at each minute goes through the whole scheme.
type oracle struct {
	scheme Scheme
	begins map[string][]int64 // by rotation: where its turns begin on the wall line, in order; Start is turn 0
	zero   map[string]int     // index of turn 0 there
}

// livesFrom returns an oracle for a time around the reading w.
func livesFrom(s Scheme, w int64) *oracle {
	o := &oracle{scheme: s, begins: map[string][]int64{}, zero: map[string]int{}}
	for _, r := range s.Rotations {
		o.begins[r.ID] = []int64{r.Start.reading()}
		if r.Unit == PerShift {
			o.begins[r.ID][0] = lastBegin(tableOf(s, r.Table), r.Start.reading())
		}
		o.count(r, w)
	}
	return o
}

// count finds the turns from Start to a few days around w, one by one.
func (o *oracle) count(r *Rotation, w int64) {
	const reach = 4 * dayS
	list := o.begins[r.ID]
	start := list[0]
	for n := 1; list[len(list)-1] < w+reach; n++ {
		list = append(list, o.step(r, start, list[len(list)-1], n))
	}
	for n, begin := -1, start; begin > w-reach; n-- {
		begin = o.step(r, start, begin, n)
		list = append(list, begin)
		o.zero[r.ID]++
	}
	slices.Sort(list)
	o.begins[r.ID] = list
}

// step returns where turn n begins, by the calendar; the one beside it, nearer to the first, begins at last.
func (o *oracle) step(r *Rotation, start, last int64, n int) int64 {
	at := time.Unix(start, 0).UTC()
	switch r.Unit {
	case Hour:
		return at.Add(time.Duration(n*r.Every) * time.Hour).Unix()
	case Day:
		return at.AddDate(0, 0, n*r.Every).Unix()
	case Week:
		return at.AddDate(0, 0, 7*n*r.Every).Unix()
	case Month:
		to := at.AddDate(0, n*r.Every, 0)
		if to.Day() != at.Day() { // ran over the end of a shorter month
			to = to.AddDate(0, 0, -to.Day())
		}
		return to.Unix()
	}
	t := tableOf(o.scheme, r.Table)
	for range r.Every {
		if n < 0 {
			last = lastBegin(t, last-minuteS)
			continue
		}
		shift := running(t, last)
		for last += minuteS; running(t, last) == shift && lastBegin(t, last) != last; {
			last += minuteS
		}
	}
	return last
}

func tableOf(s Scheme, id string) Table {
	for i, t := range s.Tables {
		if t.ID == id || id == "" && i == 0 {
			return t
		}
	}
	panic("no table " + id)
}

// running returns the shift of t that runs at w.
func running(t Table, w int64) Shift {
	at := time.Unix(w, 0).UTC()
	minute := at.Hour()*60 + at.Minute()
	for _, s := range t.Shifts {
		to := s.To % MinutesPerDay
		if s.From < to && s.From <= minute && minute < to || s.From >= to && (minute >= s.From || minute < to) {
			return s
		}
	}
	panic("no shift")
}

// lastBegin returns where the shift that runs at w begins.
func lastBegin(t Table, w int64) int64 {
	w -= w % minuteS
	for from := running(t, w).From; ; w -= minuteS {
		if at := time.Unix(w, 0).UTC(); at.Hour()*60+at.Minute() == from {
			return w
		}
	}
}

// turn returns the number of the turn at w.
func (o *oracle) turn(rotation string, w int64) int {
	n, found := slices.BinarySearch(o.begins[rotation], w)
	if !found {
		n--
	}
	return n - o.zero[rotation]
}

func within(t int64, from, to time.Time) bool {
	return (from.IsZero() || t >= from.Unix()) && (to.IsZero() || t < to.Unix())
}

// holder returns who holds seat at instant t, when the wall has shown w at most; "" if nobody.
func (o *oracle) holder(seat string, t, w int64) string {
	for _, a := range slices.Backward(o.scheme.Overrides) {
		if a.Seat == seat && within(t, a.From, a.To) {
			if p := o.present(a.Person, t); p != "" {
				return p
			}
		}
	}
	for _, a := range slices.Backward(o.scheme.OneOffs) {
		if a.Seat == seat && within(t, a.From, a.To) {
			if p := o.present(o.after(seat, a.Person, t), t); p != "" {
				return p
			}
		}
	}
	for _, l := range slices.Backward(o.scheme.Layers) {
		for i := range l.Rows {
			row := &l.Rows[i]
			if row.Seat != seat || !within(t, l.From, l.To) || !within(t, row.From, row.To) {
				continue
			}
			if named := o.named(row, w); named != "" {
				if p := o.present(o.after(seat, named, t), t); p != "" {
					return p
				}
			}
		}
	}
	return ""
}

// named returns whom a row names.
func (o *oracle) named(row *Row, w int64) string {
	if row.Rotation == "" {
		for _, t := range o.scheme.Tables {
			if p := row.Holders[running(t, w).ID]; p != "" {
				return p
			}
		}
		return ""
	}
	i := slices.IndexFunc(o.scheme.Rotations, func(r *Rotation) bool { return r.ID == row.Rotation })
	r := o.scheme.Rotations[i]
	n := o.turn(r.ID, w)
	if len(r.Order) == 0 {
		return row.People[((n%len(row.People))+len(row.People))%len(row.People)]
	}
	team := r.Order[((n%len(r.Order))+len(r.Order))%len(r.Order)][running(tableOf(o.scheme, r.Table), w).ID]
	return row.Teams[team]
}

// after returns who has person's place at seat after swaps.
func (o *oracle) after(seat, person string, t int64) string {
	for _, s := range o.scheme.Swaps {
		if s.State != SwapApproved {
			continue
		}
		if s.Give.Seat == seat && within(t, s.Give.From, s.Give.To) && s.Person == person {
			return s.With
		}
		if s.Return.Seat == seat && within(t, s.Return.From, s.Return.To) && s.With == person {
			return s.Person
		}
	}
	return person
}

// present returns person, or the substitute where person is away.
func (o *oracle) present(person string, t int64) string {
	for _, l := range o.scheme.Leave {
		if l.Person == person && within(t, l.From, l.To) {
			for _, m := range o.scheme.Leave {
				if m.Person == l.Substitute && within(t, m.From, m.To) {
					return ""
				}
			}
			return l.Substitute
		}
	}
	return person
}
