package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// path are the machine's stages of an alert: what the centre itself takes.
type path struct {
	lag    *prometheus.HistogramVec
	accept *prometheus.HistogramVec
	push   prometheus.Observer
	draw   prometheus.Observer
	alerts *prometheus.CounterVec
}

// response are the stages of a task that wait for people.
type response struct {
	stage   *prometheus.HistogramVec
	assign  *prometheus.HistogramVec
	verify  *prometheus.HistogramVec
	climbed *prometheus.CounterVec
}

func (t *Telemetry) newPath() {
	t.lag = t.histogram("banyan_source_lag_seconds", "From when an alert occurred, as its source says, until it was received; by the source's department.", humanBuckets, "department")
	t.accept = t.histogram("banyan_accept_seconds", "From when an alert was received until it was accepted: decided and on disk.", machineBuckets, "priority", "class")
	t.push = t.histogram("banyan_push_seconds", "From when a batch was accepted until a shard had handed it to all its screens' sockets.", machineBuckets).WithLabelValues()
	t.draw = t.histogram("banyan_draw_seconds", "From when a batch was accepted until a screen said that it shows it; the report's way is in it.", machineBuckets).WithLabelValues()
	t.alerts = t.counter("banyan_alerts_total", "Alerts accepted; by the source's department.", "department", "class")
}

func (t *Telemetry) newResponse() {
	t.stage = t.histogram("banyan_response_seconds", "Stages of a task: acknowledged, on_scene and finished since it was assigned, departed since it was acknowledged.", humanBuckets,
		"stage", "department", "priority", "class")
	t.assign = t.histogram("banyan_assign_seconds", "From when an incident was opened until a task of it had a seat: more than nothing where nobody was on duty, or the task was returned.", humanBuckets, "department", "priority")
	t.verify = t.histogram("banyan_verify_seconds", "From when an incident was opened until it was verified and closed.", humanBuckets, "priority", "class")
	t.climbed = t.counter("banyan_escalations_total", "Rungs of ladders taken, by what was done.", "step", "department")
}

// timed observes with the incident's trace as exemplar, unless traces are sent somewhere and this one is not.
func (t *Telemetry) timed(o prometheus.Observer, took time.Duration, doc *alert.Incident) {
	seconds := max(took, 0).Seconds()
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

// Event observes one committed event. doc is its incident after it, nil for none; department is that of a source; now
// is when it was durable.
func (t *Telemetry) Event(e *dispatch.Event, doc *alert.Incident, department func(source string) string, now alert.Time) {
	if doc == nil {
		return
	}
	switch e.Type {
	case dispatch.IncidentOpened, dispatch.AlertAttached:
		from := department(e.Alert.Source)
		t.alerts.WithLabelValues(from, string(doc.Class)).Inc()
		t.lag.WithLabelValues(from).Observe(max(e.Alert.ReceivedAt.Sub(e.Alert.OccurredAt), 0).Seconds())
		t.timed(t.accept.WithLabelValues(doc.Priority.String(), string(doc.Class)), now.Sub(e.Alert.ReceivedAt), doc)
	case dispatch.TaskReassigned:
		if e.From == "" { // nobody had it: a leader gave an unstaffed task away by hand
			t.assign.WithLabelValues(e.Task.Department, e.Task.Priority.String()).Observe(e.At.Sub(doc.OpenedAt).Seconds())
		}
	case dispatch.TaskAssigned:
		t.assign.WithLabelValues(e.Task.Department, e.Task.Priority.String()).Observe(e.At.Sub(doc.OpenedAt).Seconds())
	case dispatch.TaskAcknowledged:
		t.responded("acknowledged", e, doc, e.Task.AcknowledgedAt.Sub(e.Task.AssignedAt))
	case dispatch.TaskEnRoute:
		t.responded("departed", e, doc, e.Task.EnRouteAt.Sub(e.Task.AcknowledgedAt))
	case dispatch.TaskOnScene:
		t.responded("on_scene", e, doc, e.Task.OnSceneAt.Sub(e.Task.AssignedAt))
	case dispatch.TaskDone:
		t.responded("finished", e, doc, e.Task.FinishedAt.Sub(e.Task.AssignedAt))
	case dispatch.TaskEscalated, dispatch.TaskReminded:
		t.climbed.WithLabelValues(e.Step, e.Task.Department).Inc()
	case dispatch.IncidentState:
		if e.State == alert.IncidentClosed {
			t.timed(t.verify.WithLabelValues(doc.Priority.String(), string(doc.Class)), e.At.Sub(doc.OpenedAt), doc)
		}
	}
}

func (t *Telemetry) responded(stage string, e *dispatch.Event, doc *alert.Incident, took time.Duration) {
	t.timed(t.stage.WithLabelValues(stage, e.Task.Department, e.Task.Priority.String(), string(doc.Class)), took, doc)
}
