package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/test/link"
)

// startRedis starts a redis-server and returns its address.
func startRedis(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "")
	if err := cmd.Start(); err != nil {
		t.Fatalf("redis-server, which `make redis` installs: %v", err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	eventually(t, "redis-server answers", func() error {
		c, err := net.Dial("tcp", address)
		if err == nil {
			err = c.Close()
		}
		return err
	})
	return address
}

func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatalf("%s: not after %v: %v", what, patience, err)
}

// twoNodes are a leader and a follower, which reaches Redis and the leader over links.
type twoNodes struct {
	t                *testing.T
	east, west       *centre
	east0, west0     app.Options
	toRedis, toEast  *link.Link
	redis, westRedis string
}

func newTwoNodes(t *testing.T) *twoNodes {
	t.Helper()
	n := newEast(t)
	n.runWest()
	return n
}

// newEast is the leader alone, and what the follower is to be run with.
func newEast(t *testing.T) *twoNodes {
	t.Helper()
	redis := startRedis(t)
	n := &twoNodes{t: t, redis: "redis://" + redis + "/0", toRedis: link.New(t, redis), toEast: link.New(t, "127.0.0.1:1")}
	n.westRedis = "redis://" + n.toRedis.Addr() + "/0"
	o := options(t, t.TempDir())
	o.Redis, o.Node, o.Advertise, o.Lease = n.redis, "east", "http://"+n.toEast.Addr(), time.Second
	n.east0 = o
	n.east = run(t, o)
	n.toEast.To(n.east.app.Addr().String())
	eventually(t, "east leads", n.east.is("leader", func(s nodeStatus) bool { return s.Mirror.State == "current" }))
	keys, err := os.ReadFile(filepath.Join(o.DataDir, "keys.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	n.west0 = options(t, t.TempDir())
	n.west0.Redis, n.west0.Node, n.west0.Lease = n.westRedis, "west", time.Second
	if err := os.WriteFile(filepath.Join(n.west0.DataDir, "keys.jsonl"), keys, 0o600); err != nil {
		t.Fatal(err)
	}
	return n
}

// cli has redis-cli do something to a key of the city.
func (n *twoNodes) cli(command, key string, words ...string) string {
	n.t.Helper()
	_, port, _ := net.SplitHostPort(strings.TrimSuffix(strings.TrimPrefix(n.redis, "redis://"), "/0"))
	line := append([]string{"-p", port, command, "banyan:{" + n.west0.City.ID + "}:" + key}, words...)
	out, err := exec.Command("redis-cli", line...).CombinedOutput()
	if err != nil {
		n.t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func (n *twoNodes) runWest() {
	n.t.Helper()
	n.west = run(n.t, n.west0)
	n.west.source, n.west.officer, n.west.wal = n.east.source, n.east.officer, n.east.wal
	eventually(n.t, "west follows", n.west.is("follower", func(s nodeStatus) bool { return s.Leader != "" && s.Seq > 0 }))
}

// trim leaves the last alert in the stream.
func (n *twoNodes) trim() {
	n.t.Helper()
	var s nodeStatus
	eventually(n.t, "the mirror is current", n.east.is("leader", func(now nodeStatus) bool { s = now; return s.Mirror.State == "current" }))
	first := s.Seq - 2 // an alert of this city makes a frame of three events
	n.cli("XTRIM", "events", "MINID", fmt.Sprintf("%d-%d", s.Epoch, first))
	n.cli("HSET", "meta", "first", fmt.Sprint(first))
}

// westHas checks how many incidents west has.
func (n *twoNodes) westHas(want int) func() error {
	return func() error {
		if got := n.west.incidents(); got != want {
			return fmt.Errorf("%d incidents, want %d", got, want)
		}
		return nil
	}
}

// free says that nobody holds the lease.
func (n *twoNodes) free() error {
	if out := n.cli("GET", "lease"); strings.TrimSpace(out) != "" {
		return fmt.Errorf("the lease is held: %s", out)
	}
	return nil
}

type nodeStatus struct {
	Role, Leader string
	Epoch        uint32
	Seq          uint64
	CutOff       bool `json:"cut_off"`
	Degraded     bool
	Reason       string
	Mirror       struct{ State string }
}

// is checks what a node says of itself.
func (c *centre) is(role string, and func(nodeStatus) bool) func() error {
	return func() error {
		var s nodeStatus
		code, _, answer, err := c.send(http.MethodGet, "/api/v1/node", c.wal, nil)
		if err == nil {
			err = json.Unmarshal(answer, &s)
		}
		select {
		case err := <-c.ended:
			c.ended = nil
			c.tb.Fatalf("ended: %v", err)
		default:
		}
		if err != nil || code != http.StatusOK || s.Role != role || !and(s) {
			return fmt.Errorf("%w %d %s", err, code, answer)
		}
		return nil
	}
}

// incidents returns how many there are.
func (c *centre) incidents() int {
	c.tb.Helper()
	var list struct{ Incidents []struct{ ID string } }
	c.must(http.StatusOK, http.MethodGet, "/api/v1/incidents?limit=100", c.wal, "", &list)
	return len(list.Incidents)
}

// TestCutOff cuts a follower off from Redis and from the leader: it takes alerts all the same, says so, and hands
// them over when it is heard again; then it follows.
func TestCutOff(t *testing.T) {
	t.Parallel()
	n := newTwoNodes(t)
	n.west.post(1) // passed on
	n.toRedis.Set(link.Cut)
	eventually(t, "without Redis what changes the city is still passed on", func() error {
		code, _, answer, err := n.west.send(http.MethodPost, "/api/v1/alerts", n.west.source, strings.NewReader(alert(2)))
		if code != http.StatusAccepted {
			return fmt.Errorf("%w %d %s", err, code, answer)
		}
		return nil
	})
	if got := n.east.incidents(); got != 2 {
		t.Fatalf("%d incidents", got)
	}
	time.Sleep(2 * n.west0.Lease) // it does not lead as long as it hears the leader
	if err := n.west.is("follower", func(s nodeStatus) bool { return !s.CutOff })(); err != nil {
		t.Fatal(err)
	}

	n.toEast.Set(link.Cut)
	eventually(t, "west goes on alone", n.west.is("leader", func(s nodeStatus) bool { return s.CutOff && s.Degraded }))
	for i := range 20 {
		n.west.post(10 + i)
		n.east.post(50 + i)
	}

	n.toEast.Set(link.Open)
	n.toRedis.Set(link.Open)
	err := <-n.west.ended
	n.west.ended = nil
	if !app.Deposed(err) {
		t.Fatalf("west ended with %v", err)
	}
	told := filepath.Join(n.west0.DataDir, "hooks", "province") // of events that only west had, too
	if err := errors.Join(os.MkdirAll(filepath.Dir(told), 0o700), os.WriteFile(told, []byte("4000000000-60"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := app.Rejoin(t.Context(), n.west0.DataDir, n.westRedis, n.west0.City.ID, n.west0.Logger); err != nil {
		t.Fatal(err)
	}
	log, err := journal.Open(filepath.Join(n.west0.DataDir, app.JournalDir), journal.Options{Logger: n.west0.Logger})
	if err != nil {
		t.Fatal(err)
	}
	last, err := log.FrameAt(log.LastSeq())
	if err := errors.Join(err, log.Close()); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(told); err != nil || string(b) != fmt.Sprintf("%d-%d", last.Epoch, last.LastSeq()) {
		t.Errorf("a target of webhooks came to %s, %v, where the journal is cut off at %d-%d", b, err, last.Epoch, last.LastSeq())
	}
	n.runWest()
	eventually(t, "east has what west took", func() error {
		if got := n.east.incidents(); got != 42 {
			return fmt.Errorf("%d incidents", got)
		}
		return nil
	})
	eventually(t, "west has it again", func() error {
		if got := n.west.incidents(); got != 42 {
			return fmt.Errorf("%d incidents", got)
		}
		return nil
	})
}

// TestConsoleOfAFollower: a console at a follower is connected to the leader, which so hears that its seat is held;
// a wall is the follower's own. When the leader stops, the console is told to connect anew, and the wall goes on.
func TestConsoleOfAFollower(t *testing.T) {
	t.Parallel()
	n := newTwoNodes(t)
	console, wall := n.west.connect(n.west.officer, false), n.west.connect(n.west.wal, false)
	for _, s := range []*screen{console, wall} {
		s.subscribe(map[string]any{"topics": []string{"wall"}})
		s.expect("snapshot")
	}
	if got := n.east.screens(); got != 1 {
		t.Errorf("%d screens at the leader", got)
	}
	if got := n.west.screens(); got != 1 {
		t.Errorf("%d screens at the follower", got)
	}
	told := console.told()
	if err := n.east.stop(); err != nil {
		t.Fatal(err)
	}
	if err := <-told; errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the console was not told")
	}
	eventually(t, "west leads", n.west.is("leader", func(s nodeStatus) bool { return !s.Degraded }))
	n.west.connect(n.west.officer, false).subscribe(map[string]any{"topics": []string{"wall"}})
	if got := n.west.screens(); got != 2 {
		t.Errorf("%d screens at the new leader", got)
	}
}

// TestFollowerBehindTheStream: what the stream has no longer comes from the leader, be the follower new or one that was
// away for long; one of another history is refused.
func TestFollowerBehindTheStream(t *testing.T) {
	t.Parallel()
	n := newEast(t)
	has, trim := n.westHas, n.trim
	for i := range 30 {
		n.east.post(i)
	}
	trim()
	n.runWest()
	eventually(t, "a new follower has all of it", has(30))
	if err := n.west.stop(); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		n.east.post(100 + i)
	}
	trim()
	n.runWest()
	eventually(t, "a follower that was away has all of it", has(60))
	n.east.post(200)
	eventually(t, "it goes on with the stream", has(61))

	// Away once more; when it comes back, who leads is lost without a word, and it learns who leads then.
	if err := n.west.stop(); err != nil {
		t.Fatal(err)
	}
	for i := range 30 {
		n.east.post(300 + i)
	}
	trim()
	if err := n.east.stop(); err != nil {
		t.Fatal(err)
	}
	n.cli("SET", "lease", `{"node":"lost","address":"http://127.0.0.1:1","token":"x"}`, "PX", "60000")
	n.west = run(t, n.west0)
	n.west.source, n.west.officer, n.west.wal = n.east.source, n.east.officer, n.east.wal
	eventually(t, "west follows who is lost", n.west.is("follower", func(s nodeStatus) bool { return s.Leader == "http://127.0.0.1:1" }))
	n.cli("DEL", "lease")
	n.east = run(t, n.east0)
	n.toEast.To(n.east.app.Addr().String())
	eventually(t, "a follower finds the next leader and has all of it", has(91))
}

// screens returns how many are connected to a node.
func (c *centre) screens() (n int) {
	c.tb.Helper()
	_, _, answer, err := c.send(http.MethodGet, "/metrics", c.officer, nil)
	if err != nil {
		c.tb.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(answer), "\nbanyan_screens ")
	if _, err := fmt.Sscan(rest, &n); err != nil {
		c.tb.Fatalf("%v: %.300s", err, answer)
	}
	return n
}

// runWestWithAGap runs west alone with the first alert of east, which took others since that the stream has no longer.
func (n *twoNodes) runWestWithAGap(others int) {
	n.t.Helper()
	n.runWest()
	n.east.post(0)
	eventually(n.t, "west has it", n.westHas(1))
	if err := n.west.stop(); err != nil {
		n.t.Fatal(err)
	}
	for i := range others {
		n.east.post(1 + i)
	}
	n.trim()
	if err := n.east.stop(); err != nil {
		n.t.Fatal(err)
	}
	n.west = run(n.t, n.west0)
	eventually(n.t, "west waits and says why", n.west.is("follower", func(s nodeStatus) bool { return s.Degraded && strings.Contains(s.Reason, "lacks events") }))
}

// TestGapAndNobodyLeads starts the node first that lacks what the stream no longer has: it waits, says why, and leaves the
// lead to the one that has it.
func TestGapAndNobodyLeads(t *testing.T) {
	t.Parallel()
	n := newEast(t)
	n.runWestWithAGap(20)
	if err := n.free(); err != nil {
		t.Fatal(err)
	}
	n.west.source, n.west.wal = n.east.source, n.east.wal
	n.east = run(t, n.east0)
	n.toEast.To(n.east.app.Addr().String())
	eventually(t, "the node that has it leads", n.east.is("leader", func(nodeStatus) bool { return true }))
	eventually(t, "west fills up", n.westHas(21))
	n.west.post(100)
	eventually(t, "and takes what comes then", n.westHas(22))
	if err := n.west.stop(); err != nil {
		t.Fatal(err)
	}

	// One that never followed leads alone while Redis is away. When it is back, it keeps what it took, and does not keep the
	// lead from the node whose history Redis has.
	for i := range 20 {
		n.east.post(200 + i)
	}
	n.trim()
	if err := n.east.stop(); err != nil {
		t.Fatal(err)
	}
	n.toRedis.Set(link.Cut)
	if err := os.Remove(filepath.Join(n.west0.DataDir, "role")); err != nil {
		t.Fatal(err)
	}
	n.west = run(t, n.west0)
	n.west.post(300)
	n.toRedis.Set(link.Open)
	eventually(t, "west goes on alone", n.west.is("leader", func(s nodeStatus) bool { return s.Degraded && strings.Contains(s.Reason, "another history") }))
	eventually(t, "and leaves the lease", n.free)
	n.west.post(301)
	n.east = run(t, n.east0)
	eventually(t, "the node that has it leads again", n.east.is("leader", func(s nodeStatus) bool { return s.Mirror.State == "current" }))
	if err := <-n.west.ended; !app.Deposed(err) {
		t.Errorf("west ended: %v", err)
	}
	n.west.ended = nil
}

// TestGapForGood: where no node has what Redis has no longer, forgetting the stream has the one that is left lead.
func TestGapForGood(t *testing.T) {
	t.Parallel()
	n := newEast(t)
	n.runWestWithAGap(2)
	n.cli("DEL", "events")
	n.cli("DEL", "meta")
	eventually(t, "west leads", n.west.is("leader", func(s nodeStatus) bool { return s.Mirror.State == "current" && !s.Degraded }))
	n.west.post(3)
	if got := n.west.incidents(); got != 2 {
		t.Errorf("%d incidents, want 2", got)
	}
}
