package journal

import (
	"errors"
	"fmt"
)

// maxKeptBytes bounds the buffer an Append leaves to the next.
const maxKeptBytes = 16 << 20

// tail is the end of the journal, where batches go.
type tail struct {
	codec
	file   File
	size   int64
	next   place
	mark   File
	buf    []byte
	markIn [markBytes]byte
	coming chan blank // the next segment; nil while it is too early to make it
}

// Append writes a batch and makes it durable, with one write and one sync. The frames must continue the
// sequence without a gap. Any error is final: the journal accepts nothing afterwards, whatever the cause.
// A batch of no frames does nothing.
func (j *Journal) Append(batch []Frame) error {
	j.appending.Lock()
	defer j.appending.Unlock()
	if err := j.Err(); err != nil {
		return err
	}
	if len(batch) == 0 {
		return nil
	}
	if err := j.append(batch); err != nil {
		j.o.Logger.Error("journal: failed, nothing more is accepted", "dir", j.dir, "error", err)
		return j.fail(fmt.Errorf("journal %s: %w", j.dir, err))
	}
	return nil
}

func (j *Journal) append(batch []Frame) error {
	t := &j.tail
	size, err := t.measure(batch)
	if err != nil {
		return err
	}
	if t.next.off+size > t.size {
		if err := j.rotate(size); err != nil {
			return err
		}
	}
	// Only Append changes the segments' list, and the last segment's index.
	seg := j.segments[len(j.segments)-1]
	at, next := t.next.off, t.encode(batch)
	if err := writeAt(t.file, t.buf, at); err != nil {
		return fmt.Errorf("write %s: %w", seg.name, err)
	}
	if err := t.file.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", seg.name, err)
	}
	if err := t.writeMark(next); err != nil {
		return err
	}
	j.mu.Lock()
	p := t.next
	for i := range batch {
		seg.note(p)
		// The index is for finding, which needs no chain.
		p = place{off: p.off + batch[i].bytes(), seq: p.seq + uint64(batch[i].Count), batch: p.batch, position: p.position + 1}
	}
	j.last, j.head = next.seq-1, next.chain
	j.mu.Unlock()
	t.next = next
	if cap(t.buf) > maxKeptBytes {
		t.buf = nil
	}
	if t.coming == nil && t.next.off > t.size/4 {
		j.prepare()
	}
	return nil
}

// measure returns the bytes the batch takes, if it may follow.
func (t *tail) measure(batch []Frame) (size int64, err error) {
	if len(batch) > MaxBatchFrames {
		return 0, fmt.Errorf("%w: %d frames, at most %d", ErrRefused, len(batch), MaxBatchFrames)
	}
	seq := t.next.seq
	for i := range batch {
		f := &batch[i]
		if f.Seq != seq || f.Count == 0 || f.Seq+uint64(f.Count) < f.Seq {
			return 0, fmt.Errorf("%w: frame of %d events from sequence %d where %d is next", ErrRefused, f.Count, f.Seq, seq)
		}
		if len(f.Payload) > MaxPayloadBytes {
			return 0, fmt.Errorf("%w: payload of %d bytes, at most %d", ErrRefused, len(f.Payload), MaxPayloadBytes)
		}
		seq += uint64(f.Count)
		size += f.bytes()
	}
	if size > MaxBatchBytes {
		return 0, fmt.Errorf("%w: %d bytes, at most %d", ErrRefused, size, MaxBatchBytes)
	}
	return size, nil
}

// encode fills buf with the batch and returns the place behind it.
func (t *tail) encode(batch []Frame) place {
	p := t.next
	t.buf = t.buf[:0]
	for i := range batch {
		flags := uint32(0)
		if i == len(batch)-1 {
			flags = flagLast
		}
		var h header
		t.buf, h = t.codec.append(t.buf, &batch[i], p, flags)
		p = p.behind(&h)
	}
	return p
}

// writeMark notes that everything before next is on disk.
func (t *tail) writeMark(next place) error {
	mark{next.seq - 1, next.batch - 1}.encode(t.markIn[:])
	if err := writeAt(t.mark, t.markIn[:], 0); err != nil {
		return fmt.Errorf("write %s: %w", markName, err)
	}
	return nil
}

// prepare begins to make the next segment, so that no batch has to wait for the zeroing.
func (j *Journal) prepare() {
	coming := make(chan blank, 1)
	j.tail.coming = coming
	j.o.spawn(func() {
		b := makeBlank(j.o.FS, j.path(blankName), j.o.SegmentBytes, zeroBesideChunk)
		if b.err != nil {
			j.o.Logger.Warn("journal: the next segment cannot be made yet; without it the journal will stop when this one is full", "error", b.err)
		}
		coming <- b
	})
}

// blank returns a blank segment of at least size bytes: the one prepared, or a new one if there is none, it
// is too small, or it could not be made earlier.
func (j *Journal) blank(size int64) (blank, error) {
	if j.tail.coming != nil {
		b := <-j.tail.coming
		j.tail.coming = nil
		if b.err == nil && b.size >= size {
			return b, nil
		}
		if b.err == nil {
			if err := b.file.Close(); err != nil {
				return b, err
			}
		}
	}
	if size > j.o.SegmentBytes {
		size = (size + segmentAlign - 1) / segmentAlign * segmentAlign
	}
	b := makeBlank(j.o.FS, j.path(blankName), max(size, j.o.SegmentBytes), zeroChunk)
	return b, b.err
}

// rotate begins a segment with room for a batch of size bytes. It is durable before anything is written to it.
func (j *Journal) rotate(size int64) error {
	b, err := j.blank(segmentHeaderBytes + size)
	if err != nil {
		return err
	}
	t := &j.tail
	seg := &segment{name: fileName(t.next.seq, segmentSuffix), first: t.next.seq, firstBatch: t.next.batch, salt: j.o.salt(), chain: t.next.chain}
	before := j.segments
	if n := len(before); n > 0 && before[n-1].first == seg.first {
		before = before[:n-1] // it is empty, too small, and replaced
	}
	if n := len(before); n > 0 {
		seg.prior = before[n-1].salt
	}
	if err := j.publish(b.file, seg); err != nil {
		return errors.Join(fmt.Errorf("begin %s: %w", seg.name, err), b.file.Close())
	}
	full := t.file
	t.file, t.size, t.codec, t.next.off = b.file, b.size, seg.codec(), segmentHeaderBytes
	j.mu.Lock()
	j.segments = append(before[:len(before):len(before)], seg)
	j.mu.Unlock()
	if full == nil {
		return nil
	}
	return full.Close()
}

func (j *Journal) publish(f File, seg *segment) error {
	if err := writeAt(f, seg.encode(), 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := j.o.FS.Rename(j.path(blankName), j.path(seg.name)); err != nil {
		return err
	}
	return j.o.FS.SyncDir(j.dir)
}

// release closes the files and removes the blank segment.
func (t *tail) release(fsys FS, blankPath string) error {
	var errs []error
	if t.coming != nil {
		if b := <-t.coming; b.err == nil {
			errs = append(errs, b.file.Close(), fsys.Remove(blankPath))
		}
		t.coming = nil
	}
	if t.mark != nil {
		errs = append(errs, t.mark.Sync(), t.mark.Close())
	}
	if t.file != nil {
		errs = append(errs, t.file.Close())
	}
	*t = tail{}
	return errors.Join(errs...)
}
