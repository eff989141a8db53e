package journal

import (
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// small is a journal of two segments, the last with three batches, and two snapshots.
type small struct {
	disk   *disk
	frames []Frame
	at     []span // of each frame
	tail   int    // index of the first frame of the last batch
}

// span is where a frame stands.
type span struct {
	segment  string
	from, to int64
}

const (
	smallOlder, smallNewer = 4, 6 // sequences of the snapshots
	smallLast              = "00000000000000000005.seg"
)

func smallSnapshot(seq uint64) []byte { return bytes.Repeat([]byte{byte(seq), 0xb5}, 100) }

func makeSmall(t testing.TB) *small {
	t.Helper()
	d := newDisk()
	options := testOptions(d)
	options.SegmentBytes = MinSegmentBytes
	j, err := Open(testDir, options)
	if err != nil {
		t.Fatal(err)
	}
	s := &small{disk: d}
	s.frames = write(t, j, batch(1, 450, 1, 2), batch(4, 750, 1), batch(5, 560, 1, 1), batch(7, 41, 3), batch(10, 151, 1, 2))
	s.tail = len(s.frames) - 2
	for _, seq := range []uint64{smallOlder, smallNewer} {
		if err := j.WriteSnapshot(seq, func(w io.Writer) error { _, err := w.Write(smallSnapshot(seq)); return err }); err != nil {
			t.Fatal(err)
		}
	}
	for i, seg := range j.segments {
		off := int64(segmentHeaderBytes)
		for k, f := range s.frames {
			if f.Seq >= seg.first && (i == len(j.segments)-1 || f.Seq < j.segments[i+1].first) {
				s.at = append(s.at, span{seg.name, off, off + s.frames[k].bytes()})
				off += s.frames[k].bytes()
			}
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if last := s.at[len(s.at)-1].segment; len(s.at) != len(s.frames) || len(j.segments) != 2 || last != smallLast {
		t.Fatalf("%d segments, the last %s", len(j.segments), last)
	}
	return s
}

// frameAt returns the index of the frame that holds a byte of a segment, -1 if none does.
func (s *small) frameAt(segment string, off int64) int {
	return slices.IndexFunc(s.at, func(p span) bool { return p.segment == segment && off >= p.from && off < p.to })
}

// shows checks that d opens with the first n frames.
func (s *small) shows(t testing.TB, d *disk, n int) *Journal {
	t.Helper()
	j := mustOpen(t, d)
	got, err := readAll(j, 1)
	if err != nil {
		t.Fatal(err)
	}
	sameFrames(t, got, s.frames[:n])
	return j
}

// opens checks that d opens with the first n frames, takes a batch, and opens again with all of it.
func (s *small) opens(t testing.TB, d *disk, n int) {
	t.Helper()
	j := s.shows(t, d, n)
	more := write(t, j, batch(j.LastSeq()+1, 20, 1, 1))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	(&small{frames: append(slices.Clone(s.frames[:n]), more...)}).shows(t, d, n+len(more)).Close()
}

// refused checks that d does not open because of frame i, or of the segment's header if i < 0, that nothing was
// changed, and that Verify says the same. Damage in what a snapshot covers is found when it is open, which then takes
// nothing more, and does not open again.
func (s *small) refused(t testing.TB, d *disk, segment string, i int) {
	t.Helper()
	before := d.clone()
	j, err := Open(testDir, testOptions(d))
	_, covered := d.names[filepath.Join(testDir, fileName(smallNewer, snapshotSuffix))]
	_, noted := before.names[filepath.Join(testDir, damagedName)]
	if late := covered && !noted && segment != smallLast && i >= 0; late != (err == nil) {
		t.Fatalf("opened: %v", err)
	}
	if err == nil {
		<-j.Checked()
		if err = j.Err(); err == nil || j.Append(batch(j.LastSeq()+1, 1, 1)) != err {
			t.Fatal("it goes on")
		}
		j.Close()
		s.refused(t, d, segment, i)
	}
	_, err2 := verify(d, testDir, nil)
	for _, err := range []error{err, err2} {
		c, off := corrupt(t, err), int64(0)
		if i >= 0 {
			off = s.at[i].from
			if c.Seq != s.frames[i].Seq {
				t.Fatalf("%v: want sequence %d", c, s.frames[i].Seq)
			}
		}
		if c.Segment != segment || c.Offset != off {
			t.Fatalf("%v: want segment %s, offset %d", c, segment, off)
		}
	}
	for name, n := range before.names {
		if now := d.names[name]; now == nil || !bytes.Equal(now.cache, n.cache) {
			t.Fatalf("%s was changed", name)
		}
	}
}

// unmark takes the high-water mark away, as if the machine had lost it.
func unmark(d *disk) *disk {
	delete(d.names, filepath.Join(testDir, markName))
	return d
}

func withoutSnapshots(d *disk) *disk {
	for _, seq := range []uint64{smallOlder, smallNewer} {
		delete(d.names, filepath.Join(testDir, fileName(seq, snapshotSuffix)))
	}
	return d
}

// TestEveryFlip flips every bit of every file.
func TestEveryFlip(t *testing.T) {
	s := makeSmall(t)
	for _, name := range []string{"00000000000000000001.seg", smallLast, markName, fileName(smallOlder, snapshotSuffix), fileName(smallNewer, snapshotSuffix)} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(testDir, name)
			for bit := range 8 * len(s.disk.names[path].cache) {
				off := int64(bit / 8)
				d := s.disk.clone()
				d.names[path].cache[off] ^= 1 << (bit % 8)
				i := s.frameAt(name, off)
				whole := int64(bit%8) == off%8 // one bit of each byte is enough for what comes after the verdict
				if strings.HasSuffix(name, segmentSuffix) && (i >= 0 || off < segmentHeaderBytes) {
					s.refused(t, d, name, i)
					if whole && name != smallLast {
						s.refused(t, withoutSnapshots(d), name, i)
					}
				} else if strings.HasSuffix(name, snapshotSuffix) {
					s.otherSnapshot(t, d, name)
				} else if whole {
					s.opens(t, d, len(s.frames))
				} else {
					s.shows(t, d, len(s.frames)).Close()
				}
				if t.Failed() {
					t.Fatalf("bit %d of byte %d", bit%8, off)
				}
				// Without the mark the last batch may be taken for torn, and nothing else.
				if i < 0 {
					continue
				}
				d = unmark(s.disk.clone())
				d.names[path].cache[off] ^= 1 << (bit % 8)
				if i >= s.tail && !whole {
					s.shows(t, d, s.tail).Close()
				} else if i >= s.tail {
					s.opens(t, d, s.tail)
				} else {
					s.refused(t, d, name, i)
				}
			}
		})
	}
}

// otherSnapshot checks that d opens whole and that the snapshot that is not damaged is found.
func (s *small) otherSnapshot(t *testing.T, d *disk, damaged string) {
	t.Helper()
	j := s.shows(t, d, len(s.frames))
	defer j.Close()
	want := uint64(smallOlder)
	if damaged == fileName(smallOlder, snapshotSuffix) {
		want = smallNewer
	}
	checkOpens(t, j, want, smallSnapshot(want))
}

// TestEveryTruncation cuts every file at every byte.
func TestEveryTruncation(t *testing.T) {
	s := makeSmall(t)
	for path, n := range s.disk.names {
		name := filepath.Base(path)
		for size := range int64(len(n.cache)) {
			cut := func() *disk {
				d := s.disk.clone()
				d.names[path].cache = d.names[path].cache[:size]
				return d
			}
			i := slices.IndexFunc(s.at, func(p span) bool { return p.segment == name && size < p.to })
			switch {
			case strings.HasSuffix(name, snapshotSuffix):
				s.otherSnapshot(t, cut(), name)
			case name == markName || i < 0:
				s.opens(t, cut(), len(s.frames))
			case size < segmentHeaderBytes:
				s.refused(t, cut(), name, -1)
			default:
				s.refused(t, cut(), name, i)
			}
			if name == smallLast && i >= 0 && size >= segmentHeaderBytes {
				s.truncatedUnmarked(t, unmark(cut()), i)
			}
			if t.Failed() {
				t.Fatalf("%s cut at %d", name, size)
			}
		}
	}
}

// truncatedUnmarked is about the last segment cut within frame i, with nothing left but the snapshot at
// smallNewer to say what was accepted.
func (s *small) truncatedUnmarked(t *testing.T, d *disk, i int) {
	t.Helper()
	if s.frames[i].Seq <= smallNewer {
		s.refused(t, d, smallLast, i)
		return
	}
	s.opens(t, d, slices.IndexFunc(s.frames, func(f Frame) bool {
		return f.Seq == map[bool]uint64{false: 7, true: 10}[i >= s.tail] // the batch that holds frame i begins there
	}))
}

// TestEverySectorLoss zeroes every run of sectors.
func TestEverySectorLoss(t *testing.T) {
	s := makeSmall(t)
	for _, name := range []string{"00000000000000000001.seg", smallLast} {
		path := filepath.Join(testDir, name)
		sectors := len(s.disk.names[path].cache) / sectorBytes
		for from := range sectors {
			for to := from + 1; to <= sectors; to++ {
				lose := func() *disk {
					d := s.disk.clone()
					clear(d.names[path].cache[from*sectorBytes : to*sectorBytes])
					return d
				}
				hit := slices.IndexFunc(s.at, func(p span) bool {
					return p.segment == name && p.from < int64(to*sectorBytes) && p.to > int64(from*sectorBytes)
				})
				switch {
				case from == 0:
					s.refused(t, lose(), name, -1)
				case hit < 0:
					s.opens(t, lose(), len(s.frames))
				default:
					s.refused(t, lose(), name, hit)
				}
				if hit >= s.tail && from > 0 {
					s.opens(t, unmark(lose()), s.tail)
				}
			}
		}
	}
}
