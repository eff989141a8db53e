package telemetry

import (
	"fmt"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// BenchmarkEvents observes what an alert makes of a new incident with five tasks: what the writer pays for metrics.
func BenchmarkEvents(b *testing.B) {
	t := New("bench")
	now := alert.TimeOf(time.Now())
	department := func(string) string { return "fire" }
	docs := make([]alert.Incident, 1000)
	for i := range docs {
		docs[i] = alert.Incident{ID: fmt.Sprintf("i-%016d", i), Class: "accident", Priority: alert.P1, OpenedAt: now}
	}
	opened := dispatch.Event{Type: dispatch.IncidentOpened, Alert: &alert.Alert{Source: "fire-119", OccurredAt: now, ReceivedAt: now}}
	var assigned []dispatch.Event
	for _, d := range []string{"fire", "police", "health", "power", "gas"} {
		assigned = append(assigned, dispatch.Event{Type: dispatch.TaskAssigned, At: now, Task: &alert.Task{Department: d, Priority: alert.P1}})
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		doc, at := &docs[i%len(docs)], now+alert.Time(i%5000)
		t.Event(&opened, doc, department, at)
		for k := range assigned {
			t.Event(&assigned[k], doc, department, at)
		}
	}
}
