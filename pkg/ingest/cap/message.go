package cap

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/ingest"
)

// Reader turns messages of one source into what the door takes.
type Reader struct {
	Verifier
	Drills bool       // exercises are taken, as drills; else they are answered and open nothing
	City   *geo.Index //
	Source string     // whose messages they are
	Chains *Chains    // nil: chains are as long as references say
}

// Read reads a message. What is wrong with it is an *alert.Error; what is right and calls for nothing (a test, an
// acknowledgement, a warning for elsewhere, one that has expired) is a message to be ignored that says why.
func (r *Reader) Read(raw []byte) (ingest.Message, error) {
	m, signature, err := r.Parse(raw)
	if err != nil {
		return ingest.Message{}, err
	}
	infos := m.Chosen()
	place, err := m.Place(r.City, infos)
	if err != nil {
		return ingest.Message{}, err
	}
	out := ingest.Message{ID: m.Identifier, Kind: "cap", Headers: map[string]string{"signature": string(signature), "cap-version": m.Version}}
	if len(raw) <= ingest.MaxMessageBytes {
		out.Raw = raw
	}
	out.Body = m.Body(infos, &place)
	root := r.root(m)
	out.Body["root"] = root
	out.Body["signature"], out.Body["warning"] = string(signature), warning(m, infos, &place)
	if b, err := json.Marshal(out.Body); err != nil || len(b) > ingest.MaxMessageBytes {
		return ingest.Message{}, alert.Errorf(alert.CodeTooLarge, "what the message says, polygons left aside, is longer than %d bytes, the most that is taken", ingest.MaxMessageBytes)
	}
	if out.Why = r.idle(m, infos, &place); out.Why != "" {
		out.Operation = "ignore"
		return out, nil
	}
	switch m.Kind {
	case KindUpdate:
		out.Operation, out.Target = "update", root
	case KindCancel:
		out.Operation, out.Target = "cancel", root
	}
	return out, nil
}

// root is the first message of the chain that m belongs to.
func (r *Reader) root(m *Message) string {
	if r.Chains != nil {
		return r.Chains.Root(r.Source, m)
	}
	if root := m.Root().Identifier; root != "" {
		return root
	}
	return m.Identifier
}

// idle says why a message calls for nothing, "" if it does call for something.
func (r *Reader) idle(m *Message, infos []Info, p *Place) string {
	expires := Expires(infos)
	switch {
	case m.Kind == KindAck || m.Kind == KindError:
		return "msgType " + string(m.Kind) + " is an answer to a message, not one of its own"
	case m.Status == Test || m.Status == Draft || m.Status == System:
		return "status " + string(m.Status) + " is not to be acted on (CAP 1.2 section 3.2.1)"
	case m.Status == Exercise && !r.Drills:
		return "status Exercise, and no drill is declared for this source (drills: true in its transport)"
	case m.Kind == KindCancel:
		return ""
	case !expires.IsZero() && !expires.After(r.Now()):
		return "it expired at " + expires.Format(time.RFC3339)
	case p.Elsewhere:
		return "none of the places it names is in this city"
	}
	return ""
}

// warning is what the door takes over into the alert, whatever the profile maps: members of alert.Submission.
func warning(m *Message, infos []Info, p *Place) map[string]any {
	w := map[string]any{}
	if level := Level(infos); level != "" {
		w["warning_level"] = string(level)
	}
	if expires := Expires(infos); !expires.IsZero() {
		w["expires_at"] = expires.Format(time.RFC3339)
	}
	if m.Status == Exercise {
		w["exercise"] = true
	}
	cover := map[string]any{}
	if len(p.Areas) > 0 {
		cover["areas"] = list(p.Areas)
	}
	if len(p.Cells) > 0 {
		cells := make([]any, len(p.Cells))
		for i, c := range p.Cells {
			cells[i] = fmt.Sprint(c)
		}
		cover["cells"] = cells
	}
	if len(cover) > 0 {
		w["cover"] = cover
	}
	return w
}
