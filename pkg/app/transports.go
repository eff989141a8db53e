package app

import (
	"context"
	"net/http"
	"path/filepath"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/ingest"
	"github.com/banyan-ecc/banyan/pkg/ingest/cap"
	"github.com/banyan-ecc/banyan/pkg/ingest/cloudevents"
	pull "github.com/banyan-ecc/banyan/pkg/ingest/feed"
	"github.com/banyan-ecc/banyan/pkg/ingest/files"
	"github.com/banyan-ecc/banyan/pkg/ingest/mqtt"
	"github.com/banyan-ecc/banyan/pkg/ingest/webhook"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// transports bring messages of sources to the door: those that others send us, and those we fetch.
type transports struct {
	a       *App
	mu      sync.Mutex
	running map[string]*runner // by source
	stats   map[string]*transportStats
	chains  *cap.Chains
}

// transportStats count a kind of transport; the labels they become are the kinds, which are few.
type transportStats struct {
	up                          atomic.Int64 // connections that are up now
	failed                      atomic.Uint64
	taken, ignored, quarantined atomic.Uint64
	refused                     atomic.Uint64
}

// kinds of transport that the server itself has to run.
var fetched = []plan.TransportKind{plan.TransportMQTT, plan.TransportFeed, plan.TransportFile}

// runner is one source's transport at work.
type runner struct {
	transport plan.Transport
	stop      context.CancelFunc
	done      chan struct{}
}

func newTransports(a *App) (*transports, error) {
	chains, err := cap.OpenChains(filepath.Join(a.o.DataDir, "cap-chains"))
	if err != nil {
		return nil, err
	}
	t := &transports{a: a, chains: chains, running: map[string]*runner{}, stats: map[string]*transportStats{}}
	for _, kind := range fetched {
		st := &transportStats{}
		t.stats[string(kind)] = st
		labels := map[string]string{"transport": string(kind)}
		a.metrics.Gauge("banyan_transport_connections", "Connections to brokers and feeds that are up.", labels, func() float64 { return float64(st.up.Load()) })
		for outcome, n := range map[string]*atomic.Uint64{"taken": &st.taken, "ignored": &st.ignored, "quarantined": &st.quarantined, "refused": &st.refused, "failed": &st.failed} {
			a.metrics.Gauge("banyan_transport_messages", "Messages fetched since the start by outcome; failed: attempts to connect or fetch.",
				map[string]string{"transport": string(kind), "outcome": outcome}, func() float64 { return float64(n.Load()) })
		}
	}
	return t, nil
}

// CAP reads a CAP message as the source's profile wants it signed.
func (t *transports) CAP(source *plan.Source, raw []byte) (ingest.Message, error) {
	r, err := t.capReader(source)
	if err != nil {
		return ingest.Message{}, err
	}
	return r.Read(raw)
}

func (t *transports) capReader(source *plan.Source) (*cap.Reader, error) {
	files := make([]string, len(source.Transport.Certificates))
	for i, name := range source.Transport.Certificates {
		files[i] = filepath.Join(t.a.o.DataDir, name)
	}
	certificates, err := cap.ReadCertificates(files...)
	if err != nil {
		t.a.o.Logger.Error("certificates cannot be read: no message of the source is taken", "source", source.ID, "error", err)
		return nil, alert.Errorf(alert.CodeUnavailable, "the certificates of source %s cannot be read: ask the operator", source.ID)
	}
	var areas *geo.Index
	t.a.seq.Replica().Read(func(st *dispatch.State) {
		if city := st.City(); city != nil {
			areas = city.Areas
		}
	})
	if areas == nil {
		return nil, alert.Errorf(alert.CodeUnavailable, "no configuration is in force yet: send it again")
	}
	return &cap.Reader{Verifier: cap.Verifier{Certificates: certificates, Required: source.Transport.Signed, Now: time.Now}, Drills: source.Transport.Drills,
		City: areas, Source: source.ID, Chains: t.chains}, nil
}

// WriteCAP writes an incident as a CAP message.
func (t *transports) WriteCAP(doc *alert.Incident) ([]byte, error) {
	var city *plan.City
	t.a.seq.Replica().Read(func(st *dispatch.State) { city = st.City() })
	if city == nil {
		return nil, alert.Errorf(alert.CodeUnavailable, "no configuration is in force yet")
	}
	return cap.Write(city, doc), nil
}

// CloudEvents reads the events of a request.
func (t *transports) CloudEvents(header http.Header, body []byte) ([]ingest.Message, error) {
	return cloudevents.Read(header, body)
}

// Webhook checks the signature of a webhook.
func (t *transports) Webhook(source *plan.Source, header http.Header, body []byte) error {
	return webhook.Verify(&source.Transport, t.a.o.DataDir, header, body, time.Now())
}

// superviseEvery is how often the transports are compared with the configuration in force.
const superviseEvery = time.Second

// run keeps a transport at work for each source that has one, as the configuration in force says, until ctx ends.
func (t *transports) run(ctx context.Context) {
	digest := ""
	look := func() {
		var city *plan.City
		t.a.seq.Replica().Read(func(st *dispatch.State) { city = st.City() })
		if city != nil && city.Digest != digest {
			digest = city.Digest
			t.adopt(ctx, city)
		}
	}
	look()
	every(ctx, superviseEvery, look)
	t.adopt(ctx, nil)
}

// adopt stops what the city does not have, or has otherwise, and starts what is new. A nil city stops everything.
func (t *transports) adopt(ctx context.Context, city *plan.City) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, r := range t.running {
		var src *plan.Source
		if city != nil {
			src, _ = city.Source(id)
		}
		if src == nil || !reflect.DeepEqual(src.Transport, r.transport) {
			r.stop()
			<-r.done
			delete(t.running, id)
		}
	}
	if city == nil {
		return
	}
	for _, src := range city.Sources {
		work := t.work(src)
		if work == nil || t.running[src.ID] != nil {
			continue
		}
		ctx, stop := context.WithCancel(ctx)
		r := &runner{transport: src.Transport, stop: stop, done: make(chan struct{})}
		t.running[src.ID] = r
		go func() {
			defer close(r.done)
			t.keep(ctx, src.ID, work)
		}()
	}
}

// restAfter is how long a transport that cannot work rests: a file it needs may be put there.
const restAfter = 10 * time.Second

// keep runs work until ctx ends.
func (t *transports) keep(ctx context.Context, source string, work func(context.Context) error) {
	for ctx.Err() == nil {
		if err := work(ctx); err != nil && ctx.Err() == nil {
			t.a.o.Logger.Error("a source's transport cannot work; tried again", "source", source, "error", err)
		}
		select {
		case <-time.After(restAfter):
		case <-ctx.Done():
		}
	}
}

// work returns what fetches messages of a source, nil where its messages are sent to us.
func (t *transports) work(src *plan.Source) func(context.Context) error {
	st := t.stats[string(src.Transport.Kind)]
	switch src.Transport.Kind {
	case plan.TransportMQTT:
		return func(ctx context.Context) error {
			up := false // observed from one goroutine at a time
			var mu sync.Mutex
			down := func() {
				if up {
					up = false
					st.up.Add(-1)
				}
			}
			defer func() { mu.Lock(); down(); mu.Unlock() }()
			return mqtt.Run(ctx, mqtt.Options{Source: src.ID, Transport: src.Transport, DataDir: t.a.o.DataDir, Door: t.a.door, Logger: t.a.o.Logger, Count: st.count,
				Observe: func(what string) {
					mu.Lock()
					defer mu.Unlock()
					switch what {
					case mqtt.Connected:
						if !up {
							up = true
							st.up.Add(1)
						}
					case mqtt.Disconnected:
						down()
					case mqtt.Failed:
						st.failed.Add(1)
					}
				}})
		}
	case plan.TransportFile:
		return func(ctx context.Context) error {
			return files.Run(ctx, files.Options{Source: src.ID, Transport: src.Transport, DataDir: t.a.o.DataDir, Door: t.a.door, Count: st.count, Logger: t.a.o.Logger})
		}
	case plan.TransportFeed:
		return func(ctx context.Context) error {
			return pull.Run(ctx, pull.Options{Source: src.ID, Transport: src.Transport, DataDir: t.a.o.DataDir, Door: t.a.door, Count: st.count, Logger: t.a.o.Logger,
				Read: func(raw []byte) (ingest.Message, error) { return t.CAP(src, raw) },
				Observe: func(err error) {
					if err != nil {
						st.failed.Add(1)
					}
				}})
		}
	}
	return nil
}

// count counts what became of a message.
func (st *transportStats) count(outcome string) {
	switch ingest.Status(outcome) {
	case ingest.Ignored:
		st.ignored.Add(1)
	case ingest.Quarantined:
		st.quarantined.Add(1)
	case ingest.Refused:
		st.refused.Add(1)
	default:
		st.taken.Add(1)
	}
}
