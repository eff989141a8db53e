package api_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/banyan-ecc/banyan/dispatch"
)

// FuzzAlert posts anything. It is accepted or refused as it deserves and never fails us; what was accepted is
// accepted again with the same answer, and can be read.
func FuzzAlert(f *testing.F) {
	good := alertAt("x", "fire.vehicle", 0, 0)
	for _, seed := range []string{good, good + good, "", "null", "{}", "[]", `{"id":1}`, good[:40], strings.Replace(good, "x", "\xff", 1),
		strings.Replace(good, `"id"`, `"attributes":{"a":[{"b":"\ud800"}]},"text":"<&>\u2028","priority":"P1","id"`, 1),
		strings.Replace(good, "119.21", "1e400", 1), strings.Replace(good, "26.03", "-0", 1), strings.Replace(good, `"location"`, `"area":"350102","lokation"`, 1),
		strings.Replace(good, "2026", "9999", 1), strings.Replace(good, "+08:00", "-23:59", 1),
		`{"id":"x","type":"gas.leak","occurred_at":"2026-05-01T08:30:00Z","area":"350103","incident_ref":"\u0000","attributes":{"pressure_kpa":"a"}}`,
		`{"id":"x","ID":"y","type":"medical","occurred_at":"2026-05-01T08:30:00.123456789Z","location":{"lon":119.25,"lat":26.05,"datum":"bd09","accuracy_m":1e-300}}`} {
		f.Add([]byte(seed))
	}
	c := newCentre(f)
	source, reader := c.source("grid"), c.officer("centre-leader")
	f.Fuzz(func(t *testing.T, body []byte) {
		post := func() answer {
			a, err := c.send(http.MethodPost, "/api/v1/alerts", source, "application/json", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		a := post()
		switch a.status {
		case http.StatusAccepted:
		case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusTooManyRequests:
			if _, err := problem(a); err != nil {
				t.Fatal(err)
			}
			return
		default:
			t.Fatalf("%d %s", a.status, a.body)
		}
		var first, again dispatch.Receipt
		for answer, into := range map[*answer]*dispatch.Receipt{&a: &first, new(post()): &again} {
			if err := json.Unmarshal(answer.body, into); err != nil || answer.status != http.StatusAccepted {
				t.Fatalf("%v: %d %s", err, answer.status, answer.body)
			}
		}
		first.Duplicate = true // it may have been one: inputs share ids
		if x, y := marshal(t, first), marshal(t, again); x != y {
			t.Errorf("posted again:\n%s\n%s", x, y)
		}
		for _, path := range []string{"", "/timeline"} {
			a, err := c.send(http.MethodGet, "/api/v1/incidents/"+first.IncidentID+path, reader, "", nil)
			if err != nil || a.status != http.StatusOK || !json.Valid(a.body) || !utf8.Valid(a.body) {
				t.Errorf("%q: %v %d %q", path, err, a.status, a.body)
			}
		}
	})
}

func marshal(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
