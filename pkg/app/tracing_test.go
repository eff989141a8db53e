package app_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/ingest/cap"
	"github.com/banyan-ecc/banyan/pkg/telemetry"
)

// The traces that sources begin in these tests, and the spans they are in then.
const (
	restTrace, eventTrace, mqttTrace, joinTrace, batchTrace = "0af7651916cd43dd8448eb211c803191", "0af7651916cd43dd8448eb211c803192", "0af7651916cd43dd8448eb211c803193",
		"0af7651916cd43dd8448eb211c803194", "0af7651916cd43dd8448eb211c803195"
	unwanted   = "0af7651916cd43dd8448eb211c80319f"
	sourceSpan = "b7ad6b7169203331"
)

func traceparent(trace, flags string) string { return "00-" + trace + "-" + sourceSpan + "-" + flags }

// cluster is two nodes of a city whose traces go to one collector.
type cluster struct {
	*collector
	leader, follower *centre
	broker           string
}

func startCluster(t *testing.T, files map[string]string) *cluster {
	k := &cluster{collector: startCollector(t), broker: startBroker(t)}
	profile := strings.Replace(hookProfile, "{kind: webhook, secret_file: hook.secret, timestamp_header: X-Timestamp}", "{kind: mqtt, broker: \"mqtt://"+k.broker+"\", topics: [alarm], qos: 1}", 1)
	city, err := app.ReadCity(cityWith(t, testCity, map[string]string{"sources/sensors.yaml": profile}))
	if err != nil {
		t.Fatal(err)
	}
	url := "redis://" + startRedis(t) + "/0"
	open := func(node, dir string) *centre {
		o := options(t, dir)
		o.City, o.Redis, o.Node, o.TraceEndpoint, o.TraceSample, o.MetricsListen = city, url, node, k.url, 1, "127.0.0.1:0"
		return run(t, o)
	}
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	k.leader = open("east", dir)
	k.await(k.leader, `"role":"leader"`)
	for deadline := time.Now().Add(patience); !strings.Contains(k.leader.metrics(), `banyan_transport_connections{transport="mqtt"} 1`); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the broker is not subscribed to")
		}
	}
	other := t.TempDir()
	keys, err := os.ReadFile(filepath.Join(dir, "keys.jsonl"))
	if err == nil {
		err = os.WriteFile(filepath.Join(other, "keys.jsonl"), keys, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	k.follower = open("west", other)
	k.follower.source, k.follower.officer, k.follower.wal = k.leader.source, k.leader.officer, k.leader.wal
	k.await(k.follower, `"leader":"`+k.leader.url)
	seq, epoch := k.leader.last()
	k.await(k.follower, fmt.Sprintf(`"epoch":%d,"seq":%d`, epoch, seq))
	return k
}

func (c *centre) metrics() string {
	t, _ := c.tb.(*testing.T)
	return scrape(t, "http://"+c.app.MetricsAddr().String()+"/metrics")
}

// await waits until a node says something of itself.
func (k *cluster) await(c *centre, what string) {
	k.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		_, _, answer, err := c.send("GET", "/api/v1/node", c.officer, nil)
		if err == nil && bytes.Contains(answer, []byte(what)) {
			return
		}
		if time.Now().After(deadline) {
			k.t.Fatalf("%v: %s does not say %s", err, answer, what)
		}
	}
}

// wall connects a screen that sees the whole city.
func (k *cluster) wall(c *centre) *screen {
	s := c.connect(c.wal, false)
	s.subscribe(map[string]any{"topics": []string{"wall"}})
	s.expect("snapshot")
	return s
}

// draw reads up to an event and says that all of it is on the screen.
func (s *screen) draw(seq uint64) {
	s.tb.Helper()
	for to := uint64(0); to < seq; to = s.expect("events").To {
	}
	if err := s.ws.WriteJSON(map[string]any{"op": "drawn", "seq": seq}); err != nil {
		s.tb.Fatal(err)
	}
}

func placedAt(id string, lon float64) string {
	return fmt.Sprintf(`{"id":%q,"type":"fire.building","occurred_at":%q,"text":"浓烟","location":{"lon":%g,"lat":26.08}}`, id, time.Now().Format(time.RFC3339), lon)
}

// last returns the last event of a node, and its epoch.
func (c *centre) last() (seq uint64, epoch uint32) {
	c.tb.Helper()
	var n struct {
		Seq   uint64
		Epoch uint32
	}
	c.must(http.StatusOK, "GET", "/api/v1/node", c.officer, "", &n)
	return n.Seq, n.Epoch
}

// TestTraces sends alerts in every way, through both nodes of a city, to screens of both and on to the end of their tasks:
// each is one trace, the source's own where it began one, with every stage in its place.
func TestTraces(t *testing.T) {
	t.Parallel()
	told := make(chan string, 64)
	target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told <- r.Header.Get("Traceparent") }))
	defer target.Close()
	k := startCluster(t, map[string]string{"hook.secret": "a secret of some length",
		"hooks.yaml": "targets: [{id: province, url: \"" + target.URL + "/in\", secret_file: hook.secret, events: [incident.opened]}]\n"})
	l, f := k.leader, k.follower
	screens := []*screen{k.wall(l), k.wall(f)}

	began := time.Now()
	_, first := f.hand("/api/v1/alerts", "application/json", f.source, []byte(placedAt("1", 119.20)), "Traceparent", traceparent(restTrace, "01"))
	l.hand("/api/v1/cloudevents", "application/cloudevents+json", l.source, []byte(`{"specversion":"1.0","id":"2","source":"/119","type":"alarm","traceparent":"`+
		traceparent(eventTrace, "01")+`","data":`+placedAt("2", 119.25)+`}`))
	publish(t, k.broker, "alarm", fmt.Sprintf(`{"no":"3","at":%q,"lon":119.30,"lat":26.08}`, time.Now().Format(time.RFC3339)), "traceparent", traceparent(mqttTrace, "01"))
	_, joined := l.hand("/api/v1/alerts", "application/json", l.source, []byte(placedAt("4", 119.20)), "Traceparent", traceparent(joinTrace, "01"))
	l.hand("/api/v1/alerts:batch", "application/x-ndjson", l.source, []byte(placedAt("5", 119.35)+"\n"+placedAt("6", 119.40)), "Traceparent", traceparent(batchTrace, "01"))
	l.hand("/api/v1/alerts", "application/json", l.source, []byte(placedAt("7", 119.45)), "Traceparent", traceparent(unwanted, "00"))
	_, plain := l.hand("/api/v1/alerts", "application/json", l.source, []byte(placedAt("8", 119.50)), "Traceparent", "no trace at all")
	k.seen(mqttTrace, "commit")
	if joined.IncidentID != first.IncidentID || plain.IncidentID == "" {
		t.Fatalf("%+v, %+v, %+v", first, joined, plain)
	}
	seq, _ := l.last()
	for _, s := range screens {
		s.draw(seq)
	}

	const machine = 9 // alert, receive, decide, commit and mirror at the leader, push and drawn at both nodes
	acts := l.handle(first.IncidentID, "acknowledge", "depart", "arrive", "finish")
	l.must(http.StatusOK, "POST", "/api/v1/incidents/"+first.IncidentID+"/verify", l.officer, "", nil)
	whole := k.of(restTrace, machine+acts+1)
	k.stages(whole, began, tracepb.Span_SPAN_KIND_SERVER)
	root := named(whole, "alert", "east")
	if root.parent != sourceSpan || root.attributes["banyan.incident"] != first.IncidentID || root.attributes["banyan.source"] != "fire-119" {
		t.Errorf("%+v", root)
	}
	for _, stage := range []string{"acknowledged", "departed", "on_scene", "finished", "verified"} {
		if s := named(whole, stage, "east"); s.parent != root.span || s.attributes["banyan.incident"] != first.IncidentID || s.to.Before(s.from) || s.to.Before(root.from.Truncate(time.Millisecond)) {
			t.Errorf("%s: %+v within %+v", stage, s, root)
		}
	}
	k.stages(k.of(eventTrace, machine), began, tracepb.Span_SPAN_KIND_SERVER)
	k.stages(k.of(mqttTrace, machine), began, tracepb.Span_SPAN_KIND_CONSUMER)
	of := k.of(joinTrace, machine)
	k.stages(of, began, tracepb.Span_SPAN_KIND_SERVER)
	if s := named(of, "alert", "east"); !slices.Equal(s.links, []string{restTrace}) || s.attributes["banyan.incident"] != first.IncidentID {
		t.Errorf("an alert that joined is not linked to its incident: %+v", s)
	}
	k.of(batchTrace, 2*machine)
	of = k.of(telemetry.TraceID(plain.IncidentID), machine)
	k.stages(of, began, tracepb.Span_SPAN_KIND_SERVER)
	if s := named(of, "alert", "east"); s.parent != "" {
		t.Errorf("a trace that begins here has a parent: %+v", s)
	}
	k.of(unwanted, 0)
	for range 6 { // one an incident: alert 4 joined
		if got := <-told; strings.Contains(got, restTrace) && got != "00-"+restTrace+"-"+root.span+"-01" || len(got) != 55 {
			t.Errorf("a webhook carries %q", got)
		}
	}
	k.counted()

	// What people do later belongs to the same trace, whoever leads by then.
	second := named(k.of(eventTrace, machine), "alert", "east")
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	k.await(f, `"role":"leader"`)
	acts = f.handle(second.attributes["banyan.incident"], "acknowledge")
	if s := named(k.of(eventTrace, machine+acts), "acknowledged", "west"); s.parent != second.span {
		t.Errorf("%+v, want within %s", s, second.span)
	}
	k.clean()
}

// seen waits until a trace has a span.
func (k *cluster) seen(trace, name string) {
	k.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		k.mu.Lock()
		found := slices.ContainsFunc(k.all, func(s collected) bool { return s.trace == trace && s.name == name })
		k.mu.Unlock()
		if found {
			return
		}
		if time.Now().After(deadline) {
			k.t.Fatalf("trace %s has no %s: %+v\n%s", trace, name, k.all, k.leader.metrics())
		}
	}
}

// handle has all tasks of an incident go through the acts, and returns how many acts that were.
func (c *centre) handle(incident string, acts ...string) (n int) {
	c.tb.Helper()
	var doc struct{ Tasks []struct{ ID string } }
	c.must(http.StatusOK, "GET", "/api/v1/incidents/"+incident, c.officer, "", &doc)
	for _, task := range doc.Tasks {
		for _, act := range acts {
			c.must(http.StatusOK, "POST", "/api/v1/tasks/"+task.ID+"/"+act, c.officer, "", nil)
			n++
		}
	}
	return n
}

// stages holds the machine's stages of an alert: each once where it happens, within the alert, one after the other.
func (k *cluster) stages(spans []collected, began time.Time, kind tracepb.Span_SpanKind) {
	k.t.Helper()
	root := named(spans, "alert", "east")
	if root.kind != kind || root.from.Before(began) || root.to.Before(root.from) {
		k.t.Errorf("the alert's own span: %+v, want kind %v after %v", root, kind, began)
	}
	before := root.from
	for _, of := range [][2]string{{"receive", "east"}, {"decide", "east"}, {"commit", "east"}, {"mirror", "east"}, {"push", "west"}, {"drawn", "west"}} {
		s := named(spans, of[0], of[1])
		if s.parent != root.span || s.from.Before(before) && of[0] != "drawn" || s.to.Before(s.from) {
			k.t.Errorf("%s: %+v, want within %s after %v", of[0], s, root.span, before)
		}
		switch of[0] {
		case "receive", "decide", "commit":
			before = s.to
		}
	}
	push, drawn := named(spans, "push", "east"), named(spans, "drawn", "east")
	if push.parent != root.span || drawn.parent != root.span || push.from.Before(before) || drawn.to.Before(push.to) {
		k.t.Errorf("push %+v, drawn %+v after %v", push, drawn, before)
	}
}

// counted holds that the sums over both nodes are of what happened, once, and that exemplars name real traces.
func (k *cluster) counted() {
	k.t.Helper()
	texts := [2]string{}
	for i, c := range []*centre{k.leader, k.follower} {
		texts[i] = c.metrics()
	}
	sum := func(name string) (n float64) {
		for _, text := range texts {
			for line := range strings.Lines(text) {
				if series, value, ok := strings.Cut(line, " "); ok && (series == name || strings.HasPrefix(series, name+"{")) {
					v, _ := strconv.ParseFloat(strings.Fields(value)[0], 64)
					n += v
				}
			}
		}
		return n
	}
	if got := sum("banyan_alerts_total"); got != 8 {
		k.t.Errorf("8 alerts are %v over both nodes", got)
	}
	if got := sum("banyan_verify_seconds_count"); got != 1 {
		k.t.Errorf("1 incident verified is %v over both nodes", got)
	}
	if !strings.Contains(texts[0], `# {trace_id="`+restTrace+`"`) {
		k.t.Error("no exemplar names the trace of an incident that its source began")
	}
	if strings.Contains(texts[0], unwanted) || sum("banyan_trace_spans_dropped_total") != 0 || sum("banyan_trace_spans_total") == 0 {
		k.t.Errorf("%v spans sent, %v dropped", sum("banyan_trace_spans_total"), sum("banyan_trace_spans_dropped_total"))
	}
}

// clean holds that no span says what people wrote or who they are.
func (k *cluster) clean() {
	k.t.Helper()
	known := []string{"banyan.alert", "banyan.class", "banyan.department", "banyan.event", "banyan.incident", "banyan.priority", "banyan.role", "banyan.seq", "banyan.source"}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.all {
		for name, value := range s.attributes {
			if !slices.Contains(known, name) || strings.Contains(value, "浓烟") || strings.Contains(value, "centre-leader") {
				k.t.Errorf("%s: %s=%s", s.name, name, value)
			}
		}
	}
}

// TestTracesWithoutCollector: while the collector takes nothing, alerts are accepted all the same, what waits for it is
// bounded and what is dropped is counted; and the server stops in time.
// TestTracesAtAGateway: an alert and a CAP message that come through a gateway go on with the traces that they bring, to the
// screens of the gateway.
func TestTracesAtAGateway(t *testing.T) {
	t.Parallel()
	collector := startCollector(t)
	city, err := app.ReadCity("../../configs/fuzhou")
	if err != nil {
		t.Fatal(err)
	}
	g := newGated(t, func(o *app.Options) { o.City, o.TraceEndpoint, o.TraceSample = city, collector.url, 1 })
	key, err := auth.Add(g.dir, auth.Key{Role: auth.RoleSource, Source: "weather-cap"})
	if err != nil {
		t.Fatal(err)
	}
	k := &cluster{collector: collector, leader: g.east, follower: g.gateway}
	wall := k.wall(g.gateway)
	for _, c := range []struct {
		path, kind, key, trace string
		body                   []byte
	}{{"/api/v1/alerts", "application/json", g.east.source, restTrace, []byte(alert(1))}, {"/api/v1/cap", cap.MediaType, key, eventTrace, warning("traced")}} {
		if status, answer := g.gateway.hand(c.path, c.kind, c.key, c.body, "Traceparent", traceparent(c.trace, "01")); status != http.StatusAccepted || answer.IncidentID == "" {
			t.Fatalf("%s: %d %+v", c.path, status, answer)
		}
		seq, _ := g.east.last()
		wall.draw(seq)
		spans := collector.of(c.trace, 7) // five at the node, push and drawn at the gateway
		root := named(spans, "alert", "east")
		if root.parent != sourceSpan {
			t.Errorf("%s: %+v is not within what the source began", c.path, root)
		}
		for _, at := range [][2]string{{"receive", "east"}, {"decide", "east"}, {"commit", "east"}, {"mirror", "east"}, {"push", "gateway"}, {"drawn", "gateway"}} {
			if s := named(spans, at[0], at[1]); s.parent != root.span {
				t.Errorf("%s: %s at %s: %+v within %s", c.path, at[0], at[1], s, root.span)
			}
		}
	}
}

func TestTracesWithoutCollector(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	asked := make(chan struct{}, 1)
	hung := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		<-hang
	}))
	defer hung.Close()
	defer close(hang)
	o := options(t, t.TempDir())
	o.TraceEndpoint, o.TraceSample, o.MetricsListen = hung.URL, 1, "127.0.0.1:0"
	c := run(t, o)
	const alerts, spansEach, most = 6000, 4, 16_384 + 512 // alert, receive, decide and commit; what waits, and what is on its way
	var lines strings.Builder
	for i := range alerts {
		fmt.Fprintln(&lines, alert(i))
	}
	status, _, answer, err := c.send("POST", "/api/v1/alerts:batch", c.source, strings.NewReader(lines.String()))
	if err != nil || status != http.StatusOK || bytes.Count(answer, []byte(`"status":202`)) != alerts {
		t.Fatalf("%v: %d, %d accepted of %d", err, status, bytes.Count(answer, []byte(`"status":202`)), alerts)
	}
	<-asked
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var sent, dropped float64
		for line := range strings.Lines(c.metrics()) {
			for name, to := range map[string]*float64{"banyan_trace_spans_total ": &sent, "banyan_trace_spans_dropped_total ": &dropped} {
				if value, ok := strings.CutPrefix(line, name); ok {
					*to, _ = strconv.ParseFloat(strings.TrimSpace(value), 64)
				}
			}
		}
		if sent != 0 {
			t.Fatalf("%v spans are with a collector that takes none", sent)
		}
		if dropped >= alerts*spansEach-most {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v spans dropped of %d, and at most %d may wait", dropped, alerts*spansEach, most)
		}
	}
	began := time.Now()
	if err := c.stop(); err != nil || time.Since(began) > app.DefaultShutdownTimeout {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}
