package auth

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// appendLine adds v as one line with one write, so that a reader sees all of it or nothing, and has the disk
// keep it. Only the owner may read the file.
func appendLine(path string, v any) error { return appendTo(path, v, true) }

// appendTo is appendLine that may leave the disk alone.
func appendTo(path string, v any, sync bool) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(line) >= maxLineBytes {
		return fmt.Errorf("%s: a line of %d bytes, at most %d are taken", filepath.Base(path), len(line), maxLineBytes)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	if sync {
		err = errors.Join(err, f.Sync())
	}
	return errors.Join(err, f.Close())
}

// readLines calls take with every line that is not empty; an error of it is given the place.
func readLines(r io.Reader, name string, take func(line []byte) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, maxLineBytes), maxLineBytes)
	for n := 1; s.Scan(); n++ {
		if len(bytes.TrimSpace(s.Bytes())) == 0 {
			continue
		}
		if err := take(s.Bytes()); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	return s.Err()
}

// readFile is readLines of a file, which may be absent.
func readFile(path string, take func(line []byte) error) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	return readLines(f, filepath.Base(path), take)
}

// watched is a file that others append to while it is in use here.
type watched struct {
	path    string
	checked atomic.Int64 // Unix nanoseconds
	reload  sync.Mutex
	size    int64
	mtime   time.Time
}

// stale reports whether the file was not looked at for recheck.
func (w *watched) stale() bool { return time.Now().UnixNano()-w.checked.Load() > int64(recheck) }

// refresh calls load if the file has changed since load last succeeded.
func (w *watched) refresh(load func() error) error {
	w.reload.Lock()
	defer w.reload.Unlock()
	w.checked.Store(time.Now().UnixNano())
	info, err := os.Stat(w.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil || w.as(info) {
		return err
	}
	if err := load(); err != nil {
		return err
	}
	w.size, w.mtime = info.Size(), info.ModTime()
	return nil
}

// as reports whether the file is as it was read.
func (w *watched) as(info os.FileInfo) bool {
	return info.Size() == w.size && info.ModTime().Equal(w.mtime)
}

// unchanged reports whether nobody else has written to the file since it was read.
func (w *watched) unchanged() bool {
	w.reload.Lock()
	defer w.reload.Unlock()
	info, err := os.Stat(w.path)
	return err == nil && w.as(info) || errors.Is(err, os.ErrNotExist) && w.size == 0
}

// note takes the file as it is for read.
func (w *watched) note() {
	w.reload.Lock()
	defer w.reload.Unlock()
	if info, err := os.Stat(w.path); err == nil {
		w.size, w.mtime = info.Size(), info.ModTime()
	}
}

// locked does f while no other process does anything under the same lock. The lock is a file beside the watched one.
func (w *watched) locked(f func() error) error {
	l, err := os.OpenFile(w.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer l.Close() // and with it the lock
	if err := lock(l); err != nil {
		return err
	}
	return f()
}
