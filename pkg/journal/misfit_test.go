package journal

import (
	"encoding/binary"
	"path/filepath"
	"testing"
)

func TestMissingFiles(t *testing.T) {
	s := makeSmall(t)
	first := filepath.Join(testDir, "00000000000000000001.seg")
	last := filepath.Join(testDir, smallLast)

	d := s.disk.clone()
	delete(d.names, first)
	s.refused(t, d, filepath.Base(first), -1)

	d = s.disk.clone()
	delete(d.names, last) // the mark knows of it; the end of the first looks like the end of the journal
	if _, err := Open(testDir, testOptions(d)); corrupt(t, err).Segment != filepath.Base(first) || corrupt(t, err).Seq != 5 {
		t.Fatal(err)
	}
	d = s.disk.clone()
	delete(d.names, first)
	delete(d.names, last)
	s.refused(t, d, filepath.Base(first), -1)

	d = unmark(s.disk.clone())
	delete(d.names, first)
	delete(d.names, last) // a snapshot knows
	s.refused(t, d, filepath.Base(first), -1)

	// A segment of another journal, of the same name and with the same sequences.
	options := testOptions(newDisk())
	options.salt = func() uint64 { return 99 }
	j, err := Open(testDir, options)
	if err != nil {
		t.Fatal(err)
	}
	write(t, j, batch(1, 900, 1, 2), batch(4, 1500, 1))
	j.Close()
	d = s.disk.clone()
	d.names[first] = options.FS.(*disk).names[first]
	s.refused(t, d, smallLast, -1)
}

// TestSegmentsDisagree is about segments that are good by themselves and do not fit together.
func TestSegmentsDisagree(t *testing.T) {
	s := makeSmall(t)
	last := filepath.Join(testDir, smallLast)
	prior := binary.LittleEndian.Uint64(s.disk.names[last].cache[40:])
	for _, next := range []segment{
		{first: 3, firstBatch: 2}, // within a frame
		{first: 2, firstBatch: 2}, // within a batch
		{first: 4, firstBatch: 3}, // the batch is another
		{first: 6, firstBatch: 4}, // sequence 5 is missing
	} {
		d := unmark(s.disk.clone())
		delete(d.names, last)
		withoutSnapshots(d)
		next.prior, next.salt = prior, 7
		d.names[filepath.Join(testDir, fileName(next.first, segmentSuffix))] = &inode{cache: append(next.encode(), make([]byte, 4000)...)}
		_, err := Open(testDir, testOptions(d))
		if c := corrupt(t, err); c.Segment != "00000000000000000001.seg" {
			t.Fatal(c)
		}
		d.kill()
	}
}

// TestDisplaced: a frame that is good and in its place, but not the one that must stand there, was not left by
// a crash.
func TestDisplaced(t *testing.T) {
	for name, change := range map[string]func(*place, *Frame){
		"none":     func(*place, *Frame) {},
		"sequence": func(_ *place, f *Frame) { f.Seq++ },
		"batch":    func(p *place, _ *Frame) { p.batch++ },
		"position": func(p *place, _ *Frame) { p.position++ },
	} {
		s := makeSmall(t)
		d := unmark(s.disk.clone())
		raw := d.names[filepath.Join(testDir, smallLast)].cache
		p, f := place{off: s.at[s.tail].from, seq: 10, batch: 5}, batch(10, 300, 1)[0]
		clear(raw[p.off:])
		change(&p, &f)
		c := codec{salt: binary.LittleEndian.Uint64(raw[32:])}
		frame, _ := c.append(nil, &f, p, flagLast)
		copy(raw[p.off:], frame)
		if name != "none" {
			s.refused(t, d, smallLast, s.tail)
		} else if _, err := verify(d, testDir, nil); corrupt(t, err).Reason != string(defectChain) {
			t.Fatal(err) // it stands where it should, and is not what was chained
		}
	}
}
