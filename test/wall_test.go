package test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestWallInBrowser opens the wall in real Chromium, posts an alert, and looks for it on the screen; then cuts
// the link and looks whether the wall says so. Screenshots are kept in test-results.
func TestWallInBrowser(t *testing.T) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("Node.js is absent: `make test` needs it for the pages")
	}
	if _, err := os.Stat("/usr/bin/chromium"); errors.Is(err, fs.ErrNotExist) {
		t.Skip("Chromium is absent: `make browser` installs it")
	}
	for _, built := range []string{"dist/wall/index.html", "node_modules/playwright-core"} {
		if _, err := os.Stat(filepath.Join(root, "dashboards", built)); err != nil {
			t.Skipf("dashboards/%s is absent: `make build` makes it", built)
		}
	}
	dir := t.TempDir()
	s := launch(t, dir)
	s.ready(t)
	wall, source, measures := filepath.Join(dir, "wall.token"), filepath.Join(dir, "source.token"), filepath.Join(dir, "measures.token")
	for file, args := range map[string][]string{wall: {"--role", "wall", "--name", "test"}, source: {"--role", "source", "--source", "fire-119"},
		measures: {"--role", "source", "--source", "traffic"}} {
		token, stderr, err := banyan(t, append([]string{"key", "add", "--data", dir}, args...)...)
		if err != nil {
			t.Fatalf("key add: %v: %s", err, stderr)
		}
		if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script, err := filepath.Abs(filepath.Join(root, "dashboards/e2e/wall.e2e.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	shots, err := filepath.Abs(filepath.Join(root, "test-results/wall"))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "node", script, "--url", s.url, "--token-file", wall, "--post-key-file", source, "--measure-key-file", measures, "--shots", shots).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}
