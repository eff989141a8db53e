package journal

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestEveryFault makes every operation of a life go wrong in every way, cuts the power or kills the process,
// and lives on.
func TestEveryFault(t *testing.T) {
	plain := &story{disk: newDisk()}
	if err := errors.Join(plain.tell(), plain.tell()); err != nil {
		t.Fatal(err)
	}
	operations := plain.disk.ops
	if n := len(slices.DeleteFunc(slices.Clone(plain.disk.log), func(s string) bool { return !strings.HasPrefix(s, "rename") })); n < 6 {
		t.Fatalf("%d renames: the life is too short", n)
	}
	for op := 1; op <= operations; op++ {
		for _, what := range []fault{fails, failsHalf, loses, dies} {
			for seed := range uint64(6) {
				if err := live(op, what, seed); err != nil {
					t.Fatalf("operation %d (%s), fault %d, seed %d: %v", op, plain.disk.log[op-1], what, seed, err)
				}
			}
		}
	}
}

// live lives two lives with a fault at an operation, an end, and, for half the seeds, another fault while
// that is mended, and then two more without.
func live(op int, what fault, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, uint64(op)<<8|uint64(what)))
	end := func(d *disk) {
		if seed%3 == 0 && what != dies {
			d.kill()
		} else {
			d.crash(r.IntN)
		}
	}
	s := &story{disk: newDisk()}
	d := s.disk
	d.fault = func(n int, _, _ string) fault {
		if n == op {
			return what
		}
		return works
	}
	for range 2 {
		if err := s.tell(); errors.Is(err, errBroken) {
			return err
		} else if err != nil {
			break
		}
	}
	end(d)
	if seed%2 == 0 {
		at := d.ops + 1 + r.IntN(12)
		d.fault = func(n int, _, _ string) fault {
			if n == at {
				return what
			}
			return works
		}
		if err := s.tell(); errors.Is(err, errBroken) {
			return err
		}
		end(d)
	}
	// Nothing fails now: everything must work, twice, with the power cut between.
	if err := s.tell(); err != nil {
		return err
	}
	d.crash(r.IntN)
	return s.tell()
}

// TestFailedSync is the one fault that must never be tried again in the hope that it goes away.
func TestFailedSync(t *testing.T) {
	s := &story{disk: newDisk()}
	j := mustOpen(t, s.disk)
	defer j.Close()
	if err := s.append(j, batch(1, 100, 1)); err != nil {
		t.Fatal(err)
	}
	s.disk.fault = func(_ int, kind, _ string) fault { return map[bool]fault{true: loses}[kind == "sync"] }
	err := s.append(j, batch(2, 100, 1))
	if !errors.Is(err, syscall.EIO) {
		t.Fatalf("error %v", err)
	}
	s.disk.fault = nil
	before := s.disk.ops
	if again := j.Append(batch(2, 100, 1)); again != err || s.disk.ops != before {
		t.Fatalf("%v after %d operations", again, s.disk.ops-before)
	}
	if err := s.found(j); err != nil {
		t.Fatal(err)
	}
}

// TestFailedMark: a mark that cannot be written would make the next verdict weaker than promised.
func TestFailedMark(t *testing.T) {
	s := &story{disk: newDisk()}
	j := mustOpen(t, s.disk)
	defer j.Close()
	s.disk.fault = func(_ int, _, name string) fault { return map[bool]fault{true: fails}[name == markName] }
	if err := s.append(j, batch(1, 100, 1)); err == nil || j.Err() != err || j.LastSeq() != 0 {
		t.Fatalf("error %v, the journal's %v, last %d", err, j.Err(), j.LastSeq())
	}
}

// TestUnsyncedBatchIsWrittenAgain: a batch whose sync failed is shown by the cache to the next process,
// which must not build on it before it is on disk.
func TestUnsyncedBatchIsWrittenAgain(t *testing.T) {
	s := &story{disk: newDisk()}
	j := mustOpen(t, s.disk)
	s.disk.fault = func(_ int, kind, _ string) fault { return map[bool]fault{true: loses}[kind == "sync"] }
	if err := s.append(j, batch(1, 1000, 1)); err == nil {
		t.Fatal("no error")
	}
	s.disk.kill()
	j = mustOpen(t, s.disk)
	if err := s.found(j); err != nil {
		t.Fatal(err)
	}
	if j.LastSeq() != 1 {
		t.Fatal("the batch is not in the cache: the test tests nothing")
	}
	s.disk.crash(func(int) int { return 0 })
	j = mustOpen(t, s.disk)
	defer j.Close()
	if err := s.found(j); err != nil {
		t.Fatal(err)
	}
}

// TestNoRoom: what cannot be made ahead is made when it is needed, and the journal stops only if it cannot be then.
func TestNoRoom(t *testing.T) {
	s := &story{disk: newDisk()}
	j := mustOpen(t, s.disk)
	full := func(_ int, kind, name string) fault {
		return map[bool]fault{true: fails}[kind == "allocate" || kind == "write" && name == blankName]
	}
	s.disk.fault = full
	if err := s.append(j, batch(1, 2500, 1)); err != nil {
		t.Fatal(err)
	}
	s.disk.fault = nil
	if err := s.append(j, batch(2, 2500, 1)); err != nil {
		t.Fatal(err)
	}
	s.disk.fault = full
	err := s.append(j, batch(3, 2500, 1))
	if !errors.Is(err, syscall.ENOSPC) || j.Err() != err {
		t.Fatalf("error %v", err)
	}
	if err := s.found(j); err != nil {
		t.Fatal(err)
	}
	j.Close()
	s.disk.fault = nil
	if err := errors.Join(s.tell(), s.tell()); err != nil {
		t.Fatal(err)
	}
}

// TestTornTailStaysDead: what is left of a torn batch must not come back under the batch written over it.
func TestTornTailStaysDead(t *testing.T) {
	for keep := range 8 { // which of the three sectors of the torn batch survive
		s := &story{disk: newDisk()}
		j := mustOpen(t, s.disk)
		if err := s.append(j, batch(1, 100, 1)); err != nil {
			t.Fatal(err)
		}
		s.disk.fault = func(_ int, kind, _ string) fault { return map[bool]fault{true: dies}[kind == "sync"] }
		if err := s.append(j, batch(2, 280, 1, 1, 1)); err == nil {
			t.Fatal("no error")
		}
		sector := -1
		s.disk.crash(func(n int) int {
			if n == 1 {
				return 0
			}
			sector++
			return keep >> sector & 1
		})
		if sector < 2 {
			t.Fatalf("%d sectors were at stake, the test needs 3", sector+1)
		}
		for _, size := range []int{0, 8, 280, 600} {
			j := mustOpen(t, s.disk)
			if err := s.found(j); err != nil {
				t.Fatal(err)
			}
			if err := s.append(j, batch(s.next(), size, 1)); err != nil {
				t.Fatal(err)
			}
			s.disk.crash(func(n int) int { return 0 })
		}
		j = mustOpen(t, s.disk)
		if err := s.found(j); err != nil {
			t.Fatal(err)
		}
		j.Close()
	}
}

// TestMarkIsDurable: after Open and after Close the mark is on disk, between them it may be late.
func TestMarkIsDurable(t *testing.T) {
	d := newDisk()
	j := mustOpen(t, d)
	write(t, j, batch(1, 10, 2), batch(3, 10, 1))
	on := func(want mark) {
		t.Helper()
		d.crash(func(int) int { return 0 })
		if m, err := readMark(d, testDir); err != nil || m != want {
			t.Fatalf("the mark is %v, want %v: %v", m, want, err)
		}
	}
	on(mark{})
	j = mustOpen(t, d)
	on(mark{3, 2})
	j = mustOpen(t, d)
	write(t, j, batch(4, 10, 1))
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	on(mark{4, 3})
}
