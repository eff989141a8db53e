package journal

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

const sectorBytes = 512

// disk is a file system with a volatile cache. A crash keeps what was synced, any of the sectors that were
// not, and a first part of the changes of names. A failed sync forgets what it should have written, as Linux
// does: the cache shows it until the crash.
type disk struct {
	mu      sync.Mutex
	names   map[string]*inode
	durable map[string]*inode
	pending []rename
	locked  map[string]bool
	life    int // handles of an earlier one are dead
	ops     int // that change something, so far
	log     []string
	reads   map[string]int // of files, so far
	fault   func(op int, kind, name string) fault
}

type inode struct {
	name          string
	cache, stable []byte
	dirty         map[int]bool // sectors
}

// rename is a change of names: from is empty for a new file, to for a removed one.
type rename struct {
	from, to string
	node     *inode
}

// fault is what an operation does wrong.
type fault int

const (
	works     fault = iota
	fails           // with nothing done
	failsHalf       // having written half of it
	loses           // a sync that fails and forgets
	dies            // the machine is gone, with half of it done
)

var errPower = errors.New("the machine is off")

func newDisk() *disk {
	return &disk{names: map[string]*inode{}, durable: map[string]*inode{}, locked: map[string]bool{}, reads: map[string]int{}}
}

// clone copies a disk as it is.
func (d *disk) clone() *disk {
	c := newDisk()
	for name, n := range d.names {
		node := &inode{name: name, cache: slices.Clone(n.cache), stable: slices.Clone(n.cache), dirty: map[int]bool{}}
		c.names[name], c.durable[name] = node, node
	}
	return c
}

// kill ends the process.
func (d *disk) kill() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.life++
	d.locked, d.fault = map[string]bool{}, nil
}

// crash cuts the power; choose returns a number below n.
func (d *disk) crash(choose func(n int) int) {
	d.kill()
	for _, r := range d.pending[:choose(len(d.pending)+1)] {
		d.durable = r.apply(d.durable)
	}
	d.pending, d.names = nil, maps.Clone(d.durable)
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		d.names[name].crash(choose)
	}
}

func (n *inode) crash(choose func(n int) int) {
	if len(n.cache) != len(n.stable) && choose(2) == 1 {
		n.resize(len(n.cache))
	}
	for _, s := range slices.Sorted(maps.Keys(n.dirty)) {
		if choose(2) == 1 {
			n.settle(s)
		}
	}
	n.cache, n.dirty = slices.Clone(n.stable), map[int]bool{}
}

func (n *inode) resize(size int) {
	n.stable = append(n.stable[:min(size, len(n.stable))], make([]byte, max(0, size-len(n.stable)))...)
}

// settle makes a sector stable.
func (n *inode) settle(sector int) {
	from := sector * sectorBytes
	if from < len(n.stable) && from < len(n.cache) {
		copy(n.stable[from:], n.cache[from:min(from+sectorBytes, len(n.cache))])
	}
}

func (r rename) apply(names map[string]*inode) map[string]*inode {
	names = maps.Clone(names)
	if r.from != "" {
		delete(names, r.from)
	}
	if r.to != "" {
		names[r.to] = r.node
	}
	return names
}

func (d *disk) change(r rename) {
	if r.node != nil {
		r.node.name = r.to
	}
	d.names = r.apply(d.names)
	d.pending = append(d.pending, r)
}

// begin counts an operation and says what it does wrong.
func (d *disk) begin(life int, kind, name string) (fault, error) {
	if life != d.life {
		return fails, errPower
	}
	if kind == "" {
		return works, nil
	}
	d.ops++
	name = filepath.Base(name)
	d.log = append(d.log, kind+" "+name)
	if d.fault == nil {
		return works, nil
	}
	f := d.fault(d.ops, kind, name)
	err := error(&fs.PathError{Op: kind, Path: name, Err: syscall.EIO})
	switch {
	case f == works:
		return f, nil
	case f == dies:
		d.life++
		err = errPower
	case kind == "write" || kind == "allocate":
		err = &fs.PathError{Op: kind, Path: name, Err: syscall.ENOSPC}
	}
	return f, err
}

func (d *disk) MkdirAll(string) error { return nil }

func (d *disk) Lock(name string) (io.Closer, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.locked[name] {
		return nil, ErrLocked
	}
	d.locked[name] = true
	return unlock{d, d.life, name}, nil
}

type unlock struct {
	d    *disk
	life int
	name string
}

func (u unlock) Close() error {
	u.d.mu.Lock()
	defer u.d.mu.Unlock()
	if u.life == u.d.life {
		delete(u.d.locked, u.name)
	}
	return nil
}

func (d *disk) OpenFile(name string, flag int) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := d.names[name]
	if n == nil && flag&os.O_CREATE == 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if n == nil || flag&os.O_TRUNC != 0 {
		if _, err := d.begin(d.life, "create", name); err != nil {
			return nil, err
		}
		n = &inode{dirty: map[int]bool{}}
		d.change(rename{"", name, n})
	}
	return &handle{d, d.life, n, flag&os.O_RDWR != 0}, nil
}

func (d *disk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.begin(d.life, "rename", to); err != nil {
		return err
	}
	d.change(rename{from, to, d.names[from]})
	return nil
}

func (d *disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.begin(d.life, "remove", name); err != nil {
		return err
	}
	if d.names[name] == nil {
		return &fs.PathError{Op: "remove", Path: name, Err: fs.ErrNotExist}
	}
	d.change(rename{from: name})
	return nil
}

func (d *disk) ReadDir(dir string) (names []string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name := range d.names {
		if filepath.Dir(name) == dir {
			names = append(names, filepath.Base(name))
		}
	}
	return names, nil
}

func (d *disk) SyncDir(dir string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.begin(d.life, "syncdir", dir); err != nil {
		return err
	}
	d.durable, d.pending = maps.Clone(d.names), nil
	return nil
}
