// Package sequencer is the single writer: the only place where state changes. Commands come in through one
// mailbox; each is stamped with the time, decided and applied, and a batch of them is journalled with one
// fsync. Only then are they answered, shown and handed on.
package sequencer

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Bounds of the writer.
const (
	MailboxSize          = 8192      // commands waiting; past it a caller waits, as long as its context lets it
	MaxBatchCommands     = 1024      // commands behind one fsync
	maxBatchBytes        = 8 << 20   // payload behind one fsync
	maxIdle              = time.Hour // sleep when no deadline is near
	DefaultSnapshotEvery = 200_000   // events between snapshots
)

// Log is what the writer needs of a journal.
type Log interface {
	Append(batch []journal.Frame) error
	WriteSnapshot(seq uint64, write func(io.Writer) error) error
}

// Outcome is what became of a command.
type Outcome struct {
	Events []dispatch.Event // none if there was nothing to do
	Known  uint64           // for a repeated alert: the sequence of the event that holds it
}

// Committed is a batch that is durable, for whoever shows or mirrors it. Docs[i] is the incident that
// Events[i] is about as it stands after that event, nil for an event about none. All of it is read-only.
type Committed struct {
	Epoch    uint32
	From, To uint64
	Frames   []journal.Frame // as they stand in the journal
	Events   []dispatch.Event
	Encoded  [][]byte
	Docs     []*alert.Incident
}

// Options are what a Sequencer is made of.
type Options struct {
	Log           Log
	Start         *Start           // what recovery found
	Now           func() time.Time // nil: time.Now
	Publish       func(*Committed) // called by the writer after each commit; must not block
	Observe       func(Stages)     // called after each commit; nil: nobody measures
	SnapshotEvery uint64           // events between snapshots; 0: DefaultSnapshotEvery
	Follow        bool             // begin as a follower, who adopts another's frames until Lead
	Logger        *slog.Logger     // nil: nobody reads
}

// Stages are the durations of one batch, for telemetry.
type Stages struct {
	Commands, Events     int
	To                   uint64    // the last event
	At                   time.Time // the end
	Decide, Commit, Hand time.Duration
}

// Sequencer owns the state. Make one with New, run it with Run.
type Sequencer struct {
	o        Options
	mailbox  chan *request // of officers and the clock; what sources send waits in lanes
	lanes    *lanes
	city     atomic.Pointer[plan.City] // in force, for whoever submits
	state    *dispatch.State
	replica  *Replica
	epoch    atomic.Uint32
	leads    atomic.Bool
	turns    chan turn // of a follower: what the writer's goroutine is to do
	encoder  encoder
	failed   atomic.Pointer[error]
	began    atomic.Int64 // when the batch at hand was begun, Unix nanoseconds; 0 when idle
	stopped  chan struct{}
	snapshot snapshots
}

type request struct {
	command dispatch.Command
	reply   chan reply
}

type reply struct {
	outcome Outcome
	err     error
}

// New returns a sequencer over what recovery found.
func New(o Options) *Sequencer {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SnapshotEvery == 0 {
		o.SnapshotEvery = DefaultSnapshotEvery
	}
	if o.Publish == nil {
		o.Publish = func(*Committed) {}
	}
	if o.Observe == nil {
		o.Observe = func(Stages) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Sequencer{
		o: o, turns: make(chan turn), mailbox: make(chan *request, MailboxSize), lanes: newLanes(), state: o.Start.Writer, replica: NewReplica(o.Start.Reader, o.Start.Epoch),
		stopped:  make(chan struct{}),
		snapshot: snapshots{last: o.Start.SnapshotSeq, written: o.Start.SnapshotSeq, idle: make(chan uint64, 1)},
	}
	s.city.Store(o.Start.Writer.City())
	s.epoch.Store(o.Start.Epoch)
	s.leads.Store(!o.Follow)
	return s
}

// Replica returns the committed state, for reading.
func (s *Sequencer) Replica() *Replica { return s.replica }

// Epoch returns the epoch this writer writes under, of a follower that of the last frame it adopted.
func (s *Sequencer) Epoch() uint32 { return s.epoch.Load() }

// Queued returns how many commands wait in the mailbox.
func (s *Sequencer) Queued() int { return len(s.mailbox) + s.lanes.len() }

// Busy returns how long the writer has been at the batch at hand, 0 when it waits for work.
func (s *Sequencer) Busy() time.Duration {
	if began := s.began.Load(); began != 0 {
		return time.Duration(s.o.Now().UnixNano() - began)
	}
	return 0
}

// Err returns why the writer no longer accepts, nil while it does.
func (s *Sequencer) Err() error {
	if p := s.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// Do submits a command and waits until what it caused is durable. An error is an *alert.Error. When ctx
// ends first the command may still happen; submitting it again is harmless.
func (s *Sequencer) Do(ctx context.Context, c dispatch.Command) (Outcome, error) {
	wait, err := s.Submit(ctx, c)
	if err != nil {
		return Outcome{}, err
	}
	return wait(ctx)
}

// Submit puts a command into the mailbox and returns a function that waits for its outcome, so that a
// caller with many commands has them all committed together.
func (s *Sequencer) Submit(ctx context.Context, c dispatch.Command) (wait func(context.Context) (Outcome, error), err error) {
	if err := s.Err(); err != nil {
		return nil, unavailable(err)
	}
	if !s.leads.Load() {
		return nil, unavailable(errFollows)
	}
	r := &request{command: c, reply: make(chan reply, 1)}
	if source := laneOf(&c); source != "" {
		if err := s.lanes.put(source, r, s.urgency(&c)); err != nil {
			return nil, err
		}
		return s.waitFor(r), nil
	}
	select {
	case s.mailbox <- r:
	default:
		select {
		case s.mailbox <- r:
		case <-s.stopped:
			return nil, unavailable(errStopping)
		case <-ctx.Done():
			return nil, alert.Errorf(alert.CodeUnavailable, "%d commands wait already, the most there may be: retry shortly", MailboxSize)
		}
	}
	return s.waitFor(r), nil
}

// urgency tells alerts that are P1, by themselves or by their type, from all else that sources send.
func (s *Sequencer) urgency(c *dispatch.Command) int {
	if c.Type != dispatch.SubmitAlert {
		return other
	}
	p := c.Alert.Priority
	if city := s.city.Load(); p == 0 && city != nil {
		if t, ok := city.Type(c.Alert.Type); ok {
			p = t.Priority
		}
	}
	if p == alert.P1 {
		return urgent
	}
	return other
}

func (s *Sequencer) waitFor(r *request) func(context.Context) (Outcome, error) {
	return func(ctx context.Context) (Outcome, error) {
		select {
		case out := <-r.reply:
			return out.outcome, out.err
		case <-ctx.Done():
			return Outcome{}, alert.Errorf(alert.CodeUnavailable, "gave up waiting for the journal; repeat the request: it does no harm")
		case <-s.stopped:
			select {
			case out := <-r.reply:
				return out.outcome, out.err
			default:
				return Outcome{}, unavailable(errStopping)
			}
		}
	}
}

var errStopping = fmt.Errorf("the server is stopping")

func unavailable(why error) error {
	return alert.Errorf(alert.CodeUnavailable, "not accepting: %v", why)
}

// Run is the writer's loop. It returns when ctx ends, after the commands in the mailbox are done and a last
// snapshot is written, or with the journal's error, when nothing more may be accepted; it then goes on
// refusing commands until ctx ends.
func (s *Sequencer) Run(ctx context.Context) error {
	defer close(s.stopped)
	timer := time.NewTimer(maxIdle)
	defer timer.Stop()
	var batch []*request
	for {
		timer.Reset(s.untilDue())
		batch = batch[:0]
		s.began.Store(0)
		if ctx.Err() != nil { // before the mailbox, which callers may never leave empty
			return s.drain()
		}
		select {
		case r := <-s.mailbox:
			batch = append(batch, r)
		case <-s.lanes.wake:
		case t := <-s.turns:
			if err := s.turn(t); err != nil {
				s.refuse(ctx)
				return err
			}
			continue
		case <-timer.C:
		case <-ctx.Done():
			return s.drain()
		}
		runtime.Gosched() // those who are about to ask do so first: a batch costs a sync, and whoever is alone waits for nothing
		s.began.Store(s.o.Now().UnixNano())
		batch = s.gather(batch)
		if err := s.process(batch); err != nil {
			s.began.Store(0)
			s.refuse(ctx)
			return err
		}
	}
}

// gather adds to the batch what waits already; it never waits for more.
func (s *Sequencer) gather(batch []*request) []*request {
	for len(batch) < MaxBatchCommands {
		select {
		case r := <-s.mailbox:
			batch = append(batch, r)
			continue
		default:
		}
		break
	}
	return s.lanes.take(batch, MaxBatchCommands)
}

func (s *Sequencer) untilDue() time.Duration {
	at, ok := s.state.NextDeadline()
	if !ok || s.state.City() == nil || !s.leads.Load() {
		return maxIdle
	}
	return min(max(at.Std().Sub(s.o.Now()), 0), maxIdle)
}

// drain does what is in the mailbox still, then writes the last snapshot. Nothing more is let in, or callers
// who never tire would keep the writer from its end.
func (s *Sequencer) drain() error {
	s.failed.Store(&errStopping)
	for {
		batch := s.gather(nil)
		if len(batch) == 0 {
			break
		}
		if err := s.process(batch); err != nil {
			return err
		}
	}
	return s.finalSnapshot()
}

// refuse answers every command with the failure until ctx ends.
func (s *Sequencer) refuse(ctx context.Context) {
	for {
		select {
		case r := <-s.mailbox:
			r.reply <- reply{err: unavailable(s.Err())}
		case <-s.lanes.wake:
			for _, r := range s.lanes.take(nil, MaxBatchCommands) {
				r.reply <- reply{err: unavailable(s.Err())}
			}
		case <-ctx.Done():
			return
		}
	}
}
