package app_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/journal"
)

// disk is the machine's, until it fails.
type disk struct {
	journal.OS
	broken atomic.Bool
	syncs  atomic.Int64 // tried since it broke
}

var errDisk = &fs.PathError{Op: "sync", Path: "segment", Err: syscall.EIO}

// OpenFile implements journal.FS.
func (d *disk) OpenFile(name string, flag int) (journal.File, error) {
	f, err := d.OS.OpenFile(name, flag)
	return &diskFile{f, d}, err
}

type diskFile struct {
	journal.File
	disk *disk
}

// Sync implements journal.File.
func (f *diskFile) Sync() error {
	if f.disk.broken.Load() {
		f.disk.syncs.Add(1)
		return errDisk
	}
	return f.File.Sync()
}

// TestDiskFails: after a failed fsync nothing more is accepted and the caller is told, the fsync is never tried
// again even though the disk works again, what was shown stays and what was not accepted is never shown.
func TestDiskFails(t *testing.T) {
	d := &disk{}
	o := options(t, t.TempDir())
	o.Disk = d
	c := run(t, o)
	kept := c.post(1)
	s := c.connect(c.wal, false)
	s.subscribe(map[string]any{"topics": []string{"wall"}})
	at := s.expect("snapshot")
	d.broken.Store(true)
	refused := func(method, path, token, body string) {
		t.Helper()
		status, header, answer, err := c.send(method, path, token, strings.NewReader(body))
		var p api.Problem
		if err == nil {
			err = json.Unmarshal(answer, &p)
		}
		if err != nil || status != http.StatusServiceUnavailable || p.Code != "unavailable" || header.Get("Retry-After") == "" {
			t.Errorf("%s: %v: %d %s", path, err, status, answer)
		}
	}
	for n := 2; n < 5; n++ {
		refused(http.MethodPost, "/api/v1/alerts", c.source, alert(n))
	}
	refused(http.MethodPost, "/api/v1/tasks/"+kept.Tasks[0].ID+"/acknowledge", c.officer, "")
	d.broken.Store(false)
	refused(http.MethodPost, "/api/v1/alerts", c.source, alert(5))
	if n := d.syncs.Load(); n != 1 {
		t.Errorf("%d times was a failing disk asked", n)
	}
	status, _, answer, err := c.send(http.MethodGet, "/readyz", "", nil)
	if err != nil || status != http.StatusServiceUnavailable || !strings.Contains(string(answer), "input/output error") {
		t.Errorf("readyz: %v: %d %s", err, status, answer)
	}
	c.must(http.StatusOK, http.MethodGet, "/healthz", "", "", nil)
	var page struct {
		Incidents []struct{ ID string }
		Seq       uint64
	}
	c.must(http.StatusOK, http.MethodGet, "/api/v1/incidents", c.officer, "", &page)
	if len(page.Incidents) != 1 || page.Incidents[0].ID != kept.IncidentID || page.Seq != at.Seq {
		t.Errorf("shown: %+v, accepted up to %d", page, at.Seq)
	}
	if err := s.ws.WriteJSON(map[string]any{"op": "ping", "id": 1}); err != nil {
		t.Fatal(err)
	}
	if f := s.next(); f.Op != "pong" {
		t.Errorf("a screen was shown what was not accepted: %+v", f)
	}
	_ = s.ws.Close()
	if err := c.stop(); !errors.Is(err, syscall.EIO) {
		t.Errorf("the centre ends with %v", err)
	}
	// The next start finds what was accepted, and takes the rest when it is sent again.
	c = run(t, o)
	if r := c.post(1); !r.Duplicate || r.IncidentID != kept.IncidentID {
		t.Errorf("accepted before: %+v, now %+v", kept, r)
	}
	for n := 2; n < 6; n++ {
		c.post(n)
	}
	if err := c.stop(); err != nil {
		t.Error(err)
	}
	if alerts, _, _ := contents(t, o.DataDir); len(alerts) != 5 {
		t.Errorf("%d alerts in the journal", len(alerts))
	}
}
