package main

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
)

// asCommand makes this test binary be the command itself, in a process of its own.
const asCommand = "BANYAN_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// Where the repository and a small city lie.
const (
	repository = "../.."
	testCity   = repository + "/pkg/api/testdata/city"
	patience   = 30 * time.Second
)

// command returns the command as a process yet to be started, with the settings of env and no others.
func command(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	clean := slices.DeleteFunc(os.Environ(), func(s string) bool { return strings.HasPrefix(s, "BANYAN_") })
	cmd.Env = append(append(clean, asCommand+"=1"), env...)
	return cmd
}

// result is how a command ended.
type result struct {
	out, err string
	code     int
}

func banyan(t *testing.T, args ...string) result {
	t.Helper()
	var out, errs strings.Builder
	cmd := command(t, nil, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// service is a command that serves.
type service struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	out  strings.Builder // until it has ended
	gone chan struct{}

	mu  sync.Mutex
	log []string
}

var servingLine = regexp.MustCompile(`msg=serving .*address=(\S+)`)

// serve starts a command that serves and waits until it does.
func serve(t *testing.T, env []string, args ...string) *service {
	t.Helper()
	s := &service{t: t, cmd: command(t, env, args...), gone: make(chan struct{})}
	s.cmd.Stdout = &s.out
	stderr, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it may have ended
		<-s.gone
	})
	serving := make(chan string, 1)
	go s.follow(stderr, serving)
	select {
	case address := <-serving:
		s.url = "http://" + address
	case <-s.gone:
		t.Fatalf("it ended before it served:\n%s", s.said())
	case <-time.After(patience):
		t.Fatalf("it does not serve:\n%s", s.said())
	}
	return s
}

// follow keeps the log and says where it serves.
func (s *service) follow(stderr io.Reader, serving chan<- string) {
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if m := servingLine.FindStringSubmatch(lines.Text()); m != nil {
			serving <- m[1]
		}
		s.mu.Lock()
		s.log = append(s.log, lines.Text())
		s.mu.Unlock()
	}
	_ = s.cmd.Wait() // the exit code tells
	close(s.gone)
}

func (s *service) said() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, "\n")
}

// stop asks it to stop and returns its exit code.
func (s *service) stop() int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	<-s.gone
	return s.cmd.ProcessState.ExitCode()
}

// request sends one request and returns status and answer.
func (s *service) request(method, path, token, body string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatalf("%v\n%s", err, s.said())
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// key makes a key as an operator would.
func key(t *testing.T, data string, args ...string) string {
	t.Helper()
	r := banyan(t, append([]string{"key", "add", "--data", data}, args...)...)
	if r.code != 0 {
		t.Fatalf("%+v", r)
	}
	return strings.TrimSpace(r.out)
}

func alertBody(id string) string {
	return fmt.Sprintf(`{"id":%q,"type":"fire.vehicle","occurred_at":"2026-05-01T08:30:00+08:00","location":{"lon":119.25,"lat":26.05}}`, id)
}

// cityCopy returns a copy of a city's folder, to be broken.
func cityCopy(t *testing.T, city string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "city")
	if err := os.CopyFS(dir, os.DirFS(city)); err != nil {
		t.Fatal(err)
	}
	return dir
}
