package dispatch

import (
	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// CommandType says what is asked.
type CommandType string

// The commands.
const (
	SubmitAlert CommandType = "alert.submit"
	TaskAct     CommandType = "task.act"
	IncidentAct CommandType = "incident.act"
	LoadConfig  CommandType = "config.load"
	Tick        CommandType = "tick"
	SeatAct     CommandType = "seat.act"
	HandoverAct CommandType = "handover.act"
	SourceAct   CommandType = "source.act"
	RosterAct   CommandType = "roster.act"
	UpdateAlert CommandType = "alert.update" // changes an alert that was sent before
	CancelAlert CommandType = "alert.cancel" // takes one back
)

// Command is a wish to change state. At is stamped by whoever owns the state and never runs backwards.
type Command struct {
	Type       CommandType    `json:"type"`
	At         alert.Time     `json:"at"`
	Alert      *alert.Alert   `json:"alert,omitempty"`      // SubmitAlert
	Target     string         `json:"target,omitempty"`     // id of the task, incident, seat, handover, source, amendment or swap acted on
	Action     alert.Action   `json:"action,omitempty"`     // of the Act commands
	Seat       string         `json:"seat,omitempty"`       // ActAssign: to whom
	Department string         `json:"department,omitempty"` // ActSupport: whose help
	Priority   alert.Priority `json:"priority,omitzero"`    // ActPriority
	Level      geo.Level      `json:"level,omitzero"`       // ActPass: to which
	Reason     string         `json:"reason,omitempty"`     //
	Text       string         `json:"text,omitempty"`       // ActNote, ActAssess, ActHandOver
	By         *alert.Actor   `json:"by,omitempty"`         // who acts; absent for sources and the clock
	Digest     string         `json:"digest,omitempty"`     // LoadConfig
	Until      alert.Time     `json:"until,omitzero"`       // ActMaintain
	Amendment  *Amendment     `json:"amendment,omitempty"`  // ActAmend
	Swap       *Swap          `json:"swap,omitempty"`       // ActSwap
	Revision   string         `json:"revision,omitempty"`   // UpdateAlert, CancelAlert: what tells it from others of the same alert
	AlertID    string         `json:"alert_id,omitempty"`   // ActUnseal
	Held       *Held          `json:"held,omitempty"`       // ActQuarantine
	Seqs       []uint64       `json:"seqs,omitempty"`       // ActRelease: the events that hold the messages

	// IdempotencyKey names a wish that may come more than once, "" for any other: within the duplicate window it happens once.
	IdempotencyKey string `json:"idempotency_key,omitempty"`

	city *plan.City // LoadConfig: compiled; its files travel in the event
}

// Configure returns the command that makes city the configuration decisions are made under.
func Configure(city *plan.City) Command {
	return Command{Type: LoadConfig, Digest: city.Digest, city: city}
}
