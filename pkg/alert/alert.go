// Package alert is Banyan's vocabulary: alerts, incidents and tasks, their states and codes, and what
// makes a report from outside valid. It knows nothing of how they are decided, kept or shown.
package alert

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/banyan-ecc/banyan/geo"
)

// Alert 警情 is one report from a source, identified by (Source, ID).
type Alert struct {
	AlertID     string          `json:"alert_id"`               // derived from (Source, ID); see IDOf
	Source      string          `json:"source"`                 // source id; who the key belongs to
	ID          string          `json:"id"`                     // the source's own id
	Type        string          `json:"type"`                   // incident type code, such as fire.building
	OccurredAt  Time            `json:"occurred_at"`            // as the source says
	ReceivedAt  Time            `json:"received_at"`            // when Banyan took it
	Location    *Location       `json:"location,omitempty"`     // WGS-84; absent where only an area is known
	Area        string          `json:"area,omitempty"`         // area code, where given by the source
	Priority    Priority        `json:"priority,omitzero"`      // absent: the plan decides
	Text        string          `json:"text,omitempty"`         // what was reported, at most MaxTextBytes
	IncidentRef string          `json:"incident_ref,omitempty"` // the source's own incident number, if it keeps one
	Attributes  json.RawMessage `json:"attributes,omitempty"`   // a JSON object, carried unchanged
	Reporter    string          `json:"reporter,omitempty"`     // who reported, as a digest: equal for one person alone
	Sealed      *Box            `json:"sealed,omitempty"`       // what only an entitled role opens

	WarningLevel WarningLevel `json:"warning_level,omitempty"` // of a warning
	Cover        *Cover       `json:"cover,omitempty"`         // areas and cells that a warning is about
	ExpiresAt    Time         `json:"expires_at,omitzero"`     // when it says nothing any more
	Exercise     bool         `json:"exercise,omitempty"`      // part of a drill
	Traceparent  string       `json:"traceparent,omitempty"`   // W3C Trace Context of the source's own trace, where traces are kept
	Level        geo.Level    `json:"level,omitzero"`          // of the areas, that its source has brought it to
}

// Location is a position in WGS-84.
type Location struct {
	Lon       float64 `json:"lon"`                  // degrees east
	Lat       float64 `json:"lat"`                  // degrees north
	AccuracyM float64 `json:"accuracy_m,omitempty"` // radius of uncertainty in metres; 0 means unknown
}

// Point returns the position of l.
func (l Location) Point() geo.Point { return geo.Point{Lon: l.Lon, Lat: l.Lat} }

// Ref is what an incident keeps of each of its alerts; the alert itself is in the event Seq.
type Ref struct {
	AlertID    string `json:"alert_id"`
	Source     string `json:"source"`
	ID         string `json:"id"`
	Type       string `json:"type"`
	OccurredAt Time   `json:"occurred_at"`
	Seq        uint64 `json:"seq"`                   // the event that holds the whole alert
	UpdatedSeq uint64 `json:"updated_seq,omitempty"` // the event that holds it as last updated
	Cancelled  bool   `json:"cancelled,omitempty"`   // taken back by its source
}

// SourceRef is a source's own number for an incident.
type SourceRef struct {
	Source string `json:"source"`
	Ref    string `json:"ref"`
}

// Incident 事件 is what one or more alerts are about.
type Incident struct {
	ID              string        `json:"id"`
	Number          string        `json:"number"` // for people: city, day, running number
	Type            string        `json:"type"`
	Group           string        `json:"group"` // alerts correlate within a group of types
	Class           Class         `json:"class"`
	State           IncidentState `json:"state"`
	Priority        Priority      `json:"priority"`
	Location        *Location     `json:"location,omitempty"` // of the first alert, or the middle of its area
	LocationFrom    LocationFrom  `json:"location_from"`
	Cell            geo.Cell      `json:"cell,omitzero"`             // H3, resolution 9
	Areas           []string      `json:"areas"`                     // path of area codes, city first
	OutsideCity     bool          `json:"outside_city,omitempty"`    // the position lies in no area
	Text            string        `json:"text,omitempty"`            // of the first alert
	Plan            string        `json:"plan"`                      // id of the plan that made the tasks
	Refs            []SourceRef   `json:"refs,omitempty"`            // the sources' own numbers for it, at most MaxSourceRefs
	Alerts          []Ref         `json:"alerts"`                    // the first MaxRefsPerIncident
	AlertCount      int           `json:"alert_count"`               // all of them
	Tasks           []*Task       `json:"tasks"`                     // lead first, then in order of making
	OpenedAt        Time          `json:"opened_at"`                 //
	UpdatedAt       Time          `json:"updated_at"`                //
	ClosedAt        Time          `json:"closed_at,omitzero"`        //
	FirstOccurredAt Time          `json:"first_occurred_at"`         //
	LastOccurredAt  Time          `json:"last_occurred_at"`          //
	CloseReason     string        `json:"close_reason,omitempty"`    // why closed, cancelled or suspended
	Before          IncidentState `json:"before_suspended,omitzero"` // the state to resume to
	Reported        []string      `json:"reported,omitempty"`        // ids of the reports upward that were made
	Seq             uint64        `json:"seq"`                       // last event that changed it
	Sensitivity     Sensitivity   `json:"sensitivity,omitempty"`     // of the source that opened it
	Unconfirmed     *Unconfirmed  `json:"unconfirmed,omitempty"`     // only somebody of low trust has reported it
	CancelledCount  int           `json:"cancelled_count,omitempty"` // alerts that their sources took back
	FoldedCount     int           `json:"folded_count,omitempty"`    // alerts that a storm rule put here
	PrioritySet     bool          `json:"priority_set,omitempty"`    // by a person: no alert lowers it
	WarningLevel    WarningLevel  `json:"warning_level,omitempty"`   // of the latest alert that had one
	Cover           *Cover        `json:"cover,omitempty"`           // as its first alert says, or an update of it
	ExpiresAt       Time          `json:"expires_at,omitzero"`       // of the latest alert that had one
	Exercise        bool          `json:"exercise,omitempty"`        // a drill; real alerts never join it
	Traceparent     string        `json:"traceparent,omitempty"`     // of the first alert
	Level           geo.Level     `json:"level,omitzero"`            // of the areas, that it was passed to; 0: that of the last of Areas
}

// Unconfirmed says who alone has reported an incident that nobody trusted has confirmed.
type Unconfirmed struct {
	Source   string `json:"source"`
	Reporter string `json:"reporter,omitempty"` // as in the alert
}

// RefOf returns the number source has for the incident, "" if it gave none.
func (i *Incident) RefOf(source string) string {
	for _, r := range i.Refs {
		if r.Source == source {
			return r.Ref
		}
	}
	return ""
}

// Lead returns the task that leads: the latest lead task. It is nil only before the tasks are made.
func (i *Incident) Lead() *Task {
	for n := len(i.Tasks) - 1; n >= 0; n-- {
		if i.Tasks[n].Role == RoleLead {
			return i.Tasks[n]
		}
	}
	return nil
}

// Settled reports whether every task is final.
func (i *Incident) Settled() bool {
	for _, t := range i.Tasks {
		if !t.State.Final() {
			return false
		}
	}
	return true
}

// LocationFrom says where an incident's location comes from.
type LocationFrom string

// Sources of a location, from exact to none.
const (
	FromPosition LocationFrom = "position"
	FromArea     LocationFrom = "area"
	FromNothing  LocationFrom = "none"
)

// Task 任务 is one department's part of an incident.
type Task struct {
	ID             string    `json:"id"`
	IncidentID     string    `json:"incident_id"`
	Department     string    `json:"department"`
	Role           Role      `json:"role"`
	Seat           string    `json:"seat,omitempty"` // who must answer; absent while unstaffed
	State          TaskState `json:"state"`
	Priority       Priority  `json:"priority"`
	Reason         string    `json:"reason"`             // why this seat
	Deadline       Time      `json:"deadline,omitzero"`  // next thing that is due: acknowledge, ladder step or retry
	Step           int       `json:"step,omitempty"`     // ladder steps taken
	Overdue        bool      `json:"overdue,omitempty"`  // not acknowledged in time
	Escalated      []string  `json:"escalated,omitzero"` // seats that may answer as well, in order of escalation
	Officer        string    `json:"officer,omitempty"`  // name the acknowledging key carries
	Tried          []string  `json:"tried,omitzero"`     // seats that returned this work, not to be asked again
	AssignedAt     Time      `json:"assigned_at"`
	AcknowledgedAt Time      `json:"acknowledged_at,omitzero"`
	EnRouteAt      Time      `json:"en_route_at,omitzero"`
	OnSceneAt      Time      `json:"on_scene_at,omitzero"`
	FinishedAt     Time      `json:"finished_at,omitzero"`
	EndReason      string    `json:"end_reason,omitempty"` // why returned or cancelled, result when done
}

// Entitled reports whether seat holds the task or was asked to answer for it.
func (t *Task) Entitled(seat string) bool {
	if seat == "" {
		return false
	}
	if t.Seat == seat {
		return true
	}
	for _, s := range t.Escalated {
		if s == seat {
			return true
		}
	}
	return false
}

// Actor is who did something: an officer at a seat, or the system itself (zero Actor).
type Actor struct {
	Seat       string `json:"seat,omitempty"`
	Department string `json:"department,omitempty"`
	Name       string `json:"name,omitempty"`
	User       string `json:"user,omitempty"` // log-in name of a person who is signed in; absent for keys
}

// Prefixes of the kinds of id.
const (
	reporterPrefix = "r-"
	alertPrefix    = "a-"
	incidentPrefix = "i-"
	taskPrefix     = "t-"
)

const keyBytes = 10 // 80 bits: a collision among 10⁹ alerts has probability 4·10⁻⁷

var keyEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// Key identifies an alert: the first 80 bits of SHA-256 over source, a zero byte and the source's own id.
// Ids of alerts, incidents and tasks derive from it, so two nodes that saw the same alert agree.
type Key [keyBytes]byte

// KeyOf returns the key of the alert (source, id).
func KeyOf(source, id string) Key {
	var buf [MaxIDBytes + 128]byte
	b := append(buf[:0], source...)
	b = append(b, 0)
	b = append(b, id...)
	sum := sha256.Sum256(b)
	return Key(sum[:keyBytes])
}

// AlertID returns the id of the alert with key k.
func (k Key) AlertID() string { return k.id(alertPrefix) }

// IncidentID returns the id of the incident whose first alert has key k.
func (k Key) IncidentID() string { return k.id(incidentPrefix) }

// ReporterID returns the digest that stands for a reporter whose key is k.
func (k Key) ReporterID() string { return k.id(reporterPrefix) }

func (k Key) id(prefix string) string {
	var buf [len(alertPrefix) + keyBytes*8/5]byte
	n := copy(buf[:], prefix)
	keyEncoding.Encode(buf[n:], k[:])
	return string(buf[:])
}

// TaskID returns the id of the n-th task of an incident, counted from 1.
func TaskID(incidentID string, n int) string {
	return taskPrefix + strings.TrimPrefix(incidentID, incidentPrefix) + "-" + strconv.Itoa(n)
}

// IncidentOfTask returns the incident id that a task id names, and false if it is not a task id.
func IncidentOfTask(taskID string) (string, bool) {
	id, ok := AppendIncidentOfTask(nil, taskID)
	return string(id), ok
}

// AppendIncidentOfTask appends to b what IncidentOfTask returns, for callers that look it up only.
func AppendIncidentOfTask(b []byte, taskID string) ([]byte, bool) {
	rest, ok := strings.CutPrefix(taskID, taskPrefix)
	if !ok {
		return b, false
	}
	key, _, ok := strings.Cut(rest, "-")
	return append(append(b, incidentPrefix...), key...), ok && key != ""
}
