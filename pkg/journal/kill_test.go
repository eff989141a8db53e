package journal

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
)

const writerEnv = "JOURNAL_TEST_WRITER"

// writeUntilKilled appends to the journal in dir for ever and prints each accepted sequence.
func writeUntilKilled(dir string) {
	j, err := Open(dir, Options{SegmentBytes: 64 << 10})
	for seq := j.LastSeq() + 1; err == nil; seq = j.LastSeq() + 1 {
		if err = j.Append(batch(seq, int(seq*37%900), 1, 2, 1)); err == nil {
			fmt.Println(j.LastSeq())
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// TestKill kills a writing process again and again, at whatever instant it happens to be at.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for round := range 8 {
		cmd := exec.Command(self)
		cmd.Env, cmd.Stderr = append(os.Environ(), writerEnv+"="+dir), os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines, accepted := bufio.NewScanner(out), uint64(0)
		for n := 0; lines.Scan(); n++ {
			if accepted, err = strconv.ParseUint(lines.Text(), 10, 64); err != nil {
				t.Fatal(err)
			}
			if n == 40*(round+1) {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
			t.Fatalf("the writer was not killed: %v", err)
		}
		j, err := Open(dir, Options{SegmentBytes: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		if j.LastSeq() < accepted {
			t.Fatalf("sequence %d was accepted, the journal ends at %d", accepted, j.LastSeq())
		}
		next := uint64(1)
		for f, err := range j.Read(1) {
			if err != nil {
				t.Fatal(err)
			}
			if f.Seq != next {
				t.Fatalf("frame at %d, want %d", f.Seq, next)
			}
			next += uint64(f.Count)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
