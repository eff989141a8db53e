package api_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
)

const clientSecret = "a secret of the client"

// idp is a small OpenID provider: discovery, keys, authorization code with PKCE, ID tokens signed with RS256. It
// lets everybody in as the person in claims, without asking.
type idp struct {
	*httptest.Server
	key      *rsa.PrivateKey
	redirect string

	mu     sync.Mutex
	codes  map[string]url.Values // what was asked for with each code; a code is good once
	claims map[string]any        // beside those that the protocol needs
	signer jose.SigningKey
	refuse string // an error instead of a code
}

func newIDP(t *testing.T) *idp {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{key: key, codes: map[string]url.Values{}, signer: jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}},
		claims: map[string]any{"name": "林国华", "department": "fire", "groups": []string{"fire-duty"}}}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// ServeHTTP implements http.Handler.
func (p *idp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /.well-known/openid-configuration":
		p.answer(w, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
			"jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"}})
	case "GET /keys":
		p.answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: "1", Algorithm: "RS256", Use: "sig"}}})
	case "GET /authorize":
		p.authorize(w, r)
	case "POST /token":
		p.token(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (p *idp) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

func (p *idp) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := r.URL.Query()
	if q.Get("response_type") != "code" || q.Get("client_id") != "banyan" || q.Get("redirect_uri") != p.redirect || q.Get("code_challenge_method") != "S256" ||
		!strings.Contains(" "+q.Get("scope")+" ", " openid ") || q.Get("state") == "" || q.Get("nonce") == "" {
		http.Error(w, "bad request: "+r.URL.RawQuery, http.StatusBadRequest)
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	if p.refuse != "" {
		back.Set("error", p.refuse)
	} else {
		code := rand.Text()
		p.codes[code] = q
		back.Set("code", code)
	}
	http.Redirect(w, r, p.redirect+"?"+back.Encode(), http.StatusFound)
}

func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	user, secret, _ := r.BasicAuth()
	asked, known := p.codes[r.PostFormValue("code")]
	delete(p.codes, r.PostFormValue("code"))
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || user != "banyan" || secret != url.QueryEscape(clientSecret) || r.PostFormValue("redirect_uri") != p.redirect ||
		base64.RawURLEncoding.EncodeToString(sum[:]) != asked.Get("code_challenge") {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		return
	}
	claims := map[string]any{"iss": p.URL, "aud": "banyan", "sub": "248289761001", "nonce": asked.Get("nonce"),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix()}
	for k, v := range p.claims {
		claims[k] = v
	}
	body, _ := json.Marshal(claims)
	signer, err := jose.NewSigner(p.signer, nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	signed, err := signer.Sign(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	token, _ := signed.CompactSerialize()
	p.answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": token})
}

// federated is a centre that sends people to p.
func federated(t *testing.T, p *idp) *centre {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(clientSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// The provider must know the centre's address before the centre has one.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	p.redirect = "http://" + address + auth.CallbackPath
	c := newCentre(t, cheaply, func(o *app.Options) {
		o.Listen = address
		o.OIDC = auth.OIDC{Issuer: p.URL, ClientID: "banyan", ClientSecretFile: secret, RedirectURL: p.redirect,
			ClaimRoles: map[auth.Role][]string{auth.RoleOfficer: {"fire-duty"}, auth.RoleAuditor: {"audit"}}}
	})
	return c
}

// follow goes where an answer sends the browser.
func (b *browser) follow(a answer) answer {
	b.c.tb.Helper()
	to := a.header.Get("Location")
	if to == "" {
		b.c.tb.Fatalf("sent nowhere: %d %s", a.status, a.body)
	}
	if path, ours := strings.CutPrefix(to, b.c.url); ours {
		b.header = http.Header{"Origin": {}, "Sec-Fetch-Site": {"cross-site"}} // a link from the provider's page
		return b.send(http.MethodGet, path, "")
	}
	resp, err := b.client.Get(to)
	if err != nil {
		b.c.tb.Fatal(err)
	}
	defer resp.Body.Close()
	return answer{resp.StatusCode, resp.Header, nil}
}

func TestOIDC(t *testing.T) {
	p := newIDP(t)
	c := federated(t, p)
	b := c.browser()
	a := b.send(http.MethodGet, "/api/v1/login/oidc", "")
	if cookie := a.header.Get("Set-Cookie"); a.status != http.StatusFound || !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") ||
		!strings.Contains(cookie, "Max-Age=600") {
		t.Fatalf("%d, cookie %q: %s", a.status, cookie, a.body)
	}
	a = b.follow(b.follow(a))
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/console/" || !strings.Contains(strings.Join(a.header.Values("Set-Cookie"), "\n"), "SameSite=Strict") {
		t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	b.header = http.Header{}
	var who me
	b.must(http.StatusOK, http.MethodGet, "/api/v1/me", "", &who)
	if who.User != "oidc:248289761001" || who.Name != "林国华" || who.Department != "fire" || len(who.Roles) != 1 || who.Roles[0] != "officer" {
		t.Errorf("%+v", who)
	}
	r := c.post("fire-119", alertAt("x", "fire.building", 0, 0))
	b.seat = r.Tasks[0].Seat
	b.must(http.StatusOK, http.MethodPost, "/api/v1/tasks/"+r.Tasks[0].ID+"/acknowledge", "", nil)
}

// TestOIDCRefusals spoils one thing after the other on the way to the provider and back.
func TestOIDCRefusals(t *testing.T) {
	p := newIDP(t)
	c := federated(t, p)
	good, signer := p.claims, p.signer
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	claim := func(name string, value any) func() {
		return func() { p.claims = map[string]any{"groups": good["groups"], "department": "fire", name: value} }
	}
	for what, spoil := range map[string]func(){
		"another nonce":         claim("nonce", "x"),
		"another audience":      claim("aud", "somebody else"),
		"another issuer":        claim("iss", "https://evil.example"),
		"an old token":          claim("exp", time.Now().Add(-time.Hour).Unix()),
		"no group":              claim("groups", []string{"kitchen"}),
		"roles that do not fit": claim("groups", []string{"fire-duty", "audit"}),
		"no department":         claim("department", nil),
		"no subject":            claim("sub", ""),
		"another's key": func() {
			p.signer = jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: stranger, KeyID: "1"}}
		},
		"the client secret as key": func() {
			p.signer = jose.SigningKey{Algorithm: jose.HS256, Key: []byte(fmt.Sprintf("%-32s", clientSecret))}
		},
		"the provider says no": func() { p.refuse = "access_denied" },
	} {
		p.mu.Lock()
		p.claims, p.signer, p.refuse = good, signer, ""
		spoil()
		p.mu.Unlock()
		refusedFlow(t, c, what, func(_ *browser, back answer) answer { return back })
	}
	p.mu.Lock()
	p.claims, p.signer, p.refuse = good, signer, ""
	p.mu.Unlock()
	with := func(name, value string) func(*browser, answer) answer {
		return func(_ *browser, back answer) answer {
			u, _ := url.Parse(back.header.Get("Location"))
			q := u.Query()
			q.Set(name, value)
			u.RawQuery = q.Encode()
			back.header.Set("Location", u.String())
			return back
		}
	}
	for what, change := range map[string]func(*browser, answer) answer{
		"another state": with("state", "x"), "no state": with("state", ""), "another code": with("code", "x"), "no code": with("code", ""),
		"a code too long": with("code", strings.Repeat("x", 4000)),
		"a browser that did not ask": func(b *browser, back answer) answer {
			b.client.Jar = c.browser().client.Jar
			return back
		},
		"a browser that asked for another": func(b *browser, back answer) answer {
			_ = b.send(http.MethodGet, "/api/v1/login/oidc", "")
			return back
		},
		"the same twice": func(b *browser, back answer) answer {
			_ = b.follow(back)
			b.header = http.Header{}
			b.must(http.StatusNoContent, http.MethodPost, "/api/v1/logout", "", nil)
			return back
		},
	} {
		refusedFlow(t, c, what, change)
	}
	text, err := os.ReadFile(filepath.Join(c.dir, auth.AttemptsFile))
	if n := strings.Count(string(text), `"outcome":"refused"`); err != nil || n < 17 {
		t.Errorf("%d refusals are written down, %v", n, err)
	}
}

// refusedFlow goes to the provider and, with what change makes of it, back, which must lead nowhere.
func refusedFlow(t *testing.T, c *centre, what string, change func(*browser, answer) answer) {
	t.Helper()
	b := c.browser()
	back := b.follow(b.send(http.MethodGet, "/api/v1/login/oidc", ""))
	b.header = http.Header{}
	a := b.follow(change(b, back))
	if pr, err := problem(a); err != nil || a.status != http.StatusForbidden && a.status != http.StatusBadRequest {
		t.Errorf("%s: %v: %d %+v", what, err, a.status, pr)
	}
	b.header = http.Header{}
	if a := b.send(http.MethodGet, "/api/v1/me", ""); a.status != http.StatusUnauthorized {
		t.Errorf("%s: signed in: %s", what, a.body)
	}
}

// TestOIDCProviderAway: the centre starts and lets others in while the provider is down.
func TestOIDCProviderAway(t *testing.T) {
	p := newIDP(t)
	c := federated(t, p)
	p.Close()
	a := c.browser().send(http.MethodGet, "/api/v1/login/oidc", "")
	if pr, err := problem(a); err != nil || a.status != http.StatusServiceUnavailable || strings.Contains(pr.Detail, "dial") {
		t.Errorf("%v: %d %s", err, a.status, a.body)
	}
	c.signedIn("chenzq", "陈志强", "fire", auth.RoleOfficer)
}
