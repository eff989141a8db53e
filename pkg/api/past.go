package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/statistics"
)

// Archive holds what memory has let go of, and what is counted of it. It is a moment behind.
type Archive interface {
	statistics.Source
	// Find calls yield for incidents, newest first, until it returns false.
	Find(ctx context.Context, q PastQuery, yield func(opened uint64, doc *alert.Incident) bool) error
	// Searchable reports whether there is anything to look for in words.
	Searchable(words string) bool
	// Events returns the sequences of an incident's events; false: nobody knows it.
	Events(ctx context.Context, id string) ([]uint64, bool, error)
}

// PastQuery is what is looked for among all incidents there ever were; a zero member asks for nothing.
type PastQuery struct {
	From, To   time.Time // of opening
	OpenAt     time.Time // opened before, and not over then
	Words      string    // all of them
	Area       string    // in it or below
	Department string    // with a task
	Type       string
	States     []alert.IncidentState
	Priorities []alert.Priority
	Before     uint64 // opened by an event before this one
}

// SearchTimeout bounds how long a search or a report may take.
const SearchTimeout = 10 * time.Second

func (s *Server) historyRoutes() {
	register(s, http.MethodGet, "/api/v1/history/incidents", "search-incidents",
		"Search all incidents there ever were, newest first; a moment behind", []string{incidentRead}, s.searchIncidents)
}

// errNoArchive is what is said where history is switched off.
var errNoArchive = alert.Errorf(alert.CodeUnavailable, "history is switched off here (history: false in the settings)")

type searchInput struct {
	State      string    `query:"state" doc:"As of GET /api/v1/incidents."`
	Area       string    `query:"area" doc:"Code of an area: incidents in it or below."`
	Department string    `query:"department" doc:"Id of a department with a task."`
	Priority   string    `query:"priority" doc:"P1 to P4, or a comma list."`
	Limit      int       `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor     string    `query:"cursor" doc:"The next of the page before."`
	From       time.Time `query:"from" doc:"Opened at or after this time."`
	To         time.Time `query:"to" doc:"Opened before this time."`
	Q          string    `query:"q" maxLength:"200" doc:"Words, all of which must be in its number, type, text, further reports, notes or assessments. Chinese needs no spaces."`
	Type       string    `query:"type" doc:"Code of a type."`
}

func (in *searchInput) query() (q PastQuery, err error) {
	list := listInput{State: in.State, Area: in.Area, Department: in.Department, Priority: in.Priority}
	f, err := list.filter()
	if err != nil {
		return q, err
	}
	q = PastQuery{From: in.From, To: in.To, Words: in.Q, Area: f.area, Department: f.department, Type: in.Type, States: f.states, Priorities: f.priorities}
	if in.Cursor != "" {
		if q.Before, err = strconv.ParseUint(in.Cursor, 10, 63); err != nil || q.Before == 0 {
			return q, badQuery("cursor", "must be the next of the page before", in.Cursor)
		}
	}
	return q, nil
}

func (s *Server) searchIncidents(ctx context.Context, in *searchInput) (*body[IncidentPage], error) {
	if s.o.Archive == nil {
		return nil, errNoArchive
	}
	q, err := in.query()
	if err == nil && in.Q != "" && !s.o.Archive.Searchable(in.Q) {
		err = badQuery("q", "holds no word", in.Q)
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, SearchTimeout)
	defer cancel()
	if in.Limit == 0 {
		in.Limit = DefaultPage
	}
	page := IncidentPage{Incidents: []*alert.Incident{}, Epoch: s.o.Engine.Epoch()}
	if page.Seq, err = s.o.Archive.Seq(ctx); err != nil {
		return nil, late(ctx, err)
	}
	sees, seen, last := s.sightOf(ctx), 0, uint64(0)
	err = s.o.Archive.Find(ctx, q, func(opened uint64, doc *alert.Incident) bool {
		if len(page.Incidents) == in.Limit || seen == MaxScan {
			page.Next = strconv.FormatUint(last, 10)
			return false
		}
		if seen++; sees == whole && doc.Sensitivity != alert.Sealed || s.sees(ctx, doc) {
			page.Incidents = append(page.Incidents, doc)
		}
		last = opened
		return true
	})
	return &body[IncidentPage]{page}, late(ctx, err)
}

// late says so where an answer took too long.
func late(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return alert.Errorf(alert.CodeUnavailable, "the answer took longer than %v: ask for less time or add a filter", SearchTimeout)
	}
	return err
}

// past makes the document of an incident that memory has let go of from its events in the journal.
func (s *Server) past(ctx context.Context, id string) (*alert.Incident, []uint64, error) {
	seqs, ok, err := s.o.Archive.Events(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		return nil, nil, alert.Errorf(alert.CodeNotFound, "there never was an incident %q", shortened(id))
	}
	encoded, err := s.o.History.Encoded(seqs)
	if err != nil {
		return nil, nil, fmt.Errorf("events of %s: %w", id, err)
	}
	part := dispatch.NewPart()
	for _, b := range encoded {
		var e dispatch.Event
		if err := json.Unmarshal(b, &e); err != nil {
			return nil, nil, fmt.Errorf("events of %s: %w", id, err)
		}
		part.Apply(&e)
	}
	doc, ok := part.Incident(id)
	if !ok {
		return nil, nil, fmt.Errorf("the events of %s do not open it", id)
	}
	return doc, seqs, nil
}

func (s *Server) pastTask(ctx context.Context, id string) (*alert.Task, *alert.Incident, error) {
	notFound := alert.Errorf(alert.CodeNotFound, "no task %q", shortened(id))
	incident, ok := alert.IncidentOfTask(id)
	if !ok {
		return nil, nil, notFound
	}
	doc, _, err := s.past(ctx, incident)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range doc.Tasks {
		if t.ID == id {
			return t, doc, nil
		}
	}
	return nil, nil, notFound
}
