package app

import (
	"context"
	"errors"
)

// leads reports whether this node leads and its journal takes what it decides.
func (a *App) leads() bool { return a.seq.Leads() && a.seq.Err() == nil }

// keepFailed keeps a node out of the way whose journal takes nothing more: while it held the lease, nobody else could
// lead. It gives the lease up, as soon as Redis has all that was accepted, and passes on what changes the city; whoever
// mends the disk starts it again.
func (a *App) keepFailed(ctx context.Context) error {
	if a.seq.Leads() {
		waiting, cancel := context.WithTimeout(ctx, replicateWait)
		err := a.mirror.Await(waiting, a.log.LastSeq())
		cancel()
		if err != nil && ctx.Err() == nil {
			a.o.Logger.Debug("redis has not all that this node accepted; it is handed over when it is started again", "error", err)
		}
	}
	err := a.cluster.lease.Release(ctx)
	h, held, asked := a.cluster.lease.Holder(ctx)
	if asked == nil && held && h.Node != a.o.Node {
		a.cluster.led(&h)
	} else {
		a.cluster.led(nil)
	}
	pause(ctx, tailWait)
	return errors.Join(err, asked)
}

// untilFailed returns a context that ends when the journal fails, too: what only who leads does is another's then.
func (a *App) untilFailed(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if a.cluster.lease == nil {
		return ctx, cancel
	}
	go func() {
		for ctx.Err() == nil && a.seq.Err() == nil {
			pause(ctx, tailWait)
		}
		cancel()
	}()
	return ctx, cancel
}
