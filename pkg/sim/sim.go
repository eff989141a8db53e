// Package sim is a city that lives: sources that send alerts over real HTTP with the rhythm of a day, bursts
// of callers and a typhoon, and officers at every seat who see tasks over real websockets and answer them like
// people, some of them late. It knows nothing of one city; everything comes from its configuration.
package sim

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Options say what city lives and how.
type Options struct {
	Server       string // such as http://127.0.0.1:8080
	City         *plan.City
	SourceTokens map[string]string                             // by source id; a source without one is silent
	SeatTokens   map[string]string                             // by seat id; a seat without one is empty
	Systems      []System                                      // with messages of their own shape
	Publish      func(broker, topic string, body []byte) error // sends what goes by MQTT; nil: nothing does
	PerMinute    float64                                       // happenings a minute at the busiest hour of a quiet day
	Pace         float64                                       // how much faster than people officers work once they have acknowledged
	Typhoon      bool
	Seed         uint64
	Logger       *slog.Logger
}

// Bounds of the simulation.
const (
	maxCalls     = 4096 // alerts waiting to be sent
	maxSenders   = 16   // requests under way
	requestLimit = 15 * time.Second
)

// Run lets the city live until ctx ends.
func Run(ctx context.Context, o Options) {
	client := &http.Client{Timeout: requestLimit, Transport: &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 256}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	calls := make(chan call, maxCalls)
	for range maxSenders {
		all.Go(func() {
			for c := range calls {
				c.send(ctx, client, &o)
			}
		})
	}
	n := uint64(0)
	for seat, token := range o.SeatTokens {
		n++
		f := &officer{o: &o, client: client, seat: seat, token: token, rng: rand.New(rand.NewPCG(o.Seed, n))}
		all.Go(func() { f.work(ctx) })
	}
	all.Go(func() { beat(ctx, client, &o) })
	talking := newWorld(&o)
	talking.rng = rand.New(rand.NewPCG(o.Seed, n+1))
	all.Go(func() { talking.talk(ctx, client) })
	for i := range o.Systems {
		for j := range o.Systems[i].messages {
			if m := &o.Systems[i].messages[j]; m.vary.Each != nil {
				n++
				rng := rand.New(rand.NewPCG(o.Seed, n+1))
				all.Go(func() { o.sweep(ctx, client, o.Systems[i].Source, m, rng) })
			}
		}
	}
	newWorld(&o).live(ctx, calls)
	close(calls)
	all.Wait()
}
