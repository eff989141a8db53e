package test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Settings of the crash test.
const (
	crashRounds   = 50 // BANYAN_CRASH_ROUNDS overrides
	auditEvery    = 10 // rounds between two readings of the whole journal
	earlyShare    = 6  // one round in so many is killed while it starts
	startedWithin = 400 * time.Millisecond
	killedWithin  = 350 * time.Millisecond
	recheck       = 60 // alerts of earlier rounds asked for again in each round

	// Small, so that most rounds write snapshots and most starts read one and a tail.
	snapshotEvery = "BANYAN_SNAPSHOT_EVERY_EVENTS=150"
)

// crash is the state of a crash test across the lives of the server.
type crash struct {
	t      *testing.T
	dir    string
	city   *plan.City
	keys   *keys
	ledger *ledger
	shown  shown
	seed   uint64

	alerts, deeds int // checked so far
	early         int // rounds killed during the start
	snapshots     int // audits that began from one
}

// TestKill9 kills a working server again and again at random moments. Whatever it had answered with success is
// there after the next start: each alert exactly once and with the same answer, each action done.
func TestKill9(t *testing.T) {
	city, err := app.ReadCity(cityDir)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "data")
	c := &crash{t: t, dir: dir, city: city, keys: newKeys(dir), ledger: newLedger(), shown: shown{events: map[uint64]string{}},
		seed: setting(t, "BANYAN_CRASH_SEED", uint64(time.Now().UnixNano()))}
	rounds := int(setting(t, "BANYAN_CRASH_ROUNDS", crashRounds))
	t.Logf("repeat with BANYAN_CRASH_SEED=%d BANYAN_CRASH_ROUNDS=%d; moments depend on the machine all the same", c.seed, rounds)
	for round := 1; round <= rounds && !t.Failed(); round++ {
		c.live(round)
		if round%auditEvery == 0 || round == rounds {
			c.audit()
		}
	}
	if t.Failed() {
		return
	}
	c.finish()
	alerts, deeds, refused := c.ledger.size()
	t.Logf("%d rounds, %d of them killed during the start: %d alerts, %d actions, %d actions refused, %s", rounds, c.early, alerts, deeds, refused, c.watched())
	if alerts < rounds || deeds < rounds || len(c.shown.events) < rounds || c.snapshots == 0 {
		t.Errorf("%d alerts, %d actions, %s and %d snapshots in %d rounds: the test has tested too little", alerts, deeds, c.watched(), c.snapshots, rounds)
	}
}

func setting(t *testing.T, name string, otherwise uint64) uint64 {
	s := os.Getenv(name)
	if s == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// live is one life of the server: start, check, work, kill.
func (c *crash) live(round int) {
	rng := rand.New(rand.NewPCG(c.seed, uint64(round)))
	s := launch(c.t, c.dir, snapshotEvery)
	defer func() {
		s.kill()
		if c.t.Failed() {
			c.t.Logf("round %d; the server said:\n%s", round, s.said())
		}
	}()
	if rng.IntN(earlyShare) == 0 {
		c.early++
		select {
		case <-time.After(time.Duration(rng.Int64N(int64(startedWithin)))): // the moment of the kill
		case <-s.gone:
			c.t.Errorf("the server ended by itself: %v", s.err)
		}
		return
	}
	s.ready(c.t)
	c.check(s, rng)
	if c.t.Failed() {
		return
	}
	var working sync.WaitGroup
	for i, source := range []string{"fire-119", "police-110"} {
		w := c.worker(s, round, i)
		working.Go(func() { w.post(source) })
	}
	batch := c.worker(s, round, 2)
	working.Go(func() { batch.postBatches("hotline-12345") })
	for i := 3; i < 6; i++ {
		w := c.worker(s, round, i)
		working.Go(w.act)
	}
	screen := c.worker(s, round, 6)
	working.Go(screen.watch)
	if round%auditEvery == 0 { // beside the server that writes
		working.Go(func() { c.verify() })
	}
	<-time.After(time.Duration(rng.Int64N(int64(killedWithin)))) // the moment of the kill
	s.kill()
	working.Wait()
}

// finish lets the last server answer for everything, and stop as told.
func (c *crash) finish() {
	s := launch(c.t, c.dir, snapshotEvery)
	s.ready(c.t)
	c.alerts, c.deeds = 0, 0
	c.check(s, rand.New(rand.NewPCG(c.seed, 0)))
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		c.t.Fatal(err)
	}
	<-s.gone
	if s.err != nil {
		c.t.Errorf("told to stop, the server ended with %v\n%s", s.err, s.said())
	}
	c.audit()
}
