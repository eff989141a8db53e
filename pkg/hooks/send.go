package hooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// Sender sends to one target. It is used by one goroutine, Keep, Heard and the counters beside it.
type Sender struct {
	Target
	secret []byte
	path   string // file that holds how far the target came
	city   string
	log    Log
	client *http.Client

	Traceparent func(incident string) string // W3C Trace Context that goes with an event, "" for none; nil: none does

	Sent, Refused atomic.Uint64 // events; refused ones are those that the target will never take
	At            atomic.Uint64 // the last sequence done

	failed uint64 // last sequence of a request that was not answered: it comes again as it was

	mu          sync.Mutex
	place, kept Place // how far the target came, and what the file says
}

// Log is the journal that a sender follows.
type Log interface {
	LastSeq() uint64
	EpochAt(seq uint64) (uint32, error)
}

// NewSender makes a sender to a target for a city; where nothing was sent before it begins at what happens next.
func NewSender(t Target, dataDir, city string, log Log) (*Sender, error) {
	secret, err := os.ReadFile(filepath.Join(dataDir, t.SecretFile))
	secret = bytes.TrimRight(secret, "\r\n")
	if err == nil && len(secret) < MinSecretBytes {
		err = fmt.Errorf("shorter than %d bytes", MinSecretBytes)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: target %s: secret_file: %w", File, t.ID, err)
	}
	s := &Sender{Target: t, secret: secret, path: filepath.Join(dataDir, "hooks", t.ID), city: city, log: log,
		client: &http.Client{Timeout: sendTimeout, Transport: &http.Transport{MaxIdleConnsPerHost: 1, Proxy: nil},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return nil, err
	}
	place, known, err := readPlace(s.path)
	if !known && err == nil {
		place = Place{Seq: log.LastSeq()}
	}
	if seq := min(place.Seq, log.LastSeq()); err == nil && place.Epoch == 0 && seq > 0 { // new, or noted without an epoch
		place.Seq = seq
		place.Epoch, err = log.EpochAt(seq)
	}
	if err == nil && !known {
		err = writePlace(s.path, place)
	}
	if err != nil {
		return nil, err
	}
	s.place, s.kept = place, place
	_, err = s.Begin()
	return s, err
}

// Begin returns the last sequence of this journal that the target has been sent, by this node or others of the city.
func (s *Sender) Begin() (uint64, error) {
	seq, err := s.Place().Within(s.log.LastSeq(), s.log.EpochAt)
	if err == nil {
		s.At.Store(seq)
	}
	return seq, err
}

// Place returns how far the target came.
func (s *Sender) Place() Place {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.place
}

// Heard notes that the target came to p, as another node says.
func (s *Sender) Heard(p Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.place.Before(p) {
		s.place = p
	}
}

// done notes that everything up to p is sent.
func (s *Sender) done(p Place) {
	s.At.Store(p.Seq)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.place = p
}

// Keep writes how far the target came, if that has changed. Who sends does not wait for it: a disk that is asked to
// rename after each event lets no more than some hundred a second through, and slows the journal down beside it.
func (s *Sender) Keep() error {
	s.mu.Lock()
	place, kept := s.place, s.kept
	s.mu.Unlock()
	if place == kept {
		return nil
	}
	if err := writePlace(s.path, place); err != nil {
		return err
	}
	s.mu.Lock()
	s.kept = place
	s.mu.Unlock()
	return nil
}

// Close keeps how far the target came and lets connections go; nothing is sent any more.
func (s *Sender) Close() error {
	s.client.CloseIdleConnections()
	return s.Keep()
}

// waiting is an event on its way to the target.
type waiting struct {
	Place
	*sequencer.Item
	shown []byte // JSON as the target is shown it
}

// Send sends what the target wants of entries, in their order, as many events in a request as it takes. open says
// whether an incident may leave the house. An error means: again later, from Begin on.
func (s *Sender) Send(ctx context.Context, entries []sequencer.Entry, open func(incident string) bool) error {
	var next []waiting
	size, last := 0, Place{}
	flush := func() error {
		if err := s.request(ctx, next); err != nil {
			return err
		}
		s.done(last)
		next, size = next[:0], 0
		return nil
	}
	for i := range entries {
		items, err := entries[i].Items()
		if err != nil {
			return err
		}
		for n := range items {
			it := &items[n]
			if it.Seq <= s.At.Load() {
				continue
			}
			if w := (waiting{Place{entries[i].Epoch, it.Seq}, it, nil}); s.wants(it) && open(it.Incident) {
				ok, err := s.show(&w)
				if err == nil && ok && len(next) > 0 && (len(next) >= s.Batch || size+len(w.shown) > maxBodyBytes || s.again(next) && it.Seq > s.failed) {
					err = flush()
				}
				if err != nil {
					return err
				}
				if ok {
					next, size = append(next, w), size+len(w.shown)
				}
			}
			last = Place{entries[i].Epoch, it.Seq}
		}
	}
	if last == (Place{}) {
		return nil
	}
	return flush()
}

// again reports whether events were sent before in a request that was not answered: it comes again as it was, so that
// the target knows it.
func (s *Sender) again(events []waiting) bool { return events[0].Place.Seq <= s.failed }

func (s *Sender) wants(it *sequencer.Item) bool {
	if it.Incident == "" {
		return false
	}
	for _, begin := range s.Events {
		if strings.HasPrefix(string(it.Type), begin) {
			return true
		}
	}
	return len(s.Events) == 0
}

// show makes of an event what the target is shown; false: nothing.
func (s *Sender) show(w *waiting) (bool, error) {
	if s.Whole {
		w.shown = w.JSON
		return true, nil
	}
	event, err := w.Event()
	if err != nil {
		return false, err
	}
	shown, ok := dispatch.Redact(event)
	if ok {
		w.shown = shown.AppendJSON(nil)
	}
	return ok, nil
}

// request sends events in one request. Those that the target will never take are counted and passed over, for
// everything behind them would wait for ever; of several, each half is tried alone, so that it is only those.
func (s *Sender) request(ctx context.Context, events []waiting) error {
	if len(events) == 0 {
		return nil
	}
	s.failed = max(s.failed, events[len(events)-1].Place.Seq)
	status, err := s.post(ctx, events)
	switch {
	case err != nil:
		return fmt.Errorf("target %s: %w", s.ID, err)
	case status < 300:
		s.Sent.Add(uint64(len(events)))
		return nil
	case passes(status):
		return fmt.Errorf("target %s answered %d to event %d", s.ID, status, events[0].Place.Seq)
	case len(events) > 1:
		half := len(events) / 2
		if err := s.request(ctx, events[:half]); err != nil {
			return err
		}
		s.done(events[half-1].Place)
		return s.request(ctx, events[half:])
	}
	s.Refused.Add(1)
	return nil
}

// post posts events, signed over time and body, and returns the status of the answer.
func (s *Sender) post(ctx context.Context, events []waiting) (status int, err error) {
	first, last := &events[0], &events[len(events)-1]
	body, key, kind := first.shown, s.ID+"-"+first.String(), "application/json"
	if s.Batch > 0 {
		body, kind = s.batch(events), cloudEventsBatch
		key += "-" + last.String()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	if s.Batch == 0 {
		req.Header.Set("X-Banyan-Event", string(first.Type))
		if trace := s.trace(first.Incident); trace != "" {
			req.Header.Set("Traceparent", trace)
		}
	}
	stamp := strconv.FormatInt(time.Now().Unix(), 10)
	m := hmac.New(sha256.New, s.secret)
	m.Write([]byte(stamp + "."))
	m.Write(body)
	for name, value := range map[string]string{"Content-Type": kind, "X-Timestamp": stamp, "Idempotency-Key": key, "X-Signature-256": "sha256=" + hex.EncodeToString(m.Sum(nil))} {
		req.Header.Set(name, value)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswerBytes)) // so that the connection can be used again
	return resp.StatusCode, nil
}

func (s *Sender) trace(incident string) string {
	if s.Traceparent == nil {
		return ""
	}
	return s.Traceparent(incident)
}

// passes reports whether a refusal may pass. Not being let in does: somebody will mend the secret.
func passes(status int) bool {
	return status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout ||
		status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusNotFound
}
