package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
	"github.com/banyan-ecc/banyan/pkg/telemetry"
)

// Version names the binary: its module version or, built from a checkout, the revision.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && s.Value != "" {
			return s.Value
		}
	}
	return info.Main.Version
}

// measure adds what is read when Prometheus asks, and has each commit looked at.
func (a *App) measure() {
	m := a.metrics
	m.Gauge("banyan_queue_commands", "Commands waiting for the writer.", nil, func() float64 { return float64(a.seq.Queued()) })
	m.Gauge("banyan_queue_commands_limit", "Commands that may wait for the writer.", nil, func() float64 { return sequencer.MailboxSize })
	m.Gauge("banyan_ready", "1 while alerts are accepted.", nil, func() float64 {
		if a.ready() == nil {
			return 1
		}
		return 0
	})
	m.Gauge("banyan_stale_seconds", "Time since a follower or gateway last knew that what it shows is the city; 0 while it does.", nil, func() float64 {
		if since := a.staleSince(); !since.IsZero() {
			return time.Since(since).Seconds()
		}
		return 0
	})
	m.Gauge("banyan_screens", "Open websocket connections.", nil, func() float64 { return float64(a.hub.Stats().Connections) })
	m.Counter("banyan_push_deliveries_total", "Frames of events delivered to connections.", func() float64 { return float64(a.hub.Stats().Deliveries) })
	m.Counter("banyan_push_dropped_total", "Times a slow connection lost deltas and was owed a snapshot.", func() float64 { return float64(a.hub.Stats().Dropped) })
	m.Gauge("banyan_roster_gaps_ahead", "Times within the next 72 hours in which nobody is to hold a seat.", nil, func() float64 {
		var n int
		a.seq.Replica().Read(func(st *dispatch.State) { n = len(st.Gaps()) })
		return float64(n)
	})
	m.Gauges(boardFamilies, a.boardReadings)
	if !a.o.Unmeasured {
		a.onCommit(a.observe)
	}
}

// observer is f, or nil where nothing is to be measured.
func observer[F any](a *App, f F) (none F) {
	if a.o.Unmeasured {
		return none
	}
	return f
}

// boardFamilies are what boardReadings reads, in this order.
var boardFamilies = []telemetry.Family{
	{Name: "banyan_incidents_open", Help: "Open incidents.", Labels: []string{"priority"}},
	{Name: "banyan_incidents_unacknowledged", Help: "Open incidents with a task that nobody has acknowledged.", Labels: []string{"priority"}},
	{Name: "banyan_incidents_overdue", Help: "Open incidents with a task past its acknowledge deadline.", Labels: []string{"priority"}},
	{Name: "banyan_tasks_open", Help: "Tasks that are not final.", Labels: []string{"department"}},
	{Name: "banyan_tasks_unacknowledged", Help: "Tasks that nobody has acknowledged.", Labels: []string{"department"}},
	{Name: "banyan_tasks_overdue", Help: "Tasks past their acknowledge deadline.", Labels: []string{"department"}},
	{Name: "banyan_tasks_unstaffed", Help: "Tasks that nobody on duty could take.", Labels: []string{"department"}},
	{Name: "banyan_seats_on_duty", Help: "Seats that take tasks now.", Labels: []string{"department"}},
	{Name: "banyan_seats", Help: "Seats by the presence of an officer.", Labels: []string{"presence"}},
	{Name: "banyan_seats_maintenance", Help: "Seats in maintenance.", Labels: []string{"department"}},
}

// boardReadings reads the board once for all families.
func (a *App) boardReadings() [][]telemetry.Reading {
	var board dispatch.Board
	a.seq.Replica().Read(func(st *dispatch.State) { board = st.Board(time.Now(), true) })
	out := make([][]telemetry.Reading, len(boardFamilies))
	add := func(family, value int, label string) {
		out[family] = append(out[family], telemetry.Reading{Value: float64(value), Labels: []string{label}})
	}
	for _, p := range alert.Priorities {
		l := board.Counts.Priorities[p.String()]
		for i, n := range []int{l.Open, l.Waiting, l.Overdue} {
			add(i, n, p.String())
		}
	}
	presence, maintenance := map[string]int{}, map[string]int{}
	for _, seat := range board.Seats {
		presence[seat.Presence]++
		if seat.Maintenance != nil {
			maintenance[seat.Department]++
		}
	}
	for _, d := range board.Counts.Departments {
		for i, n := range []int{d.Open, d.Waiting, d.Overdue, d.Unstaffed, d.SeatsOnDuty} {
			add(3+i, n, d.ID)
		}
		add(9, maintenance[d.ID], d.ID)
	}
	for _, p := range []string{"present", "absent", "lost"} {
		add(8, presence[p], p)
	}
	return out
}

// observe measures the stages that a commit has ended. A node that follows was not the one that took the alerts, and its
// clock is another: sums over the nodes of a city count everything once.
func (a *App) observe(c *commit) {
	if !a.seq.Leads() {
		return
	}
	now := alert.TimeOf(time.Now())
	department := func(source string) string {
		if d, ok := a.source(source); ok {
			return d.Department
		}
		return "none"
	}
	for i := range c.Events {
		a.metrics.Event(&c.Events[i], c.Docs[i], department, now)
	}
}

// openMetrics listens for Prometheus where the settings ask for a listener of its own.
func (a *App) openMetrics() error {
	if a.o.MetricsListen == "" {
		return nil
	}
	l, err := net.Listen("tcp", a.o.MetricsListen)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.metrics.Handler())
	a.scraped, a.scrapedAt = &http.Server{Handler: mux, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: api.MaxHeaderBytes,
		ErrorLog: slog.NewLogLogger(a.o.Logger.Handler(), slog.LevelDebug)}, l
	return nil
}

// serveMetrics serves until closeMetrics.
func (a *App) serveMetrics() error {
	if a.scraped == nil {
		return nil
	}
	a.o.Logger.Info("metrics for whoever reaches them", "address", a.scrapedAt.Addr().String())
	if err := a.scraped.Serve(a.scrapedAt); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (a *App) closeMetrics() error {
	if a.scraped == nil {
		return nil
	}
	err := a.scraped.Close()
	if cerr := a.scrapedAt.Close(); !errors.Is(cerr, net.ErrClosed) { // not served yet
		err = errors.Join(err, cerr)
	}
	return err
}

// MetricsAddr returns the address of the listener for metrics, nil if there is none.
func (a *App) MetricsAddr() net.Addr {
	if a.scrapedAt == nil {
		return nil
	}
	return a.scrapedAt.Addr()
}

// MetricFamilies returns the centre's metrics.
func (a *App) MetricFamilies() []telemetry.Family { return a.metrics.Families() }
