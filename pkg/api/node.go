package api

import (
	"context"
	"net/http"
)

// NodeStatus says what this process is to the city and how its copy in Redis fares.
type NodeStatus struct {
	Name       string       `json:"name"`
	Role       string       `json:"role" enum:"leader,follower,gateway"`
	Leader     string       `json:"leader,omitempty" doc:"Address of the node that leads, where it is known."`
	Epoch      uint32       `json:"epoch"`
	Seq        uint64       `json:"seq" doc:"The last event this node shows."`
	Durability string       `json:"durability" enum:"local,replicated"`
	Mirror     MirrorStatus `json:"mirror"`
	CutOff     bool         `json:"cut_off,omitempty" doc:"This node followed, hears nobody any more and goes on alone."`
	Degraded   bool         `json:"degraded" doc:"Alerts are taken, but something that should stand by does not."`
	Reason     string       `json:"reason,omitempty" doc:"Why degraded."`
}

// MirrorStatus is the copy in Redis, as this node sees it.
type MirrorStatus struct {
	State      string  `json:"state" enum:"off,connecting,current,behind,down,refused,following"`
	LagEvents  uint64  `json:"lag_events" doc:"Events in the journal that Redis has not."`
	LagSeconds float64 `json:"lag_seconds" doc:"Since Redis last had everything; 0 while it has."`
	Repairs    uint64  `json:"repairs" doc:"Times that Redis had lost events and got them back, since this process began."`
	Replicas   int     `json:"replicas,omitempty" doc:"Replicas of Redis that had everything when last asked; asked where answers wait for any."`
	Reason     string  `json:"reason,omitempty"`
}

func (s *Server) nodeRoutes() {
	register(s, http.MethodGet, "/api/v1/node", "get-node", "This node: role, epoch, and how far Redis is behind", []string{cityRead}, s.getNode)
}

func (s *Server) getNode(context.Context, *struct{}) (*body[NodeStatus], error) {
	return &body[NodeStatus]{s.o.Node()}, nil
}
