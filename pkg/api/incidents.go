package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// readers see incidents, whole or redacted.
var readers = []string{incidentRead, incidentRedacted}

func (s *Server) incidentRoutes() {
	register(s, http.MethodGet, "/api/v1/incidents", "list-incidents", "List incidents in memory, newest first", readers, s.listIncidents)
	register(s, http.MethodGet, "/api/v1/incidents/{id}", "get-incident", "One incident", readers, s.getIncident)
	register(s, http.MethodGet, "/api/v1/incidents/{id}/timeline", "get-timeline", "The events of an incident, oldest first", []string{timelineRead}, s.getTimeline)
	register(s, http.MethodGet, "/api/v1/tasks/{id}", "get-task", "One task", readers, s.getTask)
}

// DefaultPage is how many incidents a page holds where the caller does not say.
const DefaultPage = 100

type listInput struct {
	State      string `query:"state" doc:"A state, a comma list, or active (all but closed and cancelled). The state open stands for open, handling and verifying."`
	Area       string `query:"area" doc:"Code of an area: incidents in it or below."`
	Department string `query:"department" doc:"Id of a department with a task."`
	Priority   string `query:"priority" doc:"P1 to P4, or a comma list."`
	BBox       string `query:"bbox" doc:"west,south,east,north in degrees."`
	Limit      int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor     string `query:"cursor" doc:"The next of the page before."`
}

// IncidentPage is one page of incidents.
type IncidentPage struct {
	Incidents []*alert.Incident `json:"incidents"`
	Next      string            `json:"next" doc:"Cursor of the next page; empty on the last."`
	Epoch     uint32            `json:"epoch"`
	Seq       uint64            `json:"seq" doc:"The state shown is that after this event."`
}

// filter is what a list asks for; a zero member asks for nothing.
type filter struct {
	states     []alert.IncidentState
	area       string
	department string
	priorities []alert.Priority
	box        []float64 // west, south, east, north
}

func (in *listInput) filter() (filter, error) {
	f := filter{area: in.Area, department: in.Department}
	for _, name := range commaList(in.State) {
		switch state := alert.IncidentState(name); {
		case name == "active":
			f.states = append(f.states, alert.IncidentOpen, alert.IncidentHandling, alert.IncidentVerifying, alert.IncidentSuspended)
		case state == alert.IncidentOpen:
			f.states = append(f.states, alert.IncidentOpen, alert.IncidentHandling, alert.IncidentVerifying)
		case state.Valid():
			f.states = append(f.states, state)
		default:
			return f, badQuery("state", "must be open, handling, verifying, closed, suspended, cancelled or active", name)
		}
	}
	for _, name := range commaList(in.Priority) {
		var p alert.Priority
		if err := p.UnmarshalText([]byte(name)); err != nil {
			return f, badQuery("priority", "must be P1, P2, P3 or P4", name)
		}
		f.priorities = append(f.priorities, p)
	}
	if in.BBox != "" {
		parts := strings.Split(in.BBox, ",")
		for _, p := range parts {
			v, err := strconv.ParseFloat(p, 64)
			if err != nil || len(parts) != 4 {
				return f, badQuery("bbox", "must be west,south,east,north in degrees", in.BBox)
			}
			f.box = append(f.box, v)
		}
		w, e := geo.Point{Lon: f.box[0], Lat: f.box[1]}, geo.Point{Lon: f.box[2], Lat: f.box[3]}
		if w.Validate() != nil || e.Validate() != nil || w.Lon >= e.Lon || w.Lat >= e.Lat {
			return f, badQuery("bbox", "west must be less than east and south less than north, all on the globe", in.BBox)
		}
	}
	return f, nil
}

func commaList(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func badQuery(field, reason, value string) error {
	return alert.Invalid("query", alert.Field{Field: field, Reason: reason, Value: shortened(value)})
}

func shortened(s string) string {
	const most = 60
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

func (f *filter) takes(i *alert.Incident) bool {
	if f.states != nil && !slices.Contains(f.states, i.State) || f.priorities != nil && !slices.Contains(f.priorities, i.Priority) ||
		f.area != "" && !slices.Contains(i.Areas, f.area) {
		return false
	}
	if f.box != nil && (i.Location == nil || i.Location.Lon < f.box[0] || i.Location.Lat < f.box[1] || i.Location.Lon > f.box[2] || i.Location.Lat > f.box[3]) {
		return false
	}
	return f.department == "" || slices.ContainsFunc(i.Tasks, func(t *alert.Task) bool { return t.Department == f.department })
}

func (s *Server) listIncidents(ctx context.Context, in *listInput) (*body[IncidentPage], error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	var before uint64
	if in.Cursor != "" {
		if before, err = strconv.ParseUint(in.Cursor, 10, 64); err != nil || before == 0 {
			return nil, badQuery("cursor", "must be the next of the page before", in.Cursor)
		}
	}
	if in.Limit == 0 {
		in.Limit = DefaultPage
	}
	page := IncidentPage{Incidents: []*alert.Incident{}}
	sees := s.sightOf(ctx)
	// Documents do not change: collecting them is brief, encoding them needs no lock.
	s.o.State.ReadAt(func(epoch uint32, st *dispatch.State) {
		page.Epoch, page.Seq = epoch, st.Seq()
		seen, last := 0, uint64(0)
		st.Newest(before, func(opened uint64, doc *alert.Incident) bool {
			if len(page.Incidents) == in.Limit || seen == MaxScan {
				page.Next = strconv.FormatUint(last, 10)
				return false
			}
			if seen++; f.takes(doc) && (sees != some && doc.Sensitivity != alert.Sealed || s.sees(ctx, doc)) {
				page.Incidents = append(page.Incidents, doc)
			}
			last = opened
			return true
		})
	})
	if sees == redacted {
		for i, doc := range page.Incidents {
			page.Incidents[i] = dispatch.RedactIncident(doc)
		}
	}
	return &body[IncidentPage]{page}, nil
}

type idInput struct {
	ID string `path:"id" maxLength:"64"`
}

// anyIncident finds an incident in memory, or else among those that are over.
func (s *Server) anyIncident(ctx context.Context, id string) (doc *alert.Incident, events []uint64, cut bool, err error) {
	if doc, events, cut, err = s.incident(id); alert.CodeOf(err) == alert.CodeNotFound && s.o.Archive != nil {
		doc, events, err = s.past(ctx, id)
	}
	return doc, events, cut, err
}

func (s *Server) incident(id string) (doc *alert.Incident, events []uint64, cut bool, err error) {
	var ok bool
	s.o.State.Read(func(st *dispatch.State) {
		if doc, ok = st.Incident(id); ok {
			events, cut, _ = st.Timeline(id)
		}
	})
	if !ok {
		return nil, nil, false, alert.Errorf(alert.CodeNotFound, "no incident %q in memory; finished ones are kept for the city's closed_retention", shortened(id))
	}
	return doc, events, cut, nil
}

func (s *Server) getIncident(ctx context.Context, in *idInput) (*body[*alert.Incident], error) {
	doc, _, _, err := s.anyIncident(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if doc, err = s.shown(ctx, doc); err != nil {
		return nil, err
	}
	return &body[*alert.Incident]{doc}, nil
}

// Timeline is what happened to an incident. Truncated says that more happened than is shown.
type Timeline struct {
	Events    []json.RawMessage `json:"events"`
	Truncated bool              `json:"truncated"`
}

func (s *Server) getTimeline(ctx context.Context, in *idInput) (*body[Timeline], error) {
	doc, seqs, cut, err := s.anyIncident(ctx, in.ID)
	if err == nil {
		err = s.o.Rights.Allowed(callerOf(ctx), timelineRead, partIn(doc))
		if doc.Sensitivity == alert.Sealed && err == nil {
			err = s.o.Rights.Allowed(callerOf(ctx), sealedRead, partIn(doc))
		}
	}
	if err != nil {
		return nil, err
	}
	encoded, err := s.o.History.Encoded(seqs)
	if err != nil {
		return nil, fmt.Errorf("timeline of %s: %w", in.ID, err)
	}
	t := Timeline{Events: make([]json.RawMessage, len(encoded)), Truncated: cut}
	for i, e := range encoded {
		t.Events[i] = e
	}
	return &body[Timeline]{t}, nil
}

func (s *Server) task(id string) (task *alert.Task, inc *alert.Incident, err error) {
	var ok bool
	s.o.State.Read(func(st *dispatch.State) { task, inc, ok = st.Task(id) })
	if !ok {
		return nil, nil, alert.Errorf(alert.CodeNotFound, "no task %q in memory; those of finished incidents are kept for the city's closed_retention", shortened(id))
	}
	return task, inc, nil
}

func (s *Server) getTask(ctx context.Context, in *idInput) (*body[*alert.Task], error) {
	task, inc, err := s.task(in.ID)
	if alert.CodeOf(err) == alert.CodeNotFound && s.o.Archive != nil {
		task, inc, err = s.pastTask(ctx, in.ID)
	}
	if err != nil {
		return nil, err
	}
	if inc, err = s.shown(ctx, inc); err != nil {
		return nil, err
	}
	for _, t := range inc.Tasks {
		if t.ID == task.ID {
			task = t
		}
	}
	return &body[*alert.Task]{task}, nil
}
