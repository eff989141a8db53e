package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// text is a scalar of YAML with the line it stands on.
type text struct {
	V    string
	Line int
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (t *text) UnmarshalYAML(n *yaml.Node) error {
	t.Line = n.Line
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: want a single value here", n.Line)
	}
	return n.Decode(&t.V)
}

// problems gathers every mistake of a mapping.
type problems struct {
	file  string
	lines []string
}

func (p *problems) add(line int, format string, args ...any) {
	at := p.file
	if line > 0 {
		at += ":" + strconv.Itoa(line)
	}
	p.lines = append(p.lines, at+": "+fmt.Sprintf(format, args...))
}

func (p *problems) err() error {
	if len(p.lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(p.lines, "\n"))
}

var (
	lineOf     = regexp.MustCompile(`line (\d+): `)
	unknownKey = regexp.MustCompile(`^field (.+) not found in type .*`)
	goType     = regexp.MustCompile(` into replay\.\S+| into (map\[\S+|\[\]\S+)`)
)

// decode reads one YAML document strictly. It returns false where there is nothing to go on with.
func (p *problems) decode(b []byte, into any) bool {
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	err := d.Decode(into)
	if errors.Is(err, io.EOF) {
		p.add(0, "the file is empty")
		return false
	}
	if err == nil {
		if d.Decode(new(yaml.Node)) != io.EOF {
			p.add(0, "holds more than one YAML document; only one is read")
			return false
		}
		return true
	}
	messages := []string{err.Error()}
	var te *yaml.TypeError
	if errors.As(err, &te) {
		messages = te.Errors
	}
	for _, m := range messages {
		line := 0
		if at := lineOf.FindStringSubmatchIndex(m); at != nil {
			line, _ = strconv.Atoi(m[at[2]:at[3]])
			m = m[at[1]:]
		}
		m = strings.TrimPrefix(m, "yaml: ")
		if k := unknownKey.FindStringSubmatch(m); k != nil {
			m = fmt.Sprintf("unknown key %q", k[1])
		}
		p.add(line, "%s", goType.ReplaceAllString(m, ""))
	}
	return false
}
