package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// incidentPage is one page of GET /api/v1/incidents.
type incidentPage struct {
	Incidents []*alert.Incident
	Next      string
	Epoch     uint32
	Seq       uint64
}

// list reads all pages of a query.
func (c *centre) list(token string, query url.Values) (all []*alert.Incident) {
	c.tb.Helper()
	query = url.Values{"limit": query["limit"], "state": query["state"], "area": query["area"], "department": query["department"],
		"priority": query["priority"], "bbox": query["bbox"]}
	for {
		var page incidentPage
		c.get("/api/v1/incidents?"+query.Encode(), token, &page)
		all = append(all, page.Incidents...)
		if page.Next == "" {
			return all
		}
		query.Set("cursor", page.Next)
	}
}

func ids(list []*alert.Incident) (ids []string) {
	for _, i := range list {
		ids = append(ids, i.ID)
	}
	return ids
}

// TestPagesWhileIncidentsOpen pages through what there is while more comes: what was there at the beginning is
// shown exactly once, newest first.
func TestPagesWhileIncidentsOpen(t *testing.T) {
	c := newCentre(t)
	const there = 103
	want := make([]string, there)
	for i := range want {
		want[there-1-i] = c.post("medical-120", alertAt(fmt.Sprint(i), "medical", float64(i), 0)).IncidentID
	}
	reader := c.officer("health-1")
	c.source("police-110")
	for _, limit := range []string{"1", "7", "103", "500", ""} {
		stop := make(chan struct{})
		var opening sync.WaitGroup
		opening.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
					c.post("police-110", alertAt(limit+"-"+fmt.Sprint(n), "medical", float64(n), 5000))
				}
			}
		})
		query := url.Values{}
		if limit != "" {
			query.Set("limit", limit)
		}
		got := ids(c.list(reader, query))
		close(stop)
		opening.Wait()
		if all := slices.Sorted(slices.Values(got)); len(slices.Compact(all)) != len(got) {
			t.Errorf("limit %q: an incident was shown twice", limit)
		}
		// Those opened meanwhile may come first, nothing else may.
		if tail := got[max(0, len(got)-there):]; !slices.Equal(tail, want) {
			t.Errorf("limit %q: %d incidents, of which the last are not the %d there were, newest first", limit, len(got), there)
		}
	}
}

// TestFilters holds every filter against what it should take, and pages through each.
func TestFilters(t *testing.T) {
	c := newCentre(t)
	kinds := []string{"fire.building", "fire.vehicle", "gas.leak", "medical", "dispute"}
	for i := range 40 {
		r := c.post("grid", alertAt(fmt.Sprint(i), kinds[i%len(kinds)], float64(i%8)*2500, float64(i/8)*1500))
		incident, lead := "incidents/"+r.IncidentID+"/", "tasks/"+r.Tasks[0].ID+"/"
		switch i % 6 {
		case 1:
			c.act("centre-leader", lead+"acknowledge", "")
		case 2:
			c.act("centre-leader", incident+"cancel", `{"reason":"演练"}`)
		case 3:
			c.act("centre-leader", incident+"suspend", `{"reason":"演练"}`)
		case 4:
			for _, task := range r.Tasks {
				c.act("centre-leader", "tasks/"+task.ID+"/acknowledge", "")
				c.act("centre-leader", "tasks/"+task.ID+"/finish", "")
			}
			if i%12 == 4 {
				c.act("centre-leader", incident+"verify", "")
			}
		}
	}
	reader := c.officer("centre-leader")
	all := c.list(reader, nil)
	if len(all) < 30 {
		t.Fatalf("%d incidents", len(all))
	}
	state := func(states ...alert.IncidentState) func(*alert.Incident) bool {
		return func(i *alert.Incident) bool { return slices.Contains(states, i.State) }
	}
	open := []alert.IncidentState{alert.IncidentOpen, alert.IncidentHandling, alert.IncidentVerifying}
	in := func(area string) func(*alert.Incident) bool {
		return func(i *alert.Incident) bool { return slices.Contains(i.Areas, area) }
	}
	for _, f := range []struct {
		query string
		takes func(*alert.Incident) bool
	}{
		{"state=open", state(open...)},
		{"state=handling", state(alert.IncidentHandling)},
		{"state=verifying", state(alert.IncidentVerifying)},
		{"state=closed,cancelled", state(alert.IncidentClosed, alert.IncidentCancelled)},
		{"state=active", state(append(open, alert.IncidentSuspended)...)},
		{"state=suspended", state(alert.IncidentSuspended)},
		{"priority=P1", func(i *alert.Incident) bool { return i.Priority == alert.P1 }},
		{"priority=P2,P4", func(i *alert.Incident) bool { return i.Priority == alert.P2 || i.Priority == alert.P4 }},
		{"area=350102", in("350102")}, {"area=350103", in("350103")}, {"area=350100", in("350100")}, {"area=999", in("999")},
		{"department=gas", func(i *alert.Incident) bool { return hasTaskOf(i, "gas") }},
		{"bbox=119.25,26.04,119.32,26.08", func(i *alert.Incident) bool {
			l := i.Location
			return l.Lon >= 119.25 && l.Lon <= 119.32 && l.Lat >= 26.04 && l.Lat <= 26.08
		}},
		{"state=active&priority=P1&area=350102&department=police", func(i *alert.Incident) bool {
			return !i.State.Final() && i.Priority == alert.P1 && in("350102")(i) && hasTaskOf(i, "police")
		}},
	} {
		want := ids(slices.DeleteFunc(slices.Clone(all), func(i *alert.Incident) bool { return !f.takes(i) }))
		if len(want) == 0 && f.query != "area=999" || len(want) == len(all) && f.query != "area=350100" {
			t.Errorf("%s: takes %d of %d, which proves nothing", f.query, len(want), len(all))
		}
		query, err := url.ParseQuery(f.query)
		if err != nil {
			t.Fatal(err)
		}
		for _, limit := range []string{"3", "500"} {
			query.Set("limit", limit)
			if got := ids(c.list(reader, query)); !slices.Equal(got, want) {
				t.Errorf("%s by %s: got %s\nwant %s", f.query, limit, strings.Join(got, " "), strings.Join(want, " "))
			}
		}
	}
}

func hasTaskOf(i *alert.Incident, department string) bool {
	return slices.ContainsFunc(i.Tasks, func(t *alert.Task) bool { return t.Department == department })
}
