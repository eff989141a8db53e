package statistics

import (
	"context"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Bounds of an answer.
const (
	MaxKeys = 5_000 // rows by department, district, type, priority or class
	MaxLate = 200   // tasks of the list of late ones
	MaxSpan = 2 * 366 * 24 * time.Hour
)

// Source is where tallies are kept.
type Source interface {
	// Tallies calls yield for every tally of a grouping and part whose slot begins in [from, to).
	Tallies(ctx context.Context, g Grouping, part string, from, to time.Time, yield func(slot time.Time, key string, tally []byte) error) error
	// Late returns the tasks that became late in [from, to), of one department or all (""), latest first, and how many there are.
	Late(ctx context.Context, department string, from, to time.Time, most int) ([]Late, int, error)
	// Seq returns the last event that is counted.
	Seq(ctx context.Context) (uint64, error)
}

// Query is what is asked for.
type Query struct {
	From, To   time.Time
	By         string // a period or a grouping
	Department string // "": the whole city
}

// Times are what people took for a stage.
type Times struct {
	N       uint64  `json:"n"`
	MedianS float64 `json:"median_s" doc:"Seconds; exact to 3.2%."`
	P90S    float64 `json:"p90_s" doc:"Seconds that nine of ten did not exceed; exact to 3.2%."`
}

// Figures are a tally as people read it.
type Figures struct {
	Counts map[string]uint64 `json:"counts" doc:"incidents, alerts, closed, cancelled, tasks, acknowledged, done, returned, unstaffed, overdue, escalated; those that are 0 as well."`
	Stages map[string]Times  `json:"stages" doc:"report, acknowledge, depart, arrive, finish, verify; those that nobody went through are absent."`
}

// FiguresOf reads a tally.
func FiguresOf(t *Tally) Figures {
	f := Figures{Counts: make(map[string]uint64, len(CountNames)), Stages: map[string]Times{}}
	for i, name := range CountNames {
		f.Counts[name] = t.Counts[i]
	}
	for i, name := range StageNames {
		if h := &t.Stages[i]; h.N() > 0 {
			f.Stages[name] = Times{h.N(), h.Quantile(0.5).Seconds(), h.Quantile(0.9).Seconds()}
		}
	}
	return f
}

// Row is one line of a report: a period, or a key of a grouping.
type Row struct {
	Key    string     `json:"key" doc:"Id or code; of a period, when it begins."`
	Name   string     `json:"name,omitempty"`
	NameEN string     `json:"name_en,omitempty"`
	From   *time.Time `json:"from,omitempty"`
	To     *time.Time `json:"to,omitempty"`
	Shift  string     `json:"shift,omitempty"`
	Figures
}

// Span is the figures of a time.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	Figures
}

// Late is a task that was not acknowledged in time or had nobody to take it.
type Late struct {
	Task           string         `json:"task"`
	Incident       string         `json:"incident"`
	Number         string         `json:"number"`
	Type           string         `json:"type"`
	Department     string         `json:"department"`
	Seat           string         `json:"seat,omitempty"`
	Priority       alert.Priority `json:"priority"`
	Why            string         `json:"why"`
	LateAt         alert.Time     `json:"late_at"`
	AssignedAt     alert.Time     `json:"assigned_at"`
	AcknowledgedAt alert.Time     `json:"acknowledged_at,omitzero"`
	Part           []string       `json:"-"` // departments of the incident
}

// Report is the answer to a query.
type Report struct {
	TimeZone   string    `json:"time_zone"`
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	By         string    `json:"by"`
	Department string    `json:"department,omitempty"`
	Rows       []Row     `json:"rows"`
	Total      Figures   `json:"total"`
	Before     Span      `json:"before" doc:"The period before, to compare with."`
	Late       []Late    `json:"late" doc:"Tasks that became late, latest first, at most 200."`
	LateTotal  int       `json:"late_total"`
	Seq        uint64    `json:"seq" doc:"The last event that is counted."`
}

// Make answers q for a city out of src. An error that is an *alert.Error says what is wrong with q.
func Make(ctx context.Context, src Source, q Query, c *plan.City) (*Report, error) {
	if !q.From.Before(q.To) || q.To.Sub(q.From) > MaxSpan {
		return nil, invalid("to", "must be after from, by two years at most")
	}
	z := ZoneOf(c)
	q.From, q.To = z.Slot(q.From), q.To.In(c.Zone)
	r := &Report{TimeZone: c.Zone.String(), From: q.From, To: q.To, By: q.By, Department: q.Department}
	var err error
	if r.Seq, err = src.Seq(ctx); err != nil {
		return nil, err
	}
	var total Tally
	if g := slices.Index(GroupingNames[:], q.By); g > 0 {
		r.Rows, total, err = byKey(ctx, src, q, Grouping(g))
		nameRows(r.Rows, Grouping(g), c)
	} else {
		r.Rows, total, err = byPeriod(ctx, src, q, c)
	}
	if err != nil {
		return nil, err
	}
	r.Total = FiguresOf(&total)
	before := Before(q.From, q.To, c.Zone)
	r.Before = Span{From: before.From, To: before.To}
	if r.Before.Figures, err = Sum(ctx, src, q.Department, before); err != nil {
		return nil, err
	}
	r.Late, r.LateTotal, err = src.Late(ctx, q.Department, q.From, q.To, MaxLate)
	return r, err
}

// Sum returns the figures of a department, or of the city (""), over a period.
func Sum(ctx context.Context, src Source, department string, p Period) (Figures, error) {
	var t Tally
	err := src.Tallies(ctx, Whole, department, p.From, p.To, func(_ time.Time, _ string, b []byte) error { return t.MergeBytes(b) })
	return FiguresOf(&t), err
}

func invalid(field, reason string) error {
	return alert.Invalid("query", alert.Field{Field: field, Reason: reason})
}

func byPeriod(ctx context.Context, src Source, q Query, c *plan.City) ([]Row, Tally, error) {
	var total Tally
	periods, err := Cut(q.By, q.From, q.To, c.Roster)
	if err != nil {
		return nil, total, invalid("by", err.Error())
	}
	tallies := make([]Tally, len(periods))
	err = src.Tallies(ctx, Whole, q.Department, q.From, q.To, func(slot time.Time, _ string, b []byte) error {
		i := sort.Search(len(periods), func(i int) bool { return periods[i].To.After(slot) })
		if i == len(periods) {
			return nil
		}
		return tallies[i].MergeBytes(b)
	})
	rows := make([]Row, len(periods))
	for i, p := range periods {
		total.Merge(&tallies[i])
		rows[i] = Row{Key: p.From.Format(time.RFC3339), From: &p.From, To: &p.To, Shift: p.Shift, Figures: FiguresOf(&tallies[i])}
		for _, s := range c.Roster.Shifts() {
			if s.ID == p.Shift {
				rows[i].Name, rows[i].NameEN = s.Name, s.NameEN
			}
		}
	}
	return rows, total, err
}

func byKey(ctx context.Context, src Source, q Query, g Grouping) ([]Row, Tally, error) {
	var total Tally
	if g == Department && q.Department != "" {
		return nil, total, invalid("department", "by=department is of all of them; leave department out")
	}
	tallies := map[string]*Tally{}
	err := src.Tallies(ctx, g, q.Department, q.From, q.To, func(_ time.Time, key string, b []byte) error {
		t := tallies[key]
		if t == nil {
			if len(tallies) == MaxKeys {
				return invalid("by", "more than 5,000 rows: ask for less time")
			}
			t = &Tally{}
			tallies[key] = t
		}
		return t.MergeBytes(b)
	})
	rows := make([]Row, 0, len(tallies))
	for key, t := range tallies {
		total.Merge(t)
		rows = append(rows, Row{Key: key, Figures: FiguresOf(t)})
	}
	slices.SortFunc(rows, func(a, b Row) int { return strings.Compare(a.Key, b.Key) })
	return rows, total, err
}

// nameRows puts names beside ids and codes, where the configuration in force still knows them.
func nameRows(rows []Row, g Grouping, c *plan.City) {
	districts := map[string]string{}
	if g == District {
		for a := range c.Areas.Areas {
			districts[a.Code] = a.Name
		}
	}
	for i := range rows {
		r := &rows[i]
		switch g {
		case Department:
			if d, ok := c.Department(r.Key); ok {
				r.Name, r.NameEN = d.Name, d.NameEN
			}
		case Type:
			if t, ok := c.Type(r.Key); ok {
				r.Name, r.NameEN = t.Name, t.NameEN
			}
		case District:
			r.Name = districts[r.Key]
		}
	}
}
