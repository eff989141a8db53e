package test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/test/link"
)

var (
	nodesSeed  = flag.Uint64("nodes.seed", 0, "seed of the faults of TestNodes; 0: of the clock")
	nodesFor   = flag.Duration("nodes.for", 45*time.Second, "how long TestNodes goes on")
	nodesKills = flag.Int("nodes.kills", 0, "kill the leader so many times and nothing else, and print how long the city was without one")
	nodesFault = flag.String("nodes.fault", "", "only faults whose name holds this")
)

// nodesLease is short, so that many takeovers fit into a test.
const nodesLease = time.Second

// takeoverWithin is what is promised of a takeover: the lease, the quarter of it that a follower waits to be sure that
// it is free, the wait between two looks, and a second to do it in.
const takeoverWithin = nodesLease + nodesLease/4 + 100*time.Millisecond + time.Second

// nodeFaults is a city of two nodes under load and faults, and what an observer outside knows of it.
type nodeFaults struct {
	t        *testing.T
	seed     uint64
	rng      *rand.Rand
	redis    *redisServer
	sentinel *sentinel // nil: Redis is reached at its address
	nodes    []*cityNode
	screens  []*cityScreen
	duels    *duels

	wall   string
	tokens map[string]string // by source and seat
	tasks  chan knownTask    // for officers
	done   chan struct{}     // no more load

	mu       sync.Mutex
	promised map[[2]string]string // (source, id) → incident, of every 202
	deeds    []deed               // answered with 200
	last     time.Time            // of a 202

	schedule []string // the faults so far
	aside    int      // journals that deposed nodes put aside
}

type nodeStatus struct {
	Role   string
	Epoch  uint32
	Seq    uint64
	Mirror struct {
		State  string
		Lag    uint64 `json:"lag_events"`
		Reason string
	}
	Degraded bool
	Reason   string
}

func (f *nodeFaults) status(n *cityNode) (s nodeStatus, err error) {
	code, answer, err := n.face.do(http.MethodGet, "/api/v1/node", f.wall, "", "")
	if err != nil || code != http.StatusOK {
		return s, fmt.Errorf("%s: %d %s %w", n.name, code, answer, err)
	}
	return s, json.Unmarshal(answer, &s)
}

// settled waits until one node leads, the other follows, Redis has everything and, if asked for, nothing differs.
func (f *nodeFaults) settled(equal bool) (leader *cityNode) {
	f.t.Helper()
	leader, _ = f.standing(equal)
	return leader
}

// standing is settled, and says under which epoch the leader leads.
func (f *nodeFaults) standing(equal bool) (leader *cityNode, epoch uint32) {
	f.t.Helper()
	var found string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var roles []string
		var all []nodeStatus
		for _, n := range f.nodes {
			select {
			case <-n.server.gone:
				f.t.Fatalf("%s ended by itself: %v\n%s", n.name, n.server.err, n.server.said())
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
		if found = fmt.Sprintf("%+v", all); equal && (all[0].Seq != all[1].Seq || f.handing()) {
			continue
		}
		if s, err := f.status(leader); err == nil && s.Mirror.State == "current" && !s.Degraded {
			return leader, s.Epoch
		}
	}
	f.t.Fatalf("the nodes do not settle: %s", found)
	return nil, 0
}

// handing reports whether a node has something left to hand over.
func (f *nodeFaults) handing() bool {
	return slices.ContainsFunc(f.nodes, func(n *cityNode) bool {
		_, err := os.Stat(filepath.Join(n.dir, "handed.jsonl"))
		return !errors.Is(err, os.ErrNotExist)
	})
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
	f.t.Errorf("nothing was accepted for %v", patience)
	return 0
}

// newNodeFaults starts a city of two nodes.
func newNodeFaults(t *testing.T, withSentinel bool, durability string) *nodeFaults {
	f := &nodeFaults{t: t, seed: *nodesSeed, promised: map[[2]string]string{}, tokens: map[string]string{}, tasks: make(chan knownTask, 512), done: make(chan struct{})}
	if f.seed == 0 {
		f.seed = uint64(time.Now().UnixNano())
	}
	f.rng = rand.New(rand.NewPCG(f.seed, 1))
	t.Cleanup(f.report)
	f.redis = startRedis(t)
	url := ""
	if withSentinel {
		f.sentinel = startSentinel(t, f.redis)
		url = f.sentinel.url()
	}
	for _, name := range []string{"east", "west"} {
		f.nodes = append(f.nodes, newCityNode(t, name, f.redis, url, durability))
	}
	f.keys()
	for _, n := range f.nodes {
		n.launch(t)
		n.server.ready(t)
		f.screens = append(f.screens, &cityScreen{f: f, node: n})
	}
	f.duels = &duels{f: f, began: time.Now()}
	f.settled(false)
	return f
}

// report says what a failure is to be understood from.
func (f *nodeFaults) report() {
	if !f.t.Failed() {
		return
	}
	for _, n := range f.nodes {
		if n.server != nil { // it was started
			f.t.Logf("%s said\n%s", n.name, n.server.said())
		}
	}
	f.t.Logf("again with -run '%s' -nodes.seed %d; the faults were:\n%s", f.t.Name(), f.seed, strings.Join(f.schedule, "\n"))
}

// run has clients at work while faults happen, and then looks at what came of it.
func (f *nodeFaults) run(faults func()) {
	var working sync.WaitGroup
	for i, l := range loads {
		w := f.worker(fmt.Sprintf("w%d", i), l.source)
		working.Go(func() { w.work(l.send) })
	}
	for i := range 2 {
		w := f.worker(fmt.Sprintf("o%d", i), "")
		working.Go(w.officer)
	}
	for _, s := range f.screens {
		working.Go(s.run)
	}
	// Whatever goes wrong, clients end before their city does.
	defer func() {
		for _, s := range f.screens {
			s.end()
		}
		working.Wait()
	}()
	func() {
		defer close(f.done)
		faults()
		if !f.t.Failed() {
			f.settled(false)
		}
	}()
	if f.t.Failed() {
		return
	}
	f.settled(true)
	for _, s := range f.screens {
		s.converged()
	}
}

// TestNodes kills, freezes, fills, empties and parts what two nodes and their Redis are made of, at random, while
// alerts come to both. What an observer kept of the answers must be there at the end, once, and the nodes must be
// one city, the same on every screen.
func TestNodes(t *testing.T) {
	t.Parallel()
	f := newNodeFaults(t, false, "replicated")
	if *nodesKills > 0 {
		f.run(f.kills)
		return
	}
	var takeovers []time.Duration
	f.run(func() { takeovers = f.rounds(cityFaults, *nodesFor) })
	if t.Failed() {
		return
	}
	f.check()
	f.told(takeovers)
}

// TestNodesWithSentinel has Sentinel promote a replica that lacks the last of the stream.
func TestNodesWithSentinel(t *testing.T) {
	t.Parallel()
	f := newNodeFaults(t, true, "local")
	var takeovers []time.Duration
	f.run(func() { takeovers = f.rounds(sentinelFaults, *nodesFor/2) })
	if t.Failed() {
		return
	}
	f.check()
	f.told(takeovers)
}

// rounds has one fault after the other happen, in another order each time round.
func (f *nodeFaults) rounds(faults []nodeFault, long time.Duration) (takeovers []time.Duration) {
	faults = slices.DeleteFunc(slices.Clone(faults), func(x nodeFault) bool { return !strings.Contains(x.name, *nodesFault) })
	for end, round := time.Now().Add(long), 0; time.Now().Before(end) && !f.t.Failed(); round++ {
		if round%len(faults) == 0 {
			f.rng.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
		}
		takeovers = append(takeovers, f.round(round, &faults[round%len(faults)])...)
	}
	return takeovers
}

// round is one fault, and clients who contend before and, where the same node goes on leading, during it.
func (f *nodeFaults) round(n int, fault *nodeFault) []time.Duration {
	leader, epoch := f.standing(false)
	f.duels.begin(leader, n)
	time.Sleep(time.Duration(f.rng.IntN(300)) * time.Millisecond) // some load in between: any moment must do
	same := func() bool {
		is, at := f.standing(false)
		return is == leader && at == epoch
	}
	if fault.unseats {
		f.duels.end(same())
	}
	began := time.Now()
	f.note("%d: %s (leader %s)", n, fault.name, leader.name)
	follower := f.nodes[0]
	if follower == leader {
		follower = f.nodes[1]
	}
	f.duels.void = f.duels.void || fault.parts
	took := fault.does(f, leader, follower)
	for _, n := range f.nodes {
		for _, k := range n.links() {
			k.Set(link.Open)
		}
	}
	f.settled(false)
	f.note("   over after %v", time.Since(began).Round(time.Millisecond))
	if !fault.unseats {
		f.duels.end(same())
	}
	if took == 0 {
		return nil
	}
	return []time.Duration{took}
}

// note adds to the schedule of faults.
func (f *nodeFaults) note(format string, args ...any) {
	f.schedule = append(f.schedule, fmt.Sprintf(format, args...))
}

// told says how much was tried.
func (f *nodeFaults) told(takeovers []time.Duration) {
	var shown []string
	for _, s := range f.screens {
		shown = append(shown, fmt.Sprintf("%d events, %d snapshots, %d resumes", s.events, s.snapshots, s.resumed))
	}
	d := f.duels
	f.t.Logf("seed %d: %d faults, %d journals put aside; %d windows, %d in order, of %d actions and reads on tasks, %d without an answer; screens: %s", f.seed, len(f.schedule)/2, f.aside,
		d.windows, d.checked, d.ops, d.unknowns, strings.Join(shown, "; "))
	f.t.Logf("takeovers: %s", distribution(takeovers))
	if len(f.promised) == 0 || len(f.deeds) == 0 || f.screens[0].events == 0 || *nodesFault == "" && d.checked == 0 {
		f.t.Errorf("%d promises, %d deeds, %d windows with an order: too little was tried", len(f.promised), len(f.deeds), d.checked)
	}
}

// distribution describes durations, with a bar for every fifth of a second.
func distribution(all []time.Duration) string {
	if len(all) == 0 {
		return "none"
	}
	const bin = 200 * time.Millisecond
	slices.Sort(all)
	var text strings.Builder
	fmt.Fprintf(&text, "%d, p50 %v, p90 %v, max %v", len(all), all[len(all)/2].Round(time.Millisecond), all[len(all)*9/10].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond))
	for at := all[0].Truncate(bin); at <= all[len(all)-1]; at += bin {
		n := 0
		for _, d := range all {
			if d >= at && d < at+bin {
				n++
			}
		}
		fmt.Fprintf(&text, "\n%8v %3d %s", at, n, strings.Repeat("█", n))
	}
	return text.String()
}

// kills has nothing happen but the loss of the leader, many times, and times each: until another node leads, as its log
// says, and until a client is answered again.
func (f *nodeFaults) kills() {
	var led, answered []time.Duration
	for len(answered) < *nodesKills && !f.t.Failed() {
		leader := f.settled(false)
		time.Sleep(time.Duration(f.rng.IntN(500)) * time.Millisecond)
		killed := time.Now()
		took := killLeader(f, leader, nil)
		next := f.settled(false)
		f.note("killed %s, %s leads after %v, answered after %v", leader.name, next.name, next.ledAt().Sub(killed), took)
		if took > takeoverWithin {
			f.t.Errorf("%v without an answer, more than %v", took, takeoverWithin)
		}
		led, answered = append(led, next.ledAt().Sub(killed)), append(answered, took)
	}
	f.t.Logf("lease %v; another leads after: %s", nodesLease, distribution(led))
	f.t.Logf("promised within %v; answered again after: %s", takeoverWithin, distribution(answered))
	f.t.Log(strings.Join(f.schedule, "\n"))
}

// ledAt is when a node began to lead last, as its log says.
func (n *cityNode) ledAt() (at time.Time) {
	for line := range strings.Lines(n.server.said()) {
		if word, _, ok := strings.Cut(line, " "); ok && strings.Contains(line, "this node leads") {
			if t, err := time.Parse(time.RFC3339, strings.TrimPrefix(word, "time=")); err == nil {
				at = t
			}
		}
	}
	return at
}

// keys gives both nodes the same keys.
func (f *nodeFaults) keys() {
	city, err := app.ReadCity(cityDir)
	if err != nil {
		f.t.Fatal(err)
	}
	first := newKeys(f.nodes[0].dir)
	f.wall = must(f.t)(first.of(auth.Key{Role: auth.RoleWall, Name: "hall"}))
	for _, source := range []string{"fire-119", "traffic-122", "traffic", "xueliang", duelSource} {
		f.tokens[source] = must(f.t)(first.source(source))
	}
	for _, s := range city.Seats {
		f.tokens[s.ID] = must(f.t)(first.seat(s.ID))
	}
	b, err := os.ReadFile(filepath.Join(f.nodes[0].dir, "keys.jsonl"))
	if err == nil {
		err = os.WriteFile(filepath.Join(f.nodes[1].dir, "keys.jsonl"), b, 0o600)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}
