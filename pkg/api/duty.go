package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

func (s *Server) dutyRoutes() {
	for _, a := range []alert.Action{alert.ActSignOn, alert.ActSignOff} {
		register(s, http.MethodPost, "/api/v1/seats/{id}/"+string(a), "seat-"+string(a), "A seat: "+string(a), []string{"seat." + string(a)},
			func(ctx context.Context, in *actionInput) (*body[Seat], error) {
				return s.actOnSeat(ctx, in, a)
			})
	}
	register(s, http.MethodPost, "/api/v1/handovers", "open-handover", "Hand a seat over: the outgoing officer's note", []string{"handover.hand-over"}, s.openHandover)
	register(s, http.MethodGet, "/api/v1/handovers", "list-handovers", "The last handovers of a seat, newest first", []string{handoverRead}, s.listHandovers)
	register(s, http.MethodGet, "/api/v1/handovers/{id}", "get-handover", "A handover, open or done", []string{handoverRead}, s.getHandover)
	register(s, http.MethodPost, "/api/v1/handovers/{id}/confirm", "confirm-handover", "Take a seat over: everything moves, in one event", []string{"handover.confirm"}, s.confirmHandover)
}

func (s *Server) actOnSeat(ctx context.Context, in *actionInput, a alert.Action) (*body[Seat], error) {
	if err := s.do(ctx, in, dispatch.SeatAct, a); err != nil {
		return nil, err
	}
	for _, seat := range s.board(ctx).Seats {
		if seat.ID == in.ID {
			return &body[Seat]{Seat{seat, s.next(s.held(), seat.ID, true)}}, nil
		}
	}
	return nil, alert.Errorf(alert.CodeNotFound, "no seat %q", shortened(in.ID))
}

type handoverInput struct {
	Body struct {
		Seat string `json:"seat" minLength:"1" maxLength:"64"`
		Note string `json:"note" minLength:"1" doc:"What the next officer must know; at most 8 KiB."`
	}
}

func (s *Server) openHandover(ctx context.Context, in *handoverInput) (*body[*dispatch.Handover], error) {
	if n := len(in.Body.Note); n > alert.MaxTextBytes {
		return nil, &alert.Error{Code: alert.CodeInvalid, Detail: "the handover breaks 1 rule", Fields: []alert.Field{{
			Field: "note", Reason: fmt.Sprintf("is %d bytes long", n), Limit: fmt.Sprintf("%d bytes", alert.MaxTextBytes)}}}
	}
	return s.handOver(ctx, dispatch.Command{Type: dispatch.HandoverAct, Action: alert.ActHandOver, Target: in.Body.Seat, Text: in.Body.Note})
}

func (s *Server) confirmHandover(ctx context.Context, in *actionInput) (*body[*dispatch.Handover], error) {
	c, err := in.command(dispatch.HandoverAct, alert.ActConfirm)
	if err != nil {
		return nil, err
	}
	return s.handOver(ctx, c)
}

func (s *Server) handOver(ctx context.Context, c dispatch.Command) (*body[*dispatch.Handover], error) {
	c, err := s.entitled(ctx, c)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, CommandTimeout)
	defer cancel()
	out, err := s.o.Engine.Do(ctx, c)
	if err != nil {
		return nil, err
	}
	return &body[*dispatch.Handover]{out.Events[0].Handover}, nil
}

// getHandover finds a handover, as it was opened or as it was confirmed. The journal keeps them for ever.
func (s *Server) getHandover(ctx context.Context, in *idInput) (*body[*dispatch.Handover], error) {
	missing := alert.Errorf(alert.CodeNotFound, "no handover %q", shortened(in.ID))
	seq, ok := dispatch.HandoverSeq(in.ID)
	if !ok {
		return nil, missing
	}
	known := false
	s.o.State.Read(func(st *dispatch.State) {
		known = seq > 0 && seq <= st.Seq()
		if at, confirmed := st.HandedSeq(in.ID); confirmed {
			seq = at
		}
	})
	if !known {
		return nil, missing
	}
	events, err := s.o.History.Events(seq)
	if err != nil {
		return nil, err
	}
	for _, e := range events {
		if e.Handover != nil && e.Handover.ID == in.ID {
			return s.handoverFor(ctx, e.Handover)
		}
	}
	return nil, missing
}

type seatQuery struct {
	Seat string `query:"seat" required:"true" minLength:"1" maxLength:"64"`
}

// HandoverList is the answer with the handovers of a seat.
type HandoverList struct {
	Handovers []dispatch.Handed `json:"handovers"`
}

func (s *Server) listHandovers(ctx context.Context, in *seatQuery) (*body[HandoverList], error) {
	o, err := s.ofSeat(in.Seat)
	if err == nil {
		err = s.o.Rights.Allowed(callerOf(ctx), handoverRead, o)
	}
	if err != nil {
		return nil, err
	}
	out := HandoverList{Handovers: []dispatch.Handed{}}
	s.o.State.Read(func(st *dispatch.State) { out.Handovers = append(out.Handovers, st.Handed(in.Seat)...) })
	return &body[HandoverList]{out}, nil
}

// handoverFor answers with a handover if the caller may read it.
func (s *Server) handoverFor(ctx context.Context, h *dispatch.Handover) (*body[*dispatch.Handover], error) {
	var o Object
	s.o.State.Read(func(st *dispatch.State) {
		if city := st.City(); city != nil {
			if seat, ok := city.Seat(h.Seat); ok {
				o.Department = seat.Department
			}
		}
	})
	if err := s.o.Rights.Allowed(callerOf(ctx), handoverRead, o); err != nil {
		return nil, err
	}
	return &body[*dispatch.Handover]{h}, nil
}
