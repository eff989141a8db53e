package sequencer

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// While one source floods, whoever sends one alert waits for one of the flood and not for all of it; P1 goes
// first; the flood's own sender is told to come again, and nobody else. Nothing accepted is lost.
func TestAStormStarvesNobody(t *testing.T) {
	var g *gate
	n := begin(t, nil, func(o *Options) { g = newGate(o.Log); o.Log = g })
	g.shut.Store(true)
	ctx := context.Background()
	var waits []func(context.Context) (Outcome, error)
	submit := func(source, id, kind string, at float64) error {
		wait, err := n.seq.Submit(ctx, n.report(source, id, kind, at))
		if err == nil {
			waits = append(waits, wait)
		}
		return err
	}
	if err := submit("fire-119", "first", "fire.building", 0); err != nil {
		t.Fatal(err)
	}
	<-g.arrived // the writer is at its batch
	for i := range LaneSize {
		if err := submit("police-110", fmt.Sprint("flood-", i), "medical", float64(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := submit("police-110", "one too many", "medical", 0); alert.CodeOf(err) != alert.CodeRateLimited || !strings.Contains(err.Error(), "2048") {
		t.Errorf("past its bound the flood is told %v", err)
	}
	for source, kind := range map[string]string{"fire-119": "fire.building", "grid": "medical"} {
		if err := submit(source, "calm", kind, 9000); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
	g.pass <- struct{}{}
	if frames := <-g.arrived; frames != MaxBatchCommands {
		t.Errorf("%d frames in the batch after", frames)
	}
	g.shut.Store(false)
	g.pass <- struct{}{}
	var order []string
	for _, wait := range waits {
		out, err := wait(ctx)
		if err != nil {
			t.Fatal(err)
		}
		r, _ := dispatch.ReceiptOf(out.Events)
		order = append(order, fmt.Sprintf("%09d %s", r.Seq, out.Events[0].Alert.Source))
	}
	slices.Sort(order)
	for i, o := range order {
		if i >= 4 && !strings.HasSuffix(o, "police-110") {
			t.Errorf("%s came as number %d, behind the flood", o, i)
		}
	}
	if !strings.HasSuffix(order[1], "fire-119") {
		t.Errorf("P1 did not go first: %v", order[:4])
	}
	if len(order) != LaneSize+3 {
		t.Errorf("%d were taken", len(order))
	}
}

// TestLanes: each source's own come in the order it sent them, within a kind; nothing is lost or doubled; no source
// with something waiting is passed over while another has two turns.
func TestLanes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := newLanes()
		var sent, got [3][2]int
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			if rapid.Bool().Draw(r, "put") {
				source, kind := rapid.IntRange(0, 2).Draw(r, "source"), rapid.IntRange(0, 1).Draw(r, "kind")
				for range rapid.IntRange(1, 20).Draw(r, "many") {
					sent[source][kind]++
					req := &request{command: dispatch.Command{Target: fmt.Sprint(source), Seat: fmt.Sprint(kind), Reason: fmt.Sprint(sent[source][kind])}}
					if err := l.put(fmt.Sprint(source), req, kind); err != nil {
						r.Fatal(err)
					}
				}
				continue
			}
			waiting := l.len()
			most := rapid.IntRange(1, 40).Draw(r, "most")
			batch := l.take(nil, most)
			if len(batch) != min(most, waiting) {
				r.Fatalf("%d of %d were taken, at most %d asked for", len(batch), waiting, most)
			}
			for _, q := range batch {
				source, kind := int(q.command.Target[0]-'0'), int(q.command.Seat[0]-'0')
				if got[source][kind]++; fmt.Sprint(got[source][kind]) != q.command.Reason {
					r.Fatalf("source %d, kind %d: %s came as number %d", source, kind, q.command.Reason, got[source][kind])
				}
			}
		}
		l.take(nil, 100_000)
		if l.len() != 0 || len(l.turns[urgent])+len(l.turns[other]) != 0 {
			r.Fatal("something is left")
		}
	})
}
