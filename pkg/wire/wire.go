// Package wire writes and reads records in the wire format of Protocol Buffers. A record is described once, by a function
// that names its fields in ascending order of their numbers; the same function writes and reads, in one pass. A field with
// its zero value is not written; one with a number that the function does not name is passed over, so that records may
// gain fields. A field's number and kind are for ever. What is written is only read: others may read it meanwhile.
//
// All texts of a record share one allocation.
package wire

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Number is that of a field.
type Number = protowire.Number

// ErrRecord means that bytes are no record of the kind that was asked for.
var ErrRecord = errors.New("damaged record")

// Record is a record on its way to or from bytes.
type Record struct {
	b       []byte // written, or what is left to read
	text    string // reading: what is left, as a string
	reading bool
	number  Number // reading: of the field at hand, whose value b begins with; 0 at the end
	kind    protowire.Type
	err     error
}

// Sized appends a record with its length before it, so that others may follow.
func Sized(b []byte, f func(*Record)) []byte {
	r := Record{b: b}
	r.sized(func() { f(&r) })
	return r.b
}

// ReadSized reads the record that Sized appended at the front of b, which it does not keep, and returns what follows it.
// The error is an ErrRecord.
func ReadSized(b []byte, f func(*Record)) (rest []byte, err error) {
	size, n := protowire.ConsumeVarint(b)
	if n < 0 || size > uint64(len(b)-n) {
		return nil, fmt.Errorf("%w: it ends early", ErrRecord)
	}
	end := n + int(size)
	r := Record{b: b[n:end], text: string(b[n:end]), reading: true}
	r.read(f)
	return b[end:], r.err
}

func (r *Record) read(f func(*Record)) {
	r.next()
	f(r)
	for r.number != 0 {
		r.pass()
	}
}

func (r *Record) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: field %d: %s", ErrRecord, r.number, what)
	}
	r.b, r.text, r.number = nil, "", 0
}

// next takes the head of the next field.
func (r *Record) next() {
	if len(r.b) == 0 {
		r.number = 0
		return
	}
	number, kind, n := protowire.ConsumeTag(r.b)
	if n < 0 || number < r.number {
		r.fail("no ascending number follows")
		return
	}
	r.number, r.kind = number, kind
	r.advance(n)
}

func (r *Record) advance(n int) { r.b, r.text = r.b[n:], r.text[n:] }

// pass leaves out the field at hand.
func (r *Record) pass() {
	n := protowire.ConsumeFieldValue(r.number, r.kind, r.b)
	if n < 0 {
		r.fail("no value")
		return
	}
	r.advance(n)
	r.next()
}

// at reports whether the field at hand is field n.
func (r *Record) at(n Number, kind protowire.Type) bool {
	for r.number != 0 && r.number < n {
		r.pass()
	}
	if r.number != n {
		return false
	}
	if r.kind != kind {
		r.fail("is of another kind")
		return false
	}
	return true
}

func (r *Record) varint() uint64 {
	v, n := protowire.ConsumeVarint(r.b)
	if n < 0 {
		r.fail("no number")
		return 0
	}
	r.advance(n)
	r.next()
	return v
}

// part returns the value at hand, of a field with a length.
func (r *Record) part() (b []byte, text string) {
	size, n := protowire.ConsumeVarint(r.b)
	if n < 0 || size > uint64(len(r.b)-n) {
		r.fail("ends early")
		return nil, ""
	}
	end := n + int(size)
	b, text = r.b[n:end:end], r.text[n:end]
	r.advance(end)
	r.next()
	return b, text
}

// Text is a field of text.
func Text[T ~string](r *Record, n Number, p *T) {
	switch {
	case r.reading:
		if r.at(n, protowire.BytesType) {
			_, s := r.part()
			*p = T(s)
		}
	case *p != "":
		r.b = protowire.AppendString(protowire.AppendTag(r.b, n, protowire.BytesType), string(*p))
	}
}

// Int is a field of a whole number.
func Int[T ~int | ~int64 | ~uint64 | ~uint8](r *Record, n Number, p *T) {
	switch {
	case r.reading:
		if r.at(n, protowire.VarintType) {
			v := r.varint()
			if *p = T(v); uint64(*p) != v {
				r.fail("is too large a number")
			}
		}
	case *p != 0:
		r.b = protowire.AppendVarint(protowire.AppendTag(r.b, n, protowire.VarintType), uint64(*p))
	}
}

// Bool is a field that is true or absent.
func (r *Record) Bool(n Number, p *bool) {
	switch {
	case r.reading:
		if r.at(n, protowire.VarintType) {
			*p = r.varint() != 0
		}
	case *p:
		r.b = protowire.AppendVarint(protowire.AppendTag(r.b, n, protowire.VarintType), 1)
	}
}

// Float is a field of a floating-point number.
func (r *Record) Float(n Number, p *float64) {
	switch {
	case r.reading:
		if r.at(n, protowire.Fixed64Type) {
			v, size := protowire.ConsumeFixed64(r.b)
			if size < 0 {
				r.fail("no number")
				return
			}
			*p = math.Float64frombits(v)
			r.advance(size)
			r.next()
		}
	case *p != 0:
		r.b = protowire.AppendFixed64(protowire.AppendTag(r.b, n, protowire.Fixed64Type), math.Float64bits(*p))
	}
}

// Texts is a field of several texts. None are not written; read, they are what *p was before.
func Texts[T ~string](r *Record, n Number, p *[]T) {
	if !r.reading {
		for _, s := range *p {
			r.b = protowire.AppendString(protowire.AppendTag(r.b, n, protowire.BytesType), string(s))
		}
		return
	}
	var room [8]T // most lists are short
	found := room[:0]
	for r.at(n, protowire.BytesType) {
		_, s := r.part()
		found = append(found, T(s))
	}
	*p = slices.Clip(append(*p, found...))
}

// Ints is a field of several numbers, each written as its distance from the one before.
func Ints[T ~uint64](r *Record, n Number, p *[]T) {
	if !r.reading {
		if len(*p) == 0 {
			return
		}
		r.nest(n, func() {
			before := T(0)
			for _, v := range *p {
				r.b = protowire.AppendVarint(r.b, protowire.EncodeZigZag(int64(v-before)))
				before = v
			}
		})
		return
	}
	if !r.at(n, protowire.BytesType) {
		return
	}
	b, _ := r.part()
	count := 0
	for _, c := range b {
		if c < 0x80 { // the last byte of a number
			count++
		}
	}
	*p = make([]T, 0, count)
	for before := T(0); len(b) > 0; {
		v, size := protowire.ConsumeVarint(b)
		if size < 0 {
			r.fail("no number")
			return
		}
		before += T(protowire.DecodeZigZag(v))
		*p, b = append(*p, before), b[size:]
	}
}

// Part is a field that is a record itself, or absent. What *p points to is read into; where it is nil there is a new one.
func Part[T any](r *Record, n Number, p **T, f func(*Record, *T)) {
	switch {
	case r.reading:
		if r.at(n, protowire.BytesType) {
			if *p == nil {
				*p = new(T)
			}
			r.sub(func(x *Record) { f(x, *p) })
		}
	case *p != nil:
		r.nest(n, func() { f(r, *p) })
	}
}

// Parts is a field of several records. None are not written; read, they are what *p was before.
func Parts[T any](r *Record, n Number, p *[]T, f func(*Record, *T)) {
	if !r.reading {
		for i := range *p {
			r.nest(n, func() { f(r, &(*p)[i]) })
		}
		return
	}
	for r.at(n, protowire.BytesType) {
		var x T
		r.sub(func(sub *Record) { f(sub, &x) })
		*p = append(*p, x)
	}
	*p = slices.Clip(*p)
}

// sub reads the record at hand.
func (r *Record) sub(f func(*Record)) {
	x := Record{reading: true}
	x.b, x.text = r.part()
	x.read(f)
	if x.err != nil {
		r.fail(x.err.Error())
	}
}

// nest writes a field with a length: what f appends.
func (r *Record) nest(n Number, f func()) {
	r.b = protowire.AppendTag(r.b, n, protowire.BytesType)
	r.sized(f)
}

// sized has f append something and puts its length before it.
func (r *Record) sized(f func()) {
	at := len(r.b)
	f()
	size := len(r.b) - at
	var length [10]byte
	head := copy(length[:], protowire.AppendVarint(length[:0], uint64(size)))
	r.b = append(r.b, length[:head]...)
	copy(r.b[at+head:], r.b[at:at+size])
	copy(r.b[at:], length[:head])
}
