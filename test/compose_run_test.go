package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// composed is what compose.yaml describes, run as plain processes of this machine: every command is the one that stands
// there, with hosts, ports and paths put in their local places. What containers do beyond that (users, read-only
// roots, networks) is not tried here.
type composed struct {
	*composition
	t       *testing.T
	dir     string            // of all their files
	address map[string]string // host:port of a service → of this machine
	running map[string]*exec.Cmd
}

// programs are what the images run that do not name their program in the command.
var programs = map[string]string{"prometheus": "prometheus", "alertmanager": "prometheus-alertmanager"}

// TestComposeRuns starts the whole of compose.yaml but Grafana, which no package of this machine brings: prepare.sh makes the secrets, Sentinels watch two Redis servers, two
// nodes and a gateway serve, Prometheus and Alertmanager watch them. Then the primary Redis is killed, and the node that leads stopped.
func TestComposeRuns(t *testing.T) {
	t.Parallel() // it waits more than it works
	for _, program := range []string{"redis-server", "redis-sentinel", "prometheus", "prometheus-alertmanager"} {
		needs(t, program)
	}
	c := &composed{composition: readComposition(t), t: t, dir: t.TempDir(), address: map[string]string{}, running: map[string]*exec.Cmd{}}
	for name, ports := range listens {
		for _, port := range ports {
			c.address[name+":"+port] = freePort(t)
		}
	}
	c.prepare()
	for _, group := range [][]string{{"redis-1"}, {"redis-2"}, {"sentinel-1", "sentinel-2", "sentinel-3"}} {
		for _, name := range group {
			c.start(name)
			eventually(t, name+" answers", func() bool { return strings.Contains(c.redis(name, "ping"), "PONG") })
		}
	}
	eventually(t, "the Sentinels know the replica and each other", func() bool {
		said := c.redis("sentinel-1", "sentinel", "master", "city")
		return strings.Contains(said, "num-slaves\n1\n") && strings.Contains(said, "num-other-sentinels\n2\n")
	})
	for _, name := range []string{"east", "west", "gateway", "prometheus", "alertmanager"} {
		c.start(name)
	}
	keys := newKeys(c.local("east", "/var/lib/banyan-access"))
	source, wall := must(t)(keys.source("fire-119")), must(t)(keys.of(wallKey))
	for _, name := range []string{"east", "west", "gateway"} {
		eventually(t, name+" is well", func() bool { return c.healthy(name) })
	}
	leader := c.leader(wall)
	c.post("gateway", source, "through the gateway")
	eventually(t, "Prometheus reaches everybody and tells Alertmanager", func() bool { return c.watched() })

	c.stop("redis-1", syscall.SIGKILL)
	c.post(leader, source, "while no Redis is the primary")
	eventually(t, "the second Redis is the primary and has everything", func() bool {
		return strings.Contains(c.redis("redis-2", "role"), "master") && c.leader(wall) == leader
	})

	c.stop(leader, syscall.SIGTERM)
	other := map[string]string{"east": "west", "west": "east"}[leader]
	if now := c.leader(wall); now != other {
		t.Errorf("%s leads after %s was stopped", now, leader)
	}
	c.post("gateway", source, "under the other leader")
	for _, node := range []string{other, "gateway"} {
		eventually(t, "all that was accepted is shown by "+node, func() bool {
			_, b, err := c.face(node).do(http.MethodGet, "/api/v1/incidents", wall, "", "")
			var page struct {
				Incidents []struct {
					AlertCount int `json:"alert_count"`
				}
			}
			alerts := 0
			if err != nil || json.Unmarshal(b, &page) != nil {
				return false
			}
			for _, i := range page.Incidents {
				alerts += i.AlertCount
			}
			return alerts == 3
		})
	}
}

// prepare runs prepare.sh with a Compose that builds nothing and runs this program in the place of a container.
func (c *composed) prepare() {
	c.t.Helper()
	here := filepath.Join(c.dir, "compose")
	if err := os.CopyFS(here, os.DirFS(composeDir)); err != nil {
		c.t.Fatal(err)
	}
	program, err := filepath.Abs(binary)
	if err != nil {
		c.t.Fatal(err)
	}
	stub := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = build ] && exit\nwhile [ \"$1\" != east ]; do shift; done; shift\nexec %s $(echo \"$@\" | sed 's#/var/lib/banyan-access#%s#')\n",
		program, c.local("east", "/var/lib/banyan-access"))
	if err := os.WriteFile(filepath.Join(c.dir, "stub"), []byte(stub), 0o700); err != nil {
		c.t.Fatal(err)
	}
	var before []byte
	for range 2 { // the second time it changes nothing
		cmd := exec.CommandContext(c.t.Context(), "./prepare.sh")
		cmd.Dir, cmd.Env = here, environment("COMPOSE="+filepath.Join(c.dir, "stub"))
		if out, err := cmd.CombinedOutput(); err != nil {
			c.t.Fatalf("prepare.sh: %v\n%s", err, out)
		}
		var now []byte
		for name := range c.Secrets {
			b, err := os.ReadFile(filepath.Join(here, "secrets", name))
			if err != nil || len(bytes.TrimSpace(b)) < 20 {
				c.t.Fatalf("secret %s: %q %v", name, b, err)
			}
		}
		for _, name := range []string{"redis_auth", "gateway_key"} {
			b, _ := os.ReadFile(filepath.Join(here, "secrets", name))
			now = append(now, b...)
		}
		if before != nil && !bytes.Equal(before, now) {
			c.t.Error("prepare.sh made other secrets the second time")
		}
		before = now
	}
	if info, err := os.Stat(filepath.Join(here, "secrets")); err != nil || info.Mode().Perm() != 0o700 {
		c.t.Errorf("others on this machine may read the secrets: %v %v", info.Mode(), err)
	}
}

// local returns where on this machine the path of a service lies.
func (c *composed) local(name, path string) string {
	return filepath.Join(c.dir, "root", c.owner(name, path), filepath.FromSlash(path))
}

// owner is whose folder a path lies in: a volume's, which several may have, or the service's own.
func (c *composed) owner(name, path string) string {
	for _, m := range c.Services[name].mounts(c.t) {
		if m.volume != "" && (path == m.to || strings.HasPrefix(path, m.to+"/")) {
			return "volume-" + m.volume
		}
	}
	return name
}

// localise puts hosts and ports of a text of a service in their local places.
func (c *composed) localise(name, text string) string {
	text = strings.NewReplacer("announce-ip 10.87.0.11", "announce-ip 127.0.0.1", "announce-ip 10.87.0.12", "announce-ip 127.0.0.1",
		"10.87.0.11 6379", "redis-1 6379", "10.87.0.12 6379", "redis-2 6379").Replace(text)
	text = regexp.MustCompile(`\b([a-z][a-z0-9-]*)([: ])(\d{4,5})\b`).ReplaceAllStringFunc(text, func(s string) string {
		i := strings.IndexAny(s, ": ")
		if a, ok := c.address[s[:i]+":"+s[i+1:]]; ok {
			return strings.Replace(a, ":", s[i:i+1], 1)
		}
		if a, ok := c.address[name+":"+s[i+1:]]; ok && s[:i] == "port" {
			return "port " + a[strings.Index(a, ":")+1:]
		}
		return s
	})
	for _, port := range listens[name] {
		a := c.address[name+":"+port]
		text = regexp.MustCompile(`(^|[= ]|\b127\.0\.0\.1):`+port+`\b`).ReplaceAllStringFunc(text, func(s string) string {
			return strings.TrimSuffix(s[:strings.Index(s, ":")], "127.0.0.1") + a
		})
		text = strings.ReplaceAll(text, "/127.0.0.1/"+port, "/"+strings.Replace(a, ":", "/", 1))
	}
	return strings.NewReplacer("bind * -::*", "bind 127.0.0.1",
		"http://outside.invalid:8099", "http://127.0.0.1:9", "interval: 15s", "interval: 1s").Replace(text)
}

// paths puts the paths of a service's command in their local places.
func (c *composed) paths(name, text string) string {
	places := []string{"/run/secrets", "/data"}
	for _, m := range c.Services[name].mounts(c.t) {
		places = append(places, m.to)
	}
	slices.SortFunc(places, func(a, b string) int { return len(b) - len(a) })
	var change []string
	for _, p := range slices.Compact(places) {
		change = append(change, p, c.local(name, p))
	}
	return strings.NewReplacer(change...).Replace(text)
}

// start lays out the files of a service and starts its command.
func (c *composed) start(name string) {
	c.t.Helper()
	s := c.Services[name]
	for _, m := range s.mounts(c.t) {
		if m.volume != "" {
			c.check(os.MkdirAll(c.local(name, m.to), 0o750))
			continue
		}
		c.layOut(name, m.from, c.local(name, m.to))
	}
	for _, secret := range s.Secrets {
		c.layOut(name, filepath.Join(c.dir, "compose/secrets", secret), c.local(name, "/run/secrets/"+secret))
	}
	var args []string
	if p := programs[name]; p != "" {
		args = append(args, p)
	} else if s.isBanyan() {
		args = append(args, binary)
	}
	for _, w := range s.Command {
		args = append(args, c.paths(name, c.localise(name, strings.ReplaceAll(w, "$$", "$"))))
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = environment()
	for k, v := range s.Environment {
		if k == "BANYAN_PROXIES" {
			v = "127.0.0.1/32"
		}
		cmd.Env = append(cmd.Env, k+"="+c.localise(name, v))
	}
	log := new(lockedBuffer)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	c.running[name] = cmd
	c.t.Cleanup(func() {
		if c.running[name] == cmd {
			c.stop(name, syscall.SIGKILL)
		}
		if c.t.Failed() {
			said := log.String()
			c.t.Logf("%s %v said:\n%s", name, args, said[max(0, len(said)-3000):])
		}
	})
}

// layOut copies a file or folder with its addresses made local; what belongs to a city has none.
func (c *composed) layOut(name, from, to string) {
	c.t.Helper()
	c.check(filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !strings.Contains(from, "configs/fuzhou") {
			b = []byte(c.paths(name, c.localise(name, string(b))))
		}
		place := filepath.Join(to, rel)
		if err := os.MkdirAll(filepath.Dir(place), 0o750); err != nil {
			return err
		}
		return os.WriteFile(place, b, 0o600)
	}))
}

func (c *composed) check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *composed) stop(name string, how syscall.Signal) {
	cmd := c.running[name]
	delete(c.running, name)
	_ = cmd.Process.Signal(how)
	_ = cmd.Wait()
}

// redis asks a Redis or a Sentinel, with the password.
func (c *composed) redis(name string, words ...string) string {
	port := c.address[name+":"+listens[name][0]]
	cmd := exec.Command("redis-cli", append([]string{"-p", port[strings.Index(port, ":")+1:]}, words...)...)
	if strings.HasPrefix(name, "redis") {
		b, _ := os.ReadFile(filepath.Join(c.dir, "compose/secrets/redis_auth"))
		cmd.Env = append(os.Environ(), "REDISCLI_AUTH="+strings.Fields(string(b))[1])
	}
	out, _ := cmd.CombinedOutput()
	return string(out)
}

// healthy runs the health check of a service of this program as it stands in compose.yaml.
func (c *composed) healthy(name string) bool {
	words := slices.Clone(c.Services[name].Healthcheck.Test[1:])
	for i, w := range words {
		words[i] = c.localise(name, strings.ReplaceAll(w, "$$", "$"))
	}
	return exec.CommandContext(c.t.Context(), words[0], words[1:]...).Run() == nil
}

func (c *composed) face(name string) *server {
	return &server{url: "http://" + c.address[name+":8080"], client: &http.Client{Timeout: 5 * time.Second}}
}

// leader waits until a node leads with Redis in step, and returns its name.
func (c *composed) leader(wall string) (leader string) {
	c.t.Helper()
	eventually(c.t, "a node leads", func() bool {
		for _, name := range []string{"east", "west"} {
			if c.running[name] == nil {
				continue
			}
			_, b, err := c.face(name).do(http.MethodGet, "/api/v1/node", wall, "", "")
			var s nodeStatus
			if err == nil && json.Unmarshal(b, &s) == nil && s.Role == "leader" && s.Mirror.State == "current" && !s.Degraded {
				leader = name
				return true
			}
		}
		return false
	})
	return leader
}

// post has an alert accepted, however often it must be sent.
func (c *composed) post(to, source, id string) {
	c.t.Helper()
	body := fmt.Sprintf(`{"id":%q,"type":"fire.building","occurred_at":%q,"location":{"lon":119.2965,"lat":26.0745}}`, id, time.Now().UTC().Format(time.RFC3339))
	var last string
	eventually(c.t, "an alert "+id+" is accepted", func() bool {
		code, b, err := c.face(to).do(http.MethodPost, "/api/v1/alerts", source, "application/json", body)
		if now := fmt.Sprintf("%d %.200s %v", code, b, err); now != last {
			last = now
			c.t.Log(id, now)
		}
		return code == http.StatusAccepted
	})
}

// watched reports whether Prometheus reaches all that it is to watch, and has somebody to tell.
func (c *composed) watched() bool {
	var targets struct {
		Data struct{ ActiveTargets []struct{ Health string } }
	}
	var tell struct {
		Data struct{ ActiveAlertmanagers []struct{ URL string } }
	}
	for path, v := range map[string]any{"targets": &targets, "alertmanagers": &tell} {
		resp, err := http.Get("http://" + c.address["prometheus:9090"] + "/api/v1/" + path)
		if err != nil {
			return false
		}
		err = json.NewDecoder(resp.Body).Decode(v)
		resp.Body.Close()
		if err != nil {
			return false
		}
	}
	up := 0
	for _, t := range targets.Data.ActiveTargets {
		if t.Health == "up" {
			up++
		}
	}
	return up == 5 && len(tell.Data.ActiveAlertmanagers) == 1 // two nodes, a gateway, and themselves
}
