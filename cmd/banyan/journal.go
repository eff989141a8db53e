package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

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
		verifyCommand(),
		&cobra.Command{Use: "export", Short: "Write every record as a line of JSON: sequence, epoch, value of the chain, command and events",
			Example: "  banyan journal export --data data | jq -c '.events[].type'", Args: cobra.NoArgs, RunE: exportJournal},
		&cobra.Command{Use: "stat", Short: "Count segments, frames, events and snapshots", Example: "  banyan journal stat --data data", Args: cobra.NoArgs, RunE: statJournal},
		salvageCommand())
	return cmd
}

func verifyCommand() *cobra.Command {
	var head headFlag
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Read every frame, follow the chain, and make every decision again; exit 1 at the first damage or difference",
		Long: `Reads every frame and holds it against its checksum and against the chain: SHA-256 over the value before it and what it
holds. A frame that was altered, removed, put in or moved is found and named even where the checksums were made right
again. Then every decision is made again, and must have the recorded outcome byte for byte.

It prints the head of the chain. Who rewrites the whole journal from some point on can make a chain that is good in
itself, but never one with the head you wrote down: give it back with --head, from a paper or another machine. The head
is in the server's log at each start and stop, and in GET /api/v1/audit.`,
		Example: "  banyan journal verify --data data\n  banyan journal verify --data data --head 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08@1200",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return verifyJournal(cmd, &head) },
	}
	cmd.Flags().Var(&head, "head", "a head that was written down: the value must still stand at that sequence")
	return cmd
}

// headFlag is a value of the chain behind a sequence.
type headFlag struct {
	seq   uint64
	chain journal.Chain
	found bool
}

// String implements pflag.Value.
func (h *headFlag) String() string {
	if h.seq == 0 {
		return ""
	}
	return fmt.Sprintf("%v@%d", h.chain, h.seq)
}

// Type implements pflag.Value.
func (h *headFlag) Type() string { return "CHAIN@SEQUENCE" }

// Set implements pflag.Value.
func (h *headFlag) Set(s string) error {
	chain, at, _ := strings.Cut(s, "@")
	seq, err := strconv.ParseUint(at, 10, 64)
	if err != nil || seq == 0 || h.chain.UnmarshalText([]byte(chain)) != nil {
		return errors.New("want 64 hexadecimal digits, @ and a sequence, as `banyan journal verify` prints them")
	}
	h.seq = seq
	return nil
}

// frame looks whether f is what was written down.
func (h *headFlag) frame(f *journal.Frame) error {
	switch {
	case h.seq < f.Seq || h.seq > f.LastSeq():
		return nil
	case h.seq != f.LastSeq():
		return fmt.Errorf("sequence %d is not the last of its frame, which holds %d to %d: no head was ever printed there", h.seq, f.Seq, f.LastSeq())
	case h.chain != f.Chain:
		return fmt.Errorf("the head at sequence %d is %v, not %v: what was recorded up to there was changed since that was written down, or it is another journal", h.seq, f.Chain, h.chain)
	}
	h.found = true
	return nil
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

func verifyJournal(cmd *cobra.Command, head *headFlag) error {
	v := sequencer.NewVerifier()
	report, err := journal.Verify(journalDir(cmd), func(f journal.Frame) error {
		if err := head.frame(&f); err != nil {
			return err
		}
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
	switch {
	case head.found:
		fmt.Fprintf(cmd.OutOrStdout(), "the head written down at sequence %d still stands\n", head.seq)
	case head.seq > 0:
		return fmt.Errorf("the journal ends at sequence %d, before the head written down at %d: what came after is missing", report.LastSeq, head.seq)
	}
	return printSnapshots(cmd, report)
}

func printSnapshots(cmd *cobra.Command, r journal.Report) error {
	fmt.Fprintf(cmd.OutOrStdout(), "head of the chain: %v@%d\n", r.Chain, r.LastSeq)
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
			Chain  journal.Chain   `json:"chain"`
			Record json.RawMessage `json:"record"`
		}{f.Seq, f.Epoch, f.Count, f.Chain, f.Payload})
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
