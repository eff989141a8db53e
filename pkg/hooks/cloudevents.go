package hooks

import "github.com/banyan-ecc/banyan/pkg/alert"

const cloudEventsBatch = "application/cloudevents-batch+json"

// batch returns events as a batch of CloudEvents 1.0.2 (JSON Event Format, section 4), whose ids tell a receiver what it
// has seen; traceparent is of the Distributed Tracing extension.
func (s *Sender) batch(events []waiting) []byte {
	b := []byte{'['}
	for i := range events {
		if i > 0 {
			b = append(b, ',')
		}
		w := &events[i]
		o := alert.Object{B: b}
		o.Str("specversion", "1.0")
		o.Str("id", w.String())
		o.Str("source", "/banyan/"+s.city)
		o.Str("type", "banyan."+string(w.Type))
		o.Str("subject", w.Incident)
		o.Time("time", w.At)
		o.Str("datacontenttype", "application/json")
		if trace := s.trace(w.Incident); trace != "" {
			o.Str("traceparent", trace)
		}
		o.Raw("data", w.shown)
		b = o.End()
	}
	return append(b, ']')
}
