// Package test drives the banyan binary from outside: real processes, real sockets, real files.
package test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/auth"
)

// root is the folder of the repository, and cityDir that of the city served.
const (
	root    = ".."
	cityDir = root + "/configs/fuzhou"
)

// patience is how long a test waits for something that must happen.
const patience = 60 * time.Second

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "banyan-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "banyan")
	// Without -race: a start takes four times as long with it, and the crash test is made of starts.
	build := exec.Command("go", "build", "-o", binary, "./cmd/banyan")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %v\n%s", build, err, out)
		return 1
	}
	return m.Run()
}

// banyan runs a command of the binary to its end.
func banyan(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr, cmd.Env = &out, &errs, environment()
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// environment is this process's without settings of a server, and with extra.
func environment(extra ...string) []string {
	env := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "BANYAN_") })
	return append(env, extra...)
}

// maxLogLines bounds what a server under test says that is kept for a failure's report.
const maxLogLines = 200

// server is a running `banyan serve`.
type server struct {
	cmd     *exec.Cmd
	url     string
	client  *http.Client
	serving chan string   // its address, once
	gone    chan struct{} // closed when the process has ended
	err     error         // how it ended, after gone

	mu  sync.Mutex
	log []string
}

// launch starts a server over a data folder and does not wait for it.
func launch(t *testing.T, dir string, env ...string) *server {
	t.Helper()
	return launchCity(t, cityDir, dir, env...)
}

// launchCity is launch with another city.
func launchCity(t *testing.T, city, dir string, env ...string) *server {
	t.Helper()
	return launchProgram(t, binary, city, dir, env...)
}

// launchProgram is launchCity with another program, such as that of a release before this one.
func launchProgram(t *testing.T, program, city, dir string, env ...string) *server {
	t.Helper()
	s := &server{serving: make(chan string, 1), gone: make(chan struct{}),
		client: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	s.cmd = exec.Command(program, "serve", "--city", city, "--data", dir)
	s.cmd.Env = environment(append([]string{"BANYAN_LISTEN=127.0.0.1:0"}, env...)...)
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go s.follow(stderr)
	t.Cleanup(s.kill)
	return s
}

var servingLine = regexp.MustCompile(`msg=serving .*address=(\S+)`)

// follow keeps the log until the process ends.
func (s *server) follow(stderr io.Reader) {
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if m := servingLine.FindStringSubmatch(lines.Text()); m != nil {
			select {
			case s.serving <- m[1]:
			default: // a node that began again
			}
		}
		s.mu.Lock()
		s.log = append(s.log, lines.Text())
		s.log = s.log[max(0, len(s.log)-maxLogLines):]
		s.mu.Unlock()
	}
	s.err = s.cmd.Wait()
	close(s.gone)
}

// said returns the last lines of the log.
func (s *server) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, "\n")
}

// ready waits until the server serves.
func (s *server) ready(t *testing.T) {
	t.Helper()
	select {
	case addr := <-s.serving:
		s.url = "http://" + addr
	case <-s.gone:
		t.Fatalf("the server ended before it served: %v\n%s", s.err, s.said())
	case <-time.After(patience):
		t.Fatalf("the server does not serve after %v\n%s", patience, s.said())
	}
}

// kill is kill -9, and waits for the end.
func (s *server) kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.gone
	s.client.CloseIdleConnections()
}

// do sends one request and returns the whole answer.
func (s *server) do(method, path, token, kind, body string) (status int, answer []byte, err error) {
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// keys makes the keys of a data folder as they are asked for.
type keys struct {
	dir string
	mu  sync.Mutex
	by  map[auth.Key]string
}

func newKeys(dir string) *keys { return &keys{dir: dir, by: map[auth.Key]string{}} }

func (k *keys) of(key auth.Key) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if token, ok := k.by[key]; ok {
		return token, nil
	}
	token, err := auth.Add(k.dir, key)
	k.by[key] = token
	return token, err
}

func (k *keys) source(id string) (string, error) {
	return k.of(auth.Key{Role: auth.RoleSource, Source: id})
}

func (k *keys) seat(id string) (string, error) {
	return k.of(auth.Key{Role: auth.RoleOfficer, Seat: id, Name: "officer of " + id})
}
