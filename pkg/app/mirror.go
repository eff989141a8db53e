package app

import (
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/redisstore"
)

// mirrorLateAfter is how long Redis may lack something before the centre calls itself degraded.
const mirrorLateAfter = 5 * time.Second

// mirror is the copy of events and live state in Redis; zero where there is none.
type mirror struct {
	*redisstore.Mirror
	client redis.UniversalClient
}

// openMirror makes the mirror. Redis need not be there: the centre serves without it.
func (a *App) openMirror() (err error) {
	if a.o.Redis == "" {
		return nil
	}
	if a.mirror.client, err = redisstore.Dial(a.o.Redis); err != nil {
		return err
	}
	a.places = places{client: a.mirror.client, key: redisstore.NamesOf(a.o.City.ID).Hooks()}
	var mirrored func(seq uint64)
	if a.traces != nil {
		mirrored = a.traces.Mirrored
	}
	m := redisstore.New(redisstore.Options{Done: mirrored, City: a.o.City.ID, Node: a.o.Node, Epoch: a.seq.Epoch, Client: a.mirror.client, Log: a.log,
		State: a.seq.Replica(), Keep: a.log.SnapshotSeq, Replicas: a.o.Replicas, Now: time.Now, Logger: a.o.Logger})
	a.mirror.Mirror = m
	a.onCommit(func(*commit) { m.Committed() })
	leading := func(value func(redisstore.Status) float64) func() float64 {
		return func() float64 {
			if !a.leads() {
				return 0
			}
			return value(m.Status())
		}
	}
	a.metrics.Gauge("banyan_leader", "1 while this node leads the city.", nil, leading(func(redisstore.Status) float64 { return 1 }))
	a.metrics.Gauge("banyan_mirror_lag_events", "Events in the journal that Redis has not.", nil, leading(func(s redisstore.Status) float64 { return float64(s.LagEvents) }))
	a.metrics.Gauge("banyan_mirror_lag_seconds", "Time since Redis last had everything; 0 while it has.", nil, leading(func(s redisstore.Status) float64 { return s.LagSeconds }))
	a.metrics.Gauge("banyan_mirror_up", "1 while Redis takes what it is sent.", nil, func() float64 {
		if p := m.Status().Phase; p == redisstore.Current || p == redisstore.Behind {
			return 1
		}
		return 0
	})
	a.metrics.Gauge("banyan_mirror_replicas", "Replicas of Redis that had everything when last asked; asked where answers wait for any.", nil, leading(func(s redisstore.Status) float64 { return float64(s.Replicas) }))
	a.metrics.Counter("banyan_mirror_repairs_total", "Times that Redis had lost events and got them back from the journal.", func() float64 { return float64(m.Status().Repairs) })
	return nil
}

func (m *mirror) close() error {
	if m.client == nil {
		return nil
	}
	return m.client.Close()
}

// node says what this process is to the city.
func (a *App) node() api.NodeStatus {
	if a.gateway != nil {
		return a.gatewayStatus()
	}
	n := api.NodeStatus{Name: a.o.Node, Role: "leader", Epoch: a.seq.Epoch(), Durability: "local", Mirror: api.MirrorStatus{State: "off"}}
	a.seq.Replica().Read(func(st *dispatch.State) { n.Seq = st.Seq() })
	if a.mirror.Mirror == nil {
		return n
	}
	if a.o.Replicated {
		n.Durability = "replicated"
	}
	if h := a.cluster.leader.Load(); h != nil {
		n.Leader = h.Address
	}
	if !a.leads() {
		n.Role, n.Mirror.State = "follower", "following"
		if n.Leader == "" {
			n.Degraded, n.Reason = true, "no node leads, as far as this one sees"
			if why := a.cluster.barred.Load(); why != nil {
				n.Reason = "no node leads, and this one lacks events of the city: " + *why
			}
		}
		if err := a.seq.Err(); err != nil {
			n.Degraded, n.Reason = true, "the journal failed, and what the city decides is not seen here any more: "+err.Error()
		}
		return n
	}
	s := a.mirror.Status()
	n.Mirror = api.MirrorStatus{State: string(s.Phase), LagEvents: s.LagEvents, LagSeconds: s.LagSeconds, Repairs: s.Repairs, Replicas: s.Replicas, Reason: s.Reason}
	n.CutOff = a.cluster.cut.Load()
	switch {
	case n.CutOff:
		n.Degraded, n.Reason = true, "cut off: neither Redis nor the node that led answers; this node goes on alone, and hands over what it takes when it is heard again"
	case s.Phase == redisstore.Down || s.Phase == redisstore.Refused:
		n.Degraded, n.Reason = true, "redis: "+s.Reason
	case a.cluster.barred.Load() != nil:
		n.Degraded, n.Reason = true, "redis holds another history than this node, which goes on alone: "+*a.cluster.barred.Load()
	case a.cluster.alone.Load():
		n.Degraded, n.Reason = true, "the lease cannot be renewed: this node leads alone"
	case s.LagSeconds > mirrorLateAfter.Seconds():
		n.Degraded, n.Reason = true, "redis lags behind"
	case s.Replicas < a.o.Replicas && s.LagEvents == 0:
		n.Degraded, n.Reason = true, fmt.Sprintf("%d of %d replicas of Redis have everything", s.Replicas, a.o.Replicas)
	}
	return n
}
