package sequencer

import (
	"context"
	"errors"
	"fmt"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// A follower decides nothing. It adopts the frames of the writer that leads, as they are: into its own journal
// first, then into both states, then onto its screens. When it is told to lead it begins to decide, from the
// very state the frames have made. There is no way back: who is deposed starts again.

var (
	errFollows = errors.New("this node follows another, which takes commands")
	// ErrOutOfOrder means that frames given to Adopt do not continue the journal.
	ErrOutOfOrder = errors.New("the frames do not continue the journal")
	errLeads      = errors.New("a writer that leads adopts nothing")
)

// turn is what the writer's goroutine is to do for a follower: adopt frames, begin with another state, or lead.
type turn struct {
	frames []journal.Frame
	start  *Start // to begin with
	epoch  uint32 // to lead under; 0: adopt
	done   chan error
}

// Leads reports whether commands are taken.
func (s *Sequencer) Leads() bool { return s.leads.Load() }

// Adopt makes frames of the writer that leads durable and applies and shows them. They must continue the journal.
func (s *Sequencer) Adopt(ctx context.Context, frames []journal.Frame) error {
	return s.ask(ctx, turn{frames: frames, done: make(chan error, 1)})
}

// Lead has a follower take commands from now on, under an epoch above every other that it knows of.
func (s *Sequencer) Lead(ctx context.Context, epoch uint32) error {
	return s.ask(ctx, turn{epoch: epoch, done: make(chan error, 1)})
}

// Restart has a follower go on from another state of its city, which must be newer than its own: what lies between is
// not shown, and screens begin anew. It is for one that keeps no journal.
func (s *Sequencer) Restart(ctx context.Context, start *Start) error {
	return s.ask(ctx, turn{start: start, done: make(chan error, 1)})
}

func (s *Sequencer) ask(ctx context.Context, t turn) error {
	select {
	case s.turns <- t:
	case <-s.stopped:
		return errStopping
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-t.done: // an append under way is waited for: what it did must be known
		return err
	case <-s.stopped:
		return errStopping
	}
}

// turn does what a follower is told. Its error is the journal's, and final.
func (s *Sequencer) turn(t turn) (final error) {
	err := errLeads
	switch {
	case s.leads.Load():
	case t.epoch > 0 && t.epoch <= s.epoch.Load():
		err = fmt.Errorf("epoch %d is not above %d", t.epoch, s.epoch.Load())
	case t.epoch > 0:
		s.epoch.Store(t.epoch)
		s.leads.Store(true)
		err = nil // screens learn of the epoch from its first event: what they show stays true
	case t.start != nil:
		err = s.restart(t.start)
	default:
		err = s.adopt(t.frames)
		final = s.Err()
	}
	t.done <- err
	return final
}

func (s *Sequencer) restart(start *Start) error {
	epoch, seq := s.epoch.Load(), s.state.Seq()
	to := start.Writer.Seq()
	if start.Epoch < epoch || start.Epoch == epoch && to <= seq {
		return fmt.Errorf("%w: a state at %d-%d where one is at %d-%d", ErrOutOfOrder, start.Epoch, to, epoch, seq)
	}
	s.state = start.Writer
	s.epoch.Store(start.Epoch)
	s.city.Store(s.state.City())
	s.replica.replace(start.Reader, start.Epoch)
	s.o.Publish(&Committed{Epoch: start.Epoch, From: to + 1, To: to})
	return nil
}

// adoption is frames of one epoch, decoded.
type adoption struct {
	frames    []journal.Frame
	committed *Committed
}

func (s *Sequencer) adopt(frames []journal.Frame) error {
	var parts []*adoption
	next := s.state.Seq() + 1
	for _, f := range frames {
		if f.Seq != next || f.Epoch < s.epoch.Load() {
			return fmt.Errorf("%w: frame %d-%d where %d is next, under epoch %d", ErrOutOfOrder, f.Epoch, f.Seq, next, s.epoch.Load())
		}
		if len(parts) == 0 || parts[len(parts)-1].committed.Epoch != f.Epoch {
			parts = append(parts, &adoption{committed: &Committed{Epoch: f.Epoch, From: f.Seq}})
		}
		if err := parts[len(parts)-1].add(f); err != nil {
			return err
		}
		next = f.LastSeq() + 1
	}
	for _, p := range parts { // decoded whole before the first is written
		if err := s.o.Log.Append(p.frames); err != nil {
			s.failed.Store(&err)
			return err
		}
		s.epoch.Store(p.committed.Epoch)
		p.committed.Frames = p.frames
		s.take(p.committed)
	}
	s.maybeSnapshot()
	return nil
}

func (a *adoption) add(f journal.Frame) error {
	e := Entry{Frame: f}
	events, encoded, err := e.Events()
	if err != nil {
		return err
	}
	a.frames = append(a.frames, f)
	a.committed.To = f.LastSeq()
	a.committed.Events = append(a.committed.Events, events...)
	a.committed.Encoded = append(a.committed.Encoded, encoded...)
	return nil
}

// take applies what is in the journal and shows it.
func (s *Sequencer) take(c *Committed) {
	var city *plan.City
	for i := range c.Events {
		e := &c.Events[i]
		s.state.Apply(e)
		if e.Type == dispatch.ConfigLoaded {
			if city, _ = plan.Load(e.Files); city != nil {
				s.state.UseCity(city)
			} else {
				s.o.Logger.Error("the configuration the leader loaded does not compile here; upgrade this node before it has to lead", "digest", e.Digest)
			}
		}
		doc, _ := s.state.Incident(e.IncidentID)
		c.Docs = append(c.Docs, doc)
	}
	s.city.Store(s.state.City())
	s.replica.apply(c.Epoch, c.Events, city)
	s.o.Publish(c)
}
