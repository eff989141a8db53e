package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/banyan-ecc/banyan/pkg/auth"
)

func keyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Make, list and revoke the keys of sources, walls, officers and gateways"}
	cmd.PersistentFlags().String("data", "data", "data folder of the server; it may be running")
	cmd.AddCommand(keyAddCommand(), keyListCommand(), keyRevokeCommand())
	return cmd
}

func dataDir(cmd *cobra.Command) string {
	dir, _ := cmd.Flags().GetString("data")
	return dir
}

func keyAddCommand() *cobra.Command {
	var k auth.Key
	var role string
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Make a key and print its token, which cannot be shown again",
		Example: `  banyan key add --data data --role source --source fire-119
  banyan key add --data data --role wall --name hall
  banyan key add --data data --role officer --seat fire-1 --name 陈志强
  banyan key add --data data --role calendar --department fire --name 黄晓红的手机
  banyan key add --data data --role gateway --name gateway-1 > gateway.key`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			k.Role = auth.Role(role)
			token, err := auth.Add(dataDir(cmd), k)
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), token)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&role, "role", "", "source, wall, officer, calendar or gateway")
	f.StringVar(&k.Source, "source", "", "role source: its id, the name of a file in sources/")
	f.StringVar(&k.Seat, "seat", "", "role officer: the seat it acts as")
	f.StringVar(&k.Department, "department", "", "role calendar: whose roster it reads")
	f.StringVar(&k.Name, "name", "", "who or what holds the key")
	_ = cmd.MarkFlagRequired("role") // fails for an unknown flag only
	return cmd
}

func keyListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the keys; tokens are not kept and cannot be shown", Example: "  banyan key list --data data", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			keys, err := auth.List(dataDir(cmd))
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tROLE\tSOURCE, SEAT OR DEPARTMENT\tNAME\tMADE\tSTATE")
			for _, k := range keys {
				state := "good"
				if k.Revoked {
					state = "revoked"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Role, k.Source+k.Seat+k.Department, k.Name, k.Created.Format("2006-01-02 15:04"), state)
			}
			return w.Flush()
		},
	}
}

func keyRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Make a key worthless, within a second", Example: "  banyan key revoke 3fa85f645717", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return auth.Revoke(dataDir(cmd), args[0]) },
	}
}
