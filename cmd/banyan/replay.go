package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/banyan-ecc/banyan/pkg/replay"
)

func replayCommand() *cobra.Command {
	var mapping, keyFile string
	var o replay.Options
	cmd := &cobra.Command{
		Use:   "replay",
		Short: "Feed a real call log through HTTP and say what became of every row",
		Long: `Reads a call log, makes an alert of every row as the mapping says, posts it as the source whose key is
in the key file, and prints latencies and what became of every row. docs/replay.md describes mappings.`,
		Example: `  banyan key add --data data --role source --source sffd-cad > sffd.key
  banyan replay --server http://127.0.0.1:8080 --key-file sffd.key --mapping configs/examples/san-francisco/replay.yaml --from calls.csv.gz --speed 60
  banyan replay … --speed 0        as fast as it goes`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			key, err := os.ReadFile(keyFile)
			if err != nil {
				return fmt.Errorf("key file: %w; `banyan key add --role source` prints a key", err)
			}
			o.Token = strings.TrimSpace(string(key))
			if o.Mapping, err = replay.Load(mapping); err != nil {
				return err
			}
			o.Progress = cmd.ErrOrStderr()
			summary, err := replay.Run(cmd.Context(), o)
			return errors.Join(err, summary.Write(cmd.OutOrStdout()))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Server, "server", "http://127.0.0.1:8080", "base URL of the server")
	f.StringVar(&keyFile, "key-file", "", "file with the key of the source that the alerts are sent as")
	f.StringVar(&mapping, "mapping", "", "mapping of columns to alerts (YAML)")
	f.StringVar(&o.Path, "from", "", "call log: CSV, or CSV.gz")
	f.Float64Var(&o.Speed, "speed", 60, "how much faster than it happened; 0: as fast as it goes")
	f.IntVar(&o.Workers, "workers", replay.DefaultWorkers, "posts at one time")
	for _, name := range []string{"key-file", "mapping", "from"} {
		_ = cmd.MarkFlagRequired(name) // fails for an unknown flag only
	}
	return cmd
}
