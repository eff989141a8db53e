package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
)

// Chain is a value of the hash chain: SHA-256 of the value before it (at the beginning 32 zeros), the frame's sequence
// (8 bytes), epoch, count and length (4 bytes each), and its payload. Batches, segments and places do not enter: a copy of
// the frames has the same chain.
type Chain [sha256.Size]byte

// String returns the value in hexadecimal.
func (c Chain) String() string { return hex.EncodeToString(c[:]) }

// MarshalText implements encoding.TextMarshaler.
func (c Chain) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, c[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (c *Chain) UnmarshalText(b []byte) error {
	var got Chain
	if len(b) != hex.EncodedLen(len(c)) {
		return hex.ErrLength
	}
	if _, err := hex.Decode(got[:], b); err != nil {
		return err
	}
	*c = got
	return nil
}

// linker makes the values of the chain.
type linker struct {
	hash   hash.Hash
	before [sha256.Size + 20]byte
	after  [sha256.Size]byte
}

// link returns the value behind a frame.
func (l *linker) link(before Chain, h *header, payload []byte) Chain {
	if l.hash == nil {
		l.hash = sha256.New()
	}
	le, n := binary.LittleEndian, copy(l.before[:], before[:])
	le.PutUint64(l.before[n:], h.seq)
	le.PutUint32(l.before[n+8:], h.epoch)
	le.PutUint32(l.before[n+12:], h.count)
	le.PutUint32(l.before[n+16:], h.length)
	l.hash.Reset()
	l.hash.Write(l.before[:])
	l.hash.Write(payload)
	l.hash.Sum(l.after[:0])
	return l.after
}
