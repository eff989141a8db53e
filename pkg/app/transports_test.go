package app_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	words "github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/ingest/cap"
	"github.com/banyan-ecc/banyan/pkg/ingest/webhook"
)

// cityWith copies a city and puts further files into it.
func cityWith(tb testing.TB, from string, files map[string]string) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "city")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		tb.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

func runCity(tb testing.TB, dir, dataDir string) *centre {
	tb.Helper()
	city, err := app.ReadCity(dir)
	if err != nil {
		tb.Fatal(err)
	}
	o := options(tb, dataDir)
	o.City = city
	return run(tb, o)
}

func (c *centre) hand(path, contentType, token string, body []byte, headers ...string) (int, taken) {
	c.tb.Helper()
	req, err := http.NewRequest(http.MethodPost, c.url+path, bytes.NewReader(body))
	if err != nil {
		c.tb.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := c.client.Do(req)
	if err != nil {
		c.tb.Fatal(err)
	}
	defer resp.Body.Close()
	var a taken
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		c.tb.Fatal(err)
	}
	return resp.StatusCode, a
}

// taken is the answer to a message: what became of it, or a problem.
type taken struct {
	Outcome    string `json:"outcome"`
	Reason     string `json:"reason"`
	IncidentID string `json:"incident_id"`
	Code       string `json:"code"`
	Errors     []struct {
		Field  string `json:"field"`
		Reason string `json:"reason"`
	} `json:"errors"`
}

// warning is a national rainstorm warning of level orange for Gulou, with replacements.
func warning(id string, replace ...string) []byte {
	now := time.Now()
	const layout = "2006-01-02T15:04:05-07:00"
	whole := fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2"><identifier>%s</identifier><sender>35010041600000</sender><sent>%s</sent>
<status>Actual</status><msgType>Alert</msgType><scope>Public</scope><info><language>zh-CN</language><category>Met</category><event>暴雨</event>
<urgency>Expected</urgency><severity>Severe</severity><certainty>Likely</certainty><eventCode><valueName>EVENTCODE</valueName><value>11B03</value></eventCode>
<expires>%s</expires><headline>福州市气象台发布暴雨橙色预警</headline><description>预计三小时内雨量将达50毫米以上</description>
<area><areaDesc>鼓楼区</areaDesc><geocode><valueName>AREACODE</valueName><value>350102000000</value></geocode></area></info></alert>`,
		id, now.Format(layout), now.Add(6*time.Hour).Format(layout))
	return []byte(strings.NewReplacer(replace...).Replace(whole))
}

const first, second = "35010041600000_20260501083000_1", "35010041600000_20260501093000_2"

func references(id string) string {
	return "<scope>Public</scope><references>35010041600000," + id + ",2026-05-01T08:30:00+08:00</references>"
}

func TestCAP(t *testing.T) {
	dir := t.TempDir()
	c := runCity(t, "../../configs/fuzhou", dir)
	key, err := auth.Add(dir, auth.Key{Role: auth.RoleSource, Source: "weather-cap"})
	if err != nil {
		t.Fatal(err)
	}
	send := func(raw []byte) (int, taken) { return c.hand("/api/v1/cap", cap.MediaType, key, raw) }
	for name, raw := range map[string][]byte{
		"status Test":                warning("t", "Actual", "Test"),
		"no drill is declared":       warning("x", "Actual", "Exercise"),
		"msgType Ack":                warning("k", "<msgType>Alert", "<msgType>Ack", "<scope>Public</scope>", references("a")),
		"expired at":                 warning("e", time.Now().Add(6*time.Hour).Format("2006-01-02T15"), time.Now().Add(-2*time.Hour).Format("2006-01-02T15")),
		"none of the places":         warning("b", "350102000000", "110000000000"),
		"nothing that it takes back": warning("c", "<msgType>Alert", "<msgType>Cancel", "<scope>Public</scope>", references("unknown")),
	} {
		if status, a := send(raw); status != http.StatusAccepted || a.Outcome != "ignored" || !strings.Contains(a.Reason, name) {
			t.Errorf("%s: %d %+v", name, status, a)
		}
	}
	for name, x := range map[string]struct {
		raw    []byte
		status int
		code   string
		field  string
	}{
		"rule":     {warning("r", "<status>Actual</status>", ""), 422, "invalid", "alert.status"},
		"entity":   {[]byte(`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><alert>&x;</alert>`), 400, "malformed", ""},
		"10 MB":    {warning("l", "<area>", "<area><polygon>"+strings.Repeat("26.1,119.3 ", 1<<20)+"</polygon>"), 413, "too_large", ""},
		"no event": {warning("n", "<event>暴雨</event>", ""), 422, "invalid", "alert.info[0].event"},
	} {
		if status, a := send(x.raw); status != x.status || a.Code != x.code || x.field != "" && a.Errors[0].Field != x.field {
			t.Errorf("%s: %d %+v", name, status, a)
		}
	}
	status, a := send(warning(first))
	if status != http.StatusAccepted || a.Outcome != "accepted" {
		t.Fatalf("%d %+v", status, a)
	}
	var inc words.Incident
	c.must(200, "GET", "/api/v1/incidents/"+a.IncidentID, c.officer, "", &inc)
	if inc.Type != "weather.rainstorm" || inc.WarningLevel != words.Orange || inc.Cover == nil || len(inc.Cover.Areas) != 1 || inc.Cover.Areas[0] != "350102" ||
		len(inc.Cover.Cells) == 0 || inc.ExpiresAt == 0 || inc.Priority != words.P3 {
		t.Fatalf("%+v", inc)
	}
	if _, again := send(warning(first)); again.Outcome != "duplicate" || again.IncidentID != a.IncidentID {
		t.Errorf("%+v", again)
	}
	if _, u := send(warning(second, "<msgType>Alert", "<msgType>Update", "<scope>Public</scope>", references(first), "橙色", "红色")); u.Outcome != "updated" || u.IncidentID != a.IncidentID {
		t.Fatalf("%+v", u)
	}
	c.outgoing(a.IncidentID)
	// The third names the second alone, not the first.
	if _, u := send(warning("35010041600000_20260501103000_3", "<msgType>Alert", "<msgType>Update", "<scope>Public</scope>", references(second))); u.Outcome != "updated" || u.IncidentID != a.IncidentID {
		t.Fatalf("%+v", u)
	}
	if _, u := send(warning("35010041600000_20260501113000_4", "<msgType>Alert", "<msgType>Cancel", "<scope>Public</scope>", references(second))); u.Outcome != "cancelled" || u.IncidentID != a.IncidentID {
		t.Fatalf("%+v", u)
	}
	c.must(200, "GET", "/api/v1/incidents/"+a.IncidentID, c.officer, "", &inc)
	if inc.State != words.IncidentCancelled {
		t.Errorf("%s after the only warning was taken back and nobody had begun", inc.State)
	}
}

// outgoing reads an incident back in the forms that other systems read.
func (c *centre) outgoing(id string) {
	c.tb.Helper()
	status, header, raw, err := c.send("GET", "/api/v1/incidents/"+id+".cap", c.officer, nil)
	if err != nil || status != 200 || !strings.HasPrefix(header.Get("Content-Type"), cap.MediaType) {
		c.tb.Fatalf("%v: %d %s", err, status, raw)
	}
	m, err := cap.Parse(raw)
	if err != nil {
		c.tb.Fatalf("%v: %s", err, raw)
	}
	if m.Kind != cap.KindUpdate || m.References[0].Identifier != id || m.Infos[0].Areas[0].Geocodes[0].Value != "350102000000" || cap.Level(m.Infos) != words.Red {
		c.tb.Errorf("%+v", m)
	}
	lint := exec.Command("xmllint", "--noout", "-")
	lint.Stdin = bytes.NewReader(raw)
	if out, err := lint.CombinedOutput(); err != nil {
		c.tb.Errorf("xmllint: %v: %s", err, out)
	}
	for token, text := range map[string]string{c.officer: "红色预警", c.wal: ""} {
		var g struct {
			Type     string
			Features []struct {
				ID         string
				Geometry   struct{ Coordinates []float64 }
				Properties struct {
					Text         string
					WarningLevel string `json:"warning_level"`
				}
			}
		}
		c.must(200, "GET", "/api/v1/incidents.geojson", token, "", &g)
		if g.Type != "FeatureCollection" || len(g.Features) != 1 || g.Features[0].ID != id || len(g.Features[0].Geometry.Coordinates) != 2 ||
			g.Features[0].Properties.WarningLevel != "red" || !strings.Contains(g.Features[0].Properties.Text, text) || (text == "") != (g.Features[0].Properties.Text == "") {
			c.tb.Errorf("%+v", g)
		}
	}
}

// TestDrill: where a drill is declared an exercise opens an incident that is one, and nothing real joins it.
func TestDrill(t *testing.T) {
	profile, err := os.ReadFile("../../configs/fuzhou/sources/weather-cap.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := runCity(t, cityWith(t, "../../configs/fuzhou", map[string]string{
		"sources/weather-cap.yaml": strings.Replace(string(profile), "{kind: cap}", "{kind: cap, drills: true}", 1)}), dir)
	key, err := auth.Add(dir, auth.Key{Role: auth.RoleSource, Source: "weather-cap"})
	if err != nil {
		t.Fatal(err)
	}
	send := func(raw []byte) taken {
		_, a := c.hand("/api/v1/cap", cap.MediaType, key, raw)
		return a
	}
	drill := send(warning(first, "Actual", "Exercise"))
	real := send(warning(second))
	if drill.Outcome != "accepted" || real.Outcome != "accepted" || drill.IncidentID == real.IncidentID {
		t.Fatalf("%+v, %+v", drill, real)
	}
	for id, want := range map[string]bool{drill.IncidentID: true, real.IncidentID: false} {
		var inc words.Incident
		for _, token := range []string{c.officer, c.wal} {
			c.must(200, "GET", "/api/v1/incidents/"+id, token, "", &inc)
			if inc.Exercise != want {
				t.Errorf("exercise %v, want %v", inc.Exercise, want)
			}
		}
	}
	// A real cancel of a drill, and a drill's of what is real, change nothing.
	if a := send(warning("z", "<msgType>Alert", "<msgType>Cancel", "<scope>Public</scope>", references(first))); a.Outcome == "cancelled" {
		t.Errorf("%+v", a)
	}
	if a := send(warning("y", "Actual", "Exercise", "<msgType>Alert", "<msgType>Cancel", "<scope>Public</scope>", references(second))); a.Outcome == "cancelled" {
		t.Errorf("%+v", a)
	}
}

const hookProfile = `name: 充电桩
name_en: Chargers
department: fire
transport: {kind: webhook, secret_file: hook.secret, timestamp_header: X-Timestamp}
map:
  id: m.no
  type: {value: fire.building}
  occurred_at: m.at
  location: {lon: m.lon, lat: m.lat}
`

func TestCloudEventsAndWebhooks(t *testing.T) {
	dir := t.TempDir()
	c := runCity(t, cityWith(t, testCity, map[string]string{"sources/hook.yaml": hookProfile}), dir)
	report := func(id string) string {
		return fmt.Sprintf(`{"id":%q,"type":"fire.building","occurred_at":%q,"location":{"lon":119.3,"lat":26.08}}`, id, time.Now().Format(time.RFC3339))
	}
	event := func(id string) string {
		return fmt.Sprintf(`{"specversion":"1.0","id":%q,"source":"/119","type":"alarm","data":%s}`, id, report(id))
	}
	const structured, batch = "application/cloudevents+json", "application/cloudevents-batch+json"
	if status, a := c.hand("/api/v1/cloudevents", structured, c.source, []byte(event("1"))); status != 202 || a.Outcome != "accepted" {
		t.Errorf("%d %+v", status, a)
	}
	if status, a := c.hand("/api/v1/cloudevents", "application/json", c.source, []byte(report("1")), "ce-specversion", "1.0", "ce-id", "1", "ce-source", "/119", "ce-type", "alarm"); status != 202 || a.Outcome != "duplicate" {
		t.Errorf("%d %+v", status, a)
	}
	if status, a := c.hand("/api/v1/cloudevents", structured, c.source, []byte(strings.Replace(event("1"), `"1.0"`, `"0.3"`, 1))); status != 422 || a.Errors[0].Field != "specversion" {
		t.Errorf("%d %+v", status, a)
	}
	status, _, answer, err := func() (int, http.Header, []byte, error) {
		req, _ := http.NewRequest("POST", c.url+"/api/v1/cloudevents", strings.NewReader("["+event("1")+","+event("2")+"]"))
		req.Header.Set("Content-Type", batch)
		req.Header.Set("Authorization", "Bearer "+c.source)
		resp, err := c.client.Do(req)
		if err != nil {
			return 0, nil, nil, err
		}
		defer resp.Body.Close()
		var b bytes.Buffer
		_, err = b.ReadFrom(resp.Body)
		return resp.StatusCode, resp.Header, b.Bytes(), err
	}()
	var all []taken
	if err == nil {
		err = json.Unmarshal(answer, &all)
	}
	if err != nil || status != 200 || len(all) != 2 || all[0].Outcome != "duplicate" || all[1].Outcome != "accepted" {
		t.Errorf("%v: %d %s", err, status, answer)
	}

	body := []byte(fmt.Sprintf(`{"no":"7","at":%q,"lon":119.3,"lat":26.08}`, time.Now().Format(time.RFC3339)))
	const secret = "a secret of some length"
	if err := os.WriteFile(filepath.Join(dir, "hook.secret"), []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	signed := func(at time.Time) []string {
		stamp := strconv.FormatInt(at.Unix(), 10)
		return []string{"X-Timestamp", stamp, "X-Signature-256", "sha256=" + hex.EncodeToString(webhook.Sum(secret, append([]byte(stamp+"."), body...)))}
	}
	if status, a := c.hand("/api/v1/hooks/hook", "application/json", "", body, signed(time.Now())...); status != 202 || a.Outcome != "accepted" {
		t.Errorf("%d %+v", status, a)
	}
	for path, headers := range map[string][]string{"/api/v1/hooks/hook": signed(time.Now().Add(-time.Hour)), "/api/v1/hooks/fire-119": signed(time.Now()), "/api/v1/hooks/none": nil} {
		if status, a := c.hand(path, "application/json", "", body, headers...); status != 401 {
			t.Errorf("%s: %d %+v", path, status, a)
		}
	}
}

// TestWarningExpires: a warning that has expired ends its incident, where nobody had begun; after a restart too.
func TestWarningExpires(t *testing.T) {
	dir := t.TempDir()
	c := runCity(t, "../../configs/fuzhou", dir)
	key, err := auth.Add(dir, auth.Key{Role: auth.RoleSource, Source: "weather-cap"})
	if err != nil {
		t.Fatal(err)
	}
	const layout = "2006-01-02T15:04:05-07:00"
	later := time.Now().Add(6 * time.Hour).Format(layout)[:16]
	raw := string(warning(first))
	at := strings.Index(raw, "<expires>"+later[:13])
	if at < 0 {
		t.Fatal("the warning does not expire")
	}
	soon := time.Now().Add(3 * time.Second).Format(layout)
	raw = raw[:at+len("<expires>")] + soon + raw[at+len("<expires>")+len(soon):]
	_, a := c.hand("/api/v1/cap", cap.MediaType, key, []byte(raw))
	if a.Outcome != "accepted" {
		t.Fatalf("%+v", a)
	}
	if err := c.stop(); err != nil {
		t.Fatal(err)
	}
	c = runCity(t, "../../configs/fuzhou", dir)
	var inc words.Incident
	for deadline := time.Now().Add(patience); inc.State != words.IncidentCancelled; time.Sleep(50 * time.Millisecond) {
		c.must(200, "GET", "/api/v1/incidents/"+a.IncidentID, c.officer, "", &inc)
		if time.Now().After(deadline) {
			t.Fatalf("%s, expires %v", inc.State, inc.ExpiresAt)
		}
	}
	if time.Now().Before(inc.ExpiresAt.Std()) {
		t.Error("ended before it expired")
	}
}

// TestFetched: a warning pulled from a feed, and lines of a file, become alerts by profile alone.
func TestFetched(t *testing.T) {
	bureau := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cap" {
			_, _ = w.Write(warning(first))
			return
		}
		fmt.Fprint(w, `<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>1</id><updated>2026-05-01T08:00:00Z</updated><link href="/cap"/></entry></feed>`)
	}))
	defer bureau.Close()
	profile, err := os.ReadFile("../../configs/fuzhou/sources/weather-cap.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "drop"), 0o700); err != nil {
		t.Fatal(err)
	}
	csv := "no,at,lon,lat\n1," + time.Now().Format(time.RFC3339) + ",119.3,26.08\n"
	if err := os.WriteFile(filepath.Join(dir, "drop", "a.csv"), []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	c := runCity(t, cityWith(t, "../../configs/fuzhou", map[string]string{
		"sources/weather-cap.yaml": strings.Replace(string(profile), "{kind: cap}", "{kind: feed, url: "+bureau.URL+"/, every: 1s}", 1),
		"sources/drop.yaml":        strings.Replace(hookProfile, "{kind: webhook, secret_file: hook.secret, timestamp_header: X-Timestamp}", "{kind: file, path: drop/*.csv, format: csv, every: 1s}", 1),
	}), dir)
	seen := map[string]bool{}
	for deadline := time.Now().Add(patience); len(seen) < 2; time.Sleep(50 * time.Millisecond) {
		var page struct{ Incidents []words.Incident }
		c.must(200, "GET", "/api/v1/incidents", c.officer, "", &page)
		for _, i := range page.Incidents {
			seen[i.Alerts[0].Source] = true
		}
		if time.Now().After(deadline) {
			t.Fatalf("of %v alone", seen)
		}
	}
	if !seen["weather-cap"] || !seen["drop"] {
		t.Error(seen)
	}
}
