package plan

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

const wholeProfile = `name: 隧道风机
name_en: Tunnel fans
department: fire
datum: gcj02
types: [fire.*]
rate: {per_second: 200, burst: 1000}
heartbeat: 5m
sensitivity: sealed
seal: [text, attributes.caller]
trust: {level: low, priority: P3}
storm: {over: 50, within: 10m, by: street, spare: P2}
transport:
  kind: mqtt
  broker: mqtts://broker.example:8883
  topics: [tunnel/+/fan]
  qos: 2
  group: banyan
  user: banyan
  password_file: secrets/tunnel
time: {format: [YYYY-MM-DD hh:mm:ss, unix_ms], zone: Asia/Shanghai}
tables:
  level: {"1": P1, "2": ""}
map:
  operation: {from: m.state, table: {A: alert, C: cancel}, default: ignore}
  id: m.no
  type: {value: fire.building}
  occurred_at: m.time
  location: {lon: m.x, lat: m.y}
  priority: {from: m.level, table: level}
  attributes:
    t: {from: m.f, unit: degF, to: degC}
`

func TestProfile(t *testing.T) {
	files := cityFiles(t)
	files["sources/fans.yaml"] = []byte(wholeProfile)
	s, _ := load(t, files).Source("fans")
	tr := s.Transport
	if s.Heartbeat != 5*time.Minute || s.Sensitivity != alert.Sealed || len(s.Seal) != 2 || s.LowTrust != alert.P3 || s.Storm.Over != 50 || s.Storm.By.String() != "street" ||
		s.Storm.Spare != alert.P2 || tr.Kind != TransportMQTT || tr.QoS != 2 || tr.Group != "banyan" || tr.Topics[0] != "tunnel/+/fan" || tr.PasswordFile != "secrets/tunnel" ||
		s.Mapping == nil || s.Plain() {
		t.Errorf("%+v %+v", s, tr)
	}
	// Those that were there before are as they were.
	old, _ := load(t, cityFiles(t)).Source("fire-119")
	if !old.Plain() || old.Transport.Kind != TransportREST || old.LowTrust != 0 || old.Storm != nil || old.Heartbeat != 0 {
		t.Errorf("%+v", old)
	}
}

// TestProfileNamesMistakes makes each mistake in the whole profile by itself.
func TestProfileNamesMistakes(t *testing.T) {
	for _, m := range []struct{ old, by, want string }{
		{"heartbeat: 5m", "heartbeat: 1s", "7: heartbeat is 1s: want 5s to 168h0m0s"},
		{"sensitivity: sealed", "sensitivity: secret", `8: sensitivity "secret": want public, internal, sealed`},
		{"[text, attributes.caller]", "[text, name]", `9: seal: "name": want text, or attributes.NAME`},
		{"[text, attributes.caller]", "[text, text]", `9: seal: "text" stands there twice`},
		{"level: low", "level: none", `10: trust.level "none": want full, low`},
		{"level: low", "level: full", "10: trust.priority is for level low"},
		{"over: 50", "over: 0", "11: storm.over is 0: want 1 to 100000 incidents"},
		{"by: street", "by: planet", `11: storm.by: level "planet" is not city, district, street, community or grid`},
		{"spare: P2", "spare: P9", `11: priority "P9": want P1, P2, P3 or P4`},
		{"kind: mqtt", "kind: pigeon", `13: transport.kind "pigeon": want rest, cloudevents, cap, mqtt, feed, webhook, file`},
		{"mqtts://broker.example:8883", "broker.example", `14: transport.broker: "broker.example": want mqtt:// or mqtts:// or ws:// or wss://host…`},
		{"mqtts://broker.example:8883", "mqtts://me:secret@broker.example", "14: transport.broker holds a password: name it by user and password_file"},
		{"  qos: 2", "  qos: 3", `16: transport.qos "3": want 0, 1, 2`},
		{"  group: banyan", "  url: http://x", "17: transport.url means nothing to kind mqtt"},
		{"secrets/tunnel", "/etc/passwd", `19: transport.password_file: "/etc/passwd" must lie in the server's data folder: no leading / and no ..`},
		{"secrets/tunnel", "../../x", `19: transport.password_file: "../../x" must lie in the server's data folder: no leading / and no ..`},
		{"YYYY-MM-DD hh:mm:ss", "hh:mm", `20: time.format "hh:mm": want rfc3339, unix, unix_ms, or a form such as YYYY-MM-DD hh:mm:ss`},
		{"zone: Asia/Shanghai", "zone: Asia/Atlantis", `20: time.zone "Asia/Atlantis" is not an IANA zone such as Asia/Shanghai`},
		{`"1": P1`, `"1": P7`, `22: priority: priority "P7": want P1, P2, P3 or P4, or nothing`},
		{"A: alert", "A: shout", `24: operation "shout": want alert, update, cancel, ignore or telemetry`},
		{"id: m.no", "ids: m.no", `25: unknown key "ids"`},
		{"id: m.no", "id: {form: m.no}", `25: unknown key "form"`},
		{"id: m.no", "id: m..no", "25: id: unknown name no (1:4)"},
		{"id: m.no", "id: number", "25: id: unknown name number (1:1)"},
		{"id: m.no", "id: now()", "25: id: unknown name now (1:1)"},
		{"id: m.no", "id: {from: m.no, value: x}", "25: id wants an expression, or {from: …} or {value: …}"},
		{"value: fire.building", "value: fire.bilding", `26: type: no incident type "fire.bilding"`},
		{"value: fire.building", "value: dispute", `26: type: type "dispute" is none that the source may send: add it to types`},
		{"location: {lon: m.x, lat: m.y}", "location: {lon: m.x}", ": map needs location with lon and lat, or area"},
		{"table: level}", "table: levels}", `29: priority: no table "levels"` + "\n" + `: table "level" is used nowhere`},
		{"unit: degF, to: degC", "unit: degF, to: kPa", "31: attributes.t: unit and to: degF is a temperature, kPa a pressure"},
		{"unit: degF", "unit: parsec", `31: attributes.t: unit and to: unit "parsec" is not known`},
	} {
		files := maps.Clone(cityFiles(t))
		text := strings.Replace(wholeProfile, m.old, m.by, 1)
		if text == wholeProfile {
			t.Fatalf("%q is not in the profile", m.old)
		}
		files["sources/fans.yaml"] = []byte(text)
		_, problems := Load(files)
		got := map[string]bool{}
		for _, p := range problems {
			got[strings.TrimPrefix(strings.TrimPrefix(p.String(), "sources/fans.yaml:"), " ")] = true
		}
		want := map[string]bool{}
		for line := range strings.SplitSeq(m.want, "\n") {
			want[strings.TrimPrefix(line, ": ")] = true
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s for %s:\n%v\nwant\n%s", m.by, m.old, problems, m.want)
		}
	}
}

// FuzzProfile: whatever stands in a profile is compiled or refused with a line, and evaluating it is bounded.
func FuzzProfile(f *testing.F) {
	f.Add(wholeProfile)
	f.Add("name: x\ndepartment: fire\nmap: {id: m, type: {value: fire.building}, occurred_at: 'm.a + m.b', area: 'split(m.c, \",\")[0]'}\n")
	base := cityFiles(f)
	m := &Message{M: map[string]any{"a": 1, "b": "x", "c": []any{1.5, nil, "y"}, "no": "1", "x": map[string]any{}}, H: map[string]string{"topic": "t"}}
	f.Fuzz(func(t *testing.T, text string) {
		files := maps.Clone(base)
		files["sources/fans.yaml"] = []byte(text)
		c, problems := Load(files)
		if c == nil {
			if len(problems) == 0 {
				t.Fatal("neither a city nor a problem")
			}
			return
		}
		s, _ := c.Source("fans")
		if s.Mapping == nil {
			return
		}
		for _, r := range append([]*Rule{s.Mapping.ID, s.Mapping.Type, s.Mapping.OccurredAt, s.Mapping.Text, s.Mapping.Lon, s.Mapping.Area, s.Mapping.Object}, s.Mapping.Attributes...) {
			v, err := r.Value(m)
			if err == nil && v != nil {
				_, _ = s.Mapping.Time.Parse(v)
			}
		}
	})
}
