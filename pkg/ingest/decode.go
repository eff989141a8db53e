package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// DecodeJSON reads one JSON object as a mapping sees it: whole numbers as int, others as float64, whole numbers too
// large for that as text, so that no digit of an id is lost. What is nested deeper than MaxMessageDepth or longer
// than MaxMessageBytes is refused before anything is built of it.
func DecodeJSON(raw []byte) (map[string]any, error) { return decode(raw, MaxMessageBytes) }

func decode(raw []byte, most int) (map[string]any, error) {
	if len(raw) > most {
		return nil, fmt.Errorf("the message is %d bytes long, at most %d are taken", len(raw), most)
	}
	if tooDeep(raw) {
		return nil, fmt.Errorf("the message is nested deeper than %d levels", MaxMessageDepth)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var body map[string]any
	if err := d.Decode(&body); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	if body == nil {
		return nil, errors.New("not a JSON object: null")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something stands behind the JSON object")
	}
	numbers(body)
	return body, nil
}

// tooDeep looks at brackets outside of texts alone; it need not be right about what is no JSON.
func tooDeep(raw []byte) bool {
	depth, inText := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			if depth++; depth > MaxMessageDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// numbers turns the numbers in v into what expressions reckon with, in place.
func numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = numbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = numbers(e)
		}
	case json.Number:
		if !strings.ContainsAny(string(v), ".eE") {
			if n, err := strconv.Atoi(string(v)); err == nil {
				return n
			}
			return string(v)
		}
		f, err := v.Float64()
		if err != nil {
			return string(v)
		}
		return f
	}
	return v
}
