package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/banyan-ecc/banyan/pkg/app"
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
		&cobra.Command{Use: "stat", Short: "Count segments, frames, events and snapshots", Example: "  banyan journal stat --data data", Args: cobra.NoArgs, RunE: statJournal})
	return cmd
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
