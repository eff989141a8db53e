package app_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/journal"
)

// unpackOld puts the journal that a former release made of the demonstration city into a data folder.
func unpackOld(t *testing.T) string {
	t.Helper()
	f, err := os.Open("testdata/journal-v1.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, app.JournalDir), 0o750); err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(io.LimitReader(r, 4<<20))
		if err = errors.Join(err, os.WriteFile(filepath.Join(dir, app.JournalDir, filepath.Base(h.Name)), b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOldJournal starts over the journal of a former release, from its snapshot and without, works on, and finds
// the whole of it good, chained from the first frame.
func TestOldJournal(t *testing.T) {
	const oldEvents, oldAlerts = 310, 70
	for _, snapshot := range []bool{true, false} {
		dir := unpackOld(t)
		if !snapshot {
			if err := os.Remove(filepath.Join(dir, app.JournalDir, "00000000000000000310.snap")); err != nil {
				t.Fatal(err)
			}
		}
		before, err := journal.Verify(filepath.Join(dir, app.JournalDir), nil)
		if err != nil || before.LastSeq != oldEvents {
			t.Fatalf("as it was left: %+v, %v", before, err)
		}
		c := run(t, options(t, dir)) // under another city: what is open goes on
		c.post(1)
		if err := c.stop(); err != nil {
			t.Fatal(err)
		}
		alerts, configs, report := contents(t, dir)
		if len(alerts) != oldAlerts+1 || configs != 2 || report.Segments != 2 || report.LastSeq <= oldEvents {
			t.Errorf("%d alerts, %d configurations, %+v", len(alerts), configs, report)
		}
		at := journal.Chain{}
		if _, err := journal.Verify(filepath.Join(dir, app.JournalDir), func(f journal.Frame) error {
			if f.LastSeq() == oldEvents {
				at = f.Chain
			}
			return nil
		}); err != nil || at != before.Chain || at == (journal.Chain{}) {
			t.Errorf("the chain behind what was there is %v, was %v: %v", at, before.Chain, err)
		}
	}
}
