package push

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// TestAStormLeavesNobodyUnserved has hundreds of clients drop and come back where they were, all at once and again, while
// events flow, upgrades and subscriptions are broken off half way, and the gate is held shut for moments. Whoever stays is
// served, by an answer to its subscription and by the event that comes after the storm.
func TestAStormLeavesNobodyUnserved(t *testing.T) {
	const clients, storms = 300, 4
	r := newRig(t, Options{Shards: 3, RingEvents: 500}, false)
	r.publish(Item{Incident: "i"})
	ctx, cancel := context.WithCancel(context.Background())
	var beside sync.WaitGroup
	defer beside.Wait()
	defer cancel()
	beside.Go(func() { // events
		for ctx.Err() == nil {
			r.publish(Item{Incident: fmt.Sprintf("i-%d", rand.IntN(50)), Departments: []string{"fire"}})
			time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
		}
	})
	beside.Go(func() { // the gate, all of it or a part
		for ctx.Err() == nil {
			held := rand.IntN(cap(r.hub.gate.places) + 1)
			for range held {
				r.hub.gate.places <- struct{}{}
			}
			time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
			for range held {
				<-r.hub.gate.places
			}
			time.Sleep(time.Duration(rand.IntN(5)) * time.Millisecond)
		}
	})

	at := make([]position, clients)
	last := make([]*client, clients)
	for storm := range storms {
		var all sync.WaitGroup
		for i := range clients {
			all.Go(func() {
				if c := last[i]; c != nil {
					_ = c.ws.Close()
				}
				for range rand.IntN(2) { // one that gives up half way
					if c, _, err := r.tryDial(); err == nil {
						if rand.IntN(2) == 0 {
							_ = c.ws.WriteMessage(1, []byte(`{"op":"subscribe","topics":["wall"]}`))
						}
						_ = c.ws.Close()
					}
				}
				c, _, err := r.tryDial()
				if err != nil {
					t.Errorf("storm %d, client %d: %v", storm, i, err)
					return
				}
				last[i] = c
				var since *position
				if at[i].Seq > 0 && rand.IntN(4) > 0 {
					since = &at[i]
				}
				if err := c.ws.WriteJSON(map[string]any{"op": "subscribe", "topics": []string{[]string{"wall", "department:fire", "incident:i-1"}[i%3]}, "since": since}); err != nil {
					t.Errorf("storm %d, client %d: %v", storm, i, err)
					return
				}
				for range 3 { // what it begins with, and some of what follows
					f, err := c.read()
					if err != nil {
						t.Errorf("storm %d: client %d, which asked for all since %+v, is not served: %v", storm, i, since, err)
						return
					}
					switch f.Op {
					case "snapshot":
						at[i] = position{f.Epoch, f.Seq}
					case "events":
						at[i] = position{f.Epoch, f.To}
					}
					if i%3 == 2 { // of its incident nothing may come
						break
					}
				}
			})
		}
		all.Wait()
		if t.Failed() {
			return
		}
	}
	cancel()
	beside.Wait()
	end := r.publish(Item{Departments: []string{"fire"}, Incident: "i-1"}).To
	var all sync.WaitGroup
	for i, c := range last {
		all.Go(func() {
			for at[i].Seq < end {
				f, err := c.read()
				if err != nil {
					t.Errorf("client %d, which has all to %d, waits for event %d: %v", i, at[i].Seq, end, err)
					return
				}
				if f.Op == "snapshot" || f.Op == "events" {
					at[i] = position{f.Epoch, max(f.Seq, f.To)}
				}
			}
		})
	}
	all.Wait()
	eventually(t, func() bool { return len(r.hub.gate.places) == 0 && r.hub.Stats().Connections == clients })
}
