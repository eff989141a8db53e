package api_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/app"
)

// refusal is a request that must be refused.
type refusal struct {
	name, method, path, token, kind, body string
	status                                int
	code                                  alert.Code
	field                                 string // "" where no field is at fault
}

const jsonType = "application/json"

// TestRefusals holds every kind of error of docs/protocol.md against a request that earns it.
func TestRefusals(t *testing.T) {
	c := newCentre(t)
	fire := c.source("fire-119")
	open := c.post("fire-119", alertAt("open", "fire.vehicle", 1000, 1000))
	lead := open.Tasks[0]
	for _, r := range slices.Concat(keyRefusals(c), alertRefusals(fire), readRefusals(c.officer("centre-leader")),
		actionRefusals(c, open.IncidentID, lead.ID)) {
		t.Run(r.name, func(t *testing.T) {
			a, err := c.send(r.method, r.path, r.token, r.kind, strings.NewReader(r.body))
			if err != nil {
				t.Fatal(err)
			}
			p, err := problem(a)
			if err != nil {
				t.Fatal(err)
			}
			if p.Status != r.status || p.Code != r.code {
				t.Errorf("got %d %s, want %d %s: %s", p.Status, p.Code, r.status, r.code, a.body)
			}
			fields := []string{}
			for _, f := range p.Errors {
				fields = append(fields, f.Field)
				if f.Reason == "" {
					t.Errorf("no reason: %s", a.body)
				}
			}
			if r.field == "" && len(fields) > 0 || r.field != "" && !slices.Contains(fields, r.field) {
				t.Errorf("fields are %q, want %q: %s", fields, r.field, a.body)
			}
		})
	}
}

func keyRefusals(c *centre) []refusal {
	const alerts, list = "/api/v1/alerts", "/api/v1/incidents"
	body := alertAt("k", "fire.vehicle", 0, 0)
	return []refusal{
		{"no key", "GET", list, "", "", "", 401, alert.CodeUnauthorized, ""},
		{"no key for an alert", "POST", alerts, "", jsonType, body, 401, alert.CodeUnauthorized, ""},
		{"unknown key", "GET", list, "bk_nobody", "", "", 401, alert.CodeUnauthorized, ""},
		{"no key where there is nothing", "GET", "/api/v1/nothing", "", "", "", 401, alert.CodeUnauthorized, ""},
		{"a wall posts an alert", "POST", alerts, c.wall(), jsonType, body, 403, alert.CodeForbidden, ""},
		{"an officer posts an alert", "POST", alerts, c.officer("fire-1"), jsonType, body, 403, alert.CodeForbidden, ""},
		{"an officer posts a batch", "POST", "/api/v1/alerts:batch", c.officer("fire-1"), "application/x-ndjson", body, 403, alert.CodeForbidden, ""},
		{"a source reads", "GET", list, c.source("fire-119"), "", "", 403, alert.CodeForbidden, ""},
		{"a source this city does not have", "POST", alerts, c.source("nobody"), jsonType, body, 403, alert.CodeForbidden, ""},
		{"a source opens the stream", "GET", "/api/v1/stream", c.source("fire-119"), "", "", 403, alert.CodeForbidden, ""},
		{"nothing there", "GET", "/api/v1/nothing", c.wall(), "", "", 404, alert.CodeNotFound, ""},
		{"another method", "DELETE", alerts, c.source("fire-119"), "", "", 404, alert.CodeNotFound, ""},
	}
}

// alertRefusals are alerts that break a rule each.
func alertRefusals(token string) (list []refusal) {
	add := func(name, kind, body string, status int, code alert.Code, field string) {
		list = append(list, refusal{"alert: " + name, "POST", "/api/v1/alerts", token, kind, body, status, code, field})
	}
	good := alertAt("good", "fire.vehicle", 0, 0)
	with := func(old, new string) string {
		if !strings.Contains(good, old) {
			panic(old)
		}
		return strings.Replace(good, old, new, 1)
	}
	malformed := func(name, body string) { add(name, jsonType, body, 400, alert.CodeMalformed, "") }
	malformed("no body", "")
	malformed("no JSON", "id=1")
	malformed("cut off", good[:len(good)-1])
	malformed("more than one", good+good)
	malformed("an array", "["+good+"]")
	malformed("a string", `"alert"`)
	add("of another type", "text/plain", good, 415, alert.CodeUnsupportedType, "")
	add("of no type at all", "json;;", good, 415, alert.CodeUnsupportedType, "")
	add("too large", jsonType, good+strings.Repeat(" ", 64<<10), 413, alert.CodeTooLarge, "")
	invalid := func(name, body, field string) { add(name, jsonType, body, 422, alert.CodeInvalid, field) }
	invalid("empty", "{}", "id")
	invalid("null", "null", "id")
	invalid("no id", with(`"good"`, `""`), "id")
	invalid("id is a number", with(`"good"`, `5`), "id")
	invalid("long id", with("good", strings.Repeat("x", alert.MaxIDBytes+1)), "id")
	invalid("no type", with("fire.vehicle", ""), "type")
	invalid("unknown type", with("fire.vehicle", "fire.unheard-of"), "type")
	invalid("type of another source", with("fire.vehicle", "medical"), "type")
	invalid("no time", with("2026-05-01T08:30:00+08:00", ""), "occurred_at")
	invalid("time without offset", with("+08:00", ""), "occurred_at")
	invalid("priority", with(`"id"`, `"priority":"P5","id"`), "priority")
	invalid("nowhere", with(`"location"`, `"lokation"`), "location")
	invalid("longitude", with(`"lon":119.210000`, `"lon":191`), "location.lon")
	invalid("longitude is a string", with(`"lon":119.210000`, `"lon":"119"`), "location.lon")
	invalid("no latitude", with(`,"lat":26.030000`, ``), "location.lat")
	invalid("datum", with(`"lon"`, `"datum":"mars","lon"`), "location.datum")
	invalid("accuracy", with(`"lon"`, `"accuracy_m":-1,"lon"`), "location.accuracy_m")
	invalid("unknown area", with(`"id"`, `"area":"999999","id"`), "area")
	invalid("long text", with(`"id"`, `"text":"`+strings.Repeat("火", alert.MaxTextBytes/3+1)+`","id"`), "text")
	invalid("attributes are no object", with(`"id"`, `"attributes":[1],"id"`), "attributes")
	invalid("deep attributes", with(`"id"`, `"attributes":`+strings.Repeat(`{"a":`, 17)+"1"+strings.Repeat("}", 17)+`,"id"`), "attributes")
	invalid("large attributes", with(`"id"`, `"attributes":{"a":"`+strings.Repeat("x", alert.MaxAttributesBytes)+`"},"id"`), "attributes")
	return list
}

func readRefusals(token string) (list []refusal) {
	get := func(path string, status int, code alert.Code, field string) {
		list = append(list, refusal{"GET " + path, "GET", "/api/v1/" + path, token, "", "", status, code, field})
	}
	get("incidents/i-0000000000000000", 404, alert.CodeNotFound, "")
	get("incidents/i-0000000000000000/timeline", 404, alert.CodeNotFound, "")
	get("tasks/t-0000000000000000-1", 404, alert.CodeNotFound, "")
	get("tasks/no-task", 404, alert.CodeNotFound, "")
	get("incidents/"+strings.Repeat("i", 65), 422, alert.CodeInvalid, "path.id")
	get("incidents?state=burning", 422, alert.CodeInvalid, "state")
	get("incidents?priority=P1,P9", 422, alert.CodeInvalid, "priority")
	for _, box := range []string{"1,2,3", "1,2,3,4,5", "a,b,c,d", "120,26,119,27", "119,27,120,26", "-181,0,0,1", "NaN,0,1,1"} {
		get("incidents?bbox="+box, 422, alert.CodeInvalid, "bbox")
	}
	for _, cursor := range []string{"x", "0", "-1", "18446744073709551616"} {
		get("incidents?cursor="+cursor, 422, alert.CodeInvalid, "cursor")
	}
	for _, limit := range []string{"-1", "0", "501", "many"} {
		get("incidents?limit="+limit, 422, alert.CodeInvalid, "query.limit")
	}
	get("areas/locate?lon=119", 422, alert.CodeInvalid, "query.lat")
	get("areas/locate?lon=181&lat=26", 422, alert.CodeInvalid, "query.lon")
	get("areas/locate?lon=NaN&lat=26", 422, alert.CodeInvalid, "lon")
	get("areas/locate?lon=119&lat=Inf", 422, alert.CodeInvalid, "query.lat")
	get("areas/locate?lon=119&lat=26&datum=mars", 422, alert.CodeInvalid, "query.datum")
	get("areas.geojson?level=planet", 422, alert.CodeInvalid, "query.level")
	get("cells.geojson", 422, alert.CodeInvalid, "query.cells")
	get("cells.geojson?cells=zz", 422, alert.CodeInvalid, "cells")
	get("cells.geojson?cells="+strings.Repeat("89411c8a8dbffff,", 513), 422, alert.CodeInvalid, "cells")
	return list
}

func actionRefusals(c *centre, incident, task string) (list []refusal) {
	act := func(name, seat, path, body string, status int, code alert.Code, field string) {
		kind := ""
		if body != "" {
			kind = jsonType
		}
		list = append(list, refusal{path[strings.LastIndex(path, "/")+1:] + ": " + name, "POST", "/api/v1/" + path, c.officer(seat), kind, body, status, code, field})
	}
	tasks, incidents := "tasks/"+task+"/", "incidents/"+incident+"/"
	const leader = "centre-leader"
	act("unknown task", leader, "tasks/t-0000000000000000-1/acknowledge", "", 404, alert.CodeNotFound, "")
	act("unknown incident", leader, "incidents/i-0000000000000000/verify", "", 404, alert.CodeNotFound, "")
	act("another department's", "gas-1", tasks+"acknowledge", "", 403, alert.CodeForbidden, "")
	act("a seat that is gone", "gone-1", tasks+"acknowledge", "", 403, alert.CodeForbidden, "")
	act("too early", leader, tasks+"depart", "", 409, alert.CodeConflict, "")
	act("without a reason", leader, tasks+"return", "{}", 422, alert.CodeInvalid, "reason")
	act("to nobody", leader, tasks+"assign", "{}", 422, alert.CodeInvalid, "seat")
	act("to another department", leader, tasks+"assign", `{"seat":"gas-1"}`, 422, alert.CodeInvalid, "seat")
	act("not a leader", "fire-1", tasks+"assign", `{"seat":"fire-2"}`, 403, alert.CodeForbidden, "")
	act("empty", leader, tasks+"note", "{}", 422, alert.CodeInvalid, "text")
	act("nothing finished", leader, incidents+"verify", "", 409, alert.CodeConflict, "")
	act("not suspended", leader, incidents+"resume", "", 409, alert.CodeConflict, "")
	act("without a reason", leader, incidents+"cancel", "{}", 422, alert.CodeInvalid, "reason")
	act("to none", leader, incidents+"priority", `{"reason":"x"}`, 422, alert.CodeInvalid, "priority")
	act("to P9", leader, incidents+"priority", `{"reason":"x","priority":"P9"}`, 422, alert.CodeInvalid, "priority")
	act("of nobody who takes part", "gas-1", incidents+"note", `{"text":"x"}`, 403, alert.CodeForbidden, "")
	act("long text", leader, incidents+"note", `{"text":"`+strings.Repeat("x", alert.MaxTextBytes+1)+`"}`, 422, alert.CodeInvalid, "text")
	act("long reason", leader, incidents+"cancel", `{"reason":"`+strings.Repeat("x", alert.MaxReasonBytes+1)+`"}`, 422, alert.CodeInvalid, "reason")
	act("no JSON", leader, incidents+"cancel", `reason`, 400, alert.CodeMalformed, "body")
	act("too large", leader, incidents+"cancel", `{"reason":"`+strings.Repeat("x", 33<<10)+`"}`, 413, alert.CodeTooLarge, "")
	act("wrong kind", leader, incidents+"cancel", `{"reason":5}`, 422, alert.CodeInvalid, "body.reason")
	act("unknown member", leader, incidents+"cancel", `{"raeson":"x"}`, 422, alert.CodeInvalid, "body.raeson")
	list = append(list, refusal{"cancel: another type", "POST", "/api/v1/" + incidents + "cancel", c.officer(leader), "text/plain", `{"reason":"x"}`, 415, alert.CodeUnsupportedType, "body"})
	return list
}

// TestDefectsSayNothing damages the journal under a running centre: the caller of a repeated alert, whose answer
// is read from there, learns that something is wrong and nothing of what.
func TestDefectsSayNothing(t *testing.T) {
	c := newCentre(t)
	body := alertAt("x", "fire.vehicle", 0, 0)
	c.post("fire-119", body)
	segments, err := filepath.Glob(filepath.Join(c.dir, app.JournalDir, "*.seg"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	f, err := os.OpenFile(segments[0], os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, 1<<20), 4<<10); err != nil {
		t.Fatal(err)
	}
	a := c.must(http.MethodPost, "/api/v1/alerts", c.source("fire-119"), body)
	p, err := problem(a)
	if err != nil || p.Code != alert.CodeInternal || a.status != http.StatusInternalServerError {
		t.Fatalf("%v: %d %s", err, a.status, a.body)
	}
	for _, secret := range []string{"segment", "offset", "corrupt", c.dir} {
		if strings.Contains(string(a.body), secret) {
			t.Errorf("the answer tells of %q: %s", secret, a.body)
		}
	}
}
