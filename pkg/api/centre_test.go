package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for something that must happen.
const patience = 20 * time.Second

// centre is a whole centre behind a real socket: journal, writer, hub and keys.
type centre struct {
	tb     testing.TB
	dir    string
	url    string
	tokens map[auth.Key]string
}

// newCentre serves the city in testdata until the test ends. Its client keeps connections, and gives them back.
func newCentre(tb testing.TB, changes ...func(*app.Options)) *centre {
	tb.Helper()
	city, err := app.ReadCity("testdata/city")
	if err != nil {
		tb.Fatal(err)
	}
	c := &centre{tb: tb, dir: tb.TempDir(), tokens: map[auth.Key]string{}}
	o := app.Options{City: city, DataDir: c.dir, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)}
	for _, change := range changes {
		change(&o)
	}
	a, err := app.Open(o)
	if err != nil {
		tb.Fatal(err)
	}
	c.url = "http://" + a.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	tb.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		stop()
		if err := <-ended; err != nil {
			tb.Errorf("the centre ended with %v", err)
		}
	})
	return c
}

func (c *centre) token(k auth.Key) string {
	c.tb.Helper()
	if c.tokens[k] == "" {
		token, err := auth.Add(c.dir, k)
		if err != nil {
			c.tb.Fatal(err)
		}
		c.tokens[k] = token
	}
	return c.tokens[k]
}

func (c *centre) source(id string) string {
	return c.token(auth.Key{Role: auth.RoleSource, Source: id})
}
func (c *centre) wall() string { return c.token(auth.Key{Role: auth.RoleWall, Name: "hall"}) }

func (c *centre) officer(seat string) string {
	return c.token(auth.Key{Role: auth.RoleOfficer, Seat: seat, Name: "officer at " + seat})
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// send sends one request; kind is the Content-Type, "" for none.
func (c *centre) send(method, path, token, kind string, body io.Reader) (answer, error) {
	req, err := http.NewRequest(method, c.url+path, body)
	if err != nil {
		return answer{}, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, b}, err
}

func (c *centre) must(method, path, token, body string) answer {
	c.tb.Helper()
	kind := ""
	if body != "" {
		kind = "application/json"
	}
	a, err := c.send(method, path, token, kind, strings.NewReader(body))
	if err != nil {
		c.tb.Fatal(err)
	}
	return a
}

// get reads a document that must be there.
func (c *centre) get(path, token string, into any) {
	c.tb.Helper()
	a := c.must(http.MethodGet, path, token, "")
	if a.status != http.StatusOK {
		c.tb.Fatalf("GET %s: %d %s", path, a.status, a.body)
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		c.tb.Fatalf("GET %s: %v: %s", path, err, a.body)
	}
}

// receipt is the answer to an accepted alert.
type receipt struct {
	AlertID    string `json:"alert_id"`
	IncidentID string `json:"incident_id"`
	Duplicate  bool   `json:"duplicate"`
	Seq        uint64 `json:"seq"`
	Tasks      []struct{ ID, Department, Role, Seat, State string }
}

// post sends an alert that must be accepted.
func (c *centre) post(source, body string) (r receipt) {
	c.tb.Helper()
	a := c.must(http.MethodPost, "/api/v1/alerts", c.source(source), body)
	if a.status != http.StatusAccepted {
		c.tb.Fatalf("alert %s: %d %s", body, a.status, a.body)
	}
	if err := json.Unmarshal(a.body, &r); err != nil {
		c.tb.Fatal(err)
	}
	return r
}

// act does something that must succeed.
func (c *centre) act(seat, path, body string) {
	c.tb.Helper()
	if a := c.must(http.MethodPost, "/api/v1/"+path, c.officer(seat), body); a.status != http.StatusOK {
		c.tb.Fatalf("%s as %s: %d %s", path, seat, a.status, a.body)
	}
}

// alertAt is an alert of the type at a position in the city, eastM and northM metres from its south-west.
func alertAt(id, kind string, eastM, northM float64) string {
	return fmt.Sprintf(`{"id":%q,"type":%q,"occurred_at":"2026-05-01T08:30:00+08:00","location":{"lon":%.6f,"lat":%.6f}}`,
		id, kind, 119.21+eastM/100_000, 26.03+northM/111_000)
}

// problem reads a refusal and holds it against its own answer.
func problem(a answer) (api.Problem, error) {
	var p api.Problem
	if err := json.Unmarshal(a.body, &p); err != nil {
		return p, fmt.Errorf("no problem document: %w: %s", err, a.body)
	}
	switch {
	case a.header.Get("Content-Type") != "application/problem+json":
		return p, fmt.Errorf("Content-Type is %q", a.header.Get("Content-Type"))
	case p.Status != a.status:
		return p, fmt.Errorf("status %d in an answer with status %d", p.Status, a.status)
	case p.Type != "https://banyan-ecc.github.io/problems/"+string(p.Code) || p.Title == "" || p.Detail == "":
		return p, fmt.Errorf("incomplete: %s", a.body)
	case (a.header.Get("Retry-After") != "") != (p.Code == alert.CodeRateLimited || p.Code == alert.CodeUnavailable):
		return p, fmt.Errorf("Retry-After is %q with %s", a.header.Get("Retry-After"), p.Code)
	case (a.header.Get("WWW-Authenticate") != "") != (p.Code == alert.CodeUnauthorized):
		return p, errors.New("WWW-Authenticate goes with unauthorized")
	}
	return p, nil
}
