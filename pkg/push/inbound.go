package push

import (
	"encoding/binary"
	"sync"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// What clients send is read here and not by gorilla: its connection keeps a buffer and a deep stack for each client, and
// nearly all of them are silent nearly all of the time. Here a silent client has a few bytes and a goroutine that has
// never needed more than the smallest stack; a buffer is borrowed while there is something in it.

const (
	glanceBytes  = 32 // read before a buffer is borrowed: a whole pong, or a report of what a screen shows
	maskBytes    = 4
	maxHeadBytes = maxHeaderBytes + maskBytes
)

// inbound is what has come of a client's frames and was not served yet.
type inbound struct {
	message int  // bytes of b: the fragments of a request whose last is still to come
	begun   bool // there is such a request
	opcode  byte // of it
	end     int  // b[message:end] was read, and begins with the header of a frame

	b [MaxClientFrameBytes + maxHeadBytes + maxControlBytes + glanceBytes]byte // a request, a control frame between its parts, a glance
}

var inbounds = sync.Pool{New: func() any { return new(inbound) }}

// frame is a client's frame.
type frame struct {
	fin     bool
	opcode  byte
	payload []byte // unmasked, within the buffer
	length  int    // header included
}

const (
	opContinuation = 0
	opText         = 1
	opBinary       = 2
	opClose        = 8
	opPing         = 9
	opPong         = 10
)

// protocolError is what a client does that no websocket client does (RFC 6455); the connection is closed with 1002.
type protocolError string

func (e protocolError) Error() string { return string(e) }

// free returns where what is read goes. While next finds no whole frame there is room for a glance.
func (in *inbound) free() []byte { return in.b[in.end:] }

// empty reports whether nothing is kept.
func (in *inbound) empty() bool { return in.end == 0 && !in.begun }

// next returns the frame that what was read begins with. It reports false when that has not come whole. The payload is
// good until the frame is dropped.
func (in *inbound) next() (f frame, ok bool, err error) {
	b := in.b[in.message:in.end]
	if len(b) < 2 {
		return f, false, nil
	}
	f.fin, f.opcode = b[0]&0x80 != 0, b[0]&0xf
	size, head, control := uint64(b[1]&0x7f), 2, b[0]&0xf >= opClose
	switch {
	case b[0]&0x70 != 0:
		return f, false, protocolError("reserved bits are set")
	case f.opcode > opBinary && f.opcode < opClose || f.opcode > opPong:
		return f, false, protocolError("opcode is not known")
	case b[1]&0x80 == 0:
		return f, false, protocolError("frames of clients are masked")
	case control && (!f.fin || size > maxControlBytes):
		return f, false, protocolError("control frames are short and whole")
	case !control && in.begun != (f.opcode == opContinuation):
		return f, false, protocolError("a fragment is out of place")
	case size == 126:
		head = 4
	case size == 127:
		head = 10
	}
	if len(b) < head+maskBytes {
		return f, false, nil
	}
	switch size {
	case 126:
		size = uint64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		size = binary.BigEndian.Uint64(b[2:])
	}
	if !control && size > uint64(MaxClientFrameBytes-in.message) {
		return f, false, alert.Errorf(alert.CodeTooLarge, "a request is at most %d bytes long", MaxClientFrameBytes)
	}
	mask := b[head : head+maskBytes]
	head += maskBytes
	if f.length = head + int(size); len(b) < f.length {
		return f, false, nil
	}
	f.payload = b[head:f.length]
	for i := range f.payload {
		f.payload[i] ^= mask[i%maskBytes]
	}
	return f, true, nil
}

// drop forgets a frame that next returned.
func (in *inbound) drop(f frame) {
	in.end = in.message + copy(in.b[in.message:], in.b[in.message+f.length:in.end])
}

// fragment drops a frame but for its payload, which is kept as the next part of a request.
func (in *inbound) fragment(f frame) {
	if !in.begun {
		in.begun, in.opcode = true, f.opcode
	}
	n := copy(in.b[in.message:], f.payload)
	in.end = in.message + n + copy(in.b[in.message+n:], in.b[in.message+f.length:in.end])
	in.message += n
}

// whole drops the request whose fragments have all come.
func (in *inbound) whole() {
	in.end = copy(in.b[:], in.b[in.message:in.end])
	in.message, in.begun = 0, false
}
