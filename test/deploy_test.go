package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const deployDir = root + "/deploy"

// serveFlags returns the flags that `banyan serve` takes, as it says itself.
func serveFlags(t *testing.T) []string {
	t.Helper()
	help, _, err := banyan(t, "serve", "--help")
	if err != nil {
		t.Fatal(err)
	}
	var flags []string
	for _, m := range regexp.MustCompile(`(?m)^ +(?:-\w, )?(--[a-z-]+)`).FindAllStringSubmatch(help, -1) {
		flags = append(flags, m[1])
	}
	if len(flags) < 10 {
		t.Fatalf("banyan serve --help names %v", flags)
	}
	return flags
}

// serves holds the words of a command line behind the name of the program against what `banyan serve` takes.
func serves(t *testing.T, where string, flags, words []string) {
	t.Helper()
	if len(words) < 3 || words[0] != "serve" {
		t.Errorf("%s: %v is no command line of a server", where, words)
	}
	for _, w := range words {
		name, _, _ := strings.Cut(w, "=")
		if strings.HasPrefix(w, "-") && !slices.Contains(flags, name) {
			t.Errorf("%s: banyan serve has no %s", where, name)
		}
	}
}

// variables returns the environment variables that banyan's settings have, made of the keys of configs/banyan.yaml.
func variables(t *testing.T) (names []string) {
	t.Helper()
	var walk func(prefix string, v map[string]any)
	walk = func(prefix string, v map[string]any) {
		for key, value := range v {
			name := prefix + "_" + strings.ToUpper(key)
			names = append(names, name)
			if inner, ok := value.(map[string]any); ok {
				walk(name, inner)
			}
		}
	}
	var settings map[string]any
	readYAML(t, root+"/configs/banyan.yaml", &settings)
	walk("BANYAN", settings)
	return names
}

// TestDockerfile: images carry a version, what is copied exists, the server is not root, and its flags are known.
func TestDockerfile(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(deployDir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	user, commands := "", 0
	for _, line := range strings.Split(string(b), "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) < 2:
		case words[0] == "FROM" && !pinned.MatchString(words[1]):
			t.Errorf("%s: no version", line)
		case words[0] == "USER":
			user = words[1]
		case words[0] == "CMD":
			commands++
			serves(t, "Dockerfile", serveFlags(t), strings.Fields(strings.NewReplacer(`"`, "", ",", "", "[", "", "]", "").Replace(strings.Join(words[1:], " "))))
		case words[0] == "COPY" && !strings.HasPrefix(words[1], "--from"):
			for _, from := range words[1 : len(words)-1] {
				if _, err := os.Stat(filepath.Join(root, from)); err != nil {
					t.Errorf("%s: %v", line, err)
				}
			}
		}
	}
	if user == "" || strings.HasPrefix(user, "0") || strings.HasPrefix(user, "root") || commands != 1 {
		t.Errorf("the server runs as %q; %d commands", user, commands)
	}
}

// pinned is the name of an image that says which.
var pinned = regexp.MustCompile(`:v?\d+\.\d+`)

// hardened is what each unit must say, whatever the sum of systemd's judgement is.
var hardened = []string{
	"NoNewPrivileges=yes", "CapabilityBoundingSet=", "AmbientCapabilities=", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes", "PrivateDevices=yes",
	"PrivateUsers=yes", "ProtectKernelModules=yes", "ProtectKernelTunables=yes", "ProtectControlGroups=yes", "ProtectProc=invisible", "RestrictNamespaces=yes",
	"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "RestrictSUIDSGID=yes", "LockPersonality=yes", "MemoryDenyWriteExecute=yes",
	"SystemCallFilter=@system-service", "SystemCallFilter=~@privileged @resources", "SystemCallArchitectures=native", "UMask=0027", "Restart=always",
}

// TestUnits asks systemd itself about each unit: no unknown directive, and little is exposed.
func TestUnits(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is absent (`make unit` installs it): nobody can say whether the units are good")
	}
	program, err := filepath.Abs(binary)
	if err != nil {
		t.Fatal(err)
	}
	units, err := filepath.Glob(filepath.Join(deployDir, "systemd/*.service"))
	if err != nil || len(units) < 3 {
		t.Fatalf("units are %v: %v", units, err)
	}
	flags := serveFlags(t)
	for _, unit := range units {
		name := filepath.Base(unit)
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(unit)
			if err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(string(b), "\n")
			for _, must := range hardened {
				if !slices.Contains(lines, must) {
					t.Errorf("no line is %s", must)
				}
			}
			if !slices.Contains(lines, "User=banyan") && !slices.Contains(lines, "DynamicUser=yes") {
				t.Error("it runs as root")
			}
			for _, line := range lines {
				if command, ok := strings.CutPrefix(line, "ExecStart="); ok {
					serves(t, name, flags, strings.Fields(command)[1:])
				}
			}
			try := filepath.Join(t.TempDir(), strings.Replace(name, "@.", "@east.", 1))
			if err := os.WriteFile(try, []byte(strings.ReplaceAll(string(b), "/usr/local/bin/banyan", program)), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("systemd-analyze", "verify", "--man=no", try).CombinedOutput()
			if err != nil || strings.Contains(string(out), "banyan") {
				t.Errorf("systemd-analyze verify: %v\n%s", err, out)
			}
			const most = "20" // tenths; 10 points are no protection at all
			if out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold="+most, try).CombinedOutput(); err != nil {
				t.Errorf("more is exposed than need be: %v\n%s", err, out)
			}
		})
	}
}

// TestDeployVariables: every setting by variable that something in deploy/ sets is one.
func TestDeployVariables(t *testing.T) {
	known, seen := variables(t), 0
	for _, path := range repository(t) {
		if !strings.HasPrefix(path, "deploy/") || strings.HasPrefix(path, "deploy/check/") {
			continue
		}
		b, err := os.ReadFile(filepath.Join(root, path))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`\bBANYAN_[A-Z_]+`).FindAllString(string(b), -1) {
			if name == "BANYAN_IMAGE" { // of compose.yaml, not of the program
				continue
			}
			if seen++; !slices.Contains(known, name) {
				t.Errorf("%s: banyan has no setting %s", path, name)
			}
		}
	}
	if seen < 5 {
		t.Errorf("%d variables: too few to mean anything", seen)
	}
}

// TestChart holds the flags in the chart against those there are; `make check-deploy` renders it.
func TestChart(t *testing.T) {
	chart := deployDir + "/helm/banyan"
	flags := serveFlags(t)
	for _, file := range []string{"nodes.yaml", "gateways.yaml"} {
		b, err := os.ReadFile(filepath.Join(chart, "templates", file))
		if err != nil {
			t.Fatal(err)
		}
		words := []string{"serve"}
		for _, m := range regexp.MustCompile(`(?m)^ +- (--[a-z-]+)=`).FindAllStringSubmatch(string(b), -1) {
			words = append(words, m[1])
		}
		if serves(t, file, flags, words); len(words) < 6 {
			t.Errorf("%s: only %v", file, words)
		}
	}
}
