// Package api is the HTTP face: alerts in, incidents and tasks out, OpenAPI 3.1 from the code, RFC 9457
// problems for every error. It decides nothing: commands go to the engine, reads come from committed state.
package api

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"reflect"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/layer"
	"github.com/banyan-ecc/banyan/pkg/sequencer"
)

// Bounds of what a caller may send.
const (
	MaxAlertBytes  = 64 << 10 // body of one alert
	MaxActionBytes = 32 << 10 // body of an action
	MaxBatchBytes  = 64 << 20 // body of a batch
	MaxBatchLines  = 50_000
	BatchWindow    = 512    // lines of one batch waiting for the journal at once
	MaxPage        = 500    // incidents a page
	MaxScan        = 20_000 // incidents looked at for one page
	MaxHeaderBytes = 16 << 10
	CommandTimeout = 10 * time.Second // how long a caller waits for the journal
)

// Engine takes commands.
type Engine interface {
	Do(ctx context.Context, c dispatch.Command) (sequencer.Outcome, error)
	Submit(ctx context.Context, c dispatch.Command) (wait func(context.Context) (sequencer.Outcome, error), err error)
	Epoch() uint32
}

// State is the committed state.
type State interface {
	Read(func(*dispatch.State))
	// ReadAt is Read, and says of which epoch the state's last event is.
	ReadAt(func(epoch uint32, st *dispatch.State))
}

// History finds what was written.
type History interface {
	// Events returns the events of the command that made event seq.
	Events(seq uint64) ([]dispatch.Event, error)
	// Encoded returns the JSON of event seq.
	Encoded(seqs []uint64) ([][]byte, error)
}

// Options are what a Server is made of.
type Options struct {
	Engine     Engine
	State      State
	History    History
	Archive    Archive // what is over; nil: none is kept
	Trail      Trail
	Caller     func(*http.Request) (Caller, bool)               // who sends it; false: nobody known
	Rights     Rights                                           // what they may do
	Logins     Logins                                           // people signing in and out; nil: keys alone
	Door       Door                                             // for what sources send in their own shape; nil: alerts alone
	Layers     *layer.Board                                     // what sources measure; nil: no layer is shown
	Transports Transports                                       // of messages in other forms; nil: JSON alone
	Reload     func(context.Context) (digest string, err error) // puts the configuration on disk in force; nil: cannot
	Peer       func(*http.Request) (netip.Addr, bool)           // address and whether over TLS; nil: those of the connection
	Stream     func(http.ResponseWriter, *http.Request, Caller) // the websocket
	Metrics    http.Handler                                     // nil: not on this listener
	Ready      func() error                                     // nil error: accepting
	Alive      func() error                                     // nil error: the writer's loop runs
	Node       func() NodeStatus                                // what this process is to the city
	Pages      fs.FS                                            // built web pages; nil: a plain notice instead
	Now        func() time.Time
	Observe    func(operation string, status int, took time.Duration) // nil: nobody measures
	Logger     *slog.Logger
}

// Server is an http.Handler for everything Banyan serves.
type Server struct {
	o        Options
	mux      *http.ServeMux
	api      huma.API
	limits   limits
	outlines outlines
	images   chan struct{} // held while the state is sent
}

// New returns a server.
func New(o Options) *Server {
	if o.Observe == nil {
		o.Observe = func(string, int, time.Duration) {}
	}
	if o.Peer == nil {
		o.Peer = peer
	}
	if o.Door == nil {
		o.Door = noDoor{}
	}
	s := &Server{o: o, mux: http.NewServeMux(), limits: newLimits(o.Now), images: make(chan struct{}, MaxImagesAtOnce)}
	s.api = humago.New(s.mux, description())
	aliases := s.api.OpenAPI().Components.Schemas
	aliases.RegisterTypeAlias(reflect.TypeFor[alert.Time](), reflect.TypeFor[time.Time]())
	aliases.RegisterTypeAlias(reflect.TypeFor[alert.Priority](), reflect.TypeFor[string]())
	aliases.RegisterTypeAlias(reflect.TypeFor[geo.Cell](), reflect.TypeFor[string]())
	s.alertRoutes()
	s.alertmanagerRoutes()
	s.transportRoutes()
	s.outgoingRoutes()
	s.nearbyRoutes()
	s.incidentRoutes()
	s.actionRoutes()
	s.dutyRoutes()
	s.sourceRoutes()
	s.layerRoutes()
	s.rosterRoutes()
	s.historyRoutes()
	s.statisticsRoutes()
	s.auditRoutes()
	s.amendmentRoutes()
	s.maintenanceRoutes()
	s.loginRoutes()
	s.placeRoutes()
	s.nodeRoutes()
	s.mux.HandleFunc("GET /api/v1/stream", s.stream)
	s.mux.HandleFunc("GET /healthz", s.health(o.Alive))
	s.documentText("/healthz", "healthz", "ok while the writer's loop turns", true)
	s.mux.HandleFunc("GET /readyz", s.health(o.Ready))
	s.documentText("/readyz", "readyz", "ok while alerts are accepted", true)
	s.mux.HandleFunc("/", s.notFound)
	s.pageRoutes()
	if o.Metrics != nil {
		s.mux.Handle("GET /metrics", s.guarded(o.Metrics, metricsRead))
		s.documentText("/metrics", "metrics", "Metrics for Prometheus", false)
	}
	return s
}

// documentText puts a route that answers with plain text into the OpenAPI document.
func (s *Server) documentText(path, id, summary string, open bool) {
	op := &huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Summary: summary, Responses: map[string]*huma.Response{
		"200":     {Description: "OK", Content: map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}},
		"default": s.refused(),
	}}
	if open {
		op.Security = []map[string][]string{{}} // no key
	}
	s.api.OpenAPI().AddOperation(op)
}

// refused is the response of a refusal.
func (s *Server) refused() *huma.Response {
	schema := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	return &huma.Response{Description: "refused", Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema}}}
}

// description is the head of the OpenAPI document. The library's documentation page is left out: it would
// fetch scripts from the internet.
func description() huma.Config {
	c := huma.DefaultConfig("Banyan", "1.0.0")
	c.Info.Description = "Real-time backend of a city's emergency command centre. See docs/protocol.md for the websocket."
	c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", nil
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "a key made by `banyan key add`"},
		"cookie": {Type: "apiKey", In: "cookie", Name: cookieName, Description: "the session of a person, begun by POST /api/v1/login; over TLS the name begins with __Host-"},
	}
	c.Security = []map[string][]string{{"bearer": {}}, {"cookie": {}}}
	return c
}

type callerKey struct{}

// callerOf returns who sent the request; ServeHTTP has let nobody else through.
func callerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// public reports whether a path is served to anybody: health, pages that hold no data, and webhooks, which are
// signed themselves.
func public(path string) bool {
	return loginPath(path) || strings.HasPrefix(path, hooksPath) || path == "/" || path == "/healthz" || path == "/readyz" || path == "/favicon.ico" ||
		path == "/wall" || strings.HasPrefix(path, "/wall/") || path == "/console" || strings.HasPrefix(path, "/console/") ||
		strings.HasPrefix(path, "/assets/")
}

// ServeHTTP implements http.Handler. Whoever is not known gets no further than the public paths.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := s.o.Now()
	rec := &recorder{ResponseWriter: w, status: http.StatusOK}
	defer s.survive(rec, r)
	if !public(r.URL.Path) {
		caller, ok := s.o.Caller(r)
		if !ok {
			if strings.HasSuffix(r.URL.Path, "/roster.ics") { // calendar programs send a password when they are asked
				rec.Header().Set("WWW-Authenticate", `Basic realm="Banyan", charset="UTF-8"`)
			}
			WriteProblem(rec, alert.Errorf(alert.CodeUnauthorized, "sign in, or send a key: Authorization: Bearer TOKEN; `banyan key add` makes one"))
			return
		}
		if err := s.ownPage(r); caller.Person && err != nil {
			WriteProblem(rec, err)
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, caller))
	}
	r = withoutSuffix(r)
	s.mux.ServeHTTP(rec, r)
	if r.Pattern != "" {
		s.o.Observe(r.Pattern, rec.status, s.o.Now().Sub(began))
	}
}

// survive answers for a handler that panicked. One that had begun to answer has its connection cut.
func (s *Server) survive(rec *recorder, r *http.Request) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	s.o.Logger.Error("request failed", "method", r.Method, "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
	if rec.began {
		panic(http.ErrAbortHandler)
	}
	WriteProblem(rec, fmt.Errorf("panic: %v", p))
}

// recorder remembers the status of an answer, and whether it has begun.
type recorder struct {
	http.ResponseWriter
	status int
	began  bool
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	r.status, r.began = status, true
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	r.began = true
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController find what the server's writer can do.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// register adds an operation that callers may use who may do one of the actions to something; others are
// forbidden. Whether they may do it to what they name is for the handler to say.
func register[I, O any](s *Server, method, path, id, summary string, actions []string, handle func(context.Context, *I) (*O, error)) {
	op := huma.Operation{OperationID: id, Method: method, Path: path, Summary: summary, MaxBodyBytes: MaxActionBytes,
		Errors: []int{400, 401, 403, 404, 409, 413, 422, 429, 503}, Middlewares: huma.Middlewares{s.guard(actions)}}
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.problem(err, id)
		}
		return out, nil
	})
}

// guard lets callers through who may do one of the actions at all, as often as their key may; what they send is
// not looked at before.
func (s *Server) guard(actions []string) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		caller := callerOf(ctx.Context())
		err := s.ever(caller, actions...)
		if err == nil {
			err = s.limits.key(caller.Key)
		}
		if err != nil {
			_, w := humago.Unwrap(ctx)
			WriteProblem(w, err)
			return
		}
		next(ctx)
	}
}

// problem turns err into a problem and logs what is a defect of ours.
func (s *Server) problem(err error, operation string) *Problem {
	if alert.CodeOf(err) == alert.CodeInternal {
		s.o.Logger.Error("request failed", "operation", operation, "error", err)
	}
	return problemOf(err)
}

// body is the answer with a JSON document.
type body[T any] struct{ Body T }

// StreamPath is where screens connect.
const StreamPath = "/api/v1/stream" // as registered above

func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	c := callerOf(r.Context())
	if err := s.ever(c, incidentRead, incidentRedacted); err != nil {
		WriteProblem(w, err)
		return
	}
	// The recorder stands between the library and the connection it wants to take over.
	if rec, ok := w.(*recorder); ok {
		w = rec.ResponseWriter
	}
	s.o.Stream(w, r, c)
}

func (s *Server) health(check func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := check(); err != nil {
			WriteProblem(w, alert.Errorf(alert.CodeUnavailable, "%v", err))
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	}
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	WriteProblem(w, alert.Errorf(alert.CodeNotFound, "nothing at %s %s; GET /openapi.json lists what there is", r.Method, r.URL.Path))
}
