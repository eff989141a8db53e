package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Every service is a process of its own, so that its memory is its own and it has the driver's company on the
// same terms as the others. Libraries run in this program called with --child.

const (
	startTimeout = 30 * time.Second
	stopTimeout  = 20 * time.Second
	tailBytes    = 4 << 10 // of what a process said, for the error
)

// process is a service's.
type process struct {
	cmd  *exec.Cmd
	said tail
	done chan struct{}
	err  error
}

// tail keeps the last of what is written.
type tail struct {
	mu sync.Mutex
	b  string
}

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b += line
	t.b = t.b[max(0, len(t.b)-tailBytes):]
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b
}

// launch starts a process and, if says is not nil, waits until a line of its output matches; it returns the match.
func launch(says *regexp.Regexp, name string, args ...string) (*process, []string, error) {
	return launchAs(nil, says, name, args...)
}

// launchAs is launch as another user.
func launchAs(as *syscall.Credential, says *regexp.Regexp, name string, args ...string) (*process, []string, error) {
	p := &process{cmd: exec.CommandContext(context.Background(), name, args...), done: make(chan struct{})}
	// The driver's end is theirs, however it comes.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Credential: as}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		_ = w.Close()
		_ = r.Close()
		return nil, nil, err
	}
	_ = w.Close()
	matched := make(chan []string, 1)
	go func() {
		defer close(p.done)
		lines := bufio.NewReader(r)
		for err := error(nil); err == nil; {
			var line string
			line, err = lines.ReadString('\n')
			p.said.add(line)
			if says == nil {
				continue
			}
			if m := says.FindStringSubmatch(line); m != nil {
				select {
				case matched <- m:
				default:
				}
			}
		}
		_ = r.Close()
		p.err = p.cmd.Wait()
	}()
	if says == nil {
		return p, nil, nil
	}
	select {
	case m := <-matched:
		return p, m, nil
	case <-p.done:
		return nil, nil, fmt.Errorf("%s ended: %w: %s", name, errors.Join(p.err, io.EOF), &p.said)
	case <-time.After(startTimeout):
		p.stop()
		return nil, nil, fmt.Errorf("%s does not say that it is ready: %s", name, &p.said)
	}
}

// stop asks the process to end and waits; one that does not is killed.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// resident is the memory that the process holds, in bytes.
func (p *process) resident() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("no VmRSS in /proc/PID/status")
}

// ticks is how long the process has had a processor.
func (p *process) ticks() time.Duration {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * 10 * time.Millisecond // 100 ticks a second, as Linux tells everybody
}

// child runs a library as a service, prints where it is and stays until it is killed.
func child(name string) error {
	start, ok := map[string]func() (url string, err error){"floor": serveFloor, "loop": serveLoop, "centrifuge": serveCentrifuge, "nats": serveNATS}[name]
	if !ok {
		return fmt.Errorf("no child %q", name)
	}
	where, err := start()
	if err != nil {
		return err
	}
	fmt.Println("ready at " + where)
	select {}
}

var readyAt = regexp.MustCompile(`^ready at (.*)\n$`)

// launchChild starts this program again as a service.
func launchChild(name string) (*process, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	p, m, err := launch(readyAt, self, "--child", name)
	if err != nil {
		return nil, "", err
	}
	return p, m[1], nil
}

// lookup finds a user of the system.
func lookup(name string) (*syscall.Credential, error) {
	u, err := user.Lookup(name)
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, err
}
