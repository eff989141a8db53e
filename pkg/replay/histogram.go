package replay

import (
	"math/bits"
	"time"
)

// histogram counts durations in buckets that are at most 1/32 wide, so a quantile is right to 3%. Its size is
// fixed, however many durations it has seen.
type histogram struct {
	counts [64 * subBuckets]uint64
	total  uint64
	most   time.Duration
}

const (
	subBits    = 5
	subBuckets = 1 << subBits
)

func bucketOf(d time.Duration) int {
	n := uint64(max(0, d))
	if n < subBuckets {
		return int(n)
	}
	shift := bits.Len64(n) - subBits - 1
	return (shift+1)*subBuckets + int(n>>shift) - subBuckets
}

// upper returns the longest duration of bucket i.
func upper(i int) time.Duration {
	if i < subBuckets {
		return time.Duration(i)
	}
	shift := i/subBuckets - 1
	return time.Duration((uint64(i%subBuckets)+subBuckets+1)<<shift - 1)
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucketOf(d)]++
	h.total++
	h.most = max(h.most, d)
}

// quantile returns a duration that at least a share q of all do not pass; 0 if there are none.
func (h *histogram) quantile(q float64) time.Duration {
	if h.total == 0 {
		return 0
	}
	need := max(1, uint64(q*float64(h.total)+0.999999))
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= need {
			return min(upper(i), h.most)
		}
	}
	return h.most
}
