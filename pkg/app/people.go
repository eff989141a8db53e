package app

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/gorilla/websocket"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/push"
)

// rights asks the one table of rights.
type rights struct{}

func subject(c api.Caller) auth.Subject {
	s := auth.Subject{Roles: make([]auth.Role, len(c.Roles)), Department: c.Actor.Department}
	for i, r := range c.Roles {
		s.Roles[i] = auth.Role(r)
	}
	return s
}

// Allowed implements api.Rights.
func (rights) Allowed(c api.Caller, action string, o api.Object) error {
	return auth.Allowed(subject(c), auth.Action(action), auth.Object(o))
}

// Ever implements api.Rights.
func (rights) Ever(c api.Caller, action string) bool {
	return auth.Ever(subject(c), auth.Action(action))
}

// people lets people in and out, and counts how often they try.
type people struct {
	*auth.Logins
	app      *App
	attempts *auth.AttemptLog
	provider auth.Provider // nil: none
	tries    map[auth.Outcome]*atomic.Int64
}

func (a *App) openPeople() (err error) {
	p := &people{app: a, attempts: auth.NewAttemptLog(a.o.AccessDir), tries: map[auth.Outcome]*atomic.Int64{}}
	for _, o := range auth.Outcomes {
		p.tries[o] = new(atomic.Int64)
	}
	if a.o.OIDC.Issuer != "" {
		if p.provider, err = auth.NewProvider(a.o.OIDC); err != nil {
			return err
		}
	}
	p.Logins, err = auth.OpenLogins(auth.LoginOptions{Dir: a.o.AccessDir, Cost: a.o.LoginCost, Observe: p.observe})
	if err != nil {
		return err
	}
	count := func(outcomes ...auth.Outcome) func() float64 {
		return func() (n float64) {
			for _, o := range outcomes {
				n += float64(p.tries[o].Load())
			}
			return n
		}
	}
	a.metrics.Counter("banyan_logins_total", "People who signed in.", count(auth.SignedIn))
	a.metrics.Counter("banyan_logins_refused_total", "Attempts to sign in that were looked at and refused.",
		count(auth.WrongPassword, auth.UnknownName, auth.DisabledUser, auth.Refused))
	a.metrics.Counter("banyan_logins_slowed_total", "Attempts to sign in that were turned away unlooked at, because of those before them or too many at once.",
		count(auth.Slowed, auth.Busy))
	a.people = p
	return nil
}

// observe writes an attempt down. What is slowed is counted; the first of a row is told.
func (p *people) observe(at auth.Attempt) {
	p.tries[at.Outcome].Add(1)
	if err := p.attempts.Add(at); err != nil {
		p.app.o.Logger.Error("writing down an attempt to sign in", "error", err)
	}
	switch {
	case at.Outcome == auth.SignedIn:
		p.app.o.Logger.Info("signed in", "user", at.Name, "address", at.Address)
	case at.Outcome != auth.Busy && (at.Outcome != auth.Slowed || at.Slowed == 1):
		p.app.o.Logger.Warn("not signed in", "user", at.Name, "address", at.Address, "outcome", at.Outcome, "slowed", at.Slowed, "reason", at.Reason)
	}
}

// callerOf is a person as a caller. Seat is what they say they act as.
func callerOf(p auth.Person, seat string) api.Caller {
	c := api.Caller{Person: true, Seat: seat, Key: "user/" + p.Name, Session: p.Session, Expires: p.Expires,
		Actor: alert.Actor{Department: p.Department, Name: p.Display, User: p.Name}}
	for _, r := range p.Roles {
		c.Roles = append(c.Roles, string(r))
	}
	return c
}

// Login implements api.Logins.
func (p *people) Login(ctx context.Context, name, password string, from netip.Addr) (string, api.Caller, error) {
	token, who, err := p.Logins.Login(ctx, name, password, from)
	return token, callerOf(who, ""), err
}

// Federated implements api.Logins.
func (p *people) Federated() bool { return p.provider != nil }

// Depart implements api.Logins.
func (p *people) Depart(ctx context.Context) (url, secret string, err error) {
	f := auth.NewFlow()
	url, err = p.provider.URL(ctx, f)
	return url, f.Cookie(), err
}

// Return implements api.Logins.
func (p *people) Return(ctx context.Context, secret, state, code, refused string, from netip.Addr) (string, error) {
	f, ok := auth.ParseFlow(secret)
	var id auth.Identity
	err := error(nil)
	switch {
	case !ok || !f.Answers(state):
		err = alert.Errorf(alert.CodeForbidden, "this browser did not ask for that, or too long ago: sign in again")
	case refused != "" || code == "":
		err = alert.Errorf(alert.CodeForbidden, "the OpenID provider refused: %.100q", refused)
	default:
		id, err = p.provider.Redeem(ctx, f, code)
	}
	if err != nil {
		p.Refuse(err.Error(), from)
		return "", err
	}
	token, _, err := p.Admit(id, from)
	return token, err
}

// peer returns the address of a request and whether it came over TLS.
func (a *App) peer(r *http.Request) (netip.Addr, bool) { return auth.Peer(r, a.o.Proxies) }

// seatProtocol begins the subprotocol in which a person's console says which seat it is at.
const seatProtocol = "seat."

// person finds out whose session a request carries. A websocket, which in a browser has no headers of its own,
// names the seat in a subprotocol.
func (a *App) person(r *http.Request) (api.Caller, bool) {
	_, secure := a.peer(r)
	token := api.SessionToken(r, secure)
	if token == "" {
		return api.Caller{}, false
	}
	p, ok := a.people.Who(token)
	if !ok {
		return api.Caller{}, false
	}
	return callerOf(p, seatNamed(r)), true
}

// seatNamed returns the seat a person says they are at.
func seatNamed(r *http.Request) string {
	seat := r.Header.Get(api.SeatHeader)
	for _, offered := range websocket.Subprotocols(r) {
		if id, ok := strings.CutPrefix(offered, seatProtocol); ok {
			seat = id
		}
	}
	return seat
}

// topicAllowed says whether a caller may follow a topic.
func (a *App) topicAllowed(c api.Caller, redacted bool, t push.Topic) error {
	if t.Kind == push.Layers {
		action := auth.LayerRead
		if redacted {
			action = auth.LayerPublic
		}
		return rights{}.Allowed(c, string(action), api.Object{})
	}
	if redacted {
		if t.Kind == push.Wall || t.Kind == push.Cells || t.Kind == push.BBox {
			return nil
		}
		return alert.Errorf(alert.CodeForbidden, "a wall may subscribe to wall, cells, bbox and layers, not to %s", t)
	}
	var o api.Object
	switch t.Kind {
	case push.Department:
		o.Department = t.ID
	case push.Seat:
		if seat, ok := a.seat(t.ID); ok {
			o.Department = seat.Department
		}
	case push.Incident:
		a.seq.Replica().Read(func(st *dispatch.State) {
			if doc, ok := st.Incident(t.ID); ok {
				for _, task := range doc.Tasks {
					o.Part = append(o.Part, task.Department)
				}
			}
		})
	}
	return rights{}.Allowed(c, string(auth.IncidentRead), o)
}

// keyCaller is a key as a caller.
func (a *App) keyCaller(k auth.Key) api.Caller {
	c := api.Caller{Key: k.ID, Roles: []string{string(k.Role)}}
	switch k.Role {
	case auth.RoleSource:
		c.Source = k.Source
	case auth.RoleCalendar:
		c.Actor = alert.Actor{Department: k.Department}
	case auth.RoleOfficer:
		c.Roles, c.Actor = []string{string(auth.RoleSeatKey)}, alert.Actor{Seat: k.Seat, Name: k.Name}
		if seat, ok := a.seat(k.Seat); ok {
			c.Actor.Department = seat.Department
		}
	}
	return c
}

// heard returns what is to be told at each sign of life of an officer's console, nil for others. A person's
// console keeps a seat present only while they themselves are signed on there.
func (a *App) heard(c api.Caller) func() {
	switch {
	case slices.Contains(c.Roles, string(auth.RoleSeatKey)):
		return func() { a.presence.hear(c.Actor.Seat) }
	case c.Person:
		return func() {
			own := false
			a.seq.Replica().Read(func(st *dispatch.State) {
				on, ok := st.SignOn(c.Seat)
				own = ok && on.Officer == c.Actor.Name
			})
			if seat, ok := a.seat(c.Seat); own && ok && seat.Department == c.Actor.Department {
				a.presence.hear(c.Seat)
			}
		}
	}
	return nil
}
