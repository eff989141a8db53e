package statistics

import (
	"context"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// Bounds of a briefing's lists.
const (
	MaxMajor = 50
	MaxOpen  = 100
)

// IncidentQuery is what a briefing looks for among incidents.
type IncidentQuery struct {
	From, To, OpenAt time.Time
	Priorities       []alert.Priority
}

// Find calls yield for incidents the reader may see, newest first, until it returns false.
type Find func(ctx context.Context, q IncidentQuery, yield func(*alert.Incident) bool) error

// Briefing 值班快报 is a duty day for those who come after: what happened, what is open, what was late and why.
type Briefing struct {
	Date        string      `json:"date"`
	City        string      `json:"city"`
	CityEN      string      `json:"city_en"`
	TimeZone    string      `json:"time_zone"`
	From        time.Time   `json:"from"`
	To          time.Time   `json:"to"`
	MadeAt      time.Time   `json:"made_at"`
	Leader      []OnDuty    `json:"leader" doc:"Who led the centre."`
	Total       Figures     `json:"total"`
	Before      Span        `json:"before" doc:"The duty day before."`
	Hours       []Row       `json:"hours"`
	Shifts      []Row       `json:"shifts"`
	Departments []Row       `json:"departments"`
	Districts   []Row       `json:"districts"`
	Types       []Row       `json:"types"`
	Priorities  []Row       `json:"priorities"`
	Major       []Mentioned `json:"major" doc:"Incidents of P1 and P2 opened on the day, newest first, at most 50."`
	Open        []Mentioned `json:"open" doc:"Incidents that were open when the day ended, newest first, at most 100."`
	Late        []Late      `json:"late" doc:"Tasks that became late, latest first, at most 200."`
	LateTotal   int         `json:"late_total"`
	Seq         uint64      `json:"seq" doc:"The last event that is counted."`
}

// OnDuty is who held a seat from when to when.
type OnDuty struct {
	Seat   string    `json:"seat"`
	Name   string    `json:"name"`
	Holder string    `json:"holder,omitempty" doc:"Absent: nobody."`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
}

// Mentioned is an incident in a briefing.
type Mentioned struct {
	ID       string              `json:"id"`
	Number   string              `json:"number"`
	Type     string              `json:"type"`
	TypeName string              `json:"type_name"`
	Priority alert.Priority      `json:"priority"`
	State    alert.IncidentState `json:"state"`
	OpenedAt alert.Time          `json:"opened_at"`
	ClosedAt alert.Time          `json:"closed_at,omitzero"`
	Area     string              `json:"area" doc:"Names of its areas, without the city."`
	Lead     string              `json:"lead" doc:"Name of the department that leads."`
	Text     string              `json:"text"`
	Alerts   int                 `json:"alert_count"`
}

// MakeBriefing makes the briefing of a duty day. Of a day that is not over yet it says what there is until now.
func MakeBriefing(ctx context.Context, src Source, find Find, date, now time.Time, c *plan.City) (*Briefing, error) {
	p := Duty(date, c.Roster)
	b := &Briefing{Date: date.Format(time.DateOnly), City: c.Name, CityEN: c.NameEN, TimeZone: c.Zone.String(), From: p.From, To: p.To, MadeAt: now.In(c.Zone)}
	if now.Before(p.From) {
		return nil, invalid("date", "that day has not begun")
	}
	b.Leader = leaders(c, p)
	rows := map[string]*[]Row{ByHour: &b.Hours, ByShift: &b.Shifts, GroupingNames[Department]: &b.Departments,
		GroupingNames[District]: &b.Districts, GroupingNames[Type]: &b.Types, GroupingNames[Priority]: &b.Priorities}
	for by, into := range rows {
		r, err := Make(ctx, src, Query{From: p.From, To: p.To, By: by}, c)
		if err != nil {
			return nil, err
		}
		*into, b.Total, b.Before, b.Late, b.LateTotal, b.Seq = r.Rows, r.Total, r.Before, r.Late, r.LateTotal, r.Seq
	}
	before := Duty(date.AddDate(0, 0, -1), c.Roster)
	figures, err := Sum(ctx, src, "", before)
	if err != nil {
		return nil, err
	}
	b.Before = Span{before.From, before.To, figures}
	m := mentioner{c: c, areas: map[string]string{}}
	for a := range c.Areas.Areas {
		m.areas[a.Code] = a.Name
	}
	if b.Major, err = m.list(ctx, find, IncidentQuery{From: p.From, To: p.To, Priorities: []alert.Priority{alert.P1, alert.P2}}, MaxMajor); err != nil {
		return nil, err
	}
	end := p.To
	if now.Before(end) {
		end = now
	}
	b.Open, err = m.list(ctx, find, IncidentQuery{OpenAt: end}, MaxOpen)
	return b, err
}

// leaders says who held the seats that lead the centre.
func leaders(c *plan.City, p Period) []OnDuty {
	out := []OnDuty{}
	centre, ok := c.Department(plan.Centre)
	if !ok {
		return out
	}
	for _, seat := range centre.Seats {
		if seat.Role != plan.SeatLeader && seat.Role != plan.SeatCommander {
			continue
		}
		for _, span := range c.Roster.Between(seat.ID, p.From, p.To) {
			out = append(out, onDuty(seat, span))
		}
	}
	return out
}

func onDuty(seat *plan.Seat, span roster.Span) OnDuty {
	return OnDuty{Seat: seat.ID, Name: seat.Name, Holder: span.Holder, From: span.From, To: span.To}
}

type mentioner struct {
	c     *plan.City
	areas map[string]string
}

func (m *mentioner) list(ctx context.Context, find Find, q IncidentQuery, most int) ([]Mentioned, error) {
	out := []Mentioned{}
	err := find(ctx, q, func(i *alert.Incident) bool {
		out = append(out, m.mention(i))
		return len(out) < most
	})
	return out, err
}

func (m *mentioner) mention(i *alert.Incident) Mentioned {
	x := Mentioned{ID: i.ID, Number: i.Number, Type: i.Type, TypeName: i.Type, Priority: i.Priority, State: i.State,
		OpenedAt: i.OpenedAt, ClosedAt: i.ClosedAt, Text: i.Text, Alerts: i.AlertCount}
	if t, ok := m.c.Type(i.Type); ok {
		x.TypeName = t.Name
	}
	if len(i.Areas) > 1 {
		for _, code := range i.Areas[1:] {
			x.Area += m.areas[code]
		}
	}
	if lead := i.Lead(); lead != nil {
		x.Lead = lead.Department
		if d, ok := m.c.Department(lead.Department); ok {
			x.Lead = d.Name
		}
	}
	return x
}
