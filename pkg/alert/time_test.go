package alert

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTimeAppend compares every day there is, and instants at random, with the standard library.
func TestTimeAppend(t *testing.T) {
	same := func(at Time) {
		if got, want := string(at.append(nil)), at.Std().Format(timeLayout); got != want {
			t.Fatalf("%d is written %s, want %s", int64(at), got, want)
		}
	}
	for day := int64(0); day*microsPerDay < lastShort; day++ {
		same(Time(day * microsPerDay))
	}
	for _, at := range []Time{-1, lastShort - 1, lastShort, TimeOf(time.Date(2024, 2, 29, 23, 59, 59, 999_999_000, time.UTC))} {
		same(at)
	}
	rapid.Check(t, func(t *rapid.T) {
		at := Time(rapid.Int64Range(-lastShort, 2*lastShort).Draw(t, "microseconds"))
		if got, want := string(at.append(nil)), at.Std().Format(timeLayout); got != want {
			t.Fatalf("written %s, want %s", got, want)
		}
	})
}

func BenchmarkTimeAppend(b *testing.B) {
	at, buf := TimeOf(time.Now()), make([]byte, 0, 64)
	b.Run("ours", func(b *testing.B) {
		for b.Loop() {
			buf = at.append(buf[:0])
		}
	})
	b.Run("standard", func(b *testing.B) {
		for b.Loop() {
			buf = at.Std().AppendFormat(buf[:0], timeLayout)
		}
	})
}
