package api

import (
	"context"
	"net/http"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

func (s *Server) maintenanceRoutes() {
	register(s, http.MethodPost, "/api/v1/seats/{id}/maintenance", "maintain-seat", "Take a seat out of service until: its work moves on, nobody is missed there", []string{seatMaintain}, s.maintainSeat)
	register(s, http.MethodDelete, "/api/v1/seats/{id}/maintenance", "end-seat-maintenance", "Put a seat into service again", []string{seatMaintain}, s.endSeatMaintenance)
	register(s, http.MethodPost, "/api/v1/sources/{id}/maintenance", "maintain-source", "Take a source out of service until: its silence is none", []string{sourceMaintain}, s.maintainSource)
	register(s, http.MethodDelete, "/api/v1/sources/{id}/maintenance", "end-source-maintenance", "Put a source into service again", []string{sourceMaintain}, s.endSourceMaintenance)
}

type maintenanceInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body struct {
		Until  alert.Time `json:"until" doc:"At most 31 days ahead."`
		Reason string     `json:"reason" minLength:"1" maxLength:"2048"`
	}
}

func (s *Server) maintainSeat(ctx context.Context, in *maintenanceInput) (*body[dispatch.Maintenance], error) {
	c := dispatch.Command{Type: dispatch.SeatAct, Action: alert.ActMaintain, Target: in.ID, Until: in.Body.Until, Reason: in.Body.Reason}
	if err := s.doSeat(ctx, c); err != nil {
		return nil, err
	}
	return s.maintenance(func(st *dispatch.State) (*dispatch.Maintenance, bool) {
		return st.SeatMaintenance(in.ID, alert.TimeOf(s.o.Now()))
	})
}

func (s *Server) endSeatMaintenance(ctx context.Context, in *idInput) (*struct{}, error) {
	return nil, s.doSeat(ctx, dispatch.Command{Type: dispatch.SeatAct, Action: alert.ActEndMaintain, Target: in.ID})
}

func (s *Server) doSeat(ctx context.Context, c dispatch.Command) error {
	o, err := s.ofSeat(c.Target)
	if err != nil {
		return err
	}
	_, err = s.doRoster(ctx, c, seatMaintain, o)
	return err
}

// ofSeat is a seat as an object of rights.
func (s *Server) ofSeat(id string) (Object, error) {
	city, err := s.city()
	if err != nil {
		return Object{}, err
	}
	seat, ok := city.Seat(id)
	if !ok {
		return Object{}, alert.Errorf(alert.CodeNotFound, "no seat %q; GET /api/v1/seats lists them", shortened(id))
	}
	return Object{Department: seat.Department}, nil
}

func (s *Server) maintainSource(ctx context.Context, in *maintenanceInput) (*body[dispatch.Maintenance], error) {
	c := dispatch.Command{Type: dispatch.SourceAct, Action: alert.ActMaintain, Target: in.ID, Until: in.Body.Until, Reason: in.Body.Reason}
	if _, err := s.doRoster(ctx, c, sourceMaintain, Object{}); err != nil {
		return nil, err
	}
	return s.maintenance(func(st *dispatch.State) (*dispatch.Maintenance, bool) {
		return st.SourceMaintenance(in.ID, alert.TimeOf(s.o.Now()))
	})
}

func (s *Server) endSourceMaintenance(ctx context.Context, in *idInput) (*struct{}, error) {
	_, err := s.doRoster(ctx, dispatch.Command{Type: dispatch.SourceAct, Action: alert.ActEndMaintain, Target: in.ID}, sourceMaintain, Object{})
	return nil, err
}

// maintenance reads what is in force now.
func (s *Server) maintenance(read func(*dispatch.State) (*dispatch.Maintenance, bool)) (out *body[dispatch.Maintenance], err error) {
	s.o.State.Read(func(st *dispatch.State) {
		if m, ok := read(st); ok {
			out = &body[dispatch.Maintenance]{*m}
		}
	})
	if out == nil {
		err = alert.Errorf(alert.CodeConflict, "it was ended meanwhile")
	}
	return out, err
}
