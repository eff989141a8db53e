package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// commands returns every command that does something.
func commands(c *cobra.Command) (list []*cobra.Command) {
	for _, sub := range c.Commands() {
		list = append(list, commands(sub)...)
	}
	if !c.HasSubCommands() {
		list = append(list, c)
	}
	return list
}

// TestEveryCommandHasAnExample: --help shows one, and what it shows can be typed.
func TestEveryCommandHasAnExample(t *testing.T) {
	all := commands(root())
	if len(all) < 8 {
		t.Fatalf("%d commands", len(all))
	}
	for _, c := range all {
		words := strings.Fields(c.CommandPath())[1:]
		var help strings.Builder
		asked := root()
		asked.SetArgs(append(words, "--help"))
		asked.SetOut(&help)
		if err := asked.Execute(); err != nil || c.Short == "" || !strings.Contains(help.String(), "Examples:") {
			t.Errorf("%s --help shows no example: %v\n%s", c.CommandPath(), err, help.String())
		}
		seen := false
		for _, line := range strings.Split(c.Example, "\n") {
			typed := example(line)
			if typed == nil {
				continue
			}
			found, rest, err := root().Find(typed) // of commands made anew: parsing leaves marks
			if err == nil {
				err = found.ParseFlags(rest)
			}
			if err == nil {
				err = found.ValidateArgs(found.Flags().Args())
			}
			if err != nil {
				t.Errorf("%s: the example %q cannot be typed: %v", c.CommandPath(), line, err)
			}
			seen = seen || found.CommandPath() == c.CommandPath()
		}
		if !seen {
			t.Errorf("%s: no example shows the command itself: %q", c.CommandPath(), c.Example)
		}
	}
}

// example returns the words after banyan of a line in an example, up to a pipe or redirection; nil for none.
func example(line string) (words []string) {
	fields := strings.Fields(line)
	for len(fields) > 0 && strings.Contains(fields[0], "=") { // settings by variables
		fields = fields[1:]
	}
	if len(fields) == 0 || fields[0] != "banyan" {
		return nil
	}
	quoted := false
	for _, f := range fields[1:] {
		switch {
		case quoted:
			words[len(words)-1] += " " + f
		case f == "|" || f == ">" || f == "<" || f == "#" || f == "…":
			return words
		default:
			words = append(words, f)
		}
		if strings.Count(f, `"`)%2 == 1 {
			quoted = !quoted
		}
	}
	return words
}

func TestUnknownCommandAndFlag(t *testing.T) {
	for _, args := range [][]string{{"srve"}, {"serve", "--lisen", "x"}, {"serve", "x"}, {"key", "revoke"}, {"key", "ad"}, {"journal", "verfy"}} {
		if r := banyan(t, args...); r.code != 1 || !strings.HasPrefix(r.err, "banyan: ") || r.out != "" {
			t.Errorf("%v: %+v", args, r)
		}
	}
}
