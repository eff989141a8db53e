// Package telemetry counts and times what the centre does, for Prometheus. No label carries an id of an
// alert, incident, task, key or person: the number of series does not grow with the work.
package telemetry

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Telemetry holds the centre's metrics. Make one with New.
type Telemetry struct {
	Traces *Traces // of exemplars; nil: traces are sent nowhere. Set before anything is observed

	registry *prometheus.Registry
	families []Family

	stages   *prometheus.HistogramVec
	batch    *prometheus.HistogramVec
	events   *prometheus.CounterVec
	requests *prometheus.HistogramVec
	path
	response
}

// Family describes a metric, for docs/metrics.md and whoever checks queries.
type Family struct {
	Name, Type, Help string // Type: histogram, counter or gauge
	Labels           []string
}

// Families returns all metrics of the centre's own, in order of registration. Those of the Go runtime and the process
// are not among them.
func (t *Telemetry) Families() []Family { return t.families }

func (t *Telemetry) add(c prometheus.Collector, f Family) {
	t.registry.MustRegister(c)
	for _, known := range t.families {
		if known.Name == f.Name { // another value of constant labels
			return
		}
	}
	t.families = append(t.families, f)
}

// Buckets of latencies are the bounds that objectives may ask for. Each histogram is also a native one, whose resolution
// does not depend on them.
var machineBuckets, humanBuckets = seconds(plan.MachineBounds), seconds(plan.HumanBounds)

func seconds(bounds []time.Duration) []float64 {
	out := make([]float64, len(bounds))
	for i, d := range bounds {
		out[i] = d.Seconds()
	}
	return out
}

// Bounds of a native histogram.
const (
	nativeFactor     = 1.1 // a bucket is at most so much wider than the one before
	nativeMaxBuckets = 100
	nativeReset      = time.Hour // at the soonest, where there would be more
)

func (t *Telemetry) histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets, NativeHistogramBucketFactor: nativeFactor,
		NativeHistogramMaxBucketNumber: nativeMaxBuckets, NativeHistogramMinResetDuration: nativeReset}, labels)
	t.add(h, Family{name, "histogram", help, labels})
	return h
}

func (t *Telemetry) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	t.add(c, Family{name, "counter", help, labels})
	return c
}

// New returns telemetry with the metrics of the Go runtime and the process. version is of the binary.
func New(version string) *Telemetry {
	t := &Telemetry{registry: prometheus.NewRegistry()}
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	t.Gauge("banyan_build_info", "1; the labels say which binary runs.", map[string]string{"version": version, "go": runtime.Version()}, func() float64 { return 1 })
	t.stages = t.histogram("banyan_stage_seconds", "Time a batch of commands spends in a stage of the writer: decide, commit (journal and fsync), hand (replica, push, answers).", machineBuckets, "stage")
	t.batch = t.histogram("banyan_batch_commands", "Commands behind one fsync.", prometheus.ExponentialBuckets(1, 2, 11))
	t.events = t.counter("banyan_events_total", "Events committed.")
	t.requests = t.histogram("banyan_http_request_seconds", "Time from a request's head to its answer.", machineBuckets, "route", "code")
	t.newPath()
	t.newResponse()
	return t
}

// Batch observes one batch of the writer.
func (t *Telemetry) Batch(commands, events int, decide, commit, hand time.Duration) {
	t.stages.WithLabelValues("decide").Observe(decide.Seconds())
	t.stages.WithLabelValues("commit").Observe(commit.Seconds())
	t.stages.WithLabelValues("hand").Observe(hand.Seconds())
	t.batch.WithLabelValues().Observe(float64(commands))
	t.events.WithLabelValues().Add(float64(events))
}

// Request observes one HTTP request; route is its pattern, of which there are as many as in the code.
func (t *Telemetry) Request(route string, status int, took time.Duration) {
	t.requests.WithLabelValues(route, strconv.Itoa(status/100)+"xx").Observe(took.Seconds())
}

// Gauge adds a gauge that is asked when Prometheus asks.
func (t *Telemetry) Gauge(name, help string, labels map[string]string, value func() float64) {
	t.add(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value), Family{name, "gauge", help, keys(labels)})
}

// Counter adds a counter that is asked when Prometheus asks.
func (t *Telemetry) Counter(name, help string, value func() float64) {
	t.add(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value), Family{Name: name, Type: "counter", Help: help})
}

// Handler serves the metrics; in OpenMetrics, where it is asked for, with exemplars.
func (t *Telemetry) Handler() http.Handler {
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{Registry: t.registry, EnableOpenMetrics: true, MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}
