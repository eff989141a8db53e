package journal

import (
	"errors"
	"testing"

	"pgregory.net/rapid"
)

// TestAnyLife draws lives of a journal: batches, snapshots, faults, kills and power cuts in any order.
func TestAnyLife(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &story{disk: newDisk()}
		var j *Journal
		open := func() {
			var err error
			if j, err = s.open(); err != nil {
				t.Fatal(err)
			}
		}
		open()
		// faultIn sets a fault some operations ahead, and returns what ends it.
		faultIn := func() func() {
			at := s.disk.ops + rapid.IntRange(1, 8).Draw(t, "operations until it fails")
			what := rapid.SampledFrom([]fault{fails, failsHalf, loses, dies}).Draw(t, "fault")
			s.disk.fault = func(n int, _, _ string) fault { return map[bool]fault{true: what}[n == at] }
			return func() { s.disk.fault = nil }
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				size := rapid.OneOf(rapid.IntRange(0, 700), rapid.IntRange(0, 5000)).Draw(t, "bytes")
				counts := rapid.SliceOfN(rapid.Uint32Range(1, 4), 1, 6).Draw(t, "counts")
				if err := s.append(j, batch(s.next(), size, counts...)); err != nil && s.attempted == nil {
					t.Fatal(err)
				}
			},
			"snapshot": func(t *rapid.T) {
				if j.LastSeq() == 0 {
					return
				}
				seq := rapid.Uint64Range(1, j.LastSeq()).Draw(t, "seq")
				if err := s.snap(j, seq); err != nil && s.disk.fault == nil && s.attempted == nil {
					t.Fatal(err)
				}
			},
			"read": func(t *rapid.T) {
				seq := rapid.Uint64Range(0, s.next()).Draw(t, "seq")
				f, err := j.FrameAt(seq)
				if seq == 0 || seq == s.next() {
					if !errors.Is(err, ErrNotFound) && !errors.Is(err, errPower) {
						t.Fatalf("FrameAt(%d): %v", seq, err)
					}
				} else if err == nil && (f.Seq > seq || f.LastSeq() < seq) || err != nil && !errors.Is(err, errPower) {
					t.Fatalf("FrameAt(%d) begins at %d: %v", seq, f.Seq, err)
				}
			},
			"verify": func(t *rapid.T) {
				r, err := verify(s.disk, testDir, nil)
				if err != nil {
					t.Fatal(err)
				}
				want := s.next() - 1
				if n := len(s.attempted); n > 0 && r.LastSeq != want {
					want = s.attempted[n-1].LastSeq()
				}
				if r.LastSeq != want {
					t.Fatalf("verified up to %d, want %d", r.LastSeq, want)
				}
			},
			"fault": func(t *rapid.T) { faultIn() },
			"kill":  func(t *rapid.T) { s.disk.kill(); open() },
			"close": func(t *rapid.T) { s.disk.fault = nil; j.Close(); s.disk.kill(); open() },
			"power": func(t *rapid.T) {
				s.disk.crash(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "survives") })
				if rapid.Bool().Draw(t, "fails again while it opens") {
					end := faultIn()
					if j, err := Open(testDir, testOptions(s.disk)); err == nil {
						j.Close()
					}
					end()
					s.disk.crash(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "survives") })
				}
				open()
			},
		})
	})
}
