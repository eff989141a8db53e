package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/sim"
)

// demoTokensFile keeps the tokens of the demo's keys, readable for their owner only, so that a wall opened
// before a restart goes on after it. Nothing but a demo writes one.
const demoTokensFile = "demo-tokens.json"

// demoTokens are the tokens of the demo's keys.
type demoTokens struct {
	Sources map[string]string `json:"sources"`
	Seats   map[string]string `json:"seats"`
	Wall    string            `json:"wall"`
}

func demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Serve a city and let it live: sources that call, officers who answer",
		Long: `Serves as "banyan serve" does, and beside that plays the city: every source posts alerts over real HTTP
with the rhythm of a day and bursts of callers, and an officer at every seat answers over a real websocket,
some of them late. Systems with a shape of their own send what sources/samples of the city records, over REST,
CloudEvents, CAP or MQTT as their profiles say, and measure what the wall shows as layers; where a profile names an MQTT broker on this machine, the demo
is that broker, unless another has the port. The keys it makes are kept in the data folder.`,
		Example: `  banyan demo
  banyan demo --typhoon --rate 120
  banyan demo --city configs/examples/san-francisco --data /tmp/sf`,
		Args: cobra.NoArgs,
	}
	read := serverFlags(cmd)
	o := sim.Options{}
	f := cmd.Flags()
	f.Float64Var(&o.PerMinute, "rate", 30, "happenings a minute at the busiest hour")
	f.Float64Var(&o.Pace, "pace", 4, "how much faster than people officers work once they have acknowledged")
	f.BoolVar(&o.Typhoon, "typhoon", false, "a typhoon: four times the alerts, most of them nature's")
	f.Uint64Var(&o.Seed, "seed", 1, "of the chance")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := read()
		if err != nil {
			return err
		}
		a, city, logger, err := s.open(cmd)
		if err != nil {
			return err
		}
		tokens, err := demoKeys(s.Data, city)
		if err != nil {
			return err
		}
		if o.Systems, err = sim.ReadSystems(os.DirFS(filepath.Join(s.City, "sources", "samples")), city); err != nil {
			return err
		}
		brokers := sim.StartBrokers(city, logger)
		defer brokers.Close()
		o.Publish = brokers.Publish
		o.Server, o.City, o.SourceTokens, o.SeatTokens, o.Logger = "http://"+a.Addr().String(), city, tokens.Sources, tokens.Seats, logger
		printDemo(cmd, o.Server, tokens, city)
		g, ctx := errgroup.WithContext(cmd.Context())
		playing, stopPlaying := context.WithCancel(ctx)
		g.Go(func() error {
			defer stopPlaying()
			return a.Run(ctx)
		})
		g.Go(func() error {
			sim.Run(playing, o)
			return nil
		})
		return g.Wait()
	}
	return cmd
}

// demoKeys makes a key for every source and seat that has none from an earlier run.
func demoKeys(dir string, city *plan.City) (*demoTokens, error) {
	path := filepath.Join(dir, demoTokensFile)
	t := &demoTokens{Sources: map[string]string{}, Seats: map[string]string{}}
	switch b, err := os.ReadFile(path); {
	case err == nil:
		if err := json.Unmarshal(b, t); err != nil {
			return nil, fmt.Errorf("%s: %w; remove it to have new keys made", path, err)
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	for _, s := range city.Sources {
		if err := demoKey(dir, t.Sources, s.ID, auth.Key{Role: auth.RoleSource, Source: s.ID, Name: "demo"}); err != nil {
			return nil, err
		}
	}
	for _, s := range city.Seats {
		if err := demoKey(dir, t.Seats, s.ID, auth.Key{Role: auth.RoleOfficer, Seat: s.ID, Name: "demo " + s.ID}); err != nil {
			return nil, err
		}
	}
	if t.Wall == "" {
		token, err := auth.Add(dir, auth.Key{Role: auth.RoleWall, Name: "demo"})
		if err != nil {
			return nil, err
		}
		t.Wall = token
	}
	b, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		return nil, err
	}
	return t, os.WriteFile(path, b, 0o600)
}

func demoKey(dir string, tokens map[string]string, id string, k auth.Key) error {
	if tokens[id] != "" {
		return nil
	}
	token, err := auth.Add(dir, k)
	tokens[id] = token
	return err
}

func printDemo(cmd *cobra.Command, server string, t *demoTokens, city *plan.City) {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "\n榕 Banyan  %s %s\n\n", city.Name, city.NameEN)
	fmt.Fprintf(w, "  大屏 wall      %s/wall/#token=%s\n", server, t.Wall)
	for _, s := range city.Seats {
		if s.Role == plan.SeatDuty {
			fmt.Fprintf(w, "  席位 console   %s/console/#token=%s   %s %s\n", server, t.Seats[s.ID], s.Name, s.NameEN)
			break
		}
	}
	fmt.Fprintf(w, "  接口 API       %s/openapi.json (any key)\n", server)
	fmt.Fprintf(w, "  状态 health    %s/readyz\n\n", server)
	for _, s := range city.Sources {
		if s.Plain() && s.MaySend("fire.building") {
			fmt.Fprintf(w, "  一条警情 an alert of your own, as source %s:\n\n", s.ID)
			fmt.Fprintf(w, "  curl %s/api/v1/alerts -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' \\\n"+
				"    -d '{\"id\":\"'$(date +%%s)'\",\"type\":\"fire.building\",\"occurred_at\":\"'$(date -u +%%FT%%TZ)'\",\"location\":{\"lon\":%g,\"lat\":%g},\"text\":\"六楼冒烟\"}'\n\n",
				server, t.Sources[s.ID], city.Centre.Lon, city.Centre.Lat)
			break
		}
	}
	fmt.Fprintln(w, "  停止 stop: Ctrl-C")
	fmt.Fprintln(w)
}
