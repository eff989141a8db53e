package journal

import (
	"bytes"
	"path/filepath"
	"testing"
)

// TestMended finds damage in what a snapshot covers, is refused until the file is restored, and then opens as ever.
func TestMended(t *testing.T) {
	s := makeSmall(t)
	path := filepath.Join(testDir, fileName(1, segmentSuffix))
	good := bytes.Clone(s.disk.names[path].cache)
	s.disk.names[path].cache[s.at[1].from+100] ^= 1
	s.refused(t, s.disk, fileName(1, segmentSuffix), 1)
	if s.disk.names[filepath.Join(testDir, damagedName)] == nil {
		t.Fatal("no note")
	}
	s.disk.names[path].cache = good
	s.opens(t, s.disk, len(s.frames))
	if s.disk.names[filepath.Join(testDir, damagedName)] != nil {
		t.Fatal("the note is still there")
	}
}

// TestPastUnread looks everything up before and after the past was read, and reads what Open spared by itself.
func TestPastUnread(t *testing.T) {
	s := makeSmall(t)
	var check func()
	options := testOptions(s.disk)
	options.spawn = func(f func()) { check = f }
	clear(s.disk.reads)
	j, err := Open(testDir, options)
	if err != nil {
		t.Fatal(err)
	}
	if reads := s.disk.reads[filepath.Join(testDir, fileName(1, segmentSuffix))]; reads != 1 {
		t.Fatalf("Open has read %d times in a segment of which it needs the header", reads)
	}
	find := func() {
		t.Helper()
		for _, want := range s.frames {
			if f, err := j.FrameAt(want.LastSeq()); err != nil || !sameFrame(f, want) {
				t.Fatalf("%v, %v", f, err)
			}
		}
	}
	find()
	select {
	case <-j.Checked():
		t.Fatal("checked by whom?")
	default:
	}
	check()
	<-j.Checked()
	if find(); j.Err() != nil {
		t.Fatal(j.Err())
	}
	j.Close()
}

// TestPastStopped closes a journal whose past is being read: that is no damage.
func TestPastStopped(t *testing.T) {
	s := makeSmall(t)
	var check func()
	options := testOptions(s.disk)
	options.spawn = func(f func()) { check = f }
	j, err := Open(testDir, options)
	if err != nil {
		t.Fatal(err)
	}
	s.disk.names[filepath.Join(testDir, fileName(1, segmentSuffix))].cache[s.at[0].from] ^= 1
	closed := make(chan error)
	go func() { closed <- j.Close() }()
	<-j.past.stop
	check()
	if err := <-closed; err != nil || s.disk.names[filepath.Join(testDir, damagedName)] != nil {
		t.Fatal("stopped, and called damage", err)
	}
}
