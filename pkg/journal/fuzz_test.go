package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"
)

// mend makes the checksums of whatever looks like frames right, so that a fuzzer gets past them.
func mend(body []byte, salt uint64) {
	c, le := codec{salt: salt}, binary.LittleEndian
	for at := 0; at+frameHeaderBytes <= len(body); {
		h := body[at:]
		end := padded(int(le.Uint32(h[4:]))) + frameHeaderBytes
		if le.Uint32(h) != frameMagic || end > int64(len(h)) {
			return
		}
		le.PutUint32(h[40:], crc32.Checksum(h[frameHeaderBytes:end], castagnoli))
		le.PutUint32(h[44:], c.headerSum(h, int64(segmentHeaderBytes+at)))
		at += int(end)
	}
}

// FuzzFrames opens a journal of one segment with any bytes behind its header. Whatever is accepted must be
// those very bytes, and must be found again.
func FuzzFrames(f *testing.F) {
	const salt = 77
	t := tail{codec: codec{salt: salt}, next: place{off: segmentHeaderBytes, seq: 1, batch: 1}}
	var body []byte
	for _, b := range [][]Frame{batch(1, 30, 1, 2), batch(4, 0, 1), batch(5, 100, 1, 1)} {
		t.next = t.encode(b)
		body = append(body, t.buf...)
	}
	f.Add(body, true)
	f.Add(body[:len(body)-9], false)
	f.Add(append(bytes.Clone(body[:96]), make([]byte, 200)...), true)
	f.Add([]byte{}, false)
	f.Fuzz(func(t *testing.T, body []byte, mended bool) {
		if mended {
			body = bytes.Clone(body)
			mend(body, salt)
		}
		d := newDisk()
		seg := segment{first: 1, firstBatch: 1, salt: salt}
		file, err := d.OpenFile(filepath.Join(testDir, fileName(1, segmentSuffix)), os.O_RDWR|os.O_CREATE)
		if err = errors.Join(err, writeAt(file, append(seg.encode(), body...), 0)); err != nil {
			t.Fatal(err)
		}
		j, err := Open(testDir, testOptions(d))
		if err != nil {
			corrupt(t, err)
			return
		}
		frames, err := readAll(j, 1)
		if err != nil {
			t.Fatal(err)
		}
		// Encoded again they must be what was read.
		at := int64(segmentHeaderBytes)
		for _, f := range frames {
			raw := body[at-segmentHeaderBytes:]
			if !bytes.Equal(raw[frameHeaderBytes:][:len(f.Payload)], f.Payload) || binary.LittleEndian.Uint64(raw[16:]) != f.Seq ||
				binary.LittleEndian.Uint32(raw[24:]) != f.Epoch || binary.LittleEndian.Uint32(raw[28:]) != f.Count {
				t.Fatalf("frame %v is not what stands at offset %d", f, at)
			}
			at += f.bytes()
		}
		if at != j.tail.next.off {
			t.Fatalf("the frames end at %d, the journal goes on at %d", at, j.tail.next.off)
		}
		if j.LastSeq() < 1<<62 {
			frames = append(frames, write(t, j, batch(j.LastSeq()+1, 10, 1))...)
		}
		j.Close()
		j = mustOpen(t, d)
		defer j.Close()
		again, err := readAll(j, 1)
		if err != nil {
			t.Fatal(err)
		}
		sameFrames(t, again, frames)
	})
}

// FuzzSnapshot reads any bytes as a snapshot. What passes must be written the same way.
func FuzzSnapshot(f *testing.F) {
	d := newDisk()
	name := filepath.Join(testDir, fileName(1, snapshotSuffix))
	for _, n := range []int{0, 5, 600} {
		j := mustOpen(f, d)
		if j.LastSeq() == 0 {
			write(f, j, batch(1, 1, 1))
		}
		snap(f, j, 1, make([]byte, n))
		j.Close()
		f.Add(bytes.Clone(d.names[name].cache))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		d := newDisk()
		d.names[name] = &inode{cache: raw, dirty: map[int]bool{}}
		r, err := openSnapshot(d, testDir, 1)
		if err != nil {
			if !errors.Is(err, errDamaged) {
				t.Fatal(err)
			}
			return
		}
		var content bytes.Buffer
		if _, err := content.ReadFrom(r); err != nil {
			if !errors.Is(err, errDamaged) {
				t.Fatal(err)
			}
			return
		}
		if content.Len() > snapshotBlockBytes {
			return // may be cut into blocks in more ways than ours
		}
		out, err := d.OpenFile("again", os.O_RDWR|os.O_CREATE)
		if err != nil {
			t.Fatal(err)
		}
		w := newSnapshotWriter(out, 1)
		if _, err := w.Write(content.Bytes()); err != nil {
			t.Fatal(err)
		}
		if err := w.finish(); err != nil {
			t.Fatal(err)
		}
		if got := d.names["again"].cache; len(got) == len(raw) && !bytes.Equal(got, raw) {
			t.Fatalf("%x was read as %x", raw, content.Bytes())
		}
	})
}
