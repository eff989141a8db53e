package app_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/telemetry"
)

var update = flag.Bool("update", false, "write docs/metrics.md as it is to be")

const metricsDoc = "../../docs/metrics.md"

// nobodysRedis does not answer; the metrics of the mirror are there nevertheless.
const nobodysRedis = "redis://127.0.0.1:1"

// nobodysCollector takes nothing; those of traces are there too.
const nobodysCollector = "http://127.0.0.1:1"

// TestMetricsDocument holds docs/metrics.md against the code.
func TestMetricsDocument(t *testing.T) {
	o := options(t, t.TempDir())
	o.Redis, o.TraceEndpoint = nobodysRedis, nobodysCollector
	c := run(t, o)
	var b bytes.Buffer
	b.WriteString("# Metrics\n\nMade from the code by `go test ./pkg/app -run MetricsDocument -update`. Histograms are classic and native at once; where OpenMetrics is asked for, those of an incident\n" +
		"carry its trace as exemplar. Labels hold departments, priorities, classes and stages, never an id. Metrics of the Go runtime (`go_…`) and of the process (`process_…`) come beside these.\n\n" +
		"| metric | type | labels | what |\n| --- | --- | --- | --- |\n")
	families := slices.SortedFunc(slices.Values(c.app.MetricFamilies()), func(a, b telemetry.Family) int { return strings.Compare(a.Name, b.Name) })
	for _, f := range families {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, strings.Join(f.Labels, ", "), strings.ReplaceAll(f.Help, "|", "\\|"))
	}
	if *update {
		if err := os.WriteFile(metricsDoc, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	written, err := os.ReadFile(metricsDoc)
	if err != nil || !bytes.Equal(written, b.Bytes()) {
		t.Errorf("docs/metrics.md is not what the code says (%v): go test ./pkg/app -run MetricsDocument -update", err)
	}
}

// TestStages takes an alert from its source to its verified end, with a screen that says what it shows, and reads
// every stage from a listener that asks for no key.
func TestStages(t *testing.T) {
	o := options(t, t.TempDir())
	o.MetricsListen = "127.0.0.1:0"
	c := run(t, o)
	hall := c.connect(c.wal, false)
	hall.subscribe(map[string]any{"topics": []string{"wall"}})
	hall.expect("snapshot")
	r := c.post(1)
	if err := hall.ws.WriteJSON(map[string]any{"op": "drawn", "seq": hall.expect("events").To}); err != nil {
		t.Fatal(err)
	}
	for _, task := range r.Tasks {
		for _, act := range []string{"acknowledge", "depart", "arrive", "finish"} {
			c.must(http.StatusOK, http.MethodPost, "/api/v1/tasks/"+task.ID+"/"+act, c.officer, "", nil)
		}
	}
	c.must(http.StatusOK, http.MethodPost, "/api/v1/incidents/"+r.IncidentID+"/verify", c.officer, "", nil)
	want := []string{`banyan_alerts_total{class="accident",department=`, `banyan_accept_seconds_count{class="accident",priority=`, `banyan_source_lag_seconds_count{department=`,
		`banyan_assign_seconds_count{department=`, `banyan_push_seconds_count `, "banyan_draw_seconds_count 1", `banyan_verify_seconds_count{class="accident",priority=`,
		`banyan_tasks_open{department=`, `banyan_seats{presence="absent"}`, `banyan_build_info{go=`, "banyan_queue_commands_limit ", `# {trace_id="`}
	for _, stage := range []string{"acknowledged", "departed", "on_scene", "finished"} {
		want = append(want, fmt.Sprintf(`stage="%s"`, stage))
	}
	var text string
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // the screen's report has no answer to wait for
		text = scrape(t, "http://"+c.app.MetricsAddr().String()+"/metrics")
		missing := ""
		for _, w := range want {
			if !strings.Contains(text, w) {
				missing = w
			}
		}
		if missing == "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no %s in\n%s", missing, text)
		}
	}
	for _, id := range []string{r.IncidentID, r.Tasks[0].ID} {
		if strings.Contains(text, id) {
			t.Errorf("an id is in the metrics: %s", id)
		}
	}
}

// scrape reads metrics as Prometheus does, in OpenMetrics.
func scrape(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v", resp.StatusCode, err)
	}
	return string(b)
}
