package push

import "sync"

// What the topic layers shows is of the moment: it has no sequence, is not resumed, and is told after the events. One
// that comes before its predecessor was told takes its place, and a client that is slow is left out: its next frame says
// that something is missing, and the client asks for the whole.

// eventsEvery is after how many connections told of layers a shard looks for events.
const eventsEvery = 32

// glimpse is the newest thing to show of layers.
type glimpse struct {
	mu       sync.Mutex
	number   uint64
	full     []byte // frames
	redacted []byte
}

// ShowLayers shows those who have the topic layers a JSON object: full, or redacted to those who see what walls may; nil
// for nothing. It replaces one that is not told yet, waits for nobody, and is best called about once a second.
func (h *Hub) ShowLayers(full, redacted []byte) {
	h.layers.mu.Lock()
	h.layers.number++
	h.layers.full, h.layers.redacted = textOrNil(full), textOrNil(redacted)
	h.layers.mu.Unlock()
	for _, s := range h.shards {
		s.rouse()
	}
}

func textOrNil(payload []byte) []byte {
	if payload == nil {
		return nil
	}
	return text(payload)
}

// showLayers tells the shard's connections what is new of layers. Events that come meanwhile go first.
func (s *shard) showLayers() {
	g := &s.hub.layers
	g.mu.Lock()
	number, full, redacted := g.number, g.full, g.redacted
	g.mu.Unlock()
	if number == s.glimpsed {
		return
	}
	s.glimpsed = number
	for _, a := range s.index.maps {
		s.viewers = append(s.viewers, a.members...)
	}
	for n, c := range s.viewers {
		if n%eventsEvery == eventsEvery-1 {
			s.flush()
		}
		if c.aud == nil || !c.aud.sub.layers { // lost meanwhile
			continue
		}
		frame := full
		if c.aud.sub.redacted {
			frame = redacted
		}
		if frame != nil {
			c.look(frame, c.joined)
		}
	}
	clear(s.viewers)
	s.viewers = s.viewers[:0]
}

// look sends a frame unless the client is busy with what came before.
func (c *conn) look(b []byte, gen uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.shut && !c.lane && !c.behind && c.gen == gen {
		c.write(piece{b: b})
	}
}

// beginLayers tells a client that begins to follow layers which there are.
func (c *conn) beginLayers(sub *subscription) {
	if f := c.hub.o.Layers; f != nil && sub.layers {
		if b := f(sub.redacted); b != nil {
			c.answer(text(b))
		}
	}
}
