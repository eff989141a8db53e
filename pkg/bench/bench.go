// Package bench measures a running centre from outside, beside floors taken in the same run on the same
// machine: machines differ and drift, so only the ratios mean anything.
package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Options say what to measure.
type Options struct {
	Server       string   // base URL
	SourceTokens []string // of several sources, so that what is measured is not the rate that one is allowed
	WallToken    string
	Type         string    // of the alerts: one whose tasks fall due late, or the centre is not idle
	Centre       geo.Point // alerts are spread around it
	Dir          string    // on the disk of the journal, for the floor of writing
	Clients      []int     // at a time, for rates
	Walls        []int     // for latencies
	Rounds       int       // alerts for each latency
	For          time.Duration
	Scenarios    []string // by name; none: floors, rates and latencies one after the other
	JSON         bool     // of scenarios: a figure a line
	Cluster      func(ctx context.Context, gateways int) (*Cluster, error)
	Hall         func(context.Context) *exec.Cmd // of scenarios: a process that runs Hall over its standard input and output
	Out          io.Writer
}

// Run measures and prints. It ends early when ctx ends.
func Run(ctx context.Context, o Options) error {
	b := newBench(o)
	defer b.client.CloseIdleConnections()
	if len(o.Scenarios) > 0 {
		return b.scenarios(ctx)
	}
	for _, part := range []func(context.Context) error{b.singles, b.screens, b.rates, b.batches} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return nil
}

func newBench(o Options) *bench {
	return &bench{o: o, client: &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 1024}}, run: strconv.FormatInt(time.Now().UnixNano(), 36)}
}

type bench struct {
	o      Options
	client *http.Client
	run    string
	n      atomic.Int64
	turn   atomic.Uint64

	httpFloor, syncFloor, screenFloor quantiles
}

func (b *bench) printf(format string, args ...any) {
	if !b.o.JSON {
		fmt.Fprintf(b.o.Out, format, args...)
	}
}

// quantiles of a set of durations.
type quantiles struct{ p50, p99 time.Duration }

func (q quantiles) String() string {
	return fmt.Sprintf("p50 %8v  p99 %8v", q.p50.Round(time.Microsecond), q.p99.Round(time.Microsecond))
}

func quantilesOf(d []time.Duration) quantiles {
	if len(d) == 0 {
		return quantiles{}
	}
	slices.Sort(d)
	return quantiles{d[len(d)/2], d[min(len(d)-1, len(d)*99/100)]}
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(max(b, 1)) }

// body is an alert somewhere about the centre, far enough from the others to be an incident of its own.
func (b *bench) body() []byte {
	n := b.n.Add(1)
	at := geo.Point{Lon: b.o.Centre.Lon + float64(n%200)*0.002 - 0.2, Lat: b.o.Centre.Lat + float64(n/200%200)*0.002 - 0.2}
	body, _ := json.Marshal(map[string]any{ // such a map always encodes
		"id": b.run + "-" + strconv.FormatInt(n, 10), "type": b.o.Type, "occurred_at": alert.TimeOf(time.Now()),
		"location": at, "text": "测试警情 bench", "attributes": map[string]any{"n": n, "padding": padding},
	})
	return body
}

// padding brings an alert to the size of a real one, about half a kilobyte.
var padding = string(bytes.Repeat([]byte{'x'}, 240))

// receipt is what the bench reads of an answer.
type receipt struct {
	Seq   uint64            `json:"seq"`
	Tasks []json.RawMessage `json:"tasks"`
}

// post sends one alert and reads the answer.
func (b *bench) post(ctx context.Context, url string, body []byte) (r receipt, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return r, err
	}
	req.Header.Set("Authorization", "Bearer "+b.source())
	req.Header.Set("Content-Type", "application/json")
	resp, err := b.client.Do(req)
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return r, err
	}
	if resp.StatusCode != http.StatusAccepted {
		return r, fmt.Errorf("an alert was answered %d: %.300s", resp.StatusCode, answer)
	}
	return r, json.Unmarshal(answer, &r)
}

// source returns the token of one source after the other.
func (b *bench) source() string { return b.o.SourceTokens[b.turn.Add(1)%uint64(len(b.o.SourceTokens))] }

func (b *bench) alerts() string { return b.o.Server + "/api/v1/alerts" }

// singles compares one alert after the other with what it must cost: HTTP and one synchronous write.
func (b *bench) singles(ctx context.Context) error {
	floor, stop, err := bareServer()
	if err != nil {
		return err
	}
	defer stop()
	if b.httpFloor, err = b.oneByOne(ctx, floor, b.o.Rounds*4); err != nil {
		return err
	}
	if b.syncFloor, err = syncFloor(b.o.Dir, b.o.Rounds*2); err != nil {
		return err
	}
	q, err := b.oneByOne(ctx, b.alerts(), b.o.Rounds*4)
	if err != nil {
		return err
	}
	sum := b.httpFloor.p50 + b.syncFloor.p50
	b.printf("one alert after the other\n")
	b.printf("  floor: bare net/http POST     %v\n", b.httpFloor)
	b.printf("  floor: write 512 B + sync     %v\n", b.syncFloor)
	b.printf("  alert, durable                %v   %.2f × the sum of the floors\n\n", q, ratio(q.p50, sum))
	return nil
}

// oneByOne posts alerts, each when the one before is answered.
func (b *bench) oneByOne(ctx context.Context, url string, rounds int) (quantiles, error) {
	took := make([]time.Duration, 0, rounds)
	for range rounds {
		body := b.body()
		began := time.Now()
		if _, err := b.post(ctx, url, body); err != nil {
			return quantiles{}, err
		}
		took = append(took, time.Since(began))
	}
	return quantilesOf(took), nil
}

// rates measures how many alerts a second are accepted from several clients at once.
func (b *bench) rates(ctx context.Context) error {
	floor, stop, err := bareServer()
	if err != nil {
		return err
	}
	defer stop()
	b.printf("durable accept, single POSTs\n")
	for _, n := range b.o.Clients {
		bare, _, err := b.rate(ctx, floor, n)
		if err != nil {
			return err
		}
		real, q, err := b.rate(ctx, b.alerts(), n)
		if err != nil {
			return err
		}
		b.printf("  %4d clients  %8.0f/s  %v   %.2f of bare net/http (%.0f/s)\n", n, real, q, real/bare, bare)
	}
	b.printf("\n")
	return nil
}

// rate posts from n clients for a while.
func (b *bench) rate(ctx context.Context, url string, n int) (perSecond float64, q quantiles, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		took []time.Duration
		err  error
	}
	results := make(chan result, n)
	began := time.Now()
	until := began.Add(b.o.For)
	for range n {
		go func() {
			var r result
			for r.err == nil && time.Now().Before(until) {
				body := b.body()
				at := time.Now()
				_, r.err = b.post(ctx, url, body)
				r.took = append(r.took, time.Since(at))
			}
			results <- r
		}()
	}
	var all []time.Duration
	for range n {
		r := <-results
		if r.err != nil && err == nil {
			err = r.err
			cancel()
		}
		all = append(all, r.took...)
	}
	return float64(len(all)) / time.Since(began).Seconds(), quantilesOf(all), err
}

// batches measures the NDJSON way in.
func (b *bench) batches(ctx context.Context) error {
	const lines = 5_000
	b.printf("durable accept, NDJSON batches of %d\n", lines)
	for _, n := range b.o.Clients {
		bodies := make([][]byte, n)
		for i := range bodies {
			var body bytes.Buffer
			for range lines {
				body.Write(b.body())
				body.WriteByte('\n')
			}
			bodies[i] = body.Bytes()
		}
		if n > 16 {
			continue // as many lines as that say nothing new
		}
		failed := make(chan error, n)
		began := time.Now()
		for _, body := range bodies {
			go func() { failed <- b.postBatch(ctx, body, lines) }()
		}
		for range n {
			if err := <-failed; err != nil {
				return err
			}
		}
		b.printf("  %4d clients  %8.0f/s\n", n, float64(n*lines)/time.Since(began).Seconds())
	}
	b.printf("\n")
	return nil
}

func (b *bench) postBatch(ctx context.Context, body []byte, lines int) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.alerts()+":batch", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+b.source())
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := b.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if got := bytes.Count(answer, []byte(`"status":202`)); got != lines {
		return fmt.Errorf("%d of %d lines of a batch were accepted: %.300s", got, lines, answer)
	}
	return nil
}
