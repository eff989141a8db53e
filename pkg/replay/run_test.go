package replay

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

func TestEveryRowIsAccountedFor(t *testing.T) {
	c := newCentre(t, "fire.building")
	s, err := replayOf(t, c, mapping(t, plain), plainHeader+
		"1,A,fire,2026-05-01 08:30:00,119.3,26.08\n"+
		"2,A,fire,2026-05-01 08:31:00,119.3,26.08\n"+
		"2,A,fire,2026-05-01 08:31:00,119.3,26.08\n"+ // again
		"3,B,crash,2026-05-01 08:32:00,119.3,26.08\n"+ // a type the server does not have
		"4,C,flood,2026-05-01 08:32:00,119.3,26.08\n"+ // a type the mapping does not have
		"5,D,fire,yesterday,119.3,26.08\n"+
		"6,E,fire,2026-05-01 08:33:00,,\n"+
		"7,F,fire,2026-05-01 08:34:00,191,26.08\n"+
		"8,G,fire\n"+
		"9,H,f\"ire,2026-05-01 08:35:00,119.3,26.08\n"+
		"10,,fire,2026-05-01 08:36:00,119.3,26.08\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Counts{Rows: 11, Accepted: 3, Duplicates: 1, Refused: 4, RefusedHere: 3}
	if s.Counts != want {
		t.Errorf("got  %+v\nwant %+v", s.Counts, want)
	}
	if s.Incidents != 2 || s.Refs != 1 || s.SplitRefs != 0 || s.MostRows != 3 || s.Tasks != 4 {
		t.Errorf("%+v", s)
	}
	var out bytes.Buffer
	if err := s.Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"refused                4 by the server, 3 here\n",
		"incidents              2, rows an incident: mean 2.00, most 3\n",
		"refused, invalid, type: 1\n  line 5 \"traffic.crash\": no such type\n",
		"refused here, type: 1\n  line 6, column type \"flood\": is not among the values of the mapping, and there is no default\n",
		"refused, invalid, occurred_at: 1\n  line 7, column time \"yesterday\": \"yesterday\" is not an RFC 3339 time",
		"refused, invalid, location: 1\n  line 8, column lon, lat: location or area is required\n",
		"refused, invalid, location.lon: 1\n  line 9 \"191\": must be between -180 and 180 degrees\n",
		"line 10: has 3 columns, the header has 6\n",
		"line 11: is not CSV: line 11, byte 6: bare \" in non-quoted-field\n",
	} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("%q is not in\n%s", line, out.String())
		}
	}
}

func TestAcceptedInSpiteOfTroubleIsSaid(t *testing.T) {
	c := newCentre(t)
	m := mapping(t, plain+"area: {from: \"${ref}\"}\n")
	s, err := replayOf(t, c, m, plainHeader+"1,A,fire,2026-05-01 08:30:00,,\n", nil)
	if err != nil || s.Accepted != 1 || s.Noted != 1 {
		t.Fatalf("%v %+v", err, s)
	}
	if r := s.Reasons; len(r) != 1 || r[0].Kind != noted || r[0].Examples[0].Line != 2 {
		t.Errorf("%+v", r)
	}
}

func TestSecondReplayIsHarmless(t *testing.T) {
	c := newCentre(t)
	csv := manyRows(200, 20)
	first, err := replayOf(t, c, mapping(t, plain), csv, nil)
	if err != nil || first.Accepted != 200 || first.Incidents != 20 || first.Tasks != 40 {
		t.Fatalf("%v %+v", err, first)
	}
	again, err := replayOf(t, c, mapping(t, plain), csv, nil)
	if err != nil || again.Duplicates != 200 || again.Accepted != 0 || again.Tasks != 0 || again.Incidents != 20 {
		t.Errorf("%v %+v", err, again)
	}
}

// manyRows makes n rows of incidents incidents, a second apart, in order of time.
func manyRows(n, incidents int) string {
	var b strings.Builder
	b.WriteString(plainHeader)
	at := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	for i := range n {
		fmt.Fprintf(&b, "%d,R%d,fire,%s,119.3,26.08\n", i, i%incidents, at.Add(time.Duration(i)*time.Second).Format(time.DateTime))
	}
	return b.String()
}

// A server that refuses the first post of every third row must not change the order within an incident.
func TestOrderWithinAnIncidentIsKept(t *testing.T) {
	c := newCentre(t)
	var mu sync.Mutex
	posts := map[string]int{}
	c.before = func(w http.ResponseWriter, id string) bool {
		mu.Lock()
		defer mu.Unlock()
		posts[id]++
		if n, _ := strconv.Atoi(id); n%3 != 0 || posts[id] > 1 {
			return false
		}
		w.Header().Set("Retry-After", "1")
		refuse(w, 503, alert.CodeUnavailable, "not now", nil)
		return true
	}
	k := newStepClock()
	s, err := replayOf(t, c, mapping(t, plain), manyRows(600, 7), func(o *Options) { o.Workers, o.clock = 8, k })
	if err != nil || s.Accepted != 600 || s.Retries != 200 {
		t.Fatalf("%v %+v", err, s)
	}
	last := map[string]int{}
	for _, a := range c.taken {
		id, _ := strconv.Atoi(a.ID)
		if before, seen := last[a.IncidentRef]; seen && before >= id {
			t.Fatalf("of incident %s, row %d came after row %d", a.IncidentRef, id, before)
		}
		last[a.IncidentRef] = id
	}
	if len(last) != 7 {
		t.Errorf("%d incidents, want 7", len(last))
	}
}

// stepClock is a clock that is always where it is waited for.
type stepClock struct {
	mu    sync.Mutex
	now   time.Time
	waits []time.Duration
}

func newStepClock() *stepClock { return &stepClock{now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *stepClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *stepClock) Wait(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d > 0 {
		c.now = c.now.Add(d)
		c.waits = append(c.waits, d)
	}
	return context.Cause(ctx)
}

func TestRetriesAsLongAsTheServerAsks(t *testing.T) {
	for name, tc := range map[string]struct {
		status   int
		header   string
		attempts int
		failures int
		waits    []time.Duration
		accepted bool
	}{
		"seconds":             {429, "7", 3, 2, []time.Duration{7 * time.Second, 7 * time.Second}, true},
		"a date":              {503, "Tue, 01 Jan 2030 00:00:09 GMT", 2, 1, []time.Duration{9 * time.Second}, true},
		"longer than allowed": {503, "86400", 2, 1, []time.Duration{MaxRetryWait}, true},
		"does not say":        {503, "", 5, 3, []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond}, true},
		"a gateway":           {502, "", 2, 1, []time.Duration{100 * time.Millisecond}, true},
		"given up":            {429, "2", 3, 99, []time.Duration{2 * time.Second, 2 * time.Second}, false},
		"a defect":            {500, "2", 3, 99, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, k := newCentre(t), newStepClock()
			var n atomic.Int64
			c.before = func(w http.ResponseWriter, _ string) bool {
				if n.Add(1) > int64(tc.failures) {
					return false
				}
				if tc.header != "" {
					w.Header().Set("Retry-After", tc.header)
				}
				refuse(w, tc.status, "busy", "come again", nil)
				return true
			}
			s, err := replayOf(t, c, mapping(t, plain), manyRows(1, 1), func(o *Options) { o.Attempts, o.clock = tc.attempts, k })
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(k.waits, tc.waits) {
				t.Errorf("waited %v, want %v", k.waits, tc.waits)
			}
			if (s.Accepted == 1) != tc.accepted || (s.Failed == 1) == tc.accepted || s.Retries != len(tc.waits) {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A connection that breaks after the server has taken the alert: the next attempt is a duplicate.
func TestBrokenConnection(t *testing.T) {
	c, k := newCentre(t), newStepClock()
	var n atomic.Int64
	c.before = func(w http.ResponseWriter, id string) bool {
		if n.Add(1) > 1 {
			return false
		}
		c.take(alert.Alert{Source: "test", ID: id, IncidentRef: "R0"}, "")
		panic(http.ErrAbortHandler)
	}
	s, err := replayOf(t, c, mapping(t, plain), manyRows(1, 1), func(o *Options) { o.clock = k })
	if err != nil || s.Duplicates != 1 || s.Retries != 1 || s.Incidents != 1 {
		t.Errorf("%v %+v", err, s)
	}
}

func TestSplitIncidentsAreCounted(t *testing.T) {
	c := newCentre(t)
	c.before = func(_ http.ResponseWriter, id string) bool {
		if id == "5" { // the server forgets what it knew
			c.mu.Lock()
			clear(c.byRef)
			c.mu.Unlock()
		}
		return false
	}
	s, err := replayOf(t, c, mapping(t, plain), manyRows(10, 2), func(o *Options) { o.Workers = 1 })
	if err != nil || s.Refs != 2 || s.SplitRefs != 2 || s.Incidents != 4 {
		t.Errorf("%v %+v", err, s)
	}
}

func TestPacedByTheTimesOfTheFile(t *testing.T) {
	c, k := newCentre(t), newStepClock()
	csv := plainHeader +
		"c,,fire,2026-05-01 09:00:00,119,26\n" +
		"bad,,fire,soon,119,26\n" + // goes with the row before it
		"a,,fire,2026-05-01 08:00:00,119,26\n" +
		"d,,fire,2026-05-01 11:00:00,119,26\n" +
		"b,,fire,2026-05-01 08:00:30,119,26\n"
	var at []string
	c.before = func(_ http.ResponseWriter, id string) bool {
		at = append(at, id)
		return false
	}
	s, err := replayOf(t, c, mapping(t, plain), csv, func(o *Options) { o.Workers, o.Speed, o.clock = 1, 60, k })
	if err != nil || s.Accepted != 4 || s.Refused != 1 {
		t.Fatalf("%v %+v", err, s)
	}
	if want := []string{"a", "b", "c", "bad", "d"}; !slices.Equal(at, want) {
		t.Errorf("posted %v, want %v", at, want)
	}
	// 30 s, 59 min 30 s, none and 2 h, sixty times faster.
	if want := []time.Duration{500 * time.Millisecond, 59500 * time.Millisecond, 2 * time.Minute}; !slices.Equal(k.waits, want) {
		t.Errorf("waited %v, want %v", k.waits, want)
	}
	if s.Elapsed != 3*time.Minute {
		t.Errorf("took %v, want 3m", s.Elapsed)
	}
}

func TestPaceNeverOverflows(t *testing.T) {
	start := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	p := pace{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), start, 1e-9}
	if due := p.due(p.last); due.Before(start) || due.Sub(start) != longest {
		t.Errorf("due %v", due)
	}
	if f, left := p.progress(start.Add(longest / 2)); f != 0.5 || left != longest/2 {
		t.Errorf("%v %v", f, left)
	}
}

func TestKeyThatIsNotTakenEndsIt(t *testing.T) {
	c := newCentre(t)
	s, err := replayOf(t, c, mapping(t, plain), manyRows(5000, 50), func(o *Options) { o.Token = "another" })
	var denied *deniedError
	if !errors.As(err, &denied) || !strings.Contains(err.Error(), "401: a key is needed") {
		t.Errorf("got %v", err)
	}
	if s.Accepted != 0 || s.Unsent != s.Rows || s.Rows == 5000 {
		t.Errorf("%+v", s.Counts)
	}
}

func TestInterrupted(t *testing.T) {
	for _, speed := range []float64{0, 1} {
		c := newCentre(t)
		ctx, cancel := context.WithCancel(t.Context())
		var once sync.Once
		held := make(chan struct{})
		c.before = func(http.ResponseWriter, string) bool {
			once.Do(func() { cancel(); close(held) })
			<-held
			return false
		}
		o := Options{Server: c.URL, Token: token, Mapping: mapping(t, plain), From: strings.NewReader(manyRows(3000, 3000)), Workers: 2, Speed: speed}
		s, err := Run(ctx, o)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("speed %v: got %v", speed, err)
		}
		if s.Unsent == 0 || s.Accepted+s.Unsent != s.Rows {
			t.Errorf("speed %v: %+v", speed, s.Counts)
		}
		cancel()
	}
}

func TestFiles(t *testing.T) {
	csv := "\ufeff" + manyRows(3, 1)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = io.WriteString(z, csv)
	_ = z.Close()
	for name, b := range map[string][]byte{"plain.csv": []byte(csv), "packed.csv.gz": packed.Bytes(), "packed-but-does-not-say.csv": packed.Bytes()} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var progress bytes.Buffer
		s, err := replayOf(t, newCentre(t), mapping(t, plain), "", func(o *Options) { o.From, o.Path, o.Progress = nil, path, &progress })
		if err != nil || s.Accepted != 3 {
			t.Errorf("%s: %v %+v", name, err, s)
		}
		if !strings.Contains(progress.String(), "accepted 3, duplicates 0, refused 0, failed 0\n") {
			t.Errorf("%s: progress %q", name, progress.String())
		}
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	var cut bytes.Buffer
	z := gzip.NewWriter(&cut)
	_, _ = io.WriteString(z, manyRows(3000, 1))
	_ = z.Close()
	for name, c := range map[string]struct{ csv, want string }{
		"empty":         {"", "input: the file is empty"},
		"open quote":    {plainHeader + "1,\"A,fire\n" + strings.Repeat("x,y,z\n", MaxRowBytes/4), "input: a row is longer than 1048576 bytes"},
		"cut gzip":      {cut.String()[:cut.Len()/2], "input: unexpected EOF"},
		"other columns": {"a,b\n1,2\n", `m.yaml:2: no column "id" in the CSV header: a, b`},
		"GBK header":    {"\xb1\xe0\xba\xc5,b\n", "input: the header is not UTF-8"},
	} {
		_, err := replayOf(t, newCentre(t), mapping(t, plain), c.csv, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
}

func TestOptions(t *testing.T) {
	m := mapping(t, plain)
	ok := Options{Server: "http://x", Mapping: m, From: strings.NewReader("")}
	for want, change := range map[string]func(*Options){
		"want a URL":          func(o *Options) { o.Server = "localhost:8080" },
		"no mapping":          func(o *Options) { o.Mapping = nil },
		"no file":             func(o *Options) { o.From = nil },
		"speed is -1":         func(o *Options) { o.Speed = -1 },
		"1025 workers":        func(o *Options) { o.Workers = MaxWorkers + 1 },
		"-1 attempts":         func(o *Options) { o.Attempts = -1 },
		"no such file":        func(o *Options) { o.From, o.Path = nil, filepath.Join(t.TempDir(), "gone.csv") },
		"input: the file is ": func(*Options) {},
	} {
		o := ok
		change(&o)
		if _, err := Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
