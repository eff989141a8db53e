package history

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// A portion of a rebuild.
const (
	rebuildFrames = 8192
	rebuildBytes  = 16 << 20
)

// Rebuild makes the read model of a data folder anew from its journal, read by read, which calls a function for
// every frame in order. It is made beside the old one and takes its place at the end. progress is told the last
// sequence that is in, after every portion.
func Rebuild(ctx context.Context, dir string, read func(func(journal.Frame) error) error, progress func(seq uint64)) error {
	made, err := os.MkdirTemp(dir, "history-*.tmp")
	if err != nil {
		return err
	}
	defer os.RemoveAll(made)
	s, err := Open(made)
	if err != nil {
		return err
	}
	defer s.Close()
	var entries []sequencer.Entry
	size := 0
	give := func() error {
		if len(entries) == 0 {
			return nil
		}
		err := s.Take(ctx, entries)
		if err == nil {
			progress(entries[len(entries)-1].LastSeq())
		}
		entries, size = entries[:0], 0
		return err
	}
	err = read(func(f journal.Frame) error {
		entries, size = append(entries, sequencer.Entry{Frame: f}), size+len(f.Payload)
		if len(entries) < rebuildFrames && size < rebuildBytes {
			return nil
		}
		return give()
	})
	if err == nil {
		err = give()
	}
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return s.replace(dir)
}

// replace closes s, whole in one file, and puts it where that of dir is.
func (s *Store) replace(dir string) error {
	if _, err := s.write.Exec("PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	old := &Store{path: filepath.Join(dir, FileName)}
	if err := old.remove(); err != nil {
		return err
	}
	return os.Rename(s.path, old.path)
}
