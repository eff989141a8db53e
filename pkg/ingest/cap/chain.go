package cap

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"sync"
)

// MaxLinks bounds the messages whose chain is known; past it the oldest are forgotten.
const MaxLinks = 20_000

// Chains know of which message an update is the first ancestor: senders name the message before, not always all.
// They are kept in a file of their own; what is lost of it costs that an update of an update opens a new alert.
type Chains struct {
	mu    sync.Mutex
	file  string
	f     *os.File
	roots map[[2]string]string // (source, identifier) → identifier of the first
	order []link
}

// link is a line of the file.
type link struct {
	Source string `json:"source"`
	ID     string `json:"id"`
	Root   string `json:"root"`
}

// OpenChains reads what was known. A line that cannot be read, the last one after a crash, is passed over.
func OpenChains(file string) (*Chains, error) {
	c := &Chains{file: file, roots: map[[2]string]string{}}
	f, err := os.Open(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil {
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			var l link
			if json.Unmarshal(lines.Bytes(), &l) == nil && l.ID != "" && l.Root != "" {
				c.add(l)
			}
		}
		_ = f.Close() // read only
	}
	return c, c.rewrite()
}

// Close gives the file back.
func (c *Chains) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.f.Close()
}

// Root returns the identifier of the first message in the chain of m, itself where it refers to none, and remembers it.
func (c *Chains) Root(source string, m *Message) string {
	root := m.Root().Identifier
	if root == "" {
		return m.Identifier
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range m.References {
		if known := c.roots[[2]string{source, r.Identifier}]; known != "" {
			root = known
			break
		}
	}
	if l := (link{source, m.Identifier, root}); root != m.Identifier && c.roots[[2]string{source, m.Identifier}] == "" {
		c.add(l)
		if b, err := json.Marshal(l); err == nil {
			_, _ = c.f.Write(append(b, '\n')) // see the type
		}
	}
	return root
}

func (c *Chains) add(l link) {
	c.roots[[2]string{l.Source, l.ID}] = l.Root
	c.order = append(c.order, l)
	if len(c.order) > 2*MaxLinks {
		for _, old := range c.order[:MaxLinks] {
			delete(c.roots, [2]string{old.Source, old.ID})
		}
		c.order = append([]link(nil), c.order[MaxLinks:]...)
		if c.f != nil {
			_ = c.f.Close()
			_ = c.rewrite() // see the type
		}
	}
}

// rewrite writes the file anew, whole, and leaves it open for more.
func (c *Chains) rewrite() error {
	next := c.file + ".new"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	e := json.NewEncoder(w)
	for _, l := range c.order {
		if err := e.Encode(l); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	if err := w.Flush(); err != nil {
		return errors.Join(err, f.Close())
	}
	c.f = f
	return os.Rename(next, c.file)
}
