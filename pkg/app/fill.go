package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/redisstore"
)

const (
	fillTimeout  = time.Minute // of one portion
	maxFillBytes = 2*api.MaxNodeFrameBytes + 2*journal.MaxPayloadBytes
)

// seek finds where this journal stands in the stream. What the stream no longer has is fetched from the node that
// leads. The error is final where the journal does not belong here.
func (a *App) seek(ctx context.Context) error {
	err := a.cluster.tail.Compare(ctx, a.log)
	for errors.Is(err, redisstore.ErrGap) && ctx.Err() == nil {
		a.cluster.heard = time.Now() // Redis is there
		h, held, asked := a.cluster.lease.Holder(ctx)
		if asked != nil {
			return asked
		}
		if !held || h.Node == a.o.Node || a.seq.Leads() {
			a.cluster.led(nil)
			return err
		}
		a.cluster.led(&h) // it need not be the one that led a moment ago
		if failed := a.fill(ctx); failed != nil {
			return failed
		}
		err = a.cluster.tail.Compare(ctx, a.log)
	}
	if err != nil {
		return err
	}
	var id redisstore.ID
	if last := a.log.LastSeq(); last > 0 {
		f, err := a.log.FrameAt(last)
		if err != nil {
			return err
		}
		id = redisstore.ID{Epoch: f.Epoch, Seq: last}
	}
	a.bar(nil)
	a.cluster.tail.Seek(id)
	a.cluster.seeking = false
	return nil
}

// fill takes one portion of what follows this journal from the node that leads, which must hold the last frame of it too.
func (a *App) fill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, fillTimeout)
	defer cancel()
	from, before := uint64(1), journal.Frame{}
	if last := a.log.LastSeq(); last > 0 {
		var err error
		if before, err = a.log.FrameAt(last); err != nil {
			return err
		}
		from = before.Seq
	}
	frames, err := a.nodeFrames(ctx, from)
	if err != nil {
		return fmt.Errorf("what the stream has no longer: %w", err)
	}
	if before.Seq > 0 {
		if len(frames) == 0 || frames[0].Seq != before.Seq || frames[0].Epoch != before.Epoch || !bytes.Equal(frames[0].Payload, before.Payload) {
			return fmt.Errorf("%w: event %d of this node is none of the node that leads; put the data folder aside and begin with an empty one", redisstore.ErrForeign, before.Seq)
		}
		frames = frames[1:]
	}
	if len(frames) == 0 {
		return fmt.Errorf("the node that leads has nothing after event %d either", a.log.LastSeq())
	}
	if err := a.seq.Adopt(ctx, frames); err != nil {
		return err
	}
	a.o.Logger.Info("taken from the node that leads what the stream has no longer", "seq", a.log.LastSeq())
	return nil
}

// nodeFrames returns what the journal of the node that leads holds from the frame with an event on, a portion of it.
func (a *App) nodeFrames(ctx context.Context, from uint64) (frames []journal.Frame, err error) {
	answer, err := a.askNode(ctx, "/api/v1/node/frames?from="+strconv.FormatUint(from, 10))
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	for lines := json.NewDecoder(io.LimitReader(answer.Body, maxFillBytes)); ; {
		var f api.NodeFrame
		if err := lines.Decode(&f); errors.Is(err, io.EOF) {
			return frames, nil
		} else if err != nil {
			return nil, fmt.Errorf("the node that leads broke off: %w", err)
		}
		frames = append(frames, journal.Frame{Epoch: f.Epoch, Seq: f.Seq, Count: f.Count, Payload: f.Payload})
	}
}
