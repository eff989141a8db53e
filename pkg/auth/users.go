package auth

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"
)

// UsersFile is the file of people in the data directory: one line a change, the last one on a name counts.
const UsersFile = "users.jsonl"

// Bounds of the user file.
const (
	MaxUsers        = 20_000
	maxDisplayBytes = 128
	maxSubjectBytes = 255 // OpenID Connect Core, section 2
)

// oidcPrefix begins the names of people who come from an OpenID provider; what follows is their subject there.
const oidcPrefix = "oidc:"

var (
	nameForm       = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	departmentForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,63}$`)
)

// User is a person as the file holds them; of the password, only its hash.
type User struct {
	Name       string    `json:"name"`
	Display    string    `json:"display,omitempty"` // 姓名
	Department string    `json:"department,omitempty"`
	Roles      []Role    `json:"roles,omitempty"`
	Password   string    `json:"password,omitempty"`   // argon2id, PHC form; "" for who comes from an OpenID provider
	Credential string    `json:"credential,omitempty"` // random, new with every password: sessions under an older one are over
	Disabled   bool      `json:"disabled,omitempty"`
	Changed    time.Time `json:"changed"`
}

// Validate says what is missing or too much.
func (u *User) Validate() error {
	switch {
	case !nameForm.MatchString(u.Name):
		return fmt.Errorf("name %.80q: want small letters, digits, dots, dashes and underscores, at most 64, a letter or digit first", u.Name)
	case len(u.Display) > maxDisplayBytes || !utf8.ValidString(u.Display) || strings.ContainsFunc(u.Display, unicode.IsControl):
		return fmt.Errorf("display name: want UTF-8 of at most %d bytes without control characters", maxDisplayBytes)
	case u.Department != "" && !departmentForm.MatchString(u.Department):
		return fmt.Errorf("department %.80q: want the id of one", u.Department)
	}
	return CheckRoles(u.Roles, u.Department)
}

// AddUser appends a new user durably to the file in dir. It may be called while a server uses the file.
func AddUser(dir string, u User, password string) error {
	if err := u.Validate(); err != nil {
		return err
	}
	if err := CheckPassword(u.Name, password); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	users, err := ListUsers(dir)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(users, func(old User) bool { return old.Name == u.Name }) {
		return fmt.Errorf("there is a user %q already; `banyan user passwd` gives a new password, also to one who was disabled", u.Name)
	}
	if len(users) >= MaxUsers {
		return fmt.Errorf("there are %d users, no more are taken", len(users))
	}
	return appendUser(dir, u, password)
}

// SetPassword gives a user a new password and lets a disabled one in again. Every session of theirs ends.
func SetPassword(dir, name, password string) error {
	u, err := findUser(dir, name)
	if err != nil {
		return err
	}
	if err := CheckPassword(name, password); err != nil {
		return err
	}
	u.Disabled = false
	return appendUser(dir, u, password)
}

// DisableUser lets a user in no more and ends every session of theirs. A name oidc:SUBJECT keeps out a person
// whom the OpenID provider would let in.
func DisableUser(dir, name string) error {
	u, err := findUser(dir, name)
	if subject, ok := strings.CutPrefix(name, oidcPrefix); ok && err != nil && subject != "" && len(subject) <= maxSubjectBytes {
		u, err = User{Name: name}, os.MkdirAll(dir, 0o750)
	}
	if err != nil {
		return err
	}
	u.Disabled, u.Changed = true, now()
	return appendLine(filepath.Join(dir, UsersFile), u)
}

func appendUser(dir string, u User, password string) error {
	credential := make([]byte, 8)
	rand.Read(credential)
	u.Password, u.Credential, u.Changed = HashPassword(password, DefaultCost), hex.EncodeToString(credential), now()
	return appendLine(filepath.Join(dir, UsersFile), u)
}

func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

func findUser(dir, name string) (User, error) {
	users, err := ListUsers(dir)
	if err != nil {
		return User{}, err
	}
	for _, u := range users {
		if u.Name == name && (u.Password != "" || !strings.HasPrefix(name, oidcPrefix)) {
			return u, nil
		}
	}
	return User{}, fmt.Errorf("no user %.80q; `banyan user list` shows them", name)
}

// ListUsers returns the users in dir, the last word on each, in order of making.
func ListUsers(dir string) (users []User, err error) {
	at := map[string]int{}
	err = readFile(filepath.Join(dir, UsersFile), func(line []byte) error {
		var u User
		if err := json.Unmarshal(line, &u); err != nil {
			return err
		}
		if u.Name == "" {
			return errors.New("a user without a name")
		}
		if u.Password != "" {
			if _, _, _, err := parseHash(u.Password); err != nil {
				return err
			}
		}
		if i, again := at[u.Name]; again {
			users[i] = u
			return nil
		}
		if len(users) == MaxUsers {
			return fmt.Errorf("more than %d users", MaxUsers)
		}
		at[u.Name] = len(users)
		users = append(users, u)
		return nil
	})
	return users, err
}

// userStore knows the users and follows the file as it changes. It is safe for concurrent use.
type userStore struct {
	watched
	dir   string
	users atomic.Pointer[map[string]User]
}

func openUsers(dir string) (*userStore, error) {
	s := &userStore{dir: dir, watched: watched{path: filepath.Join(dir, UsersFile)}}
	s.users.Store(&map[string]User{})
	return s, s.refresh(s.load)
}

func (s *userStore) load() error {
	users, err := ListUsers(s.dir)
	if err != nil {
		return err
	}
	byName := make(map[string]User, len(users))
	for _, u := range users {
		byName[u.Name] = u
	}
	s.users.Store(&byName)
	return nil
}

// find returns the user with a name, as the file said at most recheck ago; fresh looks at it now.
func (s *userStore) find(name string, fresh bool) (User, bool) {
	if fresh || s.stale() {
		_ = s.refresh(s.load) // an unreadable file leaves the users as they were
	}
	u, ok := (*s.users.Load())[name]
	return u, ok
}
