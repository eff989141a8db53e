package sequencer

import (
	"fmt"
	"io"
	"time"
)

// snapshots keeps at most one snapshot being written beside the writer.
type snapshots struct {
	last    uint64 // begun
	written uint64 // that is there
	busy    bool
	idle    chan uint64 // when the one being written is done: its sequence, 0 if it failed
}

func (p *snapshots) done(seq uint64) {
	p.busy, p.written = false, max(p.written, seq)
}

// maybeSnapshot begins a snapshot when enough has happened since the last. Taking the view copies
// references; encoding and writing happen in the background.
func (s *Sequencer) maybeSnapshot() {
	if s.snapshot.busy {
		select {
		case seq := <-s.snapshot.idle:
			s.snapshot.done(seq)
		default:
			return
		}
	}
	if s.state.Seq()-s.snapshot.last < s.o.SnapshotEvery {
		return
	}
	view := s.state.View()
	s.snapshot.last, s.snapshot.busy = view.Seq(), true
	go func() {
		began, written := time.Now(), view.Seq()
		if err := s.o.Log.WriteSnapshot(view.Seq(), view.Encode); err != nil {
			// The journal holds everything: without this snapshot the next start only reads more of it.
			s.o.Logger.Error("snapshot failed; the journal is whole, the next start takes longer", "seq", view.Seq(), "error", err)
			written = 0
		} else {
			s.o.Logger.Info("snapshot written", "seq", view.Seq(), "took", time.Since(began))
		}
		s.snapshot.idle <- written
	}()
}

// finalSnapshot writes the state as it is at a graceful stop.
func (s *Sequencer) finalSnapshot() error {
	if s.snapshot.busy {
		s.snapshot.done(<-s.snapshot.idle)
	}
	if s.state.Seq() == s.snapshot.written {
		return nil
	}
	view := s.state.View()
	if err := s.o.Log.WriteSnapshot(view.Seq(), func(w io.Writer) error { return view.Encode(w) }); err != nil {
		return fmt.Errorf("last snapshot: %w", err)
	}
	return nil
}
