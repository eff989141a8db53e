package redisstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/banyan-ecc/banyan/pkg/journal"
)

// tailEntries bounds the entries read at once.
const tailEntries = 1024

// ErrGap means that the stream begins after what the reader has: what lies between is not in Redis any more.
var ErrGap = errors.New("the stream begins after what this node has")

// DivergedError means that a journal holds events that the city went on without.
type DivergedError struct{ Common, Last uint64 }

// Error implements error.
func (e *DivergedError) Error() string {
	return fmt.Sprintf("the city went on without events %d to %d of this node", e.Common+1, e.Last)
}

// Tail reads the stream of a city as frames.
type Tail struct {
	client redis.UniversalClient
	names  Names
	after  string
	joiner joiner
}

// NewTail returns a reader that stands nowhere yet; Seek puts it somewhere.
func NewTail(client redis.UniversalClient, city string) *Tail {
	return &Tail{client: client, names: NamesOf(city), after: "0-0"}
}

// Seek has the reader go on behind the event id.
func (t *Tail) Seek(id ID) { t.after, t.joiner = id.String(), joiner{} }

// Next returns the frames that follow, waiting up to wait (0: not at all) when there are none.
func (t *Tail) Next(ctx context.Context, wait time.Duration) ([]journal.Frame, error) {
	block := wait
	if wait <= 0 {
		block = -1
	}
	streams, err := t.client.XRead(ctx, &redis.XReadArgs{Streams: []string{t.names.Events(), t.after}, Count: tailEntries, Block: block}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var frames []journal.Frame
	for _, s := range streams {
		for _, m := range s.Messages {
			f, whole, err := t.joiner.add(m)
			if err != nil {
				return frames, err
			}
			t.after = m.ID
			if whole {
				frames = append(frames, f)
			}
		}
	}
	return frames, nil
}

// Position is where the stream of a city stood when it was asked.
type Position struct {
	last  string
	ID    ID     // of the last event; zero when the stream is empty
	Epoch uint32 // of the last writer
	First uint64 // the oldest event in it
}

// Where asks where the stream stands.
func (t *Tail) Where(ctx context.Context) (p Position, err error) {
	if p.last, err = t.names.change().apply(ctx, t.client, anyID, math.MaxUint32); err != nil {
		return p, err
	}
	if p.ID, err = ParseID(p.last); err != nil {
		return p, err
	}
	meta, err := t.client.HMGet(ctx, t.names.Meta(), "epoch", "first").Result()
	if err != nil {
		return p, err
	}
	number := func(v any) uint64 {
		s, _ := v.(string)
		n, _ := strconv.ParseUint(s, 10, 64)
		return n
	}
	p.Epoch, p.First = max(uint32(number(meta[0])), p.ID.Epoch), number(meta[1])
	return p, nil
}

// Compare holds a journal against the stream. It returns nil when the journal is a beginning of the stream's city or
// the stream of the journal's; a DivergedError when each has what the other lacks; ErrGap when what lies between
// is gone; ErrForeign when they have nothing in common.
func (t *Tail) Compare(ctx context.Context, log Log) error {
	last := log.LastSeq()
	p, err := t.Where(ctx)
	if err != nil || p.ID.Seq == 0 {
		return err
	}
	if p.First > last+1 {
		return fmt.Errorf("%w: it begins at %d, this node ends at %d; the node that leads has it, or: copy the journal folder of another node here while this one is stopped", ErrGap, p.First, last)
	}
	if last == 0 {
		return nil
	}
	if p.First == last+1 {
		return t.follows(ctx, log, last)
	}
	// The newest event that both have a place for: if that is the same, so is everything before it.
	ours, err := log.FrameAt(min(last, p.ID.Seq))
	if err != nil {
		return err
	}
	same, err := t.holds(ctx, &ours)
	if err != nil || same {
		return err
	}
	return t.common(ctx, log, p)
}

// follows reports whether the stream, which begins behind the last event of a journal, may go on where that ends: epochs
// only grow. The error is ErrForeign where they do not.
func (t *Tail) follows(ctx context.Context, log Log, last uint64) error {
	ours, err := log.FrameAt(last)
	if err != nil {
		return err
	}
	first, err := t.client.XRangeN(ctx, t.names.Events(), "-", "+", 1).Result()
	if err != nil || len(first) == 0 {
		return err
	}
	id, err := ParseID(first[0].ID)
	if err == nil && id.Epoch < ours.Epoch {
		err = fmt.Errorf("%w: it goes on with %v where this node has %d-%d, of a later epoch; put the data folder aside and begin with an empty one", ErrForeign, id, ours.Epoch, last)
	}
	return err
}

// holds reports whether the stream has a frame.
func (t *Tail) holds(ctx context.Context, f *journal.Frame) (bool, error) {
	from, to := ID{f.Epoch, f.Seq}, ID{f.Epoch, f.LastSeq()}
	entries, err := t.client.XRange(ctx, t.names.Events(), from.String(), to.String()).Result()
	if err != nil {
		return false, err
	}
	var j joiner
	for _, e := range entries {
		got, whole, err := j.add(e)
		if err != nil {
			return false, err
		}
		if whole && got.Seq == f.Seq && got.Count == f.Count && bytes.Equal(got.Payload, f.Payload) {
			return true, nil
		}
	}
	return false, nil
}

// common finds the last frame that both have. It halves: what agrees at a place agrees before it.
func (t *Tail) common(ctx context.Context, log Log, p Position) error {
	last := log.LastSeq()
	low, high := max(p.First, 1)-1, min(last, p.ID.Seq) // the frame that ends at low is common or before the stream
	for low < high {
		f, err := log.FrameAt(low + (high-low+1)/2)
		if err != nil {
			return err
		}
		same, err := t.holds(ctx, &f)
		if err != nil {
			return err
		}
		if same {
			low = f.LastSeq()
		} else {
			high = f.Seq - 1
		}
	}
	if low < p.First && p.First > 1 {
		return fmt.Errorf("%w: from %d on", ErrForeign, p.First)
	}
	if low == 0 {
		return fmt.Errorf("%w: not even the first event", ErrForeign)
	}
	return &DivergedError{Common: low, Last: last}
}
