package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestStreamShowsWhatWasAccepted: the snapshot holds what was there, and events follow it without a gap, each
// before or after its answer but never without it.
func TestStreamShowsWhatWasAccepted(t *testing.T) {
	c := run(t, options(t, t.TempDir()))
	before := c.post(0)
	s := c.connect(c.wal, false)
	s.subscribe(map[string]any{"topics": []string{"wall"}})
	snapshot := s.expect("snapshot")
	if len(snapshot.Incidents) != 1 || snapshot.Incidents[0].ID != before.IncidentID || snapshot.Seq < before.Seq || snapshot.Reason != "subscribed" {
		t.Fatalf("%+v after %+v", snapshot, before)
	}
	seq := snapshot.Seq
	for n := 1; n <= 20; n++ {
		r := c.post(n)
		opened := false
		for !opened {
			f := s.expect("events")
			if f.From != seq+1 || f.To < f.From || f.Epoch != snapshot.Epoch {
				t.Fatalf("frame %d to %d of epoch %d follows %d of %d", f.From, f.To, f.Epoch, seq, snapshot.Epoch)
			}
			seq = f.To
			for _, e := range f.Events {
				if e.Alert != nil {
					t.Errorf("a wall is sent the alert beside the incident: %s", e.Alert)
				}
				opened = opened || e.Type == "incident.opened" && e.IncidentID == r.IncidentID && e.Seq == r.Seq
			}
		}
	}
	c.post(1) // a duplicate shows nothing
	c.must(http.StatusOK, http.MethodPost, "/api/v1/incidents/"+before.IncidentID+"/cancel", c.officer, `{"reason":"演练"}`, nil)
	if f := s.expect("events"); f.From != seq+1 || f.Events[len(f.Events)-1].Type != "incident.state" {
		t.Errorf("after a duplicate and a cancellation: %+v", f)
	}
}

// TestResume: a screen that was away goes on where it stopped, also across a restart; what is too old gets a
// snapshot that says so.
func TestResume(t *testing.T) {
	o := options(t, t.TempDir())
	c := run(t, o)
	c.post(1)
	s := c.connect(c.wal, false)
	s.subscribe(map[string]any{"topics": []string{"wall"}})
	at := s.expect("snapshot")
	_ = s.ws.Close()
	missed := c.post(2)
	since := func(seq uint64) map[string]any {
		return map[string]any{"topics": []string{"wall"}, "since": map[string]any{"epoch": at.Epoch, "seq": seq}}
	}
	s = c.connect(c.wal, false)
	s.subscribe(since(at.Seq))
	if f := s.expect("resumed"); f.Seq != at.Seq || f.Epoch != at.Epoch {
		t.Errorf("%+v, want %d", f, at.Seq)
	}
	f := s.expect("events")
	if f.From != at.Seq+1 || len(f.Events) == 0 || f.Events[0].IncidentID != missed.IncidentID {
		t.Errorf("after resuming from %d: %+v", at.Seq, f)
	}
	last := f.To
	_ = s.ws.Close()
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	c = run(t, o)
	s = c.connect(c.wal, false)
	s.subscribe(since(last))
	if f := s.expect("resumed"); f.Seq != last {
		t.Errorf("across a restart: %+v, want %d", f, last)
	}
	r := c.post(3)
	if f := s.expect("events"); f.From != last+1 || f.Events[0].Seq != r.Seq {
		t.Errorf("after a restart: %+v, want from %d", f, last+1)
	}
	for reason, request := range map[string]map[string]any{
		"resumed_too_old": since(last - 1), // that is in the journal, no longer in memory
		"epoch_changed":   {"topics": []string{"wall"}, "since": map[string]any{"epoch": at.Epoch + 1, "seq": last}},
	} {
		s := c.connect(c.wal, false)
		s.subscribe(request)
		if f := s.expect("snapshot"); f.Reason != reason || len(f.Incidents) != 3 {
			t.Errorf("want %s with 3 incidents, got %+v", reason, f)
		}
	}
}

// TestSlowReader: a screen that reads nothing for a while loses the events it could not take, gets a snapshot
// that says so, and then goes on. Another is shown everything meanwhile.
func TestSlowReader(t *testing.T) {
	c := run(t, options(t, t.TempDir()))
	slow, quick := c.connect(c.officer, true), c.connect(c.wal, false) // a wall's events are small
	for _, s := range []*screen{slow, quick} {
		s.subscribe(map[string]any{"topics": []string{"wall"}})
	}
	first, seq := slow.expect("snapshot"), quick.expect("snapshot").Seq
	text := strings.Repeat("火", 2700) // 8 KB each: sockets hold some megabytes, a connection's buffer a quarter of one
	const atOnce, most = 100, 100_000
	n := 0
	for !c.dropped() {
		if n >= most {
			t.Fatalf("%d alerts of %d bytes, and nobody is too slow", n, len(text))
		}
		var lines bytes.Buffer
		for range atOnce {
			fmt.Fprintln(&lines, strings.Replace(alert(n), "车辆起火", text, 1))
			n++
		}
		status, _, answer, err := c.send(http.MethodPost, "/api/v1/alerts:batch", c.source, &lines)
		if err != nil || status != http.StatusOK || bytes.Count(answer, []byte(`"status":202`)) != atOnce {
			t.Fatalf("%v: %d, %d accepted", err, status, bytes.Count(answer, []byte(`"status":202`)))
		}
		for opened := 0; opened < atOnce; {
			f := quick.next()
			if f.Op != "events" || f.From != seq+1 {
				t.Fatalf("the quick one gets %s from %d after %d", f.Op, f.From, seq)
			}
			seq = f.To
			for _, e := range f.Events {
				if e.Type == "incident.opened" {
					opened++
				}
			}
		}
	}
	var now struct{ Seq uint64 }
	c.must(http.StatusOK, http.MethodGet, "/api/v1/incidents?limit=1", c.officer, "", &now)
	at, again := first.Seq, 0
	for at < now.Seq {
		switch f := slow.next(); f.Op {
		case "events":
			if f.From != at+1 {
				t.Fatalf("the slow one gets events from %d after %d", f.From, at)
			}
			at = f.To
		case "snapshot":
			if f.Reason != "slow" || f.Seq <= at {
				t.Fatalf("snapshot at %d because %q after %d", f.Seq, f.Reason, at)
			}
			at, again = f.Seq, again+1
		default:
			t.Fatalf("got %+v", f)
		}
	}
	if again == 0 {
		t.Error("the slow one was never told that it lost events")
	}
	r := c.post(n)
	if f := slow.expect("events"); f.From != at+1 || f.Events[0].Seq != r.Seq {
		t.Errorf("afterwards: %+v, want from %d", f, at+1)
	}
}

// dropped reports whether some connection has lost events.
func (c *centre) dropped() bool {
	c.tb.Helper()
	_, _, metrics, err := c.send(http.MethodGet, "/metrics", c.wal, nil)
	if err != nil || !bytes.Contains(metrics, []byte("\nbanyan_push_dropped_total ")) {
		c.tb.Fatalf("%v: no count of lost deltas in %s", err, metrics)
	}
	return !bytes.Contains(metrics, []byte("\nbanyan_push_dropped_total 0\n"))
}
