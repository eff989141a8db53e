package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// check asks the server again for what was sent and done since the last check, and for some of what was before.
func (c *crash) check(s *server, rng *rand.Rand) {
	bySource := map[string][]*promise{}
	for _, p := range c.ledger.since(c.alerts, recheck, rng) {
		bySource[p.source] = append(bySource[p.source], p)
	}
	for id, lines := range bySource {
		_, token := c.source(id)
		if err := c.postLines(s, token, lines); err != nil {
			c.t.Errorf("asking again: %v", err)
		}
	}
	for _, d := range c.ledger.deedsSince(c.deeds) {
		if wrong := c.undone(s, d); wrong != "" {
			c.t.Errorf("%s of %s was answered with success: %s", d.action, d.target, wrong)
		}
	}
	c.alerts, c.deeds, _ = c.ledger.size()
}

// rank orders the states of a task by how far it has come.
var rank = map[alert.TaskState]int{alert.TaskAcknowledged: 1, alert.TaskEnRoute: 2, alert.TaskOnScene: 3, alert.TaskDone: 4, alert.TaskReturned: 4, alert.TaskCancelled: 4}

var wantRank = map[alert.Action]int{alert.ActAcknowledge: 1, alert.ActDepart: 2, alert.ActArrive: 3, alert.ActFinish: 4, alert.ActReturn: 4}

const (
	rateWait  = 20 * time.Millisecond // in which a key may ask ten times more
	mostWaits = 500
)

// undone says how a deed is not there, "" if it is.
func (c *crash) undone(s *server, d deed) string {
	token, err := c.keys.seat("centre-leader")
	if err != nil {
		return err.Error()
	}
	get := func(path string, into any) string {
		status, answer, err := s.do(http.MethodGet, path, token, "", "")
		for try := 0; err == nil && status == http.StatusTooManyRequests && try < mostWaits; try++ { // a key is held to a rate, and this machine is faster
			time.Sleep(rateWait)
			status, answer, err = s.do(http.MethodGet, path, token, "", "")
		}
		if err == nil && status == http.StatusOK {
			err = json.Unmarshal(answer, into)
		}
		if err != nil || status != http.StatusOK {
			return fmt.Sprintf("%s: status %d, %s, %v", path, status, answer, err)
		}
		return ""
	}
	var wrong string
	switch d.action {
	case alert.ActNote:
		var timeline struct{ Events []struct{ Text string } }
		if wrong = get("/api/v1/incidents/"+d.target+"/timeline", &timeline); wrong != "" {
			return wrong
		}
		for _, e := range timeline.Events {
			if e.Text == d.text {
				return ""
			}
		}
		wrong = fmt.Sprintf("no note %q in the timeline", d.text)
	case alert.ActVerify, alert.ActCancel:
		var incident alert.Incident
		if wrong = get("/api/v1/incidents/"+d.target, &incident); wrong == "" && !incident.State.Final() {
			wrong = "the incident is " + string(incident.State)
		}
	default:
		var task alert.Task
		if wrong = get("/api/v1/tasks/"+d.target, &task); wrong == "" && rank[task.State] < wantRank[d.action] {
			wrong = "the task is " + string(task.State)
		}
	}
	return wrong
}

// audit reads the whole journal of a server that is gone.
func (c *crash) audit() {
	c.verify()
	c.compareExport()
	c.compareStates()
}

// verify makes every decision again.
func (c *crash) verify() {
	out, errs, err := banyan(c.t, "journal", "verify", "--data", c.dir)
	if err != nil || !strings.HasPrefix(out, "ok: ") {
		c.t.Errorf("journal verify: %v\n%s%s", err, out, errs)
	}
}

// exported is what the whole journal says.
type exported struct {
	alerts   map[string][]string // incidents by alert id
	happened map[string]int      // events by type and task or incident
	notes    map[string]int
	events   map[uint64]string // type and incident by sequence
	configs  int
	last     uint64
}

func (c *crash) export() *exported {
	out, errs, err := banyan(c.t, "journal", "export", "--data", c.dir)
	if err != nil {
		c.t.Fatalf("journal export: %v\n%s", err, errs)
	}
	x := &exported{alerts: map[string][]string{}, happened: map[string]int{}, notes: map[string]int{}, events: map[uint64]string{}}
	for lines := json.NewDecoder(strings.NewReader(out)); ; {
		var line struct {
			Seq    uint64
			Record struct{ Events []dispatch.Event }
		}
		if err := lines.Decode(&line); err == io.EOF {
			return x
		} else if err != nil {
			c.t.Fatalf("journal export: %v", err)
		}
		for i := range line.Record.Events {
			x.take(c.t, &line.Record.Events[i])
		}
	}
}

func (x *exported) take(t *testing.T, e *dispatch.Event) {
	if e.Seq != x.last+1 {
		t.Errorf("event %d follows %d", e.Seq, x.last)
	}
	x.last = e.Seq
	x.events[e.Seq] = string(e.Type) + " " + e.IncidentID
	switch e.Type {
	case dispatch.IncidentOpened:
		x.alerts[e.Alert.AlertID] = append(x.alerts[e.Alert.AlertID], e.IncidentID)
	case dispatch.AlertAttached:
		x.alerts[e.Alert.AlertID] = append(x.alerts[e.Alert.AlertID], e.IncidentID)
	case dispatch.IncidentNote:
		x.notes[e.Text]++
	case dispatch.ConfigLoaded:
		x.configs++
	}
	if e.Task != nil {
		x.happened[string(e.Type)+" "+e.Task.ID]++
	}
	if e.State.Final() {
		x.happened[string(e.State)+" "+e.IncidentID]++
	}
}

// madeEvent is the event that an action makes.
var madeEvent = map[alert.Action]dispatch.EventType{alert.ActAcknowledge: dispatch.TaskAcknowledged, alert.ActDepart: dispatch.TaskEnRoute,
	alert.ActArrive: dispatch.TaskOnScene, alert.ActFinish: dispatch.TaskDone, alert.ActReturn: dispatch.TaskReturned, alert.ActVerify: "closed", alert.ActCancel: "cancelled"}

// compareExport holds the ledger against the events: nothing lost, nothing twice.
func (c *crash) compareExport() {
	x := c.export()
	c.compareShown(x)
	if x.configs != 1 {
		c.t.Errorf("the same configuration was loaded %d times", x.configs)
	}
	for id, incidents := range x.alerts {
		if len(incidents) != 1 {
			c.t.Errorf("alert %s is in the journal %d times, in incidents %v", id, len(incidents), incidents)
		}
	}
	for _, p := range c.ledger.since(0, 0, nil) {
		if r := p.receipt; r != nil && (len(x.alerts[r.AlertID]) != 1 || x.alerts[r.AlertID][0] != r.IncidentID) {
			c.t.Errorf("alert %s was answered with incident %s; the journal has %v", r.AlertID, r.IncidentID, x.alerts[r.AlertID])
		}
	}
	for _, d := range c.ledger.deedsSince(0) {
		if d.action == alert.ActNote {
			if x.notes[d.text] != 1 {
				c.t.Errorf("note %q is in the journal %d times", d.text, x.notes[d.text])
			}
		} else if x.happened[string(madeEvent[d.action])+" "+d.target] != 1 {
			c.t.Errorf("%s of %s is in the journal %d times", d.action, d.target, x.happened[string(madeEvent[d.action])+" "+d.target])
		}
	}
}

// compareStates rebuilds the state from the newest snapshot and from the first frame, on a copy, so that the
// server itself meets what the crash left.
func (c *crash) compareStates() {
	dir := c.t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(c.dir, app.JournalDir))); err != nil {
		c.t.Fatal(err)
	}
	j, err := journal.Open(dir, journal.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		c.t.Fatal(err)
	}
	defer j.Close()
	start, err := sequencer.Recover(j, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if start.SnapshotSeq > 0 {
		c.snapshots++
	}
	v := sequencer.NewVerifier()
	if _, err := journal.Verify(dir, v.Frame); err != nil {
		c.t.Fatal(err)
	}
	want := encoded(c.t, v.State())
	for name, st := range map[string]*dispatch.State{"writer": start.Writer, "reader": start.Reader} {
		if got := encoded(c.t, st); !bytes.Equal(got, want) {
			c.t.Errorf("the %s's state from the snapshot at %d and %d frames (%d bytes) is not that from the first frame (%d bytes)",
				name, start.SnapshotSeq, start.Frames, len(got), len(want))
		}
	}
}

func encoded(t *testing.T, s *dispatch.State) []byte {
	var b bytes.Buffer
	if err := s.View().Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
