package app_test

import (
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BenchmarkRedisPaused answers alerts that are due at a steady rate, in turn with Redis well and with Redis frozen in the
// middle of its work: the ratio of the 99th percentiles is what a frozen Redis costs those who send. It is to be 1.2 at
// most.
func BenchmarkRedisPaused(b *testing.B) {
	const (
		perSecond = 100
		slice     = 4 * time.Second
		rounds    = 5 // well and frozen in turn, so that whatever else this machine does befalls both
	)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := l.Addr().String()
	_, port, _ := net.SplitHostPort(addr)
	_ = l.Close()
	redis := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", b.TempDir(), "--save", "")
	if err := redis.Start(); err != nil {
		b.Fatalf("redis-server, which `make redis` installs: %v", err)
	}
	b.Cleanup(func() {
		_ = redis.Process.Signal(syscall.SIGCONT)
		_ = redis.Process.Kill()
		_ = redis.Wait()
	})
	o := options(b, b.TempDir())
	o.Redis, o.Node = "redis://"+addr+"/0", "bench"
	c := run(b, o)
	c.client.Transport = &http.Transport{MaxIdleConnsPerHost: 64}
	var mu sync.Mutex
	n := 0
	send := func(took *[]time.Duration) {
		var all sync.WaitGroup
		began := time.Now()
		for i := range int(slice.Seconds() * perSecond) {
			due := began.Add(time.Duration(i) * time.Second / perSecond)
			time.Sleep(time.Until(due))
			n++
			body := fmt.Sprintf(`{"id":"x%d","type":"fire.vehicle","occurred_at":"2026-05-01T08:30:00+08:00","location":{"lon":%f,"lat":%f}}`,
				n, 119+float64(n%200)*0.002, 25.9+float64(n/200%200)*0.002)
			all.Go(func() {
				for {
					status, _, answer, err := c.send(http.MethodPost, "/api/v1/alerts", c.source, strings.NewReader(body))
					if err == nil && status == http.StatusAccepted {
						break
					}
					if err == nil { // a connection may end just when it is taken: sources repeat then
						b.Errorf("%d %s", status, answer)
						return
					}
				}
				mu.Lock()
				defer mu.Unlock()
				*took = append(*took, time.Since(due))
			})
		}
		all.Wait()
	}
	var warm, well, frozen []time.Duration
	send(&warm)
	for b.Loop() {
		for range rounds {
			send(&well)
			_ = redis.Process.Signal(syscall.SIGSTOP)
			send(&frozen)
			_ = redis.Process.Signal(syscall.SIGCONT)
			send(&warm) // it catches up
		}
	}
	at := func(all []time.Duration, percent int) float64 {
		slices.Sort(all)
		return float64(all[len(all)*percent/100].Microseconds()) / 1000
	}
	b.ReportMetric(at(well, 50), "well-p50-ms")
	b.ReportMetric(at(well, 99), "well-p99-ms")
	b.ReportMetric(at(frozen, 50), "frozen-p50-ms")
	b.ReportMetric(at(frozen, 99), "frozen-p99-ms")
	b.ReportMetric(at(frozen, 99)/at(well, 99), "ratio")
	b.ReportMetric(0, "ns/op")
}
