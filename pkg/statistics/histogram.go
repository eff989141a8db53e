// Package statistics says what is counted and timed of a centre's work for people to read: in which hour,
// department, district, type and priority an event counts, how counts of many hours become those of a shift, a
// day or a month, and how two periods compare. It is pure; where the counts are kept is somebody else's.
package statistics

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"time"
)

// A histogram's bucket is 1/16 of a power of two of milliseconds wide: what is read from one is off by 3.2% at
// most. The last one, which holds everything longer, begins at 46 days.
const (
	perOctave  = 16
	lastBucket = 463
)

// Histogram counts durations; the zero value is empty. Two add up to the histogram of both.
type Histogram struct {
	counts []uint64
	n      uint64
}

// bucketOf returns the bucket of d; what is negative counts as nothing.
func bucketOf(d time.Duration) int {
	ms := uint64(max(d, 0) / time.Millisecond)
	if ms < perOctave {
		return int(ms)
	}
	e := bits.Len64(ms) - 5
	return min(e*perOctave+int(ms>>e), lastBucket)
}

// middle returns the duration in the middle of a bucket.
func middle(i int) time.Duration {
	if i < perOctave {
		return time.Duration(i) * time.Millisecond
	}
	e := i/perOctave - 1
	low := time.Duration(i-e*perOctave) << e
	return (2*low + 1<<e) * time.Millisecond / 2
}

// Add counts a duration.
func (h *Histogram) Add(d time.Duration) { h.add(bucketOf(d), 1) }

func (h *Histogram) add(i int, n uint64) {
	if i >= len(h.counts) {
		h.counts = append(h.counts, make([]uint64, i+1-len(h.counts))...)
	}
	h.counts[i] += n
	h.n += n
}

// Merge adds what other holds.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.counts {
		if n > 0 {
			h.add(i, n)
		}
	}
}

// N returns how many durations were counted.
func (h *Histogram) N() uint64 { return h.n }

// Quantile returns a duration that q of those counted, 0 to 1, do not exceed; 0 of an empty histogram.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	rank := uint64(q * float64(h.n-1))
	for i, n := range h.counts {
		if rank < n {
			return middle(i)
		}
		rank -= n
	}
	return middle(lastBucket)
}

// append writes h in few bytes: the number of buckets that are not empty, and of each the distance to the one
// before and its count.
func (h *Histogram) append(b []byte) []byte {
	filled := 0
	for _, n := range h.counts {
		if n > 0 {
			filled++
		}
	}
	b = binary.AppendUvarint(b, uint64(filled))
	last := 0
	for i, n := range h.counts {
		if n > 0 {
			b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(i-last)), n)
			last = i
		}
	}
	return b
}

var errShort = errors.New("statistics: a tally is cut short or is none")

// uvarint reads a number off b.
func uvarint(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, errShort
	}
	return v, b[n:], nil
}

// merge adds a histogram as append wrote it and returns what is behind.
func (h *Histogram) merge(b []byte) ([]byte, error) {
	filled, b, err := uvarint(b)
	at := uint64(0)
	for ; err == nil && filled > 0; filled-- {
		var step, n uint64
		if step, b, err = uvarint(b); err != nil {
			break
		}
		if n, b, err = uvarint(b); err != nil {
			break
		}
		if at += step; at > lastBucket {
			return nil, errShort
		}
		h.add(int(at), n)
	}
	return b, err
}
