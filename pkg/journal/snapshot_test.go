package journal

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// checkOpens checks what OpenSnapshot gives; seq 0: none.
func checkOpens(t testing.TB, j *Journal, want uint64, content []byte) {
	t.Helper()
	seq, r, ok, err := j.OpenSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	if ok != (want > 0) || seq != want {
		t.Fatalf("snapshot at %d, want %d", seq, want)
	}
	if !ok {
		return
	}
	defer r.Close()
	if err := iotest.TestReader(r, content); err != nil {
		t.Fatalf("snapshot at %d: %v", seq, err)
	}
}

func snap(t testing.TB, j *Journal, seq uint64, content []byte) {
	t.Helper()
	err := j.WriteSnapshot(seq, func(w io.Writer) error {
		_, err := io.Copy(w, iotest.OneByteReader(bytes.NewReader(content[:min(10, len(content))])))
		if err == nil {
			_, err = w.Write(content[min(10, len(content)):])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSnapshots(t *testing.T) {
	d := newDisk()
	j := mustOpen(t, d)
	checkOpens(t, j, 0, nil)
	write(t, j, batch(1, 10, 9))
	for i, n := range []int{0, 1, snapshotBlockBytes - 1, snapshotBlockBytes, snapshotBlockBytes + 1, 3*snapshotBlockBytes + 5, snapshotSyncEvery + 1} {
		content := bytes.Repeat([]byte("0123456789abcde"), n/15+1)[:n]
		snap(t, j, uint64(i+1), content)
		checkOpens(t, j, uint64(i+1), content)
	}
	if seqs, err := listSnapshots(d, testDir); err != nil || len(seqs) != 2 || seqs[0] != 6 || seqs[1] != 7 {
		t.Fatalf("kept %v, %v", seqs, err)
	}
	snap(t, j, 7, []byte("again"))
	checkOpens(t, j, 7, []byte("again"))
	for _, seq := range []uint64{0, 10} {
		if err := j.WriteSnapshot(seq, func(io.Writer) error { return nil }); err == nil {
			t.Fatalf("snapshot of sequence %d, which was never accepted", seq)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.WriteSnapshot(7, func(io.Writer) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Fatalf("snapshot after Close: %v", err)
	}
}

// A snapshot that fails leaves the older ones and the journal as they were, and may be tried again.
func TestSnapshotFails(t *testing.T) {
	d := newDisk()
	j := mustOpen(t, d)
	defer j.Close()
	write(t, j, batch(1, 10, 9))
	snap(t, j, 3, []byte("three"))
	broken := errors.New("cannot encode")
	if err := j.WriteSnapshot(5, func(w io.Writer) error { w.Write([]byte("fi")); return broken }); !errors.Is(err, broken) {
		t.Fatalf("error %v", err)
	}
	for _, kind := range []string{"create", "write", "sync", "rename", "syncdir"} {
		d.fault = func(_ int, k, _ string) fault {
			if k == kind {
				return fails
			}
			return works
		}
		err := j.WriteSnapshot(5, func(w io.Writer) error { _, err := w.Write(make([]byte, 9<<20)); return err })
		d.fault = nil
		if err == nil {
			t.Fatalf("%s failed and the snapshot did not", kind)
		}
		if kind != "syncdir" { // after the rename it is there, and good
			checkOpens(t, j, 3, []byte("three"))
		}
	}
	snap(t, j, 5, []byte("five"))
	checkOpens(t, j, 5, []byte("five"))
	write(t, j, batch(10, 10, 1))
	for name := range d.names {
		if strings.HasSuffix(name, temporarySuffix) {
			t.Fatalf("%s is left", name)
		}
	}
}

// The damaged newest is replaced before the good older one is.
func TestSnapshotFallback(t *testing.T) {
	d := newDisk()
	j := mustOpen(t, d)
	defer j.Close()
	write(t, j, batch(1, 10, 9))
	snap(t, j, 2, []byte("two"))
	snap(t, j, 4, []byte("four"))
	hurt := func(seq uint64) {
		d.names[filepath.Join(testDir, fileName(seq, snapshotSuffix))].cache[snapshotHeaderBytes+blockHeaderBytes] ^= 1
	}
	hurt(4)
	checkOpens(t, j, 2, []byte("two"))
	snap(t, j, 6, []byte("six"))
	hurt(6)
	checkOpens(t, j, 2, []byte("two"))
	hurt(6)
	checkOpens(t, j, 6, []byte("six"))
	six := d.names[filepath.Join(testDir, fileName(6, snapshotSuffix))]
	six.cache = append(six.cache, 0)
	checkOpens(t, j, 2, []byte("two"))
	hurt(2)
	checkOpens(t, j, 0, nil)
	snap(t, j, 6, []byte("six"))
	checkOpens(t, j, 6, []byte("six"))
}

// What is damaged after the check that opening makes is noticed as it is read.
func TestSnapshotDamagedWhileRead(t *testing.T) {
	d := newDisk()
	j := mustOpen(t, d)
	defer j.Close()
	write(t, j, batch(1, 10, 9))
	snap(t, j, 4, make([]byte, 3*snapshotBlockBytes))
	_, r, ok, err := j.OpenSnapshot()
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	defer r.Close()
	if _, err := io.ReadFull(r, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	d.names[filepath.Join(testDir, fileName(4, snapshotSuffix))].cache[2*snapshotBlockBytes] ^= 1
	if n, err := io.Copy(io.Discard, r); !errors.Is(err, errDamaged) || n != snapshotBlockBytes-10 {
		t.Fatalf("read %d more bytes, %v", n, err)
	}
}

// Blocks of two snapshots of one sequence, each good by itself, make no good one.
func TestSnapshotBlocksBelongTogether(t *testing.T) {
	d := newDisk()
	j := mustOpen(t, d)
	defer j.Close()
	write(t, j, batch(1, 10, 9))
	path := filepath.Join(testDir, fileName(4, snapshotSuffix))
	snap(t, j, 4, bytes.Repeat([]byte{1}, 2*snapshotBlockBytes))
	one := bytes.Clone(d.names[path].cache)
	snap(t, j, 4, bytes.Repeat([]byte{2}, 2*snapshotBlockBytes))
	copy(d.names[path].cache[snapshotHeaderBytes:], one[snapshotHeaderBytes:][:blockHeaderBytes+snapshotBlockBytes])
	checkOpens(t, j, 0, nil)
}
