package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
)

// contents is what a directory holds.
type contents struct {
	fsys      FS
	dir       string
	mark      mark
	snapshots []uint64 // sequences, ascending
	covered   uint64   // the highest of a snapshot with a good header
	segments  []*segment
	pace      func() error // of reading sealed segments; nil: as fast as it goes
}

// load reads the mark and all headers. What it says was accepted is read before the segments are, so that
// it is right about a journal somebody is writing.
func load(fsys FS, dir string) (*contents, error) {
	c := &contents{fsys: fsys, dir: dir}
	var err error
	if c.mark, err = readMark(fsys, dir); err != nil {
		return nil, err
	}
	if c.snapshots, err = listSnapshots(fsys, dir); err != nil {
		return nil, err
	}
	for _, seq := range c.snapshots {
		r, err := openSnapshot(fsys, dir, seq)
		if errors.Is(err, errDamaged) || errors.Is(err, fs.ErrNotExist) { // or removed since
			continue
		}
		if err != nil {
			return nil, err
		}
		c.covered = seq
		if err := r.Close(); err != nil {
			return nil, err
		}
	}
	names, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		seq, ok := parseName(name, segmentSuffix)
		if !ok {
			continue
		}
		s, err := openSegment(fsys, dir, seq)
		if err != nil {
			return nil, err
		}
		c.segments = append(c.segments, s)
	}
	slices.SortFunc(c.segments, func(a, b *segment) int { return cmp.Compare(a.first, b.first) })
	return c, c.chain()
}

// accepted returns the sequence and the batch that were accepted at the least, and who says so.
func (c *contents) accepted() (m mark, witness string) {
	m, witness = c.mark, "the high-water mark"
	if c.covered > m.seq {
		m.seq, witness = c.covered, "a snapshot"
	}
	return m, witness
}

// chain checks that no segment is missing.
func (c *contents) chain() error {
	want := segment{name: fileName(1, segmentSuffix), first: 1, firstBatch: 1}
	for _, s := range c.segments {
		if want.salt == 0 && (s.first != want.first || s.firstBatch != want.firstBatch) {
			return &CorruptError{want.name, 0, want.first, "the segment is missing; there is " + s.name}
		}
		if s.prior != want.salt {
			return &CorruptError{s.name, 0, s.first, fmt.Sprintf("it does not follow segment %s: one between them is missing, or one is of another journal", want.name)}
		}
		if s.old && want.salt != 0 && !want.old {
			return &CorruptError{s.name, 0, s.first, fmt.Sprintf("it is of an older format than segment %s before it", want.name)}
		}
		want = *s
	}
	if m, witness := c.accepted(); len(c.segments) == 0 && m.seq > 0 {
		return &CorruptError{want.name, 0, 1, fmt.Sprintf("the segment is missing; %s says that sequence %d was accepted", witness, m.seq)}
	}
	return nil
}

// ending is how the last segment ends.
type ending struct {
	walked
	remains
	size int64
}

// behind returns how many segments hold nothing that is not in a snapshot at seq. The last is never one of them.
func (c *contents) behind(seq uint64) (n int) {
	for n+1 < len(c.segments) && c.segments[n+1].first-1 <= seq {
		n++
	}
	return n
}

// scanFrom reads the segments from one on whole, as many at once as there are processors, and returns how the last ends.
func (c *contents) scanFrom(first int) (e ending, err error) {
	n := len(c.segments)
	errs := make([]error, n)
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(n-first, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := range next {
				if i < n-1 {
					_, errs[i] = c.scanSealed(i, c.segments[i].start(), false, nil)
				} else {
					e, errs[i] = c.scanLast(c.segments[i].start(), false, nil)
				}
			}
		})
	}
	for i := first; i < n; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	for _, err := range errs { // the first in the journal, whatever was found first
		if err != nil {
			return e, err
		}
	}
	return e, nil
}

// scanChained reads every segment whole, one after the other, and holds each frame against the chain. It shows
// the frames of complete batches to visit, and says to sealed how many segments are done; either may be nil.
func (c *contents) scanChained(visit func(Frame) error, sealed func(int)) (e ending, err error) {
	var chain Chain
	for i, seg := range c.segments {
		start := seg.start()
		if !seg.old && seg.chain != chain {
			return e, &CorruptError{seg.name, 0, seg.first, "it does not go on with the chain: frames before it were altered, removed or put in"}
		}
		start.chain = chain
		if i == len(c.segments)-1 {
			return c.scanLast(start, true, visit)
		}
		if chain, err = c.scanSealed(i, start, true, visit); err != nil {
			return e, err
		}
		if sealed != nil {
			sealed(i + 1)
		}
	}
	return e, nil
}

func openRead(fsys FS, dir, name string) (File, error) {
	return fsys.OpenFile(filepath.Join(dir, name), os.O_RDONLY)
}

// scanSealed reads a segment that has a successor: it must reach to where that begins. It returns the chain's value
// behind it.
func (c *contents) scanSealed(i int, start place, chained bool, visit func(Frame) error) (Chain, error) {
	seg, next := c.segments[i], c.segments[i+1]
	s, err := openScanner(c.fsys, c.dir, seg.name, seg.codec(), scanChunk)
	if err != nil {
		return Chain{}, err
	}
	defer s.close()
	s.chained, s.pace = chained, c.pace
	w, err := s.walk(seg, start, next.first, visit)
	if err != nil {
		return Chain{}, err
	}
	if w.why != "" {
		return Chain{}, &CorruptError{seg.name, w.at.off, w.at.seq, fmt.Sprintf("%s; segment %s follows", w.why, next.name)}
	}
	if w.end.seq != next.first || w.end.batch != next.firstBatch {
		return Chain{}, &CorruptError{seg.name, w.at.off, w.at.seq, fmt.Sprintf("batch %d ends before sequence %d, segment %s begins with batch %d, sequence %d",
			w.end.batch-1, w.end.seq, next.name, next.firstBatch, next.first)}
	}
	return w.end.chain, nil
}

// scanLast reads the last segment and gives the verdict on how it ends.
func (c *contents) scanLast(start place, chained bool, visit func(Frame) error) (e ending, err error) {
	seg := c.segments[len(c.segments)-1]
	s, err := openScanner(c.fsys, c.dir, seg.name, seg.codec(), scanChunk)
	if err != nil {
		return e, err
	}
	defer s.close()
	s.chained = chained
	for from := start; ; from = e.end {
		if e.walked, err = s.walk(seg, from, noLimit, visit); err != nil {
			return e, err
		}
		if e.why == defectDisplaced || e.why == defectChain {
			return e, &CorruptError{seg.name, e.at.off, e.at.seq, string(e.why)}
		}
		if e.remains, err = s.behind(e.end.off, e.end.batch); err != nil {
			return e, err
		}
		if e.later == 0 {
			break
		}
		// Somebody may be writing: what was not there when the walk passed must be there now.
		s.forget()
		if _, _, d, err := s.frame(e.at); err != nil {
			return e, err
		} else if d != "" {
			return e, &CorruptError{seg.name, e.at.off, e.at.seq, fmt.Sprintf("%s; batch %d stands behind it at offset %d", d, e.number, e.later)}
		}
	}
	if m, witness := c.accepted(); m.seq >= e.end.seq || m.batch >= e.end.batch {
		return e, &CorruptError{seg.name, e.at.off, e.at.seq, fmt.Sprintf("%s; %s says that sequence %d was accepted", e.why, witness, m.seq)}
	}
	e.size = s.size
	return e, nil
}

// removeTemporary removes what a crash left unfinished.
func removeTemporary(fsys FS, dir string) error {
	names, err := fsys.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if filepath.Ext(name) == temporarySuffix {
			if err := fsys.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
