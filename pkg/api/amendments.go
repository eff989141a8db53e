package api

import (
	"context"
	"net/http"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// MaxGapHours bounds how far ahead gaps are asked for.
const MaxGapHours = 60 * 24

func (s *Server) amendmentRoutes() {
	register(s, http.MethodGet, "/api/v1/rosters/gaps", "list-gaps", "Times ahead in which nobody is to hold a seat", []string{rosterRead}, s.listGaps)
	register(s, http.MethodGet, "/api/v1/rosters/amendments", "list-amendments", "Overrides, one-off shifts and leave made on top of the configured rosters", []string{rosterRead}, s.listAmendments)
	register(s, http.MethodPost, "/api/v1/rosters/amendments", "amend-roster", "Override, one-off shift or leave", []string{rosterEdit}, s.amend)
	register(s, http.MethodDelete, "/api/v1/rosters/amendments/{id}", "unamend-roster", "Take an amendment back", []string{rosterEdit}, s.unamend)
	register(s, http.MethodGet, "/api/v1/swaps", "list-swaps", "Swaps asked for, accepted, approved", []string{rosterRead}, s.listSwaps)
	register(s, http.MethodPost, "/api/v1/swaps", "ask-swap", "Ask somebody to take a shift of the caller's", []string{swapAsk}, s.askSwap)
	for _, a := range []alert.Action{alert.ActAccept, alert.ActApprove, alert.ActRefuse, alert.ActWithdraw} {
		register(s, http.MethodPost, "/api/v1/swaps/{id}/"+string(a), "swap-"+string(a), "A swap: "+string(a), []string{swapAsk, swapApprove},
			func(ctx context.Context, in *actionInput) (*body[*dispatch.Swap], error) {
				return s.stepSwap(ctx, in, a)
			})
	}
}

type gapsInput struct {
	Hours      int    `query:"hours" minimum:"1" maximum:"1440" default:"72"`
	Department string `query:"department" maxLength:"64"`
}

// GapList is the answer with the gaps ahead.
type GapList struct {
	Gaps  []dispatch.Gap `json:"gaps"`
	Total int            `json:"total"`
}

func (s *Server) listGaps(_ context.Context, in *gapsInput) (*body[GapList], error) {
	city, r, err := s.roster()
	if err != nil {
		return nil, err
	}
	out := GapList{Gaps: []dispatch.Gap{}}
	for _, g := range dispatch.GapsOf(city, r, alert.TimeOf(s.o.Now()), time.Duration(in.Hours)*time.Hour) {
		if in.Department == "" || g.Department == in.Department {
			out.Gaps = append(out.Gaps, g)
		}
	}
	out.Total = len(out.Gaps)
	return &body[GapList]{out}, nil
}

type departmentQuery struct {
	Department string `query:"department" maxLength:"64" doc:"Only of this department."`
}

// AmendmentList is the answer with amendments.
type AmendmentList struct {
	Amendments []*dispatch.Amendment `json:"amendments"`
}

func (s *Server) listAmendments(_ context.Context, in *departmentQuery) (*body[AmendmentList], error) {
	out := AmendmentList{Amendments: []*dispatch.Amendment{}}
	s.o.State.Read(func(st *dispatch.State) {
		for _, e := range st.Amendments() {
			if in.Department == "" || e.Department == in.Department {
				out.Amendments = append(out.Amendments, e)
			}
		}
	})
	return &body[AmendmentList]{out}, nil
}

type amendInput struct {
	Body struct {
		Kind       string     `json:"kind" enum:"override,one_off,leave"`
		Seat       string     `json:"seat,omitempty" maxLength:"64" doc:"Of an override or one-off shift."`
		Person     string     `json:"person" doc:"Who holds the seat; of leave, who is away. By the name the roster has."`
		Substitute string     `json:"substitute,omitempty" doc:"Of leave: who stands in."`
		From       alert.Time `json:"from"`
		To         alert.Time `json:"to"`
		Reason     string     `json:"reason"`
	}
}

func (s *Server) amend(ctx context.Context, in *amendInput) (*body[*dispatch.Amendment], error) {
	b := in.Body
	c := dispatch.Command{Type: dispatch.RosterAct, Action: alert.ActAmend, Amendment: &dispatch.Amendment{Kind: dispatch.AmendmentKind(b.Kind),
		Seat: b.Seat, Person: b.Person, Substitute: b.Substitute, From: b.From, To: b.To, Reason: b.Reason}}
	o := Object{}
	s.o.State.Read(func(st *dispatch.State) {
		city, seats := st.City(), []string{b.Seat}
		if city == nil {
			return
		}
		if c.Amendment.Kind == dispatch.AmendLeave {
			seats = st.Roster().SeatsOf(b.Person)
		}
		for _, id := range seats { // the engine refuses those of several departments
			if seat, ok := city.Seat(id); ok {
				o.Department = seat.Department
			}
		}
	})
	out, err := s.doRoster(ctx, c, rosterEdit, o)
	if err != nil {
		return nil, err
	}
	return &body[*dispatch.Amendment]{out.Amendment}, nil
}

func (s *Server) unamend(ctx context.Context, in *idInput) (*struct{}, error) {
	var was *dispatch.Amendment
	s.o.State.Read(func(st *dispatch.State) {
		for _, e := range st.Amendments() {
			if e.ID == in.ID {
				was = e
			}
		}
	})
	if was == nil {
		return nil, alert.Errorf(alert.CodeNotFound, "no amendment %q in force; GET /api/v1/rosters/amendments lists them", shortened(in.ID))
	}
	_, err := s.doRoster(ctx, dispatch.Command{Type: dispatch.RosterAct, Action: alert.ActUnamend, Target: in.ID}, rosterEdit, Object{Department: was.Department})
	return nil, err
}

// SwapList is the answer with swaps.
type SwapList struct {
	Swaps []*dispatch.Swap `json:"swaps"`
}

func (s *Server) listSwaps(_ context.Context, in *departmentQuery) (*body[SwapList], error) {
	out := SwapList{Swaps: []*dispatch.Swap{}}
	s.o.State.Read(func(st *dispatch.State) {
		for _, w := range st.Swaps() {
			if in.Department == "" || w.Department == in.Department {
				out.Swaps = append(out.Swaps, w)
			}
		}
	})
	return &body[SwapList]{out}, nil
}

type swapInput struct {
	Body struct {
		With   string          `json:"with" doc:"Who is to take the shift, by the name the roster has."`
		Give   dispatch.Stint  `json:"give" doc:"A shift of the caller's."`
		Return *dispatch.Stint `json:"return,omitempty" doc:"A shift of the other's that the caller takes for it."`
		Reason string          `json:"reason,omitempty"`
	}
}

func (s *Server) askSwap(ctx context.Context, in *swapInput) (*body[*dispatch.Swap], error) {
	b := in.Body
	o := Object{}
	s.o.State.Read(func(st *dispatch.State) {
		if city := st.City(); city != nil {
			if seat, ok := city.Seat(b.Give.Seat); ok {
				o.Department = seat.Department
			}
		}
	})
	c := dispatch.Command{Type: dispatch.RosterAct, Action: alert.ActSwap, Swap: &dispatch.Swap{With: b.With, Give: b.Give, Return: b.Return, Reason: b.Reason}}
	out, err := s.doRoster(ctx, c, swapAsk, o)
	if err != nil {
		return nil, err
	}
	return &body[*dispatch.Swap]{out.Swap}, nil
}

// stepSwap moves a swap on. Refusing one that was accepted is for whoever approves.
func (s *Server) stepSwap(ctx context.Context, in *actionInput, a alert.Action) (*body[*dispatch.Swap], error) {
	c, err := in.command(dispatch.RosterAct, a)
	if err != nil {
		return nil, err
	}
	var was *dispatch.Swap
	find := func(st *dispatch.State) {
		for _, w := range st.Swaps() {
			if w.ID == in.ID {
				was = w
			}
		}
	}
	s.o.State.Read(find)
	if was == nil {
		return nil, alert.Errorf(alert.CodeNotFound, "no swap %q; GET /api/v1/swaps lists them", shortened(in.ID))
	}
	right := swapAsk
	if a == alert.ActApprove || a == alert.ActRefuse && was.State == roster.SwapAccepted {
		right = swapApprove
	}
	if _, err := s.doRoster(ctx, c, right, Object{Department: was.Department}); err != nil {
		return nil, err
	}
	s.o.State.Read(find)
	return &body[*dispatch.Swap]{was}, nil
}

// doRoster has a command about the roster done in the name of a caller with the right to it, and returns its event;
// an empty one where there was nothing to do.
func (s *Server) doRoster(ctx context.Context, c dispatch.Command, right string, o Object) (dispatch.Event, error) {
	caller := callerOf(ctx)
	if err := s.o.Rights.Allowed(caller, right, o); err != nil {
		return dispatch.Event{}, err
	}
	actor, err := s.actor(caller, true)
	if err != nil {
		return dispatch.Event{}, err
	}
	c.By = &actor
	ctx, cancel := context.WithTimeout(ctx, CommandTimeout)
	defer cancel()
	out, err := s.o.Engine.Do(ctx, c)
	if err != nil || len(out.Events) == 0 {
		return dispatch.Event{}, err
	}
	return out.Events[0], nil
}
