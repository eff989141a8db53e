package test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const composeDir = deployDir + "/compose"

// composition is what the tests read of compose.yaml.
type composition struct {
	Services map[string]*service
	Networks map[string]any
	Volumes  map[string]any
	Secrets  map[string]struct{ File string }
}

type service struct {
	Image       string
	User        string
	Command     []string
	Environment map[string]string
	Volumes     []string
	Ports       []string
	Secrets     []string
	Networks    any // a list, or a map with addresses
	Restart     string
	ReadOnly    bool     `yaml:"read_only"`
	CapDrop     []string `yaml:"cap_drop"`
	SecurityOpt []string `yaml:"security_opt"`
	Privileged  bool
	Healthcheck struct{ Test []string }
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
}

func readYAML(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func readComposition(t *testing.T) *composition {
	t.Helper()
	c := &composition{}
	readYAML(t, composeDir+"/compose.yaml", c)
	return c
}

// isBanyan reports whether a service runs this program.
func (s *service) isBanyan() bool { return strings.Contains(s.Image, "BANYAN_IMAGE") }

// TestCompose holds compose.yaml against itself and against what it names: every service is hardened and has a
// health check, every image says which, every file, volume, secret and host that is named exists, every flag is known.
func TestCompose(t *testing.T) {
	c := readComposition(t)
	want := []string{"alertmanager", "east", "gateway", "grafana", "prometheus", "redis-1", "redis-2", "sentinel-1", "sentinel-2", "sentinel-3", "west"}
	if got := slices.Sorted(maps.Keys(c.Services)); !slices.Equal(got, want) {
		t.Fatalf("services are %v", got)
	}
	flags, published, volumes := serveFlags(t), map[string]string{}, map[string]bool{}
	for name, s := range c.Services {
		if !s.ReadOnly || s.Privileged || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Restart != "unless-stopped" {
			t.Errorf("%s is not hardened: %+v", name, s)
		}
		if uid, _, _ := strings.Cut(s.User, ":"); uid == "" || uid == "0" || uid == "root" {
			t.Errorf("%s runs as %q", name, s.User)
		}
		if !pinned.MatchString(s.Image) && !s.isBanyan() {
			t.Errorf("%s: %s says no version", name, s.Image)
		}
		if len(s.Healthcheck.Test) < 2 {
			t.Errorf("%s: nobody asks whether it is well", name)
		}
		if s.isBanyan() {
			serves(t, name, flags, s.Command)
		}
		if n := fmt.Sprint(s.Networks); !strings.HasPrefix(n, "[city]") && !strings.HasPrefix(n, "map[city:") || c.Networks["city"] == nil {
			t.Errorf("%s is in the networks %s", name, n)
		}
		for _, secret := range s.Secrets {
			if _, ok := c.Secrets[secret]; !ok {
				t.Errorf("%s: there is no secret %s", name, secret)
			}
		}
		for on, how := range s.DependsOn {
			if c.Services[on] == nil || how.Condition != "service_healthy" {
				t.Errorf("%s depends on %s, %q", name, on, how.Condition)
			}
		}
		for _, m := range s.mounts(t) {
			if m.volume != "" {
				if _, ok := c.Volumes[m.volume]; !ok {
					t.Errorf("%s: there is no volume %s", name, m.volume)
				}
				volumes[m.volume] = true
				continue
			}
			if _, err := os.Stat(m.from); err != nil || !m.readOnly {
				t.Errorf("%s mounts %s, read-only %v: %v", name, m.from, m.readOnly, err)
			}
		}
		for _, p := range s.Ports {
			if host, ok := strings.CutPrefix(p, "127.0.0.1:"); !ok {
				t.Errorf("%s: %s is open to everybody", name, p)
			} else if host, _, _ = strings.Cut(host, ":"); published[host] != "" {
				t.Errorf("%s and %s both want port %s", name, published[host], host)
			} else {
				published[host] = name
			}
		}
		for _, path := range regexp.MustCompile(`/run/secrets/(\w+)`).FindAllStringSubmatch(fmt.Sprint(s.Command, s.Environment, s.Healthcheck.Test), -1) {
			if !slices.Contains(s.Secrets, path[1]) {
				t.Errorf("%s reads the secret %s, which it is not given", name, path[1])
			}
		}
	}
	for v := range c.Volumes {
		if !volumes[v] {
			t.Errorf("nobody uses the volume %s", v)
		}
	}
	c.checkSecrets(t)
	c.checkHosts(t)
}

// checkSecrets: what holds a secret is made by prepare.sh in a folder that git leaves alone.
func (c *composition) checkSecrets(t *testing.T) {
	prepare, err := os.ReadFile(composeDir + "/prepare.sh")
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range c.Secrets {
		if s.File != "./secrets/"+name || !strings.Contains(string(prepare), "keep "+name+"\n") {
			t.Errorf("secret %s is %s: prepare.sh does not make it", name, s.File)
		}
	}
	for _, path := range repository(t) {
		if strings.HasPrefix(path, "deploy/compose/secrets") {
			t.Errorf("%s is in the repository", path)
		}
	}
}

// listens is where a service of an image takes connections when nothing else is said.
var listens = map[string][]string{"redis-1": {"6379"}, "redis-2": {"6379"}, "sentinel-1": {"26379"}, "sentinel-2": {"26379"}, "sentinel-3": {"26379"},
	"east": {"8080", "9464"}, "west": {"8080", "9464"}, "gateway": {"8080", "9464"}, "prometheus": {"9090"}, "alertmanager": {"9093"}, "grafana": {"3000"}}

// checkHosts: who is named with a port, in whatever file, is a service that listens there.
func (c *composition) checkHosts(t *testing.T) {
	for name, s := range c.Services {
		for _, w := range s.Command {
			if _, port, ok := strings.Cut(w, ":"); ok && strings.HasPrefix(w, ":") && !slices.Contains(listens[name], port) {
				t.Errorf("%s listens on %s, and others do not know", name, w)
			}
		}
		for _, p := range s.Ports {
			if port := p[strings.LastIndex(p, ":")+1:]; !slices.Contains(listens[name], port) {
				t.Errorf("%s publishes %s, where it does not listen", name, p)
			}
		}
	}
	seen := map[string]bool{}
	for _, file := range []string{"compose.yaml", "prepare.sh", "alertmanager.yaml", "grafana-datasource.yaml", "targets/banyan.yaml", "targets/alertmanager.yaml", "redis/sentinel.conf"} {
		b, err := os.ReadFile(filepath.Join(composeDir, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\b([a-z][a-z0-9-]*)[: ](\d{4,5})\b`).FindAllStringSubmatch(string(b), -1) {
			if s := c.Services[m[1]]; s != nil {
				seen[m[1]] = true
				if !slices.Contains(listens[m[1]], m[2]) {
					t.Errorf("%s: %s does not listen on %s", file, m[1], m[2])
				}
			}
		}
	}
	for _, name := range []string{"east", "west", "gateway", "sentinel-1", "sentinel-2", "sentinel-3", "prometheus", "alertmanager"} {
		if !seen[name] {
			t.Errorf("nobody names %s", name)
		}
	}
}

// mount is a folder or file that a service sees at another place.
type mount struct {
	from, volume, to string // from: a path of this machine, or volume
	readOnly         bool
}

func (s *service) mounts(t *testing.T) (all []mount) {
	t.Helper()
	for _, v := range s.Volumes {
		parts := strings.Split(v, ":")
		if len(parts) < 2 || len(parts) > 3 {
			t.Fatalf("volume %s", v)
		}
		m := mount{to: parts[1], readOnly: len(parts) == 3 && parts[2] == "ro"}
		if strings.HasPrefix(parts[0], ".") {
			m.from = filepath.Join(composeDir, parts[0])
		} else {
			m.volume = parts[0]
		}
		all = append(all, m)
	}
	return all
}

// TestComposeVariants: files that compose has of its own because an address differs are otherwise those of configs.
func TestComposeVariants(t *testing.T) {
	receiver := func(host string) string {
		return "      - url: http://" + host + ":8080/api/v1/alertmanager\n        send_resolved: true\n        http_config:\n          authorization:\n" +
			"            # the token of: banyan key add --role source --source alertmanager\n            credentials_file: "
	}
	for file, v := range map[string]struct {
		of, head string
		change   []string
	}{
		"alertmanager.yaml": {prometheusDir + "/alertmanager.yaml", "# configs/prometheus/alertmanager.yaml with the addresses of compose.yaml.\n", []string{
			receiver("127.0.0.1") + "/etc/banyan/alertmanager.token\n",
			"      # Both nodes are told: whichever is well takes it, and the second report of a breach is a repeat.\n" +
				receiver("east") + "/run/secrets/alertmanager_token\n" + receiver("west") + "/run/secrets/alertmanager_token\n",
			"http://127.0.0.1:8099/", "http://outside.invalid:8099/"}},
		"grafana-datasource.yaml": {root + "/dashboards/grafana/provisioning/datasources/banyan.yaml", "", []string{
			"# Copy to /etc/grafana/provisioning/datasources/. The Prometheus of configs/prometheus, on the same machine.", "# dashboards/grafana/provisioning/datasources with the address of compose.yaml.",
			"http://127.0.0.1:9090", "http://prometheus:9090"}},
	} {
		of, err := os.ReadFile(v.of)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(composeDir, file))
		if want := v.head + strings.NewReplacer(v.change...).Replace(string(of)); err != nil || string(got) != want {
			t.Errorf("%s is not %s with other addresses (%v); want\n%s", file, v.of, err, want)
		}
	}
}
