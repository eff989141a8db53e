package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/banyan-ecc/banyan/pkg/telemetry"
)

// rulesFile is the name of what rules writes into a folder.
const rulesFile = "banyan.rules.yaml"

func rulesCommand() *cobra.Command {
	var dir, out string
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Make Prometheus' rules from a city's objectives",
		Long: `Makes recording and alerting rules of objectives.yaml: burn rates in several windows, what is wrong by itself,
silence, and a dead man's switch. Without --out they are printed.`,
		Example: `  banyan rules --city configs/fuzhou --out configs/prometheus
  banyan rules --city configs/fuzhou | promtool check rules /dev/stdin`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			city, err := readCity(cmd, dir)
			if err != nil {
				return err
			}
			b := telemetry.Rules(city, 1).Bytes()
			if out == "" {
				_, err = cmd.OutOrStdout().Write(b)
				return err
			}
			return os.WriteFile(filepath.Join(out, rulesFile), b, 0o644)
		},
	}
	cmd.Flags().StringVar(&dir, "city", "configs/fuzhou", "folder of the city's configuration")
	cmd.Flags().StringVar(&out, "out", "", "folder to write "+rulesFile+" into")
	return cmd
}
