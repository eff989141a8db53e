package bench

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// House is a centre that is a process of its own, and whose folder outlives it.
type House struct {
	Dir          string
	SourceTokens []string
	Start        func(context.Context) (url string, err error) // returns when alerts are accepted
	Stop         func() error                                  // as an operator does
	Kill         func() error                                  // as a power cut does
	Resident     func() int64                                  // bytes in memory; 0 where nobody can say
	Remove       func() error
}

const (
	aimCold  = 10 * time.Second
	coldTail = 20_000 // alerts behind the snapshot
	coldTold = 10     // times the filling says how far it is

	hugePages = "/sys/kernel/mm/transparent_hugepage/enabled" // of Linux; absent elsewhere
)

// coldStart fills a centre with open incidents and starts it again: from its snapshot, and after a kill from the snapshot
// and the frames behind it.
func (b *bench) coldStart(ctx context.Context, s Scenario) (err error) {
	h, err := b.o.House(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.Remove()) }()
	url, err := h.Start(ctx)
	if err != nil {
		return err
	}
	before := b.Centre
	defer func() { b.Centre = before }()
	b.Centre = &Centre{URL: url, SourceTokens: h.SourceTokens}
	if mode, err := os.ReadFile(hugePages); err == nil { // a quarter of a start hangs on it
		b.printf("  transparent huge pages: %s", mode)
	}
	for i := range coldTold {
		if err := b.fill(ctx, b.o.Cold*(i+1)/coldTold-b.o.Cold*i/coldTold); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := h.Stop(); err != nil {
		return err
	}
	b.printf("  stopped in %v\n", time.Since(began).Round(time.Millisecond))
	floor, size, err := readSnapshot(h.Dir)
	if err != nil {
		return err
	}
	again := func(what string) error {
		began := time.Now()
		url, err := h.Start(ctx)
		if err != nil {
			return err
		}
		took := time.Since(began)
		b.URL = url
		f := Figure{Scenario: s.Name, What: fmt.Sprintf("%d open incidents, %s: start → ready", b.o.Cold, what), N: 1, P50: ms(took)}
		b.tell(f.beside(ofP50, ms(floor), fmt.Sprintf("reading the snapshot's %d MB with a checksum", size>>20)).aim(took < aimCold, "under %v", aimCold))
		if n := h.Resident(); n > 0 {
			b.tell(Figure{Scenario: s.Name, What: "memory, resident", Bytes: n})
		}
		return nil
	}
	if err := again("from the snapshot"); err != nil {
		return err
	}
	if err := b.fill(ctx, coldTail); err != nil {
		return err
	}
	if err := h.Kill(); err != nil {
		return err
	}
	if err := again(fmt.Sprintf("and %d alerts behind it after a kill", coldTail)); err != nil {
		return err
	}
	return h.Stop()
}

// readSnapshot reads the newest snapshot below dir, the floor of a start.
func readSnapshot(dir string) (took time.Duration, size int64, err error) {
	var newest string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".snap" && path > newest {
			newest = path
		}
		return err
	})
	if err == nil && newest == "" {
		err = fmt.Errorf("the centre left no snapshot in %s", dir)
	}
	if err != nil {
		return 0, 0, err
	}
	began := time.Now()
	f, err := os.Open(newest)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	size, err = io.Copy(crc32.NewIEEE(), f)
	return time.Since(began), size, err
}
