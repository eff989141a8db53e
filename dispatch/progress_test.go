package dispatch

import (
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// A task that was acknowledged and then forgotten is brought before the duty leader, then before the centre, and
// again for as long as nothing happens; every step of the work gives it time anew.
func TestNoProgress(t *testing.T) {
	city := testCity(t, map[string]func(string) string{"city.yaml": func(s string) string {
		return s + "progress: {acknowledged: {P1: 5m}, on_scene: {P1: 1h}}\n"
	}})
	d := newDesk(t, city, inTests(t, city.Zone, "2026-05-01 08:00:00"))
	events, err := d.submit(d.report("fire-119", "x", "fire.building", d.place(0, 0)))
	if err != nil {
		t.Fatal(err)
	}
	id := events[1].Task.ID
	if _, err := d.act("fire-1", alert.ActAcknowledge, id, Command{}); err != nil {
		t.Fatal(err)
	}
	said := func(by time.Duration) (to []string) {
		d.pass(by, func(events []Event) {
			for _, e := range events {
				if e.Task != nil && e.Task.ID == id {
					if e.Step != "no_progress" || !e.Task.Overdue {
						t.Errorf("%s: step %q, overdue %v", e.Type, e.Step, e.Task.Overdue)
					}
					to = append(to, string(e.Type)+" "+e.To)
				}
			}
		})
		return to
	}
	expect := func(by time.Duration, want ...string) {
		t.Helper()
		got := said(by)
		if len(got) != len(want) {
			t.Fatalf("within %v: %q, want %q", by, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("within %v: %q, want %q", by, got, want)
			}
		}
	}
	expect(4 * time.Minute)
	expect(7*time.Minute, "task.escalated fire-leader", "task.escalated centre-leader")
	expect(5*time.Minute, "task.reminded centre-leader")
	if _, err := d.act("fire-1", alert.ActArrive, id, Command{}); err != nil {
		t.Fatal(err)
	}
	expect(59 * time.Minute)
	expect(2*time.Minute, "task.reminded centre-leader")
	if _, err := d.act("fire-1", alert.ActFinish, id, Command{}); err != nil {
		t.Fatal(err)
	}
	expect(5 * time.Hour)
	same(t, "the events applied again", d.state, replay(t, d.log))
}
