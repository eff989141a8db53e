// Command banyan is the real-time backend of a city's emergency command centre.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // cities keep their own time, whatever the machine has installed

	"github.com/spf13/cobra"
)

func main() {
	// The first signal asks for an orderly stop; after it the handler is gone and a second one kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop()
	}()
	if err := root().ExecuteContext(ctx); err != nil {
		if !errors.Is(err, errSaid) {
			fmt.Fprintln(os.Stderr, "banyan:", err)
		}
		os.Exit(1)
	}
}

// errSaid is the error of a command that has told the user already.
var errSaid = errors.New("failed")

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "banyan",
		Short: "榕 Banyan: the real-time backend of a city's emergency command centre",
		Long: `榕 Banyan takes the alerts of a city's departments, gathers them into incidents, gives their
tasks to the duty seats that must answer, and shows every change on walls and consoles at once.`,
		SilenceUsage: true, SilenceErrors: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	cmd.AddCommand(serveCommand(), demoCommand(), replayCommand(), checkCommand(), sourceCommand(), keyCommand(), rosterCommand(), userCommand(), journalCommand(), historyCommand(), areasCommand(), benchCommand(), hallCommand(), rulesCommand(), dashboardsCommand())
	for _, sub := range cmd.Commands() {
		if sub.HasSubCommands() {
			group(sub)
		}
	}
	return cmd
}

// group makes a command that only holds others refuse words that are none of them: the library would show
// help and succeed, and whoever mistyped revoke would think the key revoked.
func group(cmd *cobra.Command) {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unknown command %q for %q; --help lists what there is", args[0], cmd.CommandPath())
		}
		return cmd.Help()
	}
}
