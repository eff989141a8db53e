package redisstore

import (
	"errors"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/journal"
)

// endsAt is a journal whose last event is of an epoch.
type endsAt struct {
	Log
	epoch uint32
	seq   uint64
}

func (l endsAt) LastSeq() uint64 { return l.seq }

func (l endsAt) FrameAt(uint64) (journal.Frame, error) {
	return journal.Frame{Epoch: l.epoch, Seq: l.seq, Count: 1}, nil
}

// TestCompareAtTheEdge: a stream that begins right behind a journal goes on with it, unless it does so under an earlier epoch.
func TestCompareAtTheEdge(t *testing.T) {
	s := startRedis(t)
	client := s.client()
	defer client.Close()
	names := NamesOf("here")
	s.cli("XADD", names.Events(), "5-62", fieldEvent, "{}")
	s.cli("HSET", names.Meta(), "schema", "1", "epoch", "5", "first", "62", "seq", "62")
	tail := NewTail(client, "here")
	for _, c := range []struct {
		log  endsAt
		want error
	}{{endsAt{epoch: 5, seq: 61}, nil}, {endsAt{epoch: 4, seq: 61}, nil}, {endsAt{epoch: 433, seq: 61}, ErrForeign}, {endsAt{epoch: 433, seq: 60}, ErrGap}, {endsAt{}, ErrGap}} {
		if err := tail.Compare(t.Context(), c.log); !errors.Is(err, c.want) {
			t.Errorf("a journal that ends at %d-%d: %v, want %v", c.log.epoch, c.log.seq, err, c.want)
		}
	}
}
