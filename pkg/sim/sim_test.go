package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
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

// TestACityLives runs a centre and a city beside it: people call, officers acknowledge, work and verify, until
// some incidents have gone the whole way. Nothing they do is refused as a mistake.
func TestACityLives(t *testing.T) {
	city, dir, said := readCity(t, "../api/testdata/city"), t.TempDir(), &log{}
	logger := slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelWarn}))
	a, err := app.Open(app.Options{City: city, DataDir: dir, Listen: "127.0.0.1:0", Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Server: "http://" + a.Addr().String(), City: city, SourceTokens: map[string]string{}, SeatTokens: map[string]string{},
		PerMinute: 6000, Pace: 1000, Seed: 1, Logger: logger}
	for _, s := range city.Sources {
		o.SourceTokens[s.ID] = add(t, dir, auth.Key{Role: auth.RoleSource, Source: s.ID})
	}
	delete(o.SourceTokens, "slow") // its rate is there to be passed
	for _, s := range city.Seats {
		o.SeatTokens[s.ID] = add(t, dir, auth.Key{Role: auth.RoleOfficer, Seat: s.ID, Name: "officer of " + s.ID})
	}
	serving, stop := context.WithCancel(t.Context())
	living, rest := context.WithCancel(t.Context())
	ended, rested := make(chan error, 1), make(chan struct{})
	go func() { ended <- a.Run(serving) }()
	go func() {
		defer close(rested)
		Run(living, o)
	}()
	watch(t, o.Server, o.SeatTokens["centre-leader"])
	rest()
	<-rested
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if said.b.Len() > 0 {
		t.Errorf("they complain:\n%.3000s", said.b.String())
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

// watch waits until enough has happened.
func watch(t *testing.T, server, token string) {
	t.Helper()
	const wantIncidents, wantAcknowledged, wantClosed, wantGathered = 50, 20, 3, 1
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for began := time.Now(); ; {
		var page struct{ Incidents []*alert.Incident }
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server+"/api/v1/incidents?limit=500", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err == nil {
			err = json.Unmarshal(answer, &page)
		}
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%v: %d %s", err, resp.StatusCode, answer)
		}
		acknowledged, closed, gathered := 0, 0, 0
		for _, i := range page.Incidents {
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
		if len(page.Incidents) >= wantIncidents && acknowledged >= wantAcknowledged && closed >= wantClosed && gathered >= wantGathered {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("after %v: %d incidents shown, %d of several alerts, %d tasks acknowledged, %d incidents closed", patience, len(page.Incidents), gathered, acknowledged, closed)
		}
	}
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
