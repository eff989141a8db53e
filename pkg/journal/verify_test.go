package journal

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"testing"
)

func TestVerify(t *testing.T) {
	s := makeSmall(t)
	before := s.disk.ops
	var got []Frame
	r, err := verify(s.disk, testDir, func(f Frame) error { got = append(got, f); return nil })
	if err != nil {
		t.Fatal(err)
	}
	sameFrames(t, got, s.frames)
	if s.disk.ops != before {
		t.Fatalf("verifying changed something: %v", s.disk.log[before:])
	}
	if r.Segments != 2 || r.Batches != 5 || r.Frames != 8 || r.LastSeq != 12 || r.TailBytes != 0 || len(r.Snapshots) != 2 {
		t.Fatalf("%+v", r)
	}
	if last := r.Snapshots[1]; last.Seq != smallNewer || last.Bytes != 200 || last.Err != nil {
		t.Fatalf("%+v", last)
	}

	stop := errors.New("stop")
	if r, err := verify(s.disk, testDir, func(f Frame) error {
		if f.Seq == 6 {
			return stop
		}
		return nil
	}); err != stop || r.Segments != 1 || r.LastSeq != 7-1 {
		t.Fatalf("%+v, %v", r, err)
	}

	// A torn batch is not shown, but counted; a damaged snapshot is reported and no error.
	d := unmark(s.disk.clone())
	d.names[filepath.Join(testDir, smallLast)].cache[s.at[s.tail+1].to-1] ^= 1
	d.names[filepath.Join(testDir, fileName(smallNewer, snapshotSuffix))].cache[0] ^= 1
	got = nil
	r, err = verify(d, testDir, func(f Frame) error { got = append(got, f); return nil })
	if err != nil {
		t.Fatal(err)
	}
	sameFrames(t, got, s.frames[:s.tail])
	if want := s.at[s.tail+1].to - s.at[s.tail].from; r.TailBytes != want || r.Batches != 4 {
		t.Fatalf("%+v, want a tail of %d bytes", r, want)
	}
	if r.Snapshots[0].Err != nil || !errors.Is(r.Snapshots[1].Err, errDamaged) {
		t.Fatalf("%+v", r.Snapshots)
	}
}

func TestVerifyNothing(t *testing.T) {
	if _, err := Verify(t.TempDir(), nil); !errors.Is(err, ErrEmpty) {
		t.Fatalf("an empty directory: %v", err)
	}
	if _, err := Verify(filepath.Join(t.TempDir(), "none"), nil); err == nil {
		t.Fatal("no directory, no error")
	}
}

// TestVerifyBesideWriter verifies and reads a journal on a real disk while it is written.
func TestVerifyBesideWriter(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(dir, Options{SegmentBytes: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	const batches = 250
	done := make(chan struct{})
	writing := func() bool {
		select {
		case <-done:
			return false
		default:
			return true
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		for i := range uint64(batches) {
			seq := 1 + 4*i
			err := j.Append(batch(seq, int(seq*131%6000), 1, 2, 1))
			if err == nil && i%16 == 0 {
				err = j.WriteSnapshot(seq, func(w io.Writer) error { _, err := fmt.Fprint(w, seq); return err })
			}
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	wg.Go(func() {
		for seq := uint64(0); writing(); seq = seq%(j.LastSeq()+1) + 1 {
			last := j.LastSeq()
			f, err := j.FrameAt(seq)
			if err == nil && (f.Seq > seq || f.LastSeq() < seq) || err != nil && !errors.Is(err, ErrNotFound) || err != nil && seq > 0 && seq <= last {
				t.Errorf("FrameAt(%d) begins at %d: %v", seq, f.Seq, err)
				return
			}
		}
	})
	for more := true; more && !t.Failed(); {
		more = writing() // the last round is after the last batch
		verifyLive(t, dir, j.LastSeq())
	}
	wg.Wait()
	if j.LastSeq() != 4*batches || len(j.segments) < 10 {
		t.Errorf("%d segments up to %d", len(j.segments), j.LastSeq())
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func verifyLive(t *testing.T, dir string, accepted uint64) {
	t.Helper()
	next := uint64(1)
	r, err := Verify(dir, func(f Frame) error {
		if f.Seq != next {
			return fmt.Errorf("frame at %d, want %d", f.Seq, next)
		}
		next += uint64(f.Count)
		return nil
	})
	if err != nil || r.LastSeq < accepted {
		t.Errorf("verified up to %d, accepted before: %d: %v", r.LastSeq, accepted, err)
	}
	for _, s := range r.Snapshots {
		if s.Err != nil {
			t.Error(s.Err)
		}
	}
}

// TestLateBytes shows a reader that looks while a batch is half written what comes between two of its reads,
// and in the midst of one.
func TestLateBytes(t *testing.T) {
	s := makeSmall(t)
	path := filepath.Join(testDir, smallLast)
	whole := s.disk.names[path].cache
	for name, from := range map[string]int64{"end of the last but one": s.at[s.tail].from - 8, "its header": s.at[s.tail-1].from} {
		for _, late := range []lateFS{{read: 2, old: int64(len(whole))}, {read: 3, old: s.at[s.tail].from - s.at[s.tail-1].from}} {
			d := unmark(s.disk.clone())
			clear(d.names[path].cache[from:])
			late.disk, late.path = d, path
			late.then = func() { copy(d.names[path].cache, whole) }
			var got []Frame
			if _, err := verify(&late, testDir, func(f Frame) error { got = append(got, f); return nil }); err != nil {
				t.Fatalf("%s, read %d: %v", name, late.read, err)
			}
			sameFrames(t, got, s.frames)
		}
	}
}

// lateFS lets something happen during a read of a file: when old bytes of it are read.
type lateFS struct {
	*disk
	path  string
	read  int // which; the first is of the header
	old   int64
	then  func()
	reads int
}

func (l *lateFS) OpenFile(name string, flag int) (File, error) {
	f, err := l.disk.OpenFile(name, flag)
	if name == l.path && err == nil {
		f = &lateFile{f, l}
	}
	return f, err
}

type lateFile struct {
	File
	l *lateFS
}

func (f *lateFile) ReadAt(b []byte, off int64) (int, error) {
	if f.l.reads++; f.l.reads != f.l.read {
		return f.File.ReadAt(b, off)
	}
	old := min(f.l.old, int64(len(b)))
	n, err := f.File.ReadAt(b[:old], off)
	f.l.then()
	if err == nil && old < int64(len(b)) {
		n, err = f.File.ReadAt(b[old:], off+old)
		n += int(old)
	}
	return n, err
}
