package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
)

const password = "correct horse battery"

// cheap is for tests alone: a log-in costs microseconds.
var cheap = auth.Cost{MemoryKiB: 8, Passes: 1, Lanes: 1}

func cheaply(o *app.Options) { o.LoginCost = cheap }

// proxied has the centre believe this machine about where requests come from.
func proxied(o *app.Options) {
	o.Proxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// user adds a person to the running centre.
func (c *centre) user(name, display, department string, roles ...auth.Role) {
	c.tb.Helper()
	u := auth.User{Name: name, Display: display, Department: department, Roles: roles, Password: auth.HashPassword(password, cheap), Credential: name}
	if err := u.Validate(); err != nil {
		c.tb.Fatal(err)
	}
	b, err := json.Marshal(u)
	if err != nil {
		c.tb.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(c.dir, auth.UsersFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.tb.Fatal(err)
	}
	_, err = f.Write(append(b, '\n'))
	if err := f.Close(); err != nil {
		c.tb.Fatal(err)
	}
	if err != nil {
		c.tb.Fatal(err)
	}
}

// browser is a person's browser: it keeps cookies and says what a browser says.
type browser struct {
	c      *centre
	client *http.Client
	seat   string
	header http.Header // beside what every request has
}

func (c *centre) browser() *browser {
	c.tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		c.tb.Fatal(err)
	}
	transport := &http.Transport{}
	c.tb.Cleanup(transport.CloseIdleConnections)
	return &browser{c: c, header: http.Header{}, client: &http.Client{Jar: jar, Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// send sends a request of our own page.
func (b *browser) send(method, path, body string) answer {
	b.c.tb.Helper()
	req, err := http.NewRequest(method, b.c.url+path, strings.NewReader(body))
	if err != nil {
		b.c.tb.Fatal(err)
	}
	req.Header.Set("Origin", b.c.url)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if b.seat != "" {
		req.Header.Set(api.SeatHeader, b.seat)
	}
	for k, v := range b.header {
		req.Header[k] = v
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.c.tb.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.c.tb.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, text}
}

// must sends what must be answered with a status, and reads the answer unless into is nil.
func (b *browser) must(status int, method, path, body string, into any) {
	b.c.tb.Helper()
	a := b.send(method, path, body)
	if a.status != status {
		b.c.tb.Fatalf("%s %s: %d %.300s, want %d", method, path, a.status, a.body, status)
	}
	if into != nil {
		if err := json.Unmarshal(a.body, into); err != nil {
			b.c.tb.Fatalf("%s %s: %v: %s", method, path, err, a.body)
		}
	}
}

func credentials(name, password string) string {
	return fmt.Sprintf(`{"name":%q,"password":%q}`, name, password)
}

// signedIn is the browser of a new person.
func (c *centre) signedIn(name, display, department string, roles ...auth.Role) *browser {
	c.tb.Helper()
	c.user(name, display, department, roles...)
	b := c.browser()
	b.must(http.StatusOK, http.MethodPost, "/api/v1/login", credentials(name, password), nil)
	return b
}

type me struct {
	User, Name, Department, Seat, Source string
	Roles                                []string
	Expires                              time.Time
}

func TestSignIn(t *testing.T) {
	c := newCentre(t, cheaply)
	c.user("chenzq", "陈志强", "fire", auth.RoleOfficer)
	b := c.browser()
	if a := b.send(http.MethodGet, "/api/v1/me", ""); a.status != http.StatusUnauthorized {
		t.Errorf("before: %d", a.status)
	}
	a := b.send(http.MethodPost, "/api/v1/login", credentials("chenzq", password))
	var who me
	if err := json.Unmarshal(a.body, &who); a.status != http.StatusOK || err != nil {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if who.User != "chenzq" || who.Name != "陈志强" || who.Department != "fire" || len(who.Roles) != 1 || who.Roles[0] != "officer" || !who.Expires.After(time.Now()) {
		t.Errorf("%+v", who)
	}
	cookie := a.header.Get("Set-Cookie")
	for _, want := range []string{"banyan=", "HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie %q lacks %s", cookie, want)
		}
	}
	if strings.Contains(cookie, "Max-Age") || strings.Contains(cookie, "Secure") || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", a.header)
	}
	token, _, _ := strings.Cut(strings.TrimPrefix(cookie, "banyan="), ";")
	for _, name := range []string{auth.SessionsFile, auth.UsersFile, auth.AttemptsFile} {
		text, err := os.ReadFile(filepath.Join(c.dir, name))
		if err != nil || bytes.Contains(text, []byte(token)) || bytes.Contains(text, []byte(password)) {
			t.Errorf("%s: %v: %s", name, err, text)
		}
	}
	var again me
	if b.must(http.StatusOK, http.MethodGet, "/api/v1/me", "", &again); again.User != "chenzq" {
		t.Errorf("%+v", again)
	}
	b.must(http.StatusNoContent, http.MethodPost, "/api/v1/logout", "", nil)
	req, err := http.NewRequest(http.MethodGet, c.url+"/api/v1/me", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.AddCookie(&http.Cookie{Name: "banyan", Value: token})
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("the cookie works after the log-out: %d", resp.StatusCode)
	}
	if a := c.must(http.MethodGet, "/api/v1/me", c.officer("fire-1"), ""); !strings.Contains(string(a.body), `"seat":"fire-1"`) {
		t.Errorf("a key is %s", a.body)
	}
}

// TestLoginBeginsAnew: a new log-in in the same browser ends the session before.
func TestLoginBeginsAnew(t *testing.T) {
	c := newCentre(t, cheaply)
	b := c.signedIn("chenzq", "陈志强", "fire", auth.RoleOfficer)
	before := b.client.Jar.Cookies(must(http.NewRequest(http.MethodGet, c.url, nil)).URL)[0]
	b.must(http.StatusOK, http.MethodPost, "/api/v1/login", credentials("chenzq", password), nil)
	old := c.browser()
	old.header.Set("Cookie", before.String())
	if a := old.send(http.MethodGet, "/api/v1/me", ""); a.status != http.StatusUnauthorized {
		t.Errorf("the session before goes on: %d", a.status)
	}
	b.must(http.StatusOK, http.MethodGet, "/api/v1/me", "", nil)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// TestCookieOverTLS: behind a proxy that speaks TLS the cookie is bound to the host and to TLS, and no other
// counts.
func TestCookieOverTLS(t *testing.T) {
	c := newCentre(t, cheaply, proxied)
	c.user("chenzq", "陈志强", "fire", auth.RoleOfficer)
	b := c.browser()
	b.header.Set("X-Forwarded-Proto", "https")
	b.header.Set("X-Forwarded-For", "192.0.2.1")
	a := b.send(http.MethodPost, "/api/v1/login", credentials("chenzq", password))
	cookie := a.header.Get("Set-Cookie")
	if a.status != http.StatusOK || !strings.HasPrefix(cookie, "__Host-banyan=") || !strings.Contains(cookie, "; Secure") || strings.Contains(cookie, "Domain") {
		t.Fatalf("%d, cookie %q", a.status, cookie)
	}
	token, _, _ := strings.Cut(strings.TrimPrefix(cookie, "__Host-banyan="), ";")
	for name, want := range map[string]int{"__Host-banyan": http.StatusOK, "banyan": http.StatusUnauthorized} {
		b := c.browser()
		b.header.Set("X-Forwarded-Proto", "https")
		b.header.Set("Cookie", name+"="+token)
		if a := b.send(http.MethodGet, "/api/v1/me", ""); a.status != want {
			t.Errorf("cookie %s over TLS: %d", name, a.status)
		}
	}
	text, err := os.ReadFile(filepath.Join(c.dir, auth.AttemptsFile))
	if err != nil || !strings.Contains(string(text), `"address":"192.0.2.1"`) {
		t.Errorf("the attempt is written down as %s, %v", text, err)
	}
}

// TestLoginRefusals: who is refused learns nothing of which names there are, and every refusal is a problem.
func TestLoginRefusals(t *testing.T) {
	c := newCentre(t, cheaply)
	c.user("chenzq", "陈志强", "fire", auth.RoleOfficer)
	login := func(body string, change func(http.Header)) answer {
		b := c.browser()
		b.header.Set("Content-Type", "application/json")
		if change != nil {
			change(b.header)
		}
		a := b.send(http.MethodPost, "/api/v1/login", body)
		if _, err := problem(a); err != nil {
			t.Errorf("%s: %v", body, err)
		}
		if a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s sets a cookie", body)
		}
		a.header.Del("Date")
		return a
	}
	wrong, unknown := login(credentials("chenzq", "wrong"), nil), login(credentials("nobody", password), nil)
	if wrong.status != http.StatusUnauthorized || unknown.status != wrong.status || !bytes.Equal(wrong.body, unknown.body) || fmt.Sprint(wrong.header) != fmt.Sprint(unknown.header) {
		t.Errorf("told apart: %v %s and %v %s", wrong.header, wrong.body, unknown.header, unknown.body)
	}
	long := credentials("chenzq", strings.Repeat("x", api.MaxLoginBytes))
	for want, a := range map[string]answer{
		"400 malformed":        login("{", nil),
		"400 malformed ":       login(`["chenzq"]`, nil),
		"401 unauthorized":     login("{}", nil),
		"413 too_large":        login(long, nil),
		"415 unsupported_type": login(credentials("chenzq", password), func(h http.Header) { h.Set("Content-Type", "text/plain") }),
		"403 forbidden":        login(credentials("chenzq", password), func(h http.Header) { h.Set("Origin", "https://evil.example") }),
		"403 forbidden ":       login(credentials("chenzq", password), func(h http.Header) { h.Set("Sec-Fetch-Site", "cross-site") }),
	} {
		p, _ := problem(a)
		if got := fmt.Sprint(a.status, " ", p.Code); got != strings.TrimSpace(want) {
			t.Errorf("%s: want %s", got, want)
		}
		if bytes.Contains(a.body, []byte(password)) {
			t.Errorf("the password comes back: %s", a.body)
		}
	}
}

// TestLoginIsSlowed guesses over HTTP until it is told to wait, from one address; another and the metrics show
// what that did.
func TestLoginIsSlowed(t *testing.T) {
	c := newCentre(t, cheaply, proxied)
	c.user("chenzq", "陈志强", "fire", auth.RoleOfficer)
	b := c.browser()
	b.header.Set("X-Forwarded-For", "203.0.113.7")
	const guesses = 200
	refused, slowed := 0, 0
	for range guesses {
		switch a := b.send(http.MethodPost, "/api/v1/login", credentials("chenzq", "wrong")); a.status {
		case http.StatusUnauthorized:
			refused++
		case http.StatusTooManyRequests:
			slowed++
			p, err := problem(a)
			after, bad := strconv.Atoi(a.header.Get("Retry-After"))
			if err != nil || bad != nil || after < 1 || p.Code != alert.CodeRateLimited {
				t.Fatalf("%v, Retry-After %q: %s", err, a.header.Get("Retry-After"), a.body)
			}
		default:
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if refused < auth.FreeNameAttempts || refused > auth.FreeNameAttempts+8 || slowed != guesses-refused {
		t.Errorf("of %d guesses %d were looked at and %d slowed", guesses, refused, slowed)
	}
	text := string(c.must(http.MethodGet, "/metrics", c.wall(), "").body)
	for name, want := range map[string]int{"banyan_logins_refused_total": refused, "banyan_logins_slowed_total": slowed, "banyan_logins_total": 0} {
		if !strings.Contains(text, fmt.Sprintf("\n%s %d\n", name, want)) {
			t.Errorf("%s is not %d", name, want)
		}
	}
	written, err := os.ReadFile(filepath.Join(c.dir, auth.AttemptsFile))
	if n := bytes.Count(written, []byte("203.0.113.7")); err != nil || n < refused || n > 3*refused {
		t.Errorf("%d lines, %v", n, err)
	}
}

// TestOtherSites: a person's browser does nothing that the page of another site asks for. Keys are not carried
// by browsers on their own, so nothing is asked of them.
func TestOtherSites(t *testing.T) {
	c := newCentre(t, cheaply)
	b := c.signedIn("guojg", "郭建国", "centre", auth.RoleDutyLeader)
	b.seat = "centre-leader"
	path := "/api/v1/incidents/" + c.post("fire-119", alertAt("x", "fire.building", 0, 0)).IncidentID + "/note"
	for header, want := range map[string]int{"Origin: https://evil.example": 403, "Origin: null": 403, "Sec-Fetch-Site: cross-site": 403, "Sec-Fetch-Site: same-site": 403,
		"Sec-Fetch-Site: same-origin": 200, "Origin: " + c.url: 200} {
		name, value, _ := strings.Cut(header, ": ")
		b.header = http.Header{name: {value}}
		if a := b.send(http.MethodPost, path, `{"text":"x"}`); a.status != want {
			t.Errorf("POST with %s: %d %.200s", header, a.status, a.body)
		}
		b.must(http.StatusOK, http.MethodGet, "/api/v1/me", "", nil)
	}
	keyed := c.browser()
	keyed.header = http.Header{"Origin": {"https://evil.example"}, "Authorization": {"Bearer " + c.officer("centre-leader")}}
	keyed.must(http.StatusOK, http.MethodPost, path, `{"text":"x"}`, nil)
	b.header = http.Header{"Sec-Fetch-Site": {"cross-site"}}
	if a := b.send(http.MethodPost, "/api/v1/logout", ""); a.status != http.StatusForbidden {
		t.Errorf("another site signs people out: %d", a.status)
	}
}

// TestStreamEndsWithSession: the websocket of a person is closed when the session ends, and another page's is
// refused.
func TestStreamEndsWithSession(t *testing.T) {
	c := newCentre(t, cheaply)
	b := c.signedIn("chenzq", "陈志强", "fire", auth.RoleOfficer)
	dial := func(origin string) (*websocket.Conn, *http.Response, error) {
		d := websocket.Dialer{HandshakeTimeout: patience, Jar: b.client.Jar, Subprotocols: []string{"banyan.v1", "seat.fire-1"}}
		return d.Dial("ws"+strings.TrimPrefix(c.url, "http")+"/api/v1/stream", http.Header{"Origin": {origin}})
	}
	if _, resp, err := dial("https://evil.example"); err == nil || resp == nil || resp.StatusCode != http.StatusForbidden {
		t.Errorf("another site's page is let in: %v", err)
	}
	ws, _, err := dial(c.url)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	s := &screen{tb: t, ws: ws}
	if err := ws.WriteJSON(map[string]any{"op": "subscribe", "topics": []string{"department:fire", "seat:fire-1"}}); err != nil {
		t.Fatal(err)
	}
	s.until(1)
	b.must(http.StatusNoContent, http.MethodPost, "/api/v1/logout", "", nil)
	if err := ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	for {
		_, _, err := ws.ReadMessage()
		if e, ok := err.(interface{ Timeout() bool }); ok && e.Timeout() {
			t.Fatal("it goes on after the log-out")
		}
		if err != nil {
			break
		}
	}
}
