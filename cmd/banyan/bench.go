package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/bench"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Bounds of what is measured.
const (
	maxBenchRate  = 100_000    // alerts a second; a driver on the same machine can send no more one by one
	maxBenchCount = 10_000_000 // of --rounds, --incidents and --cold
)

func benchCommand() *cobra.Command {
	var dir, data, profile string
	past := true
	o := bench.Options{}
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a centre of its own beside floors taken in the same run",
		Long: `Starts a centre on a free port with a data folder that it removes afterwards, and measures durable accept and the
way of an alert to the last of many walls. Every figure stands beside a floor of the same run: bare net/http,
a write with sync, a bare fan-out. Only the ratios compare between machines.

With --scenario, alerts are due at times that do not wait for answers, and are timed from when they were due. Each scenario has
a centre of its own:
` + scenarioList(),
		Example: `  banyan bench                                              # floors, rates and latencies, one after the other
  banyan bench --walls 1,1000 --rounds 500 --data /var/tmp  # on the disk that the journal will have
  banyan bench --json | jq 'select(.met == false)'          # what is aimed at and missed
  banyan bench --scenario calm
  banyan bench --scenario burst --for 10s
  banyan bench --scenario typhoon --for 20s --history=false
  banyan bench --scenario typhoon --rate 800                # how much more it takes
  banyan bench --scenario screens --rounds 100              # raise ulimit -n for 10,000
  banyan bench --scenario slow-screens
  banyan bench --scenario reconnect-storm --cpuprofile storm.pprof
  banyan bench --scenario fat-snapshot --incidents 50000
  banyan bench --scenario metrics-overhead
  banyan bench --scenario cold-start --cold 100000
  banyan bench --scenario gateways
  banyan bench --scenario all --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := checkBench(&o); err != nil {
				return err
			}
			city, err := readCity(cmd, dir)
			if err != nil {
				return err
			}
			if o.Dir, err = os.MkdirTemp(data, "banyan-bench-"); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, os.RemoveAll(o.Dir)) }()
			kind, sources := bench.Patient(city)
			if len(sources) == 0 {
				return errors.New("no source of this city may send any type of priority P4")
			}
			o.Hall, o.Type, o.Centre, o.Out = hall, kind.Code, city.Centre, cmd.OutOrStdout()
			o.Cluster = func(ctx context.Context, gateways int) (*bench.Cluster, error) {
				return openCluster(ctx, o.Dir, dir, sources, gateways)
			}
			o.House = func(context.Context) (*bench.House, error) { return openHouse(o.Dir, dir, sources) }
			o.Open = func(unmeasured bool) (*bench.Centre, error) {
				return openCentre(cmd.Context(), sources, app.Options{NoHistory: !past, Unmeasured: unmeasured, City: city, DataDir: o.Dir})
			}
			return profiled(profile, func() error { return bench.Run(cmd.Context(), o) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "city", "configs/fuzhou", "folder of the city's configuration")
	f.StringVar(&data, "data", "", "folder on the disk to measure; the system's temporary one if absent")
	f.StringVar(&profile, "cpuprofile", "", "write a CPU profile of the whole run to this file")
	f.IntSliceVar(&o.Clients, "clients", []int{1, 16, 64}, "clients at a time")
	f.IntSliceVar(&o.Walls, "walls", []int{1, 100, 1000}, "walls that watch")
	f.IntVar(&o.Rounds, "rounds", 300, "alerts for each latency")
	f.IntVar(&o.Incidents, "incidents", 20_000, "open incidents of fat-snapshot")
	f.IntVar(&o.Cold, "cold", 1_000_000, "open incidents of cold-start")
	f.Float64Var(&o.Rate, "rate", 0, "alerts a second in the scenarios, in place of their own")
	f.StringSliceVar(&o.Scenarios, "scenario", nil, "open-loop scenarios instead: names, or all")
	f.BoolVar(&past, "history", true, "keep the read model, as a server does")
	f.BoolVar(&o.JSON, "json", false, "figures as lines of JSON, times in milliseconds")
	f.DurationVar(&o.For, "for", 4*time.Second, "length of each measurement of a rate")
	return cmd
}

// openCentre serves with an empty folder below that of o, until it is stopped.
func openCentre(ctx context.Context, sources []*plan.Source, o app.Options) (c *bench.Centre, err error) {
	c = &bench.Centre{}
	if o.DataDir, err = os.MkdirTemp(o.DataDir, "centre-"); err != nil {
		return nil, err
	}
	if c.SourceTokens, err = sourceKeys(o.DataDir, sources); err != nil {
		return nil, err
	}
	if c.WallToken, err = auth.Add(o.DataDir, auth.Key{Role: auth.RoleWall, Name: "bench"}); err != nil {
		return nil, err
	}
	o.Listen, o.Logger = "127.0.0.1:0", slog.New(slog.DiscardHandler)
	a, err := app.Open(o)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- a.Run(ctx) }()
	c.URL = "http://" + a.Addr().String()
	c.Stop = func() error {
		stop()
		return errors.Join(<-served, os.RemoveAll(o.DataDir))
	}
	return c, nil
}

// sourceKeys makes a key for each of the sources.
func sourceKeys(dir string, sources []*plan.Source) (tokens []string, err error) {
	for _, s := range sources {
		token, err := auth.Add(dir, auth.Key{Role: auth.RoleSource, Source: s.ID})
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, token)
	}
	return tokens, nil
}

// profiled calls f, with the processor's time written to file unless that is empty.
func profiled(file string, f func() error) (err error) {
	if file == "" {
		return f()
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if err := pprof.StartCPUProfile(out); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}

// scenarioList describes the scenarios for --help.
func scenarioList() string {
	var b strings.Builder
	for _, s := range bench.Scenarios {
		fmt.Fprintf(&b, "  %-16s %s\n", s.Name, s.About)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// checkBench puts the names for all, and refuses what cannot be measured.
func checkBench(o *bench.Options) error {
	if o.Rate < 0 || o.Rate > maxBenchRate {
		return fmt.Errorf("--rate is %g alerts a second, it must be between 0 (the scenario's own) and %d", o.Rate, maxBenchRate)
	}
	for _, c := range []struct {
		flag string
		n    int
	}{{"rounds", o.Rounds}, {"incidents", o.Incidents}, {"cold", o.Cold}} {
		if c.n < 1 || c.n > maxBenchCount {
			return fmt.Errorf("--%s is %d, it must be between 1 and %d", c.flag, c.n, maxBenchCount)
		}
	}
	if len(o.Scenarios) == 1 && o.Scenarios[0] == "all" {
		o.Scenarios = nil
		for _, s := range bench.Scenarios {
			o.Scenarios = append(o.Scenarios, s.Name)
		}
	}
	for _, name := range o.Scenarios {
		if !slices.ContainsFunc(bench.Scenarios, func(s bench.Scenario) bool { return s.Name == name }) {
			return fmt.Errorf("no scenario %q; --help lists them", name)
		}
	}
	return nil
}
