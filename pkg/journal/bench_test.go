package journal

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

const benchPayloadBytes = 512

// BenchmarkAppend times one batch beside the least that could do the same: one pwrite and one fdatasync of
// as many bytes in a file that is allocated and zeroed. The two take turns, so that both see the same disk.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("frames=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			j, err := Open(filepath.Join(dir, "journal"), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			bare := makeBlank(OS{}, filepath.Join(dir, "bare"), DefaultSegmentBytes, zeroChunk)
			if bare.err != nil {
				b.Fatal(bare.err)
			}
			defer bare.file.Close()
			frames := make([]Frame, n)
			for i := range frames {
				frames[i] = Frame{Count: 1, Payload: bytes.Repeat([]byte{'x'}, benchPayloadBytes)}
			}
			raw := bytes.Repeat([]byte{'y'}, n*int(frames[0].bytes()))
			var ours, floor []time.Duration
			var seq uint64
			off := int64(0)
			for b.Loop() {
				began := time.Now()
				if err := writeAt(bare.file, raw, off); err != nil {
					b.Fatal(err)
				}
				if err := bare.file.Sync(); err != nil {
					b.Fatal(err)
				}
				between := time.Now()
				for i := range frames {
					seq++
					frames[i].Seq = seq
				}
				if err := j.Append(frames); err != nil {
					b.Fatal(err)
				}
				floor, ours = append(floor, between.Sub(began)), append(ours, time.Since(between))
				if off += int64(len(raw)); off+int64(len(raw)) > bare.size {
					off = 0
				}
			}
			p := func(d []time.Duration, q float64) float64 {
				slices.Sort(d)
				return float64(d[int(q*float64(len(d)-1))].Microseconds())
			}
			b.ReportMetric(p(ours, 0.5), "append-p50-µs")
			b.ReportMetric(p(ours, 0.99), "append-p99-µs")
			b.ReportMetric(p(floor, 0.5), "floor-p50-µs")
			b.ReportMetric(p(floor, 0.99), "floor-p99-µs")
			b.ReportMetric(p(ours, 0.5)/max(1, p(floor, 0.5)), "of-floor")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// benchJournal makes a journal of some megabytes.
func benchJournal(b *testing.B, megabytes int) string {
	dir := b.TempDir()
	j, err := Open(dir, Options{})
	if err != nil {
		b.Fatal(err)
	}
	for seq := uint64(1); seq < uint64(megabytes)<<20/4096; {
		frames := batch(seq, 4048, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
		if err := j.Append(frames); err != nil {
			b.Fatal(err)
		}
		seq += uint64(len(frames))
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkOpen opens a journal that is in the page cache.
func BenchmarkOpen(b *testing.B) {
	const megabytes = 256
	dir := benchJournal(b, megabytes)
	b.SetBytes(megabytes << 20)
	for b.Loop() {
		j, err := Open(dir, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := j.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpenBehindSnapshot opens the same with a snapshot near its end: the cost is that of what comes after it.
func BenchmarkOpenBehindSnapshot(b *testing.B) {
	for _, megabytes := range []int{128, 1024} {
		b.Run(fmt.Sprintf("megabytes=%d", megabytes), func(b *testing.B) {
			dir := benchJournal(b, megabytes)
			j, err := Open(dir, Options{})
			if err == nil {
				err = j.WriteSnapshot(j.LastSeq()-100, func(w io.Writer) error { _, err := w.Write(make([]byte, 1<<20)); return err })
			}
			if err != nil {
				b.Fatal(err)
			}
			if err := j.Close(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				j, err := Open(dir, Options{})
				if err != nil {
					b.Fatal(err)
				}
				if err := j.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRead reads every frame of a journal that is in the page cache.
func BenchmarkRead(b *testing.B) {
	const megabytes = 128
	j, err := Open(benchJournal(b, megabytes), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	b.SetBytes(megabytes << 20)
	for b.Loop() {
		for _, err := range j.Read(1) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkFrameAt finds single frames of 4 KB.
func BenchmarkFrameAt(b *testing.B) {
	j, err := Open(benchJournal(b, 128), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	seq := uint64(1)
	for b.Loop() {
		if _, err := j.FrameAt(seq); err != nil {
			b.Fatal(err)
		}
		seq = seq*7919%j.LastSeq() + 1
	}
}

// BenchmarkBlank is the time a segment takes to be made while somebody waits: at the first Open.
func BenchmarkBlank(b *testing.B) {
	name := filepath.Join(b.TempDir(), "blank")
	for b.Loop() {
		blank := makeBlank(OS{}, name, DefaultSegmentBytes, zeroChunk)
		if blank.err != nil {
			b.Fatal(blank.err)
		}
		blank.file.Close()
		os.Remove(name)
	}
}
