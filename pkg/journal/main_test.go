package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerEnv); dir != "" {
		writeUntilKilled(dir)
	}
	goleak.VerifyTestMain(m)
}

const (
	testDir          = "d"
	testSegmentBytes = 4096
)

// testOptions makes everything happen in the test's goroutine, and the same way every time.
func testOptions(d *disk) Options {
	salt := uint64(0x5a17)
	return Options{SegmentBytes: testSegmentBytes, FS: d, spawn: func(f func()) { f() }, salt: func() uint64 { salt++; return salt }}
}

func mustOpen(t testing.TB, d *disk) *Journal {
	t.Helper()
	j, err := Open(testDir, testOptions(d))
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// readAll returns the frames from a sequence on.
func readAll(j *Journal, from uint64) (frames []Frame, err error) {
	for f, err := range j.Read(from) {
		if err != nil {
			return frames, err
		}
		frames = append(frames, f)
	}
	return frames, nil
}

// batch makes frames from a sequence on, one for each count, with payloads of the given size.
func batch(seq uint64, size int, counts ...uint32) (frames []Frame) {
	for _, n := range counts {
		b := bytes.Repeat(fmt.Appendf(nil, "<%d+%d>", seq, n), size/5+1)[:size]
		frames = append(frames, Frame{Epoch: 1 + uint32(seq/8), Seq: seq, Count: n, Payload: b})
		seq += uint64(n)
	}
	return frames
}

// write appends batches and returns all frames.
func write(t testing.TB, j *Journal, batches ...[]Frame) (frames []Frame) {
	t.Helper()
	for _, b := range batches {
		if err := j.Append(b); err != nil {
			t.Fatal(err)
		}
		frames = append(frames, b...)
	}
	return frames
}

func sameFrames(t testing.TB, got, want []Frame) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d frames, want %d", len(got), len(want))
	}
	for i := range got {
		if !sameFrame(got[i], want[i]) {
			t.Fatalf("frame %d is %.80v, want %.80v", i, got[i], want[i])
		}
	}
}

func sameFrame(a, b Frame) bool {
	if !bytes.Equal(a.Payload, b.Payload) {
		return false
	}
	a.Payload, b.Payload = nil, nil
	a.Chain, b.Chain = Chain{}, Chain{} // Append makes its own
	return reflect.DeepEqual(a, b)
}

// corrupt returns the CorruptError in err and fails the test if there is none.
func corrupt(t testing.TB, err error) *CorruptError {
	t.Helper()
	var c *CorruptError
	if !errors.As(err, &c) {
		t.Fatalf("error %v, want a CorruptError", err)
	}
	return c
}
