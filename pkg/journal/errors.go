package journal

import (
	"errors"
	"fmt"
)

// CorruptError says that something accepted cannot be read. Nothing was changed. The file must be restored
// from a copy; a journal that goes on without it would have lost what it answered for.
type CorruptError struct {
	Segment string // file name
	Offset  int64  // bytes into the file
	Seq     uint64 // first sequence that cannot be read
	Reason  string
}

// Error implements error.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("segment %s is corrupt at offset %d, sequence %d: %s (restore the file from a copy)", e.Segment, e.Offset, e.Seq, e.Reason)
}

// Errors of callers.
var (
	ErrClosed   = errors.New("journal: closed")
	ErrLocked   = errors.New("another process holds it")                      // by Open, of the directory
	ErrNotFound = errors.New("journal: no such sequence")                     // by FrameAt
	ErrEmpty    = errors.New("there is no journal in it")                     // by Verify, of the directory
	ErrRefused  = errors.New("journal: the batch is not one that may follow") // by Append, wrapped with what is wrong
)
