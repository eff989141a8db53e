package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/auth"
)

// TestNearby: whoever reads an incident whole sees what stands about it; nobody else sees a stream.
func TestNearby(t *testing.T) {
	c := newCentre(t, cheaply)
	r := c.post("fire-119", alertAt("x", "fire.building", 0, 0))
	officer := c.signedIn("chenzq", "陈志强", "fire", auth.RoleOfficer)
	of := func(path string) (out api.Nearby) {
		t.Helper()
		officer.must(http.StatusOK, http.MethodGet, "/api/v1/incidents/"+r.IncidentID+path, "", &out)
		return out
	}
	near := of("/cameras")
	if near.Register != "cameras" || len(near.Entries) != 2 || near.Entries[0].ID != "35010200001320000001" || near.Entries[0].Attributes["stream"] != "rtsp://video.example/1" ||
		near.Entries[0].DistanceM < 50 || near.Entries[0].DistanceM > 150 || near.Entries[1].DistanceM < near.Entries[0].DistanceM {
		t.Errorf("%+v", near)
	}
	if one := of("/cameras?limit=1&radius_m=5000"); len(one.Entries) != 1 {
		t.Errorf("%+v", one)
	}
	if none := of("/cameras?radius_m=10"); none.Entries == nil || len(none.Entries) != 0 {
		t.Errorf("%+v", none)
	}
	if school := of("/nearby?register=schools"); len(school.Entries) != 1 || school.Entries[0].Name != "一小" {
		t.Errorf("%+v", school)
	}
	for path, want := range map[string]string{"/nearby?register=lakes": "cameras, schools", "/nearby": "register", "/cameras?radius_m=5001": "radius_m", "/cameras?limit=0": "limit"} {
		if a := officer.send(http.MethodGet, "/api/v1/incidents/"+r.IncidentID+path, ""); a.status != http.StatusUnprocessableEntity || !strings.Contains(string(a.body), want) {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if a := officer.send(http.MethodGet, "/api/v1/incidents/in_00000000000000000000000000/cameras", ""); a.status != http.StatusNotFound {
		t.Errorf("of no incident: %d %s", a.status, a.body)
	}
	for _, other := range []*browser{c.signedIn("sumei", "苏美玲", "health", auth.RoleDutyLeader), c.signedIn("hall", "", "", auth.RoleWall)} {
		for _, path := range []string{"/cameras", "/nearby?register=schools"} {
			if a := other.send(http.MethodGet, "/api/v1/incidents/"+r.IncidentID+path, ""); a.status != http.StatusForbidden {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
	}
}
