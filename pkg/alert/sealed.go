package alert

// Sensitivity is who may see what a source sends.
type Sensitivity string

// The sensitivities. Internal is the absent one: departments that take part see all, walls a redacted form.
const (
	Public   Sensitivity = "public" // may be published
	Internal Sensitivity = ""
	Sealed   Sensitivity = "sealed" // departments that take part only; never on a wall
)

// MaxSealedFields bounds the fields of an alert that are sealed.
const MaxSealedFields = 32

// Box is what is sealed of an alert: the values of some fields, encrypted. Who may, opens it with a reason, and
// that is itself an event.
type Box struct {
	Key    string   `json:"key"`    // id of the key it is encrypted with
	Fields []string `json:"fields"` // what it holds: text, attributes.NAME
	Data   []byte   `json:"data"`   // nonce and AES-256-GCM ciphertext of a JSON object of the fields
}
