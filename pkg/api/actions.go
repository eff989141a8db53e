package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

func (s *Server) actionRoutes() {
	for _, a := range alert.TaskActions {
		register(s, http.MethodPost, "/api/v1/tasks/{id}/"+string(a), "task-"+string(a), "A task: "+string(a), []string{"task." + string(a)},
			func(ctx context.Context, in *actionInput) (*body[*alert.Task], error) { return s.actOnTask(ctx, in, a) })
	}
	for _, a := range alert.IncidentActions {
		name := string(a)
		if a == alert.ActAssess {
			name = "assessments"
		}
		register(s, http.MethodPost, "/api/v1/incidents/{id}/"+name, "incident-"+string(a), "An incident: "+string(a), []string{"incident." + string(a)},
			func(ctx context.Context, in *actionInput) (*body[*alert.Incident], error) {
				return s.actOnIncident(ctx, in, a)
			})
	}
}

type actionInput struct {
	ID   string  `path:"id" maxLength:"64"`
	Body *Action `required:"false"`
}

// Action is what an officer says beside what is done. Which members are needed depends on the action.
type Action struct {
	Reason     string `json:"reason,omitempty" doc:"Why; needed to return, cancel, suspend, pass and to change a priority."`
	Seat       string `json:"seat,omitempty" doc:"assign: to which seat."`
	Department string `json:"department,omitempty" doc:"support: whose help is asked for."`
	Priority   string `json:"priority,omitempty" doc:"priority: P1 to P4."`
	Level      string `json:"level,omitempty" doc:"pass: to which level: city, district, street, community or grid."`
	Text       string `json:"text,omitempty" doc:"note: what to write down."`
}

// command makes the command of an action, or says which member is wrong.
func (in *actionInput) command(kind dispatch.CommandType, a alert.Action) (dispatch.Command, error) {
	c := dispatch.Command{Type: kind, Target: in.ID, Action: a}
	if in.Body == nil {
		return c, nil
	}
	var wrong []alert.Field
	for _, f := range []struct {
		name, value string
		most        int
	}{{"reason", in.Body.Reason, alert.MaxReasonBytes}, {"text", in.Body.Text, alert.MaxTextBytes}, {"seat", in.Body.Seat, alert.MaxIDBytes},
		{"department", in.Body.Department, alert.MaxIDBytes}} {
		if len(f.value) > f.most {
			wrong = append(wrong, alert.Field{Field: f.name, Reason: fmt.Sprintf("is %d bytes long", len(f.value)), Limit: fmt.Sprintf("%d bytes", f.most)})
		}
	}
	if err := c.Priority.UnmarshalText([]byte(in.Body.Priority)); err != nil {
		wrong = append(wrong, alert.Field{Field: "priority", Reason: "must be P1, P2, P3 or P4", Value: shortened(in.Body.Priority)})
	}
	if in.Body.Level != "" {
		if err := c.Level.UnmarshalText([]byte(in.Body.Level)); err != nil {
			wrong = append(wrong, alert.Field{Field: "level", Reason: "must be city, district, street, community or grid", Value: shortened(in.Body.Level)})
		}
	}
	if wrong != nil {
		return c, alert.Invalid("action", wrong...)
	}
	c.Reason, c.Text, c.Seat, c.Department = in.Body.Reason, in.Body.Text, in.Body.Seat, in.Body.Department
	return c, nil
}

func (s *Server) do(ctx context.Context, in *actionInput, kind dispatch.CommandType, a alert.Action) error {
	c, err := in.command(kind, a)
	if err == nil {
		c, err = s.entitled(ctx, c)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, CommandTimeout)
	defer cancel()
	_, err = s.o.Engine.Do(ctx, c)
	return err
}

func (s *Server) actOnTask(ctx context.Context, in *actionInput, a alert.Action) (*body[*alert.Task], error) {
	if err := s.do(ctx, in, dispatch.TaskAct, a); err != nil {
		return nil, err
	}
	task, _, err := s.task(in.ID)
	if err != nil {
		return nil, err
	}
	return &body[*alert.Task]{task}, nil
}

func (s *Server) actOnIncident(ctx context.Context, in *actionInput, a alert.Action) (*body[*alert.Incident], error) {
	if err := s.do(ctx, in, dispatch.IncidentAct, a); err != nil {
		return nil, err
	}
	doc, _, _, err := s.incident(in.ID)
	if err != nil {
		return nil, err
	}
	return &body[*alert.Incident]{doc}, nil
}
