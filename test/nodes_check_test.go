package test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// history is what a journal says.
type history struct {
	frames   []journal.Frame
	alerts   map[[2]string][]string // incidents by (source, id)
	happened map[string]int         // events by type and task or incident
	notes    map[string]int         // and assessments
	state    *dispatch.State
}

// takenBack is what nodes had decided and the city went on without. It is submitted again, see docs/consistency.md:
// an alert may be in another incident then, and an action not possible any more.
type takenBack struct {
	alerts  map[[2]string]bool
	targets map[string]bool // tasks and incidents
	notes   map[string]bool
}

// check stops the nodes and reads their journals.
func (f *nodeFaults) check() {
	for _, n := range f.nodes {
		_ = n.server.cmd.Process.Kill()
	}
	back := takenBack{map[[2]string]bool{}, map[string]bool{}, map[string]bool{}}
	for _, n := range f.nodes {
		n.server.kill()
		f.takenBack(n, &back)
	}
	var all []*history
	for _, n := range f.nodes {
		h := f.read(n)
		f.compare(n, h, &back)
		f.oneSeatEach(n, h.state)
		all = append(all, h)
		if out, errs, err := banyan(f.t, "journal", "verify", "--data", n.dir); err != nil || !strings.HasPrefix(out, "ok: ") {
			f.t.Errorf("journal verify of %s: %v\n%s%s", n.name, err, out, errs)
		}
	}
	last := min(len(all[0].frames), len(all[1].frames)) // who was killed last may have gone on a little
	for i, a := range all[0].frames[:last] {
		if b := all[1].frames[i]; a.Seq != b.Seq || a.Epoch != b.Epoch || string(a.Payload) != string(b.Payload) {
			f.t.Fatalf("the nodes have two histories from %d on", a.Seq)
		}
	}
	f.t.Logf("%d alerts and %d actions answered, %d and %d of them by a node that the city went on without; %d frames in common", len(f.promised), len(f.deeds),
		len(back.alerts), len(back.targets), last)
}

// read reads a node's journal, and makes every decision again.
func (f *nodeFaults) read(n *cityNode) *history {
	h := &history{alerts: map[[2]string][]string{}, happened: map[string]int{}, notes: map[string]int{}}
	v := sequencer.NewVerifier()
	_, err := journal.Verify(filepath.Join(n.dir, app.JournalDir), func(fr journal.Frame) error {
		if k := len(h.frames); k > 0 && (fr.Seq != h.frames[k-1].LastSeq()+1 || fr.Epoch < h.frames[k-1].Epoch) {
			f.t.Errorf("%s: %d-%d follows %d-%d", n.name, fr.Epoch, fr.Seq, h.frames[k-1].Epoch, h.frames[k-1].LastSeq())
		}
		h.frames = append(h.frames, fr)
		rec, err := sequencer.DecodeRecord(fr.Payload)
		if err != nil {
			return err
		}
		events, err := rec.DecodeEvents()
		for i := range events {
			h.take(&events[i])
		}
		if err != nil {
			return err
		}
		return v.Frame(fr)
	})
	if err != nil {
		f.t.Fatalf("journal of %s: %v", n.name, err)
	}
	h.state = v.State()
	return h
}

func (h *history) take(e *dispatch.Event) {
	switch e.Type {
	case dispatch.IncidentOpened, dispatch.AlertAttached:
		key := [2]string{e.Alert.Source, e.Alert.ID}
		incident := e.IncidentID
		if e.Incident != nil {
			incident = e.Incident.ID
		}
		h.alerts[key] = append(h.alerts[key], incident)
	case dispatch.IncidentNote, dispatch.IncidentAssessed:
		h.notes[e.Text]++
	}
	if e.Task != nil {
		h.happened[string(e.Type)+" "+e.Task.ID]++
	}
	if e.State.Final() {
		h.happened[string(e.State)+" "+e.IncidentID]++
	}
}

// takenBack adds what a node's journals that were put aside hold behind what is common.
func (f *nodeFaults) takenBack(n *cityNode, back *takenBack) {
	dirs, err := filepath.Glob(filepath.Join(n.dir, app.JournalDir+"-diverged-*"))
	if err != nil {
		f.t.Fatal(err)
	}
	for _, dir := range dirs {
		words := strings.Split(filepath.Base(dir), "-")
		common, err := strconv.ParseUint(words[2], 10, 64)
		if err != nil {
			f.t.Fatalf("%s: %v", dir, err)
		}
		f.aside++
		if _, err = journal.Verify(dir, func(fr journal.Frame) error {
			if fr.Seq <= common {
				return nil
			}
			parts, err := sequencer.SplitRecord(fr.Payload)
			if err != nil {
				return err
			}
			var c dispatch.Command
			if err := json.Unmarshal(parts.Command, &c); err != nil {
				return err
			}
			if c.Alert != nil {
				back.alerts[[2]string{c.Alert.Source, c.Alert.ID}] = true
			}
			back.targets[c.Target], back.notes[c.Text] = true, true
			return nil
		}); err != nil {
			f.t.Errorf("%s: %v", dir, err)
		}
	}
	if b, err := os.ReadFile(filepath.Join(n.dir, "handed.jsonl")); err == nil {
		f.t.Errorf("%s has not handed over yet: %.300s", n.name, b)
	}
}

// fewFaults bounds what is told of each kind.
const fewFaults = 5

// compare holds what was answered against a journal: nothing lost, nothing twice.
func (f *nodeFaults) compare(n *cityNode, h *history, back *takenBack) {
	told := map[string]int{}
	tell := func(kind, format string, args ...any) {
		if told[kind]++; told[kind] <= fewFaults {
			f.t.Errorf(n.name+" "+kind+": "+format, args...)
		}
	}
	for key, incident := range f.promised {
		got := h.alerts[key]
		switch {
		case len(got) == 0:
			tell("lost", "%v, which was answered with 202", key)
		case len(got) == 1 && got[0] != incident && !back.alerts[key]:
			tell("moved", "%v from %s, which the answer said, to %s", key, incident, got[0])
		}
	}
	for key, incidents := range h.alerts {
		if len(incidents) != 1 {
			tell("doubled", "%v is in %v", key, incidents)
		}
	}
	for _, d := range f.deeds {
		times, again := h.happened[string(madeEvent[d.action])+" "+d.target], back.targets[d.target]
		if d.action == alert.ActNote {
			times, again = h.notes[d.text], back.notes[d.text]
		}
		if times > 1 || times == 0 && !again {
			tell("deed", "%v happened %d times", d, times)
		}
	}
	for text, times := range h.notes {
		if times > 1 {
			tell("note", "%q is there %d times", text, times)
		}
	}
}

// oneSeatEach: every task that is not over is at one seat, which is its own, or loudly at none.
func (f *nodeFaults) oneSeatEach(n *cityNode, st *dispatch.State) {
	at := map[string]string{}
	for _, s := range st.City().Seats {
		for _, id := range st.TasksAt(s.ID) {
			if other, ok := at[id]; ok {
				f.t.Errorf("%s: task %s is at %s and %s", n.name, id, other, s.ID)
			}
			at[id] = s.ID
		}
	}
	st.Newest(0, func(_ uint64, doc *alert.Incident) bool {
		for _, t := range doc.Tasks {
			if !t.State.Final() && at[t.ID] != t.Seat && t.State != alert.TaskUnstaffed {
				f.t.Errorf("%s: task %s says it is at %q, the seats say %q", n.name, t.ID, t.Seat, at[t.ID])
			}
		}
		return true
	})
}
