package check

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
	policy "k8s.io/api/policy/v1"
	strict "sigs.k8s.io/yaml"
)

const (
	root     = "../.."
	chartDir = "../helm/banyan"
	release  = "fz"
	version  = "v1.31.0"
)

// must is what values.yaml asks for.
const must = `
image: {repository: registry.example/banyan}
redis: {existingSecret: banyan-redis}
access: {existingSecret: banyan-access}
gateways: {existingSecret: banyan-gateway}
`

// everything switches on what is optional.
const everything = must + `
origins: [https://wall.example]
proxies: [10.0.0.0/8]
ingress: {enabled: true, className: nginx, host: ecc.example, tlsSecret: ecc-tls}
networkPolicy: {clients: [{ipBlock: {cidr: 10.0.0.0/8}}], monitoring: [{namespaceSelector: {matchLabels: {name: monitoring}}}]}
serviceMonitor: {enabled: true, labels: {release: prometheus}}
prometheusRule: {enabled: true}
`

// load reads the chart, with the city of configs/fuzhou in it if asked for.
func load(t *testing.T, city bool) *chart.Chart {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "banyan")
	if err := os.CopyFS(dir, os.DirFS(chartDir)); err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile(root + "/configs/prometheus/banyan.rules.yaml") // there is a link to it
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "files/banyan.rules.yaml")
	if err := errors.Join(os.Remove(link), os.WriteFile(link, rules, 0o600)); err != nil {
		t.Fatal(err)
	}
	if city {
		if err := os.CopyFS(filepath.Join(dir, "city"), os.DirFS(root+"/configs/fuzhou")); err != nil {
			t.Fatal(err)
		}
	}
	c, err := loader.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// render makes what Helm would send.
func render(c *chart.Chart, values string) (map[string]string, error) {
	v, err := chartutil.ReadValues([]byte(values))
	if err != nil {
		return nil, err
	}
	caps := chartutil.DefaultCapabilities.Copy()
	caps.KubeVersion = chartutil.KubeVersion{Version: version, Major: "1", Minor: "31"}
	all, err := chartutil.ToRenderValues(c, v, chartutil.ReleaseOptions{Name: release, Namespace: "ecc", IsInstall: true}, caps)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, all)
}

// objects are what was rendered, as the types of the API read it: a member that they do not know is an error.
type objects struct {
	sets        []apps.StatefulSet
	deployments []apps.Deployment
	services    []core.Service
	maps        []core.ConfigMap
	budgets     []policy.PodDisruptionBudget
	policies    []networking.NetworkPolicy
	ingresses   []networking.Ingress
	others      []map[string]any
}

func read(t *testing.T, files map[string]string) (o objects) {
	t.Helper()
	for name, text := range files {
		if strings.HasSuffix(name, ".txt") {
			continue
		}
		for _, doc := range regexp.MustCompile(`(?m)^---$`).Split(text, -1) {
			if strings.TrimSpace(doc) == "" {
				continue
			}
			var kind struct{ APIVersion, Kind string }
			if err := strict.Unmarshal([]byte(doc), &kind); err != nil {
				t.Fatalf("%s: %v\n%s", name, err, doc)
			}
			switch kind.APIVersion + "/" + kind.Kind {
			case "apps/v1/StatefulSet":
				o.sets = append(o.sets, of[apps.StatefulSet](t, name, doc))
			case "apps/v1/Deployment":
				o.deployments = append(o.deployments, of[apps.Deployment](t, name, doc))
			case "v1/Service":
				o.services = append(o.services, of[core.Service](t, name, doc))
			case "v1/ConfigMap":
				o.maps = append(o.maps, of[core.ConfigMap](t, name, doc))
			case "policy/v1/PodDisruptionBudget":
				o.budgets = append(o.budgets, of[policy.PodDisruptionBudget](t, name, doc))
			case "networking.k8s.io/v1/NetworkPolicy":
				o.policies = append(o.policies, of[networking.NetworkPolicy](t, name, doc))
			case "networking.k8s.io/v1/Ingress":
				o.ingresses = append(o.ingresses, of[networking.Ingress](t, name, doc))
			case "monitoring.coreos.com/v1/ServiceMonitor", "monitoring.coreos.com/v1/PrometheusRule":
				o.others = append(o.others, of[map[string]any](t, name, doc))
			default:
				t.Errorf("%s: %+v is not expected", name, kind)
			}
		}
	}
	return o
}

func of[T any](t *testing.T, name, doc string) (v T) {
	t.Helper()
	if err := strict.UnmarshalStrict([]byte(doc), &v); err != nil {
		t.Errorf("%s: %v\n%s", name, err, doc)
	}
	return v
}

// TestLint has Helm judge the chart.
func TestLint(t *testing.T) {
	v, err := chartutil.ReadValues([]byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range lint.AllWithKubeVersion(chartDir, v, "ecc", &chartutil.KubeVersion{Version: version, Major: "1", Minor: "31"}).Messages {
		if m.Severity > support.InfoSev {
			t.Error(m)
		}
	}
}

// TestValues: what must be given is asked for, and what nobody knows is refused.
func TestValues(t *testing.T) {
	c := load(t, false)
	for values, want := range map[string]string{
		"": "access: one of", must + "access: {existingSecret: a, existingClaim: b}": "access: one of",
		strings.Replace(must, "repository: registry.example/banyan", "", 1): "image.repository",
		strings.Replace(must, "banyan-redis", `""`, 1):                      "redis.existingSecret",
		strings.Replace(must, "banyan-gateway", `""`, 1):                    "gateways.existingSecret",
		must + "nodes: {replica: 3}":                                        "replica is not allowed",
		must + "nodes: {replicas: 0}":                                       "nodes.replicas",
		must + "nodes: {durability: maybe}":                                 "nodes.durability",
		must + "ingress: {enabled: true, host: x.example}":                  "ingress.tlsSecret",
	} {
		values = lastWins(values)
		if _, err := render(c, values); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v, want %s", values, err, want)
		}
	}
}

// lastWins drops an earlier line for a key that comes again: YAML has no key twice.
func lastWins(values string) string {
	lines, seen := strings.Split(strings.TrimSpace(values), "\n"), map[string]bool{}
	var kept []string
	for _, l := range slices.Backward(lines) {
		key, _, _ := strings.Cut(l, ":")
		if key != "" && !seen[key] {
			seen[key] = true
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n")
}

// TestChart: whichever parts are on, every object is one of the API, selectors find what they are for, pods are
// hardened, and every flag is one of `banyan serve`.
func TestChart(t *testing.T) {
	flags := serveFlags(t)
	for name, try := range map[string]struct {
		values string
		city   bool
		pods   int
	}{"least": {must, false, 2}, "everything": {everything, true, 2}, "a claim": {strings.Replace(must, "existingSecret: banyan-access", "existingClaim: access", 1), false, 2},
		"no gateways": {lastWins(must + "gateways: {replicas: 0}"), false, 1}} {
		t.Run(name, func(t *testing.T) {
			files, err := render(load(t, try.city), try.values)
			if err != nil {
				t.Fatal(err)
			}
			o := read(t, files)
			pods := map[string]core.PodTemplateSpec{}
			for _, s := range o.sets {
				pods[s.Name] = s.Spec.Template
				matches(t, s.Name, s.Spec.Selector.MatchLabels, s.Spec.Template.Labels)
				if s.Spec.ServiceName != release+"-banyan-nodes" || len(s.Spec.VolumeClaimTemplates) != 1 {
					t.Errorf("%+v", s.Spec)
				}
			}
			for _, d := range o.deployments {
				pods[d.Name] = d.Spec.Template
				matches(t, d.Name, d.Spec.Selector.MatchLabels, d.Spec.Template.Labels)
			}
			if len(pods) != try.pods || len(o.budgets) != try.pods || len(o.policies) != 1 {
				t.Errorf("%d kinds of pods, %d budgets, %d policies", len(pods), len(o.budgets), len(o.policies))
			}
			for name, p := range pods {
				hardened(t, name, p.Spec, flags)
				mounted(t, name, p.Spec)
			}
			for _, s := range o.services {
				found := 0
				for _, p := range pods {
					if subset(s.Spec.Selector, p.Labels) {
						found++
						for _, port := range s.Spec.Ports {
							if !slices.ContainsFunc(p.Spec.Containers[0].Ports, func(c core.ContainerPort) bool {
								return c.Name == port.TargetPort.StrVal && c.ContainerPort == port.Port
							}) {
								t.Errorf("service %s: nobody listens on %+v", s.Name, port)
							}
						}
					}
				}
				if found != 1 {
					t.Errorf("service %s finds %d kinds of pods", s.Name, found)
				}
			}
			for _, i := range o.ingresses {
				backend := i.Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name
				if !slices.ContainsFunc(o.services, func(s core.Service) bool { return s.Name == backend }) {
					t.Errorf("the ingress leads to %s, which is no service", backend)
				}
			}
			if try.city {
				cityIsWhole(t, o, pods)
				if len(o.others) != 2 || len(o.ingresses) != 1 {
					t.Errorf("%d objects of the Prometheus operator, %d ingresses", len(o.others), len(o.ingresses))
				}
			}
			if notes := files["banyan/templates/NOTES.txt"]; !strings.Contains(notes, release+"-banyan-sources.ecc:8080") {
				t.Errorf("notes: %s", notes)
			}
		})
	}
}

func subset(want, of map[string]string) bool {
	for k, v := range want {
		if of[k] != v {
			return false
		}
	}
	return len(want) > 0
}

func matches(t *testing.T, name string, selector, labels map[string]string) {
	t.Helper()
	if !subset(selector, labels) {
		t.Errorf("%s selects %v, its pods are %v", name, selector, labels)
	}
}

func hardened(t *testing.T, name string, p core.PodSpec, flags []string) {
	t.Helper()
	if s := p.SecurityContext; s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || *s.RunAsUser != 10001 || s.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault ||
		p.AutomountServiceAccountToken == nil || *p.AutomountServiceAccountToken {
		t.Errorf("%s: %+v", name, s)
	}
	for _, c := range append(slices.Clone(p.InitContainers), p.Containers...) {
		if s := c.SecurityContext; s == nil || *s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || !slices.Equal(s.Capabilities.Drop, []core.Capability{"ALL"}) {
			t.Errorf("%s/%s: %+v", name, c.Name, s)
		}
		if c.Resources.Limits.Memory().IsZero() || !strings.Contains(c.Image, ":") {
			t.Errorf("%s/%s: %v %s", name, c.Name, c.Resources, c.Image)
		}
	}
	c := p.Containers[0]
	if c.StartupProbe == nil || c.LivenessProbe.HTTPGet.Path != "/healthz" || c.ReadinessProbe.HTTPGet.Path != "/readyz" {
		t.Errorf("%s: probes", name)
	}
	for i, arg := range c.Args {
		flag, _, _ := strings.Cut(arg, "=")
		if i == 0 && arg != "serve" || i > 0 && !slices.Contains(flags, flag) {
			t.Errorf("%s: banyan serve has no %s", name, arg)
		}
	}
}

// mounted: every volume is used, every mount has one, and every path that a flag names lies in a mount or in the image.
func mounted(t *testing.T, name string, p core.PodSpec) {
	t.Helper()
	volumes, used := map[string]bool{"data": true}, map[string]bool{}
	if len(p.InitContainers) == 0 && !strings.Contains(name, "nodes") {
		delete(volumes, "data")
	}
	for _, v := range p.Volumes {
		volumes[v.Name] = true
	}
	for _, c := range append(slices.Clone(p.InitContainers), p.Containers...) {
		for _, m := range c.VolumeMounts {
			if used[m.Name] = true; !volumes[m.Name] {
				t.Errorf("%s/%s: there is no volume %s", name, c.Name, m.Name)
			}
		}
	}
	for v := range volumes {
		if !used[v] && v != "data" {
			t.Errorf("%s: nobody uses the volume %s", name, v)
		}
	}
	c := p.Containers[0]
	for _, arg := range c.Args {
		if _, path, ok := strings.Cut(arg, "=/"); ok && !strings.HasPrefix(path, "etc/banyan/configs/") &&
			!slices.ContainsFunc(c.VolumeMounts, func(m core.VolumeMount) bool { return strings.HasPrefix("/"+path+"/", m.MountPath+"/") }) {
			t.Errorf("%s: nothing is mounted at %s", name, arg)
		}
	}
}

// cityIsWhole lays the ConfigMap out as Kubernetes does and has banyan check read it.
func cityIsWhole(t *testing.T, o objects, pods map[string]core.PodTemplateSpec) {
	t.Helper()
	if len(o.maps) != 1 {
		t.Fatalf("%d maps", len(o.maps))
	}
	if b, _ := json.Marshal(o.maps[0]); len(b) > 1<<20 {
		t.Errorf("the map has %d bytes, Kubernetes takes 1 MiB", len(b))
	}
	for name, p := range pods {
		dir, files := t.TempDir(), 0
		for _, v := range p.Spec.Volumes {
			if v.ConfigMap == nil {
				continue
			}
			for _, item := range v.ConfigMap.Items {
				place := filepath.Join(dir, "..data", filepath.FromSlash(item.Path))
				if err := os.MkdirAll(filepath.Dir(place), 0o750); err != nil {
					t.Fatal(err)
				}
				text, ok := o.maps[0].Data[item.Key]
				if !ok {
					t.Fatalf("%s: the map has no %s", name, item.Key)
				}
				if err := os.WriteFile(place, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				first, _, _ := strings.Cut(item.Path, "/")
				_ = os.Symlink("..data/"+first, filepath.Join(dir, first)) // there already for the second of a folder
				files++
			}
		}
		out, err := program(t, "check", "--city", dir)
		want, _ := program(t, "check", "--city", root+"/configs/fuzhou")
		if err != nil || files < 20 || !bytes.Equal(out, want) {
			t.Errorf("%s: %d files: %s, want %s (%v)", name, files, out, want, err)
		}
	}
}

var built string

// program runs banyan, built once.
func program(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	if built == "" {
		dir, err := os.MkdirTemp("", "banyan-check-")
		if err != nil {
			t.Fatal(err)
		}
		build := exec.Command("go", "build", "-o", filepath.Join(dir, "banyan"), "./cmd/banyan")
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		built = filepath.Join(dir, "banyan")
	}
	return exec.Command(built, args...).CombinedOutput()
}

// TestMain removes what was built.
func TestMain(m *testing.M) {
	code := m.Run()
	if built != "" {
		os.RemoveAll(filepath.Dir(built))
	}
	os.Exit(code)
}

func serveFlags(t *testing.T) (flags []string) {
	t.Helper()
	help, err := program(t, "serve", "--help")
	if err != nil {
		t.Fatalf("%v\n%s", err, help)
	}
	for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, )?(--[a-z-]+)`).FindAllSubmatch(help, -1) {
		flags = append(flags, string(m[1]))
	}
	return flags
}
