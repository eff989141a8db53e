package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

const (
	snapshotTemporary = "snapshot" + temporarySuffix
	snapshotsKept     = 2
)

// WriteSnapshot stores what write writes as the snapshot of everything up to seq, which must be accepted.
// The two newest snapshots are kept. After an error there is no new snapshot; it may be tried again. One
// snapshot is written at a time, beside appending.
func (j *Journal) WriteSnapshot(seq uint64, write func(io.Writer) error) error {
	j.snapshotting.Lock()
	defer j.snapshotting.Unlock()
	if j.lock == nil {
		return ErrClosed
	}
	if last := j.LastSeq(); seq == 0 || seq > last {
		return fmt.Errorf("journal: snapshot of sequence %d: it must be 1 to %d", seq, last)
	}
	if err := j.writeSnapshot(seq, write); err != nil {
		return fmt.Errorf("journal: snapshot of sequence %d: %w", seq, err)
	}
	j.mu.Lock()
	delete(j.damaged, seq)
	j.mu.Unlock()
	return j.prune()
}

func (j *Journal) writeSnapshot(seq uint64, write func(io.Writer) error) error {
	temporary := j.path(snapshotTemporary)
	f, err := j.o.FS.OpenFile(temporary, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	w := newSnapshotWriter(f, seq)
	err = write(w)
	if err == nil {
		err = w.finish()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, j.o.FS.Remove(temporary))
	}
	if err := j.o.FS.Rename(temporary, j.path(fileName(seq, snapshotSuffix))); err != nil {
		return err
	}
	return j.o.FS.SyncDir(j.dir)
}

// prune removes the snapshots found damaged, and of the others all but the newest.
func (j *Journal) prune() error {
	seqs, err := listSnapshots(j.o.FS, j.dir)
	if err != nil {
		return err
	}
	kept := 0
	for _, seq := range slices.Backward(seqs) {
		j.mu.RLock()
		damaged := j.damaged[seq]
		j.mu.RUnlock()
		if kept < snapshotsKept && !damaged {
			kept++
		} else if err := j.o.FS.Remove(j.path(fileName(seq, snapshotSuffix))); err != nil {
			return err
		}
	}
	return nil
}

// OpenSnapshot opens the newest snapshot that is whole; ok is false if there is none. A damaged one is logged
// and passed over. What r returns is checked again as it is read.
func (j *Journal) OpenSnapshot() (seq uint64, r io.ReadCloser, ok bool, err error) {
	seqs, err := listSnapshots(j.o.FS, j.dir)
	if err != nil {
		return 0, nil, false, fmt.Errorf("journal: %w", err)
	}
	for _, seq := range slices.Backward(seqs) {
		if !j.wholeOnce(seq) && !j.check(seq) {
			continue
		}
		r, err := openSnapshot(j.o.FS, j.dir, seq)
		if err != nil {
			return 0, nil, false, fmt.Errorf("journal: %w", err)
		}
		return seq, r, true, nil
	}
	return 0, nil, false, nil
}

// wholeOnce reports whether Open has just found a snapshot whole. It says so once: what was read long ago may have changed.
func (j *Journal) wholeOnce(seq uint64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	was := j.whole == seq
	j.whole = 0
	return was
}

// check reads a snapshot and reports whether it is whole; one that is not is noted.
func (j *Journal) check(seq uint64) bool {
	_, err := checkSnapshot(j.o.FS, j.dir, seq)
	if err == nil {
		return true
	}
	j.o.Logger.Warn("journal: a snapshot is damaged; the start takes longer", "seq", seq, "error", err)
	j.mu.Lock()
	j.damaged[seq] = true
	j.mu.Unlock()
	return false
}

// listSnapshots returns the sequences of the snapshots, whole or not, ascending.
func listSnapshots(fsys FS, dir string) (seqs []uint64, err error) {
	names, err := fsys.ReadDir(dir)
	for _, name := range names {
		if seq, ok := parseName(name, snapshotSuffix); ok {
			seqs = append(seqs, seq)
		}
	}
	slices.Sort(seqs)
	return seqs, err
}

// checkSnapshot reads a snapshot whole and returns the bytes it holds.
func checkSnapshot(fsys FS, dir string, seq uint64) (int64, error) {
	r, err := openSnapshot(fsys, dir, seq)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	return io.Copy(io.Discard, r)
}

// SnapshotSeq returns the sequence of the newest snapshot there is, whole or not, 0 if there is none.
func (j *Journal) SnapshotSeq() uint64 {
	seqs, err := listSnapshots(j.o.FS, j.dir)
	if err != nil || len(seqs) == 0 {
		return 0
	}
	return seqs[len(seqs)-1]
}
