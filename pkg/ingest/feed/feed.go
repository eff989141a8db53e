// Package feed asks Atom and RSS feeds for warnings: when something has changed (RFC 9110 conditional requests), each
// entry once for each time it is updated, and entries of the feed's own host alone.
package feed

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/ingest"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Bounds of a feed.
const (
	MaxFeedBytes   = 4 << 20
	MaxEntryBytes  = 2 << 20
	MaxEntries     = 500   // of a feed, the first
	MaxSeen        = 5_000 // entries that are known
	maxElements    = 100_000
	maxDepth       = 32
	requestTimeout = 30 * time.Second
	maxRedirects   = 3
)

// Door takes messages; see ingest.Door.
type Door interface {
	Take(ctx context.Context, source string, messages []ingest.Message) []ingest.Result
}

// Options say which feed to ask for whom.
type Options struct {
	Source    string
	Transport plan.Transport
	DataDir   string
	Door      Door
	Read      func(raw []byte) (ingest.Message, error) // an entry, as the source's messages are read
	Observe   func(err error)                          // each time the feed was asked
	Count     func(outcome string)
	Logger    *slog.Logger
}

// Entry is what a feed says of a message.
type Entry struct{ ID, Updated, Link string }

// reader asks one feed.
type reader struct {
	o              Options
	feed           *url.URL
	client         *http.Client
	etag, modified string
	seen           map[string]bool
	order          []string
}

// Run asks the feed every so often until ctx ends. The error is of settings that cannot be used.
func Run(ctx context.Context, o Options) error {
	r, err := newReader(o)
	if err != nil {
		return err
	}
	defer r.client.CloseIdleConnections()
	tick := time.NewTicker(max(o.Transport.Every, time.Millisecond))
	defer tick.Stop()
	for {
		err := r.ask(ctx)
		if ctx.Err() != nil {
			return nil
		}
		o.Observe(err)
		if err != nil {
			o.Logger.Warn("the feed was not read; asked again", "source", o.Source, "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func newReader(o Options) (*reader, error) {
	feed, err := url.Parse(o.Transport.URL)
	if err != nil {
		return nil, fmt.Errorf("feed: url: %w", err)
	}
	r := &reader{o: o, feed: feed, seen: map[string]bool{}}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.Transport.CAFile != "" {
		b, err := os.ReadFile(filepath.Join(o.DataDir, o.Transport.CAFile))
		if err != nil {
			return nil, fmt.Errorf("feed: ca_file: %w", err)
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(b) {
			return nil, fmt.Errorf("feed: ca_file: %s holds no certificate in PEM", o.Transport.CAFile)
		}
	}
	if o.Transport.CertFile != "" {
		c, err := tls.LoadX509KeyPair(filepath.Join(o.DataDir, o.Transport.CertFile), filepath.Join(o.DataDir, o.Transport.KeyFile))
		if err != nil {
			return nil, fmt.Errorf("feed: cert_file and key_file: %w", err)
		}
		config.Certificates = []tls.Certificate{c}
	}
	r.client = &http.Client{Timeout: requestTimeout, Transport: &http.Transport{TLSClientConfig: config, MaxIdleConnsPerHost: 2}, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects || !r.allowed(next.URL) {
			return fmt.Errorf("it leads to %s, which is not the feed's host", next.URL.Host)
		}
		return nil
	}}
	return r, nil
}

// allowed reports whether an address is the feed's own: scheme and host, port included.
func (r *reader) allowed(u *url.URL) bool { return u.Scheme == r.feed.Scheme && u.Host == r.feed.Host }

// get asks for a document; a nil body means that it has not changed.
func (r *reader) get(ctx context.Context, u *url.URL, most int64, conditional bool) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	if conditional && r.etag != "" {
		req.Header.Set("If-None-Match", r.etag)
	}
	if conditional && r.modified != "" {
		req.Header.Set("If-Modified-Since", r.modified)
	}
	if t := &r.o.Transport; t.User != "" {
		password, err := os.ReadFile(filepath.Join(r.o.DataDir, t.PasswordFile))
		if err != nil {
			return nil, nil, fmt.Errorf("password_file: %w", err)
		}
		req.SetBasicAuth(t.User, strings.TrimRight(string(password), "\r\n"))
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified:
		return nil, nil, nil
	case resp.StatusCode != http.StatusOK:
		return nil, nil, &statusError{resp.StatusCode}
	}
	b, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	if err == nil && int64(len(b)) > most {
		err = alert.Errorf(alert.CodeTooLarge, "longer than %d bytes", most)
	}
	return b, resp.Header, err
}

type statusError struct{ status int }

func (e *statusError) Error() string { return fmt.Sprintf("answered %d", e.status) }

// ask reads the feed and takes the entries that are new or changed, the oldest first.
func (r *reader) ask(ctx context.Context) error {
	b, header, err := r.get(ctx, r.feed, MaxFeedBytes, true)
	if err != nil || b == nil {
		return err
	}
	entries, err := Parse(b)
	if err != nil {
		return err
	}
	whole := true
	for i := len(entries) - 1; i >= 0 && ctx.Err() == nil; i-- { // feeds begin with the newest
		whole = r.entry(ctx, &entries[i]) && whole
	}
	if whole { // else the feed is read again though it has not changed
		r.etag, r.modified = header.Get("ETag"), header.Get("Last-Modified")
	}
	return nil
}

// entry takes one entry, and reports whether it is settled.
func (r *reader) entry(ctx context.Context, e *Entry) bool {
	key := e.ID + "\x00" + e.Updated + "\x00" + e.Link
	if r.seen[key] {
		return true
	}
	again, err := r.fetch(ctx, e)
	if err != nil {
		r.o.Logger.Warn("an entry of the feed was not taken", "source", r.o.Source, "entry", e.ID, "again", again, "error", err)
		if !again {
			r.o.Count(string(ingest.Refused))
		}
	}
	if again || ctx.Err() != nil {
		return false
	}
	r.seen[key] = true
	if r.order = append(r.order, key); len(r.order) > MaxSeen {
		delete(r.seen, r.order[0])
		r.order = r.order[1:]
	}
	return true
}

// fetch gets and hands in what an entry names; again says whether an error may pass.
func (r *reader) fetch(ctx context.Context, e *Entry) (again bool, err error) {
	link, err := r.feed.Parse(e.Link)
	if err != nil || e.Link == "" {
		return false, errors.New("it names no document")
	}
	if !r.allowed(link) {
		return false, fmt.Errorf("it leads to %s, which is not the feed's host", link.Host)
	}
	raw, _, err := r.get(ctx, link, MaxEntryBytes, false)
	var status *statusError
	var known *alert.Error
	if err != nil {
		gone := errors.As(err, &status) && status.status >= 400 && status.status < 500 && status.status != http.StatusTooManyRequests
		return !gone && !errors.As(err, &known), err
	}
	m, err := r.o.Read(raw)
	if err != nil {
		return errors.As(err, &known) && known.Code == alert.CodeUnavailable, err
	}
	result := r.o.Door.Take(ctx, r.o.Source, []ingest.Message{m})[0]
	if result.Status == ingest.Refused {
		switch result.Err.Code {
		case alert.CodeInvalid, alert.CodeMalformed, alert.CodeTooLarge:
			return false, result.Err
		}
		return true, result.Err
	}
	r.o.Count(string(result.Status))
	return false, nil
}

// Parse reads the entries of an Atom (RFC 4287) or RSS 2.0 feed within bounds.
func Parse(raw []byte) ([]Entry, error) {
	d := xml.NewDecoder(bytes.NewReader(raw))
	var entries []Entry
	var path []string
	var in bool
	var text []byte
	for elements := 0; ; {
		token, err := d.Token()
		if err == io.EOF {
			if elements == 0 {
				return nil, errors.New("not XML")
			}
			return entries, nil
		}
		if err != nil {
			return nil, fmt.Errorf("not XML: %w", err)
		}
		switch t := token.(type) {
		case xml.Directive:
			return nil, errors.New("it holds a document type or entities: none is taken")
		case xml.StartElement:
			if elements++; elements > maxElements || len(path) >= maxDepth {
				return nil, fmt.Errorf("more than %d elements, or deeper than %d", maxElements, maxDepth)
			}
			path, text = append(path, t.Name.Local), text[:0]
			if t.Name.Local == "entry" || t.Name.Local == "item" {
				if len(entries) == MaxEntries {
					return entries, nil
				}
				entries, in = append(entries, Entry{}), true
			} else if in && t.Name.Local == "link" {
				entries[len(entries)-1].link(t.Attr)
			}
		case xml.CharData:
			text = append(text, t...)
		case xml.EndElement:
			path = path[:len(path)-1]
			if t.Name.Local == "entry" || t.Name.Local == "item" {
				in = false
			} else if in && len(path) > 0 && (path[len(path)-1] == "entry" || path[len(path)-1] == "item") {
				entries[len(entries)-1].field(t.Name.Local, strings.TrimSpace(string(text)))
			}
			text = text[:0]
		}
	}
}

// link takes the address of a CAP message before that of anything else.
func (e *Entry) link(attributes []xml.Attr) {
	var href, kind, rel string
	for _, a := range attributes {
		switch a.Name.Local {
		case "href":
			href = a.Value
		case "type":
			kind = a.Value
		case "rel":
			rel = a.Value
		}
	}
	if href != "" && (e.Link == "" || strings.HasPrefix(kind, "application/cap+xml")) && rel != "self" && rel != "edit" {
		e.Link = href
	}
}

func (e *Entry) field(name, text string) {
	switch name {
	case "id", "guid":
		e.ID = text
	case "updated", "pubDate":
		e.Updated = text
	case "link":
		if text != "" && e.Link == "" {
			e.Link = text
		}
	}
}
