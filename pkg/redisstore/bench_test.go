package redisstore

import (
	"slices"
	"testing"
	"time"
)

// BenchmarkCatchUp fills an empty Redis with the journal of a city: how many alerts a second the mirror takes, and
// how many events they are.
func BenchmarkCatchUp(b *testing.B) {
	s := startRedis(b)
	dir := b.TempDir()
	n := newNode(b, dir, s.url())
	const alerts = 2000
	for range alerts {
		n.alert()
	}
	events := n.log.LastSeq()
	n.current()
	n.stop()
	b.ResetTimer()
	var took time.Duration
	for range b.N {
		s.cli("FLUSHALL")
		n = newNode(b, dir, s.url())
		began := time.Now()
		n.current()
		took += time.Since(began)
		n.stop()
	}
	each := took.Seconds() / float64(b.N)
	b.ReportMetric(alerts/each, "alerts/s")
	b.ReportMetric(float64(events)/each, "events/s")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkLag measures from a command's answer until Redis has its events, one alert at a time.
func BenchmarkLag(b *testing.B) {
	s := startRedis(b)
	n := newNode(b, b.TempDir(), s.url())
	n.current()
	var lags []time.Duration
	for b.Loop() {
		n.alert()
		began := time.Now()
		if err := n.mirror.Await(b.Context(), n.log.LastSeq()); err != nil {
			b.Fatal(err)
		}
		lags = append(lags, time.Since(began))
	}
	slices.Sort(lags)
	b.ReportMetric(float64(lags[len(lags)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(lags[len(lags)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(0, "ns/op")
}
