package journal

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/v1 anew")

const goldenDir = "testdata/v1"

// TestGolden holds the format against the files in testdata: what is written today is what was written when
// they were made, byte for byte.
func TestGolden(t *testing.T) {
	s := makeSmall(t)
	for path, n := range s.disk.names {
		golden := filepath.Join(goldenDir, filepath.Base(path))
		if *update {
			if err := errors.Join(os.MkdirAll(goldenDir, 0o755), os.WriteFile(golden, n.cache, 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(n.cache, want) {
			t.Errorf("%s differs from the golden file: an old journal could not be read", golden)
		}
	}
	entries, err := os.ReadDir(goldenDir)
	if err != nil || len(entries) != len(s.disk.names) {
		t.Fatalf("%d golden files, %d are written: %v", len(entries), len(s.disk.names), err)
	}
}

// TestGoldenOpens opens a copy of the golden journal on the machine's file system and appends to it.
func TestGoldenOpens(t *testing.T) {
	want := makeSmall(t).frames
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(goldenDir)); err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		return errors.Join(err, os.Chmod(path, 0o750))
	}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		j, err := Open(dir, Options{SegmentBytes: MinSegmentBytes})
		if err != nil {
			t.Fatal(err)
		}
		got, err := readAll(j, 1)
		if err != nil {
			t.Fatal(err)
		}
		sameFrames(t, got, want)
		seq, r, ok, err := j.OpenSnapshot()
		if err != nil || !ok || seq != smallNewer {
			t.Fatal(seq, ok, err)
		}
		if b, err := io.ReadAll(r); err != nil || !bytes.Equal(b, smallSnapshot(seq)) {
			t.Fatalf("%d bytes of snapshot, %v", len(b), err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		want = append(want, write(t, j, batch(j.LastSeq()+1, 1500, 1, 1))...)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
