package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

const (
	damagedName = "damaged" // there: damage was found after Open, and the next reads everything before it goes on
	pastRests   = 3         // times as long as a read of the past took it rests before the next
	pastRetry   = time.Minute
)

// past is the reading of the segments that Open has not read.
type past struct {
	noted bool          // damage was found when the journal was open last: Open reads everything
	stop  chan struct{} // closed by Close
	once  *sync.Once
	done  chan struct{} // closed when it has ended
}

func newPast() past {
	return past{stop: make(chan struct{}), once: new(sync.Once), done: make(chan struct{})}
}

// end makes the reading end, and waits for that.
func (p *past) end() {
	p.once.Do(func() { close(p.stop) })
	<-p.done
}

var errStopped = errors.New("journal: stopped")

// Checked returns a channel that is closed when every segment that Open has not read was read, or when that ended with
// damage or Close. Damage makes the journal fail as a failed write does: Err is the CorruptError, nothing more is
// accepted, and the next Open reads everything and is refused until the file is restored.
func (j *Journal) Checked() <-chan struct{} { return j.past.done }

// unread returns the contents that Open need not read: segments that hold nothing after a snapshot that is whole, and
// the one behind them, which says where they end. It has none where damage was found after the last Open.
func (j *Journal) unread(c *contents) (past *contents, err error) {
	past = &contents{fsys: c.fsys, dir: c.dir, pace: pacer(j.past.stop)}
	if j.past.noted, err = j.noted(); err != nil || j.past.noted {
		return past, err
	}
	for _, seq := range slices.Backward(c.snapshots) {
		n := c.behind(seq)
		if n == 0 {
			break // nothing to be spared by this or an older one
		}
		if !j.check(seq) {
			continue
		}
		j.whole = seq
		for _, s := range c.segments[:n+1] {
			own := *s // its index grows while others look things up
			past.segments = append(past.segments, &own)
		}
		break
	}
	return past, nil
}

// noted reports whether damage was found while the journal was open last.
func (j *Journal) noted() (bool, error) {
	f, err := openRead(j.o.FS, j.dir, damagedName)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	j.o.Logger.Warn("journal: damage was found when it was open last; all of it is read now")
	return true, f.Close()
}

// mended removes the note of damage, if there is one: everything was read and is whole.
func (j *Journal) mended() error {
	if !j.past.noted {
		return nil
	}
	return errors.Join(j.o.FS.Remove(j.path(damagedName)), j.o.FS.SyncDir(j.dir))
}

// checkPast reads what Open has not, one segment after the other, and leaves most of the time to others.
func (j *Journal) checkPast(c *contents) {
	defer close(j.past.done)
	if c == nil || len(c.segments) == 0 {
		return
	}
	began := time.Now()
	for i := 0; i < len(c.segments)-1; {
		_, err := c.scanSealed(i, c.segments[i].start(), false, nil)
		switch corrupt := (*CorruptError)(nil); {
		case err == nil:
			j.mu.Lock()
			j.segments[i].index = c.segments[i].index
			j.mu.Unlock()
			i++
		case errors.Is(err, errStopped):
			return
		case errors.As(err, &corrupt), errors.Is(err, syscall.EIO):
			j.pastDamaged(err)
			return
		default: // too many open files, for one: no reason to stop a centre
			j.o.Logger.Warn("journal: what is older than the snapshot cannot be read now; tried again", "segment", c.segments[i].name, "error", err)
			select {
			case <-time.After(pastRetry):
			case <-j.past.stop:
				return
			}
		}
	}
	j.o.Logger.Info("journal: what is older than the snapshot was read and is whole", "segments", len(c.segments)-1, "took", time.Since(began))
}

// pacer returns what a reader calls before each read: it rests several times as long as the one before took.
func pacer(stop chan struct{}) func() error {
	rest, before := time.NewTimer(0), time.Time{}
	<-rest.C
	return func() error {
		if !before.IsZero() {
			rest.Reset(pastRests * time.Since(before))
			select {
			case <-rest.C:
			case <-stop:
			}
		}
		select {
		case <-stop:
			return errStopped
		default:
		}
		before = time.Now()
		return nil
	}
}

// pastDamaged ends the journal over damage in what is older than the snapshot, and has the next Open refuse.
func (j *Journal) pastDamaged(err error) {
	err = j.fail(fmt.Errorf("journal %s: %w", j.dir, err))
	j.o.Logger.Error("journal: failed, nothing more is accepted", "dir", j.dir, "error", err)
	f, noted := j.o.FS.OpenFile(j.path(damagedName), os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	if noted == nil {
		noted = errors.Join(writeAt(f, []byte(err.Error()+"\n"), 0), f.Sync(), f.Close(), j.o.FS.SyncDir(j.dir))
	}
	if noted != nil {
		j.o.Logger.Error("journal: the damage could not be noted; the next start finds it again only after a while", "error", noted)
	}
}
