package push

import (
	"reflect"
	"sync/atomic"
	"testing"
	"time"
)

// newEras returns a rig whose leaders have written three events each, one after the other, up to sequence 9 of epoch 3.
func newEras(t *testing.T, o Options) *rig {
	r := newRig(t, o, false)
	for epoch := range 3 {
		if epoch > 0 {
			r.city.takeOver(0)
		}
		for range 3 {
			r.publish(Item{Incident: "i-1"})
		}
	}
	return r
}

func TestAChangeOfLeaderIsOneHistory(t *testing.T) {
	r := newEras(t, Options{Heartbeat: 50 * time.Millisecond})
	watching, elsewhere := r.dial(), r.dial()
	watching.subscribe("wall")
	if f := watching.expect("snapshot"); f.Epoch != 3 || f.Seq != 9 {
		t.Fatalf("snapshot at %d-%d", f.Epoch, f.Seq)
	}
	elsewhere.subscribe("incident:i-2")
	elsewhere.expect("snapshot")
	r.city.takeOver(0)
	r.publish(Item{Incident: "i-1"})
	if f := watching.expect("events"); f.Epoch != 4 || f.From != 10 || f.To != 10 || len(f.Events) != 1 {
		t.Fatalf("the next leader's first event: %+v", f)
	}
	if f := elsewhere.expect("events"); f.Epoch != 4 || f.From != 10 || f.To != 10 || len(f.Events) != 0 {
		t.Fatalf("what does not concern it: %+v", f)
	}
	if f, err := elsewhere.read(); err != nil || f.Op != "heartbeat" || f.Epoch != 4 || f.Seq != 10 {
		t.Fatalf("heartbeat: %+v, %v", f, err)
	}
}

func TestResumeOverEpochs(t *testing.T) {
	r := newEras(t, Options{RingEvents: 7})
	for _, test := range []struct {
		name   string
		since  position
		reason Reason // "" for resumed
		frames []position
	}{
		{"of the leader before the last", position{1, 3}, "", []position{{2, 6}, {3, 9}}},
		{"before the oldest held", position{1, 2}, "", []position{{1, 3}, {2, 6}, {3, 9}}},
		{"in the middle of an epoch", position{2, 5}, "", []position{{2, 6}, {3, 9}}},
		{"of the last leader", position{3, 8}, "", []position{{3, 9}}},
		{"nothing missed", position{3, 9}, "", nil},
		{"too old", position{1, 1}, ReasonTooOld, nil},
		{"an event the city went on without", position{1, 4}, ReasonEpochChanged, nil},
		{"one of the leader before that it went on without", position{2, 7}, ReasonEpochChanged, nil},
		{"an epoch that did not write it", position{3, 6}, ReasonEpochChanged, nil},
		{"a leader not heard of", position{4, 5}, ReasonEpochChanged, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := r.dial()
			c.subscribeSince(&test.since, "wall")
			f := c.next()
			if test.reason != "" {
				if f.Op != "snapshot" || f.Reason != test.reason || f.Epoch != 3 || f.Seq != 9 {
					t.Fatalf("got %+v, want a snapshot, %s", f, test.reason)
				}
				return
			}
			if f.Op != "resumed" || f.Epoch != test.since.Epoch || f.Seq != test.since.Seq {
				t.Fatalf("got %+v, want resumed", f)
			}
			var frames []position
			for at := test.since.Seq; at < 9; {
				f := c.expect("events")
				if f.From != at+1 || len(f.Events) != int(f.To-at) {
					t.Fatalf("after %d: %+v", at, f)
				}
				frames, at = append(frames, position{f.Epoch, f.To}), f.To
			}
			if !reflect.DeepEqual(frames, test.frames) {
				t.Fatalf("frames end at %v, want %v", frames, test.frames)
			}
		})
	}
}

// TestAnotherHistory has a hub told that what it showed last is not the city's: screens that have it get a snapshot, and
// nobody resumes from it.
func TestAnotherHistory(t *testing.T) {
	r := newEras(t, Options{})
	c := r.dial()
	c.subscribe("wall")
	c.expect("snapshot")
	r.city.takeOver(2)
	b := r.city.commit(Item{Incident: "i-1"}, Item{Incident: "i-1"}) // as many as were lost: the head is at 9 again
	r.city.apply(b)
	r.hub.Publish(Batch{Epoch: 4, From: 10, To: 9})
	if f := c.expect("snapshot"); f.Reason != ReasonEpochChanged || f.Epoch != 4 || f.Seq != 9 {
		t.Fatalf("got %+v", f)
	}
	for _, since := range []position{{3, 9}, {3, 8}, {3, 7}, {1, 1}} {
		c := r.dial()
		c.subscribeSince(&since, "wall")
		c.expect("snapshot")
	}
	late := r.dial()
	late.subscribeSince(&position{4, 9}, "wall")
	late.expect("resumed")
	r.publish(Item{Incident: "i-1"})
	for _, c := range []*client{c, late} {
		if f := c.expect("events"); f.Epoch != 4 || f.From != 10 {
			t.Fatalf("got %+v", f)
		}
	}
}

func TestAHubThatIsCutOffSaysSo(t *testing.T) {
	var since atomic.Pointer[time.Time]
	since.Store(&time.Time{})
	r := newRig(t, Options{Heartbeat: 50 * time.Millisecond, StaleSince: func() time.Time { return *since.Load() }}, false)
	r.publish(Item{Incident: "i-1"})
	c := r.dial()
	c.subscribe("wall")
	if f := c.expect("snapshot"); !f.StaleSince.IsZero() {
		t.Fatalf("stale since %v", f.StaleSince)
	}
	at := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	since.Store(&at)
	for told := false; !told; {
		f, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		told = f.StaleSince.Equal(at)
	}
	late := r.dial()
	late.subscribe("wall")
	if f := late.expect("snapshot"); !f.StaleSince.Equal(at) || f.Reason != ReasonSubscribed {
		t.Fatalf("snapshot stale since %v, %s", f.StaleSince, f.Reason)
	}
	since.Store(&time.Time{})
	for told := false; !told; {
		f, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		told = f.Op == "heartbeat" && f.StaleSince.IsZero()
	}
}

// TestAClientThatKnowsMoreIsAwaited: it comes from a node that was told earlier.
func TestAClientThatKnowsMoreIsAwaited(t *testing.T) {
	r := newRig(t, Options{Await: patience}, false)
	r.publish(Item{Incident: "i-1"})
	ahead, next, hasty := r.dial(), r.dial(), r.dial()
	ahead.subscribeSince(&position{1, 2}, "wall")
	next.subscribeSince(&position{2, 3}, "wall") // of a leader that is not heard of here yet
	hasty.subscribeSince(&position{1, 5}, "wall")
	r.publish(Item{Incident: "i-1"})
	if f := ahead.expect("resumed"); f.Epoch != 1 || f.Seq != 2 {
		t.Fatalf("got %+v", f)
	}
	r.city.takeOver(0)
	r.publish(Item{Incident: "i-1"})
	if f := next.expect("resumed"); f.Epoch != 2 || f.Seq != 3 {
		t.Fatalf("got %+v", f)
	}
	if f := hasty.expect("snapshot"); f.Reason != ReasonEpochChanged { // the city has gone on without it
		t.Fatalf("got %+v", f)
	}
	if f := ahead.expect("events"); f.From != 3 || f.Epoch != 2 {
		t.Fatalf("got %+v", f)
	}
	r.dial().subscribeSince(&position{9, 9}, "wall") // still waits when the hub closes
}
