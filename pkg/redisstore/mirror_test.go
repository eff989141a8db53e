package redisstore

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/journal"
)

// same checks that Redis holds what the node does: the stream the journal's very frames, the live state the
// committed state, key by key, and no key besides.
func (n *node) same(s *server) {
	n.tb.Helper()
	ctx := context.Background()
	c := s.client()
	defer c.Close()
	names := NamesOf("fuzhou")
	entries, err := c.XRange(ctx, names.Events(), "-", "+").Result()
	if err != nil {
		n.tb.Fatal(err)
	}
	var j joiner
	var got []journal.Frame
	for _, e := range entries {
		f, whole, err := j.add(e)
		if err != nil {
			n.tb.Fatal(err)
		}
		if whole {
			got = append(got, f)
		}
	}
	if len(got) == 0 {
		n.tb.Fatal("the stream is empty")
	}
	i := 0
	for want, err := range n.log.Read(got[0].Seq) {
		if err != nil {
			n.tb.Fatal(err)
		}
		if i >= len(got) || got[i].Seq != want.Seq || got[i].Epoch != want.Epoch || got[i].Count != want.Count || !bytes.Equal(got[i].Payload, want.Payload) {
			n.tb.Fatalf("frame %d of the stream is not the journal's at %d", i, want.Seq)
		}
		i++
	}
	if i != len(got) {
		n.tb.Fatalf("%d frames in the stream, %d in the journal", len(got), i)
	}
	if diff := n.live(ctx, s); diff != "" {
		n.tb.Fatal(diff)
	}
}

// live says how the live state in Redis differs from the committed one, "" if it does not.
func (n *node) live(ctx context.Context, s *server) string {
	c := s.client()
	defer c.Close()
	names := NamesOf("fuzhou")
	var docs []*alert.Incident
	var board dispatch.Board
	n.seq.Replica().Read(func(st *dispatch.State) {
		st.Newest(0, func(_ uint64, doc *alert.Incident) bool {
			if !doc.State.Final() {
				docs = append(docs, doc)
			}
			return true
		})
		board = st.Board(time.Now(), false)
	})
	expected := []string{names.Events(), names.Meta(), names.Seats(), names.Counts(), names.Sources()}
	var cells []string
	slices.SortStableFunc(docs, func(a, b *alert.Incident) int { return int(urgency(a) - urgency(b)) })
	ids, _ := c.ZRange(ctx, names.Incidents(), 0, -1).Result()
	if len(ids) != len(docs) {
		return fmt.Sprintf("%d open incidents in Redis, %d are", len(ids), len(docs))
	}
	for _, doc := range docs {
		expected, cells = append(expected, names.Incident(doc.ID)), append(cells, cellMember(doc))
		if got := c.HGet(ctx, names.Incident(doc.ID), "document").Val(); got != string(doc.AppendJSON(nil)) {
			return fmt.Sprintf("incident %s is %s, want %s", doc.ID, got, doc.AppendJSON(nil))
		}
		if !slices.Contains(ids, doc.ID) {
			return "incident " + doc.ID + " is not among the open ones"
		}
	}
	slices.Sort(cells)
	if got := c.ZRange(ctx, names.Cells(), 0, -1).Val(); !slices.Equal(got, cells) {
		return fmt.Sprintf("cells are %v, want %v", got, cells)
	}
	if len(docs) > 0 {
		expected = append(expected, names.Incidents(), names.Cells())
	}
	for _, seat := range board.Seats {
		expected = append(expected, names.Seat(seat.ID))
		want, _ := json.Marshal(seat)
		if got := c.HGet(ctx, names.Seat(seat.ID), "document").Val(); got != string(want) {
			return fmt.Sprintf("seat is %s, want %s", got, want)
		}
	}
	for p, load := range board.Counts.Priorities {
		if got := c.HGet(ctx, names.Counts(), p+":open").Val(); got != fmt.Sprint(load.Open) {
			return fmt.Sprintf("%s:open is %s, want %d", p, got, load.Open)
		}
	}
	keys := c.Keys(ctx, "*").Val()
	keys = slices.DeleteFunc(keys, func(k string) bool { return strings.Contains(k, ":roster:") })
	slices.Sort(keys)
	slices.Sort(expected)
	if !slices.Equal(keys, expected) {
		return fmt.Sprintf("keys are %v, want %v", keys, expected)
	}
	return ""
}

func (n *node) converged(s *server) {
	n.tb.Helper()
	n.current()
	eventually(n.tb, "the live state is the committed one", func() error {
		if diff := n.live(context.Background(), s); diff != "" {
			return fmt.Errorf("%s", diff)
		}
		return nil
	})
	n.same(s)
}

// work does n alerts and handles some of them to their end.
func (n *node) work(count int) {
	n.tb.Helper()
	for i := range count {
		id := n.alert()
		if i%3 == 0 {
			n.do(dispatch.Command{Type: dispatch.IncidentAct, Target: id, Action: alert.ActCancel, Reason: "test", By: &alert.Actor{Seat: "centre-leader", Department: "centre"}})
		}
	}
}

// TestMirror mirrors a city at work, through a restart of the node.
func TestMirror(t *testing.T) {
	s := startRedis(t)
	dir := t.TempDir()
	n := newNode(t, dir, s.url())
	n.work(30)
	n.converged(s)
	n.stop()
	n = newNode(t, dir, s.url())
	n.work(10)
	n.converged(s)
	if r := n.mirror.Status().Repairs; r != 0 {
		t.Errorf("%d repairs of a Redis that lost nothing", r)
	}
}

// TestFaults does to Redis what happens to it, one thing after the other, while the city works.
func TestFaults(t *testing.T) {
	s := startRedis(t)
	n := newNode(t, t.TempDir(), s.url(), func(o *Options) { o.Retain = 100 })
	n.work(5)
	n.converged(s)
	stateDown := func() {
		t.Helper()
		eventually(t, "the mirror sees it", func() error {
			if st := n.mirror.Status(); st.Phase != Down || st.LagEvents == 0 || st.LagSeconds <= 0 {
				return fmt.Errorf("%+v", st)
			}
			return nil
		})
	}
	faults := []struct {
		name       string
		fail, mend func()
		unseen     bool // nothing is refused
	}{
		{"killed", func() { s.kill() }, s.start, false},
		{"paused", func() { _ = s.cmd.Process.Signal(syscall.SIGSTOP) }, func() { _ = s.cmd.Process.Signal(syscall.SIGCONT) }, false},
		{"read only", func() {
			s.cli("REPLICAOF", "127.0.0.1", "1")
			s.cli("CONFIG", "SET", "replica-serve-stale-data", "yes")
		},
			func() { s.cli("REPLICAOF", "NO", "ONE") }, false},
		{"out of memory", func() { s.cli("CONFIG", "SET", "maxmemory", "1") }, func() { s.cli("CONFIG", "SET", "maxmemory", "0") }, false},
		{"emptied", func() { s.cli("FLUSHALL") }, func() {}, true},
		{"keys of another type", func() {
			for _, k := range []string{"incidents", "cells", "seats", "counts", "seat:fire-1"} {
				s.cli("SET", "banyan:{fuzhou}:"+k, "x")
			}
		}, func() {}, true},
		{"the tail lost", func() {
			n.current()
			s.cli("SAVE")
			n.work(3)
			n.current()
			s.kill()
		}, s.start, false},
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			f.fail()
			n.work(12) // accepted, whatever Redis does
			if !f.unseen {
				stateDown()
			}
			f.mend()
			n.work(2)
			n.converged(s)
		})
	}
	if r := n.mirror.Status().Repairs; r < 3 {
		t.Errorf("%d repairs seen of a Redis killed, emptied and rolled back", r)
	}
}

// TestIdleWipe empties Redis while nothing happens in the city.
func TestIdleWipe(t *testing.T) {
	s := startRedis(t)
	n := newNode(t, t.TempDir(), s.url())
	n.work(4)
	n.converged(s)
	s.cli("FLUSHALL")
	eventually(t, "it is noticed and mended", func() error {
		if n.mirror.Status().Repairs == 0 {
			return fmt.Errorf("not noticed")
		}
		return nil
	})
	n.converged(s)
}

// TestRefused writes nowhere it would be wrong to.
func TestRefused(t *testing.T) {
	s := startRedis(t)
	n := newNode(t, t.TempDir(), s.url())
	n.work(4)
	n.converged(s)
	refused := func(n *node, word string) {
		t.Helper()
		eventually(t, "it refuses: "+word, func() error {
			if st := n.mirror.Status(); st.Phase != Refused || !strings.Contains(st.Reason, word) {
				return fmt.Errorf("%+v", st)
			}
			return nil
		})
	}
	other := newNode(t, t.TempDir(), s.url())
	refused(other, "not")
	other.stop()
	s.cli("HSET", "banyan:{fuzhou}:meta", "schema", "99")
	n.alert()
	refused(n, "newer Banyan")
	s.cli("HSET", "banyan:{fuzhou}:meta", "schema", "1", "epoch", "7")
	refused(n, "deposed")
	length := s.cli("XLEN", "banyan:{fuzhou}:events")
	n.alert()
	if now := s.cli("XLEN", "banyan:{fuzhou}:events"); now != length {
		t.Errorf("the stream grew from %s to %s under a deposed writer", length, now)
	}
	s.cli("HSET", "banyan:{fuzhou}:meta", "epoch", "1")
	n.converged(s)
}
