package replay

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of a run.
const (
	DefaultWorkers = 16
	MaxWorkers     = 1_024
	MaxPacedRows   = 4_000_000 // rows that are held to be put in order of time
	queuePerWorker = 64
)

// Options says what to replay where.
type Options struct {
	Server   string       // base URL, such as http://127.0.0.1:8080
	Token    string       // key of the source that the alerts are sent as
	Mapping  *Mapping     //
	Path     string       // CSV or CSV.gz file
	From     io.Reader    // instead of Path
	Speed    float64      // 60: an hour of the file in a minute; 0: as fast as it goes, in the order of the file
	Workers  int          // posts at one time; 0: DefaultWorkers, at most MaxWorkers
	Attempts int          // posts of one row before it is given up; 0: DefaultAttempts
	Progress io.Writer    // a bar on a terminal, else a line every few seconds; nil: none
	Client   *http.Client // nil: one with a connection a worker

	clock clock // nil: the real one
	own   bool  // Client was made here
}

// clock is time, so that a test can be faster than it.
type clock interface {
	Now() time.Time
	Wait(ctx context.Context, d time.Duration) error
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) Wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (o *Options) label() string {
	if o.From == nil {
		return o.Path
	}
	return "input"
}

// complete checks o and fills in defaults.
func (o *Options) complete() error {
	u, err := url.Parse(o.Server)
	switch {
	case err != nil:
		return fmt.Errorf("server: %w", err)
	case u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("server %q: want a URL such as http://127.0.0.1:8080", o.Server)
	case o.Mapping == nil:
		return errors.New("no mapping is given")
	case o.Path == "" && o.From == nil:
		return errors.New("no file is given")
	case !(o.Speed >= 0) || math.IsInf(o.Speed, 0):
		return fmt.Errorf("speed is %v: want 0, or how many times faster than real time", o.Speed)
	case o.Workers < 0 || o.Workers > MaxWorkers:
		return fmt.Errorf("%d workers: want 1 to %d", o.Workers, MaxWorkers)
	case o.Attempts < 0:
		return fmt.Errorf("%d attempts: want 1 or more", o.Attempts)
	}
	if o.Workers == 0 {
		o.Workers = DefaultWorkers
	}
	if o.Attempts == 0 {
		o.Attempts = DefaultAttempts
	}
	if o.clock == nil {
		o.clock = wallClock{}
	}
	if o.Client == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxIdleConns, t.MaxIdleConnsPerHost = o.Workers, o.Workers
		o.Client, o.own = &http.Client{Transport: t, Timeout: requestTimeout}, true
	}
	return nil
}

// release closes the connections of a client made here.
func (o *Options) release() {
	if o.own {
		o.Client.CloseIdleConnections()
	}
}

// Run replays a file and returns what became of its rows, also where it ends early. Rows that are refused or
// given up are in the summary and are no error; the error says why not every row was tried: the context ended,
// the file could not be read on, or the server does not take this key.
func Run(ctx context.Context, o Options) (Summary, error) {
	if err := o.complete(); err != nil {
		return Summary{}, err
	}
	src, err := open(&o)
	if err != nil {
		return Summary{}, err
	}
	defer src.close()
	defer o.release()
	table, err := newTable(src.r, o.Mapping.comma, o.label())
	if err != nil {
		return Summary{}, err
	}
	mapping, err := o.Mapping.bind(table.header)
	if err != nil {
		return Summary{}, err
	}
	r := &run{o: &o, src: src, table: table, mapping: mapping, tally: newTally(), began: o.clock.Now(), seed: maphash.MakeSeed()}
	err = r.all(ctx)
	return r.tally.summary(o.clock.Now().Sub(r.began)), err
}

// run is one replay under way.
type run struct {
	o       *Options
	src     *source
	table   *table
	mapping *Mapping
	tally   *tally
	poster  *poster
	queues  []chan job
	began   time.Time
	seed    maphash.Seed
	pace    atomic.Pointer[pace] // once the rows are in order
}

// job is a report and when it is due; zero for at once.
type job struct {
	report
	due time.Time
}

// all starts the workers, feeds them every row and waits for them.
func (r *run) all(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.poster = &poster{url: strings.TrimRight(r.o.Server, "/") + "/api/v1/alerts", token: r.o.Token,
		client: r.o.Client, attempts: r.o.Attempts, clock: r.o.clock}
	var workers sync.WaitGroup
	for range r.o.Workers {
		q := make(chan job, queuePerWorker)
		r.queues = append(r.queues, q)
		workers.Go(func() { r.work(ctx, cancel, q) })
	}
	stop := r.showProgress()
	err := r.feed(ctx)
	for _, q := range r.queues {
		close(q)
	}
	workers.Wait()
	stop()
	if err == nil || ctx.Err() != nil {
		err = context.Cause(ctx) // nil where nobody cancelled: cancel(nil) comes last
	}
	return err
}

// feed reads the file and hands its rows out.
func (r *run) feed(ctx context.Context) error {
	if r.o.Speed > 0 {
		return r.feedPaced(ctx)
	}
	return r.read(func(rep report) error { return r.give(ctx, job{report: rep}) })
}

// read makes a report of every row. Rows that cannot be sent are counted here and go no further.
func (r *run) read(take func(report) error) error {
	for {
		line, row, trouble, err := r.table.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		r.tally.row()
		rep := report{line: line}
		if trouble != nil {
			rep.troubles = []Trouble{*trouble}
		} else {
			rep = r.mapping.report(line, row)
		}
		if rep.body == nil {
			r.tally.refusedHere(&rep)
			continue
		}
		if err := take(rep); err != nil {
			return err
		}
	}
}

// feedPaced reads every row first, puts them in order of time and hands each out when it is due. A row without
// a readable time goes with the row before it.
func (r *run) feedPaced(ctx context.Context) error {
	var rows []report
	err := r.read(func(rep report) error {
		if rows = append(rows, rep); len(rows) > MaxPacedRows {
			return fmt.Errorf("%s has more than %d rows, the most that are held in order of time: split it, or replay with speed 0", r.o.label(), MaxPacedRows)
		}
		return context.Cause(ctx)
	})
	if err != nil {
		r.tally.unsent(len(rows))
		return err
	}
	order(rows)
	if len(rows) == 0 {
		return nil
	}
	p := &pace{rows[0].at, rows[len(rows)-1].at, r.o.clock.Now(), r.o.Speed}
	r.pace.Store(p)
	for i := range rows {
		due := p.due(rows[i].at)
		if err := r.o.clock.Wait(ctx, due.Sub(r.o.clock.Now())); err != nil {
			r.tally.unsent(len(rows) - i)
			return err
		}
		if err := r.give(ctx, job{rows[i], due}); err != nil {
			r.tally.unsent(len(rows) - i - 1) // give counted its own
			return err
		}
	}
	return nil
}

// order sorts rows by time. Rows of one time keep the order of the file.
func order(rows []report) {
	var last time.Time
	for i := range rows {
		if rows[i].at.IsZero() && i > 0 {
			rows[i].at = last
		}
		last = rows[i].at
	}
	for i := len(rows) - 1; i >= 0; i-- { // those before the first readable time go with it
		if rows[i].at.IsZero() && i+1 < len(rows) {
			rows[i].at = rows[i+1].at
		}
	}
	slices.SortStableFunc(rows, func(a, b report) int { return a.at.Compare(b.at) })
}

// pace turns times of the file into times of the clock.
type pace struct {
	first, last, start time.Time
	speed              float64
}

// longest bounds a schedule: past it, durations overflow.
const longest = 100 * 365 * 24 * time.Hour

func (p *pace) due(at time.Time) time.Time {
	return p.start.Add(time.Duration(min(float64(at.Sub(p.first))/p.speed, float64(longest))))
}

// progress returns the share of the schedule that has passed by now, and what is left of it.
func (p *pace) progress(now time.Time) (fraction float64, left time.Duration) {
	whole, gone := p.due(p.last).Sub(p.start), now.Sub(p.start)
	if whole <= 0 || gone >= whole {
		return 1, 0
	}
	return float64(gone) / float64(whole), whole - gone
}

// give puts a job into the queue of its incident, so that rows of one incident stay in order.
func (r *run) give(ctx context.Context, j job) error {
	q := r.queues[maphash.String(r.seed, j.ref)%uint64(len(r.queues))]
	select {
	case q <- j:
		return nil
	case <-ctx.Done():
		r.tally.unsent(1)
		return context.Cause(ctx)
	}
}

// work posts the jobs of one queue, one after the other.
func (r *run) work(ctx context.Context, cancel context.CancelCauseFunc, q <-chan job) {
	for j := range q {
		if ctx.Err() != nil {
			r.tally.unsent(1)
			continue
		}
		if !j.due.IsZero() {
			r.tally.late(r.o.clock.Now().Sub(j.due))
		}
		o, err := r.poster.post(ctx, j.body)
		if err != nil {
			// Whether the server took it is not known; posting again is harmless.
			r.tally.unsent(1)
			cancel(err)
			continue
		}
		r.tally.answered(&j.report, &o)
	}
}
