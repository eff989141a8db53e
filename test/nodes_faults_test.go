package test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/banyan-ecc/banyan/test/link"
)

// nodeFault is something that happens to a city, and is over when does returns, but for links, which are opened again
// behind it. does returns how long nothing was accepted, 0 where that is of no interest.
type nodeFault struct {
	name    string
	does    func(f *nodeFaults, leader, follower *cityNode) time.Duration
	unseats bool // another node may lead afterwards
	parts   bool // a node may decide alone meanwhile
}

// cityFaults are those of two nodes with one Redis.
var cityFaults = []nodeFault{
	{name: "leader killed", does: killLeader, unseats: true},
	{name: "leader frozen past its lease", does: freezeLeader, unseats: true},
	{name: "follower killed", does: killFollower},
	{name: "follower frozen", does: func(f *nodeFaults, _, follower *cityNode) time.Duration {
		follower.signal(syscall.SIGSTOP)
		f.hold()
		follower.signal(syscall.SIGCONT)
		return 0
	}},
	{name: "redis killed", does: func(f *nodeFaults, _, _ *cityNode) time.Duration {
		began := time.Now()
		f.redis.kill()
		f.takeover(began.Add(20 * time.Millisecond)) // the leader goes on alone
		f.redis.start()
		return 0
	}},
	{name: "redis frozen", does: func(f *nodeFaults, _, _ *cityNode) time.Duration {
		f.redis.signal(syscall.SIGSTOP)
		f.hold()
		f.takeover(time.Now())
		f.redis.signal(syscall.SIGCONT)
		return 0
	}, unseats: true},
	{name: "redis emptied", does: func(f *nodeFaults, _, _ *cityNode) time.Duration {
		f.redis.cli("FLUSHALL")
		return 0
	}},
	{name: "redis read only", does: func(f *nodeFaults, _, _ *cityNode) time.Duration {
		f.redis.cli("REPLICAOF", "127.0.0.1", "1") // nobody listens there
		f.hold()
		f.takeover(time.Now())
		f.redis.cli("REPLICAOF", "NO", "ONE")
		return 0
	}, unseats: true},
	{name: "redis out of memory", does: func(f *nodeFaults, _, _ *cityNode) time.Duration {
		f.redis.cli("CONFIG", "SET", "maxmemory", "1")
		f.hold()
		f.takeover(time.Now())
		f.redis.cli("CONFIG", "SET", "maxmemory", "0")
		return 0
	}, unseats: true},
	{name: "redis loads an old dump", does: loadOldDump, unseats: true},
	{name: "leader and redis killed", does: func(f *nodeFaults, leader, _ *cityNode) time.Duration {
		leader.server.kill()
		f.redis.kill()
		f.redis.start()
		leader.launch(f.t)
		return 0
	}, unseats: true},
	{name: "link leader–redis", does: func(f *nodeFaults, leader, _ *cityNode) time.Duration { return f.part(leader.redis) }, unseats: true},
	{name: "link follower–redis", does: func(f *nodeFaults, _, follower *cityNode) time.Duration { return f.part(follower.redis) }},
	{name: "link follower–leader", does: func(f *nodeFaults, leader, _ *cityNode) time.Duration { return f.part(leader.peer) }},
	{name: "links follower–all", does: func(f *nodeFaults, leader, follower *cityNode) time.Duration {
		return f.part(follower.redis, leader.peer)
	}, parts: true},
	{name: "links leader–all", does: func(f *nodeFaults, leader, follower *cityNode) time.Duration {
		return f.part(leader.redis, leader.peer, follower.peer)
	}, unseats: true},
	{name: "link sources–leader", does: func(f *nodeFaults, leader, _ *cityNode) time.Duration { return f.part(leader.source) }},
	{name: "link sources–follower", does: func(f *nodeFaults, _, follower *cityNode) time.Duration { return f.part(follower.source) }},
	{name: "link screens–leader", does: func(f *nodeFaults, leader, _ *cityNode) time.Duration { return f.part(leader.screen) }},
	{name: "link screens–follower", does: func(f *nodeFaults, _, follower *cityNode) time.Duration { return f.part(follower.screen) }},
	{name: "leader's disk full", does: func(f *nodeFaults, leader, _ *cityNode) time.Duration {
		took := f.fill(leader)
		f.hold()
		leader.server.kill() // whoever mends the disk starts it again
		leader.launch(f.t)
		return took
	}, unseats: true},
	{name: "follower's disk full", does: func(f *nodeFaults, leader, follower *cityNode) time.Duration {
		f.fill(follower)
		f.hold()
		follower.server.kill()
		follower.launch(f.t)
		return 0
	}},
	{name: "follower's disk full, leader killed", does: func(f *nodeFaults, leader, follower *cityNode) time.Duration {
		f.fill(follower)
		leader.server.kill()
		time.Sleep(2 * nodesLease) // nobody can lead
		leader.launch(f.t)
		f.takeover(time.Now())
		follower.server.kill()
		follower.launch(f.t)
		return 0
	}, unseats: true},
}

// hold lets a fault last for a while, half of the time past the lease.
func (f *nodeFaults) hold() {
	time.Sleep(100*time.Millisecond + time.Duration(f.rng.Int64N(int64(2*nodesLease))))
}

// part has links fail in one of the ways that links fail, for a while.
func (f *nodeFaults) part(links ...*link.Link) time.Duration {
	state := []link.State{link.Cut, link.Hole, link.Deaf, link.Mute, link.Slow}[f.rng.IntN(5)]
	f.note("   %s", state)
	f.schedule[len(f.schedule)-2] += ": " + f.schedule[len(f.schedule)-1]
	f.schedule = f.schedule[:len(f.schedule)-1]
	for _, k := range links {
		k.Set(state)
	}
	f.hold()
	f.takeover(time.Now())
	return 0
}

// underWay is how long an answer that was given may be on its way to a client that waits for its turn; a lease is longer.
const underWay = nodesLease / 4

func killLeader(f *nodeFaults, leader, _ *cityNode) time.Duration {
	killed := time.Now()
	leader.server.kill()
	took := f.takeover(killed.Add(underWay)) + underWay
	leader.launch(f.t)
	return took
}

func killFollower(f *nodeFaults, _, follower *cityNode) time.Duration {
	follower.server.kill()
	f.takeover(time.Now())
	follower.launch(f.t)
	return 0
}

func freezeLeader(f *nodeFaults, leader, _ *cityNode) time.Duration {
	stopped := time.Now()
	leader.signal(syscall.SIGSTOP)
	took := f.takeover(stopped.Add(underWay)) + underWay
	time.Sleep(nodesLease) // past the lease: what is tried
	leader.signal(syscall.SIGCONT)
	return took
}

// fill has a node's disk be full, and returns how long nothing was accepted.
func (f *nodeFaults) fill(n *cityNode) time.Duration {
	began := time.Now()
	if err := n.fillDisk(); err != nil {
		f.t.Errorf("prlimit: %v", err)
	}
	return f.takeover(began.Add(20 * time.Millisecond))
}

// loadOldDump has Redis come back with what it had a while ago, answering LOADING for a second before it does.
func loadOldDump(f *nodeFaults, _, _ *cityNode) time.Duration {
	f.redis.cli("SAVE")
	time.Sleep(200 * time.Millisecond) // which the dump lacks
	keys, _ := strconv.Atoi(f.redis.cli("DBSIZE"))
	f.redis.kill()
	f.redis.start("--key-load-delay", strconv.Itoa(int(time.Second/time.Microsecond)/max(keys, 1)), "--loading-process-events-interval-bytes", "1024")
	f.takeover(time.Now())
	f.redis.says("persistence", "loading:0")
	if err := os.Remove(filepath.Join(f.redis.dir, "dump.rdb")); err != nil { // or the next start would load it
		f.t.Errorf("the dump: %v", err)
	}
	return 0
}

// sentinelFaults are those of two nodes with a Redis that Sentinel looks after.
var sentinelFaults = []nodeFault{
	{name: "master killed, its replica lacks the last", does: func(f *nodeFaults, _, _ *cityNode) time.Duration {
		master, replica := f.loseTail((*redisServer).kill)
		master.start("--replicaof", "127.0.0.1 "+replica.port)
		f.sentinel.settled(f.t)
		return 0
	}, unseats: true},
	{name: "master frozen until its replica, which lacks the last, leads", does: func(f *nodeFaults, _, _ *cityNode) time.Duration {
		master, replica := f.loseTail(func(r *redisServer) { r.signal(syscall.SIGSTOP) })
		master.signal(syscall.SIGCONT) // it takes itself for the master until Sentinel tells it
		f.hold()
		master.cli("REPLICAOF", "127.0.0.1", replica.port) // as Sentinel would do after ten seconds
		f.sentinel.settled(f.t)
		return 0
	}, unseats: true},
	{name: "leader and master killed, the replica lacks the last", does: func(f *nodeFaults, leader, _ *cityNode) time.Duration {
		master, replica := f.loseTail(func(r *redisServer) {
			leader.server.kill()
			r.kill()
		})
		master.start("--replicaof", "127.0.0.1 "+replica.port)
		f.hold()
		leader.launch(f.t)
		f.sentinel.settled(f.t)
		return 0
	}, unseats: true},
	{name: "leader killed", does: killLeader, unseats: true},
}

// loseTail has the replica promoted without the last that the master had.
func (f *nodeFaults) loseTail(lose func(master *redisServer)) (master, replica *redisServer) {
	master, replica = f.sentinel.parts()
	replica.cli("REPLICAOF", "127.0.0.1", "1") // nobody listens there
	time.Sleep(200 * time.Millisecond)         // which it lacks
	lose(master)
	eventually(f.t, "Sentinel promotes the replica", func() bool { return strings.HasPrefix(replica.cli("ROLE"), "master") })
	return master, replica
}
