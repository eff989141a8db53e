package sequencer

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/banyan-ecc/banyan/dispatch"
)

// A snapshot of version 1 is read, and gives the same state.
func TestRestoreVersionOne(t *testing.T) {
	n := begin(t, nil, nil)
	n.work(rand.New(rand.NewPCG(7, 7)), 300)
	_ = n.stop()
	whole := n.replica()
	d := cbor.NewDecoder(bytes.NewReader(whole))
	var h dispatch.Header
	var old bytes.Buffer
	e := cbor.NewEncoder(&old)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(d.Decode(&h))
	h.Version, h.Refs = 1, 0
	must(e.Encode(h))
	must(decoding(d, h.Incidents, nextBlock, (*dispatch.Block).Incidents).each(each[dispatch.Stored](e)))
	must(decoding(d, h.Known, nextBlock, (*dispatch.Block).Known).each(each[dispatch.StoredKey](e)))
	start, err := Restore(&old, FirstEpoch)
	must(err)
	if h.Incidents < 10 || h.Known < 10 || !bytes.Equal(whole, snapshot(t, start.Writer)) || !bytes.Equal(whole, snapshot(t, start.Reader)) {
		t.Errorf("of %d incidents and %d keys another state comes", h.Incidents, h.Known)
	}
}

// each encodes records one by one, as version 1 had them.
func each[T any](e *cbor.Encoder) func([]T) error {
	return func(records []T) error {
		for _, x := range records {
			if err := e.Encode(x); err != nil {
				return err
			}
		}
		return nil
	}
}
