package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	batchLines      = 5_000 // of an NDJSON batch
	batchesAtMost   = 16    // at a time; more lines than that say nothing new
	batchTries      = 100   // to have a line accepted that the source's share of the queue has no room for
	groupWriters    = 64    // of the floor of writing together
	partOne         = "one alert"
	partRates       = "rates"
	httpSteps       = 4 // times Rounds, for what takes a fraction of a millisecond
	aimSingleShare  = 0.7
	aimBatchShare   = 0.6
	aimClients      = 64
	aimCommits      = 1.3 // a commit is so many times the bare write and sync
	aimFan          = 1.2 // the last of many walls, of bare writes
	aimFanWalls     = 1000
	besideThatSaid  = "bare net/http"
	besideGroupSaid = "bare group commit of 64 writers"
)

// singles compares one alert after the other with what it must cost: HTTP and one synchronous write.
func (b *bench) singles(ctx context.Context) error {
	floor, stop, err := bareServer()
	if err != nil {
		return err
	}
	defer stop()
	if b.httpFloor, err = b.oneByOne(ctx, floor, b.o.Rounds*httpSteps); err != nil {
		return err
	}
	if b.syncFloor, err = syncFloor(b.o.Dir, b.o.Rounds*2); err != nil {
		return err
	}
	q, err := b.oneByOne(ctx, b.alerts(), b.o.Rounds*httpSteps)
	if err != nil {
		return err
	}
	b.printf("one alert after the other\n")
	b.tell(b.httpFloor.figure(partOne, "floor: bare net/http POST", b.o.Rounds*httpSteps))
	b.tell(b.syncFloor.figure(partOne, "floor: write 512 B + sync", b.o.Rounds*2))
	b.tell(q.figure(partOne, "POST → answered, durable", b.o.Rounds*httpSteps).beside(ofP50, ms(b.httpFloor.p50+b.syncFloor.p50), "HTTP + sync"))
	b.printf("\n")
	return nil
}

// oneByOne posts alerts, each when the one before is answered.
func (b *bench) oneByOne(ctx context.Context, url string, rounds int) (quantiles, error) {
	took := make([]time.Duration, 0, rounds)
	for range rounds {
		body := b.body()
		began := time.Now()
		if _, err := b.post(ctx, url, body); err != nil {
			return quantiles{}, err
		}
		took = append(took, time.Since(began))
	}
	return quantilesOf(took), nil
}

// rates measures how many alerts a second are accepted from several clients at once.
func (b *bench) rates(ctx context.Context) error {
	floor, stop, err := bareServer()
	if err != nil {
		return err
	}
	defer stop()
	b.printf("durable accept, single POSTs\n")
	for _, n := range b.o.Clients {
		bare, _, err := b.rate(ctx, floor, n)
		if err != nil {
			return err
		}
		real, q, err := b.rate(ctx, b.alerts(), n)
		if err != nil {
			return err
		}
		f := q.figure(partRates, fmt.Sprintf("single POSTs, durable, %d clients", n), int(real*b.o.For.Seconds()))
		f.PerSecond = real
		if f = f.beside(ofRate, bare, besideThatSaid); n == aimClients {
			f = f.least(aimSingleShare)
		}
		b.tell(f)
	}
	b.printf("\n")
	return nil
}

// rate posts from n clients for a while.
func (b *bench) rate(ctx context.Context, url string, n int) (perSecond float64, q quantiles, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		took []time.Duration
		err  error
	}
	results := make(chan result, n)
	began := time.Now()
	until := began.Add(b.o.For)
	for range n {
		go func() {
			var r result
			for r.err == nil && time.Now().Before(until) {
				body := b.body()
				at := time.Now()
				_, r.err = b.post(ctx, url, body)
				r.took = append(r.took, time.Since(at))
			}
			results <- r
		}()
	}
	var all []time.Duration
	for range n {
		r := <-results
		if r.err != nil && err == nil {
			err = r.err
			cancel()
		}
		all = append(all, r.took...)
	}
	return float64(len(all)) / time.Since(began).Seconds(), quantilesOf(all), err
}

// batches measures the NDJSON way in.
func (b *bench) batches(ctx context.Context) error {
	b.printf("durable accept, NDJSON batches of %d\n", batchLines)
	floor, err := groupFloor(b.o.Dir, groupWriters, b.o.For)
	if err != nil {
		return err
	}
	best, clients := 0.0, []int{}
	for _, n := range b.o.Clients {
		if n <= batchesAtMost {
			clients = append(clients, n)
		}
	}
	for i, n := range clients {
		rate, lines, err := b.batchRate(ctx, n)
		if err != nil {
			return err
		}
		best = max(best, rate)
		f := Figure{Scenario: partRates, What: fmt.Sprintf("NDJSON batches, durable, %d clients", n), N: lines, PerSecond: rate}.beside(ofRate, floor, besideGroupSaid)
		if i == len(clients)-1 {
			f = f.aim(best >= aimBatchShare*floor, "the best at least %v × floor", aimBatchShare)
		}
		b.tell(f)
	}
	b.printf("\n")
	return nil
}

// batchRate posts batch after batch from each of n clients for a while, and returns how many alerts a second they had
// accepted together in the time they waited: making the next batch is not what is measured.
func (b *bench) batchRate(ctx context.Context, n int) (perSecond float64, lines int64, err error) {
	type result struct {
		lines int64
		took  time.Duration
		err   error
	}
	results := make(chan result, n)
	until := time.Now().Add(b.o.For)
	for range n {
		go func() {
			var r result
			for token := b.source(); r.err == nil && time.Now().Before(until); {
				body := b.lines(batchLines)
				began := time.Now()
				r.err = b.postBatch(ctx, token, body)
				r.took += time.Since(began)
				r.lines += int64(len(body))
			}
			results <- r
		}()
	}
	for range n {
		r := <-results
		err = errors.Join(err, r.err)
		perSecond += float64(r.lines) / max(r.took.Seconds(), 1e-9)
		lines += r.lines
	}
	return perSecond, lines, err
}

// lines are the alerts of a batch.
func (b *bench) lines(n int) [][]byte {
	lines := make([][]byte, n)
	for i := range lines {
		lines[i] = b.body()
	}
	return lines
}

// postBatch posts a batch until each of its lines is accepted. What is refused because too much of the source waits
// already is sent again, as sources do.
func (b *bench) postBatch(ctx context.Context, token string, lines [][]byte) error {
	for range batchTries {
		refused, err := b.postLines(ctx, token, lines)
		if err != nil || len(refused) == 0 {
			return err
		}
		lines = refused
	}
	return fmt.Errorf("%d lines of a batch were still refused after %d attempts", len(lines), batchTries)
}

// postLines returns those of the lines that are to be sent again.
func (b *bench) postLines(ctx context.Context, token string, lines [][]byte) (again [][]byte, err error) {
	body := append(bytes.Join(lines, []byte{'\n'}), '\n')
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.alerts()+":batch", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	results := bytes.SplitAfter(bytes.TrimSuffix(answer, []byte{'\n'}), []byte{'\n'})
	if len(results) != len(lines) {
		return nil, fmt.Errorf("a batch of %d lines was answered %d with %d: %.300s", len(lines), resp.StatusCode, len(results), answer)
	}
	for i, r := range results {
		switch {
		case bytes.Contains(r, []byte(`"status":202`)):
		case bytes.Contains(r, []byte(`"status":429`)):
			again = append(again, lines[i])
		default:
			return nil, fmt.Errorf("a line of a batch was refused: %.300s", r)
		}
	}
	return again, nil
}
