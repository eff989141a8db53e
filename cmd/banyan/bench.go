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

With --scenario, alerts are due at times that do not wait for answers, and are timed from when they were due:
` + scenarioList(),
		Example: `  banyan bench
  banyan bench --walls 1,1000 --rounds 500 --data /var/tmp
  banyan bench --scenario typhoon --for 20s
  banyan bench --scenario calm,reconnect-storm --json
  banyan bench --scenario gateways`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := checkScenarios(&o); err != nil {
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
			for _, s := range sources {
				token, err := auth.Add(o.Dir, auth.Key{Role: auth.RoleSource, Source: s.ID})
				if err != nil {
					return err
				}
				o.SourceTokens = append(o.SourceTokens, token)
			}
			if o.WallToken, err = auth.Add(o.Dir, auth.Key{Role: auth.RoleWall, Name: "bench"}); err != nil {
				return err
			}
			a, err := app.Open(app.Options{NoHistory: !past, City: city, DataDir: o.Dir, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				return err
			}
			ctx, stop := context.WithCancel(cmd.Context())
			served := make(chan error, 1)
			go func() { served <- a.Run(ctx) }()
			o.Hall, o.Server, o.Type, o.Centre, o.Out = hall, "http://"+a.Addr().String(), kind.Code, city.Centre, cmd.OutOrStdout()
			o.Cluster = func(ctx context.Context, gateways int) (*bench.Cluster, error) {
				return openCluster(ctx, o.Dir, dir, sources, gateways)
			}
			err = profiled(profile, func() error { return bench.Run(ctx, o) })
			stop()
			return errors.Join(err, <-served)
		},
	}
	f := cmd.Flags()
	f.StringVar(&dir, "city", "configs/fuzhou", "folder of the city's configuration")
	f.StringVar(&data, "data", "", "folder on the disk to measure; the system's temporary one if absent")
	f.StringVar(&profile, "cpuprofile", "", "write a CPU profile of the whole run to this file")
	f.IntSliceVar(&o.Clients, "clients", []int{1, 16, 64}, "clients at a time")
	f.IntSliceVar(&o.Walls, "walls", []int{1, 100, 1000}, "walls that watch")
	f.IntVar(&o.Rounds, "rounds", 300, "alerts for each latency")
	f.StringSliceVar(&o.Scenarios, "scenario", nil, "open-loop scenarios instead: names, or all")
	f.BoolVar(&past, "history", true, "keep the read model, as a server does")
	f.BoolVar(&o.JSON, "json", false, "figures of scenarios as lines of JSON, in milliseconds")
	f.DurationVar(&o.For, "for", 4*time.Second, "length of each measurement of a rate")
	return cmd
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

// checkScenarios puts the names for all, and refuses one that is none.
func checkScenarios(o *bench.Options) error {
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
	if o.JSON && len(o.Scenarios) == 0 {
		return errors.New("--json is for scenarios: give --scenario")
	}
	return nil
}
