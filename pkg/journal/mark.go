package journal

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
)

const (
	markName  = "committed"
	markMagic = "BANYMRK\n"
	markBytes = 32
)

// mark is the high-water mark: what was accepted at the least.
type mark struct{ seq, batch uint64 }

func (m mark) encode(b []byte) {
	copy(b, markMagic)
	binary.LittleEndian.PutUint64(b[8:], m.seq)
	binary.LittleEndian.PutUint64(b[16:], m.batch)
	binary.LittleEndian.PutUint32(b[24:], crc32.Checksum(b[:24], castagnoli))
}

func decodeMark(b []byte) (m mark, ok bool) {
	if len(b) != markBytes || string(b[:8]) != markMagic || binary.LittleEndian.Uint32(b[24:]) != crc32.Checksum(b[:24], castagnoli) {
		return m, false
	}
	return mark{binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])}, true
}

// readMark returns the mark of dir; a zero one if there is none or it is invalid.
func readMark(fsys FS, dir string) (mark, error) {
	f, err := openRead(fsys, dir, markName)
	if errors.Is(err, fs.ErrNotExist) {
		return mark{}, nil
	}
	if err != nil {
		return mark{}, err
	}
	defer f.Close()
	b := make([]byte, markBytes)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return mark{}, err
	}
	m, _ := decodeMark(b[:n])
	return m, nil
}
