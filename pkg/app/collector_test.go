package app_test

import (
	"cmp"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	broker "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector takes spans over OTLP/HTTP.
type collector struct {
	t   *testing.T
	url string
	mu  sync.Mutex
	all []collected
}

// collected is a span as a collector has it.
type collected struct {
	name, trace, span, parent, node string
	from, to                        time.Time
	kind                            tracepb.Span_SpanKind
	attributes                      map[string]string
	links                           []string // traces
}

func startCollector(t *testing.T) *collector {
	c := &collector{t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var data tracepb.TracesData // the bytes of an ExportTraceServiceRequest are the same
		if err == nil {
			err = proto.Unmarshal(body, &data)
		}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%v: %s %v", err, r.URL, r.Header)
		}
		c.take(&data)
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *collector) take(data *tracepb.TracesData) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range data.ResourceSpans {
		node := ""
		for _, a := range resource.Resource.Attributes {
			if a.Key == "service.instance.id" {
				node = a.Value.GetStringValue()
			}
		}
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				got := collected{s.Name, hex.EncodeToString(s.TraceId), hex.EncodeToString(s.SpanId), hex.EncodeToString(s.ParentSpanId), node,
					time.Unix(0, int64(s.StartTimeUnixNano)), time.Unix(0, int64(s.EndTimeUnixNano)), s.Kind, map[string]string{}, nil}
				for _, a := range s.Attributes {
					got.attributes[a.Key] = cmp.Or(a.Value.GetStringValue(), strconv.FormatInt(a.Value.GetIntValue(), 10))
				}
				for _, l := range s.Links {
					got.links = append(got.links, hex.EncodeToString(l.TraceId))
				}
				c.all = append(c.all, got)
			}
		}
	}
}

// of waits until a trace has n spans, and returns them in the order in which they ended.
func (c *collector) of(trace string, n int) []collected {
	c.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		c.mu.Lock()
		var got []collected
		for _, s := range c.all {
			if s.trace == trace {
				got = append(got, s)
			}
		}
		c.mu.Unlock()
		if len(got) >= n || time.Now().After(deadline) {
			slices.SortStableFunc(got, func(a, b collected) int { return a.to.Compare(b.to) })
			if len(got) != n {
				c.t.Errorf("trace %s has %d spans, want %d: %+v", trace, len(got), n, got)
			}
			return got
		}
	}
}

func named(spans []collected, name, node string) (found collected) {
	for _, s := range spans {
		if s.name == name && s.node == node {
			return s
		}
	}
	return found
}

// startBroker starts an MQTT broker and returns its address.
func startBroker(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := broker.New(&broker.Options{Logger: slog.New(slog.DiscardHandler)})
	if err := b.AddHook(new(auth.AllowHook), nil); err != nil {
		t.Fatal(err)
	}
	if err := b.AddListener(listeners.NewNet("test", l)); err != nil {
		t.Fatal(err)
	}
	if err := b.Serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return l.Addr().String()
}

// publish sends a message with a user property through a broker.
func publish(t *testing.T, address, topic, body, key, value string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	client := paho.NewClient(paho.ClientConfig{Conn: conn})
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := client.Connect(ctx, &paho.Connect{ClientID: "sensor", KeepAlive: 30, CleanStart: true}); err != nil {
		t.Fatal(err)
	}
	p := &paho.Publish{Topic: topic, QoS: 1, Payload: []byte(body), Properties: &paho.PublishProperties{}}
	p.Properties.User.Add(key, value)
	if _, err := client.Publish(ctx, p); err != nil {
		t.Fatal(err)
	}
	if err := client.Disconnect(&paho.Disconnect{}); err != nil {
		t.Fatal(err)
	}
}
