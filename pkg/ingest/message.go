// Package ingest is the door for what sources send in their own shape: each message is mapped by its source's
// profile, becomes a command, and is answered once that is durable. What cannot be mapped is kept in quarantine
// with the reason. Transports (pkg/ingest/…) bring the messages; they know the wire, the door knows profiles.
package ingest

import (
	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Bounds of what a transport may hand in.
const (
	MaxMessageBytes = 64 << 10 // of one message as it came; what is longer is a transport's to refuse
	MaxMessageDepth = 32       // of its decoded body
	MaxTake         = 4096     // messages handed in at once
)

// Message is one message of a source as it came.
type Message struct {
	ID      string            // the transport's own id, if any
	Kind    string            // what Body was decoded from: "json", "cap", "cloudevent", "csv", "telemetry"
	Body    map[string]any    // decoded and bounded; nil where it could not be decoded
	Raw     []byte            // as it came, at most MaxMessageBytes
	Headers map[string]string // of the transport: CloudEvents attributes, MQTT topic and user properties, …

	// Where the transport itself knows what a message does (CAP does): "", "alert", "update", "cancel" or "ignore",
	// and the id of the alert that is updated or cancelled. A rule of the profile's has the last word.
	Operation, Target string
	Why               string // of ignore: why there is nothing to do
}

// Status is what became of a message.
type Status string

// What may become of a message. All but Refused are final: the message need not be sent again.
const (
	Accepted    Status = "accepted"    // a new alert, durable
	Duplicate   Status = "duplicate"   // an alert or update that was accepted before
	Updated     Status = "updated"     // it changed an alert
	Cancelled   Status = "cancelled"   // it took an alert back
	Ignored     Status = "ignored"     // by the profile: telemetry, tests, a cancel of nothing
	Quarantined Status = "quarantined" // kept, with the reason, until the profile is mended
	Refused     Status = "refused"     // not kept: send it again later, or mend what Err says
)

// Result says what became of a message, after the journal's fsync.
type Result struct {
	Status  Status
	Receipt dispatch.Receipt // of Accepted, Duplicate, Updated, Cancelled
	Reason  string           // of Ignored, Quarantined, Refused
	Err     *alert.Error     // of Refused: CodeRateLimited and CodeUnavailable pass, the others do not
}

// Again reports whether the message should be sent again unchanged.
func (r *Result) Again() bool {
	return r.Err != nil && (r.Err.Code == alert.CodeRateLimited || r.Err.Code == alert.CodeUnavailable)
}
