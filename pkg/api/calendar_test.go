package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/auth"
)

// TestCalendarSubscription polls a roster as calendar programs do, with a password that opens nothing else.
func TestCalendarSubscription(t *testing.T) {
	c := newCentre(t)
	token := c.token(auth.Key{Role: auth.RoleCalendar, Department: "fire", Name: "phone"})
	poll := func(path, password string) *http.Response {
		t.Helper()
		r, err := http.NewRequest(http.MethodGet, c.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			r.SetBasicAuth("anybody", password)
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { a.Body.Close() })
		return a
	}
	const fire = "/api/v1/departments/fire/roster.ics"
	if a := poll(fire, ""); a.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Basic ") {
		t.Errorf("without a password: %d, asked for %q", a.StatusCode, a.Header.Get("WWW-Authenticate"))
	}
	if a := poll(fire, token); a.StatusCode != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/calendar") {
		t.Errorf("%d %s", a.StatusCode, a.Header.Get("Content-Type"))
	}
	for path, want := range map[string]int{"/api/v1/departments/police/roster.ics": 403, "/api/v1/rosters/2026-05-01": 403, "/api/v1/seats": 403, "/api/v1/incidents": 403, "/metrics": 403} {
		if a := poll(path, token); a.StatusCode != want {
			t.Errorf("%s with a calendar's key: %d", path, a.StatusCode)
		}
	}
	// A browser would send the password on its own: other keys are no passwords.
	if a := poll(fire, c.officer("fire-1")); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("an officer's key as a password: %d", a.StatusCode)
	}
	if a := c.must(http.MethodGet, fire, token, ""); a.status != http.StatusOK || !strings.Contains(string(a.body), "BEGIN:VCALENDAR") {
		t.Errorf("as a bearer: %d %.100s", a.status, a.body)
	}
}
