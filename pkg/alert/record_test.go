package alert

import (
	"reflect"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/wire"
)

// fill gives every field of v, however deep, a value of its own.
func fill(t *testing.T, v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString("值" + string(rune('a'+*n%26)) + string(rune('a'+*n/26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n) * -1_000_003)
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(uint64(*n % 256))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.25)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range v.Len() {
			fill(t, v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), n)
		}
	default:
		t.Fatalf("nobody can fill a %v", v.Type())
	}
}

// Every field of an incident goes into its record and comes out of it: one that is added to the type and not to Record is
// found here.
func TestIncidentRecord(t *testing.T) {
	var want, got Incident
	n := 0
	fill(t, reflect.ValueOf(&want).Elem(), &n)
	if rest, err := wire.ReadSized(wire.Sized(nil, want.Record), got.Record); err != nil || len(rest) > 0 || !reflect.DeepEqual(want, got) {
		t.Errorf("%v\ngot  %s\nwant %s", err, got.AppendJSON(nil), want.AppendJSON(nil))
	}
	if b := wire.Sized(nil, new(Incident).Record); len(b) != 1 {
		t.Errorf("an empty incident takes %d bytes beside its length", len(b)-1)
	}
}
