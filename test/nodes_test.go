package test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

var (
	nodesSeed = flag.Uint64("nodes.seed", 0, "seed of the faults of TestNodes; 0: of the clock")
	nodesFor  = flag.Duration("nodes.for", 45*time.Second, "how long TestNodes goes on")
)

// nodesLease is short, so that many takeovers fit into a test.
const nodesLease = time.Second

// impatience is how long a client waits for an answer before it sends the same again, to whichever node.
const impatience = time.Second

// redisServer is a redis-server that faults happen to.
type redisServer struct {
	t    *testing.T
	port string
	dir  string
	cmd  *exec.Cmd
}

func startRedis(t *testing.T) *redisServer {
	t.Helper()
	r := &redisServer{t: t, port: openPort(t), dir: t.TempDir()}
	r.start()
	t.Cleanup(r.kill)
	return r
}

func openPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func (r *redisServer) start() {
	r.t.Helper()
	r.cmd = exec.Command("redis-server", "--port", r.port, "--bind", "127.0.0.1", "--dir", r.dir, "--save", "")
	if err := r.cmd.Start(); err != nil {
		r.t.Fatalf("redis-server, which `make redis` installs: %v", err)
	}
}

func (r *redisServer) kill() {
	_ = r.cmd.Process.Signal(syscall.SIGCONT)
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

func (r *redisServer) cli(args ...string) {
	_ = exec.Command("redis-cli", append([]string{"-p", r.port}, args...)...).Run() // it may be gone
}

// cityNode is one of the nodes of a city.
type cityNode struct {
	name, dir, port string
	server          *server // the process
	face            *server // how clients see it, whichever process it is
}

// nodeFaults is a city of two nodes under load and faults, and what an observer outside knows of it.
type nodeFaults struct {
	t     *testing.T
	seed  uint64
	rng   *rand.Rand
	redis *redisServer
	nodes []*cityNode
	wall  string

	mu       sync.Mutex
	promised map[[2]string]string // (source, id) → incident, of every 202
	last     time.Time            // of a 202
	tokens   map[string]string    // by source
	done     chan struct{}
}

func (f *nodeFaults) launch(n *cityNode) {
	f.t.Helper()
	n.server = launch(f.t, n.dir, "BANYAN_LISTEN=127.0.0.1:"+n.port, "BANYAN_REDIS=redis://127.0.0.1:"+f.redis.port+"/0", "BANYAN_NODE="+n.name,
		"BANYAN_LEASE="+nodesLease.String(), "BANYAN_DURABILITY=replicated")
}

type nodeStatus struct {
	Role   string
	Epoch  uint32
	Seq    uint64
	Mirror struct {
		State string
		Lag   uint64 `json:"lag_events"`
	}
	Degraded bool
}

func (f *nodeFaults) status(n *cityNode) (s nodeStatus, err error) {
	code, answer, err := n.face.do(http.MethodGet, "/api/v1/node", f.wall, "", "")
	if err != nil || code != http.StatusOK {
		return s, fmt.Errorf("%s: %d %s %w", n.name, code, answer, err)
	}
	return s, json.Unmarshal(answer, &s)
}

// settled waits until one node leads, the other follows, Redis has everything and nothing differs.
func (f *nodeFaults) settled(equal bool) (leader *cityNode) {
	f.t.Helper()
	var found string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var roles []string
		var all []nodeStatus
		for _, n := range f.nodes {
			select {
			case <-n.server.gone:
				f.t.Fatalf("seed %d: %s ended by itself: %v\n%s", f.seed, n.name, n.server.err, n.server.said())
			default:
			}
			s, err := f.status(n)
			if err != nil {
				found = err.Error()
				break
			}
			if s.Role == "leader" {
				leader = n
			}
			roles, all = append(roles, s.Role), append(all, s)
		}
		slices.Sort(roles)
		if !slices.Equal(roles, []string{"follower", "leader"}) {
			continue
		}
		if found = fmt.Sprintf("%+v", all); !equal || all[0].Seq == all[1].Seq {
			if s, err := f.status(leader); err == nil && s.Mirror.State == "current" && !s.Degraded {
				return leader
			}
		}
	}
	for _, n := range f.nodes {
		f.t.Logf("%s said\n%s", n.name, n.server.said())
	}
	f.t.Fatalf("seed %d: the nodes do not settle: %s", f.seed, found)
	return nil
}

// work sends alerts to whichever node, each until it is accepted.
func (f *nodeFaults) work(i int) {
	rng := rand.New(rand.NewPCG(f.seed, uint64(i)+1000))
	sources := []struct{ id, kind string }{{"fire-119", "fire.building"}}
	for k := 0; ; k++ {
		source := sources[0]
		id := fmt.Sprintf("w%d-%d", i, k)
		body := fmt.Sprintf(`{"id":%q,"type":%q,"occurred_at":%q,"location":{"lon":%f,"lat":%f},"text":"烟"}`, id, source.kind,
			time.Now().UTC().Format(time.RFC3339), 119.3+(rng.Float64()-0.5)*0.1, 26.08+(rng.Float64()-0.5)*0.1)
		for {
			select {
			case <-f.done:
				return
			default:
			}
			code, answer, err := f.nodes[rng.IntN(len(f.nodes))].face.do(http.MethodPost, "/api/v1/alerts", f.tokens[source.id], "application/json", body)
			if err == nil && code == http.StatusAccepted {
				var r dispatch.Receipt
				if err := json.Unmarshal(answer, &r); err != nil {
					f.t.Errorf("seed %d: %s", f.seed, answer)
				}
				f.mu.Lock()
				f.promised[[2]string{source.id, id}] = r.IncidentID
				f.last = time.Now()
				f.mu.Unlock()
				break
			}
			if err == nil && code != http.StatusServiceUnavailable {
				f.t.Errorf("seed %d: %d %s", f.seed, code, answer)
			}
			time.Sleep(5 * time.Millisecond)
		}
		time.Sleep(time.Duration(rng.IntN(8)) * time.Millisecond)
	}
}

// takeover waits for a 202 after now and returns how long that took.
func (f *nodeFaults) takeover(since time.Time) time.Duration {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		f.mu.Lock()
		last := f.last
		f.mu.Unlock()
		if last.After(since) {
			return last.Sub(since)
		}
	}
	f.t.Errorf("seed %d: nothing was accepted for %v", f.seed, patience)
	return 0
}

// TestNodes kills, freezes and empties what two nodes and their Redis are made of, at random, while alerts come to
// both. What an observer kept of the answers must be there at the end, once, and the nodes must be one city.
func TestNodes(t *testing.T) {
	t.Parallel()
	f := &nodeFaults{t: t, seed: *nodesSeed, promised: map[[2]string]string{}, tokens: map[string]string{}, done: make(chan struct{})}
	if f.seed == 0 {
		f.seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", f.seed)
	f.rng = rand.New(rand.NewPCG(f.seed, 1))
	f.redis = startRedis(t)
	for _, name := range []string{"east", "west"} {
		port := openPort(t)
		face := &server{url: "http://127.0.0.1:" + port, client: &http.Client{Timeout: impatience, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
		t.Cleanup(face.client.CloseIdleConnections)
		f.nodes = append(f.nodes, &cityNode{name: name, dir: t.TempDir(), port: port, face: face})
	}
	f.keys()
	for _, n := range f.nodes {
		f.launch(n)
		n.server.ready(t)
	}
	f.settled(false)
	var working sync.WaitGroup
	for i := range 4 {
		working.Go(func() { f.work(i) })
	}
	var takeovers []time.Duration
	for end, round := time.Now().Add(*nodesFor), 0; time.Now().Before(end) && !t.Failed(); round++ {
		leader := f.settled(false)
		time.Sleep(time.Duration(f.rng.IntN(300)) * time.Millisecond) // some load in between: any moment must do
		takeovers = append(takeovers, f.fault(round, leader)...)
	}
	f.settled(false)
	close(f.done)
	working.Wait()
	f.settled(true)
	slices.Sort(takeovers)
	t.Logf("%d alerts accepted, %d takeovers: %v", len(f.promised), len(takeovers), takeovers)
	f.check()
}

// fault does one thing and returns how long nothing was accepted, where the leader was lost.
func (f *nodeFaults) fault(round int, leader *cityNode) []time.Duration {
	follower := f.nodes[0]
	if follower == leader {
		follower = f.nodes[1]
	}
	kinds := []string{"leader killed", "leader frozen", "follower killed", "redis killed", "redis emptied", "redis frozen", "leader and redis killed"}
	kind := kinds[(round+int(f.seed%uint64(len(kinds))))%len(kinds)]
	f.t.Logf("%d: %s (leader %s)", round, kind, leader.name)
	began := time.Now()
	switch kind {
	case "leader killed":
		leader.server.kill()
		took := f.takeover(began.Add(20 * time.Millisecond))
		f.launch(leader)
		return []time.Duration{took}
	case "leader frozen":
		_ = leader.server.cmd.Process.Signal(syscall.SIGSTOP)
		took := f.takeover(began.Add(20 * time.Millisecond))
		time.Sleep(nodesLease) // past the lease: what is tried
		_ = leader.server.cmd.Process.Signal(syscall.SIGCONT)
		return []time.Duration{took}
	case "follower killed":
		follower.server.kill()
		f.launch(follower)
	case "redis killed":
		f.redis.kill()
		f.takeover(began.Add(20 * time.Millisecond)) // the leader goes on alone
		f.redis.start()
	case "redis emptied":
		f.redis.cli("FLUSHALL")
	case "redis frozen":
		_ = f.redis.cmd.Process.Signal(syscall.SIGSTOP)
		f.takeover(began.Add(100 * time.Millisecond))
		_ = f.redis.cmd.Process.Signal(syscall.SIGCONT)
	case "leader and redis killed":
		leader.server.kill()
		f.redis.kill()
		f.redis.start()
		f.launch(leader)
	}
	return nil
}

// keys gives both nodes the same keys.
func (f *nodeFaults) keys() {
	first := newKeys(f.nodes[0].dir)
	var err error
	if f.tokens["fire-119"], err = first.source("fire-119"); err == nil {
		f.wall, err = first.of(auth.Key{Role: auth.RoleWall, Name: "hall"})
	}
	if err != nil {
		f.t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(f.nodes[0].dir, "keys.jsonl"))
	if err == nil {
		err = os.WriteFile(filepath.Join(f.nodes[1].dir, "keys.jsonl"), b, 0o600)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// check stops the nodes and reads their journals.
func (f *nodeFaults) check() {
	var histories [2][]journal.Frame
	for _, n := range f.nodes {
		_ = n.server.cmd.Process.Kill()
	}
	for i, n := range f.nodes {
		n.server.kill()
		v := sequencer.NewVerifier()
		alerts := map[[2]string]int{}
		_, err := journal.Verify(filepath.Join(n.dir, app.JournalDir), func(fr journal.Frame) error {
			histories[i] = append(histories[i], fr)
			rec, err := sequencer.DecodeRecord(fr.Payload)
			if err != nil {
				return err
			}
			events, err := rec.DecodeEvents()
			for _, e := range events {
				if e.Alert != nil {
					alerts[[2]string{e.Alert.Source, e.Alert.ID}]++
				}
			}
			if err != nil {
				return err
			}
			return v.Frame(fr)
		})
		if err != nil {
			f.t.Fatalf("seed %d: journal of %s: %v", f.seed, n.name, err)
		}
		lost := 0
		for key := range f.promised {
			switch alerts[key] {
			case 1:
			case 0:
				if lost++; lost < 5 {
					f.t.Errorf("seed %d: %s lost %v, which was answered with 202", f.seed, n.name, key)
				}
			default:
				f.t.Errorf("seed %d: %s has %v %d times", f.seed, n.name, key, alerts[key])
			}
		}
		for seat, ids := range seatsOf(v.State()) {
			if seat == "" || len(ids) == 0 {
				f.t.Errorf("seed %d: seat %q with %v", f.seed, seat, ids)
			}
		}
	}
	n := min(len(histories[0]), len(histories[1])) // who was killed last may have gone on a little
	for i, a := range histories[0][:n] {
		if b := histories[1][i]; a.Seq != b.Seq || a.Epoch != b.Epoch || string(a.Payload) != string(b.Payload) {
			f.t.Fatalf("seed %d: the nodes have two histories from %d on", f.seed, a.Seq)
		}
	}
}

// seatsOf returns the tasks by seat; a task stands at one only.
func seatsOf(st *dispatch.State) map[string][]string {
	seats := map[string][]string{}
	if city := st.City(); city != nil {
		for _, s := range city.Seats {
			if tasks := st.TasksAt(s.ID); len(tasks) > 0 {
				seats[s.ID] = tasks
			}
		}
	}
	return seats
}
