package sequencer

import (
	"sync"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Replica is a second state that holds what is committed and nothing else, for everybody who reads: a
// screen must not see an event that a crash could still take back. It applies the same events as the
// writer's state, as a follower on another machine would.
type Replica struct {
	mu    sync.RWMutex
	state *dispatch.State
}

// NewReplica takes over s.
func NewReplica(s *dispatch.State) *Replica { return &Replica{state: s} }

// Read calls f with the committed state. f must not keep the state, must not change it and should be brief;
// the documents it finds may be kept.
func (r *Replica) Read(f func(*dispatch.State)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	f(r.state)
}

// apply takes events in; city is the compiled form of the configuration that was loaded last among them, nil if the
// events bring their own or none was.
func (r *Replica) apply(events []dispatch.Event, city *plan.City) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range events {
		r.state.Apply(&events[i])
		if city != nil && events[i].Type == dispatch.ConfigLoaded && events[i].Digest == city.Digest {
			r.state.UseCity(city)
		}
	}
}
