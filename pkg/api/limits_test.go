package api_test

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
)

// TestSourceRate: a source past the rate in its profile is told to wait; another is not held up by it, and
// asking again for an accepted alert counts as well.
func TestSourceRate(t *testing.T) {
	c := newCentre(t)
	c.post("slow", alertAt("1", "fire.vehicle", 0, 0))
	c.post("slow", alertAt("2", "fire.vehicle", 0, 0)) // its burst is 2
	for range 2 {
		a := c.must(http.MethodPost, "/api/v1/alerts", c.source("slow"), alertAt("3", "fire.vehicle", 0, 0))
		p, err := problem(a)
		if err != nil || p.Code != alert.CodeRateLimited || !strings.Contains(p.Detail, "slow") {
			t.Fatalf("%v: %d %s", err, a.status, a.body)
		}
		if s, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || s < 1 {
			t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
		}
	}
	for i, r := range c.batch("slow", alertAt("1", "fire.vehicle", 0, 0)+"\n"+alertAt("4", "fire.vehicle", 0, 0)) {
		if r.Line != i+1 || r.Status != http.StatusTooManyRequests || r.Problem.Code != alert.CodeRateLimited {
			t.Errorf("in a batch: %+v", r)
		}
	}
	c.post("fire-119", alertAt("1", "fire.vehicle", 0, 0))
}

// TestKeyRate: a key past its rate is refused and told when to come back; other keys are not.
func TestKeyRate(t *testing.T) {
	c := newCentre(t)
	wall, other := c.wall(), c.officer("fire-1")
	const clients = 8
	var refused, served atomic.Int64
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			// As fast as it goes, until the burst is used up; the bound is for a machine too slow for that.
			for range 100 * api.KeyBurst / clients {
				a, err := c.send(http.MethodGet, "/api/v1/statistics/now", wall, "", nil)
				if err != nil {
					t.Error(err)
					return
				}
				if a.status == http.StatusOK {
					served.Add(1)
					continue
				}
				if p, err := problem(a); err != nil || p.Code != alert.CodeRateLimited {
					t.Errorf("%v: %d %s", err, a.status, a.body)
				}
				refused.Add(1)
				return
			}
		})
	}
	all.Wait()
	if served.Load() < api.KeyBurst || refused.Load() == 0 {
		t.Errorf("%d served, %d clients refused; the burst is %d", served.Load(), refused.Load(), api.KeyBurst)
	}
	if a := c.must(http.MethodGet, "/api/v1/statistics/now", other, ""); a.status != http.StatusOK {
		t.Errorf("another key: %d %s", a.status, a.body)
	}
}
