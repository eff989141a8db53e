package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/statistics"
)

// known waits until searches know everything that was committed.
func (c *centre) known(token string) {
	c.tb.Helper()
	var now incidentPage
	c.get("/api/v1/incidents?limit=1", token, &now)
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		var page incidentPage
		if c.get("/api/v1/history/incidents?limit=1", token, &page); page.Seq >= now.Seq {
			return
		}
		if time.Now().After(end) {
			c.tb.Fatalf("history knows event %d, there are %d", page.Seq, now.Seq)
		}
	}
}

// TestHistory searches, counts and prints what a real centre did.
func TestHistory(t *testing.T) {
	c := newCentre(t)
	for n := range 5 {
		c.post("medical-120", alertAt(fmt.Sprint(n), "medical", float64(n), 0))
	}
	leader := c.officer("centre-leader")
	c.known(leader)
	day := time.Now().UTC()
	span := url.Values{"from": {day.Add(-48 * time.Hour).Format(time.RFC3339)}, "to": {day.Add(24 * time.Hour).Format(time.RFC3339)}}
	var found incidentPage
	c.get("/api/v1/history/incidents?q=medical&department=health&state=active&"+span.Encode(), leader, &found)
	if len(found.Incidents) != 5 {
		t.Errorf("%d incidents found, 5 there are", len(found.Incidents))
	}
	var first, second incidentPage
	c.get("/api/v1/history/incidents?limit=3", leader, &first)
	c.get("/api/v1/history/incidents?limit=3&cursor="+first.Next, leader, &second)
	if len(first.Incidents) != 3 || len(second.Incidents) != 2 || second.Next != "" {
		t.Errorf("pages of %d and %d, then %q", len(first.Incidents), len(second.Incidents), second.Next)
	}
	for _, by := range []string{"hour", "shift", "day", "week", "month", "department", "district", "type", "priority", "class"} {
		var r statistics.Report
		c.get("/api/v1/statistics?by="+by+"&"+span.Encode(), leader, &r)
		if r.Total.Counts["incidents"] != 5 || r.Total.Counts["alerts"] != 5 || len(r.Rows) == 0 {
			t.Errorf("by %s: %+v", by, r.Total)
		}
		a := c.must(http.MethodGet, "/api/v1/statistics?format=csv&by="+by+"&"+span.Encode(), leader, "")
		if lines := strings.Split(strings.TrimSpace(string(a.body)), "\n"); len(lines) != len(r.Rows)+2 || !strings.HasPrefix(lines[len(lines)-1], "total,") || !strings.HasPrefix(a.header.Get("Content-Type"), "text/csv") {
			t.Errorf("by %s as CSV, %d rows:\n%s", by, len(r.Rows), a.body)
		}
	}
	var b statistics.Briefing
	today := day.Add(-24 * time.Hour).Format(time.DateOnly) // begun wherever the city is
	open := 0
	for _, date := range []string{today, day.Format(time.DateOnly)} {
		a, err := c.send(http.MethodGet, "/api/v1/briefings/"+date, leader, "", nil)
		if err != nil || a.status != http.StatusOK && a.status != http.StatusUnprocessableEntity {
			t.Fatalf("%d %v %s", a.status, err, a.body)
		}
		if a.status == http.StatusOK {
			c.get("/api/v1/briefings/"+date, leader, &b)
			open = max(open, len(b.Open))
		}
	}
	if open != 5 {
		t.Errorf("%d incidents open in the briefings, want 5", open)
	}
	a := c.must(http.MethodGet, "/api/v1/briefings/"+today+".html", leader, "")
	for _, want := range []string{"值班快报", "<style>", "@page"} {
		if !strings.Contains(string(a.body), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if strings.Contains(string(a.body), "<script") || a.header.Get("Content-Security-Policy") == "" {
		t.Error("the page has a script, or no policy")
	}
}

// TestHistoryRefuses is about who asks and what for.
func TestHistoryRefuses(t *testing.T) {
	c := newCentre(t)
	leader := c.officer("centre-leader")
	for _, x := range []struct {
		path, token string
		status      int
		field       string
	}{
		{"/api/v1/history/incidents", c.wall(), 403, ""},
		{"/api/v1/statistics?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z", c.wall(), 403, ""},
		{"/api/v1/briefings/2026-01-01", c.source("fire-119"), 403, ""},
		{"/api/v1/history/incidents?q=%EF%BC%8C", leader, 422, "q"},
		{"/api/v1/history/incidents?state=gone", leader, 422, "state"},
		{"/api/v1/history/incidents?cursor=x", leader, 422, "cursor"},
		{"/api/v1/statistics?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", leader, 422, "to"},
		{"/api/v1/statistics?from=2026-01-01T00:00:00Z&to=2026-12-01T00:00:00Z&by=hour", leader, 422, "by"},
		{"/api/v1/statistics?from=2026-01-01T00:00:00Z&to=2026-12-01T00:00:00Z&by=moon", leader, 422, "query.by"},
		{"/api/v1/briefings/2026-02-31", leader, 422, "date"},
		{"/api/v1/briefings/2999-01-01", leader, 422, "date"},
	} {
		a, err := c.send(http.MethodGet, x.path, x.token, "", nil)
		if err != nil || a.status != x.status || !strings.Contains(string(a.body), x.field) {
			t.Errorf("%s: %d %s (%v), want %d about %q", x.path, a.status, a.body, err, x.status, x.field)
		}
	}
	off := newCentre(t, func(o *app.Options) { o.NoHistory = true })
	token := off.token(auth.Key{Role: auth.RoleOfficer, Seat: "centre-leader", Name: "l"})
	if a, err := off.send(http.MethodGet, "/api/v1/history/incidents", token, "", nil); err != nil || a.status != 503 {
		t.Errorf("switched off: %d %s", a.status, a.body)
	}
}

// TestPastIncident asks for an incident that memory has let go of.
func TestPastIncident(t *testing.T) {
	c := newCentre(t, func(o *app.Options) { o.City.ClosedRetention = time.Millisecond })
	leader := c.officer("centre-leader")
	id := c.post("medical-120", alertAt("1", "medical", 0, 0)).IncidentID
	c.must(http.MethodPost, "/api/v1/incidents/"+id+"/cancel", leader, `{"reason":"test"}`)
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		c.post("medical-120", alertAt(fmt.Sprint(time.Now().UnixNano()), "medical", 3, 3)) // time goes on with events
		var page incidentPage
		c.get("/api/v1/incidents?state=cancelled", leader, &page)
		if len(page.Incidents) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the incident is still in memory")
		}
	}
	c.known(leader)
	var inc alert.Incident
	c.get("/api/v1/incidents/"+id, leader, &inc)
	if inc.State != alert.IncidentCancelled || inc.CloseReason != "test" || len(inc.Tasks) == 0 {
		t.Errorf("the past incident: %+v", inc)
	}
	var task alert.Task
	c.get("/api/v1/tasks/"+inc.Tasks[0].ID, leader, &task)
	if task.State != alert.TaskCancelled {
		t.Errorf("its task: %+v", task)
	}
	var timeline struct {
		Events []struct{ Type string }
	}
	if c.get("/api/v1/incidents/"+id+"/timeline", leader, &timeline); len(timeline.Events) < 3 || timeline.Events[0].Type != "incident.opened" {
		t.Errorf("its timeline: %+v", timeline)
	}
	if a, _ := c.send(http.MethodGet, "/api/v1/incidents/i-00000000000000000", leader, "", nil); a.status != 404 {
		t.Errorf("an incident that never was: %d %s", a.status, a.body)
	}
}
