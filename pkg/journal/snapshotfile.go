package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	snapshotMagic       = "BANYSNP\n"
	snapshotVersion     = 1
	snapshotHeaderBytes = 32
	snapshotSuffix      = ".snap"
	snapshotBlockBytes  = 256 << 10
	snapshotSyncEvery   = 8 << 20 // bytes between syncs: a small queue before the batches' syncs
	blockHeaderBytes    = 8
)

func snapshotHeader(seq uint64) []byte {
	b, le := make([]byte, snapshotHeaderBytes), binary.LittleEndian
	copy(b, snapshotMagic)
	le.PutUint32(b[8:], snapshotVersion)
	le.PutUint64(b[16:], seq)
	le.PutUint32(b[28:], crc32.Checksum(b[:28], castagnoli))
	return b
}

// snapshotWriter cuts what is written into blocks.
type snapshotWriter struct {
	file   File
	off    int64
	synced int64
	sum    uint32
	head   []byte // of the file, until it is written
	block  []byte // header and bytes
}

func newSnapshotWriter(f File, seq uint64) *snapshotWriter {
	head := snapshotHeader(seq)
	return &snapshotWriter{file: f, head: head, sum: binary.LittleEndian.Uint32(head[28:]),
		block: make([]byte, blockHeaderBytes, blockHeaderBytes+snapshotBlockBytes)}
}

func (w *snapshotWriter) Write(p []byte) (n int, err error) {
	for n < len(p) {
		part := p[n:min(len(p), n+cap(w.block)-len(w.block))]
		w.block = append(w.block, part...)
		n += len(part)
		if len(w.block) == cap(w.block) {
			if err := w.flush(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// flush writes the block, which is the end mark if it is empty.
func (w *snapshotWriter) flush() error {
	binary.LittleEndian.PutUint32(w.block, uint32(len(w.block)-blockHeaderBytes))
	w.sum = blockSum(w.sum, w.block)
	binary.LittleEndian.PutUint32(w.block[4:], w.sum)
	if err := w.put(w.head); err != nil {
		return err
	}
	w.head = nil
	if err := w.put(w.block); err != nil {
		return err
	}
	w.block = w.block[:blockHeaderBytes]
	if w.off-w.synced < snapshotSyncEvery {
		return nil
	}
	w.synced = w.off
	return w.file.Sync()
}

func (w *snapshotWriter) put(b []byte) error {
	if err := writeAt(w.file, b, w.off); err != nil {
		return err
	}
	w.off += int64(len(b))
	return nil
}

func (w *snapshotWriter) finish() error {
	if len(w.block) > blockHeaderBytes {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	return w.file.Sync()
}

// blockSum returns the checksum of a block whose predecessor has sum.
func blockSum(sum uint32, block []byte) uint32 {
	return crc32.Update(crc32.Update(sum, castagnoli, block[:4]), castagnoli, block[blockHeaderBytes:])
}

var errDamaged = errors.New("damaged")

// snapshotReader gives out the bytes of blocks that passed their checksum.
type snapshotReader struct {
	file  File
	name  string
	off   int64
	sum   uint32
	block []byte
	rest  []byte // of the block, not given out yet
	err   error
}

// openSnapshot opens a snapshot and checks its header.
func openSnapshot(fsys FS, dir string, seq uint64) (*snapshotReader, error) {
	name := fileName(seq, snapshotSuffix)
	f, err := openRead(fsys, dir, name)
	if err != nil {
		return nil, err
	}
	want, got := snapshotHeader(seq), make([]byte, snapshotHeaderBytes)
	if n, err := f.ReadAt(got, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, f.Close())
	} else if n < len(got) || string(got) != string(want) {
		return nil, errors.Join(fmt.Errorf("snapshot %s is %w: the header", name, errDamaged), f.Close())
	}
	return &snapshotReader{file: f, name: name, off: snapshotHeaderBytes, sum: binary.LittleEndian.Uint32(got[28:])}, nil
}

func (r *snapshotReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 && r.err == nil {
		r.rest, r.err = r.next()
	}
	if len(r.rest) == 0 {
		return 0, r.err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// next reads a block; io.EOF after the last.
func (r *snapshotReader) next() ([]byte, error) {
	if r.block == nil {
		size, err := r.file.Size()
		if err != nil {
			return nil, err
		}
		r.block = make([]byte, min(size, blockHeaderBytes+snapshotBlockBytes))
	}
	n, err := r.file.ReadAt(r.block, r.off)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	b, size := r.block[:n], 0
	if n >= blockHeaderBytes {
		size = int(binary.LittleEndian.Uint32(b))
	}
	if n < blockHeaderBytes || size > n-blockHeaderBytes {
		return nil, fmt.Errorf("snapshot %s is %w: it ends within the block at offset %d", r.name, errDamaged, r.off)
	}
	b = b[:blockHeaderBytes+size]
	r.sum = blockSum(r.sum, b)
	if r.sum != binary.LittleEndian.Uint32(b[4:]) {
		return nil, fmt.Errorf("snapshot %s is %w: the checksum of the block at offset %d", r.name, errDamaged, r.off)
	}
	if size == 0 && n > blockHeaderBytes {
		return nil, fmt.Errorf("snapshot %s is %w: there is more behind its end at offset %d", r.name, errDamaged, r.off)
	}
	if size == 0 {
		return nil, io.EOF
	}
	r.off += int64(len(b))
	return b[blockHeaderBytes:], nil
}

func (r *snapshotReader) Close() error { return r.file.Close() }
