package cloudevents

import (
	"net/http"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/ingest"
)

const event = `{"specversion":"1.0","id":"7","source":"/bikes/3","type":"com.example.alarm","time":"2026-05-01T08:30:00+08:00",
"traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","data":{"temperature":81.5,"no":12345678901234567890}}`

func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func TestModes(t *testing.T) {
	binary := headers("Content-Type", "application/json", "ce-specversion", "1.0", "ce-id", "7", "ce-source", "/bikes/3", "ce-type", "com.example.alarm",
		"ce-subject", "%E7%A6%8F", "ce-traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	for name, c := range map[string]struct {
		header http.Header
		body   string
		n      int
	}{
		"structured": {headers("Content-Type", Structured+"; charset=utf-8"), event, 1},
		"batch":      {headers("Content-Type", Batch), "[" + event + "," + event + "]", 2},
		"none":       {headers("Content-Type", Batch), "[]", 0},
		"binary":     {binary, `{"temperature":81.5,"no":12345678901234567890}`, 1},
		"base64":     {headers("Content-Type", Structured), `{"specversion":"1.0","id":"7","source":"/bikes/3","type":"com.example.alarm","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","data_base64":"eyJ0ZW1wZXJhdHVyZSI6ODEuNSwibm8iOiIxMjM0NTY3ODkwMTIzNDU2Nzg5MCJ9"}`, 1},
	} {
		got, err := Read(c.header, []byte(c.body))
		if err != nil || len(got) != c.n {
			t.Errorf("%s: %d, %v", name, len(got), err)
			continue
		}
		for _, m := range got {
			if m.ID != "/bikes/3#7" || m.Kind != "cloudevent" || m.Body["temperature"] != 81.5 || m.Body["no"] != "12345678901234567890" ||
				m.Headers["ce-type"] != "com.example.alarm" || !strings.HasPrefix(m.Headers["traceparent"], "00-0af7") {
				t.Errorf("%s: %+v", name, m)
			}
		}
	}
	if m, err := Read(binary, nil); err != nil || m[0].Headers["ce-subject"] != "福" {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestRefused(t *testing.T) {
	structured := headers("Content-Type", Structured)
	for name, c := range map[string]struct {
		header http.Header
		body   string
		code   alert.Code
		field  string
	}{
		"another type":  {headers("Content-Type", "application/json"), event, alert.CodeUnsupportedType, ""},
		"no JSON":       {structured, "{", alert.CodeMalformed, ""},
		"deep":          {structured, strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000), alert.CodeMalformed, ""},
		"long":          {structured, `{"a":"` + strings.Repeat("x", ingest.MaxMessageBytes) + `"}`, alert.CodeTooLarge, ""},
		"no id":         {structured, strings.Replace(event, `"id":"7"`, `"id":""`, 1), alert.CodeInvalid, "id"},
		"another spec":  {structured, strings.Replace(event, `"1.0"`, `"0.3"`, 1), alert.CodeInvalid, "specversion"},
		"time":          {structured, strings.Replace(event, `08:30:00+08:00`, `08:30`, 1), alert.CodeInvalid, "time"},
		"base64":        {structured, strings.Replace(event, `"data":{`, `"data_base64":"*","x":{`, 1), alert.CodeInvalid, "data_base64"},
		"no array":      {headers("Content-Type", Batch), event, alert.CodeMalformed, ""},
		"one of two":    {headers("Content-Type", Batch), "[" + event + ",{}]", alert.CodeInvalid, "[1].id"},
		"many":          {headers("Content-Type", Batch), "[" + strings.Repeat("1,", MaxBatchEvents) + "1]", alert.CodeTooLarge, ""},
		"binary, no id": {headers("ce-specversion", "1.0", "ce-source", "x", "ce-type", "y"), "{}", alert.CodeInvalid, "ce-id"},
	} {
		_, err := Read(c.header, []byte(c.body))
		if alert.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
			continue
		}
		if e, ok := err.(*alert.Error); ok && c.field != "" && e.Fields[0].Field != c.field {
			t.Errorf("%s: %v, want %s", name, err, c.field)
		}
	}
	if _, err := Body(Structured, strings.NewReader(strings.Repeat("x", ingest.MaxMessageBytes+1))); alert.CodeOf(err) != alert.CodeTooLarge {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(Structured, "", []byte(event))
	f.Add(Batch, "", []byte("["+event+"]"))
	f.Add("application/json", "1.0", []byte(`{"a":[1]}`))
	f.Fuzz(func(t *testing.T, kind, version string, body []byte) {
		h := headers("Content-Type", kind)
		if version != "" {
			h = headers("Content-Type", kind, "ce-specversion", version, "ce-id", "1", "ce-source", "s", "ce-type", "t")
		}
		messages, err := Read(h, body)
		if err != nil && alert.CodeOf(err) == alert.CodeInternal {
			t.Fatal(err)
		}
		for _, m := range messages {
			if err == nil && (m.ID == "" || m.Body == nil) {
				t.Fatalf("%+v", m)
			}
		}
	})
}
