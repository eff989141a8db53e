package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-ecc/banyan/pkg/bench"
)

// notifier is a service that turns an alert into a webhook.
type notifier struct {
	*process
	name, kept string
	post       func(ctx context.Context, n uint64) error // one alert
	batch      func(ctx context.Context, from, n uint64) error
	end        func()
}

const (
	notifyBatch   = 100 // alerts in one request
	notifyClients = 16
	hookSecret    = "bench-secret-of-a-hook"
	againAfter    = 10 * time.Millisecond
)

// receiver takes webhooks, and notes when each alert came first.
type receiver struct {
	url string
	mu  sync.Mutex
	at  map[uint64]int64
	got atomic.Int64
}

func newReceiver() (*receiver, error) {
	r := &receiver{at: map[uint64]int64{}}
	where, err := serveHTTP(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		b, err := io.ReadAll(req.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		now, ids := clock(), numbers{}
		ids.frame(b, true, func(n uint64) {
			r.mu.Lock()
			defer r.mu.Unlock()
			if _, ok := r.at[n]; !ok {
				r.at[n] = now
				r.got.Add(1)
			}
		})
	}))
	r.url = "http://" + where + "/"
	return r, err
}

// await waits until n alerts came, and returns when the last did.
func (r *receiver) await(ctx context.Context, n int64) error {
	for end := time.Now().Add(time.Minute); r.got.Load() < n; time.Sleep(50 * time.Microsecond) {
		if time.Now().After(end) || ctx.Err() != nil {
			return fmt.Errorf("%d of %d alerts came as webhooks", r.got.Load(), n)
		}
	}
	return nil
}

func (r *receiver) last() (last int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, at := range r.at {
		last = max(last, at)
	}
	return last
}

// startAlertmanager waits for nothing: each alert is a group of its own and group_wait is 0.
func (d *driver) startAlertmanager(to *receiver) (*notifier, error) {
	dir, err := d.dir("alertmanager")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "alertmanager.yaml")
	settings := fmt.Sprintf("route: {receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1m, repeat_interval: 1h}\nreceivers:\n- name: hook\n  webhook_configs:\n  - {url: %q, send_resolved: false}\n", to.url)
	if err := os.WriteFile(path, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", ports[0])
	p, _, err := launch(nil, "prometheus-alertmanager", "--config.file="+path, "--storage.path="+dir, "--web.listen-address="+addr, "--cluster.listen-address=", "--log.level=error")
	if err != nil {
		return nil, err
	}
	if err := reachable(p, addr); err != nil {
		p.stop()
		return nil, err
	}
	n := &notifier{process: p, name: "Alertmanager (Debian), group_wait 0", kept: "nothing (snapshot every 15 min)", end: p.stop}
	n.batch = func(ctx context.Context, from, count uint64) error {
		var list []map[string]any
		for i := from; i < from+count; i++ {
			// The same fields as the alert that Banyan gets, so that the bytes are about the same.
			list = append(list, map[string]any{"labels": map[string]string{"alertname": d.kind, "id": fmt.Sprintf("bench-%0*d", idDigits, i)}, "annotations": map[string]string{"alert": string(d.body(i)[:350])}})
		}
		b, err := json.Marshal(list)
		if err == nil {
			_, err = post(ctx, "http://"+addr+"/api/v2/alerts", "", "application/json", b)
		}
		return err
	}
	n.post = func(ctx context.Context, i uint64) error { return n.batch(ctx, i, 1) }
	return n, nil
}

// startOne is banyan serve with a target of webhooks that is sent an event a request, as Alertmanager sends each group.
func (d *driver) startOne(to *receiver) (*notifier, error) {
	return d.startNotifier(to, "signed, an event a request", 0)
}

// startBatch is banyan serve with a target that is sent whatever waits.
func (d *driver) startBatch(to *receiver) (*notifier, error) {
	return d.startNotifier(to, fmt.Sprintf("signed, batch: %d", notifyBatch), notifyBatch)
}

func (d *driver) startNotifier(to *receiver, how string, batch int) (*notifier, error) {
	c, err := startCentre(d, func(data string) error {
		if err := os.WriteFile(filepath.Join(data, "hook.bench"), []byte(hookSecret), 0o600); err != nil {
			return err
		}
		targets := fmt.Sprintf("targets:\n- {id: bench, url: %q, secret_file: hook.bench, events: [incident.opened], whole: true, batch: %d}\n", to.url, batch)
		return os.WriteFile(filepath.Join(data, "hooks.yaml"), []byte(targets), 0o600)
	})
	if err != nil {
		return nil, err
	}
	n := &notifier{process: c.process, name: "banyan serve, " + how, kept: "journal, and how far the target came", end: c.stop}
	n.post = func(ctx context.Context, i uint64) error {
		_, err := c.report(ctx, i, d.body(i))
		return err
	}
	n.batch = func(ctx context.Context, from, count uint64) error {
		var b bytes.Buffer
		for i := from; i < from+count; i++ {
			b.Write(d.body(i))
			b.WriteByte('\n')
		}
		for { // a source is held to a rate: lines above it come again, those that were taken are known
			answer, err := post(ctx, c.url+"/api/v1/alerts:batch", c.sources[from/count%uint64(len(c.sources))], "application/x-ndjson", b.Bytes())
			if err != nil || !bytes.Contains(answer, []byte(`"status":429`)) {
				return err
			}
			time.Sleep(againAfter)
		}
	}
	return n, nil
}

// notified is what a notifier did.
type notified struct {
	p50, p99       time.Duration // POST → webhook, one after the other
	single, batchd float64       // webhooks a second under load
}

func (d *driver) notified(ctx context.Context, start func(*receiver) (*notifier, error)) (out notified, n *notifier, err error) {
	to, err := newReceiver()
	if err != nil {
		return out, nil, err
	}
	if n, err = start(to); err != nil {
		return out, nil, err
	}
	defer n.end()
	h, next := newHistogram(), uint64(1)
	for i := range d.events + 20 {
		began := clock()
		if err := n.post(ctx, next); err != nil {
			return out, nil, err
		}
		if err := to.await(ctx, int64(next)); err != nil {
			return out, nil, err
		}
		if i >= 20 {
			_ = h.RecordValue(to.last1(next) - began)
		}
		next++
	}
	out.p50, out.p99 = quantile(h, 50), quantile(h, 99)
	if out.single, next, err = d.flood(ctx, to, next, 1, func(from, _ uint64) error { return n.post(ctx, from) }); err != nil {
		return out, nil, err
	}
	out.batchd, _, err = d.flood(ctx, to, next, notifyBatch, func(from, count uint64) error { return n.batch(ctx, from, count) })
	return out, n, err
}

func (r *receiver) last1(n uint64) int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at[n]
}

// flood posts from several clients for a while and returns how many webhooks a second came of it, until the last.
func (d *driver) flood(ctx context.Context, to *receiver, next, size uint64, send func(from, count uint64) error) (perSecond float64, after uint64, err error) {
	var at atomic.Uint64
	at.Store(next)
	began := clock()
	errs := make(chan error, notifyClients)
	for range notifyClients {
		go func() {
			var err error
			for err == nil && clock()-began < int64(d.length) {
				err = send(at.Add(size)-size, size)
			}
			errs <- err
		}()
	}
	for range notifyClients {
		if e := <-errs; e != nil {
			err = e
		}
	}
	if err != nil {
		return 0, 0, err
	}
	if err := to.await(ctx, int64(at.Load()-1)); err != nil {
		return 0, 0, err
	}
	return float64(at.Load()-next) / time.Duration(to.last()-began).Seconds(), at.Load(), nil
}

// notifies compares alert → route → notify.
func (d *driver) notifies(ctx context.Context) error {
	starts := []func(*receiver) (*notifier, error){d.startOne, d.startBatch, d.startAlertmanager}
	seen, who := make([][]notified, len(starts)), make([]*notifier, len(starts))
	var bare []time.Duration
	for range d.rounds {
		http, err := bench.PostFloor(ctx, d.events)
		if err != nil {
			return err
		}
		bare = append(bare, http)
		for i, start := range starts {
			got, n, err := d.notified(ctx, start)
			if err != nil {
				return err
			}
			seen[i], who[i] = append(seen[i], got), n
		}
	}
	d.table.kept = kept{who[0].kept, floorPeer.kept, who[len(who)-1].kept}
	pick := func(i int, f func(notified) float64) float64 {
		var list []float64
		for _, n := range seen[i] {
			list = append(list, f(n))
		}
		return medianOf(list)
	}
	fmt.Printf("    %-45s %-38s %11s %11s %16s %20s\n", "", "kept", "p50", "p99", "single POSTs", fmt.Sprintf("requests of %d", notifyBatch))
	p50, single, batch := make([]float64, len(starts)), make([]float64, len(starts)), make([]float64, len(starts))
	for i := range starts {
		p50[i], single[i], batch[i] = pick(i, func(n notified) float64 { return float64(n.p50) }), pick(i, func(n notified) float64 { return n.single }), pick(i, func(n notified) float64 { return n.batchd })
		fmt.Printf("    %-45s %-38s %11v %11v %14.0f/s %18.0f/s\n", who[i].name, who[i].kept, short(time.Duration(p50[i])), short(time.Duration(pick(i, func(n notified) float64 { return float64(n.p99) }))), single[i], batch[i])
	}
	peer := len(starts) - 1
	d.table.under("alert → webhook, p50", time.Duration(p50[0]), 2*medianOf(bare), "two bare POSTs", time.Duration(p50[peer]), "Alertmanager", 0.5)
	for i, how := range []string{"an event a request", fmt.Sprintf("batch: %d", notifyBatch)} {
		for _, r := range []struct {
			load  string
			rates []float64
		}{{"single POSTs", single}, {fmt.Sprintf("%d a request", notifyBatch), batch}} {
			d.table.add(row{figure: "alert → webhook, " + how + ", " + r.load, value: fmt.Sprintf("%.0f/s", r.rates[i]), floor: none, peer: fmt.Sprintf("%.0f/s Alertmanager", r.rates[peer]),
				ratio: fmt.Sprintf("%.2f × peer", r.rates[i]/r.rates[peer]), aim: "≥ 4 × peer", met: r.rates[i] >= 4*r.rates[peer]})
		}
	}
	return nil
}
