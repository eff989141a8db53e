package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/bench"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Bounds of a cluster that is measured.
const (
	clusterStart = 5 * time.Minute // for each process to be ready
	clusterStop  = 20 * time.Second
	maxSaid      = 2 << 10 // bytes of the logs that an error repeats
)

// cluster is a redis-server, a node and gateways that were started.
type cluster struct {
	dir, logs string
	processes []*exec.Cmd // in the order they were started
}

// openCluster starts a city of processes of this program, with folders below dir.
func openCluster(ctx context.Context, dir, city string, sources []*plan.Source, gateways int) (b *bench.Cluster, err error) {
	c := &cluster{}
	if c.dir, err = os.MkdirTemp(dir, "cluster-"); err != nil {
		return nil, err
	}
	c.logs = filepath.Join(c.dir, "logs")
	defer func() {
		if err != nil {
			err = errors.Join(err, c.stop())
		}
	}()
	b = &bench.Cluster{Stop: c.stop}
	if b.SourceTokens, err = sourceKeys(c.dir, sources); err != nil {
		return nil, err
	}
	if b.WallToken, err = auth.Add(c.dir, auth.Key{Role: auth.RoleWall, Name: "bench"}); err != nil {
		return nil, err
	}
	key, err := auth.Add(c.dir, auth.Key{Role: auth.RoleGateway, Name: "bench"})
	if err != nil {
		return nil, err
	}
	keyFile := filepath.Join(c.dir, "gateway.key")
	if err := os.WriteFile(keyFile, []byte(key), 0o600); err != nil {
		return nil, err
	}
	redis, err := freeAddress()
	if err != nil {
		return nil, err
	}
	_, port, _ := net.SplitHostPort(redis)
	if err := c.start(ctx, "redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", c.dir, "--save", ""); err != nil {
		return nil, fmt.Errorf("%w; apt-get install redis-server", err)
	}
	serve := []string{"serve", "--city", city, "--redis", "redis://" + redis + "/0", "--log-level", "error"}
	if b.Node, err = c.serve(ctx, append(serve, "--node", "bench", "--data", c.dir)...); err != nil {
		return nil, err
	}
	for i := range gateways {
		url, err := c.serve(ctx, append(serve, "--node", fmt.Sprintf("gateway-%d", i+1), "--role", "gateway", "--gateway-key", keyFile)...)
		if err != nil {
			return nil, err
		}
		b.Gateways = append(b.Gateways, url)
	}
	return b, nil
}

// openHouse makes a folder below dir for a centre that is started and ended again and again.
func openHouse(dir, city string, sources []*plan.Source) (h *bench.House, err error) {
	c := &cluster{}
	if c.dir, err = os.MkdirTemp(dir, "house-"); err != nil {
		return nil, err
	}
	c.logs = filepath.Join(c.dir, "logs")
	h = &bench.House{Dir: c.dir, Remove: c.stop}
	if h.SourceTokens, err = sourceKeys(c.dir, sources); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	h.Start = func(ctx context.Context) (string, error) {
		return c.serve(ctx, "serve", "--city", city, "--data", c.dir, "--log-level", "error")
	}
	h.Stop = func() error { return c.end(syscall.SIGTERM) }
	h.Kill = func() error {
		_ = c.end(syscall.SIGKILL) // says that it was killed
		return nil
	}
	h.Resident = func() int64 { return resident(c.processes[len(c.processes)-1].Process.Pid) }
	return h, nil
}

// end sends the process started last a signal and waits for its end.
func (c *cluster) end(signal syscall.Signal) error {
	n := len(c.processes) - 1
	cmd := c.processes[n]
	c.processes = c.processes[:n]
	return errors.Join(cmd.Process.Signal(signal), cmd.Wait())
}

// resident returns the memory that a process has, in bytes; 0 where the system does not say.
func resident(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	var size, pages int64
	if _, err2 := fmt.Sscan(string(b), &size, &pages); err != nil || err2 != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// serve starts this program once more as a server and waits until it is ready.
func (c *cluster) serve(ctx context.Context, args ...string) (url string, err error) {
	address, err := freeAddress()
	if err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if err := c.start(ctx, self, append(args[:len(args):len(args)], "--listen", address)...); err != nil {
		return "", err
	}
	url = "http://" + address
	for end := time.Now().Add(clusterStart); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		var answer *http.Response
		if answer, err = http.Get(url + "/readyz"); err != nil {
			continue
		}
		b, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
		_ = answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return url, nil
		}
		err = fmt.Errorf("%s: %s", answer.Status, b)
	}
	said, _ := os.ReadFile(c.logs) // of all processes
	return "", fmt.Errorf("a process is not ready after %v: %w\n%s", clusterStart, err, said[max(0, len(said)-maxSaid):])
}

func (c *cluster) start(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	logs, err := os.OpenFile(c.logs, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	cmd.WaitDelay, cmd.Stderr = clusterStop, logs
	if err := errors.Join(cmd.Start(), logs.Close()); err != nil {
		return err
	}
	c.processes = append(c.processes, cmd)
	return nil
}

// stop ends the processes, the last first, and removes their folders.
func (c *cluster) stop() error {
	var errs []error
	for i := len(c.processes) - 1; i >= 0; i-- {
		cmd := c.processes[i]
		late := time.AfterFunc(clusterStop, func() { _ = cmd.Process.Kill() })
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		if err := cmd.Wait(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", filepath.Base(cmd.Path), err))
		}
		late.Stop()
	}
	return errors.Join(append(errs, os.RemoveAll(c.dir))...)
}

// freeAddress returns an address nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
