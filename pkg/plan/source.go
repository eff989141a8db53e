package plan

import (
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Source is a system that sends alerts, as its profile describes it.
type Source struct {
	ID, Name, NameEN string
	Department       string
	Datum            geo.Datum
	types            []string // patterns; empty: any
	PerSecond        float64
	Burst            int

	Transport   Transport
	Heartbeat   time.Duration     // silence beyond it is an incident of the centre; 0: none is expected
	Sensitivity alert.Sensitivity // of its alerts
	Seal        []string          // fields that are encrypted before anything is kept: text, or attributes.NAME
	LowTrust    alert.Priority    // priority of its alerts until they are corroborated; 0: it is trusted
	Storm       *Storm            // nil: nothing is folded
	Mapping     *Mapping          // nil: its messages are alerts already
	Layer       *Layer            // nil: what it measures is on no map
}

// MaySend reports whether the source may send alerts of type code.
func (s *Source) MaySend(code string) bool {
	return len(s.types) == 0 || matchesAny(s.types, code)
}

// Plain reports whether what the source sends is taken as it is: nothing to map, nothing to seal.
func (s *Source) Plain() bool { return s.Mapping == nil && len(s.Seal) == 0 }

// Sealed reports whether a field of the source's alerts is sealed, or all that it sends is.
func (s *Source) Sealed() bool { return len(s.Seal) > 0 || s.Sensitivity == alert.Sealed }

// Storm is when a source's alerts are folded: once it has opened Over incidents of a type within Within in one
// area of level By, what would open another joins the last of them. Nothing is lost, every alert is kept.
type Storm struct {
	Over   int
	Within time.Duration
	By     geo.Level
	Spare  alert.Priority // as urgent as this, an alert is never folded
}

// TransportKind is how a source's messages come.
type TransportKind string

// The kinds of transport.
const (
	TransportREST        TransportKind = "rest" // POST /api/v1/alerts and alerts:batch
	TransportCloudEvents TransportKind = "cloudevents"
	TransportCAP         TransportKind = "cap"
	TransportMQTT        TransportKind = "mqtt"
	TransportFeed        TransportKind = "feed" // Atom or RSS, asked for
	TransportWebhook     TransportKind = "webhook"
	TransportFile        TransportKind = "file"
)

// Transport is how a source's messages come. Which members mean something depends on Kind. Secrets are never part
// of a configuration, which is kept in the journal: members that end in File name files in the server's data
// folder.
type Transport struct {
	Kind TransportKind

	// mqtt
	Broker   string // mqtt://host:port, mqtts://, ws:// or wss://
	Topics   []string
	QoS      int    // 0 to 2
	Group    string // of a shared subscription; "" for none
	ClientID string

	// mqtt and feed: who we are there, and whom we believe
	User, PasswordFile        string
	CAFile, CertFile, KeyFile string

	// feed
	URL   string
	Every time.Duration

	// webhook
	SecretFile      string
	SignatureHeader string        // its value is hexadecimal, perhaps behind sha256=
	TimestampHeader string        // "": the signature is over the body alone
	Tolerance       time.Duration // of the timestamp

	// file
	Path      string // a file or a pattern such as drop/*.csv in the data folder
	Format    string // csv or ndjson
	Delimiter string // of csv; "": a comma

	// cap
	Certificates []string // files of certificates whose signatures count
	Signed       bool     // a message that is not signed by one of them is refused
	Drills       bool     // a drill is declared: exercises open incidents, marked as drills
}
