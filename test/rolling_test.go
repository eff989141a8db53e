package test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/redisstore"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// oldNodes is the commit of the first program that could be one of several nodes: what a city is upgraded from.
const oldNodes = "003b8caf6e8aef7bc2a753b854f6658f510e10a4"

// release is a program and the configuration of the city that goes with it: an older one does not know newer keys.
type release struct{ program, city string }

// oldRelease builds what the running city still has.
func oldRelease(t *testing.T) release {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "banyan-old")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "git", "-C", root, "archive", "-o", filepath.Join(dir, "old.tar"), oldNodes, "go.mod", "go.sum", "cmd", "pkg", "dispatch", "geo", "dashboards", "configs/fuzhou").CombinedOutput(); err != nil {
		if shallow, err := exec.CommandContext(ctx, "git", "-C", root, "rev-parse", "--is-shallow-repository").Output(); err != nil || strings.TrimSpace(string(shallow)) != "false" {
			t.Skipf("the history of the repository is absent, so there is no older program to upgrade from: %v", err)
		}
		t.Fatalf("git archive: %v: %s", err, out)
	}
	if out, err := exec.CommandContext(ctx, "tar", "-x", "-f", filepath.Join(dir, "old.tar"), "-C", dir).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v: %s", err, out)
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "./cmd/banyan")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("the older program: %v: %s", err, out)
	}
	return release{program, filepath.Join(dir, "configs/fuzhou")}
}

// TestRollingUpgrade takes a city of two nodes from an older program to this one while alerts come to both nodes: the
// follower first, then the leader, each stopped in order and started with the new program. The city began on a journal
// and a snapshot of the release before there were nodes. Nothing that was answered with 202 is lost or doubled.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel() // it waits more than it works
	old, current := oldRelease(t), release{binary, cityDir}
	f := &nodeFaults{t: t, seed: 1, redis: startRedis(t), promised: map[[2]string]string{}, tokens: map[string]string{}, done: make(chan struct{})}
	east, west := &cityNode{name: "east", dir: unpackOld(t)}, &cityNode{name: "west", dir: t.TempDir()}
	f.nodes = []*cityNode{east, west}
	for _, n := range f.nodes {
		n.port = openPort(t)
		n.face = &server{url: "http://127.0.0.1:" + n.port, client: &http.Client{Timeout: impatience, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
		t.Cleanup(n.face.client.CloseIdleConnections)
	}
	reader := must(t)(newKeys(east.dir).seat("commander"))
	f.keys() // all of them to both
	for _, n := range f.nodes {
		f.launchAs(old, n)
		n.server.ready(t)
	}
	if leader := f.settled(false); leader != east {
		t.Fatalf("%s leads a city whose journal %s has", leader.name, east.name)
	}
	var working sync.WaitGroup
	for i := range 2 {
		w := f.worker(fmt.Sprintf("w%d", i), "fire-119")
		working.Go(func() { w.work((*cityWorker).single) })
	}
	f.takeover(time.Now()) // it works

	for _, r := range []release{current, old, current} { // until an upgraded node has led, the way back is open
		f.stopInOrder(west)
		if r == old { // it cannot read what the newer one wrote as a shortcut, and the journal has everything
			removeSnapshots(t, west)
		}
		f.launchAs(r, west)
		if leader := f.settled(false); leader != east {
			t.Errorf("%s leads after the follower was changed", leader.name)
		}
		f.takeover(time.Now())
	}

	began := time.Now()
	f.stopInOrder(east)
	t.Logf("the leader was stopped; the next alert was accepted %v after that began", f.takeover(began.Add(20*time.Millisecond)))
	f.launchAs(current, east)
	if leader := f.settled(false); leader != west {
		t.Errorf("%s leads after both are upgraded", leader.name)
	}
	f.takeover(time.Now())
	close(f.done)
	working.Wait()
	f.settled(true)
	for _, n := range f.nodes {
		compareOld(t, n.face, reader, true)
	}
	f.stopInOrder(east)
	f.stopInOrder(west)
	t.Logf("%d alerts accepted", len(f.promised))
	f.check()
	f.downgrade(west)
}

// removeSnapshots is what docs/operation.md has an operator do who goes back to an older program.
func removeSnapshots(t *testing.T, n *cityNode) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(n.dir, app.JournalDir, "*.snap"))
	if err != nil || len(found) == 0 {
		t.Fatalf("%d snapshots: %v", len(found), err)
	}
	for _, path := range found {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func (f *nodeFaults) launchAs(r release, n *cityNode) {
	f.t.Helper()
	n.server = launchProgram(f.t, r.program, r.city, n.dir, "BANYAN_LISTEN=127.0.0.1:"+n.port, "BANYAN_REDIS=redis://127.0.0.1:"+f.redis.port+"/0",
		"BANYAN_NODE="+n.name, "BANYAN_LEASE="+nodesLease.String(), "BANYAN_DURABILITY=replicated")
}

// stopInOrder is what systemctl stop does; a node that does not end well is an error.
func (f *nodeFaults) stopInOrder(n *cityNode) {
	f.t.Helper()
	_ = n.server.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-n.server.gone:
	case <-time.After(patience):
		f.t.Fatalf("%s does not stop\n%s", n.name, n.server.said())
	}
	if n.server.err != nil {
		f.t.Fatalf("%s stopped with %v\n%s", n.name, n.server.err, n.server.said())
	}
}

// downgrade starts this program where a newer one has been, in Redis and in the journal. It must say so and end:
// going on would be going on from a false picture.
func (f *nodeFaults) downgrade(n *cityNode) {
	dir := filepath.Join(n.dir, app.JournalDir)
	log, err := journal.Open(dir, journal.Options{})
	if err != nil {
		f.t.Fatal(err)
	}
	last := log.LastSeq()
	newest, err := log.FrameAt(last)
	if err := errors.Join(err, log.Close()); err != nil {
		f.t.Fatal(err)
	}
	record, err := sequencer.DecodeRecord(newest.Payload)
	if err != nil {
		f.t.Fatal(err)
	}
	event := fmt.Sprintf(`{"seq":%d,"at":%q,"type":"of.a.later.day","what":1}`, last+1, time.Now().UTC().Format(time.RFC3339Nano))
	names, id := redisstore.NamesOf("fuzhou"), redisstore.ID{Epoch: newest.Epoch + 1, Seq: last + 1}
	command, err := json.Marshal(record.Command)
	if err != nil {
		f.t.Fatal(err)
	}
	f.redis.must("SET", names.Lease(), `{"node":"later","address":"http://127.0.0.1:1","token":"x"}`)
	f.redis.must("HSET", names.Meta(), "schema", fmt.Sprint(redisstore.Schema+1))
	f.refuses(n, "the keys were written by a newer Banyan")
	f.redis.must("HSET", names.Meta(), "schema", fmt.Sprint(redisstore.Schema))
	f.redis.must("XADD", names.Events(), id.String(), "event", event, "command", string(command), "digest", record.Digest, "engine", fmt.Sprint(dispatch.EngineVersion+1), "count", "1")
	f.refuses(n, "a newer Banyan decided this")
	f.redis.must("DEL", names.Lease())
	f.refuses(n, "a newer Banyan decided this") // nor does it lead where nobody does
	if held := f.redis.must("EXISTS", names.Lease()); strings.TrimSpace(held) != "0" {
		f.t.Errorf("a node that cannot read the city keeps the lease")
	}
	if log, err = journal.Open(dir, journal.Options{}); err != nil {
		f.t.Fatal(err)
	}
	later, err := json.Marshal(sequencer.Record{Engine: dispatch.EngineVersion + 1, Digest: record.Digest, Command: record.Command, Events: []json.RawMessage{json.RawMessage(event)}})
	if err == nil {
		err = log.Append([]journal.Frame{{Seq: id.Seq, Epoch: id.Epoch, Count: 1, Payload: later}})
	}
	if err := errors.Join(err, log.Close()); err != nil {
		f.t.Fatal(err)
	}
	f.refuses(n, "a newer Banyan decided this")
	if said, errs, err := banyan(f.t, "journal", "verify", "--data", n.dir); err == nil || !strings.Contains(errs, "a newer Banyan decided this") {
		f.t.Errorf("journal verify: %v\n%s%s", err, said, errs)
	}
}

// refuses starts a node that must end by itself and say why.
func (f *nodeFaults) refuses(n *cityNode, why string) {
	f.t.Helper()
	f.launchAs(release{binary, cityDir}, n)
	select {
	case <-n.server.gone:
	case <-time.After(patience):
		f.t.Fatalf("%s goes on; want: %s\n%s", n.name, why, n.server.said())
	}
	if n.server.err == nil || !strings.Contains(n.server.said(), why) {
		f.t.Errorf("%s ended with %v, and not because %s:\n%s", n.name, n.server.err, why, n.server.said())
	}
}

// must is cli with an answer.
func (r *redisServer) must(args ...string) string {
	r.t.Helper()
	out, err := exec.Command("redis-cli", append([]string{"-p", r.port}, args...)...).CombinedOutput()
	if err != nil || strings.Contains(string(out), "ERR") {
		r.t.Fatalf("redis-cli %v: %v %s", args, err, out)
	}
	return string(out)
}
