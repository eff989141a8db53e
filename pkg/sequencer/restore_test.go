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
	for left := h.Incidents; left > 0; {
		var b dispatch.Block
		must(d.Decode(&b))
		incidents, err := b.Incidents()
		must(err)
		for _, x := range incidents {
			must(e.Encode(x))
		}
		left -= b.Records
	}
	for left := h.Known; left > 0; {
		var b dispatch.Block
		must(d.Decode(&b))
		keys, err := b.Known()
		must(err)
		for _, k := range keys {
			must(e.Encode(k))
		}
		left -= b.Records
	}
	start, err := Restore(&old, FirstEpoch)
	must(err)
	if h.Incidents < 10 || h.Known < 10 || !bytes.Equal(whole, snapshot(t, start.Writer)) || !bytes.Equal(whole, snapshot(t, start.Reader)) {
		t.Errorf("of %d incidents and %d keys another state comes", h.Incidents, h.Known)
	}
}
