package test

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestConsoleInBrowser has officers of three departments and a duty leader work incidents by keyboard in real
// Chromium: one console is cut off and its waiting task moves, a seat is handed over, drafts survive. Screenshots
// are kept in test-results.
func TestConsoleInBrowser(t *testing.T) { inBrowser(t, "console", cityDir) }

// TestRosterInBrowser has a roster editor plant and fill a gap, officers swap a shift and a duty leader take a seat
// out of service, in real Chromium, and looks for each on the wall.
func TestRosterInBrowser(t *testing.T) { inBrowser(t, "roster", cityDir) }

// TestFeedsInBrowser has a duty leader look at the sources, at a message that cannot be mapped until its profile is
// mended, at a warning and a school's alarm, and open what is sealed of an alert, in real Chromium.
func TestFeedsInBrowser(t *testing.T) {
	city := t.TempDir()
	if err := os.CopyFS(city, os.DirFS(cityDir)); err != nil {
		t.Fatal(err)
	}
	for name, profile := range map[string]string{
		"e2e-meters":  "name: 测试表计\nname_en: Test meters\ndepartment: police\ntypes: [crime.*]\ntables:\n  kind: {\"1\": crime.domestic}\nmap:\n  id: m.no\n  type: {from: m.kind, table: kind}\n  occurred_at: m.at\n  location: {lon: m.where.x, lat: m.where.y}\n",
		"e2e-hotline": "name: 测试热线\nname_en: Test hotline\ndepartment: police\ntypes: [crime.*]\nsensitivity: sealed\nseal: [attributes.caller]\n",
	} {
		if err := os.WriteFile(filepath.Join(city, "sources", name+".yaml"), []byte(profile), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	inBrowser(t, "feeds", city)
}

// inBrowser runs a story of dashboards/e2e against a server of its own.
func inBrowser(t *testing.T, story, city string) {
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("Node.js is absent: `make test` needs it for the pages")
	}
	if _, err := os.Stat("/usr/bin/chromium"); errors.Is(err, fs.ErrNotExist) {
		t.Skip("Chromium is absent: `make browser` installs it")
	}
	for _, built := range []string{"dist/console/index.html", "dist/wall/index.html", "node_modules/playwright-core"} {
		if _, err := os.Stat(filepath.Join(root, "dashboards", built)); err != nil {
			t.Skipf("dashboards/%s is absent: `make build` makes it", built)
		}
	}
	dir := t.TempDir()
	s := launchCity(t, city, dir)
	s.ready(t)
	script, err := filepath.Abs(filepath.Join(root, "dashboards/e2e", story+".e2e.mjs"))
	if err != nil {
		t.Fatal(err)
	}
	shots, err := filepath.Abs(filepath.Join(root, "test-results", story))
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "node", script, "--url", s.url, "--banyan", binary, "--data", dir, "--city", city, "--shots", shots).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}
