package plan

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Problem is one mistake in the configuration, with where it stands.
type Problem struct {
	File    string
	Line    int // 0 when the file as a whole is meant
	Message string
}

// String formats p as file:line: message.
func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Message
	}
	return p.File + ":" + strconv.Itoa(p.Line) + ": " + p.Message
}

// Problems is every mistake found, in order of file and line.
type Problems []Problem

// Error implements error, one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// at is a scalar of YAML with the line it stands on.
type at[T any] struct {
	V    T
	Line int
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (a *at[T]) UnmarshalYAML(n *yaml.Node) error {
	a.Line = n.Line
	return n.Decode(&a.V)
}

type str = at[string]

// span is a Go duration with its line.
type span struct {
	V    time.Duration
	Line int
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *span) UnmarshalYAML(n *yaml.Node) error {
	s.Line = n.Line
	d, err := time.ParseDuration(n.Value)
	if err != nil {
		// A TypeError is gathered with the others of its file; any other error would end the decoding.
		return &yaml.TypeError{Errors: []string{fmt.Sprintf("line %d: %q is not a duration such as 30s, 5m or 168h", n.Line, n.Value)}}
	}
	s.V = d
	return nil
}

var lineOf = regexp.MustCompile(`line (\d+): `)

// decode reads one YAML file strictly; it reports an unknown key, a repeated key or a wrong kind of value
// with its line. It returns false if there was any, and always while only the syntax is being checked.
func (l *loader) decode(file string, into any) bool {
	d := yaml.NewDecoder(bytes.NewReader(l.files[file]))
	d.KnownFields(true)
	err := d.Decode(into)
	if errors.Is(err, io.EOF) {
		l.problem(file, 0, "the file is empty")
		return false
	}
	if err == nil {
		if d.Decode(new(yaml.Node)) != io.EOF {
			l.problem(file, 0, "holds more than one YAML document; only one is read")
			return false
		}
		return !l.syntaxOnly
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
		if parserWords.MatchString(m) {
			l.problem(file, line+1, "%s, in what begins here", m)
		} else {
			l.problem(file, line, "%s", tidy(m))
		}
	}
	return false
}

// parserWords are the errors of the library's parser, which counts lines from 0 and names the line where the
// list or mapping it was reading began; those of its scanner count from 1.
var parserWords = regexp.MustCompile(`^did not find expected (node content|key|<document start>|',' or|'-' indicator)`)

var (
	unknownKey = regexp.MustCompile(`(?s)^field (.*) not found in type .*`)
	wrongKind  = regexp.MustCompile("(?s)^cannot unmarshal (!\\S*)(?: `(.*)`)? into (.*)$")
)

// tidy turns the library's words for an unknown key or a wrong kind of value, which name Go types, into ours.
func tidy(m string) string {
	if k := unknownKey.FindStringSubmatch(m); k != nil {
		return fmt.Sprintf("unknown key %q", k[1])
	}
	if k := wrongKind.FindStringSubmatch(m); k != nil {
		what := map[string]string{"!!seq": "a list", "!!map": "a mapping"}[k[1]]
		if what == "" {
			what = strconv.Quote(k[2])
		}
		return what + " is not " + kindInWords(k[3])
	}
	return m
}

// kindInWords names what a Go type stands for in YAML.
func kindInWords(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "a list"
	case strings.HasPrefix(goType, "float"):
		return "a number"
	case strings.HasPrefix(goType, "int"):
		return "a whole number"
	case goType == "bool":
		return "true or false"
	case goType == "string":
		return "a text"
	}
	return "a mapping"
}

func (l *loader) problem(file string, line int, format string, args ...any) {
	l.problems = append(l.problems, Problem{File: file, Line: line, Message: fmt.Sprintf(format, args...)})
}

func (l *loader) sorted() Problems {
	sort.SliceStable(l.problems, func(i, j int) bool {
		a, b := l.problems[i], l.problems[j]
		if a.File != b.File {
			return a.File < b.File
		}
		return a.Line < b.Line
	})
	return l.problems
}

const maxIDBytes = 64

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*$`)

// id checks an id and that it is new in seen.
func (l *loader) id(file, what string, s str, seen map[string]int) bool {
	switch first, again := seen[s.V]; {
	case s.V == "":
		l.problem(file, s.Line, "a %s has no id", what)
		return false
	case len(s.V) > maxIDBytes || !idPattern.MatchString(s.V):
		l.problem(file, s.Line, "%s id %q: want lower-case letters, digits, dots and hyphens, at most %d", what, s.V, maxIDBytes)
		return false
	case again:
		l.problem(file, s.Line, "%s %q stands on line %d already", what, s.V, first)
		return false
	}
	seen[s.V] = s.Line
	return true
}

// within checks a duration against its bounds.
func (l *loader) within(file, what string, s span, least, most time.Duration) {
	if s.V < least || s.V > most {
		l.problem(file, s.Line, "%s is %v: want %v to %v", what, s.V, least, most)
	}
}

// among checks that a word is one of those allowed.
func (l *loader) among(file, what string, s str, allowed ...string) bool {
	for _, a := range allowed {
		if s.V == a {
			return true
		}
	}
	l.problem(file, s.Line, "%s %q: want %s", what, s.V, strings.Join(allowed, ", "))
	return false
}
