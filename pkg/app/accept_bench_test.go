package app_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/bench"
)

// BenchmarkAccept is what an alert of its own incident costs from the socket to the answer, durable: posted alone by 64
// clients, and as a line of batches of one client. Profiles of it say where the time goes:
//
//	go test ./pkg/app -run xxx -bench Accept/single -benchtime 50000x -cpuprofile cpu.pprof
func BenchmarkAccept(b *testing.B) {
	city, err := app.ReadCity("../../configs/fuzhou")
	if err != nil {
		b.Fatal(err)
	}
	kind, sources := bench.Patient(city)
	start := func(b *testing.B) (url string, tokens []string) {
		o := app.Options{City: city, DataDir: b.TempDir(), Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)}
		for _, s := range sources {
			token, err := auth.Add(o.DataDir, auth.Key{Role: auth.RoleSource, Source: s.ID})
			if err != nil {
				b.Fatal(err)
			}
			tokens = append(tokens, token)
		}
		return run(b, o).url, tokens
	}
	line := func(out *bytes.Buffer, n int64) {
		fmt.Fprintf(out, `{"id":"b-%d","type":%q,"occurred_at":%q,"location":{"lon":%.4f,"lat":%.4f},"text":"测试警情 bench","attributes":{"n":%d,"padding":"%0240d"}}`,
			n, kind.Code, time.Now().Format(time.RFC3339Nano), city.Centre.Lon-0.2+float64(n%200)*0.002, city.Centre.Lat-0.2+float64(n/200%200)*0.002, n, 0)
	}
	post := func(b *testing.B, client *http.Client, url, kind, token string, body []byte) []byte {
		req, _ := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", kind)
		resp, err := client.Do(req)
		if err != nil {
			b.Error(err)
			return nil
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(bufio.NewReader(resp.Body))
		if err != nil || resp.StatusCode >= 300 {
			b.Errorf("%d %.300s: %v", resp.StatusCode, answer, err)
		}
		return answer
	}
	b.Run("single", func(b *testing.B) {
		url, tokens := start(b)
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		var n atomic.Int64
		var all sync.WaitGroup
		b.ReportAllocs()
		b.ResetTimer()
		for range 64 {
			all.Go(func() {
				var body bytes.Buffer
				for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
					body.Reset()
					line(&body, i)
					post(b, client, url+"/api/v1/alerts", "application/json", tokens[i%int64(len(tokens))], body.Bytes())
				}
			})
		}
		all.Wait()
	})
	b.Run("lines", func(b *testing.B) {
		const lines = 1000
		url, tokens := start(b)
		var body bytes.Buffer
		b.ReportAllocs()
		b.ResetTimer()
		for n := 0; n < b.N; n += lines {
			body.Reset()
			for i := range min(lines, b.N-n) {
				line(&body, int64(n+i))
				body.WriteByte('\n')
			}
			answer := post(b, http.DefaultClient, url+"/api/v1/alerts:batch", "application/x-ndjson", tokens[n/lines%len(tokens)], body.Bytes())
			if got := bytes.Count(answer, []byte(`"status":202`)); got != min(lines, b.N-n) {
				b.Fatalf("%d of %d lines were taken: %.300s", got, lines, answer)
			}
		}
	})
}
