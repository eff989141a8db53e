package push

import (
	"testing"
	"time"
)

// TestWatched: of a watched item the hub says when it is with the sockets of those who see it, and when the first of them
// shows it; who does not see it shows nothing of it, whatever sequence it reports. Of others nothing is said.
func TestWatched(t *testing.T) {
	type told struct {
		seq uint64
		at  time.Time
	}
	sent, shown := make(chan told, 16), make(chan told, 16)
	r := newRig(t, Options{Shards: 2, Hooks: Hooks{
		Sent:  func(seq uint64, at time.Time) { sent <- told{seq, at} },
		Shown: func(seq uint64, at time.Time) { shown <- told{seq, at} },
	}}, false)
	began := time.Now()
	wait := func(what string, c chan told, seq uint64) {
		t.Helper()
		select {
		case got := <-c:
			if got.seq != seq || got.at.Before(began) || got.at.After(time.Now()) {
				t.Fatalf("%s: %+v, want event %d between %v and now", what, got, seq, began)
			}
		case <-time.After(patience):
			t.Fatalf("%s: nothing, want event %d", what, seq)
		}
	}
	fire, police := r.dial(), r.dial()
	fire.subscribe("department:fire")
	fire.expect("snapshot")
	police.subscribe("department:police")
	police.expect("snapshot")
	eventually(t, func() bool { return r.hub.Stats().Audiences == 2 }) // or what follows would be caught up with, not pushed
	b := r.publish(Item{Incident: "i-1", Departments: []string{"fire"}, Watched: true}, Item{Incident: "i-2", Departments: []string{"fire", "police"}})
	wait("sent", sent, b.From)
	to := police.expect("events").To
	police.send(map[string]any{"op": "drawn", "seq": to})
	police.send(map[string]any{"op": "ping", "id": 1})
	police.expect("pong") // so its report is done with
	fire.send(map[string]any{"op": "drawn", "seq": fire.expect("events").To})
	wait("shown", shown, b.From)
	fire.send(map[string]any{"op": "ping", "id": 1})
	fire.expect("pong")
	if n := r.hub.watch.n.Load(); n != 0 {
		t.Errorf("%d items are watched after they were shown", n)
	}
	nobody := r.publish(Item{Incident: "i-3", Departments: []string{"rivers"}, Watched: true})
	last := r.publish(Item{Incident: "i-4", Departments: []string{"fire"}, Watched: true})
	wait("sent", sent, last.From)
	r.hub.watch.tidy(time.Now().Add(2 * maxDrawnAge).UnixNano())
	if n := r.hub.watch.n.Load(); n != 0 || len(shown) != 0 || len(sent) != 0 {
		t.Errorf("%d items are watched for ever, %d and %d more were told (event %d concerns nobody)", n, len(shown), len(sent), nobody.From)
	}
	for range maxWatched + 10 {
		r.publish(Item{Incident: "i-5", Watched: true})
	}
	if n := r.hub.watch.n.Load(); n > maxWatched {
		t.Errorf("%d items are watched, at most %d", n, maxWatched)
	}
}
