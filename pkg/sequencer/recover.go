package sequencer

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"sync"

	"github.com/fxamacker/cbor/v2"

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
	for f, err := range src.Read(start.Writer.Seq() + 1) {
		if err != nil {
			return nil, err
		}
		if err := start.replay(f); err != nil {
			return nil, fmt.Errorf("frame at %d: %w", f.Seq, err)
		}
		if start.Frames++; progress != nil && start.Frames%progressEvery == 0 {
			progress(start.Writer.Seq())
		}
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

const progressEvery = 50_000 // frames

func (start *Start) replay(f journal.Frame) error {
	rec, err := DecodeRecord(f.Payload)
	if err != nil {
		return err
	}
	events, err := rec.DecodeEvents()
	if err != nil {
		return err
	}
	for i := range events {
		start.Writer.Apply(&events[i])
		start.Reader.Apply(&events[i])
	}
	start.Epoch = max(start.Epoch, f.Epoch)
	return nil
}

// decoded is one record of a snapshot, decoded beside the others and taken in order.
type decoded struct {
	incident dispatch.Stored
	err      error
}

const decodeChunk = 512 // records a decoder takes at a time

// restore reads a snapshot. Records are independent: they are decoded on every processor and taken in order.
func (start *Start) restore(r io.Reader) error {
	d := decodeMode.NewDecoder(bufio.NewReaderSize(r, 1<<20))
	var h dispatch.Header
	if err := d.Decode(&h); err != nil {
		return err
	}
	restorers := make([]*dispatch.Restorer, 2)
	for i := range restorers {
		var err error
		if restorers[i], err = dispatch.NewRestorer(h); err != nil {
			return err
		}
	}
	chunks := decodeIncidents(d, h.Incidents)
	defer func() {
		for chunk := range chunks { // what is left after an error: r must not be read any more
			<-chunk
		}
	}()
	for chunk := range chunks {
		if err := both(restorers, <-chunk, func(x *dispatch.Restorer, rec decoded) error {
			if rec.err != nil {
				return rec.err
			}
			return x.Incident(rec.incident)
		}); err != nil {
			return err
		}
	}
	for left := h.Known; left > 0; {
		keys := make([]dispatch.StoredKey, min(left, decodeChunk))
		left -= len(keys)
		for i := range keys {
			if err := d.Decode(&keys[i]); err != nil {
				return err
			}
		}
		if err := both(restorers, keys, func(x *dispatch.Restorer, k dispatch.StoredKey) error {
			x.Known(k)
			return nil
		}); err != nil {
			return err
		}
	}
	var err, err2 error
	start.Writer, err = restorers[0].State()
	start.Reader, err2 = restorers[1].State()
	return errors.Join(err, err2)
}

// both has two restorers take the same records, in order and side by side: they share nothing that is written to.
func both[T any](restorers []*dispatch.Restorer, records []T, take func(*dispatch.Restorer, T) error) error {
	var errs [2]error
	all := func(i int) {
		for k := 0; k < len(records) && errs[i] == nil; k++ {
			errs[i] = take(restorers[i], records[k])
		}
	}
	var other sync.WaitGroup
	other.Go(func() { all(1) })
	all(0)
	other.Wait()
	return cmp.Or(errs[0], errs[1])
}

var decodeMode = func() cbor.DecMode {
	m, err := cbor.DecOptions{MaxArrayElements: 1 << 24, MaxMapPairs: 1 << 20}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}()

// decodeIncidents splits n records off d and has them decoded in chunks; the channel yields the chunks in order.
func decodeIncidents(d *cbor.Decoder, n int) <-chan chan []decoded {
	order := make(chan chan []decoded, 2*runtime.GOMAXPROCS(0))
	go func() {
		defer close(order)
		for n > 0 {
			raws := make([]cbor.RawMessage, min(n, decodeChunk))
			n -= len(raws)
			done := make(chan []decoded, 1)
			for i := range raws {
				if err := d.Decode(&raws[i]); err != nil {
					done <- []decoded{{err: err}}
					order <- done
					return
				}
			}
			go func() {
				out := make([]decoded, len(raws))
				for i, raw := range raws {
					out[i].err = decodeMode.Unmarshal(raw, &out[i].incident)
				}
				done <- out
			}()
			order <- done
		}
	}()
	return order
}
