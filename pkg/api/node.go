package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Bounds of giving the state away.
const (
	MaxImagesAtOnce = 2 // each holds references to everything there was when it began
	imageTimeout    = 5 * time.Minute

	MaxNodeFrames     = 10_000   // frames of the journal given at once
	MaxNodeFrameBytes = 16 << 20 // of their payloads; one frame may be larger
)

// NodeFrame is a frame of the journal, as nodes give it to each other.
type NodeFrame struct {
	Epoch   uint32 `json:"epoch"`
	Seq     uint64 `json:"seq"`
	Count   uint32 `json:"count"`
	Payload []byte `json:"payload"`
}

// EpochHeader is the header in which a node says of which epoch the last event of the state is that it sends.
const EpochHeader = "Banyan-Epoch"

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
	s.mux.Handle("GET /api/v1/node/snapshot", s.guarded(http.HandlerFunc(s.getImage), nodeSnapshot))
	s.api.OpenAPI().AddOperation(&huma.Operation{OperationID: "get-node-snapshot", Method: http.MethodGet, Path: "/api/v1/node/snapshot",
		Summary: "The whole state, for a gateway: a snapshot as in the data folder; the header " + EpochHeader + " is the epoch of its last event",
		Responses: map[string]*huma.Response{
			"200":     {Description: "OK", Content: map[string]*huma.MediaType{"application/cbor-seq": {Schema: &huma.Schema{Type: huma.TypeString}}}},
			"default": s.refused(),
		}})
	s.mux.Handle("GET /api/v1/node/frames", s.guarded(http.HandlerFunc(s.getFrames), nodeSnapshot))
	s.api.OpenAPI().AddOperation(&huma.Operation{OperationID: "get-node-frames", Method: http.MethodGet, Path: "/api/v1/node/frames",
		Summary:    fmt.Sprintf("What the journal holds from event `from` on, for a node that was away longer than the stream reaches back: a frame a line, at most %d of them and %d bytes of payload at once", MaxNodeFrames, MaxNodeFrameBytes),
		Parameters: []*huma.Param{{Name: "from", In: "query", Description: "The first event wanted, which begins a frame; absent: 1", Schema: &huma.Schema{Type: huma.TypeInteger}}},
		Responses: map[string]*huma.Response{
			"200":     {Description: "OK", Content: map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{Type: huma.TypeString}}}},
			"default": s.refused(),
		}})
}

// getFrames sends frames of the journal. Whoever breaks off, or meets damage, gives an answer that ends too early.
func (s *Server) getFrames(w http.ResponseWriter, r *http.Request) {
	from := uint64(1)
	if text := r.URL.Query().Get("from"); text != "" {
		var err error
		if from, err = strconv.ParseUint(text, 10, 64); err != nil || from == 0 {
			WriteProblem(w, alert.Errorf(alert.CodeInvalid, "from: want the number of an event, at least 1, not %.40q", text))
			return
		}
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(imageTimeout))
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	lines, n, size := json.NewEncoder(w), 0, 0
	for f, err := range s.o.Trail.Read(from) {
		if err == nil && n > 0 && (n == MaxNodeFrames || size+len(f.Payload) > MaxNodeFrameBytes) {
			return
		}
		if err == nil {
			err = lines.Encode(NodeFrame{f.Epoch, f.Seq, f.Count, f.Payload})
		}
		if err != nil {
			s.o.Logger.Warn("sending frames", "to", callerOf(r.Context()).Key, "from", from, "error", err)
			panic(http.ErrAbortHandler)
		}
		n, size = n+1, size+len(f.Payload)
	}
}

func (s *Server) getNode(context.Context, *struct{}) (*body[NodeStatus], error) {
	return &body[NodeStatus]{s.o.Node()}, nil
}

// getImage sends the state as it is now. Whoever breaks off gets an answer that ends too early, and sees it.
func (s *Server) getImage(w http.ResponseWriter, r *http.Request) {
	select {
	case s.images <- struct{}{}:
		defer func() { <-s.images }()
	default:
		WriteProblem(w, alert.Errorf(alert.CodeUnavailable, "%d others fetch the state already, the most there may be: retry shortly", MaxImagesAtOnce))
		return
	}
	var epoch uint32
	var view *dispatch.View
	s.o.State.ReadAt(func(of uint32, st *dispatch.State) { epoch, view = of, st.View() })
	if view.Seq() == 0 {
		WriteProblem(w, alert.Errorf(alert.CodeUnavailable, "nothing has happened in this city yet: retry shortly"))
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(imageTimeout)) // a connection that cannot have one ends with the server
	w.Header().Set("Content-Type", "application/cbor-seq")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set(EpochHeader, strconv.FormatUint(uint64(epoch), 10))
	if err := view.Encode(w); err != nil {
		s.o.Logger.Debug("sending the state", "to", callerOf(r.Context()).Key, "error", err)
		panic(http.ErrAbortHandler)
	}
}
