package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/banyan-ecc/banyan/pkg/auth"
)

func userCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "user", Short: "Add, list and disable people, and give them passwords"}
	cmd.PersistentFlags().String("data", "data", "data folder of the server; it may be running")
	cmd.AddCommand(userAddCommand(), userListCommand(), userPasswdCommand(), userDisableCommand())
	return cmd
}

func userAddCommand() *cobra.Command {
	var u auth.User
	var roles []string
	cmd := &cobra.Command{
		Use:   "add",
		Short: "Add a person; the password is read from standard input",
		Long: `Adds a person. The password is one line of standard input, at least 12 characters of any kind.

Roles: wall, officer, roster_editor, duty_leader and commander; and, each for a person of its own,
system_administrator, security_administrator and auditor.`,
		Example: `  banyan user add --data data --name chenzq --role officer --department fire --display 陈志强 < password
  banyan user add --data data --name linzb --role duty_leader --role roster_editor --department fire < password
  banyan user add --data data --name audit1 --role auditor < password`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, r := range roles {
				u.Roles = append(u.Roles, auth.Role(r))
			}
			if err := u.Validate(); err != nil { // before a password is asked for
				return err
			}
			password, err := readPassword(cmd)
			if err != nil {
				return err
			}
			return auth.AddUser(dataDir(cmd), u, password)
		},
	}
	f := cmd.Flags()
	f.StringVar(&u.Name, "name", "", "log-in name: small letters, digits, dots and dashes")
	f.StringSliceVar(&roles, "role", nil, "what the person may do; see docs/rights.md")
	f.StringVar(&u.Department, "department", "", "id of the person's department")
	f.StringVar(&u.Display, "display", "", "name as the roster has it, 姓名")
	_ = cmd.MarkFlagRequired("name") // fails for an unknown flag only
	_ = cmd.MarkFlagRequired("role")
	return cmd
}

func userPasswdCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:     "passwd",
		Short:   "Give a person a new password, read from standard input; all their sessions end",
		Example: `  banyan user passwd --data data --name chenzq < password`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			password, err := readPassword(cmd)
			if err != nil {
				return err
			}
			return auth.SetPassword(dataDir(cmd), name, password)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "log-in name")
	_ = cmd.MarkFlagRequired("name")
	return cmd
}

func userDisableCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:   "disable",
		Short: "Let a person in no more; all their sessions end within a second",
		Example: `  banyan user disable --data data --name chenzq
  banyan user disable --data data --name oidc:248289761001    # who comes from the OpenID provider`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return auth.DisableUser(dataDir(cmd), name) },
	}
	cmd.Flags().StringVar(&name, "name", "", "log-in name")
	_ = cmd.MarkFlagRequired("name")
	return cmd
}

func userListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the people; passwords are kept only hashed and not shown", Example: "  banyan user list --data data", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			users, err := auth.ListUsers(dataDir(cmd))
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tDISPLAY\tDEPARTMENT\tROLES\tCHANGED\tSTATE")
			for _, u := range users {
				state := "good"
				if u.Disabled {
					state = "disabled"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", u.Name, u.Display, u.Department, joined(u.Roles), u.Changed.Format("2006-01-02 15:04"), state)
			}
			return w.Flush()
		},
	}
}

func joined(roles []auth.Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, ",")
}

// readPassword reads one line of standard input.
func readPassword(cmd *cobra.Command) (string, error) {
	if f, ok := cmd.InOrStdin().(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			fmt.Fprintln(cmd.ErrOrStderr(), "Password, one line; it shows as you type (`stty -echo` before and `stty echo` after keep it dark):")
		}
	}
	line, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), auth.MaxPasswordBytes+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("password: %w", err)
	}
	if line == "" {
		return "", errors.New("no password on standard input: put it there as one line")
	}
	return strings.TrimRight(line, "\r\n"), nil
}
