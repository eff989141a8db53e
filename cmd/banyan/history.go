package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-ecc/banyan/pkg/app"
	"github.com/banyan-ecc/banyan/pkg/history"
	"github.com/banyan-ecc/banyan/pkg/journal"
)

func historyCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "history", Short: "The read model that searches and statistics are answered from: rebuild"}
	cmd.PersistentFlags().String("data", "data", "data folder of the server, which must not be running")
	cmd.AddCommand(&cobra.Command{
		Use:   "rebuild",
		Short: "Make it anew from the journal",
		Long: `Reads the whole journal and makes history.db anew; the old one stays in place until the new one is whole. Nothing is
lost by it: everything in it comes from the journal. The server does the same by itself, in the background, when the file is
missing, of another version or of another journal; this is the faster way.`,
		Example: "  banyan history rebuild --data /var/lib/banyan", Args: cobra.NoArgs, RunE: rebuildHistory,
	})
	return cmd
}

// progressEvery is how often a long command says how far it is.
const progressEvery = 2 * time.Second

func rebuildHistory(cmd *cobra.Command, _ []string) (err error) {
	began, told := time.Now(), time.Now()
	log, err := journal.Open(filepath.Join(dataDir(cmd), app.JournalDir), journal.Options{})
	if errors.Is(err, journal.ErrLocked) {
		return fmt.Errorf("%w: stop the server first, or let it make history itself", err)
	}
	if err != nil {
		return damaged(cmd, err)
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	last := log.LastSeq()
	err = history.Rebuild(cmd.Context(), dataDir(cmd), func(each func(journal.Frame) error) error {
		for f, err := range log.Read(1) {
			if err == nil {
				err = each(f)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}, func(seq uint64) {
		if time.Since(told) < progressEvery {
			return
		}
		told = time.Now()
		rate := float64(seq) / time.Since(began).Seconds()
		fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d events, %.0f%%, %.0f/s, %v left\n", seq, last, 100*float64(seq)/float64(last), rate,
			time.Duration(float64(last-seq)/rate*float64(time.Second)).Round(time.Second))
	})
	if err != nil {
		return damaged(cmd, err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "history.db holds everything up to event %d; it took %v\n", last, time.Since(began).Round(time.Millisecond))
	return nil
}
