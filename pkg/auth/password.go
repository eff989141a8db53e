package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"
)

// Bounds of passwords.
const (
	MinPasswordRunes = 12
	MaxPasswordBytes = 1 << 10
)

// Bounds of verifying: so many at once, each with the memory of its Cost, and so many that wait for their turn.
// What comes on top is told to come again, so that an attack on the log-in exhausts neither memory nor time.
const (
	MaxVerifications = 2 // 128 MiB at DefaultCost
	MaxWaiting       = 32
)

const (
	saltBytes = 16
	hashBytes = 32
)

// Cost is what one argon2id hash takes.
type Cost struct {
	MemoryKiB uint32
	Passes    uint32
	Lanes     uint8
}

// DefaultCost is the second recommended option of RFC 9106, section 4: 64 MiB, 3 passes, 4 lanes. It is above
// the least that OWASP asks for.
var DefaultCost = Cost{MemoryKiB: 64 << 10, Passes: 3, Lanes: 4}

// maxCost bounds what a line of the user file may ask for.
var maxCost = Cost{MemoryKiB: 256 << 10, Passes: 16, Lanes: 16}

// ErrBusy says that more log-ins wait than are taken.
var ErrBusy = errors.New("too many log-ins at once")

var errHash = errors.New("not an argon2id hash in PHC form")

// worst are passwords that are long enough and tried first.
var worst = []string{
	"123456789012", "1234567890123", "1234567890abc", "0123456789ab", "111111111111", "000000000000", "888888888888", "666666666666",
	"123123123123", "123456123456", "112233445566", "password1234", "passwordpassword", "p@ssw0rd1234", "qwertyuiop12", "qwertyuiopas",
	"qwerty123456", "1q2w3e4r5t6y", "1qaz2wsx3edc", "qazwsxedcrfv", "abcdefghijkl", "abcd12345678", "abc123456789", "administrator",
	"admin1234567", "iloveyou1234", "letmein12345", "welcome12345", "changeme1234", "woaini123456", "woaini5201314", "5201314520131",
	"a1b2c3d4e5f6", "banyan123456", "fuzhou123456", "fuzhou350100", "zhihuizhongxin",
}

// CheckPassword says what is wrong with a new password of the user with a name: too short, or among the first
// that are tried. Which characters it is made of does not matter.
func CheckPassword(name, password string) error {
	folded := strings.ToLower(canonical(password))
	switch {
	case !utf8.ValidString(password):
		return errors.New("the password is not UTF-8")
	case len(password) > MaxPasswordBytes:
		return fmt.Errorf("the password is longer than %d bytes", MaxPasswordBytes)
	case utf8.RuneCountInString(canonical(password)) < MinPasswordRunes:
		return fmt.Errorf("the password is shorter than %d characters; some words in a row are easy to remember", MinPasswordRunes)
	case strings.Trim(folded, "0123456789!@#$%^&*._- ") == strings.ToLower(name), strings.ReplaceAll(folded, strings.ToLower(name), "") == "":
		return errors.New("the password is the name")
	}
	for _, w := range worst {
		if folded == w {
			return errors.New("the password is one of those that are tried first")
		}
	}
	return nil
}

// canonical makes one password of what different keyboards send for the same characters.
func canonical(password string) string { return norm.NFC.String(password) }

// HashPassword returns password as an argon2id hash in PHC form.
func HashPassword(password string, c Cost) string {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	return phc(c, salt, c.key(password, salt))
}

func (c Cost) key(password string, salt []byte) []byte {
	return argon2.IDKey([]byte(canonical(password)), salt, c.Passes, c.MemoryKiB, c.Lanes, hashBytes)
}

func phc(c Cost, salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.MemoryKiB, c.Passes, c.Lanes, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// parseHash reads what phc writes.
func parseHash(s string) (c Cost, salt, key []byte, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.MemoryKiB, &c.Passes, &c.Lanes); err != nil {
		return c, nil, nil, errHash
	}
	if c.MemoryKiB > maxCost.MemoryKiB || c.Passes > maxCost.Passes || c.Lanes > maxCost.Lanes ||
		c.Passes == 0 || c.Lanes == 0 || c.MemoryKiB < 8*uint32(c.Lanes) {
		return c, nil, nil, fmt.Errorf("%w: its cost is out of bounds", errHash)
	}
	if salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err == nil {
		key, err = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	}
	if err != nil || len(salt) != saltBytes || len(key) != hashBytes || phc(c, salt, key) != s {
		return c, nil, nil, errHash
	}
	return c, salt, key, nil
}

// hasher verifies passwords, a few at once.
type hasher struct {
	turn    chan struct{}
	waiting atomic.Int64
	nobody  string       // stands for the password of who does not exist: nothing matches it
	done    atomic.Int64 // verifications, for tests
}

func newHasher(c Cost) *hasher {
	none := make([]byte, saltBytes+hashBytes)
	rand.Read(none)
	return &hasher{turn: make(chan struct{}, MaxVerifications), nobody: phc(c, none[:saltBytes], none[saltBytes:])}
}

// verify reports whether password is that of a hash. It takes as long for a hash that is empty. The error is
// ErrBusy, that of ctx, or says that the hash is none.
func (h *hasher) verify(ctx context.Context, hash, password string) (bool, error) {
	if hash == "" {
		hash = h.nobody
	}
	c, salt, want, err := parseHash(hash)
	if err != nil {
		return false, err
	}
	if h.waiting.Add(1) > MaxWaiting {
		h.waiting.Add(-1)
		return false, ErrBusy
	}
	select {
	case h.turn <- struct{}{}:
		h.waiting.Add(-1)
	case <-ctx.Done():
		h.waiting.Add(-1)
		return false, ctx.Err()
	}
	defer func() { <-h.turn }()
	h.done.Add(1)
	return subtle.ConstantTimeCompare(c.key(password, salt), want) == 1, nil
}
