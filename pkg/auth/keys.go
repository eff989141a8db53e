// Package auth knows who asks and what they may do: bearer keys of machines, people with passwords or from an
// OpenID provider, their sessions, and the one table of rights. Tokens of keys and sessions are 256 random
// bits; kept is only their SHA-256, which is as good as the token's own entropy and cheap enough to check on
// every request. Passwords are kept as argon2id.
package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

// FileName is the key file in the data directory.
const FileName = "keys.jsonl"

// Bounds of the key file.
const (
	MaxKeys      = 100_000
	maxLineBytes = 4 << 10
	maxNameBytes = 128
	tokenBytes   = 32
	recheck      = time.Second // how stale a known key may be: a revocation takes effect within it
)

const tokenPrefix = "bk_" // so that a leaked token can be recognised by scanners

// Key is a key as the file holds it; the token itself is not in it.
type Key struct {
	ID         string    `json:"id"`
	Hash       string    `json:"hash"` // SHA-256 of the token, hex
	Role       Role      `json:"role"`
	Source     string    `json:"source,omitempty"`     // RoleSource
	Seat       string    `json:"seat,omitempty"`       // RoleOfficer
	Department string    `json:"department,omitempty"` // RoleCalendar
	Name       string    `json:"name,omitempty"`
	Created    time.Time `json:"created"`
	Revoked    bool      `json:"revoked,omitempty"`
}

// Validate says what is missing or too much.
func (k *Key) Validate() error {
	switch {
	case k.Role == RoleSource && k.Source == "":
		return errors.New("a source key needs --source")
	case k.Role == RoleOfficer && k.Seat == "":
		return errors.New("an officer key needs --seat")
	case k.Role == RoleWall && k.Name == "":
		return errors.New("a wall key needs --name, so that it can be told from the others")
	case k.Role == RoleGateway && k.Name == "":
		return errors.New("a gateway key needs --name, so that it can be told from the others")
	case k.Role == RoleCalendar && (k.Department == "" || k.Name == ""):
		return errors.New("a calendar key needs --department, and --name, so that it can be told from the others")
	case k.Role != RoleSource && k.Role != RoleOfficer && k.Role != RoleWall && k.Role != RoleCalendar && k.Role != RoleGateway:
		return fmt.Errorf("role %q: want source, wall, officer, calendar or gateway", k.Role)
	case k.Role != RoleCalendar && k.Department != "":
		return fmt.Errorf("--department goes with --role calendar, not %s", k.Role)
	case k.Role != RoleSource && k.Source != "":
		return fmt.Errorf("--source goes with --role source, not %s", k.Role)
	case k.Role != RoleOfficer && k.Seat != "":
		return fmt.Errorf("--seat goes with --role officer, not %s", k.Role)
	case len(k.Name) > maxNameBytes || len(k.Seat) > maxNameBytes || len(k.Source) > maxNameBytes || len(k.Department) > maxNameBytes:
		return fmt.Errorf("names are at most %d bytes long", maxNameBytes)
	}
	return nil
}

// Add makes a key, appends it durably to the file in dir, and returns its token, which cannot be had again.
// It may be called while a server uses the file.
func Add(dir string, k Key) (token string, err error) {
	if err := k.Validate(); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	secret := make([]byte, tokenBytes)
	rand.Read(secret) // never fails: crypto/rand aborts the program instead
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(secret)
	k.Hash = hash(token)
	k.ID = k.Hash[:12]
	k.Created = time.Now().UTC().Truncate(time.Second)
	return token, appendLine(filepath.Join(dir, FileName), k)
}

// Revoke makes the key with the given id worthless.
func Revoke(dir, id string) error {
	keys, err := List(dir)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.ID == id {
			k.Revoked = true
			return appendLine(filepath.Join(dir, FileName), k)
		}
	}
	return fmt.Errorf("no key with id %q; `banyan key list` shows them", id)
}

// List returns the keys in dir, the last word on each, in order of making.
func List(dir string) ([]Key, error) {
	k := keyList{at: map[string]int{}}
	err := readFile(filepath.Join(dir, FileName), k.take)
	return k.keys, err
}

func read(r io.Reader) ([]Key, error) {
	k := keyList{at: map[string]int{}}
	err := readLines(r, FileName, k.take)
	return k.keys, err
}

// keyList gathers the lines of a key file.
type keyList struct {
	keys []Key
	at   map[string]int
}

func (l *keyList) take(line []byte) error {
	var k Key
	if err := json.Unmarshal(line, &k); err != nil {
		return err
	}
	if i, again := l.at[k.ID]; again {
		l.keys[i] = k
		return nil
	}
	if len(l.keys) == MaxKeys {
		return fmt.Errorf("more than %d keys", MaxKeys)
	}
	l.at[k.ID] = len(l.keys)
	l.keys = append(l.keys, k)
	return nil
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Store answers whose token a token is, and follows the file as it changes. It is safe for concurrent use.
type Store struct {
	watched
	dir  string
	keys atomic.Pointer[map[string]Key] // by hash
}

// Open reads the keys in dir; there may be none yet.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir, watched: watched{path: filepath.Join(dir, FileName)}}
	s.keys.Store(&map[string]Key{})
	return s, s.refresh(s.load)
}

// Lookup returns the key of a token. An unknown token has the file looked at again, so a new key works at once.
func (s *Store) Lookup(token string) (Key, bool) {
	h := hash(token)
	k, ok := (*s.keys.Load())[h]
	if !ok || s.stale() {
		if s.refresh(s.load) == nil { // an unreadable file leaves the keys as they were
			k, ok = (*s.keys.Load())[h]
		}
	}
	return k, ok && !k.Revoked
}

func (s *Store) load() error {
	keys, err := List(s.dir)
	if err != nil {
		return err
	}
	byHash := make(map[string]Key, len(keys))
	for _, k := range keys {
		byHash[k.Hash] = k
	}
	s.keys.Store(&byHash)
	return nil
}
