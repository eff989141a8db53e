package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

func journalCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "journal", Short: "Look at a journal: verify, export, stat"}
	cmd.PersistentFlags().String("data", "data", "data folder of the server; it may be running")
	cmd.AddCommand(
		&cobra.Command{Use: "verify", Short: "Read every frame and make every decision again; exit 1 at the first damage or difference",
			Example: "  banyan journal verify --data data", Args: cobra.NoArgs, RunE: verifyJournal},
		&cobra.Command{Use: "export", Short: "Write every record as a line of JSON: sequence, epoch, command and events",
			Example: "  banyan journal export --data data | jq -c '.events[].type'", Args: cobra.NoArgs, RunE: exportJournal},
		&cobra.Command{Use: "stat", Short: "Count segments, frames, events and snapshots", Example: "  banyan journal stat --data data", Args: cobra.NoArgs, RunE: statJournal},
		salvageCommand())
	return cmd
}

func salvageCommand() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "salvage",
		Short: "Copy what can be read before the damage into a new data folder, and say what is lost",
		Long: `Copies every frame before the first damage into a new journal, and the keys beside it. The damaged folder is not
touched. Alerts and actions behind the damage were accepted and are lost with it: restore a backup instead where there is one.`,
		Example: "  banyan journal salvage --data data --out data-salvaged", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return salvageJournal(cmd, out) },
	}
	cmd.Flags().StringVar(&out, "out", "", "new data folder; it must not exist")
	_ = cmd.MarkFlagRequired("out") // fails for an unknown flag only
	return cmd
}

func salvageJournal(cmd *cobra.Command, out string) (err error) {
	if _, err := os.Stat(out); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s exists already; salvage writes to a new folder", out)
	}
	if err := os.MkdirAll(out, 0o750); err != nil {
		return err
	}
	to, err := journal.Open(filepath.Join(out, app.JournalDir), journal.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	var batch []journal.Frame
	bytes := 0
	flush := func() error {
		err := to.Append(batch)
		batch, bytes = batch[:0], 0
		return err
	}
	_, damage := journal.Verify(journalDir(cmd), func(f journal.Frame) error {
		batch = append(batch, f)
		if bytes += len(f.Payload); bytes < salvageBatchBytes && len(batch) < journal.MaxBatchFrames {
			return nil
		}
		return flush()
	})
	if err := flush(); err != nil {
		return err
	}
	if err := copyKeys(dataDir(cmd), out); err != nil {
		return err
	}
	var c *journal.CorruptError
	switch {
	case damage == nil:
		fmt.Fprintf(cmd.OutOrStdout(), "no damage was found; copied up to sequence %d\n", to.LastSeq())
	case errors.As(damage, &c):
		fmt.Fprintf(cmd.OutOrStdout(), "copied up to sequence %d; from there on everything is lost: segment %s, offset %d: %s\n", to.LastSeq(), c.Segment, c.Offset, c.Reason)
	default:
		return damage
	}
	return nil
}

// salvageBatchBytes is written with one sync.
const salvageBatchBytes = 8 << 20

func copyKeys(from, to string) error {
	b, err := os.ReadFile(filepath.Join(from, auth.FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(to, auth.FileName), b, 0o600)
}

func journalDir(cmd *cobra.Command) string { return filepath.Join(dataDir(cmd), app.JournalDir) }

// damaged prints where a journal is damaged.
func damaged(cmd *cobra.Command, err error) error {
	var c *journal.CorruptError
	if errors.As(err, &c) {
		fmt.Fprintf(cmd.ErrOrStderr(), "corrupt: segment %s, offset %d, sequence %d: %s\n", c.Segment, c.Offset, c.Seq, c.Reason)
		return errSaid
	}
	return err
}

func verifyJournal(cmd *cobra.Command, _ []string) error {
	v := sequencer.NewVerifier()
	report, err := journal.Verify(journalDir(cmd), func(f journal.Frame) error {
		if err := v.Frame(f); err != nil {
			return fmt.Errorf("the decision at sequence %d: %w", f.Seq, err)
		}
		return nil
	})
	if err != nil {
		return damaged(cmd, err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "ok: %d segments, %d batches, %d frames, %d events up to sequence %d; %d decisions made again with the same outcome, %d of other engine versions applied only\n",
		report.Segments, report.Batches, report.Frames, v.Events, report.LastSeq, v.Redecided, v.Skipped)
	return printSnapshots(cmd, report)
}

func printSnapshots(cmd *cobra.Command, r journal.Report) error {
	if r.TailBytes > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "behind the last complete batch: %d bytes, never accepted\n", r.TailBytes)
	}
	for _, s := range r.Snapshots {
		if s.Err != nil {
			fmt.Fprintf(cmd.OutOrStdout(), "snapshot at %d: not usable, %v\n", s.Seq, s.Err)
			continue
		}
		fmt.Fprintf(cmd.OutOrStdout(), "snapshot at %d: good, %d bytes\n", s.Seq, s.Bytes)
	}
	return nil
}

func exportJournal(cmd *cobra.Command, _ []string) error {
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 1<<20)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	_, err := journal.Verify(journalDir(cmd), func(f journal.Frame) error {
		return enc.Encode(struct {
			Seq    uint64          `json:"seq"`
			Epoch  uint32          `json:"epoch"`
			Count  uint32          `json:"count"`
			Record json.RawMessage `json:"record"`
		}{f.Seq, f.Epoch, f.Count, f.Payload})
	})
	return damaged(cmd, errors.Join(err, out.Flush()))
}

func statJournal(cmd *cobra.Command, _ []string) error {
	events := uint64(0)
	report, err := journal.Verify(journalDir(cmd), func(f journal.Frame) error { events += uint64(f.Count); return nil })
	if err != nil {
		return damaged(cmd, err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d segments, %d batches, %d frames, %d events, last sequence %d\n", report.Segments, report.Batches, report.Frames, events, report.LastSeq)
	return printSnapshots(cmd, report)
}
