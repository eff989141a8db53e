package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// city compiles the engine's test city with one more source.
func city(t testing.TB, profile string) (*plan.City, plan.Problems) {
	t.Helper()
	files := map[string][]byte{}
	root := os.DirFS("../../dispatch/testdata/city")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[name], err = fs.ReadFile(root, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	files["sources/own.yaml"] = []byte(profile)
	return plan.Load(files)
}

// desk decides in memory, as the writer does.
type desk struct {
	mu     sync.Mutex
	state  *dispatch.State
	events []dispatch.Event
	refuse error
}

func (d *desk) Submit(_ context.Context, c dispatch.Command) (func(context.Context) (sequencer.Outcome, error), error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse != nil {
		return nil, d.refuse
	}
	c.At = max(alert.TimeOf(now()), d.state.Now())
	events, err := dispatch.Decide(d.state, &c)
	for i := range events {
		d.state.Apply(&events[i])
	}
	d.events = append(d.events, events...)
	out := sequencer.Outcome{Events: events}
	if len(events) == 0 && err == nil {
		out.Known = d.state.KnownBy(&c)
	}
	return func(context.Context) (sequencer.Outcome, error) { return out, err }, nil
}

func (d *desk) Read(f func(*dispatch.State)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d.state)
}

func (d *desk) Events(seq uint64) ([]dispatch.Event, error) {
	for i := range d.events {
		if d.events[i].Seq == seq {
			return d.events[i:], nil
		}
	}
	return nil, fmt.Errorf("no event %d", seq)
}

func now() time.Time { return time.Date(2026, 5, 1, 1, 0, 0, 0, time.UTC) }

func newDoor(t testing.TB, profile string) (*Door, *desk) {
	t.Helper()
	c, problems := city(t, profile)
	if c == nil {
		t.Fatal(problems)
	}
	d := &desk{state: dispatch.New()}
	door := New(Options{Engine: d, State: d, History: d, Keyring: NewKeyring(), Now: now})
	if _, err := d.Submit(context.Background(), dispatch.Configure(c)); err != nil {
		t.Fatal(err)
	}
	return door, d
}

func message(t testing.TB, raw string) Message {
	t.Helper()
	body, err := DecodeJSON([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	return Message{Kind: "json", Body: body, Raw: []byte(raw)}
}

const gauge = `name: 水位站
department: fire
datum: wgs84
time: {format: [unix, "YYYY-MM-DD hh:mm:ss.SSS", rfc3339], zone: Asia/Urumqi}
tables:
  kinds: {"1": gas.leak, "2": medical}
map:
  operation: {from: m.op, table: {A: alert, U: update, C: cancel, T: telemetry}, default: alert}
  id: m.no
  dedup: m.station
  target: m.of
  revision: m.rev
  reporter: m.who
  type: {from: m.kind, table: kinds, default: dispute}
  occurred_at: m.at
  location: {lon: "m.p[0]", lat: "m.p[1]", accuracy_m: {from: m.acc, unit: km, to: m}, datum: {value: wgs84}}
  priority: {from: m.urgent, table: {"true": P1}, default: P3}
  text: '(m.name ?? "某站") + h.topic'
  attributes:
    "*": m.extra
    kpa: {from: m.bar, unit: bar, to: kPa}
    celsius: {from: m.f, unit: degF, to: degC}
    digits: m.big
`

func TestMap(t *testing.T) {
	door, d := newDoor(t, gauge)
	m := message(t, `{"no":18446744073709551615,"kind":2,"at":"2026-05-01 06:30:00.250","p":[119.3,26.1],"acc":0.2,"urgent":true,"extra":{"a":1,"kpa":"old"},"bar":1.5,"f":"212","big":350100201912310001,"who":"13800"}`)
	m.Headers = map[string]string{"topic": "/w/1"}
	r := door.Take(context.Background(), "own", []Message{m})[0]
	if r.Status != Accepted {
		t.Fatalf("%+v", r)
	}
	var a *alert.Alert
	for _, e := range d.events {
		if e.Alert != nil {
			a = e.Alert
		}
	}
	var attributes map[string]any
	if err := json.Unmarshal(a.Attributes, &attributes); err != nil {
		t.Fatal(err)
	}
	if a.ID != "18446744073709551615" || a.Type != "medical" || a.Priority != alert.P1 || a.Text != "某站/w/1" || a.Location.AccuracyM != 200 || a.Location.Lon != 119.3 ||
		a.OccurredAt.Std().Format(time.RFC3339Nano) != "2026-05-01T00:30:00.25Z" || !strings.HasPrefix(a.Reporter, "r-") || strings.Contains(a.Reporter, "13800") {
		t.Errorf("%+v %+v", a, a.Location)
	}
	if attributes["kpa"] != 150.0 || attributes["celsius"] != 100.0 || attributes["a"] != 1.0 || !strings.Contains(string(a.Attributes), "350100201912310001") {
		t.Errorf("%s", a.Attributes)
	}
	for raw, want := range map[string]string{
		`{"no":1,"kind":"9","at":1777595400,"p":[119.3]}`:               "location.lat",
		`{"no":1,"kind":"1","at":"gestern","p":[119.3,26]}`:             `occurred_at: "gestern" is no time in the form unix or YYYY-MM-DD hh:mm:ss.SSS or rfc3339`,
		`{"no":{},"kind":"1","at":1777595400,"p":[119.3,26]}`:           "id: yields an object, want a text",
		`{"kind":"1","at":1777595400,"p":[119.3,26]}`:                   "id: is required",
		`{"no":1,"at":1777595400,"p":[119.3,261]}`:                      "location.lat: must be between",
		`{"no":1,"op":"X","at":1777595400,"p":[119.3,26],"bar":"viel"}`: "attributes.kpa",
		`{"no":1,"at":1777595400,"p":[119.3,26],"extra":[1]}`:           "attributes: yields no object",
	} {
		r := door.Take(context.Background(), "own", []Message{message(t, raw)})[0]
		if r.Status != Quarantined || !strings.Contains(r.Reason, want) {
			t.Errorf("%s: %+v, want %q", raw, r, want)
		}
	}
	if got := Map(mustSource(t, d), &Message{Kind: "json"}); len(got.Problems) == 0 {
		t.Error("what is not readable is mapped")
	}
}

func mustSource(t testing.TB, d *desk) (src *plan.Source) {
	t.Helper()
	d.Read(func(st *dispatch.State) { src, _ = st.City().Source("own") })
	return src
}

// TestDoor: repeats, updates, cancels, telemetry; what passes is told to come again.
func TestDoor(t *testing.T) {
	door, d := newDoor(t, gauge)
	one := func(raw string) Result { return door.Take(context.Background(), "own", []Message{message(t, raw)})[0] }
	const base = `"kind":"1","at":1777595400,"p":[119.3,26.1],"station":"S1"`
	for _, step := range []struct {
		raw  string
		want Status
	}{
		{`{"no":1,` + base + `}`, Accepted},
		{`{"no":2,` + base + `}`, Duplicate}, // another number, the same station
		{`{"no":3,"op":"U","rev":"a","urgent":true,` + base + `}`, Updated},
		{`{"no":3,"op":"U","rev":"a","urgent":true,` + base + `}`, Duplicate},
		{`{"no":4,"op":"T"}`, Ignored},
		{`{"no":5,"op":"C","of":"S9"}`, Ignored},
		{`{"no":5,"op":"C","of":"S1"}`, Cancelled},
		{`{"no":5,"op":"C","of":"S1"}`, Duplicate},
		{`{"no":6,"op":"U","rev":"b",` + base + `}`, Updated}, // its incident is over: a new alert
	} {
		if r := one(step.raw); r.Status != step.want {
			t.Errorf("%s: %+v, want %s", step.raw, r, step.want)
		}
	}
	h := door.Health("own")
	if h.Messages != 9 || h.LastHeard.IsZero() || h.Lag <= 0 {
		t.Errorf("%+v", h)
	}
	d.refuse = alert.Errorf(alert.CodeRateLimited, "full")
	if r := one(`{"no":7,` + base + `}`); r.Status != Refused || !r.Again() {
		t.Errorf("%+v", r)
	}
	if r := door.Take(context.Background(), "stranger", make([]Message, 2)); len(r) != 2 || r[1].Status != Refused || r[1].Again() {
		t.Errorf("%+v", r)
	}
}

// TestKeyring: an old key still opens, a new one seals, a file that others may read is refused.
func TestKeyring(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", KeyringFile)
	k, err := OpenKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	box := k.Seal("a-1", []string{"text"}, []byte("谁"))
	digest := k.Digest("谁")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(f, "# of May\nk2 %s\n", strings.Repeat("QUFB", 10)+"QUE=")
	if err := errors.Join(f.Close(), k.Reload()); err != nil {
		t.Fatal(err)
	}
	if plain, err := k.Open("a-1", box); err != nil || string(plain) != "谁" || k.Digest("谁") != digest {
		t.Errorf("with a new key: %s, %v", plain, err)
	}
	if next := k.Seal("a-1", nil, nil); next.Key != "k2" {
		t.Errorf("sealed with %s", next.Key)
	}
	if _, err := k.Open("a-2", box); err == nil {
		t.Error("it opens as a part of another alert")
	}
	box.Data[len(box.Data)-1] ^= 1
	if _, err := k.Open("a-1", box); err == nil {
		t.Error("it opens though it was changed")
	}
	for _, text := range []string{"k1 abc\n", "", "k1 " + strings.Repeat("QUFB", 10) + "QUE=\nk1 " + strings.Repeat("QUFB", 10) + "QUE=\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := k.Reload(); err == nil {
			t.Errorf("%q is taken for keys", text)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := k.Reload(); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("others may read it: %v", err)
	}
}

// TestQuarantineGivesWay: past the bound the oldest leaves, loudly.
func TestQuarantineGivesWay(t *testing.T) {
	door, d := newDoor(t, gauge)
	var said bytes.Buffer
	at := now()
	door.o.Logger, door.o.Now = slog.New(slog.NewTextHandler(&said, nil)), func() time.Time { return at }
	for i := range dispatch.MaxHeld + 3 {
		if r := door.Take(context.Background(), "own", []Message{message(t, fmt.Sprintf(`{"no":%d,"at":"x"}`, i))})[0]; r.Status != Quarantined {
			t.Fatalf("%d: %+v", i, r)
		}
	}
	var st dispatch.SourceStatus
	d.Read(func(s *dispatch.State) { st = s.SourceStatus("own") })
	if len(st.Held) != dispatch.MaxHeld || st.Lost != 3 || !slices.IsSortedFunc(st.Held, func(a, b dispatch.HeldRef) int { return int(a.Seq) - int(b.Seq) }) {
		t.Errorf("%d held, %d lost", len(st.Held), st.Lost)
	}
	if n := strings.Count(said.String(), "a quarantine is full"); n != 1 || !strings.Contains(said.String(), "source=own held=1000 gone=1") {
		t.Errorf("it is said %d times:\n%s", n, said.String())
	}
	at = at.Add(time.Hour)
	door.Take(context.Background(), "own", []Message{message(t, `{"no":"later","at":"x"}`)})
	if n := strings.Count(said.String(), "a quarantine is full"); n != 2 {
		t.Errorf("an hour later it has been said %d times:\n%s", n, said.String())
	}
}

// FuzzMessage: whatever comes is mapped, kept or refused, and never more.
func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"no":1,"kind":"1","at":1777595400,"p":[119.3,26.1],"station":"S1","extra":{"a":[1,{"b":null}]}}`))
	f.Add([]byte(`{"op":"C","of":"S1"}`))
	f.Add([]byte(`{"no":1e999,"at":-1e300,"p":[1e308,-1e308],"f":"NaN","acc":"Inf"}`))
	door, d := newDoor(f, gauge)
	src := mustSource(f, d)
	f.Fuzz(func(t *testing.T, raw []byte) {
		body, err := DecodeJSON(raw)
		if err != nil {
			return
		}
		m := Message{Kind: "json", Body: body, Raw: raw}
		mapped := Map(src, &m)
		r := door.Take(context.Background(), "own", []Message{m})[0]
		if r.Status == Refused && r.Err.Code != alert.CodeRateLimited {
			t.Errorf("refused: %+v", r)
		}
		if len(mapped.Problems) > 0 && r.Status != Quarantined && r.Status != Refused {
			t.Errorf("%v, but %s", mapped.Problems, r.Status)
		}
	})
}
