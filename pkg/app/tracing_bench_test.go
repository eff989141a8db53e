package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/app"
)

// BenchmarkTraces is what an alert costs, over HTTP and onto the disk, without traces, with traces of none of the alerts
// and with those of all: compare the lines of one run, allocations above all.
//
//	go test ./pkg/app -run xxx -bench Traces -benchtime 5000x -count 4
func BenchmarkTraces(b *testing.B) {
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer sink.Close()
	for _, with := range []struct {
		name string
		set  func(*app.Options)
	}{
		{"off", func(*app.Options) {}},
		{"sample=0", func(o *app.Options) { o.TraceEndpoint = sink.URL }},
		{"sample=1", func(o *app.Options) { o.TraceEndpoint, o.TraceSample = sink.URL, 1 }},
	} {
		b.Run(with.name, func(b *testing.B) {
			o := options(b, b.TempDir())
			with.set(&o)
			c := run(b, o)
			var n atomic.Int64
			b.SetParallelism(8)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					status, _, answer, err := c.send("POST", "/api/v1/alerts", c.source, strings.NewReader(alert(int(n.Add(1)))))
					if err != nil || status != http.StatusAccepted {
						b.Error(fmt.Errorf("%v: %d %s", err, status, answer))
						return
					}
				}
			})
		})
	}
}
