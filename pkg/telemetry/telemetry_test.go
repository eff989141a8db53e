package telemetry

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestMetrics reads what was observed as Prometheus reads it.
func TestMetrics(t *testing.T) {
	m := New("test")
	m.Batch(3, 7, 40*time.Microsecond, 2*time.Millisecond, time.Second)
	m.Batch(1, 2, 10*time.Microsecond, 30*time.Millisecond, time.Millisecond)
	m.Request("POST /api/v1/alerts", 202, 3*time.Millisecond)
	m.Request("POST /api/v1/alerts", 422, 3*time.Millisecond)
	m.Request("POST /api/v1/alerts", 429, 3*time.Millisecond)
	load := 5.0
	m.Gauge("banyan_test_load", "Load.", map[string]string{"priority": "P1"}, func() float64 { return load })
	m.Counter("banyan_test_total", "Count.", func() float64 { return 12 })
	load = 6 // asked when it is read
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text := w.Body.String()
	for _, want := range []string{
		"banyan_events_total 9", "banyan_batch_commands_count 2", "banyan_batch_commands_sum 4",
		`banyan_stage_seconds_bucket{stage="decide",le="5e-05"} 2`, `banyan_stage_seconds_bucket{stage="commit",le="0.002"} 1`,
		`banyan_stage_seconds_count{stage="hand"} 2`, `banyan_stage_seconds_bucket{stage="commit",le="0.05"} 2`,
		`banyan_http_request_seconds_count{code="2xx",route="POST /api/v1/alerts"} 1`,
		`banyan_http_request_seconds_count{code="4xx",route="POST /api/v1/alerts"} 2`,
		`banyan_test_load{priority="P1"} 6`, "banyan_test_total 12", "go_goroutines ", "process_open_fds ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Errorf("Content-Type %q", w.Header().Get("Content-Type"))
	}
}
