package main

import (
	"context"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/banyan-ecc/banyan/pkg/bench"
)

const hallUse = "bench-hall"

// hallCommand runs the walls of a scenario; bench starts it.
func hallCommand() *cobra.Command {
	return &cobra.Command{
		Use: hallUse, Hidden: true, Short: "The walls of a scenario, as bench orders them", Args: cobra.NoArgs,
		Example: `  banyan bench-hall < orders.jsonl`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return bench.Hall(cmd.Context(), cmd.InOrStdin(), cmd.OutOrStdout())
		},
	}
}

// hall is this program once more, as the walls.
func hall(ctx context.Context) *exec.Cmd {
	name, err := os.Executable()
	if err != nil {
		name = os.Args[0]
	}
	cmd := exec.CommandContext(ctx, name, hallUse)
	cmd.Stderr = os.Stderr
	return cmd
}
