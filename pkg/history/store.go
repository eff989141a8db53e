// Package history is a read model of a journal in SQLite: every incident there ever was, found by words, place,
// department and time, and the counts that statistics are made of. It is derived: it can be thrown away and made
// of the journal again at any time, and nothing is decided by it.
//
// The position in the journal is kept in the transaction that writes what is before it, so each event counts
// exactly once, whatever crash is between. Nothing sealed enters it: of an incident of a sealed source it keeps
// what a wall may see, and none of its words.
package history

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	_ "modernc.org/sqlite" // SQLite in Go: full-text search is in it without a build tag

	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/statistics"
)

// FileName is the name of the database within the data folder.
const FileName = "history.db"

// version is of the tables and of how they are filled; a file of another one is made anew.
const version = "1"

const tables = `
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS incidents(
	n INTEGER PRIMARY KEY, -- the event that opened it
	id TEXT NOT NULL, -- may come again after the duplicate window: the newest counts
	 type TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER NOT NULL,
	opened_at INTEGER NOT NULL, closed_at INTEGER NOT NULL, -- 0: not over
	doc BLOB NOT NULL, events BLOB NOT NULL, last INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS incidents_id ON incidents(id);
CREATE INDEX IF NOT EXISTS incidents_opened ON incidents(opened_at);
CREATE INDEX IF NOT EXISTS incidents_closed ON incidents(closed_at);
CREATE TABLE IF NOT EXISTS places(area TEXT, n INTEGER, PRIMARY KEY(area, n)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS parts(department TEXT, n INTEGER, PRIMARY KEY(department, n)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS said(seq INTEGER PRIMARY KEY, n INTEGER NOT NULL); -- words that came after the opening
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(text, content='', detail='full');
CREATE TABLE IF NOT EXISTS cells(grouping INTEGER, part TEXT, slot INTEGER, key TEXT, tally BLOB NOT NULL,
	PRIMARY KEY(grouping, part, slot, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS late(task TEXT PRIMARY KEY, n INTEGER NOT NULL, at INTEGER NOT NULL, department TEXT NOT NULL, entry BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS late_at ON late(at);
`

// Store is an open read model. One goroutine calls Take; everything else may be called from any.
type Store struct {
	path   string
	write  *sql.DB // one connection
	read   *sql.DB
	taking sync.Mutex
	zone   statistics.Zone
	rests  int // see Rest
}

const readers = 4 // connections

// Open opens the read model in a data folder, making it if there is none or if it is of another version.
func Open(dir string) (*Store, error) {
	s := &Store{path: filepath.Join(dir, FileName)}
	err := s.open()
	if errors.Is(err, errOther) {
		if err = s.remove(); err == nil {
			err = s.open()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("history %s: %w; it is made of the journal and may be removed", s.path, errors.Join(err, s.Close()))
	}
	return s, nil
}

// errOther is that the tables are of another version, or of another journal.
var errOther = errors.New("made by another version or of another journal")

func (s *Store) open() (err error) {
	// The files beside it get its mode.
	f, err := os.OpenFile(s.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	// In WAL mode with synchronous NORMAL a commit waits for no disk; after a power cut the last ones are gone
	// together with their position.
	options := "?_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=busy_timeout(5000)&_pragma=cache_size(-16000)&_pragma=temp_store(2)"
	if s.write, err = sql.Open("sqlite", "file:"+s.path+options+"&_txlock=immediate"); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	if _, err = s.write.Exec(tables); err != nil {
		return err
	}
	if s.read, err = sql.Open("sqlite", "file:"+s.path+options+"&_pragma=query_only(1)"); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(readers)
	s.read.SetMaxIdleConns(readers)
	is, err := s.meta("version")
	switch {
	case err != nil:
		return err
	case is == "":
		_, err = s.write.Exec("INSERT INTO meta VALUES('version', ?)", version)
		return err
	case is != version:
		return errOther
	}
	return s.readZone()
}

// Close gives the files back.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sql.DB{s.read, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	s.read, s.write = nil, nil
	return errors.Join(errs...)
}

// remove closes the read model and takes its files away.
func (s *Store) remove() error {
	errs := []error{s.Close()}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(s.path + suffix); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// meta returns what is noted under key, "" for nothing.
func (s *Store) meta(key string) (value string, err error) {
	err = s.write.QueryRow("SELECT value FROM meta WHERE key = ?", key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, err
}

// Seq returns the last sequence that is in.
func (s *Store) Seq(ctx context.Context) (uint64, error) {
	var text string
	err := s.read.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'seq'").Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(text, 10, 64)
}

// After returns where in a journal to go on. A read model that is ahead of the journal or was made of another
// one is thrown away: a backup was put back, or the folder is another city's now.
func (s *Store) After(log interface {
	LastSeq() uint64
	FrameAt(uint64) (journal.Frame, error)
}) (uint64, error) {
	s.taking.Lock()
	defer s.taking.Unlock()
	seq, err := s.Seq(context.Background())
	if err != nil || seq == 0 {
		return seq, err
	}
	ours, err := s.meta("last frame")
	if err != nil {
		return 0, err
	}
	if seq <= log.LastSeq() {
		f, err := log.FrameAt(seq)
		if err != nil {
			return 0, err
		}
		if sum(&f) == ours {
			return seq, nil
		}
	}
	return 0, s.clear()
}

// clear empties the tables; the zone is found in the journal again.
func (s *Store) clear() error {
	tx, err := s.write.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // nothing to undo after Commit
	for _, q := range []string{"DELETE FROM incidents", "DELETE FROM places", "DELETE FROM parts", "DELETE FROM said", "DELETE FROM cells", "DELETE FROM late",
		"DELETE FROM meta WHERE key <> 'version'", "INSERT INTO words(words) VALUES('delete-all')"} {
		if _, err := tx.Exec(q); err != nil {
			return err
		}
	}
	s.zone = statistics.Zone{Location: time.UTC}
	return tx.Commit()
}
