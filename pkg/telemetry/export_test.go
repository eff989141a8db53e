package telemetry

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// TestCollector: what may be repeated is repeated, what may not is not, and what the collector leaves out of a request that
// it takes is read from its answer.
func TestCollector(t *testing.T) {
	partial := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 3)
	partial = protowire.AppendString(protowire.AppendTag(partial, 2, protowire.BytesType), "too old")
	answer := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), partial)
	for name, c := range map[string]struct {
		statuses []int
		calls    int64
		ok       bool
		rejected uint64
	}{
		"taken":             {[]int{200}, 1, true, 3},
		"taken the next":    {[]int{503, 200}, 2, true, 3},
		"not to be sent":    {[]int{400, 200}, 1, false, 0},
		"a redirect is not": {[]int{307, 200}, 1, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				status := c.statuses[min(int(calls.Add(1)), len(c.statuses))-1]
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(status)
				if status == 200 {
					_, _ = w.Write(answer)
				}
			}))
			defer server.Close()
			to := newCollector(server.URL)
			err := to.UploadTraces(context.Background(), nil)
			_ = to.Stop(context.Background())
			if (err == nil) != c.ok || calls.Load() != c.calls || to.rejected.Load() != c.rejected {
				t.Errorf("%v after %d calls, %d rejected", err, calls.Load(), to.rejected.Load())
			}
		})
	}
	for _, torn := range [][]byte{nil, {0xff}, answer[:2], {0x0a}} {
		if n := rejectedSpans(torn); n != 0 {
			t.Errorf("%x says that %d are rejected", torn, n)
		}
	}
}

// TestTraceOptions: what cannot be is said before anything is sent.
func TestTraceOptions(t *testing.T) {
	for endpoint, want := range map[string]string{"http://127.0.0.1:4318": "http://127.0.0.1:4318/v1/traces", "https://tempo.example/": "https://tempo.example/v1/traces",
		"http://h/otlp": "http://h/otlp", "localhost:4318": "", "http://user:secret@h": "", "": "", "grpc://h:4317": ""} {
		if got, err := collectorURL(endpoint); got != want || (err == nil) != (want != "") {
			t.Errorf("%q becomes %q, %v", endpoint, got, err)
		}
	}
	for _, share := range []float64{-0.1, 1.1} {
		if traces, err := NewTraces(TraceOptions{Endpoint: "http://h", Share: share}); err == nil {
			traces.Close()
			t.Errorf("a share of %v is taken", share)
		}
	}
}
