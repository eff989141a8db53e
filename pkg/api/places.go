package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// MaxOutlineCells bounds the cells whose outlines one request asks for.
const MaxOutlineCells = 512

func (s *Server) placeRoutes() {
	boards := []string{boardRead, boardRedacted}
	register(s, http.MethodGet, "/api/v1/seats", "list-seats", "Seats, who holds them now and what lies there", boards, s.listSeats)
	register(s, http.MethodGet, "/api/v1/statistics/now", "statistics-now", "Counts for a wall", boards, s.statisticsNow)
	register(s, http.MethodGet, "/api/v1/city", "get-city", "Departments, types, sources and areas of the city", []string{cityRead}, s.getCity)
	register(s, http.MethodGet, "/api/v1/areas", "list-areas", "The area tree", []string{cityRead}, s.listAreas)
	register(s, http.MethodGet, "/api/v1/areas/locate", "locate", "The areas a position lies in", []string{cityRead}, s.locate)
	register(s, http.MethodGet, "/api/v1/areas.geojson", "area-outlines", "Outlines of the areas of a level, as GeoJSON", []string{cityRead}, s.areaOutlines)
	register(s, http.MethodGet, "/api/v1/cells.geojson", "cell-outlines", "Outlines of H3 cells, as GeoJSON", []string{cityRead}, s.cellOutlines)
}

// board reads seats and counts.
func (s *Server) board(ctx context.Context) (b dispatch.Board) {
	names := s.o.Rights.Ever(callerOf(ctx), boardRead)
	s.o.State.Read(func(st *dispatch.State) { b = st.Board(s.o.Now(), !names) })
	return b
}

// SeatList is the answer with all seats.
type SeatList struct {
	Seats []Seat `json:"seats"`
}

// Seat is a seat now, and who comes next.
type Seat struct {
	dispatch.SeatStatus
	Next *NextHolder `json:"next,omitempty" doc:"Who holds it after the present holder; absent where that does not change within 31 days."`
}

// NextHolder is who holds a seat next, or that nobody does.
type NextHolder struct {
	Holder string    `json:"holder,omitempty" doc:"Absent: a gap, or not for the caller to read."`
	Gap    bool      `json:"gap,omitempty"`
	From   time.Time `json:"from"`
	Until  time.Time `json:"until"`
}

func (s *Server) listSeats(ctx context.Context, _ *struct{}) (*body[SeatList], error) {
	list := SeatList{Seats: []Seat{}}
	held, named := s.held(), s.o.Rights.Ever(callerOf(ctx), boardRead)
	for _, status := range s.board(ctx).Seats {
		list.Seats = append(list.Seats, Seat{status, s.next(held, status.ID, named)})
	}
	return &body[SeatList]{list}, nil
}

// held is the roster in force, nil before there is one.
func (s *Server) held() (held *roster.Roster) {
	s.o.State.Read(func(st *dispatch.State) { held = st.Roster() })
	return held
}

// next looks in the roster who holds a seat after now.
func (s *Server) next(held *roster.Roster, seat string, named bool) *NextHolder {
	if held == nil {
		return nil
	}
	span, ok := held.Next(seat, s.o.Now())
	if !ok {
		return nil
	}
	n := &NextHolder{Holder: span.Holder, Gap: span.Gap(), From: span.From, Until: span.To}
	if !named {
		n.Holder = ""
	}
	return n
}

func (s *Server) statisticsNow(ctx context.Context, _ *struct{}) (*body[dispatch.BoardCounts], error) {
	return &body[dispatch.BoardCounts]{s.board(ctx).Counts}, nil
}

// city returns the configuration in force.
func (s *Server) city() (city *plan.City, err error) {
	s.o.State.Read(func(st *dispatch.State) { city = st.City() })
	if city == nil {
		return nil, alert.Errorf(alert.CodeUnavailable, "no configuration is in force yet")
	}
	return city, nil
}

// Named is anything with an id and a name in two languages.
type Named struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	NameEN     string `json:"name_en,omitempty"`
	Department string `json:"department,omitempty" doc:"Of a source."`
	Joined     *bool  `json:"joined,omitempty" doc:"Of a department: false for the centre itself."`
}

// TypeInfo is an incident type.
type TypeInfo struct {
	Code     string         `json:"code"`
	Name     string         `json:"name"`
	NameEN   string         `json:"name_en,omitempty"`
	Class    alert.Class    `json:"class"`
	Group    string         `json:"group"`
	Priority alert.Priority `json:"priority"`
}

// Objective is a share of a stage that is to be within a time. What is absent narrows nothing.
type Objective struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	NameEN     string         `json:"name_en,omitempty"`
	Stage      plan.Stage     `json:"stage"`
	Priority   alert.Priority `json:"priority,omitempty"`
	Department string         `json:"department,omitempty"`
	Class      alert.Class    `json:"class,omitempty"`
	Within     float64        `json:"within_seconds"`
	Share      float64        `json:"share" doc:"Above 0, below 1."`
	Basis      string         `json:"basis" doc:"The law, standard or house rule it comes from."`
}

// ReportInfo is a report upward that the leading department of an incident owes.
type ReportInfo struct {
	ID         string           `json:"id"`
	Name       string           `json:"name"`
	NameEN     string           `json:"name_en,omitempty"`
	Types      []string         `json:"types" doc:"Codes of the incident types it is asked of."`
	Priorities []alert.Priority `json:"priorities"`
	Within     float64          `json:"within_seconds" doc:"After the incident was opened."`
	To         string           `json:"to,omitempty" doc:"Who is to have it."`
	Basis      string           `json:"basis,omitempty" doc:"The rule that asks for it."`
}

// AreaInfo is an area without its shape.
type AreaInfo struct {
	Code   string     `json:"code"`
	Parent string     `json:"parent,omitempty"`
	Level  string     `json:"level"`
	Name   string     `json:"name"`
	NameEN string     `json:"name_en,omitempty"`
	Centre *geo.Point `json:"centre,omitempty"`
}

// CityInfo is what a page must know of the city; areas down to district.
type CityInfo struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	NameEN      string       `json:"name_en,omitempty"`
	TimeZone    string       `json:"time_zone"`
	Centre      geo.Point    `json:"centre"`
	Zoom        float64      `json:"zoom"`
	Departments []Named      `json:"departments"`
	Types       []TypeInfo   `json:"types"`
	Areas       []AreaInfo   `json:"areas"`
	Sources     []Named      `json:"sources"`
	Objectives  []Objective  `json:"objectives" doc:"What is asked of the centre; empty where the city names none."`
	Reports     []ReportInfo `json:"reports" doc:"Reports upward that are asked for; empty where the city names none."`
	Passing     *PassingInfo `json:"passing,omitempty" doc:"Which incidents are passed between levels; absent where none are."`
	Registers   []string     `json:"registers" doc:"Ids of the registers that can be asked for what is near an incident."`
	Digest      string       `json:"digest"`
}

// PassingInfo says which incidents are passed up and down, and between which levels.
type PassingInfo struct {
	Types  []string    `json:"types"`
	Levels []geo.Level `json:"levels" doc:"From the city down."`
}

func (s *Server) getCity(context.Context, *struct{}) (*body[CityInfo], error) {
	c, err := s.city()
	if err != nil {
		return nil, err
	}
	info := CityInfo{ID: c.ID, Name: c.Name, NameEN: c.NameEN, TimeZone: c.Zone.String(), Centre: c.Centre, Zoom: c.Zoom, Digest: c.Digest, Areas: areaList(c, geo.District), Objectives: []Objective{}, Reports: []ReportInfo{}, Registers: c.RegisterIDs()}
	for _, d := range c.Departments {
		info.Departments = append(info.Departments, Named{ID: d.ID, Name: d.Name, NameEN: d.NameEN, Joined: &d.Joined})
	}
	for _, t := range c.Types {
		info.Types = append(info.Types, TypeInfo{t.Code, t.Name, t.NameEN, t.Class, t.Group.ID, t.Priority})
	}
	for _, src := range c.Sources {
		info.Sources = append(info.Sources, Named{ID: src.ID, Name: src.Name, NameEN: src.NameEN, Department: src.Department})
	}
	for _, o := range c.Objectives {
		info.Objectives = append(info.Objectives, Objective{o.ID, o.Name, o.NameEN, o.Stage, o.Priority, o.Department, o.Class, o.Within.Seconds(), o.Share, o.Basis})
	}
	for _, r := range c.Reports {
		info.Reports = append(info.Reports, ReportInfo{r.ID, r.Name, r.NameEN, r.Types(c), r.Priorities(), r.Within.Seconds(), r.To, r.Basis})
	}
	if p := c.Passing; p != nil {
		info.Passing = &PassingInfo{p.Types(c), p.Levels}
	}
	return &body[CityInfo]{info}, nil
}

// areaList lists the areas down to a level.
func areaList(c *plan.City, deepest geo.Level) []AreaInfo {
	list := []AreaInfo{}
	for a := range c.Areas.Areas {
		if a.Level > deepest {
			continue
		}
		info := AreaInfo{Code: a.Code, Parent: a.Parent, Level: a.Level.String(), Name: a.Name, NameEN: a.NameEN}
		if p, ok := c.Areas.Centre(a.Code); ok {
			info.Centre = &p
		}
		list = append(list, info)
	}
	return list
}

// AreaTree is the answer with all areas, parents before children.
type AreaTree struct {
	Areas []AreaInfo `json:"areas"`
}

func (s *Server) listAreas(context.Context, *struct{}) (*body[AreaTree], error) {
	c, err := s.city()
	if err != nil {
		return nil, err
	}
	return &body[AreaTree]{AreaTree{areaList(c, geo.Grid)}}, nil
}

type locateInput struct {
	Lon   float64 `query:"lon" required:"true" minimum:"-180" maximum:"180"`
	Lat   float64 `query:"lat" required:"true" minimum:"-90" maximum:"90"`
	Datum string  `query:"datum" enum:"wgs84,gcj02,bd09" default:"wgs84"`
}

// Whereabouts is where a position lies.
type Whereabouts struct {
	Location geo.Point  `json:"location" doc:"In WGS-84."`
	Cell     geo.Cell   `json:"cell"`
	Areas    []AreaInfo `json:"areas" doc:"From the city down."`
	Outside  bool       `json:"outside_city"`
}

func (s *Server) locate(_ context.Context, in *locateInput) (*body[Whereabouts], error) {
	c, err := s.city()
	if err != nil {
		return nil, err
	}
	p := geo.Point{Lon: in.Lon, Lat: in.Lat}
	if err := p.Validate(); err != nil { // NaN passes the bounds above
		return nil, badQuery("lon", err.Error(), fmt.Sprintf("%g,%g", in.Lon, in.Lat))
	}
	if p, err = geo.ToWGS84(p, geo.Datum(in.Datum)); err != nil {
		return nil, badQuery("datum", err.Error(), in.Datum)
	}
	place := c.Areas.Locate(p)
	w := Whereabouts{Location: p, Cell: place.Cell, Outside: place.Outside, Areas: []AreaInfo{}}
	for _, code := range place.Path {
		if a, ok := c.Areas.Area(code); ok {
			w.Areas = append(w.Areas, AreaInfo{Code: a.Code, Parent: a.Parent, Level: a.Level.String(), Name: a.Name, NameEN: a.NameEN})
		}
	}
	return &body[Whereabouts]{w}, nil
}

// Feature is a GeoJSON feature; its geometry is made elsewhere.
type Feature struct {
	Type       string            `json:"type"`
	Properties map[string]string `json:"properties"`
	Geometry   json.RawMessage   `json:"geometry"`
}

// FeatureCollection is RFC 7946.
type FeatureCollection struct {
	Type     string    `json:"type"`
	Features []Feature `json:"features"`
}

func collection(features []Feature) *body[FeatureCollection] {
	return &body[FeatureCollection]{FeatureCollection{"FeatureCollection", features}}
}

type outlineInput struct {
	Level string `query:"level" enum:"city,district,street,community,grid" default:"district"`
}

// outlines keeps the outlines of one configuration, which cost some milliseconds to make and change with it
// only.
type outlines struct {
	mu     sync.Mutex
	digest string
	levels map[string][]Feature
}

func (s *Server) areaOutlines(_ context.Context, in *outlineInput) (*body[FeatureCollection], error) {
	c, err := s.city()
	if err != nil {
		return nil, err
	}
	o := &s.outlines
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.digest != c.Digest {
		o.digest, o.levels = c.Digest, map[string][]Feature{}
	}
	features, ok := o.levels[in.Level]
	if !ok {
		if features, err = outlinesOf(c, in.Level); err != nil {
			return nil, err
		}
		o.levels[in.Level] = features
	}
	return collection(features), nil
}

func outlinesOf(c *plan.City, level string) ([]Feature, error) {
	features := []Feature{}
	for a := range c.Areas.Areas {
		if a.Level.String() != level {
			continue
		}
		outline, err := c.Areas.Outline(a.Code)
		if err != nil {
			return nil, err
		}
		if outline != nil {
			features = append(features, Feature{"Feature", map[string]string{"code": a.Code, "name": a.Name, "name_en": a.NameEN, "level": level}, outline})
		}
	}
	return features, nil
}

type cellsInput struct {
	Cells string `query:"cells" required:"true" doc:"H3 cells in hexadecimal, comma list, at most 512."`
}

func (s *Server) cellOutlines(_ context.Context, in *cellsInput) (*body[FeatureCollection], error) {
	names := strings.SplitN(in.Cells, ",", MaxOutlineCells+1)
	if len(names) > MaxOutlineCells {
		return nil, badQuery("cells", fmt.Sprintf("more than %d cells", MaxOutlineCells), "")
	}
	features := make([]Feature, len(names))
	for i, name := range names {
		c, err := geo.ParseCell(name)
		if err != nil {
			return nil, badQuery("cells", err.Error(), name)
		}
		outline, err := c.Outline()
		if err != nil {
			return nil, err
		}
		features[i] = Feature{"Feature", map[string]string{"cell": c.String()}, outline}
	}
	return collection(features), nil
}
