package dispatch

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// reflected is what encoding/json makes of v.
func reflected(t interface{ Fatal(...any) }, v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

type drawer struct {
	*rapid.T
	every bool // leave nothing out
	depth int
}

var texts = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"福州 <b>&\u2028\u2029", "\"\\\b\f\n\r\t\x00\x1f\x7f", "\xff\xc3(", "é\xe2\x80"}))

// fill gives every exported field, however deep, a value of its kind.
func (d *drawer) fill(v reflect.Value) {
	if !d.every && v.Kind() != reflect.Struct && rapid.Bool().Draw(d.T, "zero") {
		return
	}
	switch v.Kind() {
	case reflect.String:
		s := texts.Draw(d.T, "text")
		if d.every && s == "" {
			s = "x"
		}
		v.SetString(s)
	case reflect.Int, reflect.Int64: // as a time: up to the year 9999
		v.SetInt(rapid.Int64Range(1, 253402300799999999).Draw(d.T, "int"))
	case reflect.Uint8: // a priority, or a byte of a file
		v.SetUint(rapid.Uint64Range(1, 4).Draw(d.T, "priority"))
	case reflect.Uint64:
		v.SetUint(rapid.Uint64Range(1, 1<<63).Draw(d.T, "uint"))
	case reflect.Float64:
		v.SetFloat(rapid.Float64().Draw(d.T, "float"))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.fill(v.Elem())
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			v.SetBytes([]byte(`{"a":[1,"<福>"]}`))
			return
		}
		n := rapid.IntRange(1, 3).Draw(d.T, "len")
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			if e := v.Index(i); e.Kind() == reflect.Pointer { // never nil in the documents
				e.Set(reflect.New(e.Type().Elem()))
				d.fill(e.Elem())
			} else {
				d.fill(e)
			}
		}
	case reflect.Map:
		for _, key := range []string{"b", "a.yaml"} {
			if v.IsNil() {
				v.Set(reflect.MakeMap(v.Type()))
			}
			member := reflect.New(v.Type().Elem()).Elem()
			d.fill(member)
			v.SetMapIndex(reflect.ValueOf(key), member)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				d.fill(v.Field(i))
			}
		}
	default:
		d.Fatalf("a field of kind %v: teach this test, and AppendJSON", v.Kind())
	}
}

// What documents write of themselves is what encoding/json writes, whatever is set; a field that AppendJSON
// forgets fails here.
func TestAppendJSONIsEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := &drawer{T: t, every: rapid.Bool().Draw(t, "every")}
		var e Event
		d.fill(reflect.ValueOf(&e).Elem())
		if got, want := e.AppendJSON(nil), reflected(t, &e); !bytes.Equal(got, want) {
			t.Fatalf("event:\n%s\nwant\n%s", got, want)
		}
		var c Command
		d.fill(reflect.ValueOf(&c).Elem())
		if got, want := c.AppendJSON(nil), reflected(t, &c); !bytes.Equal(got, want) {
			t.Fatalf("command:\n%s\nwant\n%s", got, want)
		}
		r := Receipt{Tasks: []ReceiptTask{}} // never nil
		d.fill(reflect.ValueOf(&r).Elem())
		if got, want := r.AppendJSON(nil), reflected(t, &r); !bytes.Equal(got, want) {
			t.Fatalf("receipt:\n%s\nwant\n%s", got, want)
		}
	})
}

func BenchmarkEncodeEvent(b *testing.B) {
	var e Event
	example := rapid.Custom(func(t *rapid.T) Event {
		d := &drawer{T: t, every: true}
		d.fill(reflect.ValueOf(&e).Elem())
		e.Files, e.Keep = nil, nil
		return e
	}).Example(1)
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for range b.N {
			buf = example.AppendJSON(buf[:0])
		}
		b.SetBytes(int64(len(buf)))
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			reflected(b, &example)
		}
	})
}
