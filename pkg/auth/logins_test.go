package auth

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// hall is a door with a clock that tests turn, and a list of everybody who tried it.
type hall struct {
	*Logins
	t   *testing.T
	dir string

	mu    sync.Mutex
	at    time.Time
	tried []Attempt
}

var (
	home     = netip.MustParseAddr("10.20.30.40")
	stranger = netip.MustParseAddr("203.0.113.7")
)

func newHall(t *testing.T) *hall {
	t.Helper()
	h := &hall{t: t, dir: t.TempDir(), at: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)}
	h.open()
	return h
}

// open begins anew with what the files hold.
func (h *hall) open() {
	h.t.Helper()
	l, err := OpenLogins(LoginOptions{Dir: h.dir, Cost: cheap, Now: h.now, Observe: func(a Attempt) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.tried = append(h.tried, a)
	}})
	if err != nil {
		h.t.Fatal(err)
	}
	h.Logins = l
}

func (h *hall) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hall) wait(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

// user adds a person with the cheap cost, and returns them.
func (h *hall) user(name string, roles ...Role) User {
	h.t.Helper()
	u := User{Name: name, Display: "陈志强", Department: "fire", Roles: roles}
	if len(roles) == 0 {
		u.Roles = []Role{RoleOfficer}
	}
	if err := u.Validate(); err != nil {
		h.t.Fatal(err)
	}
	u.Password, u.Credential = HashPassword(goodPassword, cheap), name+time.Now().String()
	h.write(u)
	return u
}

func (h *hall) write(u User) {
	h.t.Helper()
	if err := appendLine(filepath.Join(h.dir, UsersFile), u); err != nil {
		h.t.Fatal(err)
	}
	h.users.checked.Store(0) // as if a second had passed
}

func (h *hall) enters(name string, from netip.Addr) string {
	h.t.Helper()
	token, _, err := h.Login(h.t.Context(), name, goodPassword, from)
	if err != nil {
		h.t.Fatalf("%s is not let in: %v", name, err)
	}
	return token
}

// guess tries a wrong password and returns how long to wait, 0 if it was looked at.
func (h *hall) guess(name string, from netip.Addr) time.Duration {
	h.t.Helper()
	_, _, err := h.Login(h.t.Context(), name, "wrong password", from)
	var r *Refusal
	switch {
	case errors.As(err, &r) && r.Err.Code == alert.CodeRateLimited && r.After > 0:
		return r.After
	case alert.CodeOf(err) == alert.CodeUnauthorized:
		return 0
	}
	h.t.Fatalf("a wrong password: %v", err)
	return 0
}

func (h *hall) counts() map[Outcome]int {
	n := map[Outcome]int{}
	for _, a := range h.tried {
		n[a.Outcome]++
	}
	return n
}

func TestLoginAndOut(t *testing.T) {
	h := newHall(t)
	h.user("chenzq", RoleOfficer, RoleRosterEditor)
	token := h.enters("  ChenZQ ", home) // names are not told apart by case
	p, ok := h.Who(token)
	if !ok || p.Name != "chenzq" || p.Display != "陈志强" || p.Department != "fire" || len(p.Roles) != 2 || !p.Expires.Equal(h.at.Add(SessionAbsolute)) {
		t.Errorf("%+v, %v", p, ok)
	}
	if _, ok := h.Who(token + "x"); ok {
		t.Error("another token is taken")
	}
	if err := h.Logout(token); err != nil {
		t.Fatal(err)
	}
	if _, ok := h.Who(token); ok {
		t.Error("the session goes on after the log-out")
	}
}

// TestRefusalsLookAlike: who asks cannot tell an unknown name, a wrong password and a disabled user apart, by
// the answer or by what it costs.
func TestRefusalsLookAlike(t *testing.T) {
	h := newHall(t)
	h.user("chenzq")
	gone := h.user("linzb")
	gone.Disabled = true
	h.write(gone)
	cases := []struct {
		name, password string
		want           Outcome
	}{{"chenzq", "wrong password", WrongPassword}, {"nobody", goodPassword, UnknownName}, {"linzb", goodPassword, DisabledUser},
		{"oidc:1", goodPassword, UnknownName}, {"", "", UnknownName}, {"x y'; --", "x", UnknownName}}
	for i, c := range cases {
		before := h.hasher.done.Load()
		token, _, err := h.Login(t.Context(), c.name, c.password, home)
		if e := (&alert.Error{}); !errors.As(err, &e) || e.Code != alert.CodeUnauthorized || e.Detail != "name or password is wrong" || token != "" {
			t.Errorf("%q: %v", c.name, err)
		}
		if n := h.hasher.done.Load() - before; n != 1 {
			t.Errorf("%q: %d passwords were hashed, want 1 as for everybody", c.name, n)
		}
		if a := h.tried[i]; a.Outcome != c.want || a.Address != home.String() || !a.At.Equal(h.at) {
			t.Errorf("%q is written down as %+v, want %s", c.name, a, c.want)
		}
	}
	if h.tried[5].Name != "" {
		t.Error("what can be no name is written down: it may be a password")
	}
	// What nobody's password costs is what everybody's does.
	if c, _, _, err := parseHash(newHasher(DefaultCost).nobody); err != nil || c != DefaultCost {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestSessionsEndWith: what is done to a user ends their sessions, on the next request.
func TestSessionsEndWith(t *testing.T) {
	for what, change := range map[string]func(h *hall, u User) error{
		"a new password": func(h *hall, _ User) error { return SetPassword(h.dir, "chenzq", "another good password") },
		"being disabled": func(h *hall, _ User) error { return DisableUser(h.dir, "chenzq") },
		"the file gone":  func(h *hall, _ User) error { return os.WriteFile(filepath.Join(h.dir, UsersFile), []byte("\n"), 0o600) },
	} {
		h := newHall(t)
		u := h.user("chenzq")
		h.user("linzb")
		token, other := h.enters("chenzq", home), h.enters("linzb", home)
		if err := change(h, u); err != nil {
			t.Fatal(err)
		}
		h.users.checked.Store(0)
		p, ok := h.Who(token)
		if ok {
			t.Errorf("%s: the session goes on: %+v", what, p)
		}
		if _, ok := h.Who(other); !ok && what != "the file gone" {
			t.Errorf("%s: the session of somebody else ended too", what)
		}
		h.open()
		if _, ok := h.Who(token); ok {
			t.Errorf("%s: the session is back after a restart", what)
		}
	}
}

// TestRolesAreThoseOfNow: a session has the rights its user has at the time of asking.
func TestRolesAreThoseOfNow(t *testing.T) {
	h := newHall(t)
	u := h.user("chenzq")
	token := h.enters("chenzq", home)
	u.Roles, u.Department = []Role{RoleDutyLeader}, "police"
	h.write(u)
	if p, ok := h.Who(token); !ok || p.Roles[0] != RoleDutyLeader || p.Department != "police" {
		t.Errorf("%+v, %v", p, ok)
	}
}

func TestFederated(t *testing.T) {
	h := newHall(t)
	id := Identity{Subject: "248289761001", Name: "林国华", Department: "fire", Roles: []Role{RoleOfficer}}
	token, p, err := h.Admit(id, home)
	if err != nil || p.Name != "oidc:248289761001" || p.Display != "林国华" || p.Department != "fire" {
		t.Fatalf("%+v, %v", p, err)
	}
	h.open()
	if p, ok := h.Who(token); !ok || p.Display != "林国华" || p.Roles[0] != RoleOfficer {
		t.Errorf("after a restart: %+v, %v", p, ok)
	}
	for what, bad := range map[string]Identity{
		"no subject": {Name: "x", Roles: []Role{RoleAuditor}}, "no role": {Subject: "1"}, "no department": {Subject: "1", Roles: []Role{RoleOfficer}},
		"roles that are kept apart": {Subject: "1", Department: "fire", Roles: []Role{RoleOfficer, RoleAuditor}},
		"a key's role":              {Subject: "1", Roles: []Role{RoleSource}},
	} {
		if _, _, err := h.Admit(bad, home); alert.CodeOf(err) != alert.CodeForbidden {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := h.counts(); n[SignedIn] != 1 || n[Refused] != 5 {
		t.Errorf("written down: %v", n)
	}
	if err := DisableUser(h.dir, "oidc:248289761001"); err != nil {
		t.Fatal(err)
	}
	h.users.checked.Store(0)
	if _, ok := h.Who(token); ok {
		t.Error("the session of a person kept out goes on")
	}
	if _, _, err := h.Admit(id, home); alert.CodeOf(err) != alert.CodeForbidden {
		t.Errorf("a person kept out is let in: %v", err)
	}
	if _, _, err := h.Login(t.Context(), "oidc:248289761001", "", home); err == nil {
		t.Error("an empty password is that of who has none")
	}
}

func TestUserFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	u := User{Name: "chenzq", Department: "fire", Roles: []Role{RoleOfficer}}
	if err := AddUser(dir, u, goodPassword); err != nil {
		t.Fatal(err)
	}
	if err := AddUser(dir, u, goodPassword); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("twice the same name: %v", err)
	}
	path := filepath.Join(dir, UsersFile)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(b), goodPassword) || !strings.Contains(string(b), "$argon2id$v=19$m=65536,t=3,p=4$") {
		t.Errorf("the file holds %s", b)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v, want 0600", info.Mode().Perm())
	}
	if err := DisableUser(dir, "chenzq"); err != nil {
		t.Fatal(err)
	}
	if err := SetPassword(dir, "chenzq", "another good password"); err != nil {
		t.Fatal(err)
	}
	users, err := ListUsers(dir)
	if err != nil || len(users) != 1 || users[0].Disabled || users[0].Credential == "" || strings.Contains(string(b), users[0].Credential) {
		t.Errorf("after a new password: %+v, %v", users, err)
	}
	for what, err := range map[string]error{
		"an unknown name": SetPassword(dir, "nobody", goodPassword), "disabling nobody": DisableUser(dir, "nobody"), "no subject": DisableUser(dir, "oidc:"),
		"a weak password": SetPassword(dir, "chenzq", "short"), "a weak first password": AddUser(dir, User{Name: "x", Roles: []Role{RoleAuditor}}, "short"),
		"a bad name":       AddUser(dir, User{Name: "Chen ZQ", Roles: []Role{RoleAuditor}}, goodPassword),
		"a bad display":    AddUser(dir, User{Name: "x", Display: "a\nb", Roles: []Role{RoleAuditor}}, goodPassword),
		"a bad department": AddUser(dir, User{Name: "x", Department: "../x", Roles: []Role{RoleOfficer}}, goodPassword),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	for line, want := range map[string]string{"{": ":3:", `{"name":""}`: "without a name", `{"name":"x","password":"secret"}`: "not an argon2id hash"} {
		if err := os.WriteFile(path, []byte("\n\n"+line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ListUsers(dir); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), UsersFile+":3:") {
			t.Errorf("%s: %v, want %s with its place", line, err, want)
		}
	}
}
