package alert

import (
	"encoding/json"
	"reflect"
	"testing"
)

const report = `{"id": "119-1", "type": "fire.building", "occurred_at": "2026-11-24T10:00:00+08:00",
	"location": {"lon": 119.2965, "lat": 26.0745, "accuracy_m": 30}, "text": "六楼冒烟", "attributes": {"floors": 12, "a": [1, {"b": "}\""}]}}`

// TestDecodePlain holds that what sources send all day takes the short way.
func TestDecodePlain(t *testing.T) {
	if _, ok := decodePlain([]byte(report)); !ok {
		t.Error("a plain report is not read straight through")
	}
}

// FuzzDecodeSubmission holds that the short way and encoding/json never differ.
func FuzzDecodeSubmission(f *testing.F) {
	for _, s := range []string{report, `{}`, `{"id":"a","id":"b"}`, `{"ID":"a"}`, `{"id":null}`, `{"location":{"lon":01}}`, `{"location":{"lon":-0.5e3,"lon":1}}`,
		`{"location":{"lon":-}}`, `{"location":{"lon":1.}}`, `{"id":"\u0041"}`, "{\"id\":\"\xff\"}", `{"attributes":{}} x`, `{"attributes":{"a":}}`, `{"attributes":null}`, `{"x":1}`, `[]`, `{"id":"a",}`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fast, ok := decodePlain(b)
		if !ok {
			return
		}
		var slow Submission
		if err := json.Unmarshal(b, &slow); err != nil {
			t.Fatalf("%q is taken, but encoding/json says %v", b, err)
		}
		if !reflect.DeepEqual(fast, slow) {
			t.Fatalf("%q: %+v, encoding/json reads %+v", b, fast, slow)
		}
	})
}

func BenchmarkDecodeSubmission(b *testing.B) {
	for name, decode := range map[string]func([]byte) (Submission, error){"plain": DecodeSubmission, "reflection": func(b []byte) (s Submission, err error) {
		err = json.Unmarshal(b, &s)
		return s, err
	}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := decode([]byte(report)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
