package push

import (
	"runtime"
	"sync"
	"time"
)

// shared lets those who ask for the same thing at the same moment have one answer: after a network came back,
// a thousand walls want the same snapshot.
type shared struct {
	slots chan struct{} // answers made at once, so that they leave processors to the events

	mu      sync.Mutex
	answers map[string]*opening
}

// opening is what a subscription begins with, up to a sequence from which deltas follow.
type opening struct {
	ready chan struct{} // closed when the rest is set
	frame []byte        // of a snapshot without its tail
	position
	made time.Time
	why  Reason // of a resume: why it cannot be
	err  error
}

func (s *shared) init() {
	s.slots = make(chan struct{}, runtime.GOMAXPROCS(0))
	s.answers = map[string]*opening{}
}

// get returns an answer to key that suits: one being made, one not older than shareAge, or else one of its own
// made by build, whether that suits or not. Those who waited for one that failed share the failure, so that a
// state in trouble is not asked a thousand times over.
func (s *shared) get(key string, now func() time.Time, suits func(*opening) bool, build func(*opening)) *opening {
	for {
		s.mu.Lock()
		a := s.answers[key]
		if a == nil {
			a = &opening{ready: make(chan struct{})}
			s.answers[key] = a
			s.mu.Unlock()
			s.slots <- struct{}{}
			build(a)
			<-s.slots
			a.made = now()
			close(a.ready)
			return a
		}
		s.mu.Unlock()
		waited := a.wait()
		if a.err != nil && waited || a.err == nil && now().Sub(a.made) <= shareAge && suits(a) {
			return a
		}
		s.mu.Lock()
		if s.answers[key] == a {
			delete(s.answers, key)
		}
		s.mu.Unlock()
	}
}

// wait returns when a is made, and reports whether it was not before.
func (a *opening) wait() bool {
	select {
	case <-a.ready:
		return false
	default:
		<-a.ready
		return true
	}
}

// tidy forgets answers that are too old for anybody.
func (s *shared) tidy(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, a := range s.answers {
		select {
		case <-a.ready:
			if now.Sub(a.made) > shareAge {
				delete(s.answers, key)
			}
		default:
		}
	}
}
