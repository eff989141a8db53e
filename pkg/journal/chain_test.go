package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// chainOf is the chain's value behind frames, worked out from the description alone.
func chainOf(frames []Frame) Chain {
	var c Chain
	for _, f := range frames {
		b := binary.LittleEndian.AppendUint64(c[:], f.Seq)
		b = binary.LittleEndian.AppendUint32(b, f.Epoch)
		b = binary.LittleEndian.AppendUint32(b, f.Count)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Payload)))
		c = sha256.Sum256(append(b, f.Payload...))
	}
	return c
}

// forger changes a journal and makes every checksum right again.
type forger struct {
	s *small
	d *disk
}

func forge(t *testing.T) *forger {
	t.Helper()
	s := makeSmall(t)
	return &forger{s, s.disk.clone()}
}

// raw returns the bytes of frame i as they stand.
func (f *forger) raw(i int) []byte {
	at := f.s.at[i]
	return f.d.names[filepath.Join(testDir, at.segment)].cache[at.from:at.to]
}

// mend makes the checksums of frame i right where it stands.
func (f *forger) mend(i int) {
	at := f.s.at[i]
	seg := f.d.names[filepath.Join(testDir, at.segment)].cache
	c, b := codec{salt: binary.LittleEndian.Uint64(seg[32:])}, f.raw(i)
	binary.LittleEndian.PutUint32(b[40:], crc32.Checksum(b[frameHeaderBytes:], castagnoli))
	binary.LittleEndian.PutUint32(b[44:], c.headerSum(b, at.from))
}

// found checks that the journal opens, for its checksums are right, and that Verify says frame i is not the one.
func (f *forger) found(t *testing.T, i int) {
	t.Helper()
	mustOpen(t, f.d).Close()
	_, err := verify(f.d, testDir, nil)
	c := corrupt(t, err)
	if !strings.HasPrefix(c.Reason, string(defectChain)) || c.Segment != f.s.at[i].segment || c.Offset != f.s.at[i].from || c.Seq != f.s.frames[i].Seq {
		t.Fatalf("%v: want frame %d", c, i)
	}
}

// TestForgedFrame changes each frame in every way that leaves it a frame in its place, with right checksums.
func TestForgedFrame(t *testing.T) {
	for i := range makeSmall(t).frames {
		for name, change := range map[string]func([]byte){
			"payload":      func(b []byte) { b[frameHeaderBytes] ^= 1 },
			"payload, end": func(b []byte) { b[frameHeaderBytes+binary.LittleEndian.Uint32(b[4:])-1] ^= 0x80 },
			"epoch":        func(b []byte) { b[24]++ },
			"length":       func(b []byte) { b[4] += map[bool]byte{true: 0xff, false: 1}[b[4]%frameAlign == 0] }, // within its padding
			"chain":        func(b []byte) { b[48] ^= 1 },
			"chain, end":   func(b []byte) { b[79] ^= 1 },
		} {
			f := forge(t)
			change(f.raw(i))
			f.mend(i)
			if f.found(t, i); t.Failed() {
				t.Fatalf("frame %d, %s", i, name)
			}
		}
	}
}

// TestForgedOrder makes two batches of one frame each and of the same size change places, numbers and all.
func TestForgedOrder(t *testing.T) {
	d := newDisk()
	j := mustOpen(t, d)
	f := &forger{&small{disk: d, frames: write(t, j, batch(1, 100, 1), batch(2, 100, 1), batch(3, 100, 1))}, d}
	j.Close()
	size := f.s.frames[0].bytes()
	for i := range f.s.frames {
		from := segmentHeaderBytes + int64(i)*size
		f.s.at = append(f.s.at, span{fileName(1, segmentSuffix), from, from + size})
	}
	second, third := bytes.Clone(f.raw(1)), bytes.Clone(f.raw(2))
	for i, b := range map[int][]byte{1: third, 2: second} {
		copy(f.raw(i)[frameHeaderBytes:], b[frameHeaderBytes:]) // the payloads, under the headers of their new places
		f.mend(i)
	}
	f.found(t, 1)
}

// TestForgedChain rewrites all that comes after an altered frame, chain and all. Only the value of the head that was
// written down elsewhere tells.
func TestForgedChain(t *testing.T) {
	s := makeSmall(t)
	forged := slices.Clone(s.frames)
	forged[1].Payload = append([]byte("x"), forged[1].Payload[1:]...)
	d := newDisk()
	j := mustOpen(t, d)
	write(t, j, forged[:2], forged[2:])
	j.Close()
	r, err := verify(d, testDir, nil)
	before, _ := verify(s.disk, testDir, nil)
	if err != nil || r.LastSeq != before.LastSeq || r.Chain == before.Chain || before.Chain != chainOf(s.frames) || r.Chain != chainOf(forged) {
		t.Fatalf("%+v, before %+v: %v", r, before, err)
	}
}

// TestForgedSegments changes what a segment says the chain was before it, and what stood in a segment of the old
// format before frames were chained.
func TestForgedSegments(t *testing.T) {
	f := forge(t)
	head := f.d.names[filepath.Join(testDir, smallLast)].cache[:segmentHeaderBytes]
	head[50] ^= 1
	putSum(head)
	mustOpen(t, f.d).Close()
	if _, err := verify(f.d, testDir, nil); corrupt(t, err).Segment != smallLast || corrupt(t, err).Offset != 0 {
		t.Fatal(err)
	}

	d := upgraded(t)
	first := d.names[filepath.Join(testDir, fileName(1, segmentSuffix))].cache
	b := first[oldSegmentHeaderBytes:]
	b[oldFrameHeaderBytes] ^= 1
	c := codec{salt: binary.LittleEndian.Uint64(first[32:]), old: true}
	binary.LittleEndian.PutUint32(b[40:], crc32.Checksum(b[oldFrameHeaderBytes:][:padded(450)], castagnoli))
	binary.LittleEndian.PutUint32(b[44:], c.headerSum(b, oldSegmentHeaderBytes))
	mustOpen(t, d).Close()
	if _, err := verify(d, testDir, nil); corrupt(t, err).Segment != fileName(13, segmentSuffix) || corrupt(t, err).Seq != 13 {
		t.Fatal(err)
	}
}

// upgraded is the old golden journal after it was opened once.
func upgraded(t *testing.T) *disk {
	t.Helper()
	d := newDisk()
	loadGolden(t, d)
	mustOpen(t, d).Close()
	return d
}

// TestUpgrade opens a journal of the old format again and again, with the power cut at every operation of the first
// time: nothing is lost, and the chain is the same.
func TestUpgrade(t *testing.T) {
	want := chainOf(oldGolden())
	plain := newDisk()
	loadGolden(t, plain)
	mustOpen(t, plain)
	for op := range plain.ops {
		d := newDisk()
		loadGolden(t, d)
		d.fault = func(n int, _, _ string) fault { return map[bool]fault{true: dies}[n == op+1] }
		if j, err := Open(testDir, testOptions(d)); err == nil {
			j.Close()
		}
		d.crash(func(n int) int { return op % n })
		j := mustOpen(t, d)
		got, err := readAll(j, 1)
		if err != nil {
			t.Fatal(err)
		}
		sameFrames(t, got, oldGolden())
		if seq, head := j.Head(); seq != 12 || head != want {
			t.Fatalf("operation %d: the head is %d %v, want %v", op, seq, head, want)
		}
		more := write(t, j, batch(13, 100, 1))
		if f, err := j.FrameAt(13); err != nil || f.Chain != chainOf(append(got, more...)) {
			t.Fatalf("operation %d: %v, %v", op, f.Chain, err)
		}
		j.Close()
		if r, err := verify(d, testDir, nil); err != nil || r.LastSeq != 13 || r.Chain != chainOf(append(got, more...)) {
			t.Fatalf("operation %d: %+v, %v", op, r, err)
		}
	}
}

// TestOlderAfterNewer: a segment of the old format cannot come after one of the new.
func TestOlderAfterNewer(t *testing.T) {
	s := makeSmall(t)
	d := s.disk.clone()
	raw := d.names[filepath.Join(testDir, smallLast)].cache
	binary.LittleEndian.PutUint32(raw[8:], 1)
	putSum(raw[:oldSegmentHeaderBytes])
	s.refused(t, d, smallLast, -1)
}

func TestNewerFormat(t *testing.T) {
	s := makeSmall(t)
	raw := s.disk.names[filepath.Join(testDir, smallLast)].cache
	raw[8] = segmentVersion + 1
	putSum(raw[:segmentHeaderBytes])
	const want = "journal d: segment " + smallLast + " has format version 3, this program reads 1 to 2"
	if _, err := Open(testDir, testOptions(s.disk)); err == nil || err.Error() != want {
		t.Fatal(err)
	}
}

func TestChainText(t *testing.T) {
	c, got := chainOf(oldGolden()), Chain{}
	b, err := json.Marshal(c)
	if err != nil || json.Unmarshal(b, &got) != nil || got != c || string(b) != `"`+c.String()+`"` {
		t.Fatalf("%s, %v: %v", b, got, err)
	}
	for _, bad := range []string{"", "00", c.String()[1:] + "g", c.String() + "00"} {
		if got.UnmarshalText([]byte(bad)) == nil || got != c {
			t.Errorf("%q was taken", bad)
		}
	}
}
