package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/statistics"
)

// Forms of an answer beside JSON.
const (
	jsonForm = "application/json"
	csvForm  = "text/csv"
	htmlForm = "text/html"
)

func (s *Server) statisticsRoutes() {
	registerForms[statistics.Report](s, "/api/v1/statistics", "get-statistics",
		"Counts, medians and 90th percentiles of what people took, compared with the period before", csvForm, s.getStatistics)
	registerForms[statistics.Briefing](s, "/api/v1/briefings/{date}", "get-briefing",
		"值班快报 The briefing of a duty day: what happened, what is open, what was late and why. DATE.html is a page to print.", htmlForm, s.getBriefing)
}

// document is an answer in a form of the caller's choice.
type document struct {
	ContentType string `header:"Content-Type"`
	Vary        string `header:"Vary"`
	Policy      string `header:"Content-Security-Policy"`
	Body        []byte
}

// registerForms adds an operation that answers with a T in JSON or in another form.
func registerForms[T, I any](s *Server, path, id, summary, form string, handle func(context.Context, *I) (*document, error)) {
	schema := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, reflect.TypeFor[T]().Name())
	op := huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary,
		Errors: []int{400, 401, 403, 404, 422, 429, 503}, Middlewares: huma.Middlewares{s.guard([]string{statisticsRead})},
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
			jsonForm: {Schema: schema}, form: {Schema: &huma.Schema{Type: huma.TypeString}}}}}}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*document, error) {
		if s.o.Archive == nil {
			return nil, s.problem(errNoArchive, id)
		}
		ctx, cancel := context.WithTimeout(ctx, SearchTimeout)
		defer cancel()
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.problem(late(ctx, err), id)
		}
		return out, nil
	})
}

func jsonDocument(v any) (*document, error) {
	b, err := json.Marshal(v)
	return &document{ContentType: jsonForm, Vary: "Accept", Body: b}, err
}

type statisticsInput struct {
	From       time.Time `query:"from" required:"true" doc:"Begins here, at the full hour before or where a shift begins."`
	To         time.Time `query:"to" required:"true" doc:"Ends before this time; an hour that has begun counts."`
	By         string    `query:"by" enum:"hour,shift,day,week,month,department,district,type,priority,class" default:"day"`
	Department string    `query:"department" doc:"Of one department only."`
	Format     string    `query:"format" enum:"json,csv" doc:"Instead of the header Accept."`
	Accept     string    `header:"Accept"`
}

func (s *Server) getStatistics(ctx context.Context, in *statisticsInput) (*document, error) {
	c, err := s.city()
	if err != nil {
		return nil, err
	}
	r, err := statistics.Make(ctx, s.o.Archive, statistics.Query{From: in.From, To: in.To, By: in.By, Department: in.Department}, c)
	if err != nil {
		return nil, err
	}
	r.Late = s.lateSeen(ctx, r.Late)
	if in.Format == "json" || in.Format == "" && !strings.Contains(in.Accept, csvForm) {
		return jsonDocument(r)
	}
	var b bytes.Buffer
	err = r.WriteCSV(&b)
	return &document{ContentType: csvForm + "; charset=utf-8", Vary: "Accept", Body: b.Bytes()}, err
}

// lateSeen leaves of late tasks those of incidents that the caller may see.
func (s *Server) lateSeen(ctx context.Context, all []statistics.Late) []statistics.Late {
	seen := []statistics.Late{}
	for _, l := range all {
		if s.o.Rights.Allowed(callerOf(ctx), incidentRead, Object{Part: l.Part}) == nil {
			seen = append(seen, l)
		}
	}
	return seen
}

type briefingInput struct {
	Date string `path:"date" pattern:"^\\d{4}-\\d{2}-\\d{2}(\\.html)?$" example:"2026-11-24" doc:"A duty day: it begins with the first shift of the roster's main table. With .html behind it, a page."`
}

func (s *Server) getBriefing(ctx context.Context, in *briefingInput) (*document, error) {
	c, err := s.city()
	if err != nil {
		return nil, err
	}
	day, page := strings.CutSuffix(in.Date, ".html")
	date, err := time.ParseInLocation(time.DateOnly, day, c.Zone)
	if err != nil {
		return nil, badQuery("date", "is not a day such as 2026-11-24", in.Date)
	}
	find := func(ctx context.Context, q statistics.IncidentQuery, yield func(*alert.Incident) bool) error {
		return s.o.Archive.Find(ctx, PastQuery{From: q.From, To: q.To, OpenAt: q.OpenAt, Priorities: q.Priorities},
			func(_ uint64, doc *alert.Incident) bool { return !s.sees(ctx, doc) || yield(doc) })
	}
	b, err := statistics.MakeBriefing(ctx, s.o.Archive, find, date, s.o.Now(), c)
	if err != nil {
		return nil, err
	}
	b.Late = s.lateSeen(ctx, b.Late)
	if !page {
		return jsonDocument(b)
	}
	var out bytes.Buffer
	err = writeBriefing(&out, b, c)
	return &document{ContentType: htmlForm + "; charset=utf-8", Policy: contentPolicy, Body: out.Bytes()}, err
}
