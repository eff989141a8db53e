package auth

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func goodOIDC() OIDC {
	return OIDC{Issuer: "https://sso.example.org", ClientID: "banyan", RedirectURL: "https://banyan.example.org" + CallbackPath,
		ClaimRoles: map[Role][]string{RoleOfficer: {"Fire-Duty", "cn=duty,ou=fire"}, RoleRosterEditor: {"roster"}}}
}

func TestOIDCSettings(t *testing.T) {
	good := goodOIDC()
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*OIDC){
		"oidc.issuer":       func(o *OIDC) { o.Issuer = "http://sso.example.org" },
		"oidc.redirect_url": func(o *OIDC) { o.RedirectURL = "banyan.example.org" },
		"its path must be":  func(o *OIDC) { o.RedirectURL = "https://banyan.example.org/" },
		"client_id":         func(o *OIDC) { o.ClientID = "" },
		"claim_roles":       func(o *OIDC) { o.ClaimRoles = nil },
		"role \"source\"":   func(o *OIDC) { o.ClaimRoles = map[Role][]string{RoleSource: {"x"}} },
		"two people":        func(o *OIDC) { o.ClaimRoles = map[Role][]string{"administrator": {"x"}} },
	} {
		bad := goodOIDC()
		spoil(&bad)
		if err := bad.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestIdentityOfClaims(t *testing.T) {
	o := goodOIDC()
	for claims, want := range map[string]Identity{
		`{"name":"林国华","department":"fire","groups":["x","roster","Fire-Duty","roster"]}`: {Name: "林国华", Department: "fire", Roles: []Role{RoleOfficer, RoleRosterEditor}},
		`{"preferred_username":"lin","groups":"cn=duty,ou=fire"}`:                         {Name: "lin", Roles: []Role{RoleOfficer}},
		`{"name":"a\nb","department":["fire"],"groups":["fire-duty",7,null]}`:             {},
		`{"groups":{"Fire-Duty":true}}`:                                                   {},
		`{}`:                                                                              {},
	} {
		var m map[string]any
		if err := json.Unmarshal([]byte(claims), &m); err != nil {
			t.Fatal(err)
		}
		got := o.identity("1", m)
		if got.Subject != "1" || got.Name != want.Name || got.Department != want.Department || !slices.Equal(got.Roles, want.Roles) {
			t.Errorf("%s: %+v, want %+v", claims, got, want)
		}
	}
}

// TestFlow: all that tells one way to the provider from another comes of the cookie, and differs.
func TestFlow(t *testing.T) {
	f, other := NewFlow(), NewFlow()
	back, ok := ParseFlow(f.Cookie())
	if !ok || back.State() != f.State() || back.Verifier() != f.Verifier() || back.Nonce() != f.Nonce() {
		t.Error("the cookie does not bring the flow back")
	}
	seen := []string{f.Cookie(), f.State(), f.Nonce(), f.Verifier(), other.Cookie(), other.State(), other.Nonce(), other.Verifier()}
	slices.Sort(seen)
	if len(slices.Compact(seen)) != 8 {
		t.Errorf("two are the same: %q", seen)
	}
	if len(f.Verifier()) < 43 { // RFC 7636, section 4.1
		t.Errorf("verifier %q is too short", f.Verifier())
	}
	if !f.Answers(f.State()) || f.Answers(other.State()) || f.Answers("") {
		t.Error("states are not told apart")
	}
	for _, bad := range []string{"", "x", f.Cookie() + "A", f.Cookie()[1:], f.Cookie() + "="} {
		if _, ok := ParseFlow(bad); ok {
			t.Errorf("%q is taken", bad)
		}
	}
}
