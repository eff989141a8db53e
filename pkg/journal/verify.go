package journal

import (
	"errors"
	"fmt"
	"io/fs"
)

// Report is what Verify found.
type Report struct {
	Segments        int
	Batches, Frames uint64
	LastSeq         uint64 // of the last complete batch
	Chain           Chain  // behind it
	TailBytes       int64  // behind it: a batch being written, or torn and dropped at the next Open
	Snapshots       []SnapshotReport
}

// SnapshotReport is about one snapshot, newest last.
type SnapshotReport struct {
	Seq   uint64
	Bytes int64 // it holds
	Err   error // why it cannot be used; the journal stands without it
}

// Verify reads the journal in dir, every byte of it, and shows each frame of each complete batch, in order, to
// visit, which may be nil. Each must be the one that was chained: what somebody altered, removed, put in or moved is
// found even where every checksum was made right again. Only who rewrote the whole journal behind it is not: for that,
// compare [Report.Chain] or a frame's with a value written down elsewhere. It writes nothing, takes no lock, and may run beside the process that appends. The
// error is or wraps a CorruptError, or is visit's; the report then holds what came before.
func Verify(dir string, visit func(Frame) error) (Report, error) {
	r, err := verify(OS{}, dir, visit)
	if err != nil {
		err = fmt.Errorf("journal %s: %w", dir, err)
	}
	return r, err
}

func verify(fsys FS, dir string, visit func(Frame) error) (r Report, err error) {
	c, err := load(fsys, dir)
	if err != nil {
		return r, err
	}
	if len(c.segments) == 0 {
		return r, ErrEmpty
	}
	count := func(f Frame) error {
		r.Frames++
		r.LastSeq, r.Chain = f.LastSeq(), f.Chain
		if visit == nil {
			return nil
		}
		return visit(f)
	}
	e, err := c.scanChained(count, func(n int) { r.Segments, r.Batches = n, c.segments[n].firstBatch-1 })
	if err != nil {
		return r, err
	}
	r.Segments, r.Batches = len(c.segments), e.end.batch-1
	r.TailBytes = max(0, e.used-e.end.off)
	for _, seq := range c.snapshots {
		n, err := checkSnapshot(fsys, dir, seq)
		if errors.Is(err, fs.ErrNotExist) { // removed since
			continue
		}
		r.Snapshots = append(r.Snapshots, SnapshotReport{seq, n, err})
	}
	return r, nil
}
