// Package auth keeps bearer keys: who a token belongs to. Tokens are 256 random bits; the file holds only
// their SHA-256, which is as good as the token's own entropy and cheap enough to check on every request.
package auth

import (
	"bufio"
	"bytes"
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
	"sync"
	"sync/atomic"
	"time"
)

// Role is what a key is for.
type Role string

// The roles of keys.
const (
	RoleSource  Role = "source"  // a source system: posts alerts
	RoleWall    Role = "wall"    // a big screen: reads redacted data
	RoleOfficer Role = "officer" // an officer's console: reads and acts as a seat
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
	ID      string    `json:"id"`
	Hash    string    `json:"hash"` // SHA-256 of the token, hex
	Role    Role      `json:"role"`
	Source  string    `json:"source,omitempty"` // RoleSource
	Seat    string    `json:"seat,omitempty"`   // RoleOfficer
	Name    string    `json:"name,omitempty"`
	Created time.Time `json:"created"`
	Revoked bool      `json:"revoked,omitempty"`
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
	case k.Role != RoleSource && k.Role != RoleOfficer && k.Role != RoleWall:
		return fmt.Errorf("role %q: want source, wall or officer", k.Role)
	case k.Role != RoleSource && k.Source != "":
		return fmt.Errorf("--source goes with --role source, not %s", k.Role)
	case k.Role != RoleOfficer && k.Seat != "":
		return fmt.Errorf("--seat goes with --role officer, not %s", k.Role)
	case len(k.Name) > maxNameBytes || len(k.Seat) > maxNameBytes || len(k.Source) > maxNameBytes:
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
	return token, appendLine(dir, k)
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
			return appendLine(dir, k)
		}
	}
	return fmt.Errorf("no key with id %q; `banyan key list` shows them", id)
}

// List returns the keys in dir, the last word on each, in order of making.
func List(dir string) ([]Key, error) {
	f, err := os.Open(filepath.Join(dir, FileName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f)
}

func read(r io.Reader) ([]Key, error) {
	var keys []Key
	at := map[string]int{}
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, maxLineBytes), maxLineBytes)
	for line := 1; s.Scan(); line++ {
		if len(bytes.TrimSpace(s.Bytes())) == 0 {
			continue
		}
		var k Key
		if err := json.Unmarshal(s.Bytes(), &k); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", FileName, line, err)
		}
		if i, again := at[k.ID]; again {
			keys[i] = k
			continue
		}
		at[k.ID] = len(keys)
		if keys = append(keys, k); len(keys) > MaxKeys {
			return nil, fmt.Errorf("%s holds more than %d keys", FileName, MaxKeys)
		}
	}
	return keys, s.Err()
}

// appendLine adds one line with one write, so that a reader sees all of it or nothing.
func appendLine(dir string, k Key) error {
	line, err := json.Marshal(k)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, FileName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Sync(), f.Close())
}

func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Store answers whose token a token is, and follows the file as it changes. It is safe for concurrent use.
type Store struct {
	dir     string
	keys    atomic.Pointer[map[string]Key] // by hash
	checked atomic.Int64                   // Unix nanoseconds
	reload  sync.Mutex
	size    int64
	mtime   time.Time
}

// Open reads the keys in dir; there may be none yet.
func Open(dir string) (*Store, error) {
	s := &Store{dir: dir}
	s.keys.Store(&map[string]Key{})
	return s, s.refresh()
}

// Lookup returns the key of a token. An unknown token has the file looked at again, so a new key works at once.
func (s *Store) Lookup(token string) (Key, bool) {
	h := hash(token)
	k, ok := (*s.keys.Load())[h]
	if !ok || time.Now().UnixNano()-s.checked.Load() > int64(recheck) {
		if s.refresh() == nil { // an unreadable file leaves the keys as they were
			k, ok = (*s.keys.Load())[h]
		}
	}
	return k, ok && !k.Revoked
}

func (s *Store) refresh() error {
	s.reload.Lock()
	defer s.reload.Unlock()
	s.checked.Store(time.Now().UnixNano())
	info, err := os.Stat(filepath.Join(s.dir, FileName))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil || info.Size() == s.size && info.ModTime().Equal(s.mtime) {
		return err
	}
	keys, err := List(s.dir)
	if err != nil {
		return err
	}
	byHash := make(map[string]Key, len(keys))
	for _, k := range keys {
		byHash[k.Hash] = k
	}
	s.keys.Store(&byHash)
	s.size, s.mtime = info.Size(), info.ModTime()
	return nil
}
