package hooks_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/hooks"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// epochs is a journal: the epoch of each sequence from 1 on.
type epochs []uint32

func (e epochs) LastSeq() uint64 { return uint64(len(e)) }

func (e epochs) EpochAt(seq uint64) (uint32, error) {
	if seq == 0 || seq > e.LastSeq() {
		return 0, journal.ErrNotFound
	}
	return e[seq-1], nil
}

// TestPlaceWithin: where another node came to is found in a journal that has other events behind where they part.
func TestPlaceWithin(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var log epochs
		for epoch := uint32(1); len(log) < r.IntN(40); {
			if r.IntN(6) == 0 {
				epoch++
			}
			log = append(log, epoch)
		}
		p := hooks.Place{Epoch: 1 + uint32(r.IntN(5)), Seq: uint64(r.IntN(45))}
		want := uint64(0) // nothing that a later epoch wrote has been sent, and nothing behind p
		for seq := uint64(1); seq <= min(log.LastSeq(), p.Seq) && log[seq-1] <= p.Epoch; seq++ {
			want = seq
		}
		if got, err := p.Within(log.LastSeq(), log.EpochAt); err != nil || got != want {
			t.Fatalf("%v in %v: %d, %v, want %d", p, log, got, err, want)
		}
		if back, err := hooks.ParsePlace(p.String()); err != nil || back != p {
			t.Fatalf("%v is read as %v, %v", p, back, err)
		}
	}
	for _, text := range []string{"", "-", "1-", "x", "1-2-3", "-1"} {
		if p, err := hooks.ParsePlace(text); err == nil {
			t.Errorf("%q is read as %v", text, p)
		}
	}
}

// told is a batch as a target reads it.
type told struct {
	Spec     string `json:"specversion"`
	ID       string `json:"id"`
	Source   string `json:"source"`
	Type     string `json:"type"`
	Subject  string `json:"subject"`
	Trace    string `json:"traceparent"`
	DataType string `json:"datacontenttype"`
	Data     struct {
		Seq uint64 `json:"seq"`
	} `json:"data"`
}

// closings returns entries, each of an incident that is closed, and the journal they are of.
func closings(t *testing.T, from uint64, epochsOf ...uint32) (entries []sequencer.Entry) {
	t.Helper()
	c := &sequencer.Committed{}
	for i, epoch := range epochsOf {
		e := dispatch.Event{Seq: from + uint64(i), At: 1, Type: dispatch.IncidentState, IncidentID: fmt.Sprintf("i-%d", from+uint64(i))}
		c.Events, c.Encoded = append(c.Events, e), append(c.Encoded, e.AppendJSON(nil))
		c.Frames = append(c.Frames, journal.Frame{Epoch: epoch, Seq: e.Seq, Count: 1})
	}
	return slices.Collect(c.Entries())
}

func TestBatch(t *testing.T) {
	var requests [][]uint64
	var keys []string
	answer := func([]told) int { return http.StatusOK }
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var batch []told
		if err := json.Unmarshal(body, &batch); err != nil || r.Header.Get("Content-Type") != "application/cloudevents-batch+json" {
			t.Errorf("%v: %v %s", err, r.Header, body)
		}
		var seqs []uint64
		for _, e := range batch {
			seqs = append(seqs, e.Data.Seq)
			if e.Spec != "1.0" || e.Source != "/banyan/fuzhou" || e.Type != "banyan.incident.state" || e.DataType != "application/json" || e.Subject != fmt.Sprintf("i-%d", e.Data.Seq) ||
				e.Trace != "trace of "+e.Subject || !strings.HasSuffix(e.ID, fmt.Sprintf("-%d", e.Data.Seq)) {
				t.Errorf("%+v", e)
			}
		}
		requests, keys = append(requests, seqs), append(keys, r.Header.Get("Idempotency-Key"))
		w.WriteHeader(answer(batch))
	}))
	defer target.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("a secret of some length"), 0o600); err != nil {
		t.Fatal(err)
	}
	log := epochs{1, 1, 1, 2, 2, 2, 2, 2}
	s, err := hooks.NewSender(hooks.Target{ID: "province", URL: target.URL, SecretFile: "secret", Batch: 3, Whole: true}, dir, "fuzhou", log[:0])
	if err != nil {
		t.Fatal(err)
	}
	s.Traceparent = func(incident string) string { return "trace of " + incident }
	everything := func(string) bool { return true }
	send := func(want [][]uint64, fails bool, entries ...sequencer.Entry) {
		t.Helper()
		requests, keys = nil, nil
		if err := s.Send(context.Background(), entries, everything); (err != nil) != fails {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(requests, want) {
			t.Fatalf("requests %v, want %v", requests, want)
		}
	}
	send([][]uint64{{1, 2, 3}, {4}}, false, closings(t, 1, 1, 1, 1, 2)...)
	if !slices.Equal(keys, []string{"province-1-1-1-3", "province-2-4-2-4"}) {
		t.Errorf("keys %v", keys)
	}
	// What was not answered comes again as it was, although more waits.
	answer = func([]told) int { return http.StatusServiceUnavailable }
	send([][]uint64{{5}}, true, closings(t, 5, 2)...)
	answer = func([]told) int { return http.StatusOK }
	send([][]uint64{{5}, {6, 7}}, false, closings(t, 4, 2, 2, 2, 2)...)
	// Of several, only those are passed over that the target does not take.
	answer = func(batch []told) int {
		if slices.ContainsFunc(batch, func(e told) bool { return e.Data.Seq == 9 }) {
			return http.StatusUnprocessableEntity
		}
		return http.StatusOK
	}
	sent := s.Sent.Load()
	send([][]uint64{{8, 9, 10}, {8}, {9, 10}, {9}, {10}}, false, closings(t, 8, 2, 2, 2)...)
	if s.Refused.Load() != 1 || s.Sent.Load()-sent != 2 || s.Place() != (hooks.Place{Epoch: 2, Seq: 10}) {
		t.Errorf("%d refused, %d sent, came to %v", s.Refused.Load(), s.Sent.Load()-sent, s.Place())
	}
	// Another life begins where this one ended, or where another node came to.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = hooks.NewSender(s.Target, dir, "fuzhou", log); err != nil {
		t.Fatal(err)
	}
	if seq, err := s.Begin(); err != nil || seq != 8 || s.Place().Seq != 10 {
		t.Errorf("begins behind %d, %v, %v", seq, s.Place(), err)
	}
	s.Heard(hooks.Place{Epoch: 1, Seq: 99})
	s.Heard(hooks.Place{Epoch: 3, Seq: 2})
	if seq, err := s.Begin(); err != nil || seq != 2 {
		t.Errorf("begins behind %d, %v", seq, err)
	}
}

// TestOldPlace: a sequence alone, as earlier versions wrote it, is one of this journal.
func TestOldPlace(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"secret": "a secret of some length", "hooks/a": "3", "hooks/b": "77"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]hooks.Place{"a": {Epoch: 1, Seq: 3}, "b": {Epoch: 4, Seq: 5}, "new": {Epoch: 4, Seq: 5}} {
		s, err := hooks.NewSender(hooks.Target{ID: id, SecretFile: "secret"}, dir, "fuzhou", epochs{1, 1, 1, 4, 4})
		if err != nil || s.Place() != want {
			t.Errorf("%s: %v, %v, want %v", id, s.Place(), err, want)
		}
	}
}
