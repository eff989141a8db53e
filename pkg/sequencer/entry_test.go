package sequencer

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/journal"
)

// TestEntries: what a committed batch hands on is what is read back of the journal, whole or event by event.
func TestEntries(t *testing.T) {
	n := begin(t, nil, nil)
	n.work(rand.New(rand.NewPCG(1, 2)), 300)
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	var kept []Entry
	for _, c := range n.published {
		kept = slices.AppendSeq(kept, c.Entries())
	}
	frames := frames(t, n.journal)
	if len(frames) == 0 || len(kept) != len(frames) {
		t.Fatalf("%d entries of %d frames", len(kept), len(frames))
	}
	for i, f := range frames {
		back := Entry{Frame: f}
		wantEvents, wantJSON, err := kept[i].Events()
		if err != nil {
			t.Fatal(err)
		}
		wantItems, err := kept[i].Items()
		if err != nil {
			t.Fatal(err)
		}
		items, err := back.Items()
		if err != nil {
			t.Fatal(err)
		}
		for n := range items {
			event, err := items[n].Event()
			if want := wantEvents[n]; err != nil || !bytes.Equal(event.AppendJSON(nil), want.AppendJSON(nil)) || items[n].Seq != want.Seq {
				t.Errorf("event %d: %v\n%+v\n%+v", items[n].Seq, err, event, want)
			}
			items[n].event, wantItems[n].event = nil, nil
		}
		if !reflect.DeepEqual(items, wantItems) {
			t.Errorf("items %+v\nwant %+v", items, wantItems)
		}
		events, encoded, err := back.Events()
		if err != nil || !reflect.DeepEqual(encoded, wantJSON) || len(events) != len(wantEvents) {
			t.Errorf("frame at %d: %v", f.Seq, err)
		}
	}
	newer := func(payload string) bool {
		e := Entry{Frame: journal.Frame{Seq: 1, Count: 1, Payload: []byte(payload)}}
		events, _, err := e.Events()
		if err == nil || events != nil {
			t.Errorf("%s: %v, %v", payload, events, err)
		}
		return errors.Is(err, dispatch.ErrNewer)
	}
	for payload, want := range map[string]bool{`{"engine":1000000,"digest":"","command":{},"events":[7]}`: true, `{"engine":1,"digest":"","command":{},"events":[7]}`: false,
		`{"engine":1,"digest":"","command":{},"events":[{"seq":2}]}`: false, `{"engine":1,"digest":"","command":{},"events":[{"seq":1},{"seq":2}]}`: false, "x": false, "": false} {
		if newer(payload) != want {
			t.Errorf("%s: newer: %v", payload, !want)
		}
	}
}
