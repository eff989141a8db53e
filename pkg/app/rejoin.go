package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/hooks"
	"github.com/banyan-ecc/banyan/pkg/journal"
	"github.com/banyan-ecc/banyan/pkg/redisstore"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

const (
	rejoinDir    = "journal-rejoin"
	handedFile   = "handed.jsonl"
	handEvery    = 500 * time.Millisecond
	handedAtOnce = 256
	endOfHanded  = "end " // and an id: everything before it of that id is taken
	takenFor     = 24 * time.Hour
)

// Rejoin makes the data folder of a deposed node a follower's: events that the city went on without are cut off, and
// what they were decided from is kept to be submitted again, each under an idempotency key, however often. The journal
// as it was stays beside it. The folder must not be open. It does nothing where the two histories are one.
func Rejoin(ctx context.Context, dir, target, city string, logger *slog.Logger) error {
	if err := mendRejoin(dir); err != nil {
		return err
	}
	client, err := redisstore.Dial(target)
	if err != nil {
		return err
	}
	defer client.Close()
	old, err := journal.Open(filepath.Join(dir, JournalDir), journal.Options{Logger: logger})
	if err != nil {
		return err
	}
	defer old.Close()
	var diverged *redisstore.DivergedError
	if err := redisstore.NewTail(client, city).Compare(ctx, old); !errors.As(err, &diverged) {
		return err
	}
	commands, err := commandsAfter(old, diverged.Common)
	if err != nil {
		return err
	}
	if err := keepCommands(dir, commands); err != nil {
		return err
	}
	common, err := old.FrameAt(diverged.Common)
	if err != nil {
		return err
	}
	if err := hooks.Cut(dir, hooks.Place{Epoch: common.Epoch, Seq: diverged.Common}); err != nil {
		return err
	}
	if err := copyUpTo(old, filepath.Join(dir, rejoinDir), diverged.Common, logger); err != nil {
		return err
	}
	if err := old.Close(); err != nil {
		return err
	}
	aside := fmt.Sprintf("%s-diverged-%d-%d", JournalDir, diverged.Common, time.Now().Unix())
	if err := os.Rename(filepath.Join(dir, JournalDir), filepath.Join(dir, aside)); err != nil {
		return err
	}
	logger.Warn("the city went on without some of this node; it follows now, and what only it had is submitted again", "common", diverged.Common,
		"last", diverged.Last, "commands", len(commands), "kept", aside)
	return mendRejoin(dir)
}

// mendRejoin ends a Rejoin that was interrupted between putting the old journal aside and the new one in its place.
func mendRejoin(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, JournalDir)); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	err := os.Rename(filepath.Join(dir, rejoinDir), filepath.Join(dir, JournalDir))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return journal.OS{}.SyncDir(dir)
}

// commandsAfter returns what the events after a sequence were decided from: what sources and people wanted. Where it stood
// and what it says make the idempotency key, unless another node had handed it over before.
func commandsAfter(log *journal.Journal, seq uint64) (commands [][]byte, err error) {
	for f, err := range log.Read(seq + 1) {
		if err != nil {
			return nil, err
		}
		parts, err := sequencer.SplitRecord(f.Payload)
		if err != nil {
			return nil, err
		}
		var c dispatch.Command
		if err := json.Unmarshal(parts.Command, &c); err != nil {
			return nil, err
		}
		if c.Type == dispatch.Tick || c.Type == dispatch.LoadConfig {
			continue
		}
		if c.IdempotencyKey == "" {
			sum := sha256.Sum256(fmt.Appendf(nil, "%d-%d %s", f.Epoch, f.Seq, parts.Command))
			c.IdempotencyKey = hex.EncodeToString(sum[:16])
		}
		commands = append(commands, c.AppendJSON(nil))
	}
	return commands, nil
}

// keepCommands adds to the file of what is to be submitted again, before anything is cut off.
func keepCommands(dir string, commands [][]byte) error {
	path := filepath.Join(dir, handedFile)
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return writeDurably(path, append(before, append(bytes.Join(commands, []byte("\n")), '\n')...))
}

// copyUpTo makes a new journal of the frames up to a sequence.
func copyUpTo(old *journal.Journal, dir string, last uint64, logger *slog.Logger) error {
	if err := os.RemoveAll(dir); err != nil { // of an attempt before
		return err
	}
	log, err := journal.Open(dir, journal.Options{Logger: logger})
	if err != nil {
		return err
	}
	var batch []journal.Frame
	size := 0
	for f, err := range old.Read(1) {
		if err == nil && (f.Seq > last || len(batch) >= maxFollowFrames || size > maxFollowBytes) {
			err = log.Append(batch)
			batch, size = nil, 0
		}
		if err != nil {
			return errors.Join(err, log.Close())
		}
		if f.Seq > last {
			break
		}
		batch, size = append(batch, f), size+len(f.Payload)
	}
	return errors.Join(log.Append(batch), log.Close())
}

// handOver puts what is to be submitted again where the node that leads takes it from. The file is kept until that node
// says that its journal has all of it: Redis may be emptied in between, and then it is put there again.
func (a *App) handOver(ctx context.Context) error {
	path := filepath.Join(a.o.DataDir, handedFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	names, sum := redisstore.NamesOf(a.o.City.ID), sha256.Sum256(b)
	id := hex.EncodeToString(sum[:8])
	taken, err := a.mirror.client.Exists(ctx, names.Taken(id)).Result()
	if err != nil {
		return err
	}
	if taken > 0 {
		return os.Remove(path)
	}
	if waiting, err := a.mirror.client.LLen(ctx, names.Handed()).Result(); err != nil || waiting > 0 {
		return err
	}
	var commands []any
	for line := range bytes.SplitSeq(b, []byte("\n")) {
		if len(line) > 0 {
			commands = append(commands, line)
		}
	}
	commands = append(commands, endOfHanded+id)
	for len(commands) > 0 {
		n := min(len(commands), handedAtOnce)
		if err := a.mirror.client.RPush(ctx, names.Handed(), commands[:n]...).Err(); err != nil {
			return err // all of it again: their keys make that harmless
		}
		commands = commands[n:]
	}
	return nil
}

// takeHanded submits what deposed nodes have handed over, oldest first.
func (a *App) takeHanded(ctx context.Context) error {
	key := redisstore.NamesOf(a.o.City.ID).Handed()
	for {
		texts, err := a.mirror.client.LRange(ctx, key, 0, handedAtOnce-1).Result()
		if err != nil || len(texts) == 0 {
			return err
		}
		for i, text := range texts {
			if id, end := strings.CutPrefix(text, endOfHanded); end {
				if err := a.mirror.client.Set(ctx, redisstore.NamesOf(a.o.City.ID).Taken(id), a.o.Node, takenFor).Err(); err != nil {
					return err
				}
				continue
			}
			var c dispatch.Command
			if err := json.Unmarshal([]byte(text), &c); err != nil {
				a.o.Logger.Error("a command that was handed over cannot be read", "error", err)
				continue
			}
			if a.said(&c) {
				continue
			}
			_, err := a.seq.Do(ctx, c)
			if alert.CodeOf(err) == alert.CodeUnavailable {
				return errors.Join(err, a.mirror.client.LTrim(ctx, key, int64(i), -1).Err())
			}
			if err != nil { // the city has gone on: a task is somebody else's by now, or over
				a.o.Logger.Warn("a command of a deposed node is not possible any more", "type", c.Type, "action", c.Action, "target", c.Target, "error", err)
			}
		}
		if err := a.mirror.client.LTrim(ctx, key, int64(len(texts)), -1).Err(); err != nil {
			return err
		}
	}
}

// runLeader does what only who leads does, from the moment it leads.
func (a *App) runLeader(ctx context.Context) {
	if a.mirror.Mirror == nil {
		return
	}
	for !a.seq.Leads() {
		if err := a.handOver(ctx); err != nil && ctx.Err() == nil {
			a.o.Logger.Warn("what only this node had is not handed over yet", "error", err)
		}
		pause(ctx, tailWait)
		if ctx.Err() != nil {
			return
		}
	}
	mirrored := make(chan struct{})
	go func() {
		defer close(mirrored)
		for !a.cluster.claimed.Load() && ctx.Err() == nil {
			pause(ctx, tailWait)
		}
		a.mirror.Run(ctx)
	}()
	if err := a.configure(ctx); err != nil && ctx.Err() == nil {
		a.o.Logger.Error("the configuration of this node is not in force", "error", err)
	}
	for ctx.Err() == nil {
		if !a.cluster.alone.Load() && a.cluster.claimed.Load() {
			if err := errors.Join(a.handOver(ctx), a.takeHanded(ctx)); err != nil && ctx.Err() == nil {
				a.o.Logger.Debug("handed over", "error", err)
			}
		}
		pause(ctx, handEvery)
	}
	<-mirrored
}

// leave gives the lease up at an orderly stop, once Redis has everything, so that the next leader need not wait.
func (a *App) leave(ctx context.Context) error {
	if a.cluster.lease == nil || !a.seq.Leads() || !a.cluster.claimed.Load() || a.cluster.alone.Load() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, replicateWait)
	defer cancel()
	a.tellHooks(ctx)
	if err := errors.Join(a.mirror.Flush(ctx), a.cluster.lease.Release(ctx)); err != nil {
		a.o.Logger.Warn("redis has not got everything; it will when this node is started again, or another leads", "error", err)
	}
	return nil
}
