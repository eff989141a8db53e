package auth

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// SessionsFile keeps the sessions in the data directory, so that a restart signs nobody out.
const SessionsFile = "sessions.jsonl"

// How long a session lasts. An open console counts as use, so a duty room is not signed out while it watches;
// the longest duty is 24 hours and a handover.
const (
	SessionIdle     = 30 * time.Minute // without a request or an open console
	SessionAbsolute = 25 * time.Hour   // whatever is done
	usedEvery       = 5 * time.Minute  // the file learns of use this seldom
)

// Bounds of sessions.
const (
	MaxSessions        = 20_000
	MaxSessionsPerUser = 8 // past it the oldest ends
	compactAfter       = 4_096
	sessionTokenBytes  = 32
)

// Session is a person signed in, as the file holds it; the token is not in it.
type Session struct {
	ID         string    `json:"id"` // SHA-256 of the token, hex
	User       string    `json:"user"`
	Credential string    `json:"credential,omitempty"` // of the user when it began; "" for who came from an OpenID provider
	Display    string    `json:"display,omitempty"`    // this and the next two: what the provider said
	Department string    `json:"department,omitempty"`
	Roles      []Role    `json:"roles,omitempty"`
	Created    time.Time `json:"created"`
	Used       time.Time `json:"used"`
	Ended      bool      `json:"ended,omitempty"`
}

// Expires is when the session ends whatever is done.
func (s *Session) Expires() time.Time { return s.Created.Add(SessionAbsolute) }

func (s *Session) over(now time.Time) bool {
	return s.Ended || now.Sub(s.Used) >= SessionIdle || !now.Before(s.Expires())
}

// held is a session and how much of it the file knows.
type held struct {
	Session
	written time.Time // Used as the file has it
}

// sessions are those that are not over. They are safe for concurrent use, and several nodes may have them in one file:
// each writes under a lock and reads what others wrote.
type sessions struct {
	watched
	mu    sync.Mutex
	byID  map[string]*held
	lines int // in the file
}

// openSessions reads the sessions in dir.
func openSessions(dir string, now time.Time) (*sessions, error) {
	s := &sessions{watched: watched{path: filepath.Join(dir, SessionsFile)}, byID: map[string]*held{}}
	return s, s.locked(func() error {
		if err := s.refresh(func() error { return s.load(now) }); err != nil {
			return err
		}
		return s.compact()
	})
}

// load takes in what the file says. A line that is none is passed over: whoever it was signs in again.
func (s *sessions) load(now time.Time) error {
	s.lines = 0
	err := readFile(s.path, func(line []byte) error {
		s.lines++
		var x Session
		if json.Unmarshal(line, &x) != nil || len(x.ID) != 64 || x.User == "" {
			return nil
		}
		known := s.byID[x.ID]
		switch {
		case x.over(now) && (x.Ended || known == nil || known.over(now)):
			delete(s.byID, x.ID)
		case known != nil:
			if x.Used.After(known.Used) { // at another node
				known.Used = x.Used
			}
		case len(s.byID) < MaxSessions:
			s.byID[x.ID] = &held{x, x.Used}
		}
		return nil
	})
	if errors.Is(err, bufio.ErrTooLong) { // torn beyond repair: everybody signs in again
		err, s.byID = nil, map[string]*held{}
	}
	return err
}

// look has what other nodes wrote, at most recheck ago; fresh looks now. An unreadable file leaves all as it was.
func (s *sessions) look(now time.Time, fresh bool) {
	if fresh || s.stale() {
		_ = s.refresh(func() error { return s.load(now) })
	}
}

// begin starts a session and returns its token, which is kept nowhere.
func (s *sessions) begin(x Session, now time.Time) (token string, err error) {
	secret := make([]byte, sessionTokenBytes)
	rand.Read(secret)
	token = base64.RawURLEncoding.EncodeToString(secret)
	x.ID, x.Created, x.Used = hash(token), now, now
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.room(x.User, now); err != nil {
		return "", err
	}
	if err := s.write(&x, true); err != nil {
		return "", err
	}
	s.byID[x.ID] = &held{x, now}
	return token, nil
}

// room ends the oldest session of a user who has too many, and sweeps out what is over when all is full.
func (s *sessions) room(user string, now time.Time) error {
	var oldest *held
	mine := 0
	for id, h := range s.byID {
		if h.over(now) {
			delete(s.byID, id)
		} else if h.User == user {
			if mine++; oldest == nil || h.Created.Before(oldest.Created) {
				oldest = h
			}
		}
	}
	if mine >= MaxSessionsPerUser {
		return s.end(oldest)
	}
	if len(s.byID) >= MaxSessions {
		return ErrBusy
	}
	return nil
}

// find returns the session of a token, and notes that it is used.
func (s *sessions) find(token string, now time.Time) (Session, bool) {
	return s.touch(hash(token), now)
}

// touch is find by id.
func (s *sessions) touch(id string, now time.Time) (Session, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look(now, s.byID[id] == nil)
	h := s.byID[id]
	if h == nil {
		return Session{}, false
	}
	if h.over(now) {
		delete(s.byID, id)
		return Session{}, false
	}
	if now.After(h.Used) { // many at once come in any order
		h.Used = now
	}
	if h.Used.Sub(h.written) >= usedEvery && s.write(&h.Session, false) == nil {
		h.written = h.Used
	}
	return h.Session, true
}

// close ends the session with an id, if there is one.
func (s *sessions) close(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h := s.byID[id]; h != nil {
		return s.end(h)
	}
	return nil
}

func (s *sessions) end(h *held) error {
	err := s.write(&Session{ID: h.ID, User: h.User, Created: h.Created, Used: h.Used, Ended: true}, true)
	delete(s.byID, h.ID) // also where the file cannot be told
	return err
}

// write appends x; to be sure that the disk has it costs time that a mere use is not worth.
func (s *sessions) write(x *Session, sure bool) error {
	return s.locked(func() error {
		if s.lines++; s.lines > compactAfter+4*len(s.byID) {
			s.look(x.Used, true)
			if err := s.compact(); err != nil {
				return err
			}
		}
		alone := s.unchanged()
		err := appendTo(s.path, x, sure)
		if alone {
			s.note() // what this node wrote itself it need not read
		}
		return err
	})
}

// compact writes the file anew with the sessions there are, and puts it in the place of the old one at once. The caller
// holds the lock, and has read what others wrote.
func (s *sessions) compact() error {
	next := s.path + ".new"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	e := json.NewEncoder(w)
	for _, h := range s.byID {
		err = errors.Join(err, e.Encode(&h.Session))
		h.written = h.Used
	}
	if err = errors.Join(err, w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	s.lines = len(s.byID)
	err = os.Rename(next, s.path)
	s.note()
	return err
}

// flush writes down what is known now, for an orderly stop.
func (s *sessions) flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.compact()
}
