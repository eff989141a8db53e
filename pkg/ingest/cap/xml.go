package cap

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// element is one element as it was read: text of its own, or children.
type element struct {
	space, name string
	chars       []byte
	children    []*element
}

func (e *element) text() string { return string(bytes.TrimSpace(e.chars)) }

const signatureSpace = "http://www.w3.org/2000/09/xmldsig#"

// tree reads a document within the bounds. There are no entities but XML's own five, no document type and no
// processing of instructions, so nothing is fetched and nothing grows. What stands in a signature is left out.
func tree(raw []byte) (root *element, signed bool, err error) {
	if len(raw) > MaxBytes {
		return nil, false, alert.Errorf(alert.CodeTooLarge, "the message is longer than %d bytes, the most that is taken", MaxBytes)
	}
	raw, err = plain(raw)
	if err != nil {
		return nil, false, err
	}
	r := reader{d: xml.NewDecoder(bytes.NewReader(raw))}
	r.d.CharsetReader = charset
	for {
		token, err := r.d.Token()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = r.take(token)
		}
		if err != nil {
			var known *alert.Error
			if errors.As(err, &known) {
				return nil, false, err
			}
			line, column := r.d.InputPos()
			return nil, false, alert.Errorf(alert.CodeMalformed, "not XML at line %d, column %d: %v", line, column, err)
		}
	}
	if r.root == nil {
		return nil, false, alert.Errorf(alert.CodeMalformed, "not XML: there is no element")
	}
	return r.root, r.signed, nil
}

// plain turns UTF-16, which has a byte order mark, into UTF-8 and takes the mark away.
func plain(raw []byte) ([]byte, error) {
	if len(raw) < 2 || raw[0] != 0xfe && raw[0] != 0xff {
		return bytes.TrimPrefix(raw, []byte("\ufeff")), nil
	}
	raw, _, err := transform.Bytes(unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM).NewDecoder(), raw)
	if err != nil {
		return nil, alert.Errorf(alert.CodeMalformed, "not UTF-16: %v", err)
	}
	return raw, nil
}

// charset reads the encodings that the web knows, ISO-8859-1, GB18030, GBK and Big5 among them.
func charset(label string, in io.Reader) (io.Reader, error) {
	if strings.HasPrefix(strings.ToLower(label), "utf-16") {
		return in, nil // plain has done that already
	}
	e, err := htmlindex.Get(label)
	if err != nil {
		return nil, fmt.Errorf("encoding %.40q is not known", label)
	}
	return e.NewDecoder().Reader(in), nil
}

// reader builds the tree.
type reader struct {
	d        *xml.Decoder
	root     *element
	open     []*element
	elements int
	skipping int // depth within a signature
	signed   bool
}

func (r *reader) take(token xml.Token) error {
	switch t := token.(type) {
	case xml.Directive:
		return alert.Errorf(alert.CodeMalformed, "the message holds a document type or entities (<!%.20s…): none is taken, send the message without", t)
	case xml.StartElement:
		return r.begin(&t)
	case xml.EndElement:
		if r.skipping > 0 {
			r.skipping--
			return nil
		}
		r.open = r.open[:len(r.open)-1]
	case xml.CharData:
		return r.chars(t)
	}
	return nil
}

func (r *reader) begin(t *xml.StartElement) error {
	if r.elements++; r.elements > MaxElements {
		return alert.Errorf(alert.CodeTooLarge, "the message has more than %d elements, the most that is taken", MaxElements)
	}
	if len(r.open)+r.skipping >= MaxDepth {
		return alert.Errorf(alert.CodeTooLarge, "the message is nested deeper than %d elements, the most that is taken", MaxDepth)
	}
	if r.skipping > 0 || t.Name.Space == signatureSpace && t.Name.Local == "Signature" && len(r.open) == 1 {
		r.skipping++
		r.signed = true
		return nil
	}
	e := &element{space: t.Name.Space, name: t.Name.Local}
	if len(r.open) == 0 {
		if r.root != nil {
			return errors.New("a second document begins")
		}
		r.root = e
	} else {
		parent := r.open[len(r.open)-1]
		parent.children = append(parent.children, e)
	}
	r.open = append(r.open, e)
	return nil
}

func (r *reader) chars(t xml.CharData) error {
	if r.skipping > 0 {
		return nil
	}
	if len(r.open) == 0 {
		if len(bytes.TrimSpace(t)) > 0 {
			return errors.New("text stands outside of the document")
		}
		return nil
	}
	if !utf8.Valid(t) {
		return errors.New("text is not in the encoding that was declared")
	}
	e := r.open[len(r.open)-1]
	e.chars = append(e.chars, t...)
	return nil
}
