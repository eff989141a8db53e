package test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/banyan-ecc/banyan/pkg/auth"
)

// shown is what screens have been shown: an event by its sequence. A screen that comes back goes on from seq.
type shown struct {
	epoch   uint32
	seq     uint64
	events  map[uint64]string
	resumed int
}

// wallFrame is what a screen reads of a frame.
type wallFrame struct {
	Op       string
	Epoch    uint32
	Seq      uint64
	From, To uint64
	Reason   string
	Events   []struct {
		Seq        uint64
		Type       string
		IncidentID string `json:"incident_id"`
	}
}

// watch is a screen that was there in the life before: what it was shown must still be so, and it misses nothing.
func (w *worker) watch() {
	token, err := w.keys.of(auth.Key{Role: auth.RoleWall, Name: "hall"})
	if err != nil {
		w.t.Error(err)
		return
	}
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(w.s.url, "http")+"/api/v1/stream",
		http.Header{"Authorization": {"Bearer " + token}, "Sec-WebSocket-Protocol": {"banyan.v1"}})
	if err != nil {
		return // killed already
	}
	defer ws.Close()
	v := &w.shown
	request := map[string]any{"op": "subscribe", "topics": []string{"wall"}}
	if v.seq > 0 {
		request["since"] = map[string]any{"epoch": v.epoch, "seq": v.seq}
	}
	if err := ws.WriteJSON(request); err != nil {
		return
	}
	for {
		var f wallFrame
		if err := ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return
		}
		if err := ws.ReadJSON(&f); err != nil {
			return // killed
		}
		if wrong := v.take(&f); wrong != "" {
			w.t.Errorf("a screen at %d: %s: %+v", v.seq, wrong, f)
			return
		}
	}
}

// take says what is wrong with a frame, "" if nothing is.
func (v *shown) take(f *wallFrame) string {
	switch f.Op {
	case "resumed":
		v.resumed++
		if f.Seq != v.seq || f.Epoch != v.epoch {
			return "resumed elsewhere"
		}
	case "snapshot":
		if f.Seq < v.seq {
			return "the server has gone back behind what it showed"
		}
		v.epoch, v.seq = f.Epoch, f.Seq
	case "events":
		if f.From != v.seq+1 || f.Epoch != v.epoch {
			return "events do not follow"
		}
		v.seq = f.To
		for _, e := range f.Events {
			v.events[e.Seq] = e.Type + " " + e.IncidentID
		}
	case "error":
		return "refused"
	}
	return ""
}

// compareShown holds what screens were shown against the journal.
func (c *crash) compareShown(x *exported) {
	for seq, event := range c.shown.events {
		if x.events[seq] != event {
			c.t.Errorf("screens were shown event %d as %q; the journal has %q", seq, event, x.events[seq])
		}
	}
	if c.shown.seq > x.last {
		c.t.Errorf("screens were shown events up to %d; the journal ends at %d", c.shown.seq, x.last)
	}
}

// watched says how much screens were shown.
func (c *crash) watched() string {
	return fmt.Sprintf("%d events shown to a screen that resumed %d times", len(c.shown.events), c.shown.resumed)
}
