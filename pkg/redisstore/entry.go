package redisstore

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// Fields of an entry of the stream. One entry is one event; the first of a command's events also carries what
// it takes to make the journal's frame of them again.
const (
	fieldEvent   = "event"   // JSON, as in the journal and on the websocket
	fieldCommand = "command" // JSON
	fieldDigest  = "digest"  // of the configuration it was decided under
	fieldEngine  = "engine"  // that decided it
	fieldCount   = "count"   // events of the command
)

// touched is what events have been about.
type touched struct {
	incidents map[string]bool
	sources   map[string]alert.Time // when heard
	board     bool
}

func (t *touched) incident(id string) {
	if t.incidents == nil {
		t.incidents = map[string]bool{}
	}
	t.incidents[id] = true
}

// addEntries adds the entries of a frame to c, and to t what they are about.
func addEntries(c *change, f *journal.Frame, t *touched) error {
	p, err := sequencer.SplitRecord(f.Payload)
	if err != nil {
		return err
	}
	if len(p.Events) != int(f.Count) {
		return fmt.Errorf("the frame at %d holds %d events and says %d", f.Seq, len(p.Events), f.Count)
	}
	for i, event := range p.Events {
		id := ID{f.Epoch, f.Seq + uint64(i)}.String()
		if i > 0 {
			c.do("XADD", c.names.Events(), id, fieldEvent, event)
		} else {
			c.do("XADD", c.names.Events(), id, fieldEvent, event, fieldCommand, p.Command, fieldDigest, p.Digest, fieldEngine, p.Engine, fieldCount, f.Count)
		}
		if err := t.look(event); err != nil {
			return err
		}
	}
	return nil
}

// look notes what an event is about.
func (t *touched) look(event []byte) error {
	var at alert.Time
	var failed error
	t.board = true
	err := sequencer.Members(event, func(name string, value []byte) bool {
		switch name {
		case "at":
			failed = json.Unmarshal(value, &at)
		case "incident_id":
			t.incident(string(value[1 : len(value)-1]))
		case "alert":
			failed = t.lookAlert(value, at)
		case "handover":
			var h dispatch.Handover
			failed = json.Unmarshal(value, &h)
			for _, task := range h.Tasks {
				t.incident(task.Incident)
			}
		}
		return failed == nil
	})
	if err == nil {
		err = failed
	}
	return err
}

func (t *touched) lookAlert(doc []byte, at alert.Time) (failed error) {
	err := sequencer.Members(doc, func(name string, value []byte) bool {
		if name != "source" {
			return true
		}
		var source string
		failed = json.Unmarshal(value, &source)
		if t.sources == nil {
			t.sources = map[string]alert.Time{}
		}
		t.sources[source] = max(t.sources[source], at)
		return false
	})
	if err == nil {
		err = failed
	}
	return err
}

// joiner makes the journal's frames again of entries in order.
type joiner struct {
	frame journal.Frame
	parts sequencer.Parts
}

// add takes the next entry and returns a frame when it was the frame's last. An entry that begins a frame drops
// one that was not finished: it was trimmed at the front.
func (j *joiner) add(m redis.XMessage) (f journal.Frame, whole bool, err error) {
	id, err := ParseID(m.ID)
	if err != nil {
		return f, false, err
	}
	text := func(field string) string { s, _ := m.Values[field].(string); return s }
	event := text(fieldEvent)
	if event == "" {
		return f, false, fmt.Errorf("the entry %s holds no event", m.ID)
	}
	if command := text(fieldCommand); command != "" {
		count, err1 := strconv.ParseUint(text(fieldCount), 10, 32)
		engine, err2 := strconv.Atoi(text(fieldEngine))
		if err1 != nil || err2 != nil || count == 0 {
			return f, false, fmt.Errorf("the entry %s does not say how many events its command made, or by which engine", m.ID)
		}
		j.frame = journal.Frame{Epoch: id.Epoch, Seq: id.Seq, Count: uint32(count)}
		j.parts = sequencer.Parts{Engine: engine, Digest: text(fieldDigest), Command: []byte(command)}
	}
	if j.frame.Count == 0 { // the frame began before the stream does
		return f, false, nil
	}
	if id.Epoch != j.frame.Epoch || id.Seq != j.frame.Seq+uint64(len(j.parts.Events)) {
		return f, false, fmt.Errorf("the entry %s does not follow: a frame of %d events begins at %d", m.ID, j.frame.Count, j.frame.Seq)
	}
	j.parts.Events = append(j.parts.Events, []byte(event))
	if len(j.parts.Events) < int(j.frame.Count) {
		return f, false, nil
	}
	f = j.frame
	f.Payload = j.parts.Join()
	*j = joiner{}
	return f, true, nil
}
