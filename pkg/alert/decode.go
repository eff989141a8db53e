package alert

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"github.com/banyan-ecc/banyan/geo"
)

// DecodeSubmission reads a report as encoding/json does, errors included. What sources send all day, an object of
// known members written once each, is read straight through; anything else is left to encoding/json, so that
// there is one judge of what is JSON.
func DecodeSubmission(b []byte) (Submission, error) {
	if s, ok := decodePlain(b); ok {
		return s, nil
	}
	var s Submission
	err := json.Unmarshal(b, &s)
	return s, err
}

// decodePlain reads a plain report; false means that encoding/json must look, not that anything is wrong.
func decodePlain(b []byte) (s Submission, ok bool) {
	p := plain{b: b}
	ok = p.object(func(key []byte) (int, bool) {
		switch string(key) {
		case "id":
			return 0, p.str(&s.ID)
		case "type":
			return 1, p.str(&s.Type)
		case "occurred_at":
			return 2, p.str(&s.OccurredAt)
		case "location":
			s.Location = new(Position)
			return 3, p.position(s.Location)
		case "area":
			return 4, p.str(&s.Area)
		case "priority":
			return 5, p.str(&s.Priority)
		case "text":
			return 6, p.str(&s.Text)
		case "incident_ref":
			return 7, p.str(&s.IncidentRef)
		case "attributes":
			return 8, p.raw(&s.Attributes)
		case "reporter":
			return 9, p.str(&s.Reporter)
		}
		return 0, false
	})
	p.space()
	return s, ok && p.at == len(b)
}

// plain reads plain JSON from b. Its methods return false for whatever is not plain.
type plain struct {
	b  []byte
	at int
}

// space skips white space and returns what follows, 0 at the end.
func (p *plain) space() byte {
	for ; p.at < len(p.b); p.at++ {
		switch c := p.b[p.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

func (p *plain) take(c byte) bool {
	if p.space() != c {
		return false
	}
	p.at++
	return true
}

// object reads an object; member reads the value of a key and returns which member it is, to tell one that is
// there twice.
func (p *plain) object(member func(key []byte) (int, bool)) bool {
	if !p.take('{') {
		return false
	}
	if p.take('}') {
		return true
	}
	for seen := 0; ; {
		key, ok := p.token()
		if !ok || !p.take(':') {
			return false
		}
		n, ok := member(key)
		if !ok || seen&(1<<n) != 0 {
			return false
		}
		seen |= 1 << n
		if p.take('}') {
			return true
		}
		if !p.take(',') {
			return false
		}
	}
}

// token reads a string without escapes and returns what is between the quotes.
func (p *plain) token() ([]byte, bool) {
	if !p.take('"') {
		return nil, false
	}
	ascii := true
	for i := p.at; i < len(p.b); i++ {
		switch c := p.b[i]; {
		case c == '"':
			s := p.b[p.at:i]
			p.at = i + 1
			return s, ascii || utf8.Valid(s)
		case c == '\\' || c < ' ':
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return nil, false
}

func (p *plain) str(to *string) bool {
	s, ok := p.token()
	*to = string(s)
	return ok
}

func (p *plain) position(to *Position) bool {
	return p.object(func(key []byte) (int, bool) {
		switch string(key) {
		case "lon":
			to.Lon = new(float64)
			return 0, p.number(to.Lon)
		case "lat":
			to.Lat = new(float64)
			return 1, p.number(to.Lat)
		case "accuracy_m":
			return 2, p.number(&to.AccuracyM)
		case "datum":
			s, ok := p.token()
			to.Datum = geo.Datum(s)
			return 3, ok
		}
		return 0, false
	})
}

// number reads a decimal without an exponent.
func (p *plain) number(to *float64) (ok bool) {
	p.space()
	from := p.at
	if p.at < len(p.b) && p.b[p.at] == '-' {
		p.at++
	}
	whole := p.digits()
	if whole == 0 || whole > 1 && p.b[p.at-whole] == '0' {
		return false
	}
	if p.at < len(p.b) && p.b[p.at] == '.' {
		p.at++
		if p.digits() == 0 {
			return false
		}
	}
	f, err := strconv.ParseFloat(string(p.b[from:p.at]), 64)
	*to = f
	return err == nil
}

func (p *plain) digits() (n int) {
	for p.at < len(p.b) && p.b[p.at] >= '0' && p.b[p.at] <= '9' {
		p.at++
		n++
	}
	return n
}

// raw takes an object as it stands.
func (p *plain) raw(to *json.RawMessage) bool {
	if p.space() != '{' {
		return false
	}
	from, depth, inString := p.at, 0, false
	for ; p.at < len(p.b); p.at++ {
		switch c := p.b[p.at]; {
		case inString && c == '\\':
			p.at++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				p.at++
				*to = bytes.Clone(p.b[from:p.at])
				return json.Valid(*to)
			}
		}
	}
	return false
}
