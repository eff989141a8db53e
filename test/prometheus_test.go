package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/telemetry"
)

// wallKey is that of a wall.
var wallKey = auth.Key{Role: auth.RoleWall, Name: "hall"}

const prometheusDir = root + "/configs/prometheus"

// TestRulesAreMadeOfObjectives holds the committed rules against the code, and has the tools of the trade look at
// everything in configs/prometheus.
func TestRulesAreMadeOfObjectives(t *testing.T) {
	city, err := app.ReadCity(cityDir)
	if err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(filepath.Join(prometheusDir, "banyan.rules.yaml"))
	if err != nil || !bytes.Equal(written, telemetry.Rules(city, 1).Bytes()) {
		t.Errorf("banyan.rules.yaml is not what objectives.yaml says (%v): banyan rules --city configs/fuzhou --out configs/prometheus", err)
	}
	for _, args := range [][]string{
		{"promtool", "check", "rules", "banyan.rules.yaml"}, {"promtool", "test", "rules", "banyan.test.yaml"},
		{"promtool", "check", "config", "prometheus.yaml"}, {"amtool", "check-config", "alertmanager.yaml"},
	} {
		needs(t, args[0])
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = prometheusDir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", args, err, out)
		}
	}
}

func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skipf("%s is absent: `make watchers` installs it", program)
	}
}

// faster is how much shorter windows and waits are than in service.
const faster = 1.0 / 120

// TestBreachComesBack starts a real Prometheus and a real Alertmanager beside the centre. P1 alerts are acknowledged
// too late; the burn of the objective fires, comes back and stands on the wall as an incident of the centre; once
// answers are in time again it is taken back. Then the centre is killed, and who is outside hears of its silence.
func TestBreachComesBack(t *testing.T) {
	t.Parallel() // it waits more than it works
	for _, program := range []string{"prometheus", "prometheus-alertmanager", "promtool"} {
		needs(t, program)
	}
	dir, data := t.TempDir(), t.TempDir()
	city := filepath.Join(dir, "city")
	if err := os.CopyFS(city, os.DirFS(cityDir)); err != nil {
		t.Fatal(err)
	}
	replaceIn(t, filepath.Join(city, "objectives.yaml"), "priority: P1, within: 30s", "priority: P1, within: 5s")
	metrics, prometheus, alertmanager := freePort(t), freePort(t), freePort(t)
	s := launchCity(t, city, data, "BANYAN_METRICS_LISTEN="+metrics)
	s.ready(t)
	keys := newKeys(data)
	outside := newOutside(t)
	watched := watchOver(t, dir, city, keys, s.url, outside.URL, metrics, prometheus, alertmanager)
	defer watched()
	source, wall, officer := must(t)(keys.source("fire-119")), must(t)(keys.of(wallKey)), must(t)(keys.seat("centre-leader"))

	// The first round makes the series known to Prometheus, the second is a rate.
	for round := range 2 {
		var tasks []string
		for n := range 6 {
			tasks = append(tasks, postP1(t, s, source, round*6+n)...)
		}
		began := time.Now()
		eventually(t, "the answers are late", func() bool { return time.Since(began) > 6*time.Second })
		for _, task := range tasks {
			if status, b, err := s.do(http.MethodPost, "/api/v1/tasks/"+task+"/acknowledge", officer, "", ""); err != nil || status != http.StatusOK {
				t.Fatalf("%d %s %v", status, b, err)
			}
		}
	}
	checkMetrics(t, "http://"+metrics+"/metrics")
	var id string
	eventually(t, "the breach is an incident on the wall", func() bool {
		id = breach(t, s, wall, "open")
		return id != ""
	})
	eventually(t, "it is taken back", func() bool {
		_, b, _ := s.do(http.MethodGet, "/api/v1/incidents/"+id, wall, "", "")
		return bytes.Contains(b, []byte(`"state":"cancelled"`)) || bytes.Contains(b, []byte(`"state":"verifying"`))
	})
	eventually(t, "the dead man's switch is heard outside", func() bool { return outside.heard("DeadMansSwitch") })
	if outside.heard("BanyanAbsent") {
		t.Error("the centre is said to be silent while it speaks")
	}
	s.kill()
	eventually(t, "its silence is heard outside", func() bool { return outside.heard("BanyanAbsent") })
}

// checkMetrics has promtool look at what a working centre says of itself: names, units, types.
func checkMetrics(t *testing.T, url string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	cmd := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	cmd.Stdin = resp.Body
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

// watchOver starts Prometheus and Alertmanager with the files of configs/prometheus, made faster; the function ends them.
func watchOver(t *testing.T, dir, city string, keys *keys, centre, outside, metrics, prometheus, alertmanager string) func() {
	t.Helper()
	compiled, err := app.ReadCity(city)
	if err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(dir, "alertmanager.token")
	if err := os.Mkdir(filepath.Join(dir, "targets"), 0o750); err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("banyan.rules.yaml", telemetry.Rules(compiled, faster).Bytes())
	write("alertmanager.token", []byte(must(t)(keys.source("alertmanager"))))
	for name, change := range map[string][]string{
		"prometheus.yaml":           {"interval: 15s", "interval: 1s", "127.0.0.1:9090", prometheus},
		"targets/banyan.yaml":       {"127.0.0.1:9464", metrics},
		"targets/alertmanager.yaml": {"127.0.0.1:9093", alertmanager},
		"alertmanager.yaml": {"group_wait: 5s", "group_wait: 1s", "group_interval: 30s", "group_interval: 1s", "group_interval: 1m", "group_interval: 1s",
			"http://127.0.0.1:8080", centre, "http://127.0.0.1:8099", outside, "/etc/banyan/alertmanager.token", token},
	} {
		b, err := os.ReadFile(filepath.Join(prometheusDir, name))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(change); i += 2 {
			if !bytes.Contains(b, []byte(change[i])) {
				t.Fatalf("%s does not hold %q any more", name, change[i])
			}
		}
		write(name, []byte(strings.NewReplacer(change...).Replace(string(b))))
	}
	var running []*exec.Cmd
	for _, args := range [][]string{
		{"prometheus", "--config.file=" + filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path=" + filepath.Join(dir, "tsdb"), "--web.listen-address=" + prometheus},
		{"prometheus-alertmanager", "--config.file=" + filepath.Join(dir, "alertmanager.yaml"), "--storage.path=" + filepath.Join(dir, "am"), "--web.listen-address=" + alertmanager, "--cluster.listen-address="},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		log := new(lockedBuffer)
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s said:\n%.6000s", args[0], log)
			}
		})
	}
	return func() {
		for _, cmd := range running {
			_ = cmd.Process.Kill() // nothing of theirs is kept
			_ = cmd.Wait()
		}
	}
}

// postP1 posts a fire of its own and returns the ids of its tasks.
func postP1(t *testing.T, s *server, source string, n int) (tasks []string) {
	t.Helper()
	body := fmt.Sprintf(`{"id":"slow-%d","type":"fire.building","occurred_at":%q,"incident_ref":"slow-%d","location":{"lon":%.4f,"lat":26.07}}`,
		n, time.Now().UTC().Format(time.RFC3339), n, 119.25+float64(n)*0.01)
	status, b, err := s.do(http.MethodPost, "/api/v1/alerts", source, "application/json", body)
	var r struct{ Tasks []struct{ ID string } }
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil || status != http.StatusAccepted {
		t.Fatalf("%d %s %v", status, b, err)
	}
	for _, task := range r.Tasks {
		tasks = append(tasks, task.ID)
	}
	return tasks
}

// breach returns the id of an incident of the centre that is in a state, "" if there is none.
func breach(t *testing.T, s *server, wall, state string) string {
	t.Helper()
	_, b, err := s.do(http.MethodGet, "/api/v1/incidents?department=centre&state="+state, wall, "", "")
	var page struct{ Incidents []struct{ ID, Type string } }
	if err == nil {
		err = json.Unmarshal(b, &page)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	for _, i := range page.Incidents {
		if i.Type == "centre.breach" {
			return i.ID
		}
	}
	return ""
}

// outside is a receiver of notifications that is not the centre.
type outside struct {
	*httptest.Server
	mu    sync.Mutex
	names map[string]bool // of alerts that fired
}

func newOutside(t *testing.T) *outside {
	o := &outside{names: map[string]bool{}}
	o.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var n struct {
			Alerts []struct {
				Status string
				Labels map[string]string
			}
		}
		if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 1<<20)).Decode(&n); err != nil {
			return
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, a := range n.Alerts {
			if a.Status == "firing" {
				o.names[a.Labels["alertname"]] = true
			}
		}
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *outside) heard(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.names[name]
}

// eventually asks until it is so, for as long as patience lasts.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so after %v: %s", patience, what)
		}
	}
}

func must(t *testing.T) func(string, error) string {
	return func(s string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// freePort returns an address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func replaceIn(t *testing.T, file, old, with string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(b, []byte(old)) {
		t.Fatalf("%s does not hold %q: %v", file, old, err)
	}
	if err := os.WriteFile(file, bytes.ReplaceAll(b, []byte(old), []byte(with)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// lockedBuffer is written to by a process and read by the test.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
