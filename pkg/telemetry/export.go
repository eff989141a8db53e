package telemetry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Bounds of what goes to the collector.
const (
	maxQueuedSpans   = 16_384           // waiting; past it they are dropped and counted
	maxExportSpans   = 512              // in one request
	exportEvery      = time.Second / 2  // or as soon as a request is full
	exportTimeout    = 10 * time.Second // of one request
	exportTries      = 3                // of a request that may be repeated; then its spans are dropped and counted
	minExportRest    = 500 * time.Millisecond
	maxExportRest    = 5 * time.Second // whatever the collector asks for
	closeWait        = 2 * time.Second // for what is left when the server stops
	maxCollectorByte = 16 << 10        // of an answer
)

// tracesPath is where a collector takes traces over HTTP (OpenTelemetry Protocol, section OTLP/HTTP Request).
const tracesPath = "/v1/traces"

// collectorURL completes the address of a collector; one that has a path is taken as it is.
func collectorURL(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return "", fmt.Errorf("tracing endpoint: want http:// or https://host:port of a collector that takes OTLP over HTTP, such as http://127.0.0.1:4318, without a password")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = tracesPath
	}
	return u.String(), nil
}

// collector sends spans over OTLP/HTTP in protobuf. It implements otlptrace.Client: the library's own client over HTTP
// brings gRPC into the binary.
type collector struct {
	url      string
	http     *http.Client
	rejected atomic.Uint64 // spans that the collector took a request without
}

func newCollector(to string) *collector {
	return &collector{url: to, http: &http.Client{Timeout: exportTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Start implements otlptrace.Client.
func (c *collector) Start(context.Context) error { return nil }

// Stop implements otlptrace.Client.
func (c *collector) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces implements otlptrace.Client. It repeats what may be repeated, a few times.
func (c *collector) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans}) // the same bytes as an ExportTraceServiceRequest
	if err != nil {
		return err
	}
	rest := minExportRest
	for try := 1; ; try++ {
		after, err := c.post(ctx, body)
		if err == nil || after < 0 || try == exportTries {
			return err
		}
		select {
		case <-time.After(min(max(after, rest), maxExportRest)):
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
		rest *= 2
	}
}

// post sends a request once. after says how long to wait before it is repeated, at least; below zero: it must not be.
func (c *collector) post(ctx context.Context, body []byte) (after time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return -1, err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, maxCollectorByte)) // what is missing of it says nothing
	switch resp.StatusCode {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		c.rejected.Add(rejectedSpans(answer))
		return 0, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		if seconds, no := strconv.Atoi(resp.Header.Get("Retry-After")); no == nil && seconds > 0 {
			after = time.Duration(min(seconds, int(maxExportRest/time.Second))) * time.Second
		}
	default:
		after = -1
	}
	return after, fmt.Errorf("the collector answered %s", resp.Status)
}

// rejectedSpans reads partial_success.rejected_spans of an ExportTraceServiceResponse.
func rejectedSpans(answer []byte) uint64 {
	partial, ok := member(answer, protowire.BytesType)
	if !ok {
		return 0
	}
	inner, _ := protowire.ConsumeBytes(partial)
	count, ok := member(inner, protowire.VarintType)
	if !ok {
		return 0
	}
	n, _ := protowire.ConsumeVarint(count)
	return n
}

// member returns what follows the tag of the first member numbered 1.
func member(b []byte, kind protowire.Type) ([]byte, bool) {
	for len(b) > 0 {
		number, of, n := protowire.ConsumeTag(b)
		if n < 0 {
			return nil, false
		}
		b = b[n:]
		size := protowire.ConsumeFieldValue(number, of, b)
		if size < 0 {
			return nil, false
		}
		if number == 1 && of == kind {
			return b, true
		}
		b = b[size:]
	}
	return nil, false
}

// queue holds ended spans until the collector has them. It never makes anybody wait: what it has no room for is dropped
// and counted.
type queue struct {
	spans   chan sdk.ReadOnlySpan
	to      sdk.SpanExporter
	logger  *slog.Logger
	sent    atomic.Uint64
	dropped atomic.Uint64
	failing bool // of the goroutine of run
}

// OnStart implements sdk.SpanProcessor.
func (q *queue) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd implements sdk.SpanProcessor.
func (q *queue) OnEnd(s sdk.ReadOnlySpan) {
	select {
	case q.spans <- s:
	default:
		q.dropped.Add(1)
	}
}

// ForceFlush implements sdk.SpanProcessor: nobody waits for a collector.
func (q *queue) ForceFlush(context.Context) error { return nil }

// Shutdown implements sdk.SpanProcessor.
func (q *queue) Shutdown(context.Context) error { return nil }

// run exports until ending is closed and nothing is left, or ctx ends.
func (q *queue) run(ctx context.Context, ending <-chan struct{}) {
	tick := time.NewTicker(exportEvery)
	defer tick.Stop()
	batch := make([]sdk.ReadOnlySpan, 0, maxExportSpans)
	for last := false; ; {
		select {
		case s := <-q.spans:
			if batch = append(batch, s); len(batch) < maxExportSpans {
				continue
			}
		case <-tick.C:
		case <-ending:
			ending, last = nil, true
		}
		for last && len(batch) < maxExportSpans && len(q.spans) > 0 {
			batch = append(batch, <-q.spans)
		}
		q.export(ctx, batch)
		clear(batch)
		batch = batch[:0]
		if last && len(q.spans) == 0 {
			return
		}
	}
}

func (q *queue) export(ctx context.Context, batch []sdk.ReadOnlySpan) {
	if len(batch) == 0 {
		return
	}
	err := q.to.ExportSpans(ctx, batch)
	if err != nil {
		q.dropped.Add(uint64(len(batch)))
	} else {
		q.sent.Add(uint64(len(batch)))
	}
	if failing := err != nil; failing != q.failing {
		if q.failing = failing; failing {
			q.logger.Warn("traces: the collector does not take them; they are dropped until it does, and nothing else is affected", "error", err)
		} else {
			q.logger.Info("traces: the collector takes them again")
		}
	}
}
