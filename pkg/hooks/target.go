// Package hooks sends what happens to other systems as signed webhooks. It follows the journal: each event is sent
// at least once, in order, however long a target is away, and no more than one portion of them is held in memory meanwhile.
package hooks

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"go.yaml.in/yaml/v3"
)

// Bounds of targets.
const (
	File           = "hooks.yaml" // in the data folder
	MaxTargets     = 64
	MinSecretBytes = 16
	sendTimeout    = 10 * time.Second
	MaxBatch       = 1000    // events in a request
	maxBodyBytes   = 1 << 20 // of events in a request; one may be larger
	maxAnswerBytes = 4 << 10
)

// Target is where events are sent. Nothing is ever sent to an address that does not stand here, and no answer leads
// anywhere else.
type Target struct {
	ID         string   `yaml:"id"`
	URL        string   `yaml:"url"`
	SecretFile string   `yaml:"secret_file"` // in the data folder
	Events     []string `yaml:"events"`      // beginnings of event types; none: all about incidents
	Whole      bool     `yaml:"whole"`       // with what people wrote and who they are; else as walls see it
	Batch      int      `yaml:"batch"`       // at most so many events in a request, as a batch of CloudEvents; 0: one, as it is
}

var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// Read reads the targets of a data folder; no file means none. The error names what is wrong.
func Read(dataDir string) ([]Target, error) {
	b, err := os.ReadFile(filepath.Join(dataDir, File))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var file struct {
		Targets []Target `yaml:"targets"`
	}
	if err == nil {
		d := yaml.NewDecoder(bytes.NewReader(b))
		d.KnownFields(true)
		err = d.Decode(&file)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", File, err)
	}
	if len(file.Targets) > MaxTargets {
		return nil, fmt.Errorf("%s: %d targets, at most %d", File, len(file.Targets), MaxTargets)
	}
	seen := map[string]bool{}
	for i, t := range file.Targets {
		u, err := url.Parse(t.URL)
		switch {
		case !idForm.MatchString(t.ID) || seen[t.ID]:
			return nil, fmt.Errorf("%s: target %d: id %q: want small letters, digits and hyphens, each id once", File, i+1, t.ID)
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil:
			return nil, fmt.Errorf("%s: target %s: url %q: want http:// or https://host…, without a password", File, t.ID, t.URL)
		case t.Batch < 0 || t.Batch > MaxBatch:
			return nil, fmt.Errorf("%s: target %s: batch %d: want 1 to %d events in a request, or none for one event each", File, t.ID, t.Batch, MaxBatch)
		case !filepath.IsLocal(t.SecretFile):
			return nil, fmt.Errorf("%s: target %s: secret_file must lie in the data folder", File, t.ID)
		}
		seen[t.ID] = true
	}
	return file.Targets, nil
}
