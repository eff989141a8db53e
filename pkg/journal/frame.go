package journal

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// Bounds of what is written.
const (
	MaxPayloadBytes = 64 << 20 // of a frame
	MaxBatchFrames  = 1 << 16
	MaxBatchBytes   = 96 << 20 // of a batch, headers and padding included
)

const (
	frameHeaderBytes    = 80
	oldFrameHeaderBytes = 48 // of a segment of version 1: without the chain
	frameAlign          = 8
	frameMagic          = 'B' | 'N'<<8 | 'Y'<<16 | 'F'<<24
	flagLast            = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Frame is a payload and the sequences it stands for.
type Frame struct {
	Epoch   uint32
	Seq     uint64 // of the first event
	Count   uint32 // events, at least 1
	Payload []byte
	Chain   Chain // as it was read; Append makes its own. Zero where a segment of version 1 was read without Verify
}

// LastSeq returns the sequence of the frame's last event.
func (f *Frame) LastSeq() uint64 { return f.Seq + uint64(f.Count) - 1 }

// bytes returns what the frame takes on disk when it is written.
func (f *Frame) bytes() int64 { return frameHeaderBytes + padded(len(f.Payload)) }

func padded(n int) int64 { return (int64(n) + frameAlign - 1) &^ (frameAlign - 1) }

// header is a frame's header, decoded.
type header struct {
	length, epoch, count, flags, position, payloadSum uint32
	batch, seq                                        uint64
	chain                                             Chain
	size                                              int64 // of the header itself
}

func (h *header) last() bool   { return h.flags&flagLast != 0 }
func (h *header) bytes() int64 { return h.size + padded(int(h.length)) }

// place is where a frame begins, and what that frame has to be.
type place struct {
	off        int64
	seq, batch uint64
	position   uint32
	chain      Chain // before the frame, where it is known
}

// expects says whether h belongs at p.
func (p *place) expects(h *header) bool {
	return h.seq == p.seq && h.batch == p.batch && h.position == p.position
}

// behind returns the place of the frame that follows h, which is at p.
func (p place) behind(h *header) place {
	p.off += h.bytes()
	p.seq += uint64(h.count)
	p.position++
	p.chain = h.chain
	if h.last() {
		p.batch, p.position = p.batch+1, 0
	}
	return p
}

// codec writes and reads the frames of one segment. It is not for concurrent use.
type codec struct {
	salt  uint64
	old   bool     // version 1
	scope [16]byte // salt and offset, as the header checksum takes them
	linker
}

// headerBytes returns what the header of a frame takes.
func (c *codec) headerBytes() int64 {
	if c.old {
		return oldFrameHeaderBytes
	}
	return frameHeaderBytes
}

// headerSum returns the checksum of the header that b begins with.
func (c *codec) headerSum(b []byte, off int64) uint32 {
	binary.LittleEndian.PutUint64(c.scope[:], c.salt)
	binary.LittleEndian.PutUint64(c.scope[8:], uint64(off))
	sum := crc32.Update(crc32.Checksum(c.scope[:], castagnoli), castagnoli, b[:44])
	return crc32.Update(sum, castagnoli, b[oldFrameHeaderBytes:c.headerBytes()])
}

// append adds the frame that goes to p to dst, and returns its header too.
func (c *codec) append(dst []byte, f *Frame, p place, flags uint32) ([]byte, header) {
	head := header{length: uint32(len(f.Payload)), epoch: f.Epoch, count: f.Count, flags: flags, position: p.position,
		batch: p.batch, seq: f.Seq, size: frameHeaderBytes}
	head.chain = c.link(p.chain, &head, f.Payload)
	at := len(dst)
	var room [frameHeaderBytes]byte
	dst = append(append(dst, room[:]...), f.Payload...)
	dst = append(dst, room[:padded(len(f.Payload))-int64(len(f.Payload))]...)
	head.payloadSum = crc32.Checksum(dst[at+frameHeaderBytes:], castagnoli)
	c.encode(dst[at:], &head, p.off)
	return dst, head
}

// encode writes the header of the frame at off into b.
func (c *codec) encode(b []byte, h *header, off int64) {
	le := binary.LittleEndian
	le.PutUint32(b, frameMagic)
	le.PutUint32(b[4:], h.length)
	le.PutUint64(b[8:], h.batch)
	le.PutUint64(b[16:], h.seq)
	le.PutUint32(b[24:], h.epoch)
	le.PutUint32(b[28:], h.count)
	le.PutUint32(b[32:], h.flags)
	le.PutUint32(b[36:], h.position)
	le.PutUint32(b[40:], h.payloadSum)
	copy(b[oldFrameHeaderBytes:], h.chain[:])
	le.PutUint32(b[44:], c.headerSum(b, off))
}

// defect is what is wrong with the bytes at a place; empty: nothing.
type defect string

const (
	defectNothing   defect = "there is no frame"
	defectMagic     defect = "not the beginning of a frame"
	defectHeader    defect = "the header fails its checksum"
	defectBounds    defect = "the header is out of bounds"
	defectCut       defect = "the segment ends within the frame"
	defectPayload   defect = "the payload fails its checksum"
	defectDisplaced defect = "a frame out of order"
	defectChain     defect = "the frame is not the one that was chained: it was altered, or others before it were altered, removed or put in"
)

// header decodes the header in b, which was read at off.
func (c *codec) header(b []byte, off int64) (h header, d defect) {
	le := binary.LittleEndian
	if int64(len(b)) < c.headerBytes() {
		return h, defectCut
	}
	if le.Uint32(b) != frameMagic {
		return h, defectMagic
	}
	if le.Uint32(b[44:]) != c.headerSum(b, off) {
		return h, defectHeader
	}
	h = header{length: le.Uint32(b[4:]), batch: le.Uint64(b[8:]), seq: le.Uint64(b[16:]), epoch: le.Uint32(b[24:]),
		count: le.Uint32(b[28:]), flags: le.Uint32(b[32:]), position: le.Uint32(b[36:]), payloadSum: le.Uint32(b[40:]), size: c.headerBytes()}
	if !c.old {
		copy(h.chain[:], b[oldFrameHeaderBytes:])
	}
	if h.length > MaxPayloadBytes || h.count == 0 || h.flags&^flagLast != 0 || h.seq > math.MaxUint64-uint64(h.count) {
		return h, defectBounds
	}
	return h, ""
}
