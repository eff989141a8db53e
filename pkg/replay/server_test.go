package replay

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "a-key"

// centre is a server that takes alerts as docs/protocol.md says: the real rules of an alert, one incident an
// incident_ref or an alert, two tasks an incident, and the same answer to the same id.
type centre struct {
	*httptest.Server
	types map[string]bool // nil: any
	// before may answer itself, and then returns true. It is called without the lock.
	before func(w http.ResponseWriter, id string) bool

	mu       sync.Mutex
	receipts map[string]map[string]any // by id
	byRef    map[string]string
	taken    []alert.Alert // in order
	raw      []string      // their bodies
}

func newCentre(t *testing.T, types ...string) *centre {
	t.Helper()
	c := &centre{receipts: map[string]map[string]any{}, byRef: map[string]string{}}
	for _, code := range types {
		if c.types == nil {
			c.types = map[string]bool{}
		}
		c.types[code] = true
	}
	c.Server = httptest.NewServer(http.HandlerFunc(c.post))
	t.Cleanup(c.Close)
	return c
}

func refuse(w http.ResponseWriter, status int, code alert.Code, detail string, fields []alert.Field) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "https://banyan-ecc.github.io/problems/" + code, "status": status,
		"code": code, "detail": detail, "errors": fields})
}

func (c *centre) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var in alert.Submission
	switch {
	case r.Method != http.MethodPost || r.URL.Path != "/api/v1/alerts":
		refuse(w, 404, alert.CodeNotFound, "nothing here", nil)
		return
	case r.Header.Get("Authorization") != "Bearer "+token:
		refuse(w, 401, alert.CodeUnauthorized, "a key is needed", nil)
		return
	case r.Header.Get("Content-Type") != "application/json":
		refuse(w, 415, alert.CodeUnsupportedType, "want application/json", nil)
		return
	case err != nil || json.Unmarshal(body, &in) != nil:
		refuse(w, 400, alert.CodeMalformed, "not JSON", nil)
		return
	}
	if c.before != nil && c.before(w, in.ID) {
		return
	}
	a, err := in.Validate("test", geo.WGS84)
	if err != nil {
		e := err.(*alert.Error)
		refuse(w, 422, e.Code, e.Detail, e.Fields)
		return
	}
	if c.types != nil && !c.types[a.Type] {
		refuse(w, 422, alert.CodeInvalid, "the alert breaks 1 rule", []alert.Field{{Field: "type", Reason: "no such type", Value: a.Type}})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(c.take(a, string(body)))
}

func (c *centre) take(a alert.Alert, body string) map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, again := c.receipts[a.ID]; again {
		out := map[string]any{}
		for k, v := range known {
			out[k] = v
		}
		out["duplicate"] = true
		return out
	}
	c.taken, c.raw = append(c.taken, a), append(c.raw, body)
	key := alert.KeyOf(a.Source, a.ID)
	incident, tasks := key.IncidentID(), []map[string]string{}
	if first, known := c.byRef[a.IncidentRef]; known && a.IncidentRef != "" {
		incident = first
	} else {
		c.byRef[a.IncidentRef] = incident
		tasks = append(tasks, map[string]string{"id": alert.TaskID(incident, 1)}, map[string]string{"id": alert.TaskID(incident, 2)})
	}
	c.receipts[a.ID] = map[string]any{"alert_id": key.AlertID(), "incident_id": incident, "duplicate": false, "seq": len(c.taken), "tasks": tasks}
	return c.receipts[a.ID]
}

// ids returns what was taken, in order.
func (c *centre) ids() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]string, len(c.taken))
	for i, a := range c.taken {
		out[i] = a.ID
	}
	return out
}

// plain is a mapping of a small file of id, ref, type, time, lon, lat.
const plain = `
id: "${id}"
incident_ref: "${ref}"
type: {from: "${type}", values: {fire: fire.building, crash: traffic.crash}}
occurred_at: {from: "${time}", layouts: ["2006-01-02 15:04:05"], zone: Asia/Shanghai}
location: {lon: "${lon}", lat: "${lat}"}
`

const plainHeader = "id,ref,type,time,lon,lat\n"

func mapping(t testing.TB, s string) *Mapping {
	t.Helper()
	m, err := Parse("m.yaml", []byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func replayOf(t *testing.T, c *centre, m *Mapping, csv string, change func(*Options)) (Summary, error) {
	t.Helper()
	o := Options{Server: c.URL, Token: token, Mapping: m, From: strings.NewReader(csv), Workers: 4}
	if change != nil {
		change(&o)
	}
	s, err := Run(t.Context(), o)
	if got := s.Accepted + s.Duplicates + s.Refused + s.RefusedHere + s.Failed + s.Unsent; got != s.Rows {
		t.Errorf("%d rows read, but %d accounted for: %+v", s.Rows, got, s.Counts)
	}
	return s, err
}
