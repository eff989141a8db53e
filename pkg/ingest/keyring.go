package ingest

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// KeyringFile is the file of the keys that seal, within the data folder.
const KeyringFile = "seal.keys"

const (
	sealKeyBytes = 32 // AES-256
	maxSealKeys  = 256
)

// Keyring seals what only an entitled role may see, and opens it. Its file holds a key a line, id and base64; the
// last one seals, all of them open, so that a line more is a new key and nothing is lost.
type Keyring struct {
	path string

	mu   sync.RWMutex
	keys map[string]cipher.AEAD
	last string // id of the key that seals
	mark []byte // digests of reporters are made with the first key, which does not change
}

// OpenKeyring reads the keys in a file, and makes it with one key where it is absent. A file that others may read
// is refused.
func OpenKeyring(path string) (*Keyring, error) {
	k := &Keyring{path: path}
	err := k.Reload()
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKeys(path); err == nil {
			err = k.Reload()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("keys that seal: %w", err)
	}
	return k, nil
}

// NewKeyring returns a keyring with one key that is kept nowhere, for trials.
func NewKeyring() *Keyring {
	var key [sealKeyBytes]byte
	_, _ = rand.Read(key[:]) // never fails
	block, _ := aes.NewCipher(key[:])
	aead, _ := cipher.NewGCM(block) // neither fails with a key of this length
	return &Keyring{keys: map[string]cipher.AEAD{"trial": aead}, last: "trial", mark: key[:]}
}

// makeKeys makes the file whole or not at all. Where another node was quicker, its file is the one.
func makeKeys(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var key [sealKeyBytes]byte
	_, _ = rand.Read(key[:])                       // never fails
	f, err := os.CreateTemp(dir, KeyringFile+".*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintf(f, "k1 %s\n", base64.StdEncoding.EncodeToString(key[:]))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Reload reads the file again; where it is not good, the keys stay as they are.
func (k *Keyring) Reload() error {
	info, err := os.Stat(k.path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%s may be read by others (mode %04o): chmod 600 it", k.path, mode)
	}
	b, err := os.ReadFile(k.path)
	if err != nil {
		return err
	}
	keys, last, mark := map[string]cipher.AEAD{}, "", []byte(nil)
	lines := bufio.NewScanner(bytes.NewReader(b))
	for n := 1; lines.Scan(); n++ {
		id, text, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
		if id == "" || strings.HasPrefix(id, "#") {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil || len(raw) != sealKeyBytes || keys[id] != nil || len(keys) >= maxSealKeys {
			return fmt.Errorf("%s:%d: want an id, new in the file, and 32 bytes in base64; at most %d lines", k.path, n, maxSealKeys)
		}
		block, err := aes.NewCipher(raw)
		if err != nil {
			return err
		}
		if keys[id], err = cipher.NewGCM(block); err != nil {
			return err
		}
		if last = id; mark == nil {
			mark = raw
		}
	}
	if last == "" {
		return fmt.Errorf("%s holds no key", k.path)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys, k.last, k.mark = keys, last, mark
	return nil
}

// Seal encrypts plain, bound to what it belongs to: nothing opens it as a part of something else.
func (k *Keyring) Seal(belongs string, fields []string, plain []byte) *alert.Box {
	k.mu.RLock()
	defer k.mu.RUnlock()
	aead := k.keys[k.last]
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
	_, _ = rand.Read(nonce) // never fails
	return &alert.Box{Key: k.last, Fields: fields, Data: aead.Seal(nonce, nonce, plain, []byte(belongs))}
}

// Open decrypts what Seal made.
func (k *Keyring) Open(belongs string, box *alert.Box) ([]byte, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	aead := k.keys[box.Key]
	if aead == nil {
		return nil, fmt.Errorf("it is sealed with key %q, which %s does not hold", box.Key, filepath.Base(k.path))
	}
	n := aead.NonceSize()
	if len(box.Data) < n {
		return nil, errors.New("the sealed data is cut short")
	}
	plain, err := aead.Open(nil, box.Data[:n], box.Data[n:], []byte(belongs))
	if err != nil {
		return nil, errors.New("the sealed data was changed, or belongs to something else")
	}
	return plain, nil
}

// Digest returns what is equal for equal texts and tells nothing else to whoever lacks the key.
func (k *Keyring) Digest(text string) string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	mac := hmac.New(sha256.New, k.mark)
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}
