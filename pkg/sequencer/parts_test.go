package sequencer

import (
	"bytes"
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// TestParts takes records apart as encoding/json would, and joins them to the same bytes.
func TestParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String()
		c := dispatch.Command{Type: dispatch.TaskAct, Target: text.Draw(t, "target"), Text: text.Draw(t, "text"),
			By: &alert.Actor{Name: text.Draw(t, "name")}}
		var e encoder
		var events []dispatch.Event
		for range rapid.IntRange(1, 5).Draw(t, "events") {
			events = append(events, dispatch.Event{Seq: 7, Type: dispatch.IncidentNote, IncidentID: text.Draw(t, "id"), Text: text.Draw(t, "note"),
				Files: rapid.MapOfN(text, rapid.SliceOf(rapid.Byte()), 0, 3).Draw(t, "files"), Task: &alert.Task{ID: text.Draw(t, "task"), Tried: []string{`}"`, text.Draw(t, "tried")}}})
		}
		payload, encoded := e.frame("00ff", &c, events, nil)
		p, err := SplitRecord(payload)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p.Join(), payload) {
			t.Fatalf("joined %s\nwas %s", p.Join(), payload)
		}
		var want struct {
			Command json.RawMessage
			Events  []json.RawMessage
		}
		if err := json.Unmarshal(payload, &want); err != nil {
			t.Fatal(err)
		}
		if p.Engine != dispatch.EngineVersion || p.Digest != "00ff" || !bytes.Equal(p.Command, want.Command) || len(p.Events) != len(want.Events) {
			t.Fatalf("%d %q %s, %d events of %d", p.Engine, p.Digest, p.Command, len(p.Events), len(want.Events))
		}
		for i := range p.Events {
			if alone := events[i].AppendJSON(nil); !bytes.Equal(p.Events[i], want.Events[i]) || !bytes.Equal(encoded[i], alone) || !bytes.Equal(alone, want.Events[i]) {
				t.Fatalf("event %s, encoded %s, want %s", p.Events[i], encoded[i], want.Events[i])
			}
		}
	})
}

// FuzzMembers feeds anything: never a crash, and what is compact JSON is understood as encoding/json does.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1}`, `{"a":"\"","b":[1,{"c":"}"}],"d":null}`, `{"a":}`, `{"a"`, `{"a":"`, `{"a":1,}`, `{1:2}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		n := 0
		err := Members(doc, func(string, []byte) bool { n++; return true })
		var compact bytes.Buffer
		var want map[string]json.RawMessage
		if json.Compact(&compact, doc) != nil || !bytes.Equal(compact.Bytes(), doc) || json.Unmarshal(doc, &want) != nil || want == nil {
			return
		}
		if err != nil || n < len(want) {
			t.Fatalf("%s: %d members of %d, %v", doc, n, len(want), err)
		}
	})
}
