package api

import (
	"context"
	"math"
	"net/http"
	"strings"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// camerasRegister is the register that /cameras shows.
const camerasRegister = "cameras"

// Nearby is what a register has about an incident, the nearest first.
type Nearby struct {
	Register string        `json:"register"`
	Entries  []NearbyEntry `json:"entries"`
}

// NearbyEntry is one entry of a register.
type NearbyEntry struct {
	ID         string            `json:"id" doc:"Of a camera: its number after GB/T 28181."`
	Name       string            `json:"name"`
	Location   geo.Point         `json:"location" doc:"WGS-84."`
	DistanceM  int               `json:"distance_m" doc:"From the incident, in metres."`
	Attributes map[string]string `json:"attributes,omitempty" doc:"The other columns of the register, such as stream."`
}

// NearInput says how far to look, and for how much.
type NearInput struct {
	ID      string `path:"id" maxLength:"64"`
	RadiusM int    `query:"radius_m" minimum:"1" maximum:"5000" default:"1000"`
	Limit   int    `query:"limit" minimum:"1" maximum:"100" default:"10"`
}

type nearbyInput struct {
	NearInput
	Register string `query:"register" required:"true" maxLength:"64" doc:"Id of one of the city's registers, such as hazards."`
}

// nearbyRoutes show whoever reads an incident whole what stands about it. Walls do not: a stream address is for officers.
func (s *Server) nearbyRoutes() {
	register(s, http.MethodGet, "/api/v1/incidents/{id}/nearby", "incident-nearby", "What a register of the city has near an incident, the nearest first", []string{incidentRead},
		func(ctx context.Context, in *nearbyInput) (*body[Nearby], error) {
			return s.nearby(ctx, &in.NearInput, in.Register)
		})
	register(s, http.MethodGet, "/api/v1/incidents/{id}/cameras", "incident-cameras", "The nearest video cameras, with their streams", []string{incidentRead},
		func(ctx context.Context, in *NearInput) (*body[Nearby], error) {
			return s.nearby(ctx, in, camerasRegister)
		})
}

func (s *Server) nearby(ctx context.Context, in *NearInput, id string) (*body[Nearby], error) {
	doc, _, _, err := s.anyIncident(ctx, in.ID)
	if err == nil {
		err = s.o.Rights.Allowed(callerOf(ctx), readOf(doc), partIn(doc))
	}
	if err != nil {
		return nil, err
	}
	var city *plan.City
	s.o.State.Read(func(st *dispatch.State) { city = st.City() })
	if city == nil {
		return nil, alert.Errorf(alert.CodeUnavailable, "no configuration is in force yet")
	}
	r, ok := city.Register(id)
	if !ok {
		return nil, badQuery("register", "must be a register of this city: "+strings.Join(city.RegisterIDs(), ", ")+" (registers/NAME.csv)", id)
	}
	out := Nearby{Register: id, Entries: []NearbyEntry{}}
	if doc.Location == nil {
		return &body[Nearby]{out}, nil
	}
	at := geo.Point{Lon: doc.Location.Lon, Lat: doc.Location.Lat}
	for _, n := range r.Near(at, float64(in.RadiusM), in.Limit) {
		out.Entries = append(out.Entries, NearbyEntry{ID: n.ID, Name: n.Name, Location: n.Location, DistanceM: int(math.Round(n.DistanceM)), Attributes: n.Attributes})
	}
	return &body[Nearby]{out}, nil
}
