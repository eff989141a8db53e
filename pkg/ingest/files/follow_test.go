package files

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/ingest"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

type door struct {
	got  []string
	full int // messages until it can take no more; 0: never
}

func (d *door) Take(_ context.Context, _ string, messages []ingest.Message) []ingest.Result {
	out := make([]ingest.Result, len(messages))
	for i, m := range messages {
		if d.full > 0 && len(d.got) >= d.full {
			out[i] = ingest.Result{Status: ingest.Refused, Err: alert.Errorf(alert.CodeUnavailable, "full")}
			continue
		}
		d.got = append(d.got, fmt.Sprintf("%v %v", m.Body["n"], m.Body["名"]))
		out[i].Status = ingest.Accepted
	}
	return out
}

type bench struct {
	t   *testing.T
	dir string
	d   *door
	f   *follower
}

func newBench(t *testing.T, format string) *bench {
	b := &bench{t: t, dir: t.TempDir(), d: &door{}}
	if err := os.Mkdir(filepath.Join(b.dir, "drop"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.restart(format)
	return b
}

// restart forgets all that is in memory.
func (b *bench) restart(format string) {
	b.t.Helper()
	b.f = &follower{o: Options{Source: "s", Transport: plan.Transport{Path: "drop/*", Format: format}, DataDir: b.dir, Door: b.d, Count: func(string) {}, Logger: slog.New(slog.DiscardHandler)},
		file: filepath.Join(b.dir, "taken", "s.json"), places: map[string]*place{}}
	if err := b.f.load(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) write(name, text string) {
	b.t.Helper()
	f, err := os.OpenFile(filepath.Join(b.dir, "drop", name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err != nil {
		b.t.Fatal(err)
	}
	f.Close()
}

func (b *bench) want(want ...string) {
	b.t.Helper()
	if err := b.f.look(context.Background()); err != nil {
		b.t.Fatal(err)
	}
	if !slices.Equal(b.d.got, want) {
		b.t.Fatalf("%q were taken, want %q", b.d.got, want)
	}
}

func TestNDJSON(t *testing.T) {
	b := newBench(t, "ndjson")
	b.want()
	b.write("a", `{"n":1,"名":"甲"}`+"\n\n"+`{"n":2,"名":"乙"}`+"\n"+`{"n":3,"名"`)
	b.want("1 甲", "2 乙") // half a line is not taken
	b.write("a", `:"丙"}`)
	b.want("1 甲", "2 乙")
	b.want("1 甲", "2 乙", "3 丙") // it rests: the last line is whole
	b.restart("ndjson")
	b.write("a", "\n"+`{"n":4,"名":"丁"}`+"\n")
	b.d.got = nil
	b.want("4 丁")
	b.d.got = nil
	if err := os.WriteFile(filepath.Join(b.dir, "drop", "a"), []byte(`{"n":9,"名":"another"}`+"\n"+strings.Repeat("no json\n", 60)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.d.full = 1
	b.want("9 another") // another file of the name, and a door that is full
	b.d.full = 0
	b.want(append([]string{"9 another"}, slices.Repeat([]string{"<nil> <nil>"}, 60)...)...)
}

func TestCSV(t *testing.T) {
	b := newBench(t, "csv")
	b.write("a.csv", "\ufeffn,名\n1,甲\n2,\"乙\n乙\"\n3,丙")
	b.want("1 甲", "2 乙\n乙")
	b.write("a.csv", "丙\n4,丁\n")
	b.want("1 甲", "2 乙\n乙", "3 丙丙", "4 丁")
	b.restart("csv")
	b.want("1 甲", "2 乙\n乙", "3 丙丙", "4 丁")
	gb, err := simplifiedchinese.GB18030.NewEncoder().String("n,名\n5,戊\n")
	if err != nil {
		t.Fatal(err)
	}
	b.write("b.csv", gb)
	b.d.got = nil
	b.want("5 戊")
}

func TestOneLineWithoutAnEnd(t *testing.T) {
	b := newBench(t, "ndjson")
	b.write("a", `{"n":1,"名":"甲"}`)
	b.want()
	b.want("1 甲")
	b.want("1 甲")
}

func TestLongLines(t *testing.T) {
	b := newBench(t, "ndjson")
	b.write("a", strings.Repeat("x", portionBytes+10)+"\n"+`{"n":1,"名":"甲"}`+"\n")
	if err := b.f.look(context.Background()); err != nil {
		t.Fatal(err)
	}
	if last := b.d.got[len(b.d.got)-1]; last != "1 甲" {
		t.Errorf("%q", b.d.got)
	}
}

func TestRun(t *testing.T) {
	b := newBench(t, "ndjson")
	b.f.o.Transport.Every = 5 * time.Millisecond
	b.write("a", `{"n":1}`+"\n")
	ctx, cancel := context.WithCancel(context.Background())
	o := b.f.o
	o.Count = func(string) { cancel() }
	if err := Run(ctx, o); err != nil || len(b.d.got) != 1 {
		t.Errorf("%v, %v", err, b.d.got)
	}
}
