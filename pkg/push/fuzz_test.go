package push

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// FuzzClientFrames sends anything to a hub, as text frames and as raw bytes where frames should be. The hub may
// refuse and close; it must not call it a defect of its own, and another client must go on getting events.
func FuzzClientFrames(f *testing.F) {
	for _, s := range []string{
		`{"op":"subscribe","topics":["wall"]}`, `{"op":"subscribe","topics":["cells:894183b61d3ffff"],"since":{"epoch":1,"seq":0}}`,
		`{"op":"subscribe","topics":["bbox:119,25,120,26","seat:fire-1","incident:i-1"]}`, `{"op":"ping","id":7}`, `{"op":"unsubscribe"}`,
		`{"op":"ping","id":{}}`, `[]`, "\x81\x85\x00\x00\x00\x00hello", "\x89\x80\x01\x02\x03\x04", "\x88\x82\x00\x00\x00\x00\x03\xe8", "\xff\xff",
	} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	defects := make(chan error, 1)
	set := newRig(f, Options{Hooks: Hooks{Internal: func(err error) {
		select {
		case defects <- err:
		default:
		}
	}}}, false)
	first := set.dial()
	first.subscribe("wall")
	first.expect("snapshot")
	seq := uint64(0)
	f.Fuzz(func(t *testing.T, data []byte, raw bool) {
		r, witness := *set, client{t, first.ws}
		r.t = t
		c, _, err := r.tryDial()
		if err != nil {
			t.Fatal(err)
		}
		defer c.ws.Close()
		if raw {
			_, err = c.ws.NetConn().Write(data)
		} else {
			err = c.ws.WriteMessage(websocket.TextMessage, data)
		}
		// A ping behind it brings an answer or the end: either way all of it was read.
		if err == nil {
			err = c.ws.WriteMessage(websocket.TextMessage, []byte(`{"op":"ping","id":"last"}`))
		}
		_ = c.ws.SetReadDeadline(time.Now().Add(time.Second)) // half a frame is waited for
		for err == nil {
			var b []byte
			if _, b, err = c.ws.ReadMessage(); err == nil && !json.Valid(b) {
				t.Fatalf("the hub answered %q", b)
			}
			var answer serverFrame
			if err == nil && json.Unmarshal(b, &answer) == nil && answer.Op == "pong" && string(answer.ID) == `"last"` {
				break
			}
		}
		if ce, ok := err.(*websocket.CloseError); ok && ce.Code == websocket.CloseInternalServerErr {
			t.Fatalf("the hub calls it a defect: %v", ce)
		}
		select {
		case err := <-defects:
			t.Fatalf("a defect: %v", err)
		default:
		}
		r.publish(Item{Incident: "i-1"})
		seq++
		if got := witness.events(seq-1, seq); len(got) != 1 || got[0] != seq {
			t.Fatalf("the witness got %v, want %d", got, seq)
		}
	})
}
