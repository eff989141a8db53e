package test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
	"github.com/banyan-ecc/banyan/test/link"
)

const burstMessages = 1500

// mosquitto runs a broker on a port until the returned function stops it; it keeps its messages in dir.
func mosquitto(t *testing.T, dir string, port int) (stop func()) {
	t.Helper()
	conf := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location %s/\nmax_queued_messages 0\n", port, dir)
	if os.Getuid() == 0 {
		conf += "user root\n"
	}
	file := filepath.Join(dir, "mosquitto.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto" // not in everybody's PATH
	}
	cmd := exec.Command(path, "-c", file)
	if err := cmd.Start(); err != nil {
		t.Fatalf("%v: `make broker` installs it", err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			c.Close()
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	t.Cleanup(stop)
	return stop
}

const burstProfile = `name: 充电桩
name_en: Chargers
department: fire
transport: {kind: mqtt, broker: "mqtt://%s", topics: [bikes/#]}
map:
  id: m.n
  incident_ref: {value: burst}
  type: {value: fire.building}
  occurred_at: {value: "2026-05-01T08:30:00+08:00"}
  area: {value: "350102"}
`

// TestBurstOverMQTT: in the middle of a burst the server is killed, the network is cut and the broker ends. In the
// end each message of QoS 1 that the broker took is in the journal, once. The subscription is not a shared one: over its
// own restart mosquitto 2.0.11 forgets those, and keeps nothing for them until they are asked for again.
func TestBurstOverMQTT(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	brokerDir, dir, city := t.TempDir(), filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "city")
	stopBroker := mosquitto(t, brokerDir, port)
	wire := link.New(t, fmt.Sprintf("127.0.0.1:%d", port))
	if err := os.CopyFS(city, os.DirFS(cityDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(city, "sources", "burst.yaml"), fmt.Appendf(nil, burstProfile, wire.Addr()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := app.ReadCity(city); err != nil {
		t.Fatal(err)
	}
	leader, err := newKeys(dir).seat("centre-leader")
	if err != nil {
		t.Fatal(err)
	}
	s := launchCity(t, city, dir)
	s.ready(t)
	for deadline := time.Now().Add(patience); !strings.Contains(s.said(), "msg=subscribed"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) { // until it has subscribed the broker keeps nothing for it
			t.Fatalf("not subscribed; the server said:\n%s", s.said())
		}
	}
	taken := func() (n int) {
		var now struct{ Today struct{ Alerts int } }
		status, answer, err := s.do("GET", "/api/v1/statistics/now", leader, "", "")
		if err == nil && status == 200 {
			err = json.Unmarshal(answer, &now)
		}
		if err != nil || status != 200 {
			t.Fatalf("%v: %d %s", err, status, answer)
		}
		return now.Today.Alerts
	}
	until := func(n int) {
		t.Helper()
		for deadline := time.Now().Add(patience / 3); taken() < n; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("%d of %d messages are in the journal; the server said:\n%s", taken(), n, s.said())
				return // which ones is said below
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	send := publisher(ctx, t, port)
	for i := range burstMessages {
		send(i)
		switch i {
		case 400, 1100:
			s.kill()
			s = launchCity(t, city, dir)
			s.ready(t)
		case 700:
			wire.Set(link.Cut) // in the middle of whatever it carries
			wire.Set(link.Open)
		case 900:
			stopBroker()
			stopBroker = mosquitto(t, brokerDir, port)
		}
	}
	until(burstMessages)
	s.kill()
	times := map[string]int{}
	if _, err := journal.Verify(filepath.Join(dir, app.JournalDir), func(f journal.Frame) error {
		rec, err := sequencer.DecodeRecord(f.Payload)
		if err != nil {
			return err
		}
		events, err := rec.DecodeEvents()
		for _, e := range events {
			if e.Type == dispatch.IncidentOpened || e.Type == dispatch.AlertAttached {
				times[e.Alert.ID]++
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for i := range burstMessages {
		if n := times[fmt.Sprint(i)]; n != 1 {
			if wrong++; wrong <= 10 {
				t.Errorf("message %d is in the journal %d times", i, n)
			}
		}
	}
	if wrong > 10 {
		t.Errorf("and %d more", wrong-10)
	}
}

// publisher returns what sends a message with QoS 1 until the broker has it.
func publisher(ctx context.Context, t *testing.T, port int) func(n int) {
	u, err := url.Parse(fmt.Sprintf("mqtt://127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	config := autopaho.ClientConfig{ServerUrls: []*url.URL{u}, KeepAlive: 20, ReconnectBackoff: func(int) time.Duration { return 50 * time.Millisecond }}
	config.ClientID = "sender"
	m, err := autopaho.NewConnection(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	return func(n int) {
		for ctx.Err() == nil {
			if m.AwaitConnection(ctx) == nil {
				if _, err := m.Publish(ctx, &paho.Publish{Topic: "bikes/1", QoS: 1, Payload: fmt.Appendf(nil, `{"n":%d}`, n)}); err == nil {
					return
				}
			}
		}
		t.Fatal("the broker does not take messages")
	}
}
