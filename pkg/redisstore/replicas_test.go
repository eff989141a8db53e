package redisstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"time"
)

// TestReplicas has answers wait for a replica, freezes it and lets it go on: answers wait, events do not.
func TestReplicas(t *testing.T) {
	first := startRedis(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(first.addr)
	second := startRedis(t, "--replicaof", host, port)
	n := newNode(t, t.TempDir(), first.url(), func(o *Options) { o.Replicas = 1 })
	await := func(d time.Duration) error {
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		return n.mirror.Await(ctx, n.log.LastSeq())
	}
	n.alert()
	if err := await(patience); err != nil {
		t.Fatal(err)
	}
	if got, want := second.cli("XLEN", NamesOf("fuzhou").Events()), first.cli("XLEN", NamesOf("fuzhou").Events()); got != want || got == "0" {
		t.Fatalf("the replica had %s events of %s when it was answered", got, want)
	}
	if s := n.mirror.Status(); s.Replicas != 1 {
		t.Fatalf("%+v", s)
	}

	_ = second.cmd.Process.Signal(syscall.SIGSTOP)
	n.alert()
	n.current()
	if err := await(200 * time.Millisecond); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("answered without the replica: %v", err)
	}
	eventually(t, "the replica is missed", func() error {
		if s := n.mirror.Status(); s.Replicas != 0 || s.Phase != Current || s.LagEvents != 0 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	_ = second.cmd.Process.Signal(syscall.SIGCONT)
	if err := await(patience); err != nil {
		t.Fatal(err)
	}
}

// TestReplicasOfARedisThatLostEvents has Redis lose what its replica had: that is not answered for any more.
func TestReplicasOfARedisThatLostEvents(t *testing.T) {
	first := startRedis(t, "--repl-diskless-sync-delay", "0")
	host, port, _ := net.SplitHostPort(first.addr)
	second := startRedis(t, "--replicaof", host, port)
	n := newNode(t, t.TempDir(), first.url(), func(o *Options) { o.Replicas = 1 })
	n.alert()
	if err := n.mirror.Await(t.Context(), n.log.LastSeq()); err != nil {
		t.Fatal(err)
	}
	_ = second.cmd.Process.Signal(syscall.SIGSTOP)
	first.cli("FLUSHALL")
	n.alert()
	eventually(t, "repaired", func() error {
		if s := n.mirror.Status(); s.Repairs == 0 || s.LagEvents != 0 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	if n.mirror.has() >= n.log.LastSeq() {
		t.Fatalf("counted as replicated: %d", n.mirror.has())
	}
	_ = second.cmd.Process.Signal(syscall.SIGCONT)
	if err := n.mirror.Await(t.Context(), n.log.LastSeq()); err != nil {
		t.Fatal(err)
	}
}
