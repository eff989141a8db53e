package push

import (
	"encoding/binary"
	"encoding/json"
	"strconv"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// The frames are written here and not by gorilla: one write for many frames, one encoding for many clients.
// Frames of a server are unmasked (RFC 6455 section 5.1), so their bytes are the same for everybody.

const (
	finText  = 0x80 | 1
	finClose = 0x80 | 8
	finPing  = 0x80 | 9
	finPong  = 0x80 | 10

	maxHeaderBytes  = 10
	maxControlBytes = 125 // payload of a control frame
)

var pingFrame = []byte{finPing, 0}

// appendHeader appends the header of an unfragmented text frame of n bytes payload.
func appendHeader(b []byte, n int) []byte {
	switch {
	case n < 126:
		return append(b, finText, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, finText, 126), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(b, finText, 127), uint64(n))
}

// text returns payload as a frame.
func text(payload []byte) []byte {
	return append(appendHeader(make([]byte, 0, maxHeaderBytes+len(payload)), len(payload)), payload...)
}

// control returns a control frame; what is too long for one is cut.
func control(op byte, payload []byte) []byte {
	payload = payload[:min(len(payload), maxControlBytes)]
	return append([]byte{op, byte(len(payload))}, payload...)
}

func closeFrame(code int, reason string) []byte {
	return control(finClose, append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...))
}

// appendOp begins a payload: {"op":"…","epoch":…
func appendOp(b []byte, op string, epoch uint32) []byte {
	b = append(append(append(b, `{"op":"`...), op...), `","epoch":`...)
	return strconv.AppendUint(b, uint64(epoch), 10)
}

func appendNumber(b []byte, member string, v uint64) []byte {
	b = append(append(append(b, `,"`...), member...), `":`...)
	return strconv.AppendUint(b, v, 10)
}

func appendServerTime(b []byte, now time.Time) []byte {
	return alert.TimeOf(now).AppendJSON(append(b, `,"server_time":`...))
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		q, _ := json.Marshal(s) // a string always has an encoding
		b = append(b, q...)
	}
	return append(b, ']')
}

// eventsFrames returns the frames that tell from..to, whole: items is what of it is shown. They are more than
// one when one would be longer than maxFrameBytes, and always at least one.
func eventsFrames(sub *subscription, epoch uint32, from, to uint64, items []*Item) []byte {
	size := maxHeaderBytes + 80
	for _, it := range items {
		size += len(sub.body(it)) + 1
	}
	b := make([]byte, 0, size)
	for {
		n, bytes := 0, 0
		for n < len(items) && (n == 0 || bytes+len(sub.body(items[n])) < maxFrameBytes) {
			bytes += len(sub.body(items[n])) + 1
			n++
		}
		last := to
		if n < len(items) {
			last = items[n-1].Seq
		}
		b = appendEvents(b, sub, epoch, from, last, items[:n], bytes)
		if items = items[n:]; len(items) == 0 {
			return b
		}
		from = last + 1
	}
}

func appendEvents(b []byte, sub *subscription, epoch uint32, from, to uint64, items []*Item, bytes int) []byte {
	var scratch [96]byte
	head := appendOp(scratch[:0], "events", epoch)
	head = appendNumber(appendNumber(head, "from", from), "to", to)
	head = append(head, `,"events":[`...)
	if bytes > 0 {
		bytes-- // one comma less than items
	}
	b = append(appendHeader(b, len(head)+bytes+2), head...)
	for i, it := range items {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, sub.body(it)...)
	}
	return append(b, ']', '}')
}

func resumedFrame(epoch uint32, seq uint64) []byte {
	return text(append(appendNumber(appendOp(nil, "resumed", epoch), "seq", seq), '}'))
}

func heartbeatFrame(epoch uint32, seq uint64, now, stale time.Time) []byte {
	b := appendNumber(appendOp(nil, "heartbeat", epoch), "seq", seq)
	return text(append(appendStale(appendServerTime(b, now), stale), '}'))
}

// appendStale says since when we have not heard of the city ourselves, where that is so.
func appendStale(b []byte, since time.Time) []byte {
	if since.IsZero() {
		return b
	}
	return alert.TimeOf(since).AppendJSON(append(b, `,"stale_since":`...))
}

func pongFrame(id []byte, now time.Time) []byte {
	b := []byte(`{"op":"pong"`)
	if len(id) > 0 {
		b = append(append(b, `,"id":`...), id...)
	}
	return text(append(appendServerTime(b, now), '}'))
}

func errorFrame(err error) []byte {
	code, detail := detailOf(err)
	q, _ := json.Marshal(detail)
	b := append(append([]byte(`{"op":"error","code":"`), code...), `","detail":`...)
	return text(append(append(b, q...), '}'))
}

// Reason says in a snapshot frame why it is one.
type Reason string

// The reasons. They are part of the outside contract.
const (
	ReasonSubscribed   Reason = "subscribed"      // asked for without since
	ReasonTooOld       Reason = "resumed_too_old" // since lies before what is still held
	ReasonEpochChanged Reason = "epoch_changed"   // since is not of the city's history, or not yet of what we know of it
	ReasonSlow         Reason = "slow"            // deltas were dropped
)

// snapshotTailBytes is the length of what follows the members: the same for every reason, padded with
// blanks, because the header in front of the shared part holds the length of the whole.
var snapshotTailBytes = len(appendTail(nil, time.Time{}, ReasonTooOld, time.Unix(0, 0)))

// snapshotHead returns a snapshot frame but for its tail, which says when and why and belongs to one client.
func snapshotHead(sub *subscription, epoch uint32, seq uint64, members []byte) []byte {
	head := appendNumber(appendOp(make([]byte, 0, 96+len(sub.names)), "snapshot", epoch), "seq", seq)
	head = append(append(head, `,"topics":`...), sub.names...)
	if len(members) > 0 {
		head = append(head, ',')
	}
	n := len(head) + len(members)
	b := appendHeader(make([]byte, 0, maxHeaderBytes+n), n+snapshotTailBytes)
	return append(append(b, head...), members...)
}

func snapshotTail(now time.Time, reason Reason, stale time.Time) []byte {
	b := appendTail(make([]byte, 0, snapshotTailBytes), now, reason, stale)
	for len(b) < snapshotTailBytes {
		b = append(b, ' ')
	}
	return b
}

func appendTail(b []byte, now time.Time, reason Reason, stale time.Time) []byte {
	b = append(appendStale(appendServerTime(b, now), stale), `,"reason":"`...)
	return append(append(b, reason...), `"}`...)
}
