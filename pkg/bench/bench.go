// Package bench measures a running centre from outside, beside floors taken in the same run on the same
// machine: machines differ and drift, so only the ratios mean anything.
package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Options say what to measure.
type Options struct {
	// Open starts a centre with nothing in it; without metrics if unmeasured.
	Open      func(unmeasured bool) (*Centre, error)
	Type      string    // of the alerts: one whose tasks fall due late, or the centre is not idle
	Centre    geo.Point // alerts are spread around it
	Dir       string    // on the disk of the journal, for the floor of writing
	Clients   []int     // at a time, for rates
	Walls     []int     // for latencies
	Rounds    int       // alerts for each latency
	Incidents int       // that are open where a snapshot is fat
	Cold      int       // that are open where a centre is started again
	For       time.Duration
	Rate      float64                         // alerts a second of the scenarios, in place of their own; 0: their own
	Scenarios []string                        // by name; none: floors, rates and latencies one after the other
	JSON      bool                            // a figure a line
	Hall      func(context.Context) *exec.Cmd // a process that runs Hall over its standard input and output
	Cluster   func(ctx context.Context, gateways int) (*Cluster, error)
	House     func(context.Context) (*House, error)
	Out       io.Writer
}

// Centre is a server that runs.
type Centre struct {
	URL          string
	SourceTokens []string // of several sources, so that what is measured is not the rate that one is allowed
	WallToken    string
	Stop         func() error // ends it and removes what it kept
}

// Run measures and prints. It ends early when ctx ends.
func Run(ctx context.Context, o Options) error {
	RaiseFiles()
	b := newBench(o)
	defer b.client.CloseIdleConnections()
	if len(o.Scenarios) > 0 {
		return b.scenarios(ctx)
	}
	return b.within(false, func() error {
		for _, part := range []func(context.Context) error{b.singles, b.screens, b.rates, b.batches} {
			if err := part(ctx); err != nil {
				return err
			}
		}
		return nil
	})
}

func newBench(o Options) *bench {
	return &bench{o: o, Centre: &Centre{SourceTokens: []string{""}}, run: strconv.FormatInt(time.Now().UnixNano(), 36),
		client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 1024}}}
}

type bench struct {
	*Centre
	o      Options
	client *http.Client
	run    string
	n      atomic.Int64
	turn   atomic.Uint64

	httpFloor, syncFloor, screenFloor quantiles
}

// within calls f with a centre of its own.
func (b *bench) within(unmeasured bool, f func() error) (err error) {
	before := b.Centre
	if b.Centre, err = b.o.Open(unmeasured); err != nil {
		b.Centre = before
		return err
	}
	defer func() {
		err = errors.Join(err, b.Stop())
		b.Centre = before
	}()
	return f()
}

func (b *bench) printf(format string, args ...any) {
	if !b.o.JSON {
		fmt.Fprintf(b.o.Out, format, args...)
	}
}

// Spot returns where alert n lies, about a centre and 33 m or more from each of the 1,440,000 before it: Patient alerts
// there open incidents of their own.
func Spot(centre geo.Point, n uint64) geo.Point {
	const side, step, laps = 200, 0.002, 6 // spots of 0.002°, then those between them
	along := func(n, lap uint64) float64 {
		return (float64(n%side) - side/2 + float64(lap%laps)/laps) * step
	}
	lap := n / (side * side)
	return geo.Point{Lon: centre.Lon + along(n, lap), Lat: centre.Lat + along(n/side, lap/laps)}
}

// body is an alert that opens an incident of its own.
func (b *bench) body() []byte {
	n := b.n.Add(1)
	id := b.run + "-" + strconv.FormatInt(n, 10)
	fields := map[string]any{
		"id": id, "type": b.o.Type, "occurred_at": alert.TimeOf(time.Now()),
		"location": Spot(b.o.Centre, uint64(n)), "text": "测试警情 bench", "attributes": map[string]any{"n": n, "padding": padding},
	}
	body, _ := json.Marshal(fields) // such a map always encodes
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
func (b *bench) source() string { return b.SourceTokens[b.turn.Add(1)%uint64(len(b.SourceTokens))] }

func (b *bench) alerts() string { return b.URL + "/api/v1/alerts" }
