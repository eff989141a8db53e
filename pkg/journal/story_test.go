package journal

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// story is what a caller knows of its journal across failures and crashes.
type story struct {
	disk      *disk
	accepted  []Frame
	attempted []Frame // by the Append that failed: may be found, whole, or not
	snapshot  uint64  // the newest written without an error
}

func (s *story) next() uint64 {
	if n := len(s.accepted); n > 0 {
		return s.accepted[n-1].LastSeq() + 1
	}
	return 1
}

func (s *story) append(j *Journal, b []Frame) error {
	err := j.Append(b)
	if err == nil {
		s.accepted = append(s.accepted, b...)
	} else if !errors.Is(err, ErrClosed) && s.attempted == nil {
		s.attempted = b
	}
	return err
}

func (s *story) snap(j *Journal, seq uint64) error {
	err := j.WriteSnapshot(seq, func(w io.Writer) error { _, err := fmt.Fprint(w, seq); return err })
	if err == nil {
		s.snapshot = max(s.snapshot, seq)
	}
	return err
}

// open opens the journal and checks what is there.
func (s *story) open() (*Journal, error) {
	j, err := Open(testDir, testOptions(s.disk))
	if err != nil {
		return nil, err
	}
	for name := range s.disk.names {
		if strings.HasSuffix(name, temporarySuffix) {
			err = fmt.Errorf("%s is left", name)
		}
	}
	if err = errors.Join(err, s.found(j)); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", errBroken, err), j.Close())
	}
	return j, nil
}

// found checks what a journal holds and takes it for accepted from now on.
func (s *story) found(j *Journal) error {
	got, err := readAll(j, 1)
	if err != nil {
		return err
	}
	want := s.accepted
	if len(got) > len(want) {
		want = append(slices.Clone(want), s.attempted...)
	}
	if !slices.EqualFunc(got, want, sameFrame) {
		return fmt.Errorf("%d frames found, %d accepted, %d more attempted", len(got), len(s.accepted), len(s.attempted))
	}
	s.accepted, s.attempted = got, nil
	if last := s.next() - 1; j.LastSeq() != last {
		return fmt.Errorf("LastSeq is %d, want %d", j.LastSeq(), last)
	}
	seq, r, ok, err := j.OpenSnapshot()
	if err == nil && seq < s.snapshot {
		err = fmt.Errorf("the newest snapshot is %d, %d was written", seq, s.snapshot)
	}
	if err != nil || !ok {
		return err
	}
	b, err := io.ReadAll(r)
	if string(b) != fmt.Sprint(seq) {
		err = errors.Join(err, fmt.Errorf("the snapshot at %d holds %q", seq, b))
	}
	return errors.Join(err, r.Close())
}

// tell runs a short life: opens, checks, appends through two rotations with a snapshot between, and closes.
// The error is the first that anything returned.
func (s *story) tell() error {
	j, err := s.open()
	if err != nil {
		return err
	}
	defer j.Close()
	for i, size := range []int{500, 1200, 20, 2900, 700} {
		if err := s.append(j, batch(s.next(), size, 1, 2)); err != nil {
			if again := s.append(j, batch(s.next(), 1, 1)); again != err || j.Err() != err {
				return fmt.Errorf("%w: after %w it returned %w", errBroken, err, again)
			}
			return err
		}
		if i == 2 {
			if err := s.snap(j, j.LastSeq()); err != nil {
				return err
			}
		}
	}
	return j.Close()
}

var errBroken = errors.New("broken promise")
