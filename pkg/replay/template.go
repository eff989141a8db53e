package replay

import (
	"fmt"
	"strings"
)

// template is text with columns in it: "${Call Number}-${Unit ID}". "$$" is a dollar sign.
type template struct {
	line  int
	parts []part
}

// part is literal text, or, where column is set, the value of a column.
type part struct {
	literal string
	column  string
	index   int // of the column, once bound to a header
}

// parseTemplate reads s. A "${" without "}" and a "$" before anything else are mistakes.
func parseTemplate(s string, line int) (*template, error) {
	t := &template{line: line}
	var literal strings.Builder
	for i := 0; i < len(s); {
		switch {
		case s[i] != '$':
			literal.WriteByte(s[i])
			i++
		case strings.HasPrefix(s[i:], "$$"):
			literal.WriteByte('$')
			i += 2
		case strings.HasPrefix(s[i:], "${"):
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return nil, fmt.Errorf("%q: ${ without }", s)
			}
			name := strings.TrimSpace(s[i+2 : i+end])
			if name == "" {
				return nil, fmt.Errorf("%q: ${} names no column", s)
			}
			if literal.Len() > 0 {
				t.parts = append(t.parts, part{literal: literal.String()})
				literal.Reset()
			}
			t.parts = append(t.parts, part{column: name})
			i += end + 1
		default:
			return nil, fmt.Errorf("%q: a lone $; write ${Column}, or $$ for a dollar sign", s)
		}
	}
	if literal.Len() > 0 {
		t.parts = append(t.parts, part{literal: literal.String()})
	}
	return t, nil
}

// columns returns the columns t asks for.
func (t *template) columns() []string {
	var names []string
	for _, p := range t.parts {
		if p.column != "" {
			names = append(names, p.column)
		}
	}
	return names
}

// label names t's columns for a message.
func (t *template) label() string { return strings.Join(t.columns(), ", ") }

// bind returns t with the places of its columns in header, and the columns that are not there.
func (t *template) bind(header map[string]int) (*template, []string) {
	bound := &template{line: t.line, parts: make([]part, len(t.parts))}
	var missing []string
	for i, p := range t.parts {
		if p.column != "" {
			at, ok := header[p.column]
			if !ok {
				missing = append(missing, p.column)
			}
			p.index = at
		}
		bound.parts[i] = p
	}
	return bound, missing
}

// fill returns t with the values of a row, which are trimmed, and "" where every column of it is blank: a
// template's literal text alone says nothing.
func (t *template) fill(row []string) string {
	if len(t.parts) == 1 && t.parts[0].column != "" {
		return strings.TrimSpace(row[t.parts[0].index])
	}
	var b strings.Builder
	said := false
	for _, p := range t.parts {
		if p.column == "" {
			b.WriteString(p.literal)
			continue
		}
		v := strings.TrimSpace(row[p.index])
		said = said || v != ""
		b.WriteString(v)
	}
	if !said {
		return ""
	}
	return strings.TrimSpace(b.String())
}
