package journal

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/v2 anew")

const (
	goldenDir    = "testdata/v2"
	oldGoldenDir = "testdata/v1" // written before frames were chained
)

// oldGolden returns the frames of the journal in oldGoldenDir.
func oldGolden() []Frame {
	return slices.Concat(batch(1, 450, 1, 2), batch(4, 750, 1), batch(5, 600, 1, 1), batch(7, 41, 3), batch(10, 151, 1, 2))
}

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

// copyJournal copies a journal of testdata to where it may be written to.
func copyJournal(t *testing.T, from string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		return errors.Join(err, os.Chmod(path, 0o750))
	}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestGoldenOpens opens copies of the golden journals on the machine's file system and appends to them.
func TestGoldenOpens(t *testing.T) {
	for dir, frames := range map[string][]Frame{goldenDir: makeSmall(t).frames, oldGoldenDir: oldGolden()} {
		t.Run(filepath.Base(dir), func(t *testing.T) { goldenOpens(t, copyJournal(t, dir), frames) })
	}
}

func goldenOpens(t *testing.T, dir string, want []Frame) {
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
		seq, head := j.Head()
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if r, err := Verify(dir, nil); err != nil || r.LastSeq != seq || r.Chain != head || head != chainOf(want) {
			t.Fatalf("%+v, the journal said %d %v, want %v: %v", r, seq, head, chainOf(want), err)
		}
	}
}

// loadGolden puts the old golden journal on a disk.
func loadGolden(t *testing.T, d *disk) {
	t.Helper()
	entries, err := os.ReadDir(oldGoldenDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(oldGoldenDir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(testDir, e.Name())
		n := &inode{name: name, cache: b, stable: slices.Clone(b), dirty: map[int]bool{}}
		d.names[name], d.durable[name] = n, n
	}
}
