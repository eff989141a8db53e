package redisstore

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for something that must happen.
const patience = 30 * time.Second

// server is a real redis-server.
type server struct {
	tb   testing.TB
	cmd  *exec.Cmd
	addr string
	dir  string
	args []string
}

// startRedis starts a redis-server on a free port, with further arguments.
func startRedis(tb testing.TB, args ...string) *server {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &server{tb: tb, addr: l.Addr().String(), dir: tb.TempDir(), args: args}
	l.Close()
	s.start()
	tb.Cleanup(s.kill)
	return s
}

func (s *server) start() {
	s.tb.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	s.cmd = exec.Command("redis-server", append([]string{"--port", port, "--bind", "127.0.0.1", "--dir", s.dir, "--save", "", "--appendonly", "no"}, s.args...)...)
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatalf("redis-server, which apt-get install redis-server brings: %v", err)
	}
	c := s.client()
	defer c.Close()
	eventually(s.tb, "redis-server answers", func() error { return c.Ping(context.Background()).Err() })
}

func (s *server) kill() {
	if s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGCONT)
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
}

func (s *server) url() string { return "redis://" + s.addr + "/0" }

func (s *server) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: s.addr, Protocol: 2, MaxRetries: -1, DisableIdentity: true})
}

// cli runs redis-cli and returns what it says.
func (s *server) cli(args ...string) string {
	s.tb.Helper()
	_, port, _ := net.SplitHostPort(s.addr)
	out, err := exec.Command("redis-cli", append([]string{"-p", port}, args...)...).CombinedOutput()
	if err != nil {
		s.tb.Fatalf("redis-cli %q: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// eventually waits until check returns nil.
func eventually(tb testing.TB, what string, check func() error) {
	tb.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	tb.Fatalf("%s: not after %v: %v", what, patience, err)
}

// node is a journal with its writer and a mirror.
type node struct {
	tb     testing.TB
	log    *journal.Journal
	seq    *sequencer.Sequencer
	mirror *Mirror
	client redis.UniversalClient
	stop   func()
	n      int
}

func testCity(tb testing.TB) *plan.City {
	tb.Helper()
	files := map[string][]byte{}
	dir := "../api/testdata/city"
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if err != nil || d.IsDir() || !plan.IsCityFile(name) {
			return err
		}
		files[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	city, problems := plan.Load(files)
	if len(problems) > 0 {
		tb.Fatal(problems)
	}
	return city
}

// newNode opens a journal and mirrors it to target until the test ends or stop is called.
func newNode(tb testing.TB, dir, target string, change ...func(*Options)) *node {
	tb.Helper()
	n := &node{tb: tb}
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	var err error
	if n.log, err = journal.Open(dir, journal.Options{Logger: logger}); err != nil {
		tb.Fatal(err)
	}
	start, err := sequencer.Recover(n.log, nil)
	if err != nil {
		tb.Fatal(err)
	}
	n.seq = sequencer.New(sequencer.Options{Log: n.log, Start: start, Publish: func(*sequencer.Committed) { n.mirror.Committed() }, Logger: logger})
	if n.client, err = Dial(target); err != nil {
		tb.Fatal(err)
	}
	o := Options{City: "fuzhou", Node: "a", Epoch: n.seq.Epoch, Client: n.client, Log: n.log, State: n.seq.Replica(), Now: time.Now, Logger: logger}
	for _, f := range change {
		f(&o)
	}
	n.mirror = New(o)
	ctx, cancel := context.WithCancel(context.Background())
	written, mirrored := make(chan error, 1), make(chan struct{})
	go func() { written <- n.seq.Run(ctx) }()
	go func() { n.mirror.Run(ctx); close(mirrored) }()
	stopped := false
	n.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		<-mirrored
		if err := <-written; err != nil {
			tb.Error(err)
		}
		_ = n.client.Close()
		if err := n.log.Close(); err != nil {
			tb.Error(err)
		}
	}
	tb.Cleanup(n.stop)
	if n.log.LastSeq() == 0 {
		n.do(dispatch.Configure(testCity(tb)))
	}
	return n
}

func (n *node) do(c dispatch.Command) sequencer.Outcome {
	n.tb.Helper()
	out, err := n.seq.Do(context.Background(), c)
	if err != nil {
		n.tb.Fatal(err)
	}
	return out
}

// alert submits the next alert and returns its incident's id.
func (n *node) alert() string {
	n.tb.Helper()
	n.n++
	return n.submit(fmt.Sprintf("2026-%06d-%d", n.n, n.log.LastSeq()))
}

func (n *node) submit(id string) string {
	n.tb.Helper()
	key := alert.KeyOf("fire-119", id)
	now := alert.TimeOf(time.Now())
	out := n.do(dispatch.Command{Type: dispatch.SubmitAlert, Alert: &alert.Alert{AlertID: key.AlertID(), Source: "fire-119", ID: id, Type: "fire.building",
		Location: &alert.Location{Lon: 119.25 + float64(n.n%20)/100, Lat: 26.02 + float64(n.n/20%10)/100}, OccurredAt: now, ReceivedAt: now, Text: "烟 \"smoke\" \\ <&>"}})
	if len(out.Events) == 0 {
		return ""
	}
	return out.Events[0].IncidentID
}

// current waits until the mirror has everything.
func (n *node) current() {
	n.tb.Helper()
	eventually(n.tb, "the mirror is current", func() error {
		if s := n.mirror.Status(); s.Phase != Current || s.LagEvents != 0 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}
