package dispatch

import (
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// EventType names what happened. The names are part of the outside contract (docs/protocol.md).
type EventType string

// The events.
const (
	IncidentOpened   EventType = "incident.opened"
	AlertAttached    EventType = "alert.attached"
	TaskAssigned     EventType = "task.assigned"
	TaskUnstaffed    EventType = "task.unstaffed"
	TaskAcknowledged EventType = "task.acknowledged"
	TaskEnRoute      EventType = "task.en_route"
	TaskOnScene      EventType = "task.on_scene"
	TaskDone         EventType = "task.done"
	TaskReturned     EventType = "task.returned"
	TaskCancelled    EventType = "task.cancelled"
	TaskReassigned   EventType = "task.reassigned"
	TaskReminded     EventType = "task.reminded"
	TaskEscalated    EventType = "task.escalated"
	TaskDeadline     EventType = "task.deadline_changed"
	IncidentPriority EventType = "incident.priority"
	IncidentState    EventType = "incident.state"
	IncidentNote     EventType = "incident.note"
	IncidentAssessed EventType = "incident.assessed"
	IncidentReported EventType = "incident.reported"
	IncidentPassed   EventType = "incident.passed"
	RuleFailed       EventType = "rule.failed"

	AlertUpdated      EventType = "alert.updated"
	AlertCancelled    EventType = "alert.cancelled"
	IncidentConfirmed EventType = "incident.confirmed"
	TaskRole          EventType = "task.role_changed"
	SealedOpened      EventType = "sealed.opened"
	SourceQuarantined EventType = "source.quarantined"
	SourceReleased    EventType = "source.released"
	SourceSilent      EventType = "source.silent"
	SourceHeard       EventType = "source.heard"

	ConfigLoaded EventType = "config.loaded"

	SeatSignedOn      EventType = "seat.signed_on"
	SeatSignedOff     EventType = "seat.signed_off"
	SeatLost          EventType = "seat.lost"
	SeatFound         EventType = "seat.found"
	SeatNoShow        EventType = "seat.no_show"
	HandoverOpened    EventType = "handover.opened"
	HandoverConfirmed EventType = "handover.confirmed"
	HandoverMissed    EventType = "handover.missed"
	SeatMaintenance   EventType = "seat.maintenance"
	SourceMaintenance EventType = "source.maintenance"

	RosterAmended   EventType = "roster.amended"
	RosterGap       EventType = "roster.gap"
	RosterGapClosed EventType = "roster.gap_closed"
)

// Event is one change, as it was decided. It carries what changed after the change, so that applying it
// needs neither configuration nor judgement. Which members are set depends on Type; see docs/protocol.md.
type Event struct {
	Seq  uint64     `json:"seq"`
	At   alert.Time `json:"at"`
	Type EventType  `json:"type"`

	IncidentID     string              `json:"incident_id,omitempty"`
	Incident       *alert.Incident     `json:"incident,omitempty"`
	Alert          *alert.Alert        `json:"alert,omitempty"`
	AlertCount     int                 `json:"alert_count,omitempty"`
	LastOccurredAt alert.Time          `json:"last_occurred_at,omitzero"`
	Task           *alert.Task         `json:"task,omitempty"`
	TaskID         string              `json:"task_id,omitempty"`
	State          alert.IncidentState `json:"state,omitempty"`
	Priority       alert.Priority      `json:"priority,omitzero"`
	From           string              `json:"from,omitempty"`
	Step           string              `json:"step,omitempty"`
	To             string              `json:"to,omitempty"`
	ToOfficer      string              `json:"to_officer,omitempty"` // who is at that seat at this instant
	Rule           string              `json:"rule,omitempty"`
	Reason         string              `json:"reason,omitempty"`
	Text           string              `json:"text,omitempty"`
	By             *alert.Actor        `json:"by,omitempty"`
	Seat           string              `json:"seat,omitempty"`     // of the events about a seat
	SignOn         *SignOn             `json:"sign_on,omitempty"`  // the officer there, after the event
	Handover       *Handover           `json:"handover,omitempty"` //
	Day            string              `json:"day,omitempty"`      // first event of a new day in the city, YYYY-MM-DD
	Digest         string              `json:"digest,omitempty"`
	Files          map[string][]byte   `json:"files,omitempty"` // config.loaded, in the journal only
	Keep           *retention          `json:"keep,omitempty"`  // config.loaded

	Source      string       `json:"source,omitempty"`      // of the events about a source
	Amendment   *Amendment   `json:"amendment,omitempty"`   // roster.amended: this or a swap
	Swap        *Swap        `json:"swap,omitempty"`        //
	Removed     bool         `json:"removed,omitempty"`     // roster.amended: it is no more
	Gap         *Gap         `json:"gap,omitempty"`         // roster.gap, roster.gap_closed
	Maintenance *Maintenance `json:"maintenance,omitempty"` // absent: it is over

	Revision       string      `json:"revision,omitempty"`        // of an update or cancel
	IncidentType   string      `json:"incident_type,omitempty"`   // alert.updated, where the incident's type changes with it
	CancelledCount int         `json:"cancelled_count,omitempty"` // of the incident's alerts, after the event
	FoldedCount    int         `json:"folded_count,omitempty"`    // alert.attached by a storm rule
	Storm          *stormCount `json:"storm,omitempty"`           // incident.opened by a source with a storm rule
	AlertID        string      `json:"alert_id,omitempty"`        // sealed.opened
	Held           *Held       `json:"held,omitempty"`            // source.quarantined
	Seqs           []uint64    `json:"seqs,omitempty"`            // source.released
	IdempotencyKey string      `json:"idempotency_key,omitempty"` // of the command, on the first of its events

	city   *plan.City     // config.loaded, compiled; absent when read back from bytes
	roster *roster.Roster // roster.amended and config.loaded, compiled; absent likewise
}
