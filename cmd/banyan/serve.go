package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/viper"

	"github.com/banyan-ecc/banyan/dashboards"
	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/redisstore"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// settings are what flags, BANYAN_* variables and the settings file say, in that order of weight.
type settings struct {
	City    string `mapstructure:"city"`
	Data    string `mapstructure:"data"`
	Access  string `mapstructure:"access"`
	Listen  string `mapstructure:"listen"`
	Metrics struct {
		Listen string `mapstructure:"listen"`
	} `mapstructure:"metrics"`
	Tracing struct {
		Endpoint string  `mapstructure:"endpoint"`
		Sample   float64 `mapstructure:"sample"`
	} `mapstructure:"tracing"`
	Origins []string `mapstructure:"origins"`
	Proxies []string `mapstructure:"proxies"`
	Log     struct {
		Level  string `mapstructure:"level"`
		Format string `mapstructure:"format"`
	} `mapstructure:"log"`
	Snapshot struct {
		EveryEvents uint64 `mapstructure:"every_events"`
	} `mapstructure:"snapshot"`
	Shutdown struct {
		Timeout time.Duration `mapstructure:"timeout"`
	} `mapstructure:"shutdown"`
	History bool      `mapstructure:"history"`
	OIDC    auth.OIDC `mapstructure:"oidc"`
	Redis   string    `mapstructure:"redis"`
	Node    string    `mapstructure:"node"`

	Advertise  string        `mapstructure:"advertise"`
	Durability string        `mapstructure:"durability"`
	Replicas   int           `mapstructure:"replicas"`
	Lease      time.Duration `mapstructure:"lease"`
	Role       string        `mapstructure:"role"`
	Gateway    struct {
		Key string `mapstructure:"key"`
	} `mapstructure:"gateway"`
}

// What a process may be to a city.
const (
	roleAll     = "all"
	roleGateway = "gateway"
)

// Keys of the settings file and their defaults.
var defaults = map[string]any{
	"city": "configs/fuzhou", "data": "data", "access": "", "history": true,
	"listen": "127.0.0.1:8080", "metrics.listen": "", "tracing.endpoint": "", "tracing.sample": 1.0, "origins": []string{}, "proxies": []string{},
	"redis": "", "node": "", "advertise": "", "durability": "local", "replicas": 0, "lease": redisstore.DefaultLease,
	"role": roleAll, "gateway.key": "",
	"log.level": "info", "log.format": "text",
	"snapshot.every_events": sequencer.DefaultSnapshotEvery, "shutdown.timeout": app.DefaultShutdownTimeout,
}

// serverFlags adds the flags of a command that serves, and returns how to read its settings.
func serverFlags(cmd *cobra.Command) func() (*settings, error) {
	v := viper.New()
	f := cmd.Flags()
	file := f.String("config", "", "settings file (YAML); see configs/banyan.yaml")
	f.String("city", "configs/fuzhou", "folder of the city's configuration")
	f.String("data", "data", "folder for journal, snapshots and keys; made if absent")
	f.String("access", "", "folder of keys, people, sessions and the keys that seal, which nodes of a city share; empty: the data folder")
	f.String("listen", "127.0.0.1:8080", "host:port to listen on; port 0 takes a free one")
	f.String("metrics-listen", "", "host:port that serves /metrics without a key, for Prometheus; absent: /metrics on --listen, with a key")
	f.String("trace-endpoint", "", "URL of an OpenTelemetry collector (OTLP over HTTP) that gets a trace of each alert, such as http://127.0.0.1:4318; absent: none is kept")
	f.StringSlice("origins", nil, "pages of other hosts that may open the websocket, such as https://wall.example")
	f.String("redis", "", "redis://HOST:PORT/DB, redis+sentinel://HOST:PORT,…/MASTER/DB, redis+cluster://HOST:PORT,…, or a file with such a line; empty: none")
	f.String("node", "", "name of this node among those of the city; empty: the machine's")
	f.String("advertise", "", "URL under which other nodes reach this one, such as http://10.1.2.3:8080; empty: the address listened on")
	f.String("durability", "local", "local: answer after the journal; replicated: after Redis has it too")
	f.Int("replicas", 0, "with durability replicated: answer when so many replicas of Redis have it as well")
	f.String("role", roleAll, "all: a node, which leads or follows; gateway: shows the city to screens and passes on what it is asked for, from memory")
	f.String("gateway-key", "", "role gateway: file with the token of a key of role gateway, made by banyan key add on a node")
	f.String("log-level", "info", "debug, info, warn or error")
	f.String("log-format", "text", "text or json")
	for key, value := range defaults {
		v.SetDefault(key, value)
		if flag := f.Lookup(strings.ReplaceAll(key, ".", "-")); flag != nil {
			_ = v.BindPFlag(key, flag) // fails for a nil flag only
		}
	}
	_ = v.BindPFlag("tracing.endpoint", f.Lookup("trace-endpoint"))
	v.SetEnvPrefix("BANYAN")
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	v.AutomaticEnv()
	return func() (*settings, error) {
		if *file != "" {
			v.SetConfigFile(*file)
			v.SetConfigType("yaml")
			if err := v.ReadInConfig(); err != nil {
				return nil, fmt.Errorf("settings file: %w", err)
			}
		}
		var s settings
		if err := v.UnmarshalExact(&s); err != nil {
			return nil, fmt.Errorf("settings: %w", err)
		}
		return &s, nil
	}
}

func (s *settings) logger() (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.Log.Level)); err != nil {
		return nil, fmt.Errorf("log level %q: want debug, info, warn or error", s.Log.Level)
	}
	o := &slog.HandlerOptions{Level: level}
	switch s.Log.Format {
	case "text":
		return slog.New(slog.NewTextHandler(os.Stderr, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, o)), nil
	}
	return nil, fmt.Errorf("log format %q: want text or json", s.Log.Format)
}

// open reads the city and opens the centre.
func (s *settings) open(cmd *cobra.Command) (*app.App, *plan.City, *slog.Logger, error) {
	logger, err := s.logger()
	if err != nil {
		return nil, nil, nil, err
	}
	if err := s.checkRole(); err != nil {
		return nil, nil, nil, err
	}
	city, err := readCity(cmd, s.City)
	if err != nil {
		return nil, nil, nil, err
	}
	var pages fs.FS
	if built, ok := dashboards.Pages(); ok {
		pages = built
	}
	proxies, err := s.trusted()
	if err != nil {
		return nil, nil, nil, err
	}
	if s.Durability != "local" && s.Durability != "replicated" {
		return nil, nil, nil, fmt.Errorf("durability %q: want local or replicated", s.Durability)
	}
	if s.Durability == "replicated" && s.Redis == "" {
		return nil, nil, nil, errors.New("durability replicated needs --redis")
	}
	if s.Replicas < 0 || s.Replicas > redisstore.MaxReplicas {
		return nil, nil, nil, fmt.Errorf("replicas %d: want 0 to %d", s.Replicas, redisstore.MaxReplicas)
	}
	if s.Replicas > 0 && s.Durability != "replicated" {
		return nil, nil, nil, errors.New("replicas needs --durability replicated")
	}
	if s.Lease < time.Second {
		return nil, nil, nil, fmt.Errorf("lease %v: at least 1s", s.Lease)
	}
	a, err := app.Open(app.Options{NoHistory: !s.History, OIDC: s.OIDC, Proxies: proxies, City: city, CityDir: s.City, DataDir: s.Data, AccessDir: s.Access, Listen: s.Listen, MetricsListen: s.Metrics.Listen, Origins: s.Origins, Pages: pages,
		SnapshotEvery: s.Snapshot.EveryEvents, ShutdownTimeout: s.Shutdown.Timeout, Logger: logger,
		Redis: s.Redis, Node: s.Node, Advertise: s.Advertise, Lease: s.Lease, Replicated: s.Durability == "replicated", Replicas: s.Replicas, GatewayKey: s.Gateway.Key,
		TraceEndpoint: s.Tracing.Endpoint, TraceSample: s.Tracing.Sample})
	return a, city, logger, err
}

// checkRole says what is missing for a role, or given in vain.
func (s *settings) checkRole() error {
	switch {
	case s.Role != roleAll && s.Role != roleGateway:
		return fmt.Errorf("role %q: want %s or %s", s.Role, roleAll, roleGateway)
	case s.Role == roleGateway && s.Redis == "":
		return errors.New("role gateway needs --redis: there it finds the node that leads, and the events")
	case s.Role == roleGateway && s.Gateway.Key == "":
		return errors.New("role gateway needs --gateway-key, a file with a token; on a node: banyan key add --role gateway --name NAME")
	case s.Role == roleAll && s.Gateway.Key != "":
		return errors.New("--gateway-key goes with --role gateway")
	case s.Role == roleGateway && s.Durability == "replicated":
		return errors.New("--durability is a matter of the nodes: a gateway passes alerts on to them")
	}
	return nil
}

// trusted reads the addresses and networks of proxies.
func (s *settings) trusted() ([]netip.Prefix, error) {
	var proxies []netip.Prefix
	for _, text := range s.Proxies {
		p, err := netip.ParsePrefix(text)
		if a, alone := netip.ParseAddr(text); alone == nil {
			p, err = a.Prefix(a.BitLen())
		}
		if err != nil {
			return nil, fmt.Errorf("proxies: %q: want an address such as 10.1.2.3 or a network such as 10.1.0.0/16", text)
		}
		proxies = append(proxies, p)
	}
	return proxies, nil
}

// readCity reads a city folder and prints what is wrong with it, line by line.
func readCity(cmd *cobra.Command, dir string) (*plan.City, error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("city folder: %w; --city names it", err)
	}
	city, err := app.ReadCity(dir)
	var problems plan.Problems
	if errors.As(err, &problems) {
		for _, p := range problems {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s/%v\n", strings.TrimRight(dir, "/"), p)
		}
		return nil, fmt.Errorf("the configuration in %s has %d mistakes", dir, len(problems))
	}
	return city, err
}

func serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a city",
		Example: `  banyan serve --city configs/fuzhou --data /var/lib/banyan
  banyan serve --config configs/banyan.yaml --listen :8080
  banyan serve --redis redis://127.0.0.1:6379/0 --node east
  banyan serve --redis redis://127.0.0.1:6379/0 --role gateway --gateway-key gateway.key --listen :8081
  BANYAN_LISTEN=:8080 banyan serve`,
		Args: cobra.NoArgs,
	}
	read := serverFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := read()
		if err != nil {
			return err
		}
		return s.serve(cmd)
	}
	return cmd
}

// run serves until ctx ends; SIGHUP reads the configuration again.
func run(ctx context.Context, a *app.App) error {
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP)
	defer signal.Stop(again)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		for {
			select {
			case <-again:
				_, _ = a.Reload(ctx) // says in the log what came of it
			case <-ctx.Done():
				return
			}
		}
	}()
	return a.Run(ctx)
}

// rejoinRest is how long a deposed node waits before it tries again to become a follower.
const rejoinRest = time.Second

// serve serves until it is told to stop. A node that was deposed begins again, as a follower.
func (s *settings) serve(cmd *cobra.Command) error {
	ctx := cmd.Context()
	for {
		a, city, logger, err := s.open(cmd)
		if err != nil {
			return err
		}
		s.Listen = a.Addr().String() // the same again
		err = run(ctx, a)
		if errors.Is(err, app.ErrAnotherHistory) && ctx.Err() == nil {
			logger.Warn("this gateway begins again", "why", err)
			continue
		}
		if !app.Deposed(err) || ctx.Err() != nil {
			return err
		}
		logger.Warn("this node begins again, as a follower", "why", err)
		for {
			err := app.Rejoin(ctx, s.Data, s.Redis, city.ID, logger)
			if err == nil {
				break
			}
			if app.Final(err) {
				return err
			}
			logger.Warn("this node cannot follow yet", "error", err)
			select {
			case <-time.After(rejoinRest):
			case <-ctx.Done():
				return nil
			}
		}
	}
}

func checkCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:     "check",
		Short:   "Check a city's configuration: every mistake with file and line",
		Example: `  banyan check --city configs/fuzhou`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			city, err := readCity(cmd, dir)
			if err != nil {
				return err
			}
			areas := 0
			for range city.Areas.Areas {
				areas++
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %d departments, %d seats, %d incident types, %d sources, %d areas; digest %.12s\n",
				city.ID, city.Name, len(city.Departments), len(city.Seats), len(city.Types), len(city.Sources), areas, city.Digest)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "city", "configs/fuzhou", "folder of the city's configuration")
	return cmd
}
