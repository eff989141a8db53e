package main

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/auth"
)

// user runs a command of banyan user with something on standard input.
func user(t *testing.T, dir, input string, args ...string) (out string, err error) {
	t.Helper()
	cmd := root()
	var b strings.Builder
	cmd.SetArgs(append([]string{"user", "--data", dir}, args...))
	cmd.SetIn(strings.NewReader(input))
	cmd.SetOut(&b)
	cmd.SetErr(&b)
	err = cmd.ExecuteContext(context.Background())
	return b.String(), err
}

// TestUser goes through a person's life: added, listed, given a new password, disabled. The password is in no
// file and in no output.
func TestUser(t *testing.T) {
	dir := t.TempDir()
	const first, second = "correct horse battery", "staple of a new horse"
	add := []string{"add", "--name", "chenzq", "--role", "officer", "--role", "roster_editor", "--department", "fire", "--display", "陈志强"}
	if out, err := user(t, dir, first+"\n", add...); err != nil || out != "" {
		t.Fatalf("%v: %s", err, out)
	}
	b, err := os.ReadFile(filepath.Join(dir, auth.UsersFile))
	if err != nil || strings.Contains(string(b), first) {
		t.Errorf("%v: the file holds %s", err, b)
	}
	out, err := user(t, dir, "", "list")
	if err != nil || !strings.Contains(out, "officer,roster_editor") || !strings.Contains(out, "陈志强") || strings.Contains(out, "argon2") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := user(t, dir, second+"\r\n", "passwd", "--name", "chenzq"); err != nil {
		t.Error(err)
	}
	l, err := auth.OpenLogins(auth.LoginOptions{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Login(t.Context(), "chenzq", first, netip.IPv6Loopback()); err == nil {
		t.Error("the first password still works")
	}
	if _, _, err := l.Login(t.Context(), "chenzq", second, netip.IPv6Loopback()); err != nil {
		t.Errorf("the second password: %v", err)
	}
	if _, err := user(t, dir, "", "disable", "--name", "chenzq"); err != nil {
		t.Error(err)
	}
	if out, err := user(t, dir, "", "list"); err != nil || !strings.Contains(out, "disabled") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestUsersThatAreRefused(t *testing.T) {
	for want, x := range map[string]struct {
		input string
		args  string
	}{
		"shorter than":            {"short\n", "add --name x --role auditor"},
		"is the name":             {"chenzhiqiang1\n", "add --name chenzhiqiang --role auditor"},
		"no password":             {"", "add --name x --role auditor"},
		"needs a department":      {"correct horse battery\n", "add --name x --role officer"},
		"two people":              {"correct horse battery\n", "add --name x --role administrator"},
		"goes with no other":      {"correct horse battery\n", "add --name x --role auditor --role officer --department fire"},
		`required flag(s) "role"`: {"correct horse battery\n", "add --name x"},
		"no user":                 {"correct horse battery\n", "passwd --name nobody"},
		"no user ":                {"", "disable --name nobody"},
	} {
		dir := t.TempDir()
		if _, err := user(t, dir, x.input, strings.Fields(x.args)...); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(want)) {
			t.Errorf("%s: %v, want %s", x.args, err, want)
		}
		if files, _ := filepath.Glob(filepath.Join(dir, "*")); len(files) != 0 {
			t.Errorf("%s leaves %v", x.args, files)
		}
	}
}
