package journal

import (
	"bytes"
	"fmt"
	"iter"
	"sort"
)

// Read yields the accepted frames from the one that holds the sequence from (1 if 0) to the last accepted
// when the iteration began. A payload is the receiver's own. An error, a CorruptError where something cannot
// be read, is the last it yields. Reading goes on beside appending, and after Close.
func (j *Journal) Read(from uint64) iter.Seq2[Frame, error] {
	return func(yield func(Frame, error) bool) {
		last := j.LastSeq()
		for seq := max(from, 1); seq <= last; {
			next, more, err := j.readSegment(seq, last, yield)
			if err != nil {
				yield(Frame{}, fmt.Errorf("journal %s: %w", j.dir, err))
			}
			if err != nil || !more {
				return
			}
			seq = next
		}
	}
}

// readSegment yields the frames of one segment from the one that holds seq, up to last. It returns the
// sequence to go on with.
func (j *Journal) readSegment(seq, last uint64, yield func(Frame, error) bool) (next uint64, more bool, err error) {
	at, limit := j.find(seq)
	chunk := scanChunk
	if last-seq < fewEvents { // whoever follows closely reads a few at a time, all the time
		chunk = probeChunk
	}
	s, err := openScanner(j.o.FS, j.dir, at.name, at.codec, chunk)
	if err != nil {
		return 0, false, err
	}
	defer s.close()
	p := at.place
	for p.seq <= last && p.seq < limit {
		h, payload, d, err := s.frame(p)
		if err != nil {
			return 0, false, err
		}
		if d != "" {
			return 0, false, at.corrupt(p, d)
		}
		p = p.behind(&h)
		if p.seq > seq && !yield(frameOf(&h, payload), nil) {
			return 0, false, nil
		}
	}
	return p.seq, true, nil
}

// FrameAt returns the frame that holds the sequence, ErrNotFound if it is 0 or not accepted yet. The error is
// or wraps a CorruptError if it cannot be read.
func (j *Journal) FrameAt(seq uint64) (Frame, error) {
	if seq == 0 || seq > j.LastSeq() {
		return Frame{}, ErrNotFound
	}
	f, err := j.frameAt(seq)
	if err != nil {
		return Frame{}, fmt.Errorf("journal %s: %w", j.dir, err)
	}
	return f, nil
}

func (j *Journal) frameAt(seq uint64) (Frame, error) {
	at, _ := j.find(seq)
	s, err := openScanner(j.o.FS, j.dir, at.name, at.codec, probeChunk)
	if err != nil {
		return Frame{}, err
	}
	defer s.close()
	for p := at.place; ; {
		h, d, err := s.head(p)
		var payload []byte
		if d == "" && err == nil && h.seq+uint64(h.count) > seq {
			if h, payload, d, err = s.frame(p); d == "" && err == nil {
				return frameOf(&h, payload), nil
			}
		}
		if err != nil {
			return Frame{}, err
		}
		if d != "" {
			return Frame{}, at.corrupt(p, d)
		}
		p = p.behind(&h)
	}
}

func frameOf(h *header, payload []byte) Frame {
	return Frame{Epoch: h.epoch, Seq: h.seq, Count: h.count, Payload: bytes.Clone(payload), Chain: h.chain}
}

// found is a place at or before a sequence.
type found struct {
	place
	name  string
	codec codec
}

func (at *found) corrupt(p place, d defect) error {
	return &CorruptError{Segment: at.name, Offset: p.off, Seq: p.seq, Reason: string(d)}
}

// find returns the nearest indexed place at or before an accepted sequence, and where the segment it is in
// ends: the first sequence of the next.
func (j *Journal) find(seq uint64) (at found, limit uint64) {
	j.mu.RLock()
	defer j.mu.RUnlock()
	i := sort.Search(len(j.segments), func(i int) bool { return j.segments[i].first > seq })
	seg := j.segments[i-1]
	limit = noLimit
	if i < len(j.segments) {
		limit = j.segments[i].first
	}
	at = found{seg.start(), seg.name, seg.codec()}
	if k := sort.Search(len(seg.index), func(k int) bool { return seg.index[k].seq > seq }); k > 0 {
		at.place = seg.index[k-1]
	}
	return at, limit
}
