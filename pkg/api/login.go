package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/netip"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Bounds of a log-in.
const (
	MaxLoginBytes  = 8 << 10
	maxCookieBytes = 128
	maxCodeBytes   = 2 << 10 // an OpenID provider's code
)

// Cookies. Over TLS their names begin with __Host-, which keeps other hosts and plain HTTP from setting them.
const (
	cookieName   = "banyan"
	flowName     = "banyan-oidc" // the way to an OpenID provider and back
	flowMaxAge   = 10 * time.Minute
	hostPrefix   = "__Host-"
	consolePage  = "/console/"
	oidcPath     = "/api/v1/login/oidc"
	callbackPath = oidcPath + "/callback"
)

// Logins let people in and out. Errors are as of the rest: an *alert.Error reaches the caller.
type Logins interface {
	// Login checks name and password and begins a session.
	Login(ctx context.Context, name, password string, from netip.Addr) (token string, c Caller, err error)
	// Logout ends the session of a token.
	Logout(token string) error
	// Federated reports whether there is an OpenID provider.
	Federated() bool
	// Depart returns where a browser goes to sign in at the OpenID provider, and the secret it must bring back.
	Depart(ctx context.Context) (url, secret string, err error)
	// Return begins a session for whoever comes back from the provider.
	Return(ctx context.Context, secret, state, code, refused string, from netip.Addr) (token string, err error)
}

// Credentials are what a person signs in with.
type Credentials struct {
	Name     string `json:"name"`
	Password string `json:"password"`
}

// Me is who the caller is.
type Me struct {
	User       string     `json:"user,omitempty" doc:"Log-in name; absent for a key."`
	Name       string     `json:"name,omitempty"`
	Roles      []string   `json:"roles"`
	Department string     `json:"department,omitempty"`
	Seat       string     `json:"seat,omitempty" doc:"Of an officer's key; a person names theirs in the header Banyan-Seat."`
	Source     string     `json:"source,omitempty" doc:"Of a source's key."`
	Expires    *time.Time `json:"expires,omitempty" doc:"When the session ends whatever is done."`
}

func meOf(c Caller) Me {
	m := Me{User: c.Actor.User, Name: c.Actor.Name, Roles: c.Roles, Department: c.Actor.Department, Seat: c.Actor.Seat, Source: c.Source}
	if c.Person {
		at := c.Expires.UTC()
		m.Expires = &at
	}
	return m
}

func (s *Server) loginRoutes() {
	s.documentLogin(http.MethodPost, "/api/v1/login", "login", "Sign in with name and password; the answer sets the session's cookie", true, reflect.TypeFor[Credentials](), "200", reflect.TypeFor[Me]())
	s.documentLogin(http.MethodPost, "/api/v1/logout", "logout", "End the session", false, nil, "204", nil)
	s.documentLogin(http.MethodGet, "/api/v1/me", "me", "Who the caller is", false, nil, "200", reflect.TypeFor[Me]())
	s.documentLogin(http.MethodGet, oidcPath, "login-oidc", "Sign in at the OpenID provider: sends the browser there", true, nil, "302", nil)
	s.documentLogin(http.MethodGet, callbackPath, "login-oidc-callback", "Where the OpenID provider sends the browser back to", true, nil, "303", nil)
	s.mux.HandleFunc("POST /api/v1/login", s.login)
	s.mux.HandleFunc("POST /api/v1/logout", s.logout)
	s.mux.HandleFunc("GET /api/v1/me", s.me)
	s.mux.HandleFunc("GET /api/v1/login/oidc", s.depart)
	s.mux.HandleFunc("GET /api/v1/login/oidc/callback", s.comeBack)
}

func (s *Server) documentLogin(method, path, id, summary string, open bool, in reflect.Type, status string, out reflect.Type) {
	schemas := s.api.OpenAPI().Components.Schemas
	content := func(t reflect.Type) map[string]*huma.MediaType {
		if t == nil {
			return nil
		}
		return map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(t, true, t.Name())}}
	}
	code, _ := strconv.Atoi(status)
	op := &huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary,
		Responses: map[string]*huma.Response{status: {Description: http.StatusText(code), Content: content(out)}, "default": s.refused()}}
	if in != nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: content(in)}
	}
	if open {
		op.Security = []map[string][]string{{}}
	}
	s.api.OpenAPI().AddOperation(op)
}

// loginPath reports whether a path is there for people who are not signed in yet.
func loginPath(path string) bool {
	return path == "/api/v1/login" || path == oidcPath || path == callbackPath
}

// peer is what the connection itself says.
func peer(r *http.Request) (netip.Addr, bool) {
	ap, _ := netip.ParseAddrPort(r.RemoteAddr) // the zero address where there is none
	return ap.Addr().Unmap(), r.TLS != nil
}

// crossOrigin tells requests of our own pages from those that other sites have a browser send.
var crossOrigin = http.NewCrossOriginProtection()

// ownPage refuses what the page of another site would have a person's browser do: SameSite=Strict keeps the
// cookie from most such requests, and this looks at where the rest come from.
func (s *Server) ownPage(r *http.Request) error {
	if err := crossOrigin.Check(r); err != nil {
		return alert.Errorf(alert.CodeForbidden, "a page of another site (%.100q) may not do that", r.Header.Get("Origin"))
	}
	return nil
}

// SessionToken returns the token of a session that a request carries in its cookie, "" for none. Secure says
// that the request came over TLS, where no other cookie counts but one that only TLS can have set.
func SessionToken(r *http.Request, secure bool) string { return cookieOf(r, cookieName, secure) }

// SessionCookie returns the cookie in which SessionToken finds a token.
func SessionCookie(token string, secure bool) *http.Cookie {
	c := &http.Cookie{Name: cookieName, Value: token}
	if secure {
		c.Name = hostPrefix + cookieName
	}
	return c
}

func cookieOf(r *http.Request, name string, secure bool) string {
	if secure {
		name = hostPrefix + name
	}
	c, err := r.Cookie(name)
	if err != nil || len(c.Value) > maxCookieBytes {
		return ""
	}
	return c.Value
}

// setCookie sets a cookie of one browser session; an empty value takes it away.
func setCookie(w http.ResponseWriter, name, value string, secure bool, site http.SameSite, age time.Duration) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, SameSite: site, Secure: secure, MaxAge: int(age.Seconds())}
	if secure {
		c.Name = hostPrefix + name
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	from, secure := s.o.Peer(r)
	w.Header().Set("Cache-Control", "no-store")
	token, c, err := s.signIn(w, r, from)
	if err != nil {
		WriteProblem(w, s.problem(err, "login"))
		return
	}
	if old := SessionToken(r, secure); old != "" { // a session is not taken over but begun
		if err := s.o.Logins.Logout(old); err != nil {
			s.o.Logger.Error("ending the session before", "error", err)
		}
	}
	setCookie(w, cookieName, token, secure, http.SameSiteStrictMode, 0)
	writeJSON(w, meOf(c))
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request, from netip.Addr) (string, Caller, error) {
	if s.o.Logins == nil {
		return "", Caller{}, alert.Errorf(alert.CodeNotFound, "nobody signs in here; keys are used alone")
	}
	if err := s.ownPage(r); err != nil {
		return "", Caller{}, err
	}
	// Strictly JSON: a form on another site could send anything else without being asked first.
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return "", Caller{}, alert.Errorf(alert.CodeUnsupportedType, "Content-Type is %.60q: want application/json", r.Header.Get("Content-Type"))
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxLoginBytes))
	if err != nil {
		return "", Caller{}, bodyError(err, MaxLoginBytes)
	}
	var in Credentials
	if err := json.Unmarshal(b, &in); err != nil {
		return "", Caller{}, alert.Errorf(alert.CodeMalformed, "want a JSON object with name and password") // what was sent is not repeated
	}
	return s.o.Logins.Login(r.Context(), in.Name, in.Password, from)
}

func (s *Server) logout(w http.ResponseWriter, r *http.Request) {
	c := callerOf(r.Context())
	if _, secure := s.o.Peer(r); c.Person {
		if err := s.o.Logins.Logout(SessionToken(r, secure)); err != nil {
			WriteProblem(w, s.problem(err, "logout"))
			return
		}
		setCookie(w, cookieName, "", secure, http.SameSiteStrictMode, 0)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (s *Server) me(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, meOf(callerOf(r.Context())))
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a caller that went away is not told
}

// depart sends a browser to the OpenID provider.
func (s *Server) depart(w http.ResponseWriter, r *http.Request) {
	if !s.federated(w) {
		return
	}
	to, secret, err := s.o.Logins.Depart(r.Context())
	if err != nil {
		WriteProblem(w, s.problem(err, "login-oidc"))
		return
	}
	_, secure := s.o.Peer(r)
	// Lax, since the way back begins on the provider's page.
	setCookie(w, flowName, secret, secure, http.SameSiteLaxMode, flowMaxAge)
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusFound)
}

// comeBack takes in who comes back from the OpenID provider.
func (s *Server) comeBack(w http.ResponseWriter, r *http.Request) {
	if !s.federated(w) {
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	from, secure := s.o.Peer(r)
	q := r.URL.Query()
	secret := cookieOf(r, flowName, secure)
	setCookie(w, flowName, "", secure, http.SameSiteLaxMode, 0)
	var token string
	err := errors.New("too long")
	if len(q.Get("code")) <= maxCodeBytes {
		token, err = s.o.Logins.Return(r.Context(), secret, q.Get("state"), q.Get("code"), q.Get("error"), from)
	} else {
		err = alert.Errorf(alert.CodeMalformed, "the code is longer than %d bytes", maxCodeBytes)
	}
	if err != nil {
		WriteProblem(w, s.problem(err, "login-oidc-callback"))
		return
	}
	setCookie(w, cookieName, token, secure, http.SameSiteStrictMode, 0)
	http.Redirect(w, r, consolePage, http.StatusSeeOther)
}

func (s *Server) federated(w http.ResponseWriter) bool {
	if s.o.Logins != nil && s.o.Logins.Federated() {
		return true
	}
	WriteProblem(w, alert.Errorf(alert.CodeNotFound, "no OpenID provider is configured"))
	return false
}
