package telemetry

import (
	"math/bits"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// path are the machine's stages of an alert: what the centre itself takes.
type path struct {
	lag    series[[1]string, prometheus.Observer]
	accept series[[2]string, prometheus.Observer]
	push   prometheus.Observer
	draw   prometheus.Observer
	alerts series[[2]string, prometheus.Counter]

	accepted exemplars
}

// response are the stages of a task that wait for people.
type response struct {
	stage   *prometheus.HistogramVec
	assign  series[[2]string, prometheus.Observer]
	verify  *prometheus.HistogramVec
	climbed *prometheus.CounterVec

	responses, verified exemplars
}

// series are those of a metric that every alert counts in, by the values of its labels: finding one anew costs more than
// counting. There are as many as the metric has.
type series[K comparable, M any] struct {
	of   map[K]M
	find func(K) M
}

func newSeries[K comparable, M any](find func(K) M) series[K, M] {
	return series[K, M]{map[K]M{}, find}
}

// with returns the one with these values; one caller at a time.
func (s series[K, M]) with(values K) M {
	m, ok := s.of[values]
	if !ok {
		m = s.find(values)
		s.of[values] = m
	}
	return m
}

func (t *Telemetry) newPath() {
	lag := t.histogram("banyan_source_lag_seconds", "From when an alert occurred, as its source says, until it was received; by the source's department.", humanBuckets, "department")
	accept := t.histogram("banyan_accept_seconds", "From when an alert was received until it was accepted: decided and on disk.", machineBuckets, "priority", "class")
	t.push = t.histogram("banyan_push_seconds", "From when a batch was accepted until a shard had handed it to all its screens' sockets.", machineBuckets).WithLabelValues()
	t.draw = t.histogram("banyan_draw_seconds", "From when a batch was accepted until a screen said that it shows it; the report's way is in it.", machineBuckets).WithLabelValues()
	alerts := t.counter("banyan_alerts_total", "Alerts accepted; by the source's department.", "department", "class")
	t.lag = newSeries(func(l [1]string) prometheus.Observer { return lag.WithLabelValues(l[:]...) })
	t.accept = newSeries(func(l [2]string) prometheus.Observer { return accept.WithLabelValues(l[:]...) })
	t.alerts = newSeries(func(l [2]string) prometheus.Counter { return alerts.WithLabelValues(l[:]...) })
}

func (t *Telemetry) newResponse() {
	t.stage = t.histogram("banyan_response_seconds", "Stages of a task: acknowledged, on_scene and finished since it was assigned, departed since it was acknowledged.", humanBuckets,
		"stage", "department", "priority", "class")
	assign := t.histogram("banyan_assign_seconds", "From when an incident was opened until a task of it had a seat: more than nothing where nobody was on duty, or the task was returned.", humanBuckets, "department", "priority")
	t.assign = newSeries(func(l [2]string) prometheus.Observer { return assign.WithLabelValues(l[:]...) })
	t.verify = t.histogram("banyan_verify_seconds", "From when an incident was opened until it was verified and closed.", humanBuckets, "priority", "class")
	t.climbed = t.counter("banyan_escalations_total", "Rungs of ladders taken, by what was done.", "step", "department")
}

// exemplarEvery is how soon after one exemplar the next may be given for times of about the same length. Prometheus reads
// them every few seconds; making one costs as much as observing ten times.
const exemplarEvery = 50 * time.Millisecond

// exemplars says when the last exemplar was given, by the length of the time in binary digits of nanoseconds.
type exemplars [65]alert.Time

// due reports whether one is to be given now, and notes it.
func (e *exemplars) due(took time.Duration, now alert.Time) bool {
	last := &e[bits.Len64(uint64(max(took, 0)))]
	if *last != 0 && now >= *last && now.Sub(*last) < exemplarEvery {
		return false
	}
	*last = now
	return true
}

// timed observes with the incident's trace as exemplar, if one is due and, where traces are sent somewhere, this one is.
func (t *Telemetry) timed(o prometheus.Observer, took time.Duration, doc *alert.Incident, of *exemplars, now alert.Time) {
	seconds := max(took, 0).Seconds()
	if !of.due(took, now) {
		o.Observe(seconds)
		return
	}
	id, kept := "", true
	if t.Traces != nil {
		id, kept = t.Traces.Of(doc)
	} else {
		id = TraceID(doc.ID)
	}
	if e, ok := o.(prometheus.ExemplarObserver); ok && kept {
		e.ObserveWithExemplar(seconds, prometheus.Labels{"trace_id": id})
		return
	}
	o.Observe(seconds)
}

// Pushed observes a batch that is with the sockets; Drawn one that a screen shows.
func (t *Telemetry) Pushed(took time.Duration) { t.push.Observe(took.Seconds()) }

// Drawn observes a batch that a screen shows.
func (t *Telemetry) Drawn(took time.Duration) { t.draw.Observe(took.Seconds()) }

// Event observes one committed event; one caller at a time. doc is its incident after it, nil for none; department is that of a source; now
// is when it was durable.
func (t *Telemetry) Event(e *dispatch.Event, doc *alert.Incident, department func(source string) string, now alert.Time) {
	if doc == nil {
		return
	}
	switch e.Type {
	case dispatch.IncidentOpened, dispatch.AlertAttached:
		from := department(e.Alert.Source)
		t.alerts.with([2]string{from, string(doc.Class)}).Inc()
		t.lag.with([1]string{from}).Observe(max(e.Alert.ReceivedAt.Sub(e.Alert.OccurredAt), 0).Seconds())
		t.timed(t.accept.with([2]string{doc.Priority.String(), string(doc.Class)}), now.Sub(e.Alert.ReceivedAt), doc, &t.accepted, now)
	case dispatch.TaskReassigned:
		if e.From == "" { // nobody had it: a leader gave an unstaffed task away by hand
			t.assign.with([2]string{e.Task.Department, e.Task.Priority.String()}).Observe(e.At.Sub(doc.OpenedAt).Seconds())
		}
	case dispatch.TaskAssigned:
		t.assign.with([2]string{e.Task.Department, e.Task.Priority.String()}).Observe(e.At.Sub(doc.OpenedAt).Seconds())
	case dispatch.TaskAcknowledged:
		t.responded("acknowledged", e, doc, e.Task.AcknowledgedAt.Sub(e.Task.AssignedAt), now)
	case dispatch.TaskEnRoute:
		t.responded("departed", e, doc, e.Task.EnRouteAt.Sub(e.Task.AcknowledgedAt), now)
	case dispatch.TaskOnScene:
		t.responded("on_scene", e, doc, e.Task.OnSceneAt.Sub(e.Task.AssignedAt), now)
	case dispatch.TaskDone:
		t.responded("finished", e, doc, e.Task.FinishedAt.Sub(e.Task.AssignedAt), now)
	case dispatch.TaskEscalated, dispatch.TaskReminded:
		t.climbed.WithLabelValues(e.Step, e.Task.Department).Inc()
	case dispatch.IncidentState:
		if e.State == alert.IncidentClosed {
			t.timed(t.verify.WithLabelValues(doc.Priority.String(), string(doc.Class)), e.At.Sub(doc.OpenedAt), doc, &t.verified, now)
		}
	}
}

func (t *Telemetry) responded(stage string, e *dispatch.Event, doc *alert.Incident, took time.Duration, now alert.Time) {
	t.timed(t.stage.WithLabelValues(stage, e.Task.Department, e.Task.Priority.String(), string(doc.Class)), took, doc, &t.responses, now)
}
