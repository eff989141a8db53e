package journal

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestAppendRead(t *testing.T) {
	d := newDisk()
	j := mustOpen(t, d)
	if j.LastSeq() != 0 {
		t.Fatalf("a new journal ends at %d", j.LastSeq())
	}
	all := write(t, j, batch(1, 10, 1), batch(2, 700, 3, 1, 2), batch(8, 0, 5), nil, batch(13, 3000, 1), batch(14, 3000, 1, 1), batch(16, 64, 4))
	check := func(j *Journal) {
		t.Helper()
		if j.LastSeq() != 19 {
			t.Fatalf("the journal ends at %d, want 19", j.LastSeq())
		}
		for from := uint64(0); from <= 20; from++ {
			var want []Frame
			for _, f := range all {
				if f.LastSeq() >= from {
					want = append(want, f)
				}
			}
			got, err := readAll(j, from)
			if err != nil {
				t.Fatal(err)
			}
			sameFrames(t, got, want)
			f, err := j.FrameAt(from)
			if from == 0 || from == 20 {
				if err != ErrNotFound {
					t.Fatalf("FrameAt(%d): %v", from, err)
				}
			} else if err != nil || !sameFrame(f, want[0]) {
				t.Fatalf("FrameAt(%d) is %.80v, %v", from, f, err)
			}
		}
	}
	check(j)
	if n := len(j.segments); n < 3 {
		t.Fatalf("%d segments: the test needs several", n)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	check(j) // reading goes on
	if err := j.Append(batch(20, 1, 1)); !errors.Is(err, ErrClosed) {
		t.Fatalf("Append after Close: %v", err)
	}
	j = mustOpen(t, d)
	check(j)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestReadStops(t *testing.T) {
	j := mustOpen(t, newDisk())
	defer j.Close()
	write(t, j, batch(1, 3000, 1), batch(2, 3000, 1), batch(3, 3000, 1))
	n := 0
	for range j.Read(2) {
		n++
		break
	}
	if n != 1 {
		t.Fatalf("%d frames after break", n)
	}
	n = 0
	for f, err := range j.Read(1) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; f.Seq == 1 {
			write(t, j, batch(4, 10, 1))
		}
	}
	if n != 3 {
		t.Fatalf("%d frames, want the 3 accepted when the iteration began", n)
	}
}

// A batch larger than a segment gets a segment of its size, wherever the journal stands.
func TestLargeBatch(t *testing.T) {
	for _, before := range [][][]Frame{nil, {batch(1, 100, 1)}, {batch(1, 3000, 1)}} {
		d := newDisk()
		j := mustOpen(t, d)
		all := write(t, j, before...)
		seq := j.LastSeq() + 1
		all = append(all, write(t, j, batch(seq, 3*testSegmentBytes, 2, 1), batch(seq+3, 50, 1))...)
		for _, seg := range j.segments {
			if n := len(d.names[j.path(seg.name)].cache); n%segmentAlign != 0 {
				t.Fatalf("segment %s grew to %d bytes: it was not allocated with room for the batch", seg.name, n)
			}
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		j = mustOpen(t, d)
		got, err := readAll(j, 1)
		if err != nil {
			t.Fatal(err)
		}
		sameFrames(t, got, all)
		j.Close()
	}
}

// TestIndex finds every frame of a segment with many index entries, some of which pointed into a torn batch.
func TestIndex(t *testing.T) {
	d := newDisk()
	options := testOptions(d)
	options.SegmentBytes = 1 << 20
	open := func() *Journal {
		j, err := Open(testDir, options)
		if err != nil {
			t.Fatal(err)
		}
		return j
	}
	counts := func(n int, count uint32) []uint32 { return slices.Repeat([]uint32{count}, n) }
	j := open()
	all := write(t, j, batch(1, 3000, counts(80, 2)...))
	d.fault = func(_ int, kind, _ string) fault { return map[bool]fault{true: failsHalf}[kind == "write"] }
	if err := j.Append(batch(161, 4000, counts(80, 1)...)); err == nil {
		t.Fatal("no error")
	}
	d.kill()
	j = open()
	all = append(all, write(t, j, batch(161, 1900, counts(120, 3)...))...)
	for range 2 {
		if n := len(j.segments[0].index); len(j.segments) != 1 || n < 6 {
			t.Fatalf("%d index entries in the first of %d segments", n, len(j.segments))
		}
		for _, want := range all {
			for seq := want.Seq; seq <= want.LastSeq(); seq++ {
				if f, err := j.FrameAt(seq); err != nil || !sameFrame(f, want) {
					t.Fatalf("FrameAt(%d) begins at %d, %v", seq, f.Seq, err)
				}
			}
		}
		j.Close()
		j = open()
	}
	j.Close()
}

func TestAppendRefuses(t *testing.T) {
	many := make([]uint32, MaxBatchFrames+1)
	for i := range many {
		many[i] = 1
	}
	half := Frame{Seq: 1, Count: 1, Payload: make([]byte, MaxPayloadBytes)}
	for name, c := range map[string]struct {
		batch []Frame
		says  string
	}{
		"gap":            {batch(3, 1, 1), "where 2 is next"},
		"repeat":         {batch(1, 1, 1), "where 2 is next"},
		"gap in a batch": {append(batch(2, 1, 2), batch(5, 1, 1)...), "where 4 is next"},
		"no event":       {batch(2, 1, 0), "0 events"},
		"too many":       {batch(2, 1, many...), "65537 frames, at most 65536"},
		"payload":        {[]Frame{{Seq: 2, Count: 1, Payload: make([]byte, MaxPayloadBytes+1)}}, "at most 67108864"},
		"batch":          {[]Frame{{Seq: 2, Count: 1, Payload: half.Payload}, {Seq: 3, Count: 1, Payload: half.Payload}}, "at most 100663296"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisk()
			j := mustOpen(t, d)
			all := write(t, j, batch(1, 5, 1))
			err := j.Append(c.batch)
			if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v, want one that says %q", err, c.says)
			}
			if j.Err() != err || j.Append(batch(2, 1, 1)) != err {
				t.Fatal("the journal goes on")
			}
			got, err := readAll(j, 1)
			if err != nil {
				t.Fatal(err)
			}
			sameFrames(t, got, all)
			j.Close()
		})
	}
}

func TestSequencesEnd(t *testing.T) {
	tl := tail{next: place{seq: math.MaxUint64 - 1, batch: 1}}
	if _, err := tl.measure(batch(math.MaxUint64-1, 1, 2)); !errors.Is(err, ErrRefused) {
		t.Fatalf("sequences wrapped: %v", err)
	}
}

func TestLargestPayload(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(dir, Options{SegmentBytes: MinSegmentBytes})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	f := Frame{Seq: 1, Count: 1, Payload: make([]byte, MaxPayloadBytes)}
	f.Payload[len(f.Payload)-1] = 7
	write(t, j, []Frame{f})
	got, err := j.FrameAt(1)
	if err != nil || !sameFrame(got, f) {
		t.Fatalf("FrameAt: %v", err)
	}
}

func TestOptionsBounds(t *testing.T) {
	for _, n := range []int64{-1, MinSegmentBytes - 1, MaxSegmentBytes + 1} {
		if _, err := Open(testDir, Options{SegmentBytes: n, FS: newDisk()}); err == nil {
			t.Fatalf("segments of %d bytes are allowed", n)
		}
	}
}

func TestLocked(t *testing.T) {
	dir := t.TempDir()
	j, err := Open(dir, Options{SegmentBytes: MinSegmentBytes})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrLocked) {
		t.Fatalf("opened twice: %v", err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if j, err = Open(dir, Options{}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Close(), j.Close()); err != nil {
		t.Fatal(err)
	}
}
