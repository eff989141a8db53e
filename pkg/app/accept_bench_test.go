package app_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/bench"
)

// reporter sends a centre alerts that each open an incident.
type reporter struct {
	*testing.B
	url, kind string
	tokens    []string
	options   app.Options
	client    http.Client
}

// newReporter starts a centre; files lie in its data folder.
func newReporter(b *testing.B, files map[string]string) *reporter {
	city, err := app.ReadCity("../../configs/fuzhou")
	if err != nil {
		b.Fatal(err)
	}
	kind, sources := bench.Patient(city)
	r := &reporter{B: b, kind: kind.Code, client: http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
		options: app.Options{City: city, DataDir: b.TempDir(), Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)}}
	for _, s := range sources {
		token, err := auth.Add(r.options.DataDir, auth.Key{Role: auth.RoleSource, Source: s.ID})
		if err != nil {
			b.Fatal(err)
		}
		r.tokens = append(r.tokens, token)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(r.options.DataDir, name), []byte(content), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	r.url = run(b, r.options).url
	return r
}

// alert appends alert n.
func (r *reporter) alert(out *bytes.Buffer, n int) {
	at := bench.Spot(r.options.City.Centre, uint64(n))
	fmt.Fprintf(out, `{"id":"b-%d","type":%q,"occurred_at":%q,"location":{"lon":%.6f,"lat":%.6f},"text":"测试警情 bench","attributes":{"n":%d,"padding":"%0240d"}}`,
		n, r.kind, time.Now().Format(time.RFC3339Nano), at.Lon, at.Lat, n, 0)
}

func (r *reporter) post(path, kind string, n int, body []byte) []byte {
	req, _ := http.NewRequest(http.MethodPost, r.url+path, bytes.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+r.tokens[n%len(r.tokens)])
	req.Header.Set("Content-Type", kind)
	resp, err := r.client.Do(req)
	if err != nil {
		r.Error(err)
		return nil
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 300 {
		r.Errorf("%d %.300s: %v", resp.StatusCode, answer, err)
	}
	return answer
}

func (r *reporter) one(n int, body *bytes.Buffer) {
	body.Reset()
	r.alert(body, n)
	r.post("/api/v1/alerts", "application/json", n, body.Bytes())
}

// lines sends alerts as lines of batches.
func (r *reporter) lines(alerts int) {
	const lines = 1000
	var body bytes.Buffer
	for n := 0; n < alerts; n += lines {
		body.Reset()
		for i := range min(lines, alerts-n) {
			r.alert(&body, n+i)
			body.WriteByte('\n')
		}
		answer := r.post("/api/v1/alerts:batch", "application/x-ndjson", n/lines, body.Bytes())
		if got := bytes.Count(answer, []byte(`"status":202`)); got != min(lines, alerts-n) {
			r.Fatalf("%d of %d lines were taken: %.300s", got, lines, answer)
		}
	}
}

// BenchmarkAccept is what an alert of its own incident costs from the socket to the answer, durable: posted alone by 64
// clients, and as a line of batches of one client. Profiles of it say where the time goes:
//
//	go test ./pkg/app -run xxx -bench Accept/single -benchtime 50000x -cpuprofile cpu.pprof
func BenchmarkAccept(b *testing.B) {
	b.Run("single", func(b *testing.B) {
		r := newReporter(b, nil)
		var n atomic.Int64
		var all sync.WaitGroup
		b.ReportAllocs()
		b.ResetTimer()
		for range 64 {
			all.Go(func() {
				var body bytes.Buffer
				for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
					r.one(int(i), &body)
				}
			})
		}
		all.Wait()
	})
	b.Run("lines", func(b *testing.B) {
		r := newReporter(b, nil)
		b.ReportAllocs()
		b.ResetTimer()
		r.lines(b.N)
	})
}

// BenchmarkWebhook is what it takes until a target has been told of an incident: of one alert after the other, and of many
// at once, an event a request and a hundred.
func BenchmarkWebhook(b *testing.B) {
	for _, batch := range []int{0, 100} {
		var told atomic.Int64
		target := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			told.Add(int64(bytes.Count(body, []byte(`"type":"incident.opened"`))))
		}))
		defer target.Close()
		files := map[string]string{"hook.secret": "a secret of some length", "hooks.yaml": fmt.Sprintf("targets: [{id: bench, url: %q, secret_file: hook.secret, events: [incident.opened], whole: true, batch: %d}]\n", target.URL, batch)}
		wait := func(b *testing.B, n int) {
			for end := time.Now().Add(patience); told.Load() < int64(n); time.Sleep(20 * time.Microsecond) {
				if time.Now().After(end) {
					b.Fatalf("%d of %d incidents were told", told.Load(), n)
				}
			}
		}
		for _, flood := range []bool{false, true} {
			b.Run(fmt.Sprintf("batch=%d/flood=%v", batch, flood), func(b *testing.B) {
				r := newReporter(b, files)
				told.Store(0)
				b.ReportAllocs()
				b.ResetTimer()
				if flood {
					r.lines(b.N)
				}
				var body bytes.Buffer
				for n := 0; n < b.N && !flood; n++ {
					r.one(n, &body)
					wait(b, n+1)
				}
				wait(b, b.N)
			})
		}
	}
}
