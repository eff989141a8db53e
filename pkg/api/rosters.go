package api

import (
	"context"
	"net/http"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// calendarAhead is how far a calendar of a department reaches, and calendarBack how far it looks back.
const (
	calendarAhead = 60 * 24 * time.Hour
	calendarBack  = 7 * 24 * time.Hour
)

func (s *Server) rosterRoutes() {
	register(s, http.MethodGet, "/api/v1/rosters/{date}", "get-roster", "Who holds which seat when on a day in the city, gaps included", []string{rosterRead}, s.getRoster)
	register(s, http.MethodGet, "/api/v1/departments/{id}/roster.ics", "get-calendar", "The roster of a department as iCalendar (RFC 5545), to be subscribed to", []string{calendarRead}, s.getCalendar)
}

type dateInput struct {
	Date string `path:"date" pattern:"^\\d{4}-\\d{2}-\\d{2}$" example:"2026-11-24"`
}

// RosterDay is the roster of one day.
type RosterDay struct {
	Date     string       `json:"date"`
	TimeZone string       `json:"time_zone"`
	Seats    []RosterSeat `json:"seats"`
	Gaps     int          `json:"gaps" doc:"How many spans nobody holds."`
}

// RosterSeat is a seat in a roster.
type RosterSeat struct {
	Seat       string       `json:"seat"`
	Department string       `json:"department"`
	Spans      []RosterSpan `json:"spans"`
}

// RosterSpan is a time in which one person, or nobody, holds a seat.
type RosterSpan struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Holder string    `json:"holder,omitempty" doc:"Absent: a gap."`
	Gap    bool      `json:"gap,omitempty"`
	Shift  string    `json:"shift"`
	Why    string    `json:"why" doc:"What named the holder, or why nobody is named."`
}

func (s *Server) getRoster(_ context.Context, in *dateInput) (*body[RosterDay], error) {
	c, held, err := s.roster()
	if err != nil {
		return nil, err
	}
	from, err := time.ParseInLocation(time.DateOnly, in.Date, c.Zone)
	if err != nil {
		return nil, badQuery("date", "is not a day such as 2026-11-24", in.Date)
	}
	day := RosterDay{Date: in.Date, TimeZone: c.Zone.String(), Seats: []RosterSeat{}}
	to := time.Date(from.Year(), from.Month(), from.Day()+1, 0, 0, 0, 0, c.Zone) // not always 24 hours later
	for _, seat := range c.Seats {
		row := RosterSeat{Seat: seat.ID, Department: seat.Department, Spans: []RosterSpan{}}
		for _, span := range held.Between(seat.ID, from, to) {
			row.Spans = append(row.Spans, RosterSpan{span.From, span.To, span.Holder, span.Gap(), span.Shift.ID, span.Why})
			if span.Gap() {
				day.Gaps++
			}
		}
		day.Seats = append(day.Seats, row)
	}
	return &body[RosterDay]{day}, nil
}

// calendar is an answer that is no JSON.
type calendar struct {
	ContentType string `header:"Content-Type"`
	Body        []byte
}

func (s *Server) getCalendar(ctx context.Context, in *idInput) (*calendar, error) {
	c, held, err := s.roster()
	if err != nil {
		return nil, err
	}
	d, ok := c.Department(in.ID)
	if !ok {
		return nil, alert.Errorf(alert.CodeNotFound, "no department %q; GET /api/v1/city lists them", shortened(in.ID))
	}
	if err := s.o.Rights.Allowed(callerOf(ctx), calendarRead, Object{Department: d.ID}); err != nil {
		return nil, err
	}
	return &calendar{"text/calendar; charset=utf-8", calendarOf(c, held, d, s.o.Now())}, nil
}

func calendarOf(c *plan.City, held *roster.Roster, d *plan.Department, now time.Time) []byte {
	names := map[string]string{}
	var spans []roster.Span
	back := now.Add(-calendarBack).In(c.Zone)
	// From a midnight on: events are known by their begin, which must not move with each look.
	from := time.Date(back.Year(), back.Month(), back.Day(), 0, 0, 0, 0, c.Zone)
	for _, seat := range d.Seats {
		names[seat.ID] = seat.Name
		spans = append(spans, held.Between(seat.ID, from, now.Add(calendarAhead))...)
	}
	out := roster.Calendar{City: c.ID, Name: d.Name, Seats: names, Stamp: now}
	return out.ICS(spans)
}

// roster returns the configuration in force and the roster in force, amendments included.
func (s *Server) roster() (city *plan.City, held *roster.Roster, err error) {
	s.o.State.Read(func(st *dispatch.State) { city, held = st.City(), st.Roster() })
	if city == nil {
		return nil, nil, alert.Errorf(alert.CodeUnavailable, "no configuration is in force yet")
	}
	return city, held, nil
}
