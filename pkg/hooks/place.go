package hooks

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Place names an event by the epoch that wrote it, so that it means the same in every journal of a city. The zero Place
// is before the first.
type Place struct {
	Epoch uint32
	Seq   uint64
}

// ParsePlace reads what String writes, or a sequence alone, as earlier versions wrote it.
func ParsePlace(s string) (Place, error) {
	epoch, seq, ok := strings.Cut(s, "-")
	if !ok {
		epoch, seq = "0", s
	}
	e, err := strconv.ParseUint(epoch, 10, 32)
	n, err2 := strconv.ParseUint(seq, 10, 64)
	if err != nil || err2 != nil {
		return Place{}, fmt.Errorf("%.40q is no place of an event, EPOCH-SEQ", s)
	}
	return Place{uint32(e), n}, nil
}

// String returns EPOCH-SEQ.
func (p Place) String() string {
	return strconv.FormatUint(uint64(p.Epoch), 10) + "-" + strconv.FormatUint(p.Seq, 10)
}

// Before reports whether an event at p was sent before one at q: what a later epoch wrote comes later, whatever its
// sequence.
func (p Place) Before(q Place) bool { return p.Epoch < q.Epoch || p.Epoch == q.Epoch && p.Seq < q.Seq }

// Within returns the last sequence of a journal, which ends at last, that a target which came to p has been sent: none
// of what an epoch after p's wrote in place of events that were lost. epoch returns that of a sequence.
func (p Place) Within(last uint64, epoch func(seq uint64) (uint32, error)) (uint64, error) {
	last = min(last, p.Seq)
	if last == 0 {
		return 0, nil
	}
	later := func(seq uint64) (bool, error) {
		e, err := epoch(seq)
		return e > p.Epoch, err
	}
	if after, err := later(last); !after || err != nil {
		return last, err
	}
	sent, lost := uint64(0), last // epochs only grow
	for lost-sent > 1 {
		middle := sent + (lost-sent)/2
		after, err := later(middle)
		if err != nil {
			return 0, err
		}
		if after {
			lost = middle
		} else {
			sent = middle
		}
	}
	return sent, nil
}

// readPlace reads how far a target came; false: it is new.
func readPlace(path string) (p Place, ok bool, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, false, nil
	}
	if err == nil {
		p, err = ParsePlace(strings.TrimSpace(string(b)))
	}
	if err != nil {
		return p, false, fmt.Errorf("%s: %w; remove it to begin at what happens next", path, err)
	}
	return p, true, nil
}

// Cut has no target of a data folder further than last, behind which its journal is cut off: what stands there then are
// other events.
func Cut(dataDir string, last Place) error {
	dir := filepath.Join(dataDir, "hooks")
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Name())
		if p, ok, _ := readPlace(path); ok && (last.Before(p) || p.Seq > last.Seq) { // what is none is said when it is opened
			err = errors.Join(err, writePlace(path, last))
		}
	}
	return err
}

// writePlace writes how far a target came.
func writePlace(path string, p Place) error {
	next := path + ".new"
	if err := os.WriteFile(next, []byte(p.String()), 0o600); err != nil {
		return err
	}
	return os.Rename(next, path)
}
