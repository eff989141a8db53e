package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
)

// cityIn copies a city to a folder of its own, adds lines and files to it, and has the centre serve that.
func cityIn(t *testing.T, from string, more map[string]string) (dir string, option func(*app.Options)) {
	t.Helper()
	dir = t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	for name, text := range more {
		write(t, filepath.Join(dir, name), text)
	}
	return dir, func(o *app.Options) {
		city, err := app.ReadCity(dir)
		if err != nil {
			t.Fatal(err)
		}
		o.City, o.CityDir, o.LoginCost = city, dir, cheap
	}
}

// write puts text at the end of a file.
func write(t *testing.T, name, text string) {
	t.Helper()
	old, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append(old, text...), 0o644); err != nil {
		t.Fatal(err)
	}
}

func replaceIn(t *testing.T, name, old, text string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(b), old) {
		t.Fatalf("%s does not say %q: %v", name, old, err)
	}
	if err := os.WriteFile(name, []byte(strings.Replace(string(b), old, text, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (c *centre) take(token, body string) (t api.Taken) {
	c.tb.Helper()
	a := c.must(http.MethodPost, "/api/v1/alerts", token, body)
	if err := json.Unmarshal(a.body, &t); err != nil || a.status != http.StatusAccepted {
		c.tb.Fatalf("%s: %d %s: %v", body, a.status, a.body, err)
	}
	return t
}

// TestTheTwentyFifthDepartment joins a department with YAML alone: a line in four files, one file of its own, no code.
func TestTheTwentyFifthDepartment(t *testing.T) {
	const fuzhou = "../../configs/fuzhou"
	dir, here := cityIn(t, fuzhou, map[string]string{"sources/tunnel-fans.yaml": `name: 隧道风机监控
name_en: Tunnel fans
department: tunnels
datum: gcj02
types: [road.tunnel]
time: {format: "YYYY-MM-DD hh:mm:ss"}
tables:
  level: {"1": P1, "2": P2}
map:
  operation: {from: m.state, table: {ALARM: alert, CHANGE: update, CLEAR: cancel, HEARTBEAT: telemetry}}
  id: m.alarmNo
  revision: m.version
  type: {value: road.tunnel}
  occurred_at: m.time
  location: {lon: m.pos.x, lat: m.pos.y}
  priority: {from: m.level, table: level}
  text: '"风机 " + m.fan + "：" + m.reason'
  incident_ref: m.fan
  attributes:
    temperature_c: {from: m.tempF, unit: degF, to: degC}
`})
	replaceIn(t, filepath.Join(dir, "departments.yaml"), "  - {id: centre,", "  - {id: tunnels, name: 隧道公司, name_en: Tunnel company, leader: tunnels-leader}\n  - {id: centre,")
	replaceIn(t, filepath.Join(dir, "seats.yaml"), "seats:\n", "seats:\n  - {id: tunnels-1, department: tunnels, name: 隧道席, name_en: Tunnels 1, role: duty}\n  - {id: tunnels-leader, department: tunnels, name: 隧道带班领导, name_en: Tunnel duty leader, role: leader}\n")
	replaceIn(t, filepath.Join(dir, "rosters.yaml"), "  - {seat: seismic-backup,", "  - {seat: tunnels-1, rotation: daily, people: [何小风]}\n  - {seat: tunnels-leader, rotation: daily, people: [何大风]}\n  - {seat: seismic-backup,")
	replaceIn(t, filepath.Join(dir, "plans.yaml"), "supports: [police, fire, health, power], ladder: standard}", "supports: [police, fire, health, power, tunnels], ladder: standard}")
	c := newCentre(t, here)
	fans := c.source("tunnel-fans")
	message := func(no, state, level, at string) string {
		return fmt.Sprintf(`{"alarmNo":%s,"state":%q,"level":%q,"time":%q,"version":1,"pos":{"x":119.31,"y":26.08},"fan":"F-%s","reason":"停转","tempF":212}`, no, state, level, at, no)
	}
	const at = "2026-05-01 08:30:00"
	alarm := message("350100201912310001", "ALARM", "2", at)
	first := c.take(fans, alarm)
	if first.Outcome != "accepted" || len(first.Tasks) == 0 {
		t.Fatalf("%+v", first)
	}
	if again := c.take(fans, alarm); again.Outcome != "duplicate" || again.AlertID != first.AlertID || again.Seq != first.Seq {
		t.Errorf("the same again: %+v", again)
	}
	var inc alert.Incident
	c.get("/api/v1/incidents/"+first.IncidentID, c.officer("tunnels-1"), &inc)
	if inc.Text != "风机 F-350100201912310001：停转" || inc.Priority != alert.P2 || inc.Location.Lon >= 119.31 || inc.FirstOccurredAt.Std().Format(time.RFC3339) != "2026-05-01T00:30:00Z" || inc.Alerts[0].ID != "350100201912310001" {
		t.Errorf("%+v %+v", inc, inc.Location)
	}
	if up := c.take(fans, strings.Replace(message("350100201912310001", "CHANGE", "1", at), "停转", "起火", 1)); up.Outcome != "updated" {
		t.Errorf("a change: %+v", up)
	}
	c.get("/api/v1/incidents/"+first.IncidentID, c.officer("tunnels-1"), &inc)
	if !strings.Contains(inc.Text, "起火") || inc.AlertCount != 1 || inc.Priority != alert.P1 {
		t.Errorf("after the change: %+v", inc)
	}
	if hb := c.take(fans, message("1", "HEARTBEAT", "", "")); hb.Outcome != "ignored" {
		t.Errorf("a heartbeat: %+v", hb)
	}

	// A level that nobody told of, and a time in another form: kept, with the reason.
	bad := c.take(fans, message("2", "ALARM", "9", "01/05/2026"))
	if bad.Outcome != "quarantined" || !strings.Contains(bad.Reason, `"9"`) || !strings.Contains(bad.Reason, "YYYY-MM-DD hh:mm:ss") {
		t.Errorf("%+v", bad)
	}
	c.take(fans, message("2", "ALARM", "9", "01/05/2026")) // a retry loop does not fill it
	c.take(fans, message("3", "ALARM", "9", at))
	leader := c.signedIn("hedf", "何大风", "tunnels", auth.RoleDutyLeader)
	var held api.QuarantineList
	leader.must(http.StatusOK, http.MethodGet, "/api/v1/sources/tunnel-fans/quarantine", "", &held)
	if held.Total != 2 || len(held.Messages) != 2 || !strings.Contains(held.Messages[0].Message, `"level":"9"`) {
		t.Fatalf("in quarantine: %+v", held)
	}
	stranger := c.signedIn("liu", "刘某", "police", auth.RoleDutyLeader)
	if a := stranger.send(http.MethodGet, "/api/v1/sources/tunnel-fans/quarantine", ""); a.status != http.StatusForbidden {
		t.Errorf("another department reads the quarantine: %d", a.status)
	}

	// A mistake in the file is named, and changes nothing.
	admin := c.signedIn("root", "", "", auth.RoleSystemAdmin)
	profile := filepath.Join(dir, "sources/tunnel-fans.yaml")
	replaceIn(t, profile, `level: {"1": P1, "2": P2}`, `level: {"1": P1, "2": P2, "9": P9}`)
	a := admin.send(http.MethodPost, "/api/v1/configuration/reload", "")
	if p, err := problem(a); err != nil || a.status != http.StatusUnprocessableEntity || p.Errors[0].Field != "sources/tunnel-fans.yaml:8" || !strings.Contains(p.Errors[0].Reason, "P9") {
		t.Errorf("%v: %d %s", err, a.status, a.body)
	}
	replaceIn(t, profile, `"9": P9`, `"9": P4`)
	admin.must(http.StatusOK, http.MethodPost, "/api/v1/configuration/reload", "", nil)
	var replayed api.ReplayList
	leader.must(http.StatusOK, http.MethodPost, "/api/v1/sources/tunnel-fans/quarantine/replay", "{}", &replayed)
	if replayed.Released != 1 || replayed.Left != 1 || replayed.Results[1].Outcome != "accepted" || replayed.Results[0].Outcome != "quarantined" {
		t.Errorf("%+v", replayed)
	}

	clear := c.take(fans, message("350100201912310001", "CLEAR", "1", at))
	if clear.Outcome != "cancelled" || clear.IncidentID != first.IncidentID {
		t.Errorf("%+v", clear)
	}
	c.get("/api/v1/incidents/"+first.IncidentID, c.officer("tunnels-1"), &inc)
	if inc.State != alert.IncidentCancelled {
		t.Errorf("after the all-clear it is %s", inc.State)
	}
	var list api.SourceList
	c.get("/api/v1/sources", c.officer("tunnels-1"), &list)
	for _, s := range list.Sources {
		if s.ID == "tunnel-fans" && (s.State != "live" || s.Quarantined != 1 || s.Rate == 0 || s.LagSeconds <= 0 || s.Department != "tunnels") {
			t.Errorf("%+v", s)
		}
	}
	// A batch of its own lines, a bad one among them.
	lines := message("7", "ALARM", "1", at) + "\n{\n" + message("7", "ALARM", "1", at) + "\n"
	b, err := c.send(http.MethodPost, "/api/v1/alerts:batch", fans, "application/x-ndjson", strings.NewReader(lines))
	if err != nil || strings.Count(string(b.body), "\n") != 3 || !strings.Contains(string(b.body), `"outcome":"duplicate"`) || !strings.Contains(string(b.body), `"code":"malformed"`) {
		t.Errorf("%v: %s", err, b.body)
	}
}

// TestWhatIsSealed: who called a hotline is in no event, on no wall, and opened with a reason alone.
func TestWhatIsSealed(t *testing.T) {
	_, here := cityIn(t, "testdata/city", map[string]string{"sources/hotline.yaml": `name: 心理援助热线
name_en: Psychological hotline
department: health
types: [medical]
sensitivity: sealed
seal: [text, attributes.caller]
`})
	c := newCentre(t, here)
	during := c.screen(c.wall(), "wall")
	during.until(1)
	const secret, number = "我不想活了", "13800001234"
	r := c.post("hotline", strings.Replace(alertAt("h1", "medical", 0, 0), `{`, fmt.Sprintf(`{"text":%q,"reporter":%q,"attributes":{"caller":%q,"age":17},`, secret, number, number), 1))
	holds := func(what string, b []byte) {
		t.Helper()
		if s := string(b); strings.Contains(s, secret) || strings.Contains(s, number) {
			t.Errorf("%s shows what is sealed: %s", what, b)
		}
	}
	health := c.signedIn("sumei", "苏美玲", "health", auth.RoleDutyLeader)
	for path, want := range map[string]int{"/api/v1/incidents/" + r.IncidentID: 200, "/api/v1/incidents/" + r.IncidentID + "/timeline": 200} {
		a := health.send(http.MethodGet, path, "")
		if a.status != want {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		holds(path, a.body)
		for who, token := range map[string]string{"a wall": c.wall(), "the fire department": c.officer("fire-1")} {
			if a := c.must(http.MethodGet, path, token, ""); a.status != http.StatusForbidden {
				t.Errorf("%s gets %s: %d %s", who, path, a.status, a.body)
			}
		}
	}
	for who, token := range map[string]string{"a wall": c.wall(), "the fire department": c.officer("fire-1")} {
		if a := c.must(http.MethodGet, "/api/v1/incidents", token, ""); strings.Contains(string(a.body), r.IncidentID) {
			t.Errorf("%s lists it", who)
		}
	}
	// No screen of a wall hears of it, neither as it happens nor in what one begins with.
	plain := c.post("medical-120", alertAt("open", "medical", 5000, 0))
	var page incidentPage
	c.get("/api/v1/incidents", c.officer("centre-leader"), &page)
	after := c.screen(c.wall(), "wall")
	for _, s := range []*screen{during, after} {
		s.until(page.Seq)
		frames := strings.Join(s.frames, "\n")
		if strings.Contains(frames, r.IncidentID) || strings.Contains(frames, r.AlertID) || !strings.Contains(frames, plain.IncidentID) {
			t.Errorf("a wall's screen shows a sealed incident, or not the open one: %.2000s", frames)
		}
	}
	segments, err := filepath.Glob(filepath.Join(c.dir, app.JournalDir, "*"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	for _, name := range segments {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		holds(name, b)
	}
	if info, err := os.Stat(filepath.Join(c.dir, "seal.keys")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the keys: %v %v", info, err)
	}

	ask := fmt.Sprintf(`{"alert_id":%q,"reason":"警方正在定位"}`, r.AlertID)
	path := "/api/v1/incidents/" + r.IncidentID + "/unseal"
	officer := c.signedIn("lin", "林某", "health", auth.RoleOfficer)
	fire := c.signedIn("chen", "陈某", "fire", auth.RoleDutyLeader)
	for _, b := range []*browser{officer, fire} {
		if a := b.send(http.MethodPost, path, ask); a.status != http.StatusForbidden {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if a := health.send(http.MethodPost, path, fmt.Sprintf(`{"alert_id":%q,"reason":""}`, r.AlertID)); a.status != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: %d %s", a.status, a.body)
	}
	var open api.Unsealed
	health.must(http.StatusOK, http.MethodPost, path, ask, &open)
	want := map[string]string{"text": fmt.Sprintf("%q", secret), "attributes.caller": fmt.Sprintf("%q", number)}
	got := map[string]string{}
	for k, v := range open.Fields {
		got[k] = string(v)
	}
	if !maps.Equal(got, want) {
		t.Errorf("opened: %v", got)
	}
	a := health.send(http.MethodGet, "/api/v1/incidents/"+r.IncidentID+"/timeline", "")
	if !strings.Contains(string(a.body), `"sealed.opened"`) || !strings.Contains(string(a.body), "警方正在定位") || !strings.Contains(string(a.body), "苏美玲") {
		t.Errorf("the timeline does not tell who looked: %s", a.body)
	}

	// What cannot be mapped is sealed in quarantine too.
	bad := c.must(http.MethodPost, "/api/v1/alerts", c.source("hotline"), fmt.Sprintf(`{"id":"h2","type":"nonsense","occurred_at":"2026-05-01T08:30:00+08:00","area":"350100","text":%q}`, secret))
	if bad.status != http.StatusAccepted || !strings.Contains(string(bad.body), "quarantined") {
		t.Fatalf("%d %s", bad.status, bad.body)
	}
	q := health.send(http.MethodGet, "/api/v1/sources/hotline/quarantine", "")
	holds("the quarantine", q.body)
	if !strings.Contains(string(q.body), `"sealed":true`) {
		t.Errorf("%s", q.body)
	}
}

// TestDeepJSON: what is nested ten thousand deep is refused, and costs nothing.
func TestDeepJSON(t *testing.T) {
	_, here := cityIn(t, "testdata/city", map[string]string{"sources/mapped.yaml": `name: 映射
department: fire
map: {id: m.id, type: {value: fire.building}, occurred_at: m.t, area: m.area}
`})
	c := newCentre(t, here)
	deep := strings.Repeat(`[`, 10_000) + strings.Repeat(`]`, 10_000)
	object := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat(`}`, 10_000)
	for _, source := range []string{"fire-119", "mapped"} {
		for name, body := range map[string]string{"list": deep, "object": object, "in attributes": `{"id":"x","type":"fire.building","occurred_at":"2026-05-01T08:30:00+08:00","area":"350100","attributes":{"a":` + deep + `}}`,
			"cut": deep[:9_000], "too deep to say": strings.Repeat("[", 60_000)} {
			a := c.must(http.MethodPost, "/api/v1/alerts", c.source(source), body)
			if _, err := problem(a); err != nil || a.status < 400 || a.status >= 500 {
				t.Errorf("%s of %s: %d %.200s: %v", name, source, a.status, a.body, err)
			}
		}
	}
}

// TestSilence: a source that is silent for longer than its heartbeat is one incident of the centre, until it is
// heard again; under maintenance its silence is none.
func TestSilence(t *testing.T) {
	profile := func(name string) string {
		return "name: " + name + "\ndepartment: fire\nheartbeat: 5s\n"
	}
	dir, here := cityIn(t, "testdata/city", map[string]string{"sources/gauge.yaml": profile("水位站"), "sources/resting.yaml": profile("检修中"),
		"types.yaml": "\n  - {code: source.silent, name: 来源失联, class: accident, group: medical, priority: P3}\n", "city.yaml": "\nsilence_type: source.silent\n"})
	replaceIn(t, filepath.Join(dir, "plans.yaml"), "plans:\n", "plans:\n  - {id: silence, types: [source.silent], lead: centre, ladder: standard}\n")
	c := newCentre(t, here)
	admin := c.signedIn("root", "管理员", "", auth.RoleSystemAdmin)
	admin.must(http.StatusOK, http.MethodPost, "/api/v1/sources/resting/maintenance", fmt.Sprintf(`{"until":%q,"reason":"更换电池"}`, time.Now().Add(time.Hour).Format(time.RFC3339)), nil)
	states := func() map[string]api.SourceState {
		var list api.SourceList
		c.get("/api/v1/sources", c.officer("centre-leader"), &list)
		by := map[string]api.SourceState{}
		for _, s := range list.Sources {
			by[s.ID] = s
		}
		return by
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(patience); !ok(); time.Sleep(100 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s does not happen: %+v", what, states())
			}
		}
	}
	until("silence", func() bool { return states()["gauge"].State == "silent" })
	id := states()["gauge"].Incident
	var inc alert.Incident
	c.get("/api/v1/incidents/"+id, c.officer("centre-leader"), &inc)
	if inc.Type != "source.silent" || inc.Lead().Department != "centre" || !strings.Contains(inc.Text, "水位站") {
		t.Errorf("%+v", inc)
	}
	if s := states()["resting"]; s.State != "maintenance" || s.Incident != "" {
		t.Errorf("under maintenance: %+v", s)
	}
	if a := c.must(http.MethodPost, "/api/v1/sources/gauge/heartbeat", c.source("fire-119"), ""); a.status != http.StatusForbidden {
		t.Errorf("another's heartbeat: %d", a.status)
	}
	if a := c.must(http.MethodPost, "/api/v1/sources/gauge/heartbeat", c.source("gauge"), ""); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	until("hearing it again", func() bool { return states()["gauge"].State == "live" })
	c.get("/api/v1/incidents/"+id, c.officer("centre-leader"), &inc)
	if inc.State != alert.IncidentCancelled || !strings.Contains(inc.CloseReason, "heard again") {
		t.Errorf("heard again, it is %s: %s", inc.State, inc.CloseReason)
	}
	m := c.must(http.MethodGet, "/metrics", c.wall(), "")
	if !strings.Contains(string(m.body), `banyan_source_silent{source="gauge"} 0`) {
		t.Error("the metrics do not tell of it")
	}
}
