package bench

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Figure is what is printed and, as a line of JSON, written: times in milliseconds.
type Figure struct {
	Scenario  string  `json:"scenario"` // or the part of a run without scenarios
	What      string  `json:"what"`
	N         int64   `json:"n,omitempty"`
	P50       float64 `json:"p50_ms,omitempty"`
	P99       float64 `json:"p99_ms,omitempty"`
	Max       float64 `json:"max_ms,omitempty"`
	PerSecond float64 `json:"per_second,omitempty"`
	Bytes     int64   `json:"bytes,omitempty"`
	Of        string  `json:"of,omitempty"`    // which of the above stands beside the floor
	Floor     float64 `json:"floor,omitempty"` // in the same unit
	FloorIs   string  `json:"floor_is,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"` // of Of to Floor
	Aim       string  `json:"aim,omitempty"`
	Met       *bool   `json:"met,omitempty"` // absent where nothing is aimed at
}

// What a figure's Of may be.
const (
	ofP50  = "p50"
	ofP99  = "p99"
	ofMax  = "max"
	ofRate = "rate"
)

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func figure(s, what string, h *hdrhistogram.Histogram) Figure {
	return Figure{Scenario: s, What: what, N: h.TotalCount(), P50: ms(time.Duration(h.ValueAtQuantile(50))), P99: ms(time.Duration(h.ValueAtQuantile(99))), Max: ms(time.Duration(h.Max()))}
}

func (q quantiles) figure(part, what string, n int) Figure {
	return Figure{Scenario: part, What: what, N: int64(n), P50: ms(q.p50), P99: ms(q.p99)}
}

// beside sets the floor that the figure's of stands beside.
func (f Figure) beside(of string, floor float64, is string) Figure {
	f.Of, f.Floor, f.FloorIs = of, floor, is
	f.Ratio = f.value() / max(floor, 1e-6)
	return f
}

func (f Figure) value() float64 {
	switch f.Of {
	case ofP50:
		return f.P50
	case ofP99:
		return f.P99
	case ofMax:
		return f.Max
	}
	return f.PerSecond
}

// aim says what is aimed at and whether it is so.
func (f Figure) aim(met bool, format string, args ...any) Figure {
	f.Aim, f.Met = fmt.Sprintf(format, args...), &met
	return f
}

// most aims at a ratio of at most limit.
func (f Figure) most(limit float64) Figure {
	return f.aim(f.Ratio <= limit, "at most %v × floor", limit)
}

// least aims at a ratio of at least limit.
func (f Figure) least(limit float64) Figure {
	return f.aim(f.Ratio >= limit, "at least %v × floor", limit)
}

// tell prints a figure, or writes it as a line of JSON.
func (b *bench) tell(f Figure) {
	if b.o.JSON {
		_ = json.NewEncoder(b.o.Out).Encode(f)
		return
	}
	b.printf("  %-52s", f.What)
	unit := " ms"
	switch {
	case f.PerSecond > 0:
		b.printf(" %10.0f/s", f.PerSecond)
		if f.P99 > 0 {
			b.printf("   p50 %8.2f ms  p99 %8.2f ms", f.P50, f.P99)
		}
		unit = "/s"
	case f.Bytes > 0:
		b.printf(" %10d B", f.Bytes)
	case f.P50 > 0:
		b.printf(" n %7d  p50 %8.2f ms", f.N, f.P50)
		if f.P99 > 0 {
			b.printf("  p99 %8.2f ms", f.P99)
		}
		if f.Max > 0 {
			b.printf("  max %8.2f ms", f.Max)
		}
	}
	if f.Floor > 0 {
		if f.Of != ofRate {
			unit = " ms"
		}
		b.printf("   %s %.2f × %s (%.2f%s)", f.Of, f.Ratio, f.FloorIs, f.Floor, unit)
	}
	if f.Met != nil {
		b.printf("   aim %s: %s", f.Aim, map[bool]string{true: "met", false: "MISSED"}[*f.Met])
	}
	b.printf("\n")
}

// quantiles of a set of durations.
type quantiles struct{ p50, p99 time.Duration }

func quantilesOf(d []time.Duration) quantiles {
	if len(d) == 0 {
		return quantiles{}
	}
	slices.Sort(d)
	return quantiles{d[len(d)/2], d[min(len(d)-1, len(d)*99/100)]}
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(shortest, longest, digits) }
