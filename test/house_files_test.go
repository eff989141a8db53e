package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// maxFileLines bounds a file; about 300 is what a reader likes.
const maxFileLines = 500

var boundedFiles = []string{".go", ".ts", ".tsx", ".css", ".mjs", ".js"}

// topLevel is everything that may lie there; dotfiles beside it.
var topLevel = []string{"bench", "cmd", "pkg", "dispatch", "geo", "configs", "dashboards", "deploy", "docs", "scripts", "test",
	"go.mod", "go.sum", "README.md", "README.zh-CN.md", "Makefile", "LICENSE"}

// repository returns the files that are in the repository or would be with the next commit: what git ignores
// is nobody's concern.
func repository(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("git or its repository is absent, so nobody knows which files count: %v", err)
	}
	paths := strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	if !slices.Contains(paths, "go.mod") {
		t.Fatalf("go.mod is not among the %d files git knows", len(paths))
	}
	return paths
}

func TestFileLength(t *testing.T) {
	for _, path := range repository(t) {
		if !slices.Contains(boundedFiles, filepath.Ext(path)) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if lines := bytes.Count(text, []byte{'\n'}); lines > maxFileLines {
			t.Errorf("%s has %d lines, at most %d make a file", path, lines, maxFileLines)
		}
	}
}

func TestTopLevel(t *testing.T) {
	for _, path := range repository(t) {
		first, _, _ := strings.Cut(path, "/")
		if !strings.HasPrefix(first, ".") && !slices.Contains(topLevel, first) {
			t.Errorf("%s: the top level is fixed, and %s is not on it", path, first)
		}
	}
}
