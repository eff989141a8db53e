// Package cap reads, checks, verifies and writes messages of the Common Alerting Protocol, OASIS CAP-v1.2, and its
// predecessors 1.0 and 1.1. A message is read within hard bounds, checked against every rule of the standard that a
// machine can check, and put into the shape in which profiles see it. It knows nothing of the wire it came by.
package cap

import (
	"time"

	"github.com/banyan-ecc/banyan/geo"
)

// Bounds of a message.
const (
	MaxBytes    = 2 << 20 // as it came
	MaxElements = 20_000
	MaxDepth    = 16
	MaxPoints   = 100_000 // of all polygons
	MaxInfos    = 64      // info blocks
	MaxProblems = 20      // rules that a refusal names
)

// MediaType is that of a message, RFC 7303 fashion, as OASIS registered it.
const MediaType = "application/cap+xml"

// Status says what a message is for (CAP 1.2 section 3.2.1).
type Status string

// The statuses.
const (
	Actual   Status = "Actual"
	Exercise Status = "Exercise"
	System   Status = "System"
	Test     Status = "Test"
	Draft    Status = "Draft"
)

// Kind is the msgType of a message (CAP 1.2 section 3.2.1).
type Kind string

// The kinds.
const (
	KindAlert  Kind = "Alert"
	KindUpdate Kind = "Update"
	KindCancel Kind = "Cancel"
	KindAck    Kind = "Ack"
	KindError  Kind = "Error"
)

// Message is a message that keeps the rules of its version.
type Message struct {
	Version    string // 1.0, 1.1 or 1.2
	Identifier string
	Sender     string
	Sent       time.Time
	Status     Status
	Kind       Kind
	Source     string
	Scope      string
	Note       string
	Codes      []string
	References []Reference
	Incidents  string
	Infos      []Info
	Signed     bool // a signature stands in it; whether it holds is for Verifier to say
}

// Reference names an earlier message.
type Reference struct {
	Sender, Identifier string
	Sent               time.Time // zero in CAP 1.0, where it may be absent
}

// Info is one info block.
type Info struct {
	Language                          string
	Categories                        []string
	Event                             string
	Responses                         []string
	Urgency, Severity, Certainty      string
	Effective, Onset, Expires         time.Time
	SenderName, Headline, Description string
	Instruction, Web, Contact         string
	EventCodes, Parameters            []Pair
	Areas                             []Area
}

// Pair is a named value.
type Pair struct{ Name, Value string }

// Area is one area block.
type Area struct {
	Desc     string
	Polygons []geo.Polygon
	Circles  []geo.Circle
	Geocodes []Pair
}
