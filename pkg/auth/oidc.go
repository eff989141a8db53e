package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// OIDC names an OpenID provider and what its word is worth here. A zero Issuer means that there is none.
type OIDC struct {
	Issuer           string            `mapstructure:"issuer"`             // https://…, as in its discovery document
	ClientID         string            `mapstructure:"client_id"`          //
	ClientSecretFile string            `mapstructure:"client_secret_file"` // "": a public client, PKCE alone
	RedirectURL      string            `mapstructure:"redirect_url"`       // https://HOST/api/v1/login/oidc/callback
	Scopes           []string          `mapstructure:"scopes"`             // beside openid; default profile
	RolesClaim       string            `mapstructure:"roles_claim"`        // a string or list of strings; default groups
	DepartmentClaim  string            `mapstructure:"department_claim"`   // a string; default department
	ClaimRoles       map[Role][]string `mapstructure:"claim_roles"`        // role: values of the roles claim that give it
}

// maxClaimValues bounds the values of the roles claim that are looked at.
const maxClaimValues = 1_000

// CallbackPath is where the provider sends people back to.
const CallbackPath = "/api/v1/login/oidc/callback"

// Validate says what is missing or wrong. Plain http is for a provider on the same machine.
func (o *OIDC) Validate() error {
	for name, value := range map[string]string{"oidc.issuer": o.Issuer, "oidc.redirect_url": o.RedirectURL} {
		u, err := url.Parse(value)
		local := err == nil && u.Scheme == "http" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1")
		if err != nil || u.Host == "" || u.Scheme != "https" && !local {
			return fmt.Errorf("%s %.200q: want an https URL", name, value)
		}
	}
	if u, _ := url.Parse(o.RedirectURL); u.Path != CallbackPath {
		return fmt.Errorf("oidc.redirect_url %.200q: its path must be %s", o.RedirectURL, CallbackPath)
	}
	if o.ClientID == "" {
		return errors.New("oidc.client_id is missing")
	}
	if len(o.ClaimRoles) == 0 {
		return errors.New("oidc.claim_roles is missing: nobody would get a role")
	}
	for r := range o.ClaimRoles {
		if !r.ofPeople() {
			return fmt.Errorf("oidc.claim_roles: %w", unknownRole(r))
		}
	}
	return nil
}

// Identity is who an OpenID provider says somebody is, in our words.
type Identity struct {
	Subject    string // the provider's own id of the person, which does not change
	Name       string // 姓名
	Department string
	Roles      []Role
}

func (id *Identity) check() error {
	if id.Subject == "" || len(id.Subject) > maxSubjectBytes {
		return alert.Errorf(alert.CodeForbidden, "the provider's subject is missing or too long")
	}
	if len(id.Roles) == 0 {
		return alert.Errorf(alert.CodeForbidden, "%s has no role here: the provider's groups give none", id.Name)
	}
	if err := CheckRoles(id.Roles, id.Department); err != nil {
		return alert.Errorf(alert.CodeForbidden, "what the provider says does not fit together: %v", err)
	}
	return nil
}

// identity makes one of the claims of an ID token.
func (o *OIDC) identity(subject string, claims map[string]any) Identity {
	text := func(claim string) string {
		s, _ := claims[claim].(string)
		return strings.TrimSpace(s)
	}
	id := Identity{Subject: subject, Name: text("name"), Department: text(orDefault(o.DepartmentClaim, "department"))}
	if id.Name == "" {
		id.Name = text("preferred_username")
	}
	if len(id.Name) > maxDisplayBytes || !utf8.ValidString(id.Name) || strings.ContainsFunc(id.Name, unicode.IsControl) {
		id.Name = ""
	}
	var values []string
	switch v := claims[orDefault(o.RolesClaim, "groups")].(type) {
	case string:
		values = []string{v}
	case []any:
		for _, x := range v[:min(len(v), maxClaimValues)] {
			if s, ok := x.(string); ok {
				values = append(values, s)
			}
		}
	}
	for _, role := range slices.Sorted(maps.Keys(o.ClaimRoles)) {
		if slices.ContainsFunc(o.ClaimRoles[role], func(want string) bool { return slices.Contains(values, want) }) {
			id.Roles = append(id.Roles, role)
		}
	}
	return id
}

func orDefault(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Provider is an OpenID provider that people are sent to.
type Provider interface {
	// URL is where a browser goes to sign in.
	URL(ctx context.Context, f Flow) (string, error)
	// Redeem returns who came back with a code. The error is an *alert.Error where the person or the provider is
	// the reason.
	Redeem(ctx context.Context, f Flow, code string) (Identity, error)
}

// Flow is one way of a browser to the provider and back. Its secret stays in a cookie of that browser, and all
// that must be told apart is made of it, so the server keeps nothing that an attack could fill.
type Flow struct{ secret []byte }

const flowSecretBytes = 32

// NewFlow begins a flow.
func NewFlow() Flow {
	f := Flow{make([]byte, flowSecretBytes)}
	rand.Read(f.secret)
	return f
}

// ParseFlow reads what Cookie wrote.
func ParseFlow(cookie string) (Flow, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(cookie)
	return Flow{b}, err == nil && len(b) == flowSecretBytes
}

// Cookie is the secret.
func (f Flow) Cookie() string { return base64.RawURLEncoding.EncodeToString(f.secret) }

// State binds the answer to the browser that asked.
func (f Flow) State() string { return f.derive("state") }

// Nonce binds the ID token to the browser that asked.
func (f Flow) Nonce() string { return f.derive("nonce") }

// Verifier binds the code to who asked for it (PKCE, RFC 7636).
func (f Flow) Verifier() string { return f.derive("verifier") }

// Answers reports whether state is that of f.
func (f Flow) Answers(state string) bool {
	return subtle.ConstantTimeCompare([]byte(state), []byte(f.State())) == 1
}

func (f Flow) derive(what string) string {
	m := hmac.New(sha256.New, f.secret)
	m.Write([]byte("banyan oidc " + what))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}
