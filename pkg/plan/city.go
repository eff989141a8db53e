// Package plan compiles a city's configuration into what a decision needs: departments, seats, incident
// types, plans and ladders. It is pure (bytes in, a City or a list of problems out), and the cost of asking
// it anything is bounded whatever the configuration says.
package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"sort"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// Centre is the id of the department that is the command centre itself.
const Centre = "centre"

// Bounds of a configuration.
const (
	MaxDepartments     = 256
	MaxSeats           = 4096
	MaxTypes           = 4096
	MaxPlans           = 4096
	MaxSupports        = 32
	MaxLadderSteps     = 16
	MaxSources         = 4096
	MaxRadiusM         = 5000
	MaxSeatsConsidered = 64 // duty seats of one department
	MaxZoom            = 22
)

// City is everything a decision needs from configuration. It is immutable and safe for concurrent use.
type City struct {
	ID, Name, NameEN string
	NumberPrefix     string
	RootArea         string
	Zone             *time.Location
	Centre           geo.Point
	Zoom             float64

	DuplicateWindow time.Duration
	ClosedRetention time.Duration
	UnstaffedRetry  time.Duration

	Presence Presence
	// Progress is how long a task may stand in a state after it was acknowledged, by priority; 0: for ever.
	Progress map[alert.TaskState][len(alert.Priorities) + 1]time.Duration

	Silence *Type // of the incident that a source's silence is; nil: none is opened

	Departments []*Department // in file order
	Types       []*Type
	Seats       []*Seat
	Sources     []*Source // by id
	Commanders  []*Seat   // of the centre, in file order
	Reports     []*Report // in file order
	Passing     *Passing  // nil: nothing is passed between levels
	Objectives  []*Objective
	Roster      *roster.Roster
	Areas       *geo.Index

	Digest string            // SHA-256 over names and contents of Files
	Files  map[string][]byte // what it was compiled from

	departments map[string]*Department
	types       map[string]*Type
	seats       map[string]*Seat
	sources     map[string]*Source
	ladders     map[string]*Ladder
	plans       map[string]*Plan
	registers   map[string]*Register
	fallback    *Ladder
}

// Presence says what is asked of officers at their seats.
type Presence struct {
	Required    bool          // a seat takes tasks only while somebody is signed on
	LostAfter   time.Duration // silence of a console after which its seat is lost
	NoShowAfter time.Duration // after the beginning of a shift
}

// Department 联动部门.
type Department struct {
	ID, Name, NameEN string
	Joined           bool    // false for the centre itself
	Leader           *Seat   // duty leader 带班领导
	Seats            []*Seat // all of them, in file order
	Duty             []*Seat // those with SeatDuty
}

// SeatRole is what a seat is for.
type SeatRole string

// The seat roles.
const (
	SeatDuty      SeatRole = "duty"      // 专席: takes tasks
	SeatBackup    SeatRole = "backup"    // 备勤: asked when a duty seat does not answer
	SeatLeader    SeatRole = "leader"    // 带班领导, of the centre 总值班长
	SeatCommander SeatRole = "commander" // 总指挥
)

// Seat 专席.
type Seat struct {
	ID, Department, Name, NameEN string
	Role                         SeatRole
	Backup                       *Seat    // may be nil
	Areas                        []string // only work in these areas or below; empty: the whole city
}

// Group is a set of types whose alerts may be about one incident.
type Group struct {
	ID               string
	RadiusM          float64 // 0: alerts of this group never correlate by place
	Window           time.Duration
	BucketResolution int // H3 resolution whose cells are at least RadiusM wide: one ring around a cell holds everything near
}

// Type is an incident type.
type Type struct {
	Code, Name, NameEN string
	Class              alert.Class
	Group              *Group
	Priority           alert.Priority
	plans              []*Plan  // in file order; the last one always matches
	raises             []*Raise // in file order
	attributes         bool     // a condition looks at attributes
}

// General returns the plan that takes what no special one does.
func (t *Type) General() *Plan { return t.plans[len(t.plans)-1] }

// Step is one rung of a ladder.
type Step struct {
	After  time.Duration // since the task was assigned
	Do     StepKind
	Repeat time.Duration // of the last step; 0: never again
}

// StepKind says what a rung does.
type StepKind string

// The rungs.
const (
	StepRemind           StepKind = "remind"
	StepBackup           StepKind = "backup"
	StepDepartmentLeader StepKind = "department_leader"
	StepCentre           StepKind = "centre"
	StepCommander        StepKind = "commander"
)

// Ladder is what happens while a task waits, by priority.
type Ladder struct {
	ID    string
	steps [len(alert.Priorities) + 1][]Step
}

// Steps returns the rungs for priority p; there is at least one.
func (l *Ladder) Steps(p alert.Priority) []Step { return l.steps[p] }

// Department returns the department with the given id.
func (c *City) Department(id string) (*Department, bool) { d, ok := c.departments[id]; return d, ok }

// Type returns the incident type with the given code.
func (c *City) Type(code string) (*Type, bool) { t, ok := c.types[code]; return t, ok }

// Seat returns the seat with the given id.
func (c *City) Seat(id string) (*Seat, bool) { s, ok := c.seats[id]; return s, ok }

// Source returns the source with the given id.
func (c *City) Source(id string) (*Source, bool) { s, ok := c.sources[id]; return s, ok }

// LadderOf returns the ladder of the plan with the given id; where that plan is gone, the city's default.
func (c *City) LadderOf(planID string) *Ladder {
	if p, ok := c.plans[planID]; ok {
		return p.Ladder
	}
	return c.fallback
}

// Covers reports whether seat s takes work at an incident whose area path is path.
func (s *Seat) Covers(path []string) bool {
	if len(s.Areas) == 0 {
		return true
	}
	for _, want := range s.Areas {
		for _, have := range path {
			if want == have {
				return true
			}
		}
	}
	return false
}

// digest is over file names and contents, each with its length, so that no two sets of files agree.
func digest(files map[string][]byte) string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	h := sha256.New()
	for _, name := range names {
		sum := sha256.Sum256(files[name])
		h.Write([]byte(name))
		h.Write([]byte{0})
		h.Write(sum[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}
