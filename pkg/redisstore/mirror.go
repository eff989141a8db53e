package redisstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// Bounds of the mirror.
const (
	maxChangeEvents = 1024      // of one call
	maxChangeBytes  = 4 << 20   // of one call; one frame may be larger
	liveBacklog     = 20_000    // events behind at which the live state is left until the stream has caught up
	DefaultRetain   = 200_000   // events that stay in the stream, at least
	MaxStreamEvents = 2_000_000 // events that stay in the stream, at most, whatever snapshots there are
	trimEvery       = 10_000    // events between trims

	minRest   = 100 * time.Millisecond // after a failure
	maxRest   = time.Second
	beat      = time.Second            // at which an idle mirror looks whether Redis still has everything
	boardRest = 100 * time.Millisecond // between two writings of seats and counters
)

// Log is the journal, as the mirror reads it.
type Log interface {
	Read(from uint64) iter.Seq2[journal.Frame, error]
	FrameAt(seq uint64) (journal.Frame, error)
	LastSeq() uint64
}

// State is the committed state.
type State interface{ Read(func(*dispatch.State)) }

// Options are what a Mirror is made of.
type Options struct {
	City   string
	Node   string
	Epoch  func() uint32 // the writer's
	Client redis.UniversalClient
	Log    Log
	State  State
	Keep   func() uint64    // the last event that the newest snapshot holds; nil: nothing is known
	Retain uint64           // 0: DefaultRetain
	Done   func(seq uint64) // called when Redis has everything up to seq; nil: nobody asks. Must not block

	Replicas int // of Redis that must have an event before Await returns; at most MaxReplicas
	Now      func() time.Time
	Logger   *slog.Logger
}

// Phase says what a mirror is doing.
type Phase string

// The phases.
const (
	Connecting Phase = "connecting" // not yet heard of Redis
	Current    Phase = "current"    // Redis has what the journal has, but for what is on its way
	Behind     Phase = "behind"     // catching up
	Down       Phase = "down"       // Redis does not answer, or refuses
	Refused    Phase = "refused"    // it would be wrong to write; Reason says why
)

// Status is how a mirror fares.
type Status struct {
	Phase      Phase
	Reason     string // of Down and Refused
	Seq        uint64 // the last event in Redis
	LagEvents  uint64
	LagSeconds float64 // since Redis last had everything
	Repairs    uint64  // times that Redis had lost something and got it back
	Replicas   int     // of Redis that had everything when last asked; asked only where Options.Replicas wants any
}

// Mirror copies what is committed into Redis. Make one with New, run it with Run.
type Mirror struct {
	o     Options
	names Names
	wake  chan struct{}

	seq     atomic.Uint64 // last event in Redis
	current atomic.Int64  // Unix nanoseconds when Redis last had everything
	repairs atomic.Uint64

	replicated atomic.Uint64 // last event that as many replicas have as are wanted
	replicas   atomic.Int64  // as last counted

	mu     sync.Mutex
	phase  Phase
	reason string
	err    error         // of Down and Refused
	moved  chan struct{} // closed and renewed when seq grows or the phase changes

	// Of the goroutine of Run:
	last    string // id the stream ends with, as Redis writes it; "" for no stream
	located bool   // Redis has been asked once
	trimmed uint64 // sequence at the last trim
	live    live
}

// New returns a mirror; nothing is asked of Redis before Run.
func New(o Options) *Mirror {
	if o.Retain == 0 {
		o.Retain = DefaultRetain
	}
	if o.Keep == nil {
		o.Keep = func() uint64 { return 0 }
	}
	m := &Mirror{o: o, names: NamesOf(o.City), wake: make(chan struct{}, 1), phase: Connecting, moved: make(chan struct{})}
	m.current.Store(o.Now().UnixNano())
	return m
}

// Committed tells the mirror that there is more. It does not block.
func (m *Mirror) Committed() {
	select {
	case m.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Status returns how it fares.
func (m *Mirror) Status() Status {
	m.mu.Lock()
	s := Status{Phase: m.phase, Reason: m.reason}
	m.mu.Unlock()
	s.Seq, s.Repairs, s.Replicas = m.seq.Load(), m.repairs.Load(), int(m.replicas.Load())
	if last := m.o.Log.LastSeq(); last > s.Seq {
		s.LagEvents = last - s.Seq
		s.LagSeconds = max(0, m.o.Now().Sub(time.Unix(0, m.current.Load())).Seconds())
	}
	return s
}

// Await waits until Redis, and as many of its replicas as are wanted, have event seq. The error is that of ctx, or says that Redis does not take it now.
func (m *Mirror) Await(ctx context.Context, seq uint64) error {
	for {
		m.mu.Lock()
		moved, phase, reason := m.moved, m.phase, m.reason
		m.mu.Unlock()
		switch {
		case m.has() >= seq:
			return nil
		case phase == Down || phase == Refused:
			return fmt.Errorf("redis: %s", reason)
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Refusal returns why it would be wrong to write, nil while it is not.
func (m *Mirror) Refusal() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.phase == Refused {
		return m.err
	}
	return nil
}

func (m *Mirror) enter(p Phase, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.phase, m.err, m.reason = p, err, ""
	if err != nil {
		m.reason = err.Error()
	}
	close(m.moved)
	m.moved = make(chan struct{})
}

func (m *Mirror) reached(seq uint64) {
	if m.o.Done != nil {
		m.o.Done(seq)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seq.Store(seq)
	if seq < m.replicated.Load() { // Redis has lost some
		m.replicated.Store(seq)
	}
	close(m.moved)
	m.moved = make(chan struct{})
}

// Run mirrors until ctx ends. Failures are logged, once a row, and tried again for ever.
func (m *Mirror) Run(ctx context.Context) {
	if m.o.Replicas > 0 {
		asked := make(chan struct{})
		go func() {
			defer close(asked)
			m.askReplicas(ctx)
		}()
		defer func() { <-asked }()
	}
	rest, told := minRest, ""
	for ctx.Err() == nil {
		before := m.seq.Load()
		err := m.session(ctx)
		if ctx.Err() != nil {
			return
		}
		phase, level := Down, slog.LevelWarn
		if errors.Is(err, ErrDeposed) || errors.Is(err, ErrSchema) || errors.Is(err, ErrForeign) {
			phase, level = Refused, slog.LevelError
		}
		if errors.Is(err, ErrMoved) {
			phase = Behind // it is asked at once where it stands
		}
		m.enter(phase, err)
		if text := string(phase) + err.Error(); text != told {
			m.o.Logger.Log(ctx, level, "redis: the mirror is interrupted; the centre goes on without it, and it catches up", "phase", phase, "error", err)
			told = text
		}
		if m.seq.Load() > before || phase == Behind {
			rest = minRest
		}
		if phase != Behind {
			select {
			case <-time.After(rest):
			case <-ctx.Done():
			}
			rest = min(2*rest, maxRest)
		}
	}
}

// session finds where Redis stands, repairs what it lacks and follows the journal until something fails.
func (m *Mirror) session(ctx context.Context) error {
	done, err := m.locate(ctx)
	if err != nil {
		return err
	}
	m.live.invalidate()
	m.reached(done)
	m.enter(Behind, nil)
	for {
		if done, err = m.catchUp(ctx, done); err != nil {
			return err
		}
		if err := m.refresh(ctx); err != nil {
			return err
		}
		if m.o.Log.LastSeq() > done {
			continue
		}
		m.current.Store(m.o.Now().UnixNano())
		if m.Status().Phase != Current {
			m.enter(Current, nil)
			m.o.Logger.Info("redis: the mirror has everything", "seq", done)
		}
		timer := time.NewTimer(m.live.rest(m.o.Now()))
		select {
		case <-m.wake:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// Flush writes what the journal has and Redis has not, once. Run must have ended.
func (m *Mirror) Flush(ctx context.Context) error {
	done, err := m.locate(ctx)
	if err == nil {
		m.live.invalidate()
		_, err = m.catchUp(ctx, done)
	}
	if err == nil {
		err = m.refresh(ctx)
	}
	return err
}

// locate asks where the stream ends and returns the last event that Redis has and this journal knows.
func (m *Mirror) locate(ctx context.Context) (done uint64, err error) {
	before := m.last
	last, err := m.names.change().apply(ctx, m.o.Client, anyID, m.o.Epoch())
	if err != nil {
		return 0, err
	}
	id, err := ParseID(last)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrForeign, err)
	}
	m.last = last
	if m.located && (last == "" || earlier(last, before)) {
		m.repairs.Add(1)
		m.o.Logger.Warn("redis: it has lost events, and gets them again from the journal", "had", before, "has", last)
	}
	m.located = true
	if id.Seq == 0 {
		done = m.floor()
		m.trimmed = done
		return done, nil
	}
	return id.Seq, m.recognise(ctx, id)
}

func earlier(a, b string) bool {
	x, err1 := ParseID(a)
	y, err2 := ParseID(b)
	return err1 == nil && err2 == nil && (x.Epoch < y.Epoch || x.Epoch == y.Epoch && x.Seq < y.Seq)
}

// floor returns the sequence after which an empty stream begins: with what a reader of the newest snapshot needs.
func (m *Mirror) floor() uint64 {
	last := m.o.Log.LastSeq()
	floor := uint64(0)
	if last > m.o.Retain {
		floor = last - m.o.Retain
	}
	floor = min(floor, max(m.o.Keep(), 0))
	if last > MaxStreamEvents {
		floor = max(floor, last-MaxStreamEvents)
	}
	if floor == 0 {
		return 0
	}
	f, err := m.o.Log.FrameAt(floor)
	if err != nil {
		return 0
	}
	return f.Seq - 1 // frames are not cut
}

// recognise checks that the event at id is the journal's own.
func (m *Mirror) recognise(ctx context.Context, id ID) error {
	if last := m.o.Log.LastSeq(); id.Seq > last {
		return fmt.Errorf("%w: it ends at %d, the journal at %d; this data folder is an older copy or another city's", ErrForeign, id.Seq, last)
	}
	f, err := m.o.Log.FrameAt(id.Seq)
	if err != nil {
		return err
	}
	if f.Epoch != id.Epoch || f.LastSeq() != id.Seq {
		return fmt.Errorf("%w: it has event %v, the journal %d-%d", ErrForeign, id, f.Epoch, f.LastSeq())
	}
	entries, err := m.o.Client.XRevRangeN(ctx, m.names.Events(), id.String(), id.String(), 1).Result()
	if err != nil || len(entries) == 0 { // trimmed away
		return err
	}
	parts, err := sequencer.SplitRecord(f.Payload)
	if err != nil {
		return err
	}
	if text, _ := entries[0].Values[fieldEvent].(string); !bytes.Equal([]byte(text), parts.Events[len(parts.Events)-1]) {
		return fmt.Errorf("%w: event %v is another one there; if that city is gone, delete its keys: redis-cli --scan --pattern '%s*'", ErrForeign, id, m.names.prefix)
	}
	return nil
}

// catchUp writes everything after done that the journal has, in portions.
func (m *Mirror) catchUp(ctx context.Context, done uint64) (uint64, error) {
	var frames []journal.Frame
	size, events := 0, 0
	give := func() error {
		if len(frames) == 0 {
			return nil
		}
		if err := m.append(ctx, frames); err != nil {
			return err
		}
		done = frames[len(frames)-1].LastSeq()
		frames, size, events = frames[:0], 0, 0
		return nil
	}
	for f, err := range m.o.Log.Read(done + 1) {
		if err == nil && (events+int(f.Count) > maxChangeEvents || size+len(f.Payload) > maxChangeBytes) {
			err = give()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return done, err
		}
		frames, size, events = append(frames, f), size+len(f.Payload), events+int(f.Count)
	}
	return done, give()
}

// append writes frames to the stream, with the live state as it is now, in one call.
func (m *Mirror) append(ctx context.Context, frames []journal.Frame) error {
	c := m.names.change()
	var touched touched
	for i := range frames {
		if err := addEntries(c, &frames[i], &touched); err != nil {
			return err
		}
	}
	last := &frames[len(frames)-1]
	m.live.touch(&touched)
	if m.o.Log.LastSeq()-last.LastSeq() < liveBacklog {
		m.live.write(c, m)
	} else {
		m.live.invalidate() // rebuilt once the stream has caught up
	}
	c.do("HSET", m.names.Meta(), "schema", Schema, "epoch", m.o.Epoch(), "seq", last.LastSeq(), "node", m.o.Node, "city", m.o.City)
	if m.last == "" {
		c.do("HSET", m.names.Meta(), "first", frames[0].Seq)
	}
	if last.LastSeq() >= m.trimmed+trimEvery {
		if err := m.trim(c); err != nil {
			return err
		}
		m.trimmed = last.LastSeq()
	}
	at, err := c.apply(ctx, m.o.Client, m.last, m.o.Epoch())
	var state *stateError
	if errors.As(err, &state) {
		m.o.Logger.Warn("redis: a key of the live state cannot be written; all of it is written anew", "error", err)
		m.live.spoiled()
		err = nil
	}
	if err != nil {
		return err
	}
	m.last = at
	m.reached(last.LastSeq())
	return nil
}

// trim drops from the stream what lies behind the snapshot and the retention. Readers that stand before the
// first event that is left have a gap: meta's first says so.
func (m *Mirror) trim(c *change) error {
	floor := m.floor()
	if floor == 0 {
		return nil
	}
	f, err := m.o.Log.FrameAt(floor + 1)
	if err != nil {
		return err
	}
	c.do("XTRIM", m.names.Events(), "MINID", ID{f.Epoch, f.Seq}.String())
	c.do("HSET", m.names.Meta(), "first", f.Seq)
	return nil
}
