package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/ingest"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

type door struct {
	got  []string
	full bool
}

func (d *door) Take(_ context.Context, _ string, messages []ingest.Message) []ingest.Result {
	if d.full {
		return []ingest.Result{{Status: ingest.Refused, Err: alert.Errorf(alert.CodeUnavailable, "full")}}
	}
	d.got = append(d.got, messages[0].ID)
	return []ingest.Result{{Status: ingest.Accepted}}
}

const atom = `<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><id>feed</id><link href="/self"/>
<entry><id>2</id><updated>2026-05-01T09:00:00Z</updated><link rel="alternate" type="text/html" href="/page"/><link type="application/cap+xml" href="/cap/second"/><author><name>x</name></author></entry>
<entry><id>1</id><updated>2026-05-01T08:00:00Z</updated><link href="%s"/></entry></feed>`

const rss = `<rss version="2.0"><channel><link>http://x/</link><item><title>t</title><link>/cap/third</link><guid>3</guid><pubDate>Fri, 01 May 2026</pubDate></item></channel></rss>`

func TestParse(t *testing.T) {
	for text, want := range map[string][]Entry{
		fmt.Sprintf(atom, "/cap/first"): {{"2", "2026-05-01T09:00:00Z", "/cap/second"}, {"1", "2026-05-01T08:00:00Z", "/cap/first"}},
		rss:                             {{"3", "Fri, 01 May 2026", "/cap/third"}},
		"<feed/>":                       nil,
	} {
		if got, err := Parse([]byte(text)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	for _, bad := range []string{"", "{}", "<a>", `<!DOCTYPE x [<!ENTITY a "b">]><feed>&a;</feed>`, strings.Repeat("<a>", 1000), "<a>" + strings.Repeat("<b/>", maxElements)} {
		if got, err := Parse([]byte(bad)); err == nil {
			t.Errorf("%.40s: %+v", bad, got)
		}
	}
}

func TestFeed(t *testing.T) {
	first, asked, unchanged := "/cap/first", map[string]int{}, 0
	broken := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked[r.URL.Path]++
		user, password, _ := r.BasicAuth()
		switch {
		case user != "banyan" || password != "secret":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/feed" && r.Header.Get("If-None-Match") == first:
			unchanged++
			w.WriteHeader(http.StatusNotModified)
		case r.URL.Path == "/feed":
			w.Header().Set("ETag", first)
			fmt.Fprintf(w, atom, first)
		case broken:
			w.WriteHeader(http.StatusBadGateway)
		case r.URL.Path == "/away":
			http.Redirect(w, r, "http://127.0.0.1:1/x", http.StatusFound)
		case strings.HasPrefix(r.URL.Path, "/cap/"):
			fmt.Fprint(w, strings.TrimPrefix(r.URL.Path, "/cap/"))
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	defer server.Close()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := &door{}
	counts := map[string]int{}
	r, err := newReader(Options{Source: "s", DataDir: dir, Door: d, Count: func(o string) { counts[o]++ }, Logger: slog.New(slog.DiscardHandler),
		Transport: plan.Transport{URL: server.URL + "/feed", User: "banyan", PasswordFile: "password"},
		Read: func(raw []byte) (ingest.Message, error) {
			if string(raw) == "bad" {
				return ingest.Message{}, alert.Errorf(alert.CodeMalformed, "bad")
			}
			return ingest.Message{ID: string(raw)}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.client.CloseIdleConnections()
	ask := func(want ...string) {
		t.Helper()
		if err := r.ask(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(d.got, want) {
			t.Fatalf("%q were taken, want %q", d.got, want)
		}
	}
	d.full = true
	ask()
	d.full, broken = false, true
	ask() // neither a full door nor a broken server loses an entry
	broken = false
	ask("first", "second") // the older one first
	ask("first", "second")
	if unchanged != 1 || asked["/cap/first"] != 3 {
		t.Errorf("%d times unchanged, %v", unchanged, asked)
	}
	for i, link := range []string{"http://127.0.0.1:1/elsewhere", "file:///etc/passwd", "/away", "/nothing", "/cap/bad"} {
		first = link
		ask("first", "second")
		if link != "/away" && counts["refused"] < i {
			t.Errorf("%s: %v", link, counts)
		}
	}
	first = "/cap/third"
	ask("first", "second", "third")
	r.o.Transport.User = "nobody"
	r.etag = ""
	var status *statusError
	if err := r.ask(t.Context()); !errors.As(err, &status) || status.status != http.StatusUnauthorized {
		t.Error(err)
	}
}

func TestRun(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, rss) }))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	d := &door{}
	err := Run(ctx, Options{Source: "s", Door: d, Count: func(string) { cancel() }, Observe: func(error) {}, Logger: slog.New(slog.DiscardHandler),
		Transport: plan.Transport{URL: server.URL, Every: 10 * time.Millisecond}, Read: func(raw []byte) (ingest.Message, error) { return ingest.Message{ID: "m"}, nil }})
	if err != nil || len(d.got) != 1 {
		t.Errorf("%v, %v", err, d.got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(atom))
	f.Add([]byte(rss))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if entries, err := Parse(raw); err == nil && len(entries) > MaxEntries {
			t.Fatal(len(entries))
		}
	})
}
