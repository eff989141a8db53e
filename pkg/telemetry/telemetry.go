// Package telemetry counts and times what the centre does, for Prometheus. No label carries an id of an
// alert, incident, task, key or person: the number of series does not grow with the work.
package telemetry

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Telemetry holds the centre's metrics. Make one with New.
type Telemetry struct {
	registry *prometheus.Registry
	stages   *prometheus.HistogramVec
	batch    prometheus.Histogram
	events   prometheus.Counter
	requests *prometheus.HistogramVec
}

// latencyBuckets reach from 50 µs, below one fsync, to 10 s.
var latencyBuckets = []float64{50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, 100e-3, 200e-3, 500e-3, 1, 2, 5, 10}

// New returns telemetry with the metrics of the Go runtime and the process.
func New() *Telemetry {
	t := &Telemetry{
		registry: prometheus.NewRegistry(),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "banyan_stage_seconds", Buckets: latencyBuckets,
			Help: "Time a batch of commands spends in a stage of the writer: decide, commit (journal and fsync), hand (replica, push, answers)."}, []string{"stage"}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "banyan_batch_commands", Buckets: prometheus.ExponentialBuckets(1, 2, 11),
			Help: "Commands behind one fsync."}),
		events: prometheus.NewCounter(prometheus.CounterOpts{Name: "banyan_events_total", Help: "Events committed."}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "banyan_http_request_seconds", Buckets: latencyBuckets,
			Help: "Time from a request's head to its answer."}, []string{"route", "code"}),
	}
	t.registry.MustRegister(t.stages, t.batch, t.events, t.requests,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return t
}

// Batch observes one batch of the writer.
func (t *Telemetry) Batch(commands, events int, decide, commit, hand time.Duration) {
	t.stages.WithLabelValues("decide").Observe(decide.Seconds())
	t.stages.WithLabelValues("commit").Observe(commit.Seconds())
	t.stages.WithLabelValues("hand").Observe(hand.Seconds())
	t.batch.Observe(float64(commands))
	t.events.Add(float64(events))
}

// Request observes one HTTP request; route is its pattern, of which there are as many as in the code.
func (t *Telemetry) Request(route string, status int, took time.Duration) {
	t.requests.WithLabelValues(route, strconv.Itoa(status/100)+"xx").Observe(took.Seconds())
}

// Gauge adds a gauge that is asked when Prometheus asks.
func (t *Telemetry) Gauge(name, help string, labels map[string]string, value func() float64) {
	t.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
}

// Counter adds a counter that is asked when Prometheus asks.
func (t *Telemetry) Counter(name, help string, value func() float64) {
	t.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
}

// Handler serves the metrics.
func (t *Telemetry) Handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{Registry: t.registry, MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}
