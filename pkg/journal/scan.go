package journal

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// How much of a file is read at a time, in bytes.
const (
	scanChunk  = 1 << 20  // reading on and on
	probeChunk = 16 << 10 // reading one frame
	fewEvents  = 64       // behind the end: less than that is read by probeChunk
)

// window shows a file through a buffer.
type window struct {
	file  File
	size  int64 // of the file
	chunk int
	buf   []byte
	from  int64
	pace  func() error // called before each read of the file, whose error it then is; nil: reads go on and on
}

// at returns the n bytes at off, fewer at the end of the file. They are valid until the next call.
func (w *window) at(off, n int64) ([]byte, error) {
	n = max(0, min(n, w.size-off))
	if off < w.from || off+n > w.from+int64(len(w.buf)) {
		room := min(max(n, int64(w.chunk)), w.size-off)
		if int64(cap(w.buf)) < room {
			w.buf = make([]byte, room)
		}
		if w.pace != nil {
			if err := w.pace(); err != nil {
				return nil, err
			}
		}
		got, err := w.file.ReadAt(w.buf[:room], off)
		w.buf, w.from = w.buf[:got], off
		if int64(got) < n {
			w.forget()
			return nil, fmt.Errorf("read %d bytes at offset %d: %w", n, off, err)
		}
	}
	return w.buf[off-w.from:][:n], nil
}

// forget makes the next call of at read from the file.
func (w *window) forget() { w.buf, w.from = w.buf[:0], 0 }

// scanner reads the frames of one segment.
type scanner struct {
	codec
	window
	chained bool // each frame must be what the place before it and the chain say; frames of version 1 are given their value
}

// openScanner opens a segment for reading, chunk bytes at a time.
func openScanner(fsys FS, dir, name string, c codec, chunk int) (*scanner, error) {
	f, err := openRead(fsys, dir, name)
	if err != nil {
		return nil, err
	}
	size, err := f.Size()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &scanner{codec: c, window: window{file: f, size: size, chunk: chunk}}, nil
}

func (s *scanner) close() error { return s.file.Close() }

// head reads the header at p. Order is checked, the payload is not.
func (s *scanner) head(p place) (h header, d defect, err error) {
	b, err := s.at(p.off, s.headerBytes())
	if err != nil {
		return h, "", err
	}
	if zero(b) {
		return h, defectNothing, nil
	}
	if h, d = s.header(b, p.off); d == "" && !p.expects(&h) {
		d = defectDisplaced
	}
	return h, d, nil
}

// frame reads the frame at p. The payload is valid until the next call.
func (s *scanner) frame(p place) (h header, payload []byte, d defect, err error) {
	h, d, err = s.head(p)
	if d != "" || err != nil {
		return h, nil, d, err
	}
	size := padded(int(h.length))
	b, err := s.at(p.off+h.size, size)
	switch {
	case err != nil:
	case int64(len(b)) < size:
		d = defectCut
	case crc32.Checksum(b, castagnoli) != h.payloadSum:
		d = defectPayload
	default:
		payload = b[:h.length]
	}
	if payload != nil && s.chained {
		after := s.link(p.chain, &h, payload)
		if !s.old && after != h.chain {
			return h, nil, defectChain, nil
		}
		h.chain = after
	}
	return h, payload, d, err
}

// walked is how far a walk came.
type walked struct {
	end       place // behind the last complete batch
	lastBatch int64 // offset at which that batch begins; 0 if the walk saw none
	at        place // where the walk stopped
	why       defect
}

// walk reads frames from p, where a batch begins, until there is none, or limit is the next sequence. It notes
// the complete batches in seg's index and shows their frames to visit, if there is one.
func (s *scanner) walk(seg *segment, p place, limit uint64, visit func(Frame) error) (w walked, err error) {
	w.end = p
	batch, indexed := p.off, len(seg.index)
	var frames []Frame
	defer func() { seg.index = seg.index[:indexed] }()
	for p.seq < limit {
		h, payload, d, err := s.frame(p)
		if d != "" || err != nil {
			w.at, w.why = p, d
			return w, err
		}
		seg.note(p)
		p = p.behind(&h)
		if visit != nil {
			frames = append(frames, frameOf(&h, payload))
		}
		if !h.last() {
			continue
		}
		for _, f := range frames {
			if err := visit(f); err != nil {
				return w, err
			}
		}
		frames = frames[:0]
		w.end, w.lastBatch, indexed = p, batch, len(seg.index)
		batch = p.off
	}
	w.at = p
	return w, nil
}

const noLimit = math.MaxUint64

// remains is what stands behind the last complete batch.
type remains struct {
	used   int64  // offset behind the last byte that is not zero; 0: all is zero
	later  int64  // offset of a header of another batch than the torn one; 0: none
	number uint64 // of that batch
}

// behind looks through everything from off for headers. Frames of batch torn are what a crash leaves.
func (s *scanner) behind(off int64, torn uint64) (r remains, err error) {
	s.forget()
	for {
		b, err := s.at(off, scanChunk)
		if err != nil {
			return r, err
		}
		whole := off+int64(len(b)) == s.size
		i, head := 0, int(s.headerBytes())
		for ; i+head <= len(b) || whole && i < len(b); i += frameAlign {
			if n := len(nothing); i+n+head <= len(b) && zero(b[i:i+n]) {
				i += n - frameAlign
				continue
			}
			word := b[i:min(i+frameAlign, len(b))]
			if zero(word) {
				continue
			}
			at := off + int64(i)
			r.used = at + int64(len(word))
			if h, d := s.header(b[i:], at); d == "" && h.batch != torn {
				r.later, r.number = at, h.batch
				return r, nil
			}
		}
		if whole {
			return r, nil
		}
		off += int64(i)
	}
}

// nothing is a sector of zeros.
var nothing [512]byte

// zero says whether b, at most as long as nothing, is all zero.
func zero(b []byte) bool { return bytes.Equal(b, nothing[:len(b)]) }
