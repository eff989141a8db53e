package sim

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

const fuzhou = "../../configs/fuzhou"

// TestSystemsVary: no two messages of a round and the next are the same alert at the same place, and what is sent is
// still what the system sends.
func TestSystemsVary(t *testing.T) {
	city := readCity(t, fuzhou)
	systems, err := ReadSystems(os.DirFS(fuzhou+"/sources/samples"), city)
	if err != nil {
		t.Fatal(err)
	}
	if len(systems) < 15 {
		t.Fatalf("%d systems", len(systems))
	}
	at := time.Date(2026, 5, 1, 8, 30, 7, 0, city.Zone)
	a, b := round{suffix: "-a", east: 0.001, north: 0.002, now: at}, round{suffix: "-b", east: -0.001, now: at.Add(time.Hour)}
	for _, s := range systems {
		for _, m := range s.messages {
			first, second := string(m.of(a)), string(m.of(b))
			if first == second && m.file != "hazard-register/in-time.json" {
				t.Errorf("%s is the same twice", m.file)
			}
			if strings.HasSuffix(m.file, ".json") && !json.Valid([]byte(first)) {
				t.Errorf("%s becomes %s", m.file, first)
			}
			if strings.Contains(first, "2025-11-25T") || strings.Contains(first, "20251125100") {
				t.Errorf("%s keeps its time: %s", m.file, first)
			}
		}
	}
	m := message{text: `{"id":"7","at":"2025/11/25 10:05:03","ms":1764035200000,"x":119.30,"y":26.08}`, vary: vary{ID: []string{`"7`}, Time: map[string]string{"2025/11/25 10:05:03": "YYYY/MM/DD hh:mm:ss", "1764035200000": "unix_ms"}, Lon: "119.30", Lat: "26.08"}}
	if got, want := string(m.of(a)), `{"id":"7-a","at":"2026/05/01 08:30:07","ms":1777595407000,"x":119.301000,"y":26.082000}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestSystemsMistakes: what is said to vary must be there.
func TestSystemsMistakes(t *testing.T) {
	city := readCity(t, fuzhou)
	samples := fstest.MapFS{"grid/expect.yaml": {Data: []byte(`[{file: a.json, outcome: accepted, vary: {id: ["8"]}}]`)}, "grid/a.json": {Data: []byte(`{"id":"7"}`)}}
	if _, err := ReadSystems(samples, city); err == nil || !strings.Contains(err.Error(), `grid/a.json: "8"`) {
		t.Errorf("%v", err)
	}
	delete(samples, "grid/a.json")
	if _, err := ReadSystems(samples, city); err == nil {
		t.Error("a sample that is not there is taken")
	}
	if list, err := ReadSystems(os.DirFS(t.TempDir()+"/nowhere"), city); err != nil || list != nil {
		t.Errorf("a city without samples: %v, %v", list, err)
	}
}

// TestSystemsTalk lets the systems of a city send over their own transports, MQTT through the demo's broker: all of them
// are heard, none of their messages is refused, and what is sealed is on no wall.
func TestSystemsTalk(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	broker := free.Addr().String()
	_ = free.Close()
	dir := filepath.Join(t.TempDir(), "city")
	if err := os.CopyFS(dir, os.DirFS(fuzhou)); err != nil {
		t.Fatal(err)
	}
	profiles, _ := filepath.Glob(dir + "/sources/*.yaml")
	for _, p := range profiles {
		b, err := os.ReadFile(p)
		if err == nil {
			err = os.WriteFile(p, []byte(strings.ReplaceAll(string(b), "127.0.0.1:1883", broker)), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	l := beginIn(t, dir)
	o := &l.options
	brokers := StartBrokers(o.City, o.Logger)
	t.Cleanup(brokers.Close)
	if len(brokers.by) != 1 {
		t.Fatalf("brokers %v, %s", brokers.by, l.said.b.String())
	}
	if o.Systems, err = ReadSystems(os.DirFS(dir+"/sources/samples"), o.City); err != nil {
		t.Fatal(err)
	}
	o.Publish, o.PerMinute = brokers.Publish, 6000
	var want []string
	for _, s := range o.Systems {
		if !s.Source.Sealed() { // what is, its own departments see alone
			want = append(want, s.Source.ID)
		}
	}
	for _, s := range o.City.Sources { // only systems speak
		if s.Plain() && s.Heartbeat == 0 {
			delete(o.SourceTokens, s.ID)
		}
	}
	wall := add(t, l.dir, auth.Key{Role: auth.RoleWall, Name: "wall"})
	var heard []string
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	l.live(t, func(incidents []*alert.Incident) bool {
		heard = sources(incidents)
		return measured(t, client, l, wall) > 3 && !slices.ContainsFunc(want, func(s string) bool { return !slices.Contains(heard, s) })
	})
	for _, s := range []string{"psychology", "catering"} {
		source, _ := o.City.Source(s)
		l.reader = o.SeatTokens[source.Department+"-1"]
		if !slices.Contains(sources(append(l.incidents(t, client, "open"), l.incidents(t, client, "closed")...)), s) {
			t.Errorf("%s has no incident", s)
		}
	}
	l.reader = wall
	for _, s := range sources(append(l.incidents(t, client, "open"), l.incidents(t, client, "closed")...)) {
		if s == "psychology" || s == "catering" {
			t.Errorf("a wall shows incidents of %s", s)
		}
	}
	if strings.Contains(l.said.b.String(), "demo:") {
		t.Errorf("they complain:\n%.3000s", l.said.b.String())
	}
}

// measured is how many stretches of road the layer of road state shows, more than one sample of each kind has.
func measured(t *testing.T, client *http.Client, l *life, token string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.options.Server+"/api/v1/layers", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var list struct {
		Layers []struct {
			ID       string
			Features int
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	for _, x := range list.Layers {
		if x.ID == "traffic" {
			return x.Features
		}
	}
	t.Fatalf("no layer of road state: %+v", list)
	return 0
}

// sources are those whose alerts incidents have.
func sources(incidents []*alert.Incident) (list []string) {
	for _, i := range incidents {
		for _, a := range i.Alerts {
			if !slices.Contains(list, a.Source) {
				list = append(list, a.Source)
			}
		}
	}
	return list
}

// TestBrokerTaken: where another broker is, its systems are left out and that is said.
func TestBrokerTaken(t *testing.T) {
	there, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	said := &log{}
	city := &plan.City{Sources: []*plan.Source{{ID: "pump", Transport: plan.Transport{Kind: plan.TransportMQTT, Broker: "mqtt://" + there.Addr().String()}},
		{ID: "far", Transport: plan.Transport{Kind: plan.TransportMQTT, Broker: "mqtt://192.0.2.1:1883"}}}}
	b := StartBrokers(city, said.logger())
	defer b.Close()
	if len(b.by) != 0 || !strings.Contains(said.b.String(), "source=pump") || strings.Contains(said.b.String(), "far") {
		t.Errorf("%v, %s", b.by, said.b.String())
	}
	if err := b.Publish("mqtt://"+there.Addr().String(), "a/b", nil); err != nil {
		t.Error(err)
	}
}
