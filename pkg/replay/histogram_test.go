package replay

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestQuantilesAreRightToThreePercent(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var h histogram
	var all []time.Duration
	for range 50_000 {
		d := time.Duration(rnd.ExpFloat64() * float64(time.Millisecond))
		if rnd.IntN(1000) == 0 {
			d = time.Duration(rnd.Int64())
		}
		h.add(d)
		all = append(all, d)
	}
	slices.Sort(all)
	for _, q := range []float64{0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		exact, got := all[max(0, int(q*float64(len(all)))-1)], h.quantile(q)
		if got < exact || float64(got) > float64(exact)*33/32 {
			t.Errorf("quantile %v: got %v, exactly it is %v", q, got, exact)
		}
	}
	if h.quantile(1) != all[len(all)-1] || h.most != all[len(all)-1] {
		t.Errorf("the longest is %v, not %v", all[len(all)-1], h.most)
	}
}

func TestHistogramBuckets(t *testing.T) {
	var empty histogram
	if empty.quantile(0.5) != 0 {
		t.Error("a quantile of nothing")
	}
	for _, d := range []time.Duration{-1, 0, 1, 31, 32, 33, 63, 64, 65, 1 << 40, 1<<63 - 1} {
		i := bucketOf(d)
		if d > upper(i) || i > 0 && d >= 0 && d <= upper(i-1) {
			t.Errorf("%d in bucket %d, which ends at %d", d, i, upper(i))
		}
	}
}

func TestBar(t *testing.T) {
	v := view{Counts: Counts{Accepted: 900, Duplicates: 50, Refused: 40, Failed: 10}, rate: 123.4, fraction: 0.5, left: 12 * time.Second}
	if got, want := v.bar(), "["+strings.Repeat("#", 15)+strings.Repeat("-", 15)+"]  50%  1000 rows  123/s  12s left  50 not accepted"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got, want := v.line(), "1000 rows  123/s  12s left  accepted 900, duplicates 50, refused 40, failed 10"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRateIsOfTheLastIntervals(t *testing.T) {
	var m meter
	m.add(time.Second, 100)
	if got := m.rate(); got != 100 {
		t.Errorf("at first %v a second, want 100", got)
	}
	for i := range 40 {
		m.add(time.Duration(i+2)*time.Second, 100+10*(i+1))
	}
	if got := m.rate(); got != 10 {
		t.Errorf("later %v a second, want 10", got)
	}
}
