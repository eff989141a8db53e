package api_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
)

const ndjson = "application/x-ndjson"

// result is one line of the answer to a batch.
type result struct {
	Line       int          `json:"line"`
	Status     int          `json:"status"`
	AlertID    string       `json:"alert_id"`
	IncidentID string       `json:"incident_id"`
	Duplicate  bool         `json:"duplicate"`
	Problem    *api.Problem `json:"problem"`
}

func results(t *testing.T, r io.Reader) (list []result) {
	t.Helper()
	for d := json.NewDecoder(r); ; {
		var x result
		if err := d.Decode(&x); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatalf("after %d results: %v", len(list), err)
		}
		if (x.Problem != nil) == (x.Status == http.StatusAccepted) || x.Problem != nil && x.Problem.Status != x.Status {
			t.Errorf("line %d: status %d with problem %v", x.Line, x.Status, x.Problem)
		}
		list = append(list, x)
	}
}

func (c *centre) batch(source, body string) []result {
	c.tb.Helper()
	t := c.tb.(*testing.T)
	a, err := c.send(http.MethodPost, "/api/v1/alerts:batch", c.source(source), ndjson, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if a.status != http.StatusOK || a.header.Get("Content-Type") != ndjson {
		t.Fatalf("%d %s: %s", a.status, a.header.Get("Content-Type"), a.body)
	}
	return results(t, strings.NewReader(string(a.body)))
}

// TestBatch: one result a line, in order; a bad line harms no other; blank lines are counted and not answered.
func TestBatch(t *testing.T) {
	c := newCentre(t)
	good := func(id string, at float64) string { return alertAt(id, "fire.vehicle", at, at) }
	lines := []string{good("1", 0), "", "no JSON", good("2", 2000), `{"id":"3"}`, good("1", 0), "   ", good("2", 2000) + "\r", `{"id":"4","type":"medical"`, good("5", 4000)}
	got := c.batch("fire-119", strings.Join(lines, "\n")) // the last line without an end
	want := []result{{Line: 1, Status: 202}, {Line: 3, Status: 400}, {Line: 4, Status: 202}, {Line: 5, Status: 422}, {Line: 6, Status: 202, Duplicate: true},
		{Line: 8, Status: 202, Duplicate: true}, {Line: 9, Status: 400}, {Line: 10, Status: 202}}
	if len(got) != len(want) {
		t.Fatalf("%d results, want %d: %+v", len(got), len(want), got)
	}
	for i, w := range want {
		if g := got[i]; g.Line != w.Line || g.Status != w.Status || g.Duplicate != w.Duplicate {
			t.Errorf("result %d: got line %d, status %d, duplicate %t; want %+v (%v)", i, g.Line, g.Status, g.Duplicate, w, g.Problem)
		}
	}
	if got[0].IncidentID != got[4].IncidentID || got[2].AlertID != got[5].AlertID || got[0].IncidentID == got[2].IncidentID {
		t.Errorf("duplicates and others are mixed up: %+v", got)
	}
	// One at a time, the same alert gets the same answer.
	if r := c.post("fire-119", good("1", 0)); !r.Duplicate || r.IncidentID != got[0].IncidentID || r.AlertID != got[0].AlertID {
		t.Errorf("posted again: %+v, in the batch: %+v", r, got[0])
	}
}

// TestBodyBounds goes to each bound and one past it.
func TestBodyBounds(t *testing.T) {
	c := newCentre(t)
	fit := func(id string, n int) string {
		body := alertAt(id, "fire.vehicle", 0, 0)
		return body + strings.Repeat(" ", n-len(body))
	}
	for _, x := range []struct {
		n      int
		status int
	}{{api.MaxAlertBytes, 202}, {api.MaxAlertBytes + 1, 413}} {
		if a := c.must(http.MethodPost, "/api/v1/alerts", c.source("fire-119"), fit("one", x.n)); a.status != x.status {
			t.Errorf("an alert of %d bytes: %d %.200s", x.n, a.status, a.body)
		}
		// A line may be as long as an alert; one that is longer harms no other.
		got := c.batch("fire-119", fit("two", x.n)+"\n"+alertAt("three", "fire.vehicle", 0, 0)+"\n"+fit("four", x.n))
		for i, want := range []int{x.status, 202, x.status} {
			if len(got) != 3 || got[i].Status != want || got[i].Line != i+1 {
				t.Fatalf("lines of %d bytes: result %d of %+v", x.n, i, got)
			}
		}
	}
	// A line beyond measure cannot be skipped over: the batch ends there, and says so.
	got := c.batch("fire-119", alertAt("five", "fire.vehicle", 0, 0)+"\n"+strings.Repeat("x", 4*api.MaxAlertBytes)+"\n"+alertAt("six", "fire.vehicle", 0, 0))
	if len(got) != 2 || got[0].Status != 202 || got[1].Line != 2 || got[1].Problem.Code != alert.CodeTooLarge {
		t.Errorf("a line of %d bytes: %+v", 4*api.MaxAlertBytes, got)
	}
	got = c.batch("fire-119", strings.Repeat("\n", api.MaxBatchLines-1)+alertAt("last", "fire.vehicle", 0, 0)+"\n"+alertAt("past", "fire.vehicle", 0, 0)+"\n\n\n")
	if len(got) != 2 || got[0].Line != api.MaxBatchLines || got[0].Status != 202 || got[1].Line != api.MaxBatchLines+1 || got[1].Problem.Code != alert.CodeTooLarge {
		t.Errorf("%d lines: %+v", api.MaxBatchLines+1, got)
	}
}

// TestBatchBytes sends more than a batch may hold: what was read before is accepted, the rest is refused once.
func TestBatchBytes(t *testing.T) {
	c := newCentre(t)
	blank := strings.NewReader(strings.Repeat(strings.Repeat(" ", 32<<10)+"\n", api.MaxBatchBytes/(32<<10)+1))
	body := io.MultiReader(strings.NewReader(alertAt("first", "fire.vehicle", 0, 0)+"\n"), blank)
	a, err := c.send(http.MethodPost, "/api/v1/alerts:batch", c.source("fire-119"), ndjson, body)
	if err != nil {
		t.Fatal(err)
	}
	got := results(t, strings.NewReader(string(a.body)))
	if len(got) != 2 || got[0].Status != 202 || got[1].Status != http.StatusRequestEntityTooLarge {
		t.Errorf("%+v", got)
	}
}

// TestBatchAnswersWhileItReads sends lines for as long as results come back: a source with a long list learns
// early what became of its first alerts.
func TestBatchAnswersWhileItReads(t *testing.T) {
	c := newCentre(t)
	out, in := io.Pipe()
	stop := make(chan struct{})
	sent := make(chan int, 1)
	go func() {
		defer in.Close()
		for n := 0; ; n++ {
			select {
			case <-stop:
				sent <- n
				return
			default:
				if _, err := fmt.Fprintln(in, alertAt(fmt.Sprint(n), "medical", float64(n), 0)); err != nil {
					sent <- n
					return
				}
			}
		}
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/api/v1/alerts:batch", out)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.source("medical-120"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	read := 0
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		var r result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if read++; r.Line != read || r.Status != http.StatusAccepted {
			t.Fatalf("result %d: %s", read, lines.Bytes())
		}
		if read == 2*api.BatchWindow {
			close(stop)
		}
	}
	if n := <-sent; read != n || n < 2*api.BatchWindow {
		t.Errorf("%d lines sent, %d results read", n, read)
	}
}
