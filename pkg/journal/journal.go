package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Sizes of segments, in bytes.
const (
	DefaultSegmentBytes = 64 << 20
	MinSegmentBytes     = 2 << 10
	MaxSegmentBytes     = 1 << 30
)

const (
	lockName        = "lock"
	temporarySuffix = ".tmp"
	blankName       = "segment" + temporarySuffix
)

// Options of a journal.
type Options struct {
	SegmentBytes int64 // of a new segment, MinSegmentBytes to MaxSegmentBytes; 0: DefaultSegmentBytes
	FS           FS    // nil: OS
	Logger       *slog.Logger

	salt  func() uint64 // nil: random
	spawn func(func())  // runs the making of the next segment; nil: in a goroutine
}

func (o *Options) complete() error {
	if o.SegmentBytes == 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	if o.SegmentBytes < MinSegmentBytes || o.SegmentBytes > MaxSegmentBytes {
		return fmt.Errorf("journal: segments of %d bytes: must be %d to %d", o.SegmentBytes, MinSegmentBytes, MaxSegmentBytes)
	}
	if o.FS == nil {
		o.FS = OS{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.salt == nil {
		o.salt = randomSalt
	}
	if o.spawn == nil {
		o.spawn = func(f func()) { go f() }
	}
	return nil
}

// randomSalt is never 0, which stands for no segment.
func randomSalt() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return max(1, binary.LittleEndian.Uint64(b[:]))
}

// Journal is an open journal. One goroutine appends; everything else may be called from any.
type Journal struct {
	dir  string
	o    Options
	lock io.Closer

	appending sync.Mutex // held by Append and Close; guards tail
	tail      tail

	mu       sync.RWMutex // guards what follows; never held over I/O
	segments []*segment
	last     uint64 // sequence
	head     Chain  // behind it
	failed   error

	snapshotting sync.Mutex      // held by WriteSnapshot and Close
	damaged      map[uint64]bool // snapshots found so; guarded by mu
	whole        uint64          // snapshot that Open found whole, until OpenSnapshot has opened it; guarded by mu
	past         past
}

// Open opens the journal in dir, making it if there is none. It reads the newest snapshot that is whole and every frame
// of the segments that hold anything after it; those before are read beside the work, see [Journal.Checked]. The error
// is or wraps a CorruptError when something accepted cannot be read, ErrLocked when another process has it open.
func Open(dir string, o Options) (*Journal, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	j := &Journal{dir: dir, o: o, damaged: map[uint64]bool{}, past: newPast()}
	unread, err := j.open()
	if err != nil {
		return nil, fmt.Errorf("journal %s: %w", dir, errors.Join(err, j.release()))
	}
	j.o.spawn(func() { j.checkPast(unread) })
	return j, nil
}

// open does what Open does, but for the segments it returns, which are still to be read.
func (j *Journal) open() (unread *contents, err error) {
	began := time.Now()
	if err := j.o.FS.MkdirAll(j.dir); err != nil {
		return nil, err
	}
	if err := j.o.FS.SyncDir(filepath.Dir(j.dir)); err != nil {
		return nil, err
	}
	if j.lock, err = j.o.FS.Lock(j.path(lockName)); err != nil {
		return nil, err
	}
	if err := removeTemporary(j.o.FS, j.dir); err != nil {
		return nil, err
	}
	c, err := load(j.o.FS, j.dir)
	if err != nil {
		return nil, err
	}
	if len(c.segments) == 0 {
		err = j.begin()
	} else {
		unread, err = j.resume(c)
	}
	if err != nil {
		return nil, err
	}
	j.last, j.head = j.tail.next.seq-1, j.tail.next.chain
	j.o.Logger.Info("journal open", "dir", j.dir, "seq", j.last, "chain", j.head.String(), "segments", len(j.segments), "took", time.Since(began))
	return unread, j.openMark()
}

// begin makes the first segment.
func (j *Journal) begin() error {
	j.tail.next = place{seq: 1, batch: 1}
	return j.rotate(0)
}

// resume makes the end of the last segment ready to be written behind. It returns the segments it has not read.
func (j *Journal) resume(c *contents) (unread *contents, err error) {
	seg := c.segments[len(c.segments)-1]
	var e ending
	if seg.old { // once: what was written before frames were chained goes into the chain's first link on disk
		e, err = c.scanChained(nil, nil)
	} else {
		unread, err = j.unread(c)
		if err == nil {
			e, err = c.scanFrom(max(0, len(unread.segments)-1))
		}
	}
	if err == nil {
		err = j.mended()
	}
	if err != nil {
		return nil, err
	}
	j.segments = c.segments
	f, err := j.o.FS.OpenFile(j.path(seg.name), os.O_RDWR)
	if err != nil {
		return nil, err
	}
	j.tail = tail{file: f, size: e.size, next: e.end, codec: seg.codec()}
	if e.used > 0 {
		j.o.Logger.Warn("journal: the remains of a batch that was never accepted are dropped", "segment", seg.name,
			"offset", e.end.off, "bytes", e.used-e.end.off, "seq", e.end.seq, "found", string(e.why))
	}
	if err := j.settle(&e, c.mark); err != nil || !seg.old {
		return unread, err
	}
	j.o.Logger.Info("journal: frames are chained from here on", "dir", j.dir, "after_seq", e.end.seq-1)
	return nil, j.rotate(0)
}

// settle zeroes what a torn batch left, so that it cannot be taken for good later. It writes the last batch
// again unless the mark says that it is on disk: after a failed sync the kernel may show what is not there.
func (j *Journal) settle(e *ending, m mark) error {
	f, end := j.tail.file, e.end
	again := e.lastBatch > 0 && m.batch < end.batch-1
	if again {
		if err := rewrite(f, e.lastBatch, end.off); err != nil {
			return err
		}
	}
	zeros := make([]byte, min(zeroChunk, max(0, e.used-end.off)))
	for off := end.off; off < e.used; off += zeroChunk {
		if err := writeAt(f, zeros[:min(zeroChunk, e.used-off)], off); err != nil {
			return err
		}
	}
	if again || len(zeros) > 0 {
		return f.Sync()
	}
	return nil
}

// rewrite writes what f shows from one offset to another.
func rewrite(f File, from, to int64) error {
	b := make([]byte, to-from)
	if n, err := f.ReadAt(b, from); n < len(b) {
		return err
	}
	return writeAt(f, b, from)
}

// openMark opens the mark and writes it, durably this once.
func (j *Journal) openMark() error {
	f, err := j.o.FS.OpenFile(j.path(markName), os.O_RDWR|os.O_CREATE)
	if err != nil {
		return err
	}
	j.tail.mark = f
	if err := j.tail.writeMark(j.tail.next); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return j.o.FS.SyncDir(j.dir)
}

func (j *Journal) path(name string) string { return filepath.Join(j.dir, name) }

// LastSeq returns the last accepted sequence, 0 if there is none.
func (j *Journal) LastSeq() uint64 {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.last
}

// Head returns the last accepted sequence and the chain's value behind it. Whoever writes it down elsewhere can prove
// later, with Verify, that nothing before it was changed.
func (j *Journal) Head() (seq uint64, chain Chain) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.last, j.head
}

// Err returns why the journal accepts nothing more, nil while it does.
func (j *Journal) Err() error {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return j.failed
}

// fail makes err the journal's, for good, unless it has one.
func (j *Journal) fail(err error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.failed == nil {
		j.failed = err
	}
	return j.failed
}

// Close waits for the Append and the WriteSnapshot under way, ends the reading of what Open has not read, and gives the
// directory free. Only the first call does anything.
func (j *Journal) Close() error {
	j.past.end()
	j.appending.Lock()
	defer j.appending.Unlock()
	j.snapshotting.Lock()
	defer j.snapshotting.Unlock()
	if j.lock == nil {
		return nil
	}
	j.fail(ErrClosed)
	seq, chain := j.Head()
	j.o.Logger.Info("journal closed", "dir", j.dir, "seq", seq, "chain", chain.String())
	return j.release()
}

// release closes what is open.
func (j *Journal) release() error {
	errs := []error{j.tail.release(j.o.FS, j.path(blankName))}
	if j.lock != nil {
		errs = append(errs, j.lock.Close())
		j.lock = nil
	}
	return errors.Join(errs...)
}
