package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for something that must happen.
const patience = 60 * time.Second

func readCity(t *testing.T, dir string) *plan.City {
	t.Helper()
	city, err := app.ReadCity(dir)
	if err != nil {
		t.Fatal(err)
	}
	return city
}

// log keeps what is said, for several goroutines.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *log) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// life is a centre and what a city beside it needs.
type life struct {
	options Options
	said    *log
	reader  string
	dir     string
}

// begin runs a centre until the end of the test.
func begin(t *testing.T) *life {
	t.Helper()
	return beginIn(t, "../api/testdata/city")
}

func beginIn(t *testing.T, folder string) *life {
	t.Helper()
	city, dir, said := readCity(t, folder), t.TempDir(), &log{}
	logger := said.logger()
	a, err := app.Open(app.Options{City: city, DataDir: dir, Listen: "127.0.0.1:0", Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Server: "http://" + a.Addr().String(), City: city, SourceTokens: map[string]string{}, SeatTokens: map[string]string{},
		PerMinute: 1200, Pace: 1000, Seed: 1, Logger: logger}
	for _, s := range city.Sources {
		o.SourceTokens[s.ID] = add(t, dir, auth.Key{Role: auth.RoleSource, Source: s.ID})
	}
	delete(o.SourceTokens, "slow") // its rate is there to be passed
	for _, s := range city.Seats {
		o.SeatTokens[s.ID] = add(t, dir, auth.Key{Role: auth.RoleOfficer, Seat: s.ID, Name: "officer of " + s.ID})
	}
	serving, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(serving) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return &life{o, said, o.SeatTokens["centre-leader"], dir}
}

// live lets the city live until enough returns true of what there is.
func (l *life) live(t *testing.T, enough func([]*alert.Incident) bool) {
	t.Helper()
	living, rest := context.WithCancel(t.Context())
	rested := make(chan struct{})
	go func() {
		defer close(rested)
		Run(living, l.options)
	}()
	l.watch(t, enough)
	rest()
	select {
	case <-rested:
	case <-time.After(patience):
		t.Fatalf("told to rest, the city still lives after %v", patience)
	}
}

// TestACityLives runs a centre and a city beside it: people call, officers acknowledge, work and verify, until
// some incidents have gone the whole way. Nothing they do is refused as a mistake.
func TestACityLives(t *testing.T) {
	l := begin(t)
	const wantIncidents, wantAcknowledged, wantClosed = 50, 20, 3
	l.live(t, func(incidents []*alert.Incident) bool {
		acknowledged, closed, gathered := 0, 0, 0
		for _, i := range incidents {
			if i.State == alert.IncidentClosed {
				closed++
			}
			if i.AlertCount > 1 {
				gathered++
			}
			for _, task := range i.Tasks {
				if task.AcknowledgedAt == 0 {
					continue
				}
				acknowledged++
				if task.Officer != "officer of "+task.Seat {
					t.Errorf("task %s of seat %s was acknowledged by %q", task.ID, task.Seat, task.Officer)
				}
			}
		}
		return len(incidents) >= wantIncidents && acknowledged >= wantAcknowledged && closed >= wantClosed && gathered > 0
	})
	if l.said.b.Len() > 0 {
		t.Errorf("they complain:\n%.3000s", l.said.b.String())
	}
}

// TestRest stops a city at work again and again, in the middle of what its people read and write.
func TestRest(t *testing.T) {
	patient := acknowledgeIn
	t.Cleanup(func() { acknowledgeIn = patient })
	for p := range acknowledgeIn {
		acknowledgeIn[p] = time.Millisecond // so that most are at their telephones when they are told
	}
	l := begin(t)
	l.options.PerMinute = 6000
	const rounds, more = 10, 20
	for range rounds {
		before := -1
		l.options.Seed++
		l.live(t, func(incidents []*alert.Incident) bool {
			if before < 0 {
				before = len(incidents)
			}
			return len(incidents) >= min(before+more, maxShown)
		})
	}
}

func add(t *testing.T, dir string, k auth.Key) string {
	t.Helper()
	token, err := auth.Add(dir, k)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// maxShown bounds the incidents that are looked at.
const maxShown = 500

// watch waits until enough returns true.
func (l *life) watch(t *testing.T, enough func([]*alert.Incident) bool) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	began, look := time.Now(), time.NewTicker(50*time.Millisecond) // looking is work too
	defer look.Stop()
	for !enough(append(l.incidents(t, client, "open"), l.incidents(t, client, "closed")...)) {
		if <-look.C; time.Since(began) > patience {
			t.Fatalf("not enough has happened after %v", patience)
		}
	}
}

// incidents returns the newest in a state.
func (l *life) incidents(t *testing.T, client *http.Client, state string) []*alert.Incident {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.options.Server+"/api/v1/incidents?state="+state+"&limit="+strconv.Itoa(maxShown), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+l.reader)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var page struct{ Incidents []*alert.Incident }
	if err := json.NewDecoder(resp.Body).Decode(&page); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v: status %d", err, resp.StatusCode)
	}
	return page.Incidents
}

// TestTyphoon: in a typhoon most of what happens is nature's, and the graver is the rarer all the same.
func TestTyphoon(t *testing.T) {
	city := readCity(t, "../../configs/fuzhou")
	share := func(typhoon bool) float64 {
		o := Options{City: city, SourceTokens: map[string]string{}, Typhoon: typhoon, Seed: 1}
		for _, s := range city.Sources {
			o.SourceTokens[s.ID] = "token"
		}
		w := newWorld(&o)
		const picks = 20_000
		natural, grave, light := 0, 0, 0
		for range picks {
			k := w.kinds[min(w.pick(), len(w.kinds)-1)]
			if k.Class == alert.ClassNatural {
				natural++
			}
			switch k.Priority {
			case alert.P1:
				grave++
			case alert.P3, alert.P4:
				light++
			}
		}
		if grave == 0 || grave > light {
			t.Errorf("typhoon %t: %d of P1, %d of P3 and P4", typhoon, grave, light)
		}
		return float64(natural) / picks
	}
	if quiet, storm := share(false), share(true); quiet > 0.25 || storm < 2*quiet {
		t.Errorf("nature's share is %.2f on a quiet day, %.2f in a typhoon", quiet, storm)
	}
}

// TestCalls: what happens, happens in the city and is told once by a source that may tell it.
func TestCalls(t *testing.T) {
	o := Options{City: readCity(t, "../../configs/fuzhou"), SourceTokens: map[string]string{"fire-119": "token", "grid": "token"}, Seed: 7, PerMinute: 1}
	w := newWorld(&o)
	areas := map[string]bool{}
	const places = 500
	for range places {
		p := w.somewhere()
		at := o.City.Areas.Locate(p)
		if at.Outside {
			t.Fatalf("%v lies outside", p)
		}
		areas[at.Path[len(at.Path)-1]] = true
	}
	if len(areas) < 5 {
		t.Errorf("everything happens in %v", areas)
	}
	for range 2000 {
		w.happen(time.Unix(0, 0))
	}
	if n := len(w.waiting); n < 2000 || n > maxCalls {
		t.Errorf("%d calls wait", n)
	}
	seen := map[string]bool{}
	for _, c := range w.waiting {
		if c.at.Before(time.Unix(0, 0)) || !c.source.MaySend(c.kind.Code) || o.SourceTokens[c.source.ID] == "" {
			t.Errorf("call %+v", c)
		}
		if seen[c.id] {
			t.Errorf("id %s is used twice", c.id)
		}
		seen[c.id] = true
		if body, err := c.body(o.City); err != nil || !json.Valid(body) {
			t.Errorf("%s: %v", body, err)
		}
	}
}
