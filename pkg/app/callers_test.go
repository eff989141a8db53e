package app

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/api"
)

// TestCallers: what a node said of a credential counts for a moment, for longer while no node answers, and not beyond
// that, nor beyond the end of a session, nor once a node says otherwise.
func TestCallers(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	var answer func(credential) (api.Caller, error)
	var mu sync.Mutex
	asked := 0
	c := newCallers(func(_ context.Context, cred credential) (api.Caller, error) {
		mu.Lock()
		defer mu.Unlock()
		asked++
		return answer(cred)
	}, func() time.Time { return now })
	away := errors.New("no node answers")
	good := func(cred credential) (api.Caller, error) {
		return api.Caller{Key: cred.token, Person: cred.kind == "cookie", Expires: time.Unix(1_000_000, 0).Add(2 * time.Minute)}, nil
	}
	nobody := func(credential) (api.Caller, error) { return api.Caller{}, errUnknownCaller }
	gone := func(credential) (api.Caller, error) { return api.Caller{}, away }
	key, session := credential{kind: "bearer", token: "k"}, credential{kind: "cookie", token: "s"}
	for _, step := range []struct {
		name   string
		after  time.Duration
		cred   credential
		answer func(credential) (api.Caller, error)
		want   error
		asks   int
	}{
		{"unknown while nobody answers", 0, key, gone, away, 1},
		{"asked", 0, key, good, nil, 1},
		{"remembered", callerFresh, key, nobody, nil, 0},
		{"asked again", time.Second, key, good, nil, 1},
		{"a session is another credential", 0, session, good, nil, 1},
		{"a key of the same token too", 0, credential{kind: "bearer", token: "s"}, nobody, errUnknownCaller, 1},
		{"kept while nobody answers", time.Minute, key, gone, nil, 1},
		{"a session as well", 0, session, gone, nil, 1},
		{"but not beyond its end", time.Minute, session, gone, away, 1},
		{"a key not for ever", callerKept, key, gone, away, 1},
		{"known again", 0, key, good, nil, 1},
		{"revoked", callerFresh + 1, key, nobody, errUnknownCaller, 1},
		{"and not forgotten that it is", 0, key, gone, away, 1},
	} {
		now = now.Add(step.after)
		answer, asked = step.answer, 0
		got, err := c.who(t.Context(), step.cred)
		if !errors.Is(err, step.want) || err == nil && got.Key != step.cred.token || asked != step.asks {
			t.Fatalf("%s: %+v, %v, asked %d times", step.name, got, err, asked)
		}
	}
}

// TestCallersAskOnce: a hall of screens with one key is one question, and what is remembered is bounded.
func TestCallersAskOnce(t *testing.T) {
	var asked atomic.Int64
	release := make(chan struct{})
	c := newCallers(func(context.Context, credential) (api.Caller, error) {
		asked.Add(1)
		<-release
		return api.Caller{Key: "hall"}, nil
	}, time.Now)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if got, err := c.who(t.Context(), credential{kind: "bearer", token: "hall"}); err != nil || got.Key != "hall" {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	close(release)
	all.Wait()
	if asked.Load() != 1 {
		t.Errorf("%d questions", asked.Load())
	}
	c.mu.Lock()
	for i := range 2 * maxCallers {
		c.room()
		c.all[string(rune(i))] = &known{at: time.Now()}
	}
	if len(c.all) > maxCallers {
		t.Errorf("%d are remembered", len(c.all))
	}
	c.mu.Unlock()
}

// TestSaid: a gateway that is steadily a little behind is as old as that, not cut off.
func TestSaid(t *testing.T) {
	now, s := time.Unix(1_000_000, 0), &said{}
	if at := s.shown(0, now); at != now {
		t.Fatalf("before the node that leads has said anything: %v", at)
	}
	for i := range 20 { // 100 a second, shown two seconds later
		seq := uint64(1000 + 100*i)
		s.hear(seq, now)
		at := s.shown(seq-200, now)
		if age := now.Sub(at); !at.IsZero() && age > 3*time.Second || i == 19 && s.goalAt.Before(now.Add(-3*time.Second)) {
			t.Fatalf("at %d: %v old", seq, age)
		}
		now = now.Add(time.Second)
	}
	for range 10 { // the stream stands still
		s.hear(9999, now)
		if at := s.shown(2000, now); !at.IsZero() && now.Sub(at) < time.Second {
			t.Fatalf("shown as of %v", at)
		}
		now = now.Add(time.Second)
	}
	if at := s.shown(9999, now); at != now {
		t.Fatalf("caught up: %v", at)
	}
}
