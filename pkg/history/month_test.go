package history

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/statistics"
)

// fill writes the cells that so many events leave behind: hours of a month, every department, district, type,
// priority and class, as many of them filled as that many events fill.
func fill(tb testing.TB, s *Store, from time.Time, hours, events int) {
	tb.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	tx, err := s.write.Begin()
	if err != nil {
		tb.Fatal(err)
	}
	st, err := tx.Prepare("INSERT INTO cells VALUES(?, ?, ?, ?, ?)")
	if err != nil {
		tb.Fatal(err)
	}
	for h := range hours {
		cells := map[cell]*statistics.Tally{}
		slot := from.Add(time.Duration(h) * time.Hour).Unix()
		for range events / hours / 8 { // of the eight events of an incident's life, one tally here
			p := statistics.Place{Department: fmt.Sprint("d", int(r.ExpFloat64()*5)%24), District: fmt.Sprint("3501", r.IntN(13)),
				Type: fmt.Sprint("t", int(r.ExpFloat64()*30)%200), Priority: fmt.Sprint("P", 1+r.IntN(4)), Class: fmt.Sprint("c", r.IntN(4))}
			var t statistics.Tally
			for c := range t.Counts {
				t.Counts[c]++
			}
			for g := range t.Stages {
				t.Stages[g].Add(time.Duration(r.ExpFloat64() * float64(5*time.Minute)))
			}
			p.Cells(func(g statistics.Grouping, part, key string) {
				c := cell{g, part, key, slot}
				if cells[c] == nil {
					cells[c] = &statistics.Tally{}
				}
				cells[c].Merge(&t)
			})
		}
		for c, t := range cells {
			if _, err := st.Exec(c.grouping, c.part, c.slot, c.key, t.Append(nil)); err != nil {
				tb.Fatal(err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		tb.Fatal(err)
	}
}

// BenchmarkMonth answers what is asked of a month of ten million events.
func BenchmarkMonth(b *testing.B) {
	city := testCity(b)
	s := open(b, b.TempDir())
	from := time.Date(2026, 5, 1, 0, 0, 0, 0, city.Zone)
	fill(b, s, from, 31*24, 10_000_000)
	for _, by := range []string{"hour", "shift", "day", "month", "department", "district", "type"} {
		for _, department := range []string{"", "d1"} {
			if by == "department" && department != "" {
				continue
			}
			b.Run(by+"/"+department, func(b *testing.B) {
				for b.Loop() {
					r, err := statistics.Make(b.Context(), s, statistics.Query{From: from, To: from.AddDate(0, 1, 0), By: by, Department: department}, city)
					if err != nil || r.Total.Counts["incidents"] == 0 {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// TestMonth is the same with two days of few events: every question is answered, and the rows add up.
func TestMonth(t *testing.T) {
	city := testCity(t)
	s := open(t, t.TempDir())
	from := time.Date(2026, 5, 1, 0, 0, 0, 0, city.Zone)
	const hours, events = 48, 48 * 8 * 20
	fill(t, s, from, hours, events)
	for _, by := range []string{"hour", "day", "department", "type"} {
		r, err := statistics.Make(t.Context(), s, statistics.Query{From: from, To: from.AddDate(0, 1, 0), By: by}, city)
		if err != nil {
			t.Fatal(err)
		}
		sum := uint64(0)
		for _, row := range r.Rows {
			sum += row.Counts["incidents"]
		}
		if sum != events/8 || r.Total.Stages["arrive"].N != events/8 {
			t.Errorf("by %s: %d incidents in the rows, %d there are", by, sum, events/8)
		}
	}
}
