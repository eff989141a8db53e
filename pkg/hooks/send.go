// Package hooks sends what happens to other systems as signed webhooks. It follows the journal: each event is sent
// at least once, in order, however long a target is away, and none is held in memory meanwhile.
package hooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/banyan-ecc/banyan/dispatch"
)

// Bounds of targets.
const (
	File           = "hooks.yaml" // in the data folder
	MaxTargets     = 64
	MinSecretBytes = 16
	sendTimeout    = 10 * time.Second
	placeEvery     = time.Second // at most this much is sent again after a crash
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
		case !filepath.IsLocal(t.SecretFile):
			return nil, fmt.Errorf("%s: target %s: secret_file must lie in the data folder", File, t.ID)
		}
		seen[t.ID] = true
	}
	return file.Targets, nil
}

// Sender sends to one target.
type Sender struct {
	Target
	secret string
	place  string // file that holds the last sequence sent
	client *http.Client

	Traceparent func(incident string) string // W3C Trace Context that goes with an event, "" for none; nil: none does

	Sent, Refused atomic.Uint64 // events; refused ones are those that the target will never take
	At            atomic.Uint64 // the last sequence done

	kept    uint64 // the last sequence in the file
	written time.Time
}

// NewSender makes a sender; where nothing was sent before it begins behind sequence now.
func NewSender(t Target, dataDir string, now uint64) (*Sender, error) {
	b, err := os.ReadFile(filepath.Join(dataDir, t.SecretFile))
	secret := strings.TrimRight(string(b), "\r\n")
	if err == nil && len(secret) < MinSecretBytes {
		err = fmt.Errorf("shorter than %d bytes", MinSecretBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: target %s: secret_file: %w", File, t.ID, err)
	}
	s := &Sender{Target: t, secret: secret, place: filepath.Join(dataDir, "hooks", t.ID),
		client: &http.Client{Timeout: sendTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 1, Proxy: nil},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if err := os.MkdirAll(filepath.Dir(s.place), 0o700); err != nil {
		return nil, err
	}
	if _, err := os.Stat(s.place); errors.Is(err, fs.ErrNotExist) {
		s.At.Store(now)
		return s, s.keep()
	}
	return s, s.read()
}

// Close keeps how far the target came and lets connections go; nothing is sent any more.
func (s *Sender) Close() error {
	s.client.CloseIdleConnections()
	if s.At.Load() == s.kept {
		return nil
	}
	return s.keep()
}

// After returns the last sequence that was sent.
func (s *Sender) After() (uint64, error) { return s.At.Load(), nil }

// read reads how far the target came.
func (s *Sender) read() error {
	b, err := os.ReadFile(s.place)
	if err != nil {
		return err
	}
	seq, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		return fmt.Errorf("%s: %w; remove it to begin at what happens next", s.place, err)
	}
	s.At.Store(seq)
	s.kept = seq
	return nil
}

// done notes that everything up to seq is sent. The file follows now and then: a disk that is asked to rename after
// each event lets no more than some hundred a second through, and slows the journal down beside it.
func (s *Sender) done(seq uint64) error {
	s.At.Store(seq)
	if time.Since(s.written) < placeEvery {
		return nil
	}
	return s.keep()
}

// keep writes how far the target came.
func (s *Sender) keep() error {
	next, seq := s.place+".new", s.At.Load()
	if err := os.WriteFile(next, strconv.AppendUint(nil, seq, 10), 0o600); err != nil {
		return err
	}
	s.kept, s.written = seq, time.Now()
	return os.Rename(next, s.place)
}

// Send sends what the target wants of events, in their order, and keeps how far it came. open says whether an incident
// may leave the house. An error means: again later, from where it stopped.
func (s *Sender) Send(ctx context.Context, events []dispatch.Event, open func(incident string) bool) error {
	after := s.At.Load()
	for i := range events {
		e := &events[i]
		if e.Seq <= after || e.IncidentID == "" || !s.wants(e.Type) || !open(e.IncidentID) {
			continue
		}
		shown, ok := *e, true
		if !s.Whole {
			shown, ok = dispatch.Redact(e)
		}
		if !ok {
			continue
		}
		if err := s.post(ctx, &shown); err != nil {
			return err
		}
		if err := s.done(e.Seq); err != nil {
			return err
		}
	}
	if n := len(events); n > 0 && events[n-1].Seq > after {
		return s.done(events[n-1].Seq)
	}
	return nil
}

func (s *Sender) wants(t dispatch.EventType) bool {
	for _, begin := range s.Events {
		if strings.HasPrefix(string(t), begin) {
			return true
		}
	}
	return len(s.Events) == 0
}

// post sends one event, signed over time and body. What the target will never take is counted and passed over, for
// everything behind it would wait for ever.
func (s *Sender) post(ctx context.Context, e *dispatch.Event) error {
	body := e.AppendJSON(nil)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	m := hmac.New(sha256.New, []byte(s.secret))
	m.Write([]byte(stamp + "."))
	m.Write(body)
	for name, value := range map[string]string{"Content-Type": "application/json", "X-Banyan-Event": string(e.Type), "X-Timestamp": stamp,
		"Idempotency-Key": s.ID + "-" + strconv.FormatUint(e.Seq, 10), "X-Signature-256": "sha256=" + hex.EncodeToString(m.Sum(nil))} {
		req.Header.Set(name, value)
	}
	if s.Traceparent != nil {
		if trace := s.Traceparent(e.IncidentID); trace != "" {
			req.Header.Set("Traceparent", trace)
		}
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("target %s: %w", s.ID, err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswerBytes)) // so that the connection can be used again
	switch {
	case resp.StatusCode < 300:
		s.Sent.Add(1)
		return nil
	case passes(resp.StatusCode):
		return fmt.Errorf("target %s answered %d to event %d", s.ID, resp.StatusCode, e.Seq)
	}
	s.Refused.Add(1)
	return nil
}

// passes reports whether a refusal may pass. Not being let in does: somebody will mend the secret.
func passes(status int) bool {
	return status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout ||
		status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusNotFound
}
