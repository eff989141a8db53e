package wire

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"pgregory.net/rapid"
)

type outer struct {
	Name   string
	N      int64
	Small  uint8
	Yes    bool
	F      float64
	Words  []string
	Seqs   []uint64
	One    *inner
	Many   []inner
	Newest string
}

type inner struct {
	Word string
	Deep *inner
}

func (o *outer) record(r *Record) {
	Text(r, 1, &o.Name)
	Int(r, 2, &o.N)
	Int(r, 3, &o.Small)
	r.Bool(4, &o.Yes)
	r.Float(5, &o.F)
	Texts(r, 6, &o.Words)
	Ints(r, 7, &o.Seqs)
	Part(r, 8, &o.One, recordInner)
	Parts(r, 9, &o.Many, recordInner)
	Text(r, 300, &o.Newest)
}

func recordInner(r *Record, x *inner) {
	Text(r, 1, &x.Word)
	Part(r, 2, &x.Deep, recordInner)
}

func anInner(t *rapid.T, depth int) (x inner) {
	x.Word = rapid.String().Draw(t, "word")
	if depth > 0 && rapid.Bool().Draw(t, "deep") {
		d := anInner(t, depth-1)
		x.Deep = &d
	}
	return x
}

func anOuter(t *rapid.T) (o outer) {
	o.Name, o.N, o.Small = rapid.String().Draw(t, "name"), rapid.Int64().Draw(t, "n"), rapid.Uint8().Draw(t, "small")
	o.Yes, o.F, o.Newest = rapid.Bool().Draw(t, "yes"), rapid.Float64().Draw(t, "f"), rapid.String().Draw(t, "newest")
	for range rapid.IntRange(0, 12).Draw(t, "words") {
		o.Words = append(o.Words, rapid.String().Draw(t, "a word"))
	}
	for range rapid.IntRange(0, 12).Draw(t, "seqs") {
		o.Seqs = append(o.Seqs, rapid.Uint64().Draw(t, "seq"))
	}
	if rapid.Bool().Draw(t, "one") {
		x := anInner(t, 3)
		o.One = &x
	}
	for range rapid.IntRange(0, 4).Draw(t, "many") {
		o.Many = append(o.Many, anInner(t, 2))
	}
	return o
}

// whole returns the record that f describes without its length.
func whole(f func(*Record)) []byte {
	var r Record
	f(&r)
	return r.b
}

// read reads all of b.
func read(b []byte, f func(*Record)) error {
	rest, err := ReadSized(protowire.AppendBytes(nil, b), f)
	if len(rest) > 0 {
		return errors.New("something is left")
	}
	return err
}

// What is written is read again, also by who knows fewer fields, and one cut short is noticed or is what it was before the
// field that is missing.
func TestThereAndBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, second := anOuter(t), anOuter(t)
		b := Sized(Sized(nil, want.record), second.record)
		for _, w := range []outer{want, second} {
			var got outer
			rest, err := ReadSized(b, got.record)
			if err != nil || !reflect.DeepEqual(got, w) {
				t.Fatalf("%v\ngot  %+v\nwant %+v", err, got, w)
			}
			b = rest
		}
		if len(b) != 0 {
			t.Fatalf("%d bytes are left", len(b))
		}
		b = whole(want.record)
		var name, newest string
		if err := read(b, func(r *Record) { Text(r, 1, &name); Text(r, 300, &newest) }); err != nil || name != want.Name || newest != want.Newest {
			t.Fatalf("%q, %q, %v", name, newest, err)
		}
		if err := read(b, func(r *Record) { Text(r, 1, &name) }); err != nil {
			t.Fatal(err)
		}
		var cut outer
		part := b[:rapid.IntRange(0, len(b)).Draw(t, "cut")]
		if err := read(part, cut.record); err == nil && !bytes.HasPrefix(b, whole(cut.record)) || err != nil && !errors.Is(err, ErrRecord) {
			t.Fatalf("of %d bytes of %d: %+v, %v", len(part), len(b), cut, err)
		}
	})
}

// It is the wire format of Protocol Buffers.
func TestProtobuf(t *testing.T) {
	o := outer{Name: "榕", N: -1, Seqs: []uint64{7, 9}}
	b := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "榕")
	b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), ^uint64(0))
	b = protowire.AppendBytes(protowire.AppendTag(b, 7, protowire.BytesType), []byte{14, 4})
	if got := whole(o.record); !bytes.Equal(got, b) {
		t.Errorf("%x, want %x", got, b)
	}
}

func TestWrong(t *testing.T) {
	tag := protowire.AppendTag
	for name, b := range map[string][]byte{
		"no tag":           {0x80},
		"descending":       protowire.AppendVarint(tag(protowire.AppendVarint(tag(nil, 3, protowire.VarintType), 1), 2, protowire.VarintType), 1),
		"another kind":     protowire.AppendVarint(tag(nil, 1, protowire.VarintType), 1),
		"too large":        protowire.AppendVarint(tag(nil, 3, protowire.VarintType), 256),
		"endless text":     append(tag(nil, 1, protowire.BytesType), 200, 'x'),
		"endless unknown":  append(tag(nil, 200, protowire.BytesType), 200, 'x'),
		"half a float":     append(tag(nil, 5, protowire.Fixed64Type), 1, 2),
		"damaged part":     protowire.AppendBytes(tag(nil, 8, protowire.BytesType), []byte{0x80}),
		"damaged numbers":  protowire.AppendBytes(tag(nil, 7, protowire.BytesType), []byte{0x80}),
		"unknown at depth": protowire.AppendBytes(tag(nil, 8, protowire.BytesType), append(tag(nil, 9, protowire.BytesType), 9)),
	} {
		var o outer
		if err := read(b, o.record); !errors.Is(err, ErrRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadSized([]byte{5, 1}, func(*Record) {}); !errors.Is(err, ErrRecord) {
		t.Errorf("a length past the end: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(whole((&outer{Name: "x", Words: []string{"a"}, Seqs: []uint64{1}, One: &inner{Word: "y"}}).record))
	f.Fuzz(func(t *testing.T, b []byte) {
		var o, again outer
		if read(b, o.record) != nil {
			return
		}
		if err := read(whole(o.record), again.record); err != nil {
			t.Fatal(err)
		}
	})
}
