package auth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Waits of a log-in.
const (
	verifyPatience = 10 * time.Second // for its turn to be verified
	busyFor        = 5 * time.Second  // what is told to whom no turn was given
)

// Person is somebody who is signed in.
type Person struct {
	Name       string
	Display    string // 姓名; the name where there is none
	Department string
	Roles      []Role
	Session    string // id of the session
	Expires    time.Time
}

// Subject is the person as the table of rights sees them.
func (p *Person) Subject() Subject { return Subject{Roles: p.Roles, Department: p.Department} }

// Refusal is the error of a log-in that helps to come again for.
type Refusal struct {
	Err   *alert.Error
	After time.Duration
}

// Error implements error.
func (r *Refusal) Error() string { return r.Err.Error() }

// Unwrap returns what the caller is told.
func (r *Refusal) Unwrap() error { return r.Err }

// RetryAfter is how long to wait.
func (r *Refusal) RetryAfter() time.Duration { return r.After }

// LoginOptions are what Logins are made of.
type LoginOptions struct {
	Dir     string           // of the data; made if absent
	Cost    Cost             // of verifying who does not exist; zero: DefaultCost
	Now     func() time.Time // nil: time.Now
	Observe func(Attempt)    // told of every attempt, by several goroutines; nil: nobody is
}

// Logins let people in and out and know who is in. They are safe for concurrent use.
type Logins struct {
	o        LoginOptions
	users    *userStore
	sessions *sessions
	lockout  *lockout
	hasher   *hasher
}

// OpenLogins reads users and sessions in the data directory; there may be none yet.
func OpenLogins(o LoginOptions) (*Logins, error) {
	if o.Cost == (Cost{}) {
		o.Cost = DefaultCost
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Observe == nil {
		o.Observe = func(Attempt) {}
	}
	if err := os.MkdirAll(o.Dir, 0o750); err != nil {
		return nil, err
	}
	users, err := openUsers(o.Dir)
	if err != nil {
		return nil, err
	}
	open, err := openSessions(o.Dir, o.Now())
	if err != nil {
		return nil, err
	}
	return &Logins{o: o, users: users, sessions: open, lockout: newLockout(), hasher: newHasher(o.Cost)}, nil
}

// Close writes down when each session was last used.
func (l *Logins) Close() error { return l.sessions.flush() }

// Login checks a name and password and starts a session. The error is an *alert.Error, the same and after the
// same time for a name nobody has, a wrong password and a user who was disabled; or a *Refusal with one.
func (l *Logins) Login(ctx context.Context, name, password string, from netip.Addr) (token string, p Person, err error) {
	name = strings.ToLower(strings.TrimSpace(name))
	a := Attempt{At: l.o.Now().UTC(), Address: from.String()}
	if !nameForm.MatchString(name) {
		name = ""
	}
	a.Name = name
	t, wait, slowed := l.lockout.begin(name, from, a.At)
	if a.Slowed = slowed; wait > 0 {
		a.Outcome = Slowed
		l.o.Observe(a)
		return "", Person{}, &Refusal{alert.Errorf(alert.CodeRateLimited, "too many attempts to sign in: try again in %v", wait.Round(time.Second)), wait}
	}
	u, known := l.users.find(name, true)
	a.Outcome, err = l.judge(ctx, u, known, password)
	switch {
	case a.Outcome == Busy:
		l.lockout.unjudged(t)
		err = &Refusal{alert.Errorf(alert.CodeUnavailable, "too many people sign in at once: try again"), busyFor}
	case err != nil: // of the file; not to be guessed around
		err = fmt.Errorf("password of %s: %w", name, err)
	case a.Outcome == SignedIn:
		if token, p, err = l.enter(Session{User: name, Credential: u.Credential}, a.At); err == nil {
			l.lockout.good(t, a.At)
		}
	default:
		err = alert.Errorf(alert.CodeUnauthorized, "name or password is wrong")
	}
	l.o.Observe(a)
	return token, p, err
}

// judge verifies a password, in the same time whoever it is said to be of.
func (l *Logins) judge(ctx context.Context, u User, known bool, password string) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, verifyPatience)
	defer cancel()
	match, err := l.hasher.verify(ctx, u.Password, password)
	switch {
	case errors.Is(err, ErrBusy) || ctx.Err() != nil && err != nil:
		return Busy, err
	case err != nil:
		return WrongPassword, err
	case !known || u.Password == "":
		return UnknownName, nil
	case !match:
		return WrongPassword, nil
	case u.Disabled:
		return DisabledUser, nil
	}
	return SignedIn, nil
}

// enter starts a session.
func (l *Logins) enter(x Session, now time.Time) (string, Person, error) {
	token, err := l.sessions.begin(x, now)
	if errors.Is(err, ErrBusy) {
		return "", Person{}, &Refusal{alert.Errorf(alert.CodeUnavailable, "%d people are signed in, no more are taken", MaxSessions), busyFor}
	}
	if err != nil {
		return "", Person{}, fmt.Errorf("starting a session: %w", err)
	}
	p, ok := l.Who(token)
	if !ok { // disabled in the meantime
		return "", Person{}, alert.Errorf(alert.CodeUnauthorized, "name or password is wrong")
	}
	return token, p, nil
}

// Admit starts a session for a person whom an OpenID provider vouches for, unless the user file keeps them out.
func (l *Logins) Admit(id Identity, from netip.Addr) (token string, p Person, err error) {
	a := Attempt{At: l.o.Now().UTC(), Name: oidcPrefix + id.Subject, Address: from.String(), Outcome: SignedIn}
	if err = id.check(); err == nil {
		if u, known := l.users.find(a.Name, true); known && u.Disabled {
			a.Outcome, err = DisabledUser, alert.Errorf(alert.CodeForbidden, "this person may not sign in here")
		}
	}
	if err == nil {
		token, p, err = l.enter(Session{User: a.Name, Display: id.Name, Department: id.Department, Roles: id.Roles}, a.At)
	}
	if err != nil && a.Outcome == SignedIn {
		a.Outcome, a.Reason = Refused, err.Error()
	}
	l.o.Observe(a)
	return token, p, err
}

// Refuse reports an attempt that an OpenID provider ended.
func (l *Logins) Refuse(reason string, from netip.Addr) {
	l.o.Observe(Attempt{At: l.o.Now().UTC(), Address: from.String(), Outcome: Refused, Reason: reason})
}

// Who returns whose session a token is, and counts it as use.
func (l *Logins) Who(token string) (Person, bool) {
	x, ok := l.sessions.find(token, l.o.Now())
	if !ok {
		return Person{}, false
	}
	return l.person(x)
}

// Touch counts an open console as use of a session, and reports whether it goes on.
func (l *Logins) Touch(session string) bool {
	x, ok := l.sessions.touch(session, l.o.Now())
	if ok {
		_, ok = l.person(x)
	}
	return ok
}

// person returns who has a session, and ends it where the user file says so.
func (l *Logins) person(x Session) (Person, bool) {
	u, known := l.users.find(x.User, false)
	if federated := x.Credential == ""; federated {
		if !known {
			u = User{Name: x.User, Display: x.Display, Department: x.Department, Roles: x.Roles}
		}
	} else if !known || u.Credential != x.Credential {
		u.Disabled = true
	}
	if u.Disabled {
		_ = l.sessions.close(x.ID) // it is over here, whatever the file knows
		return Person{}, false
	}
	p := Person{Name: u.Name, Display: u.Display, Department: u.Department, Roles: u.Roles, Session: x.ID, Expires: x.Expires()}
	if p.Display == "" {
		p.Display = u.Name
	}
	return p, true
}

// Logout ends the session of a token.
func (l *Logins) Logout(token string) error { return l.sessions.close(hash(token)) }
