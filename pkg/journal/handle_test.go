package journal

import (
	"fmt"
	"io"
)

type handle struct {
	d        *disk
	life     int
	n        *inode
	writable bool
}

func (h *handle) Close() error { return nil }

func (h *handle) Size() (int64, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	return int64(len(h.n.cache)), nil
}

func (h *handle) ReadAt(b []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if _, err := h.d.begin(h.life, "", h.n.name); err != nil {
		return 0, err
	}
	h.d.reads[h.n.name]++
	if off > int64(len(h.n.cache)) {
		return 0, io.EOF
	}
	n := copy(b, h.n.cache[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(b []byte, off int64) (int, error) {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if !h.writable {
		return 0, fmt.Errorf("%s is open for reading", h.n.name)
	}
	f, err := h.d.begin(h.life, "write", h.n.name)
	switch f {
	case fails:
		return 0, err
	case failsHalf, dies:
		b = b[:len(b)/2]
	}
	if end := int(off) + len(b); end > len(h.n.cache) {
		h.n.cache = append(h.n.cache, make([]byte, end-len(h.n.cache))...)
	}
	copy(h.n.cache[off:], b)
	for s := int(off) / sectorBytes; len(b) > 0 && s <= (int(off)+len(b)-1)/sectorBytes; s++ {
		h.n.dirty[s] = true
	}
	return len(b), err
}

func (h *handle) Allocate(size int64) error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	if _, err := h.d.begin(h.life, "allocate", h.n.name); err != nil {
		return err
	}
	h.n.cache = append(h.n.cache, make([]byte, max(0, int(size)-len(h.n.cache)))...)
	return nil
}

func (h *handle) Sync() error {
	h.d.mu.Lock()
	defer h.d.mu.Unlock()
	f, err := h.d.begin(h.life, "sync", h.n.name)
	if f == fails || f == dies {
		return err
	}
	if f == works {
		h.n.resize(len(h.n.cache))
		for s := range h.n.dirty {
			h.n.settle(s)
		}
	}
	h.n.dirty = map[int]bool{}
	return err
}
