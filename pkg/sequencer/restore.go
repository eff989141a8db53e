package sequencer

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/banyan-ecc/banyan/dispatch"
)

// restore reads a snapshot. Its blocks are independent: they are decoded on every processor and taken in order.
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
	incidents, known, next := (*dispatch.Block).Incidents, (*dispatch.Block).Known, nextBlock
	if h.Version == 1 {
		incidents, known, next = oldIncidents, decodeEach[dispatch.StoredKey], nextRecords
	}
	blocks := decoding(d, h.Incidents, next, incidents)
	if err := taking(restorers, blocks, (*dispatch.Restorer).Incident); err != nil {
		return err
	}
	keys := decoding(d, h.Known, next, known)
	if err := taking(restorers, keys, func(x *dispatch.Restorer, k dispatch.StoredKey) error {
		x.Known(k)
		return nil
	}); err != nil {
		return err
	}
	var err, err2 error
	start.Writer, err = restorers[0].State()
	start.Reader, err2 = restorers[1].State()
	return errors.Join(err, err2)
}

// nextBlock reads the next block of at most left records.
func nextBlock(d *cbor.Decoder, left int) (b dispatch.Block, err error) {
	if err = d.Decode(&b); err == nil && (b.Records < 1 || b.Records > left) {
		err = fmt.Errorf("a block of %d records where %d are left", b.Records, left)
	}
	return b, err
}

// nextRecords makes a block of the records of version 1, which stand alone.
func nextRecords(d *cbor.Decoder, left int) (b dispatch.Block, err error) {
	b.Records = min(left, recordsAtOnce)
	for range b.Records {
		var raw cbor.RawMessage
		if err := d.Decode(&raw); err != nil {
			return b, err
		}
		b.Bytes = append(b.Bytes, raw...)
	}
	return b, nil
}

const recordsAtOnce = 512 // of version 1 that one decoder is given

// oldIncidents decodes incidents of version 1.
func oldIncidents(b *dispatch.Block) ([]dispatch.Stored, error) {
	out, err := decodeEach[dispatch.Stored](b)
	for i := range out {
		if doc := out[i].Doc; doc != nil {
			doc.Alerts = slices.Clip(doc.Alerts) // two states append to it, each for itself
		}
	}
	return out, err
}

// decodeEach decodes records of version 1.
func decodeEach[T any](block *dispatch.Block) (out []T, err error) {
	for b := block.Bytes; len(b) > 0; {
		var x T
		if b, err = decodeMode.UnmarshalFirst(b, &x); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// decoding cuts blocks with n records in all off d and has them decoded side by side.
func decoding[T any](d *cbor.Decoder, n int, next func(*cbor.Decoder, int) (dispatch.Block, error), decode func(*dispatch.Block) ([]T, error)) *pipeline[[]T] {
	left := n
	return ahead(func() func() ([]T, error) {
		if left == 0 {
			return nil
		}
		b, err := next(d, left)
		if left -= b.Records; err != nil {
			left = 0
			return func() ([]T, error) { return nil, err }
		}
		return func() ([]T, error) {
			records, err := decode(&b)
			if err == nil && len(records) != b.Records {
				err = fmt.Errorf("a block holds %d records and says %d", len(records), b.Records)
			}
			return records, err
		}
	})
}

// taking has all restorers take the blocks in order, side by side: they share nothing that is written to. When it returns
// nothing is read or decoded any more.
func taking[T any](restorers []*dispatch.Restorer, blocks *pipeline[[]T], take func(*dispatch.Restorer, T) error) error {
	return blocks.each(func(records []T) error {
		errs := make([]error, len(restorers))
		sideBySide(len(restorers), func(i int) {
			for k := 0; k < len(records) && errs[i] == nil; k++ {
				errs[i] = take(restorers[i], records[k])
			}
		})
		return cmp.Or(errs...)
	})
}

// sideBySide calls f for 0 to n-1 at once and returns when all have.
func sideBySide(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

var decodeMode = func() cbor.DecMode {
	m, err := cbor.DecOptions{MaxArrayElements: 1 << 24, MaxMapPairs: 1 << 20}.DecMode()
	if err != nil {
		panic(err)
	}
	return m
}()
