package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/banyan-ecc/banyan/pkg/telemetry"
)

func dashboardsCommand() *cobra.Command {
	var dir, out string
	cmd := &cobra.Command{
		Use:   "dashboards",
		Short: "Make Grafana's dashboards from a city's objectives",
		Long: `Makes dashboards for Grafana 10 and later: centre overview, department, feed health, machine path and duty. Limits are those of
objectives.yaml; what was met of each objective comes from the rules that "banyan rules" makes. The folder is made if need be.`,
		Example: `  banyan dashboards --city configs/fuzhou --out dashboards/grafana
  banyan dashboards --city configs/fuzhou --out /var/lib/grafana/dashboards/banyan`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			city, err := readCity(cmd, dir)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return err
			}
			for name, d := range telemetry.Dashboards(city) {
				if err := os.WriteFile(filepath.Join(out, name+".json"), d.Bytes(), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "city", "configs/fuzhou", "folder of the city's configuration")
	cmd.Flags().StringVar(&out, "out", "dashboards/grafana", "folder to write the dashboards into")
	return cmd
}
