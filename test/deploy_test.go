package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const deployDir = root + "/deploy"

var flagWord = regexp.MustCompile(`--[a-z][a-z-]+`)

// TestDeployFlags holds the command lines in deploy/ against what `banyan serve` takes.
func TestDeployFlags(t *testing.T) {
	help, _, err := banyan(t, "serve", "--help")
	if err != nil {
		t.Fatal(err)
	}
	for file, line := range map[string]string{"systemd/banyan.service": "ExecStart=", "Dockerfile": `CMD ["serve"`} {
		b, err := os.ReadFile(filepath.Join(deployDir, file))
		if err != nil {
			t.Fatal(err)
		}
		_, command, ok := strings.Cut(string(b), line)
		command, _, _ = strings.Cut(command, "\n")
		flags := flagWord.FindAllString(command, -1)
		if !ok || len(flags) < 3 {
			t.Errorf("%s: no command line behind %q", file, line)
		}
		for _, flag := range flags {
			if !strings.Contains(help, flag+" ") {
				t.Errorf("%s: banyan serve has no %s", file, flag)
			}
		}
	}
}

// TestDockerfile: images carry a version, what is copied exists, and the server is not root.
func TestDockerfile(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(deployDir, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	user := ""
	for _, line := range strings.Split(string(b), "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) < 2:
		case words[0] == "FROM" && !regexp.MustCompile(`:\d+\.\d+`).MatchString(words[1]):
			t.Errorf("%s: no version", line)
		case words[0] == "USER":
			user = words[1]
		case words[0] == "COPY" && !strings.HasPrefix(words[1], "--from"):
			for _, from := range words[1 : len(words)-1] {
				if _, err := os.Stat(filepath.Join(root, from)); err != nil {
					t.Errorf("%s: %v", line, err)
				}
			}
		}
	}
	if user == "" || strings.HasPrefix(user, "0") || strings.HasPrefix(user, "root") {
		t.Errorf("the server runs as %q", user)
	}
}

// TestUnit asks systemd itself: the unit has no unknown directive, and little is exposed.
func TestUnit(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd-analyze is not installed: nobody can say whether the unit is good")
	}
	b, err := os.ReadFile(filepath.Join(deployDir, "systemd/banyan.service"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := filepath.Abs(binary)
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "banyan.service")
	if err := os.WriteFile(unit, []byte(strings.ReplaceAll(string(b), "/usr/local/bin/banyan", program)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("systemd-analyze", "verify", "--man=no", unit).CombinedOutput()
	if err != nil || strings.Contains(string(out), "banyan.service:") {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	const most = "20" // tenths; 10 points are no protection at all
	if out, err := exec.Command("systemd-analyze", "security", "--offline=true", "--threshold="+most, unit).CombinedOutput(); err != nil {
		t.Errorf("more is exposed than need be: %v\n%s", err, out)
	}
}
