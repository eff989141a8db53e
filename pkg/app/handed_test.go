package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/test/link"
)

// TestHandedOverOnce: what officers did at a node that was cut off happens to the city once, though Rejoin was interrupted,
// and though all of it is handed over again; words that were told the city itself meanwhile are not said twice.
func TestHandedOverOnce(t *testing.T) {
	t.Parallel()
	n := newTwoNodes(t)
	act := func(c *centre, id, what, body string) {
		t.Helper()
		c.must(http.StatusOK, http.MethodPost, "/api/v1/incidents/"+id+"/"+what, c.officer, body, nil)
	}
	id := n.west.post(1).IncidentID
	act(n.east, id, "note", `{"text":"到场"}`)
	eventually(t, "west has the note", n.west.has(id, "incident.note", "到场", 1))

	n.toRedis.Set(link.Cut)
	n.toEast.Set(link.Cut)
	eventually(t, "west goes on alone", n.west.is("leader", func(s nodeStatus) bool { return s.CutOff }))
	act(n.west, id, "note", `{"text":"到场"}`) // once more, and not what was said before
	act(n.west, id, "assessments", `{"text":"火势可控"}`)
	act(n.west, id, "suspend", `{"reason":"等待消防"}`)
	act(n.west, id, "resume", `{}`)
	act(n.west, id, "note", `{"text":"无人应答"}`)
	act(n.east, id, "note", `{"text":"无人应答"}`)
	n.toEast.Set(link.Open)
	n.toRedis.Set(link.Open)
	if err := <-n.west.ended; !app.Deposed(err) {
		t.Fatalf("west ended with %v", err)
	}
	n.west.ended = nil

	dir := n.west0.DataDir
	handed, journal := filepath.Join(dir, "handed.jsonl"), filepath.Join(dir, app.JournalDir)
	rejoin := func() {
		t.Helper()
		if err := app.Rejoin(t.Context(), dir, n.westRedis, n.west0.City.ID, n.west0.Logger); err != nil {
			t.Fatal(err)
		}
	}
	rejoin()
	aside, err := filepath.Glob(journal + "-diverged-*")
	if err != nil || len(aside) != 1 {
		t.Fatalf("%v %v", aside, err)
	}
	if err := errors.Join(os.RemoveAll(journal), os.Rename(aside[0], journal)); err != nil { // as when it had come no further than to what is kept
		t.Fatal(err)
	}
	rejoin()
	kept, err := os.ReadFile(handed)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		n.runWest()
		eventually(t, "the city has taken what was handed over", func() error {
			if _, err := os.Stat(handed); !errors.Is(err, fs.ErrNotExist) {
				return errors.Join(errors.New("it is there still"), err)
			}
			return nil
		})
		for _, want := range []struct {
			event, text string
			times       int
		}{{"incident.note", "到场", 2}, {"incident.assessed", "火势可控", 1}, {"incident.state", "等待消防", 1}, {"incident.state", "resumed", 1}, {"incident.note", "无人应答", 1}} {
			if err := n.east.has(id, want.event, want.text, want.times)(); err != nil {
				t.Error(err)
			}
		}
		if err := n.west.stop(); err != nil {
			t.Fatal(err)
		}
		kept = append(kept, '\n') // another file: nobody knows that it was taken
		if err := os.WriteFile(handed, kept, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// has checks how often an incident's timeline has an event with a text or a reason.
func (c *centre) has(id, event, text string, times int) func() error {
	return func() error {
		var timeline struct {
			Events []struct{ Type, Text, Reason string }
		}
		code, _, answer, err := c.send(http.MethodGet, "/api/v1/incidents/"+id+"/timeline", c.officer, nil)
		if err == nil {
			err = json.Unmarshal(answer, &timeline)
		}
		if err != nil || code != http.StatusOK {
			return fmt.Errorf("%w %d %s", err, code, answer)
		}
		got := 0
		for _, e := range timeline.Events {
			if e.Type == event && (e.Text == text || e.Reason == text) {
				got++
			}
		}
		if got != times {
			return fmt.Errorf("%s %q happened %d times, want %d", event, text, got, times)
		}
		return nil
	}
}
