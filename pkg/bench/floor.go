package bench

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// bareServer is net/http and a JSON body decoded and answered, nothing else.
func bareServer() (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var v map[string]any
		if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		_ = json.NewEncoder(w).Encode(map[string]any{"seq": 1, "tasks": []int{}})
	})}
	go func() { _ = s.Serve(l) }() // ends with stop
	return "http://" + l.Addr().String(), func() { _ = s.Close() }, nil
}

// SyncFloor is the median time of what syncFloor does.
func SyncFloor(dir string, rounds int) (time.Duration, error) {
	q, err := syncFloor(dir, rounds)
	return q.p50, err
}

// syncFloor writes 512 bytes into a preallocated, zeroed file and waits for the disk, again and again.
func syncFloor(dir string, rounds int) (q quantiles, err error) {
	const record = 512
	path := filepath.Join(dir, "bench.tmp")
	f, err := os.Create(path)
	if err != nil {
		return q, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(path)) }()
	if _, err := f.Write(make([]byte, record*rounds)); err != nil {
		return q, err
	}
	if err := f.Sync(); err != nil {
		return q, err
	}
	b := make([]byte, record)
	took := make([]time.Duration, rounds)
	for i := range took {
		b[0] = byte(i)
		began := time.Now()
		if _, err := f.WriteAt(b, int64(i)*record); err != nil {
			return q, err
		}
		if err := datasync(f); err != nil {
			return q, err
		}
		took[i] = time.Since(began)
	}
	return quantilesOf(took), nil
}

// PostFloor is the median time of a POST that bare net/http decodes and answers.
func PostFloor(ctx context.Context, rounds int) (time.Duration, error) {
	url, stop, err := bareServer()
	if err != nil {
		return 0, err
	}
	defer stop()
	b := newBench(Options{SourceTokens: []string{""}})
	defer b.client.CloseIdleConnections()
	q, err := b.oneByOne(ctx, url, rounds)
	return q.p50, err
}
