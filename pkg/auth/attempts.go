package auth

import (
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Outcome is what became of an attempt to sign in.
type Outcome string

// The outcomes. What the caller is told does not tell the first three refusals apart.
const (
	SignedIn      Outcome = "signed_in"
	WrongPassword Outcome = "wrong_password"
	UnknownName   Outcome = "unknown_name"
	DisabledUser  Outcome = "disabled"
	Slowed        Outcome = "slowed"  // turned away unlooked at, because of those before it
	Busy          Outcome = "busy"    // turned away unlooked at, because too many wait
	Refused       Outcome = "refused" // by the OpenID provider, or its word was not enough
)

// Outcomes lists the outcomes.
var Outcomes = [...]Outcome{SignedIn, WrongPassword, UnknownName, DisabledUser, Slowed, Busy, Refused}

// Attempt is one attempt to sign in.
type Attempt struct {
	At      time.Time `json:"at"`
	Name    string    `json:"name,omitempty"` // "" for what can be no name: somebody may have typed a password there
	Address string    `json:"address"`
	Outcome Outcome   `json:"outcome"`
	Slowed  int       `json:"slowed,omitempty"` // attempts of this name or address turned away since the last that was looked at
	Reason  string    `json:"reason,omitempty"`
}

// AttemptsFile keeps the attempts to sign in, in the data directory.
const AttemptsFile = "logins.jsonl"

// maxAttemptsBytes bounds the file; then it is put aside as logins.jsonl.1 in place of the one before.
const maxAttemptsBytes = 32 << 20

// AttemptLog keeps attempts in a file: each that was looked at, and of those slowed in a row the first. The
// number of the others stands in the next line, so an attack fills the file no faster than it guesses. Those
// that found too many waiting are not in it.
type AttemptLog struct {
	path string
	most int64
	mu   sync.Mutex
}

// NewAttemptLog returns a log in the file in dir.
func NewAttemptLog(dir string) *AttemptLog {
	return &AttemptLog{path: filepath.Join(dir, AttemptsFile), most: maxAttemptsBytes}
}

// Add writes a down.
func (l *AttemptLog) Add(a Attempt) error {
	if a.Outcome == Busy || a.Outcome == Slowed && a.Slowed != 1 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if info, err := os.Stat(l.path); err == nil && info.Size() >= l.most {
		if err := os.Rename(l.path, l.path+".1"); err != nil {
			return err
		}
	}
	return appendTo(l.path, a, a.Outcome == SignedIn)
}
