package push

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// shownLayers is a frame of layers in these tests.
type shownLayers struct {
	Op string
	N  int
}

// layers returns the next frame of layers, passing over others.
func (c *client) layers() (f shownLayers) {
	c.t.Helper()
	for f.Op != "layers" {
		if err := c.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			c.t.Fatal(err)
		}
		_, b, err := c.ws.ReadMessage()
		if err == nil {
			f = shownLayers{}
			err = json.Unmarshal(b, &f)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
	return f
}

func layersFrame(n int) []byte {
	return fmt.Appendf(nil, `{"op":"layers","n":%d,"long":%q}`, n, strings.Repeat("x", 2000))
}

// TestLayers: who has the topic is told at the beginning and of changes, redacted where that is all it may see; nobody
// else is, and events come as ever.
func TestLayers(t *testing.T) {
	r := newRig(t, Options{Layers: func(redacted bool) []byte {
		if redacted {
			return layersFrame(10)
		}
		return layersFrame(1)
	}}, false)
	officer := r.dial()
	officer.subscribe("department:fire", "layers")
	if f := officer.expect("snapshot"); len(f.Topics) != 2 || f.Topics[1] != "layers" {
		t.Fatalf("%+v", f)
	}
	if f := officer.layers(); f.N != 1 {
		t.Errorf("%+v", f)
	}
	r.grant.Redacted = true
	wall, plain := r.dial(), r.dial()
	wall.subscribe("wall", "layers")
	if f := wall.layers(); f.N != 10 {
		t.Errorf("%+v", f)
	}
	plain.subscribe("wall")
	at := plain.expect("snapshot")
	r.hub.ShowLayers(layersFrame(2), layersFrame(20))
	if f, w := officer.layers(), wall.layers(); f.N != 2 || w.N != 20 {
		t.Errorf("%+v, %+v", f, w)
	}
	r.hub.ShowLayers(layersFrame(3), nil)
	if f := officer.layers(); f.N != 3 {
		t.Errorf("%+v", f)
	}
	b := r.publish(Item{Incident: "i-1", Departments: []string{"fire"}})
	plain.events(at.Seq, b.To) // it fails at any other frame
	if f := officer.expect("events"); f.To != b.To {
		t.Errorf("%+v", f)
	}
	officer.subscribe("department:fire")
	officer.expect("snapshot")
	r.hub.ShowLayers(layersFrame(4), layersFrame(40))
	if w := wall.layers(); w.N != 40 {
		t.Errorf("who is not shown one comes to the next: %+v", w)
	}
	r.publish(Item{Incident: "i-2", Departments: []string{"fire"}})
	officer.expect("events")
}

// TestLayersNeverSlow: who does not read is left out of layers, loses no event for it, and is told of the newest later.
func TestLayersNeverSlow(t *testing.T) {
	r := newRig(t, Options{ConnBufferBytes: 64 << 10, Shards: 1}, true)
	slow := r.dial(tight)
	slow.subscribe("wall", "layers")
	at := slow.expect("snapshot")
	const most = 2_000
	for n := range most {
		r.hub.ShowLayers(layersFrame(n), layersFrame(n))
	}
	b := r.publish(Item{Incident: "i-1", Departments: []string{"fire"}})
	if s := r.hub.Stats(); s.Dropped != 0 || s.RingLast != b.To {
		t.Errorf("layers cost events: %+v", s)
	}
	told := 0
	for seq := at.Seq; seq < b.To; {
		f := slow.next()
		switch f.Op {
		case "layers":
			told++
		case "events":
			seq = f.To
		default:
			t.Fatalf("%+v", f)
		}
	}
	if told == most {
		t.Error("a client that does not read was told everything")
	}
	done := make(chan struct{})
	go func() { // its lane may not have ended yet
		for tick := time.NewTicker(time.Millisecond); ; {
			select {
			case <-done:
				tick.Stop()
				return
			case <-tick.C:
				r.hub.ShowLayers(layersFrame(most), nil)
			}
		}
	}()
	for f := slow.layers(); f.N != most; f = slow.layers() {
	}
	close(done)
}
