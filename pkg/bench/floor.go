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
	b := newBench(Options{})
	defer b.client.CloseIdleConnections()
	q, err := b.oneByOne(ctx, url, rounds)
	return q.p50, err
}

// groupFloor is how many records of 512 bytes a second come to lie on the disk when so many writers wait for theirs
// and one write with a sync takes all that wait.
func groupFloor(dir string, writers int, length time.Duration) (perSecond float64, err error) {
	const record, room = 512, 32 << 20
	path := filepath.Join(dir, "bench.tmp")
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(path)) }()
	if _, err := f.Write(make([]byte, room)); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	waiting, until := make(chan chan struct{}, writers), time.Now().Add(length)
	for range writers {
		go func() {
			for mine := make(chan struct{}, 1); ; <-mine {
				if time.Now().After(until) {
					waiting <- nil
					return
				}
				waiting <- mine
			}
		}()
	}
	began, done, at := time.Now(), 0, int64(0)
	batch, buf := make([]chan struct{}, 0, writers), make([]byte, record*writers)
	for left := writers; left > 0; {
		batch = append(batch[:0], <-waiting)
		for n := len(waiting); n > 0; n-- {
			batch = append(batch, <-waiting)
		}
		size := int64(record * len(batch))
		if at+size > room {
			at = 0
		}
		if _, err := f.WriteAt(buf[:size], at); err != nil {
			return 0, err
		}
		if err := datasync(f); err != nil {
			return 0, err
		}
		at += size
		for _, w := range batch {
			if w == nil {
				left--
				continue
			}
			w <- struct{}{}
			done++
		}
	}
	return float64(done) / time.Since(began).Seconds(), nil
}
