package sequencer

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Source is what recovery reads.
type Source interface {
	OpenSnapshot() (seq uint64, r io.ReadCloser, ok bool, err error)
	Read(from uint64) iter.Seq2[journal.Frame, error]
}

// Start is what recovery found: the same state twice, once for the writer and once for readers.
type Start struct {
	Writer, Reader *dispatch.State
	Epoch          uint32
	SnapshotSeq    uint64
	Frames         int           // read after the snapshot
	Problems       plan.Problems // of the configuration in the journal, if this binary cannot compile it
}

// FirstEpoch is the epoch of a city that never had another leader.
const FirstEpoch = 1

// Recover rebuilds the state from the newest good snapshot and the frames after it. progress, if not nil,
// is told now and then how far it is.
func Recover(src Source, progress func(seq uint64)) (*Start, error) {
	start := &Start{Writer: dispatch.New(), Reader: dispatch.New(), Epoch: FirstEpoch}
	seq, r, ok, err := src.OpenSnapshot()
	if err != nil {
		return nil, err
	}
	if ok {
		start.SnapshotSeq = seq
		err := start.restore(r)
		if err := errors.Join(err, r.Close()); err != nil {
			return nil, fmt.Errorf("snapshot at %d: %w", seq, err)
		}
	}
	if err := start.replay(src, progress); err != nil {
		return nil, err
	}
	start.compile()
	return start, nil
}

// Restore reads a snapshot whose last event is of an epoch. An error leaves nothing behind; r may have been read in part.
func Restore(r io.Reader, epoch uint32) (*Start, error) {
	start := &Start{Epoch: epoch}
	if err := start.restore(r); err != nil {
		return nil, err
	}
	start.SnapshotSeq = start.Writer.Seq()
	start.compile()
	return start, nil
}

// compile makes the configuration of a state usable, unless it is.
func (start *Start) compile() {
	if start.Writer.City() != nil || start.Writer.Digest() == "" {
		return
	}
	city, problems := plan.Load(start.Writer.Files())
	if city == nil {
		start.Problems = problems
		return
	}
	start.Writer.UseCity(city)
	start.Reader.UseCity(city)
}

const (
	progressEvery = 50_000 // frames
	framesAtOnce  = 64     // that are decoded by one goroutine
)

// replayed is a frame with its events.
type replayed struct {
	journal.Frame
	events []dispatch.Event
}

// replay applies the frames behind the state. They are decoded on every processor and applied in order, to both states side
// by side.
func (start *Start) replay(src Source, progress func(seq uint64)) error {
	next, stop := iter.Pull2(src.Read(start.Writer.Seq() + 1))
	chunks := ahead(func() func() ([]replayed, error) {
		var frames []journal.Frame
		for len(frames) < framesAtOnce {
			f, err, ok := next()
			if err != nil {
				return func() ([]replayed, error) { return nil, err }
			}
			if !ok {
				break
			}
			frames = append(frames, f)
		}
		if len(frames) == 0 {
			return nil
		}
		return func() ([]replayed, error) { return decodeFrames(frames) }
	})
	defer stop()
	return chunks.each(func(frames []replayed) error {
		sideBySide(2, func(i int) {
			state := []*dispatch.State{start.Writer, start.Reader}[i]
			for _, f := range frames {
				for k := range f.events {
					state.Apply(&f.events[k])
				}
			}
		})
		for _, f := range frames {
			start.Epoch = max(start.Epoch, f.Epoch)
			if start.Frames++; progress != nil && start.Frames%progressEvery == 0 {
				progress(f.LastSeq())
			}
		}
		return nil
	})
}

func decodeFrames(frames []journal.Frame) ([]replayed, error) {
	out := make([]replayed, len(frames))
	for i, f := range frames {
		rec, err := DecodeRecord(f.Payload)
		if err == nil {
			out[i] = replayed{Frame: f}
			out[i].events, err = rec.DecodeEvents()
		}
		if err != nil {
			return nil, fmt.Errorf("frame at %d: %w", f.Seq, err)
		}
	}
	return out, nil
}
