package test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/test/link"
)

// redisServer is a redis-server that faults happen to.
type redisServer struct {
	t    *testing.T
	port string
	dir  string
	cmd  *exec.Cmd
}

func startRedis(t *testing.T, args ...string) *redisServer {
	t.Helper()
	r := &redisServer{t: t, port: openPort(t), dir: t.TempDir()}
	r.start(args...)
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

func (r *redisServer) start(args ...string) {
	r.t.Helper()
	r.cmd = exec.Command("redis-server", append([]string{"--port", r.port, "--bind", "127.0.0.1", "--dir", r.dir, "--save", ""}, args...)...)
	if err := r.cmd.Start(); err != nil {
		r.t.Fatalf("redis-server, which `make redis` installs: %v", err)
	}
}

func (r *redisServer) kill() {
	r.signal(syscall.SIGCONT)
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

func (r *redisServer) signal(s syscall.Signal) { _ = r.cmd.Process.Signal(s) } // it may be gone

func (r *redisServer) addr() string { return "127.0.0.1:" + r.port }

// cli runs redis-cli and returns what it says, "" when the server is gone.
func (r *redisServer) cli(args ...string) string {
	out, _ := exec.Command("redis-cli", append([]string{"-p", r.port}, args...)...).Output()
	return strings.TrimSpace(string(out))
}

// says waits until a section of INFO holds a line.
func (r *redisServer) says(section, line string) {
	r.t.Helper()
	eventually(r.t, "redis at "+r.port+" says "+line, func() bool {
		return strings.Contains(r.cli("INFO", section), line+"\r\n") || strings.HasSuffix(r.cli("INFO", section), line)
	})
}

// sentinel names one master, and promotes its replica when it is gone.
type sentinel struct {
	port  string
	redis [2]*redisServer // one is the master
}

const (
	masterName = "city"
	downAfter  = 800 * time.Millisecond // until Sentinel takes the master for lost
)

// startSentinel gives master a replica and a real Sentinel.
func startSentinel(t *testing.T, master *redisServer) *sentinel {
	t.Helper()
	s := &sentinel{port: openPort(t), redis: [2]*redisServer{master, startRedis(t, "--replicaof", "127.0.0.1 "+master.port)}}
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	text := fmt.Sprintf("port %s\nbind 127.0.0.1\ndir %s\nsentinel monitor %s 127.0.0.1 %s 1\nsentinel down-after-milliseconds %[3]s %[5]d\nsentinel failover-timeout %[3]s 2000\n",
		s.port, filepath.Dir(file), masterName, master.port, downAfter.Milliseconds())
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("redis-sentinel", file)
	if err := cmd.Start(); err != nil {
		t.Fatalf("redis-sentinel, which `make redis` installs: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	s.settled(t)
	return s
}

func (s *sentinel) url() string {
	return "redis+sentinel://127.0.0.1:" + s.port + "/" + masterName + "/0"
}

// settled waits until there is a master with a replica that follows, and Sentinel knows both.
func (s *sentinel) settled(t *testing.T) {
	t.Helper()
	eventually(t, "Sentinel knows a master and a replica that follows", func() bool {
		master, replica := s.parts()
		return strings.HasPrefix(master.cli("ROLE"), "master") && strings.Contains(replica.cli("ROLE"), "\n"+master.port+"\nconnected\n") &&
			s.knows("replicas", "port")[replica.port] && s.knows("replicas", "flags")["slave"] && s.knows("replicas", "master-link-status")["ok"]
	})
}

// parts returns which is the master, as Sentinel sees it, and which the replica.
func (s *sentinel) parts() (master, replica *redisServer) {
	if s.knows("masters", "port")[s.redis[1].port] {
		return s.redis[1], s.redis[0]
	}
	return s.redis[0], s.redis[1]
}

// knows returns the values of a field that Sentinel has of the masters or the replicas.
func (s *sentinel) knows(whom, field string) map[string]bool {
	args := []string{"-p", s.port, "SENTINEL", whom}
	if whom == "replicas" {
		args = append(args, masterName)
	}
	out, _ := exec.Command("redis-cli", args...).Output() // it answers again
	lines, values := strings.Split(string(out), "\n"), map[string]bool{}
	for i := 0; i+1 < len(lines); i++ {
		if lines[i] == field {
			values[lines[i+1]] = true
		}
	}
	return values
}

// cityNode is one of the nodes of a city, and its links to the others: everybody meets it through one.
type cityNode struct {
	name, dir, port string
	env             []string
	server          *server // the process
	face            *server // how clients see it, whichever process it is

	redis  *link.Link // to Redis; nil where Sentinel says where that is
	peer   *link.Link // from the other nodes
	source *link.Link // from what sends alerts, and from officers
	screen *link.Link // from walls
}

// newCityNode makes a node that reaches Redis at a URL, or through a link to where it listens if there is none.
func newCityNode(t *testing.T, name string, redis *redisServer, url, durability string) *cityNode {
	t.Helper()
	n := &cityNode{name: name, dir: t.TempDir(), port: openPort(t)}
	if url == "" {
		n.redis = link.New(t, redis.addr())
		url = "redis://" + n.redis.Addr() + "/0"
	}
	here := "127.0.0.1:" + n.port
	n.peer, n.source, n.screen = link.New(t, here), link.New(t, here), link.New(t, here)
	n.face = &server{url: "http://" + n.source.Addr(), client: &http.Client{Timeout: impatience, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	t.Cleanup(n.face.client.CloseIdleConnections)
	n.env = []string{"BANYAN_LISTEN=" + here, "BANYAN_REDIS=" + url, "BANYAN_NODE=" + name, "BANYAN_ADVERTISE=http://" + n.peer.Addr(),
		"BANYAN_LEASE=" + nodesLease.String(), "BANYAN_DURABILITY=" + durability, "BANYAN_LOG_LEVEL=debug", "BANYAN_SNAPSHOT_EVERY_EVENTS=2000"}
	return n
}

// launch starts a node that was made by hand and reaches Redis where it is.
func (f *nodeFaults) launch(n *cityNode) {
	f.t.Helper()
	n.env = []string{"BANYAN_LISTEN=127.0.0.1:" + n.port, "BANYAN_REDIS=redis://" + f.redis.addr() + "/0", "BANYAN_NODE=" + n.name,
		"BANYAN_LEASE=" + nodesLease.String(), "BANYAN_DURABILITY=replicated"}
	n.launch(f.t)
}

func (n *cityNode) launch(t *testing.T) {
	t.Helper()
	n.server = launch(t, n.dir, n.env...)
}

func (n *cityNode) signal(s syscall.Signal) { _ = n.server.cmd.Process.Signal(s) } // it may be gone

// links are all of a node's.
func (n *cityNode) links() []*link.Link {
	links := []*link.Link{n.peer, n.source, n.screen}
	if n.redis != nil {
		links = append(links, n.redis)
	}
	return links
}

// fillDisk has every write of the process to a file fail from now on, as on a full disk.
func (n *cityNode) fillDisk() error {
	return exec.Command("prlimit", "--fsize=0", "--pid", strconv.Itoa(n.server.cmd.Process.Pid)).Run()
}
