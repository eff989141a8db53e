package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"strconv"
	"strings"
)

const (
	segmentMagic          = "BANYSEG\n"
	segmentVersion        = 2
	segmentHeaderBytes    = 128
	oldSegmentHeaderBytes = 64 // of version 1
	segmentSuffix         = ".seg"
	segmentAlign          = 4096      // sizes of segments made for a large batch are multiples
	zeroChunk             = 8 << 20   // bytes zeroed between syncs while somebody waits
	zeroBesideChunk       = 256 << 10 // and beside appending
	indexEvery            = 64 << 10  // bytes of a segment to one entry of its index
)

// segment is one file of frames.
type segment struct {
	name        string
	first       uint64 // sequence
	firstBatch  uint64
	salt, prior uint64
	old         bool    // version 1: its frames carry no chain
	chain       Chain   // before its first frame
	index       []place // ascending, indexEvery apart or more
}

// start returns the place of the first frame.
func (s *segment) start() place {
	return place{off: s.headerBytes(), seq: s.first, batch: s.firstBatch, chain: s.chain}
}

func (s *segment) headerBytes() int64 {
	if s.old {
		return oldSegmentHeaderBytes
	}
	return segmentHeaderBytes
}

func (s *segment) codec() codec { return codec{salt: s.salt, old: s.old} }

// note adds p, where a frame begins, to the index if it is far enough from the entry before.
func (s *segment) note(p place) {
	before := s.headerBytes()
	if n := len(s.index); n > 0 {
		before = s.index[n-1].off
	}
	if p.off-before >= indexEvery {
		s.index = append(s.index, p)
	}
}

func fileName(seq uint64, suffix string) string { return fmt.Sprintf("%020d%s", seq, suffix) }

// parseName returns the sequence in a name with suffix.
func parseName(name, suffix string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 20 {
		return 0, false
	}
	seq, err := strconv.ParseUint(digits, 10, 64)
	return seq, err == nil && seq > 0 && fileName(seq, suffix) == name
}

func (s *segment) encode() []byte {
	b, le := make([]byte, segmentHeaderBytes), binary.LittleEndian
	copy(b, segmentMagic)
	le.PutUint32(b[8:], segmentVersion)
	le.PutUint64(b[16:], s.first)
	le.PutUint64(b[24:], s.firstBatch)
	le.PutUint64(b[32:], s.salt)
	le.PutUint64(b[40:], s.prior)
	copy(b[48:], s.chain[:])
	putSum(b)
	return b
}

// putSum ends a header with the checksum of what is before.
func putSum(b []byte) {
	n := len(b) - 4
	binary.LittleEndian.PutUint32(b[n:], crc32.Checksum(b[:n], castagnoli))
}

func sumFits(b []byte) bool {
	n := len(b) - 4
	return binary.LittleEndian.Uint32(b[n:]) == crc32.Checksum(b[:n], castagnoli)
}

// openSegment reads the header of the segment that begins with seq.
func openSegment(fsys FS, dir string, seq uint64) (*segment, error) {
	s := &segment{name: fileName(seq, segmentSuffix), first: seq}
	f, err := openRead(fsys, dir, s.name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, le := make([]byte, segmentHeaderBytes), binary.LittleEndian
	n, err := f.ReadAt(b, 0)
	if n < len(b) && !errors.Is(err, io.EOF) {
		return nil, err
	}
	version := le.Uint32(b[8:])
	s.old = n >= oldSegmentHeaderBytes && version == 1
	if b = b[:s.headerBytes()]; n < len(b) {
		return nil, &CorruptError{s.name, 0, seq, "the file ends within its header"}
	}
	if string(b[:8]) != segmentMagic || !sumFits(b) {
		return nil, &CorruptError{s.name, 0, seq, "the header of the segment fails its checksum"}
	}
	if version < 1 || version > segmentVersion {
		return nil, fmt.Errorf("segment %s has format version %d, this program reads 1 to %d", s.name, version, segmentVersion)
	}
	if first := le.Uint64(b[16:]); first != seq {
		return nil, &CorruptError{s.name, 0, seq, fmt.Sprintf("the header says it begins with sequence %d", first)}
	}
	s.firstBatch, s.salt, s.prior = le.Uint64(b[24:]), le.Uint64(b[32:]), le.Uint64(b[40:])
	if !s.old {
		copy(s.chain[:], b[48:])
	}
	return s, nil
}

// blank is an allocated, zeroed file that will become a segment.
type blank struct {
	file File
	size int64
	err  error
}

// makeBlank makes the temporary file name, of size bytes on disk that are zero. It syncs after each part of
// that many bytes: small parts leave the disk to the batches in between, large ones are done sooner.
func makeBlank(fsys FS, name string, size, part int64) (b blank) {
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return blank{err: err}
	}
	if err := zeroNew(f, size, part); err != nil {
		return blank{err: errors.Join(fmt.Errorf("allocate a segment of %d bytes: %w", size, err), f.Close(), fsys.Remove(name))}
	}
	return blank{file: f, size: size}
}

func zeroNew(f File, size, part int64) error {
	if err := f.Allocate(size); err != nil {
		return err
	}
	zeros := make([]byte, min(size, part))
	for off := int64(0); off < size; off += part {
		if err := writeAt(f, zeros[:min(size-off, part)], off); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}
