package mqtt

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/ingest"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// broker is a real one, in a process of its own.
type broker struct {
	t    *testing.T
	dir  string
	port int
	cmd  *exec.Cmd
}

// startBroker starts mosquitto with further lines of configuration.
func startBroker(t *testing.T, lines ...string) *broker {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &broker{t: t, dir: t.TempDir(), port: l.Addr().(*net.TCPAddr).Port}
	l.Close()
	conf := fmt.Sprintf("listener %d 127.0.0.1\npersistence true\npersistence_location %s/\nautosave_interval 1\nautosave_on_changes true\nmax_queued_messages 0\n", b.port, b.dir)
	if os.Getuid() == 0 {
		conf += "user root\n"
	}
	if len(lines) == 0 {
		lines = []string{"allow_anonymous true"}
	}
	for _, line := range lines {
		conf += line + "\n"
	}
	b.write("mosquitto.conf", []byte(conf))
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *broker) write(name string, content []byte) string {
	file := filepath.Join(b.dir, name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		b.t.Fatal(err)
	}
	return file
}

func (b *broker) start() {
	b.t.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		if path = "/usr/sbin/mosquitto"; exec.Command(path, "-h").Process == nil {
			if _, err := os.Stat(path); err != nil {
				b.t.Fatal("mosquitto is not installed: `make broker` installs what the tests need")
			}
		}
	}
	b.cmd = exec.Command(path, "-c", filepath.Join(b.dir, "mosquitto.conf"))
	var out bytes.Buffer
	b.cmd.Stderr = &out
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.port)); err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			b.t.Fatalf("mosquitto does not answer: %s", out.String())
		}
	}
}

func (b *broker) stop() {
	_ = b.cmd.Process.Kill()
	_ = b.cmd.Wait()
}

func (b *broker) url() string { return fmt.Sprintf("mqtt://127.0.0.1:%d", b.port) }

// sender publishes with QoS 1 and waits for the broker to have it.
type sender struct {
	t *testing.T
	m *autopaho.ConnectionManager
}

func (b *broker) sender(ctx context.Context, edit func(*autopaho.ClientConfig)) *sender {
	u, _ := url.Parse(b.url())
	config := autopaho.ClientConfig{ServerUrls: []*url.URL{u}, KeepAlive: 20, ReconnectBackoff: backoff}
	config.ClientID = "sender"
	if edit != nil {
		edit(&config)
	}
	m, err := autopaho.NewConnection(ctx, config)
	if err != nil {
		b.t.Fatal(err)
	}
	return &sender{b.t, m}
}

func (s *sender) send(ctx context.Context, topic string, n int) {
	s.t.Helper()
	for {
		if err := s.m.AwaitConnection(ctx); err != nil {
			s.t.Fatal(err)
		}
		_, err := s.m.Publish(ctx, &paho.Publish{Topic: topic, QoS: 1, Payload: fmt.Appendf(nil, `{"n":%d}`, n)})
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			s.t.Fatalf("message %d: %v", n, err)
		}
	}
}

// door keeps what it takes. Now and then it can take nothing.
type door struct {
	mu    sync.Mutex
	seen  map[int]int
	first []int
	calls int
	fail  func(call int) *alert.Error
	wake  chan struct{}
}

func newDoor() *door { return &door{seen: map[int]int{}, wake: make(chan struct{}, 1)} }

func (d *door) Take(_ context.Context, _ string, messages []ingest.Message) []ingest.Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	results := make([]ingest.Result, len(messages))
	for i, m := range messages {
		if d.fail != nil {
			if err := d.fail(d.calls); err != nil {
				results[i] = ingest.Result{Status: ingest.Refused, Err: err}
				continue
			}
		}
		n, _ := m.Body["n"].(int)
		if d.seen[n]++; d.seen[n] == 1 {
			d.first = append(d.first, n)
			results[i].Status = ingest.Accepted
		} else {
			results[i].Status = ingest.Duplicate
		}
	}
	select {
	case d.wake <- struct{}{}:
	default:
	}
	return results
}

func (d *door) wait(t *testing.T, n int) {
	t.Helper()
	for deadline := time.After(60 * time.Second); ; {
		d.mu.Lock()
		have := len(d.seen)
		d.mu.Unlock()
		if have >= n {
			return
		}
		select {
		case <-d.wake:
		case <-deadline:
			t.Fatalf("%d of %d messages came", have, n)
		}
	}
}

// run runs a client until the returned function is called.
func run(t *testing.T, d Door, dataDir string, transport plan.Transport) (up chan struct{}, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	up = make(chan struct{}, 16)
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, Options{Source: "chargers", Transport: transport, DataDir: dataDir, Door: d, Logger: slog.New(slog.DiscardHandler),
			Observe: func(what string) {
				if what == Connected {
					up <- struct{}{}
				}
			}})
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return up, stop
}

func waitUp(t *testing.T, up chan struct{}) {
	t.Helper()
	select {
	case <-up:
	case <-time.After(30 * time.Second):
		t.Fatal("no subscription within 30 s")
	}
}

// TestBrokerKilled: the broker dies in the middle of a burst while the door refuses now and then. Everything comes.
func TestBrokerKilled(t *testing.T) {
	b := startBroker(t)
	d := newDoor()
	d.fail = func(call int) *alert.Error {
		if call%5 == 2 {
			return alert.Errorf(alert.CodeUnavailable, "the queue is full")
		}
		return nil
	}
	up, _ := run(t, d, t.TempDir(), plan.Transport{Broker: b.url(), Topics: []string{"bikes/#"}, QoS: 1, Group: "banyan"})
	waitUp(t, up)
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	s := b.sender(ctx, nil)
	const n = 400
	for i := range n {
		if i == n/2 {
			b.stop()
			b.start()
			waitUp(t, up) // what is published while nobody is subscribed and no session was saved is lost by the broker, not by us
		}
		s.send(ctx, "bikes/3", i)
	}
	d.wait(t, n)
}

// TestNotAcknowledgedComesAgain: what the door had not taken when we stopped comes to the next connection.
func TestNotAcknowledgedComesAgain(t *testing.T) {
	b := startBroker(t)
	transport := plan.Transport{Broker: b.url(), Topics: []string{"bikes/#"}, QoS: 1}
	closed := newDoor()
	closed.fail = func(int) *alert.Error { return alert.Errorf(alert.CodeInternal, "the deadline passed") }
	up, stop := run(t, closed, t.TempDir(), transport)
	waitUp(t, up)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	s := b.sender(ctx, nil)
	for i := range 50 {
		s.send(ctx, "bikes/3", i)
	}
	stop()
	d := newDoor()
	run(t, d, t.TempDir(), transport)
	d.wait(t, 50)
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, n := range d.first {
		if n != i {
			t.Fatalf("message %d came in place of %d", n, i)
		}
	}
}

// TestWhoWeAre: TLS with an own authority, a client certificate, and a password from a file.
func TestWhoWeAre(t *testing.T) {
	dir := t.TempDir()
	authority, key := certificate(t, dir, "ca", nil, nil)
	certificate(t, dir, "server", authority, key)
	certificate(t, dir, "client", authority, key)
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte("bäume\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	passwords := filepath.Join(dir, "passwords")
	if out, err := exec.Command("mosquitto_passwd", "-b", "-c", passwords, "banyan", "bäume").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	b := startBroker(t, "allow_anonymous false", "password_file "+passwords, "cafile "+dir+"/ca.pem", "certfile "+dir+"/server.pem", "keyfile "+dir+"/server.key", "require_certificate true")
	right := plan.Transport{Broker: fmt.Sprintf("mqtts://127.0.0.1:%d", b.port), Topics: []string{"bikes/#"}, QoS: 1, User: "banyan",
		PasswordFile: "password", CAFile: "ca.pem", CertFile: "client.pem", KeyFile: "client.key"}
	d := newDoor()
	up, stop := run(t, d, dir, right)
	waitUp(t, up)
	stop()
	for name, edit := range map[string]func(*plan.Transport){
		"no certificate": func(p *plan.Transport) { p.CertFile, p.KeyFile = "", "" },
		"no authority":   func(p *plan.Transport) { p.CAFile = "" },
		"no password":    func(p *plan.Transport) { p.PasswordFile = "" },
	} {
		wrong := right
		edit(&wrong)
		ctx, cancel := context.WithCancel(context.Background())
		failed := make(chan string, 16)
		done := make(chan error, 1)
		go func() {
			done <- Run(ctx, Options{Source: "x", Transport: wrong, DataDir: dir, Door: d, Logger: slog.New(slog.DiscardHandler), Observe: func(what string) { failed <- what }})
		}()
		select {
		case what := <-failed:
			if what != Failed {
				t.Errorf("%s: %s", name, what)
			}
		case <-time.After(20 * time.Second):
			t.Errorf("%s: nothing happens", name)
		}
		cancel()
		<-done
	}
	wrong := right
	wrong.PasswordFile = "nowhere"
	if err := Run(context.Background(), Options{Source: "x", Transport: wrong, DataDir: dir, Door: d, Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a file that is not there was not missed")
	}
}

// certificate writes NAME.pem and NAME.key, signed by a parent or by itself.
func certificate(t *testing.T, dir, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(int64(len(name))), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: parent == nil, BasicConstraintsValid: true}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}
