package redisstore

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDocument holds docs/redis.md against a Redis that mirrors a city at work: every key there is stands in it, with
// its type, its fields and whether it ends, and every line of redis-cli shows something.
func TestDocument(t *testing.T) {
	doc, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	s := startRedis(t)
	n := newNode(t, t.TempDir(), s.url())
	n.work(9)
	n.converged(s)
	ctx := context.Background()
	c := s.client()
	defer c.Close()
	names, today := NamesOf("fuzhou"), time.Now().In(testCity(t).Zone).Format(time.DateOnly)
	eventually(t, "rosters are there", func() error {
		if c.HLen(ctx, names.Roster(today)).Val() == 0 {
			return errors.New("none")
		}
		return nil
	})
	id := c.ZRange(ctx, names.Incidents(), 0, 0).Val()[0]
	cell := c.HGet(ctx, names.Incident(id), "cell").Val()
	row := regexp.MustCompile("(?m)^\\| `(banyan:\\{city\\}:[^`]+)` \\| (\\w+) \\| ([^|]+) \\| `redis-cli ([^`]+)` \\|$")
	fields := regexp.MustCompile("(?m)^\\| `(banyan:\\{city\\}:[^`]+)` \\| ((?:`\\w+` ?)+) \\|$")
	type documented struct{ kind, ttl string }
	rows, of := map[string]documented{}, map[string][]string{}
	for _, m := range row.FindAllStringSubmatch(string(doc), -1) {
		rows[m[1]] = documented{m[2], strings.TrimSpace(m[3])}
		line := m[4]
		at, seat := id, "fire-1"
		if strings.Contains(line, "seat:ID") {
			at = seat
		}
		line = strings.NewReplacer("{city}", "{fuzhou}", "ID", at, "CELL", cell, "DAY", today, "SEAT", seat).Replace(line)
		if out := s.cli(strings.Fields(line)...); out == "" || strings.HasPrefix(out, "ERR") || strings.HasPrefix(out, "WRONGTYPE") {
			t.Errorf("redis-cli %s shows %q", line, out)
		}
	}
	for _, m := range fields.FindAllStringSubmatch(string(doc), -1) {
		of[m[1]] = strings.Split(strings.ReplaceAll(strings.TrimSpace(m[2]), "`", ""), " ")
		slices.Sort(of[m[1]])
	}
	if len(rows) < 10 || len(of) < 4 {
		t.Fatalf("the page lists %d keys, and fields of %d: the test looks for something else", len(rows), len(of))
	}
	seen := map[string]bool{}
	for _, key := range c.Keys(ctx, "*").Val() {
		kind := strings.Replace(key, "{fuzhou}", "{city}", 1)
		for _, prefix := range []string{"incident:", "seat:"} {
			if i := strings.Index(kind, prefix); i >= 0 {
				kind = kind[:i] + prefix + "ID"
			}
		}
		if i := strings.Index(kind, "roster:"); i >= 0 {
			kind = kind[:i] + "roster:DAY"
		}
		seen[kind] = true
		d, ok := rows[kind]
		if !ok {
			t.Errorf("%s is not on the page", key)
			continue
		}
		if got := c.Type(ctx, key).Val(); got != d.kind {
			t.Errorf("%s is a %s, the page says %s", key, got, d.kind)
		}
		if ends := c.TTL(ctx, key).Val() > 0; ends != (d.ttl != "–") {
			t.Errorf("%s ends: %v, the page says %s", key, ends, d.ttl)
		}
		if want := of[kind]; want != nil && d.kind == "hash" {
			if got := c.HKeys(ctx, key).Val(); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
				t.Errorf("%s has the fields %v, the page says %v", key, got, want)
			}
		}
	}
	first := c.XRangeN(ctx, names.Events(), "-", "+", 1).Val()[0]
	var got []string
	for f := range first.Values {
		got = append(got, f)
	}
	if slices.Sort(got); !slices.Equal(got, of["banyan:{city}:events"]) {
		t.Errorf("an entry has the fields %v, the page says %v", got, of["banyan:{city}:events"])
	}
	for kind := range rows {
		if !seen[kind] {
			t.Errorf("%s is on the page and not in Redis", kind)
		}
	}
}
