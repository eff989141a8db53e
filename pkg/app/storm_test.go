package app_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
)

// TestStorm lets one source send as in a typhoon while others send as always. No alert is lost, none of the others
// is refused, and the storm's incidents are folded. With BANYAN_TORTURE it is 20,000 alerts in a minute and the
// others' 99th percentile is held against that of a calm time before.
func TestStorm(t *testing.T) {
	flood, took, others := 2_000, 2*time.Second, 7
	torture := os.Getenv("BANYAN_TORTURE") != ""
	if torture {
		flood, took, others = 20_000, time.Minute, 23
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(testCity)); err != nil {
		t.Fatal(err)
	}
	profile := func(id, more string) {
		if err := os.WriteFile(filepath.Join(dir, "sources", id+".yaml"), []byte("name: 来源\ndepartment: fire\n"+more), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	profile("typhoon", "types: [fire.vehicle]\nstorm: {over: 20, within: 1h, by: city}\n")
	for i := range others {
		profile(fmt.Sprint("calm-", i), "")
	}
	o := options(t, t.TempDir())
	city, err := app.ReadCity(dir)
	if err != nil {
		t.Fatal(err)
	}
	o.City = city
	c := run(t, o)
	key := func(source string) string {
		token, err := auth.Add(o.DataDir, auth.Key{Role: auth.RoleSource, Source: source})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	var accepted, folded, refused atomic.Int64
	send := func(token, id, kind string, ref string) (took time.Duration) {
		body := fmt.Sprintf(`{"id":%q,"type":%q,"occurred_at":"2026-05-01T08:30:00+08:00","location":{"lon":%.6f,"lat":%.6f}%s}`,
			id, kind, 119.0+rand.Float64()*0.5, 25.9+rand.Float64()*0.3, ref)
		for {
			began := time.Now()
			status, header, answer, err := c.send(http.MethodPost, "/api/v1/alerts", token, strings.NewReader(body))
			took = time.Since(began)
			switch {
			case err == nil && status == http.StatusAccepted:
				accepted.Add(1)
				return took
			case err == nil && status == http.StatusTooManyRequests && header.Get("Retry-After") != "":
				refused.Add(1)
				time.Sleep(50 * time.Millisecond)
			default:
				t.Errorf("%s: %v %d %s", id, err, status, answer)
				return took
			}
		}
	}
	tokens := make([]string, others)
	for i := range tokens {
		tokens[i] = key(fmt.Sprint("calm-", i))
	}
	// calm has every other source send ten a second for a while, and returns how long each answer took.
	calm := func(round string, d time.Duration) []time.Duration {
		var mu sync.Mutex
		var all []time.Duration
		var wg sync.WaitGroup
		for i, token := range tokens {
			wg.Go(func() {
				for n, end := 0, time.Now().Add(d); time.Now().Before(end); n++ {
					one := send(token, fmt.Sprint(round, "-", n), "medical", "")
					mu.Lock()
					all = append(all, one)
					mu.Unlock()
					time.Sleep(time.Duration(90+i) * time.Millisecond)
				}
			})
		}
		wg.Wait()
		return all
	}
	typhoon := key("typhoon")
	var before, during []time.Duration
	const slices, senders = 4, 20 // calm and storm in turn, so that whatever else this machine does befalls both
	for slice := range slices {
		before = append(before, calm(fmt.Sprint("before-", slice), took/slices/2)...)
		var wg sync.WaitGroup
		began := time.Now()
		for s := range senders {
			wg.Go(func() {
				for n := s; n < flood/slices; n += senders {
					send(typhoon, fmt.Sprint("storm-", slice, "-", n), "fire.vehicle", "")
					time.Sleep(time.Until(began.Add(took / slices * time.Duration(n) / time.Duration(flood/slices))))
				}
			})
		}
		during = append(during, calm(fmt.Sprint("during-", slice), took/slices)...)
		wg.Wait()
	}
	p99 := func(all []time.Duration) time.Duration {
		sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
		return all[len(all)*99/100]
	}
	t.Logf("calm: %d alerts, p99 %v; beside a storm of %d in %v: %d, p99 %v; told to come again %d times",
		len(before), p99(before), flood, took, len(during), p99(during), refused.Load())
	if torture && p99(during) > p99(before)*3/2 {
		t.Errorf("the others' p99 went from %v to %v", p99(before), p99(during))
	}
	var now struct {
		Today struct{ Alerts, Incidents int }
	}
	c.must(http.StatusOK, http.MethodGet, "/api/v1/statistics/now", c.officer, "", &now)
	if int64(now.Today.Alerts) != accepted.Load() || accepted.Load() != int64(flood+len(before)+len(during)) {
		t.Errorf("%d alerts were accepted, %d are counted", accepted.Load(), now.Today.Alerts)
	}
	for cursor, more := "", true; more; more = cursor != "" {
		var page struct {
			Incidents []struct {
				FoldedCount int `json:"folded_count"`
			}
			Next string
		}
		c.must(http.StatusOK, http.MethodGet, "/api/v1/incidents?limit=500&cursor="+cursor, c.officer, "", &page)
		for _, inc := range page.Incidents {
			folded.Add(int64(inc.FoldedCount))
		}
		cursor = page.Next
	}
	if folded.Load() < int64(flood*9/10) || now.Today.Incidents > len(before)+len(during)+21 {
		t.Errorf("%d of the storm were folded; %d incidents in all", folded.Load(), now.Today.Incidents)
	}
}
