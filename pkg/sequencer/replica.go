package sequencer

import (
	"fmt"
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
	epoch uint32 // of the last event
}

// NewReplica takes over s, whose last event is of an epoch.
func NewReplica(s *dispatch.State, epoch uint32) *Replica { return &Replica{state: s, epoch: epoch} }

// Read calls f with the committed state. f must not keep the state, must not change it and should be brief;
// the documents it finds may be kept.
func (r *Replica) Read(f func(*dispatch.State)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	f(r.state)
}

// ReadAt is Read, and says of which epoch the last event of the state is. With its sequence that names a position in the
// history of the city, whoever has led it.
func (r *Replica) ReadAt(f func(epoch uint32, st *dispatch.State)) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	f(r.epoch, r.state)
}

// Position is a place in the history of a city: behind an event, named by its epoch and its sequence.
type Position struct {
	Epoch uint32
	Seq   uint64
}

// String is as in the ids of the stream: 4-1234.
func (p Position) String() string { return fmt.Sprintf("%d-%d", p.Epoch, p.Seq) }

// At returns where the state stands.
func (r *Replica) At() (p Position) {
	r.ReadAt(func(epoch uint32, st *dispatch.State) { p = Position{epoch, st.Seq()} })
	return p
}

// replace puts another state in the place of this one.
func (r *Replica) replace(s *dispatch.State, epoch uint32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.epoch = s, epoch
}

// apply takes events of an epoch in; city is the compiled form of the configuration that was loaded last among them, nil if the
// events bring their own or none was.
func (r *Replica) apply(epoch uint32, events []dispatch.Event, city *plan.City) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.epoch = epoch
	for i := range events {
		r.state.Apply(&events[i])
		if city != nil && events[i].Type == dispatch.ConfigLoaded && events[i].Digest == city.Digest {
			r.state.UseCity(city)
		}
	}
}
