package api

import (
	"context"
	"net/http"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Caller is who a request comes from: a key, or a person who is signed in.
type Caller struct {
	Roles  []string    // what they may do because of them is asked of Rights
	Source string      // of the key of a source
	Actor  alert.Actor // who acts; the seat is that of an officer's key
	Person bool        // signed in
	Seat   string      // that a person says they act as; checked before it counts
	Key    string      // of the key or person, for logs and limits

	Session string    // id of a person's session
	Expires time.Time // when that ends whatever is done
}

// Object is what something is asked of. An empty one stands for the city as a whole.
type Object struct {
	Department string   // whose it is: of a task, a seat, a handover
	Part       []string // the departments that take part, of an incident
}

// Rights say what a caller may do. An action has a name such as incident.read or task.acknowledge.
type Rights interface {
	// Allowed returns nil, or an *alert.Error that says why not.
	Allowed(c Caller, action string, o Object) error
	// Ever reports whether the caller may do it to anything at all.
	Ever(c Caller, action string) bool
}

// The actions that routes are guarded by, beside those on tasks, incidents, seats and handovers, which are
// named by the kind of the command and the action.
const (
	alertSubmit      = "alert.submit"
	cityRead         = "city.read"
	boardRead        = "board.read"
	boardRedacted    = "board.read_redacted"
	incidentRead     = "incident.read"
	incidentRedacted = "incident.read_redacted"
	timelineRead     = "incident.timeline"
	handoverRead     = "handover.read"
	rosterRead       = "roster.read"
	calendarRead     = "roster.subscribe"
	statisticsRead   = "statistics.read"
	rosterEdit       = "roster.edit"
	swapAsk          = "swap.ask"
	swapApprove      = "swap.approve"
	seatMaintain     = "seat.maintain"
	sourceMaintain   = "source.maintain"
	metricsRead      = "metrics.read"
	auditRead        = "audit.read"
	configLoad       = "config.load"
	nodeSnapshot     = "node.snapshot"
	layerRead        = "layer.read"
	layerPublic      = "layer.read_public"
	sourceRead       = "source.read"
	quarantineRead   = "source.quarantine"
	quarantineReplay = "source.replay"
	sealedRead       = "incident.read_sealed"
	unseal           = "incident.unseal"
	actAs            = "act_as."
)

// kinds names what a command acts on.
var kinds = map[dispatch.CommandType]string{
	dispatch.TaskAct: "task.", dispatch.IncidentAct: "incident.", dispatch.SeatAct: "seat.", dispatch.HandoverAct: "handover.",
}

// SeatHeader is the header in which a person says which seat they act as.
const SeatHeader = "Banyan-Seat"

// ever refuses a caller who may do none of the actions to anything.
func (s *Server) ever(c Caller, actions ...string) error {
	for _, a := range actions {
		if s.o.Rights.Ever(c, a) {
			return nil
		}
	}
	return s.o.Rights.Allowed(c, actions[0], Object{})
}

// partIn is an incident as an object of rights.
func partIn(doc *alert.Incident) Object {
	o := Object{Part: make([]string, len(doc.Tasks))}
	for i, t := range doc.Tasks {
		o.Part[i] = t.Department
	}
	return o
}

// shown returns an incident as the caller may see it, or why they may not.
func (s *Server) shown(ctx context.Context, doc *alert.Incident) (*alert.Incident, error) {
	c := callerOf(ctx)
	err := s.o.Rights.Allowed(c, readOf(doc), partIn(doc))
	if err == nil {
		return doc, nil
	}
	if doc.Sensitivity == alert.Sealed {
		return nil, err
	}
	if s.o.Rights.Allowed(c, incidentRedacted, partIn(doc)) == nil {
		return dispatch.RedactIncident(doc), nil
	}
	return nil, err
}

// readOf is the action of reading an incident whole.
func readOf(doc *alert.Incident) string {
	if doc.Sensitivity == alert.Sealed {
		return sealedRead
	}
	return incidentRead
}

// sight is how much of every incident a caller sees, where that is the same of all.
type sight uint8

const (
	some     sight = iota // that depends on the incident
	whole                 // all of each
	redacted              // of each, what walls see
)

func (s *Server) sightOf(ctx context.Context) sight {
	c := callerOf(ctx)
	switch {
	case s.o.Rights.Allowed(c, incidentRead, Object{}) == nil:
		return whole
	case s.o.Rights.Allowed(c, incidentRedacted, Object{}) == nil:
		return redacted
	}
	return some
}

// sees reports whether a caller sees one incident whole.
func (s *Server) sees(ctx context.Context, doc *alert.Incident) bool {
	return s.o.Rights.Allowed(callerOf(ctx), readOf(doc), partIn(doc)) == nil
}

// entitled returns c with who does it, if the caller may do it to its target. A target that is not there is
// left to the engine.
func (s *Server) entitled(ctx context.Context, c dispatch.Command) (dispatch.Command, error) {
	caller := callerOf(ctx)
	var o Object
	var seat *plan.Seat
	found := false
	var sealed error
	s.o.State.Read(func(st *dispatch.State) {
		switch c.Type {
		case dispatch.TaskAct:
			var t *alert.Task
			if t, _, found = st.Task(c.Target); found {
				o.Department = t.Department
			}
		case dispatch.IncidentAct:
			var doc *alert.Incident
			if doc, found = st.Incident(c.Target); found {
				o = partIn(doc)
				if err := s.o.Rights.Allowed(caller, readOf(doc), o); doc.Sensitivity == alert.Sealed && err != nil {
					sealed = err
				}
			}
		case dispatch.SeatAct, dispatch.HandoverAct:
			if seat, found = seatOf(st, c); found {
				o.Department = seat.Department
			}
		}
	})
	if sealed != nil {
		return c, sealed
	}
	if found {
		if err := s.o.Rights.Allowed(caller, kinds[c.Type]+string(c.Action), o); err != nil {
			return c, err
		}
	}
	takesSeat := c.Action == alert.ActSignOn || c.Action == alert.ActConfirm
	if caller.Person && seat != nil && takesSeat {
		if err := s.mayBe(caller, seat); err != nil {
			return c, err
		}
	}
	actor, err := s.actor(caller, c.Type == dispatch.SeatAct || c.Type == dispatch.HandoverAct || c.Action == alert.ActUnseal)
	c.By = &actor
	return c, err
}

// seatOf returns the seat that a command is about.
func seatOf(st *dispatch.State, c dispatch.Command) (*plan.Seat, bool) {
	city := st.City()
	if city == nil {
		return nil, false
	}
	if c.Action != alert.ActConfirm {
		return city.Seat(c.Target)
	}
	for _, seat := range city.Seats {
		if h, open := st.Handover(seat.ID); open && h.ID == c.Target {
			return seat, true
		}
	}
	return nil, false
}

func (s *Server) mayBe(c Caller, seat *plan.Seat) error {
	return s.o.Rights.Allowed(c, actAs+string(seat.Role), Object{Department: seat.Department})
}

// actor returns who acts. A person acts as the seat the request names, or else the one they are signed on to;
// only what is done about a seat itself may be done without one.
func (s *Server) actor(c Caller, seatless bool) (alert.Actor, error) {
	if !c.Person {
		return c.Actor, nil
	}
	actor, id := c.Actor, c.Seat
	var seat *plan.Seat
	s.o.State.Read(func(st *dispatch.State) {
		if id == "" {
			id = signedOn(st, c)
		}
		if city := st.City(); city != nil && id != "" {
			seat, _ = city.Seat(id)
		}
	})
	switch {
	case seat != nil:
		actor.Seat = seat.ID
		return actor, s.mayBe(c, seat)
	case id != "":
		return actor, alert.Errorf(alert.CodeForbidden, "seat %q in %s is not configured in this city", shortened(id), SeatHeader)
	case seatless:
		return actor, nil
	}
	return actor, alert.Errorf(alert.CodeForbidden, "sign on to a seat first, or name in the header %s the one you act as", SeatHeader)
}

// signedOn returns the one seat a person is signed on to, "" for none and for several.
func signedOn(st *dispatch.State, c Caller) (seat string) {
	city := st.City()
	if city == nil {
		return ""
	}
	for _, on := range st.SignOns() {
		at, ok := city.Seat(on.Seat)
		if !ok || at.Department != c.Actor.Department || on.Officer != c.Actor.Name {
			continue
		}
		if seat != "" {
			return ""
		}
		seat = on.Seat
	}
	return seat
}

// guarded lets a handler of the library's kind be used by those who may do an action at all.
func (s *Server) guarded(next http.Handler, actions ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.ever(callerOf(r.Context()), actions...); err != nil {
			WriteProblem(w, err)
			return
		}
		next.ServeHTTP(w, r)
	})
}
