package sequencer

import (
	"fmt"
	"slices"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/journal"
)

// work is a batch on its way: what is to be written and who waits for it.
type work struct {
	frames    []journal.Frame
	committed *Committed
	answers   []answer
	commands  int // to come, as far as is known
	bytes     int
}

// maxReserved bounds the events for which room is made before they are there.
const maxReserved = 4096

func (c *Committed) reserve(n int) {
	c.Events, c.Encoded, c.Docs = make([]dispatch.Event, 0, n), make([][]byte, 0, n), make([]*alert.Incident, 0, n)
}

type answer struct {
	to chan reply
	reply
}

// process decides a batch, makes it durable, shows it and answers it, in that order. A batch that grows past
// the byte bound is written in parts. The error is the journal's, and final.
func (s *Sequencer) process(batch []*request) error {
	w := s.newWork(len(batch))
	began := s.o.Now()
	s.tick(w)
	for i, r := range batch {
		outcome, err := s.decide(w, &r.command)
		w.answers = append(w.answers, answer{r.reply, reply{outcome, err}})
		if w.bytes >= maxBatchBytes {
			if err := s.commit(w, began); err != nil {
				s.failRest(batch[i+1:], err)
				return err
			}
			w, began = s.newWork(len(batch)-i-1), s.o.Now()
		}
	}
	return s.commit(w, began)
}

func (s *Sequencer) newWork(commands int) *work {
	return &work{commands: commands, committed: &Committed{Epoch: s.epoch.Load(), From: s.state.Seq() + 1},
		frames: make([]journal.Frame, 0, commands), answers: make([]answer, 0, commands)}
}

// tick sends Ticks for what has fallen due, at most as many as one batch holds.
func (s *Sequencer) tick(w *work) {
	for n := 0; n < MaxBatchCommands/dispatch.MaxDuePerTick && s.leads.Load(); n++ {
		at, ok := s.state.NextDeadline()
		if !ok || s.state.City() == nil || at > alert.TimeOf(s.o.Now()) {
			return
		}
		// A Tick is made by ourselves: it has no error to answer and nobody to answer to.
		if _, err := s.decide(w, &dispatch.Command{Type: dispatch.Tick}); err != nil {
			panic(fmt.Sprintf("sequencer: tick: %v", err))
		}
	}
}

// decide stamps, decides, applies and encodes one command.
func (s *Sequencer) decide(w *work, c *dispatch.Command) (Outcome, error) {
	c.At = max(alert.TimeOf(s.o.Now()), s.state.Now())
	digest := s.state.Digest()
	events, err := dispatch.Decide(s.state, c)
	if err != nil {
		return Outcome{}, err
	}
	if len(events) == 0 {
		return Outcome{Known: s.state.KnownBy(c)}, nil
	}
	events = events[:len(events):len(events)] // what follows them in the batch is nobody's who has the outcome
	t := w.committed
	if t.Events == nil && w.commands > 1 { // a large batch is of alerts alike
		t.reserve(min(len(events)*w.commands, maxReserved))
	}
	t.Docs, t.Encoded = slices.Grow(t.Docs, len(events)), slices.Grow(t.Encoded, len(events))
	for i := range events {
		e := &events[i]
		s.state.Apply(e)
		doc, _ := s.state.Incident(e.IncidentID)
		t.Docs = append(t.Docs, doc)
	}
	if t.Events == nil {
		t.Events = events
	} else {
		t.Events = append(t.Events, events...)
	}
	var payload []byte
	payload, t.Encoded = s.encoder.frame(digest, c, events, t.Encoded)
	w.bytes += len(payload)
	w.frames = append(w.frames, journal.Frame{Epoch: s.epoch.Load(), Seq: events[0].Seq, Count: uint32(len(events)), Payload: payload})
	return Outcome{Events: events}, nil
}

// commit makes the work durable, then visible, then answered.
func (s *Sequencer) commit(w *work, began time.Time) error {
	decided := s.o.Now()
	if len(w.frames) > 0 {
		if err := s.o.Log.Append(w.frames); err != nil {
			s.failed.Store(&err)
			for _, a := range w.answers {
				a.to <- reply{err: unavailable(err)}
			}
			return err
		}
	}
	written := s.o.Now()
	if len(w.frames) > 0 {
		w.committed.To, w.committed.Frames = s.state.Seq(), w.frames
		s.city.Store(s.state.City())
		s.replica.apply(w.committed.Epoch, w.committed.Events, nil)
		s.o.Publish(w.committed)
	}
	for _, a := range w.answers {
		a.to <- a.reply
	}
	if len(w.frames) > 0 {
		handed := s.o.Now()
		s.o.Observe(Stages{Commands: len(w.answers), Events: len(w.committed.Events), To: w.committed.To, At: handed,
			Decide: decided.Sub(began), Commit: written.Sub(decided), Hand: handed.Sub(written)})
		s.maybeSnapshot()
	}
	return nil
}

func (s *Sequencer) failRest(rest []*request, err error) {
	for _, r := range rest {
		r.reply <- reply{err: unavailable(err)}
	}
}
