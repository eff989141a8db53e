package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestKeyAddPrintsOnlyTheToken(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	for _, args := range [][]string{{"--role", "source", "--source", "fire-119"}, {"--role", "wall", "--name", "hall"}, {"--role", "officer", "--seat", "fire-1", "--name", "陈志强"}} {
		r := banyan(t, append([]string{"key", "add", "--data", data}, args...)...)
		token := strings.TrimSuffix(r.out, "\n")
		if r.code != 0 || r.err != "" || !strings.HasPrefix(token, "bk_") || len(token) < 40 || strings.ContainsAny(token, " \n") {
			t.Errorf("%v: %+v", args, r)
		}
		held, err := os.ReadFile(filepath.Join(data, "keys.jsonl"))
		if err != nil || bytes.Contains(held, []byte(token[3:])) {
			t.Errorf("the file holds the token: %v\n%s", err, held)
		}
	}
	if info, err := os.Stat(filepath.Join(data, "keys.jsonl")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: others may read it", info.Mode(), err)
	}
	for _, args := range [][]string{{}, {"--role", "king"}, {"--role", "source"}, {"--role", "wall"}, {"--role", "officer"}, {"--role", "wall", "--name", "x", "--seat", "fire-1"}} {
		if r := banyan(t, append([]string{"key", "add", "--data", data}, args...)...); r.code != 1 || r.out != "" || !strings.HasPrefix(r.err, "banyan: ") {
			t.Errorf("%v: %+v", args, r)
		}
	}
	if r := banyan(t, "key", "list", "--data", data); r.code != 0 || strings.Count(r.out, "good") != 3 || strings.Contains(r.out, "bk_") {
		t.Errorf("%+v", r)
	}
}

// TestKeysOfARunningServer: a key works as soon as it is made, and no longer soon after it is revoked.
func TestKeysOfARunningServer(t *testing.T) {
	data := t.TempDir()
	s := serve(t, nil, "serve", "--city", testCity, "--data", data, "--listen", "127.0.0.1:0")
	if status, _ := s.request("GET", "/api/v1/city", "bk_none", ""); status != http.StatusUnauthorized {
		t.Errorf("an unknown key: %d", status)
	}
	source, wall := key(t, data, "--role", "source", "--source", "fire-119"), key(t, data, "--role", "wall", "--name", "hall")
	if status, answer := s.request("POST", "/api/v1/alerts", source, alertBody("1")); status != http.StatusAccepted {
		t.Fatalf("a new key: %d %s", status, answer)
	}
	list := banyan(t, "key", "list", "--data", data).out
	id := ""
	for _, line := range strings.Split(list, "\n") {
		if strings.Contains(line, "fire-119") {
			id, _, _ = strings.Cut(line, " ")
		}
	}
	if r := banyan(t, "key", "revoke", "--data", data, id); r.code != 0 || id == "" {
		t.Fatalf("key %q of\n%s: %+v", id, list, r)
	}
	revoked := time.Now()
	for {
		status, answer := s.request("POST", "/api/v1/alerts", source, alertBody("2"))
		if status == http.StatusUnauthorized {
			break
		}
		if took := time.Since(revoked); took > 5*time.Second {
			t.Fatalf("revoked %v ago, and still: %d %s", took, status, answer)
		}
	}
	if status, _ := s.request("GET", "/api/v1/incidents", wall, ""); status != http.StatusOK {
		t.Errorf("another key: %d", status)
	}
	if r := banyan(t, "key", "revoke", "--data", data, "nobody"); r.code != 1 || !strings.Contains(r.err, "nobody") {
		t.Errorf("%+v", r)
	}
	if code := s.stop(); code != 0 {
		t.Errorf("exit %d after an orderly stop\n%s", code, s.said())
	}
}

// freePort returns an address that nobody listens on.
func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestSettings: a flag weighs more than a variable, that more than the file, that more than the default.
func TestSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "banyan.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inFile, inEnv, inFlag := freePort(t), freePort(t), freePort(t)
	write("city: " + testCity + "\nlisten: " + inFile + "\ndata: " + t.TempDir() + "\nlog: {format: text}\nsnapshot: {every_events: 10}\n")
	for want, how := range map[string]struct{ env, args []string }{
		inFile: {nil, nil},
		inEnv:  {[]string{"BANYAN_LISTEN=" + inEnv}, nil},
		inFlag: {[]string{"BANYAN_LISTEN=" + inEnv}, []string{"--listen", inFlag}},
	} {
		s := serve(t, how.env, append([]string{"serve", "--config", file}, how.args...)...)
		if s.url != "http://"+want {
			t.Errorf("%v: serves at %s, want %s", how, s.url, want)
		}
		if code := s.stop(); code != 0 {
			t.Errorf("exit %d\n%s", code, s.said())
		}
	}
	for text, told := range map[string]string{
		"listn: :1":                 "listn",
		"log: {levle: info}":        "levle",
		"log: {level: loud}":        "loud",
		"log: {format: xml}":        "xml",
		"snapshot: often":           "snapshot",
		"shutdown: {timeout: soon}": "timeout",
		"city: [":                   "settings file",
		"city: /nowhere":            "/nowhere",
	} {
		write(text)
		r := banyan(t, "serve", "--config", file, "--listen", "127.0.0.1:0", "--data", t.TempDir())
		if r.code != 1 || !strings.Contains(r.err, told) || strings.Contains(r.err, "msg=serving") {
			t.Errorf("%q: exit %d, %s", text, r.code, r.err)
		}
	}
	if r := banyan(t, "serve", "--config", file+".gone"); r.code != 1 || !strings.Contains(r.err, "settings file") {
		t.Errorf("%+v", r)
	}
}

// TestSettingsFileThatComesAlong: the file in configs is good, and says what the defaults are.
func TestSettingsFileThatComesAlong(t *testing.T) {
	s := serve(t, nil, "serve", "--config", repository+"/configs/banyan.yaml", "--city", testCity, "--data", t.TempDir(), "--listen", "127.0.0.1:0")
	if code := s.stop(); code != 0 {
		t.Errorf("exit %d\n%s", code, s.said())
	}
}

// TestLogIsJSON: every line a server says, for machines that read it.
func TestLogIsJSON(t *testing.T) {
	address := freePort(t)
	taken, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := banyan(t, "serve", "--city", testCity, "--data", t.TempDir(), "--listen", address, "--log-format", "json")
	lines := strings.Split(strings.TrimSpace(r.err), "\n")
	for _, line := range lines[:len(lines)-1] {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	if last := lines[len(lines)-1]; r.code != 1 || len(lines) < 2 || !strings.HasPrefix(last, "banyan: ") || !strings.Contains(last, address) {
		t.Errorf("a port in use: exit %d\n%s", r.code, r.err)
	}
}
