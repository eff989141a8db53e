package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// MaxReplicas bounds how many replicas of Redis an answer may wait for.
const MaxReplicas = 16

// waitTimeout is how long Redis is asked to wait for its replicas at a time. It is below callTimeout.
const waitTimeout = 500 * time.Millisecond

// has returns the last event that is where Options want it.
func (m *Mirror) has() uint64 {
	if m.o.Replicas > 0 {
		return m.replicated.Load()
	}
	return m.seq.Load()
}

// askReplicas asks, whenever Redis has more, whether its replicas have it too, until ctx ends. It stands beside the
// mirror so that a replica that is slow or away holds up answers alone, never events.
func (m *Mirror) askReplicas(ctx context.Context) {
	rest := minRest
	for ctx.Err() == nil {
		m.mu.Lock()
		seq, moved, phase := m.seq.Load(), m.moved, m.phase
		m.mu.Unlock()
		if seq == m.replicated.Load() || phase != Current && phase != Behind {
			select {
			case <-moved:
			case <-ctx.Done():
			}
			continue
		}
		n, err := m.countReplicas(ctx)
		if err == nil {
			m.replicas.Store(n)
		}
		if err == nil && n >= int64(m.o.Replicas) {
			m.everywhere(seq)
			rest = minRest
			continue
		}
		select { // not enough of them
		case <-time.After(rest):
		case <-ctx.Done():
		}
		rest = min(2*rest, maxRest)
	}
}

// countReplicas returns how many replicas have everything that was written before it was called. WAIT counts those
// that have the writes of its own connection; one write there stands behind all that were answered before.
func (m *Mirror) countReplicas(ctx context.Context) (int64, error) {
	var client redis.Cmdable = m.o.Client
	if cluster, ok := m.o.Client.(*redis.ClusterClient); ok {
		master, err := cluster.MasterForKey(ctx, m.names.Meta())
		if err != nil {
			return 0, err
		}
		client = master
	}
	var count *redis.Cmd
	_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.HSet(ctx, m.names.Meta(), "waits", m.o.Node)
		count = p.Do(ctx, "WAIT", m.o.Replicas, waitTimeout.Milliseconds())
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("asking for replicas: %w", err)
	}
	return count.Int64()
}

// everywhere notes that enough replicas have event seq, unless Redis has lost it meanwhile.
func (m *Mirror) everywhere(seq uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seq.Load() < seq {
		return
	}
	m.replicated.Store(seq)
	close(m.moved)
	m.moved = make(chan struct{})
}
