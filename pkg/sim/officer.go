package sim

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// officer sits at a seat: sees its tasks, acknowledges them after a while, works them off, and verifies
// what the seat leads.
type officer struct {
	o      *Options
	client *http.Client
	seat   string
	token  string
	rng    *rand.Rand

	todo map[string]step // by id of task or incident: what this officer will do next
}

// step is something to do at a time.
type step struct {
	at     time.Time
	path   string // of the request
	reason string
}

// maxTodo bounds what an officer has in mind; the rest comes back with the next snapshot.
const maxTodo = 4096

// Median delays of people. Acknowledging follows the clock of the centre; the rest is work, and scaled by Pace.
var (
	acknowledgeIn = [...]time.Duration{0, 5 * time.Second, 10 * time.Second, 20 * time.Second, 35 * time.Second} // by priority
	departIn      = 40 * time.Second
	arriveIn      = 5 * time.Minute
	finishIn      = 9 * time.Minute
	verifyIn      = 60 * time.Second
)

// How people differ from machines.
const (
	spread     = 0.5   // of the logarithm of every delay
	lateShare  = 0.06  // acknowledge late
	lateFactor = 6     // by so much
	deafShare  = 0.015 // never answer: somebody must be escalated to
	giveBack   = 0.01  // support tasks returned as somebody else's
)

// work connects, and again after a pause, until ctx ends.
func (f *officer) work(ctx context.Context) {
	for ctx.Err() == nil {
		err := f.watch(ctx)
		if ctx.Err() == nil {
			f.o.Logger.Debug("demo: officer reconnects", "seat", f.seat, "error", err)
		}
		sleep(ctx, time.Second+time.Duration(f.rng.Int64N(int64(2*time.Second))))
	}
}

// frame is what an officer reads of a server's frame.
type frame struct {
	Op        string            `json:"op"`
	Incidents []*alert.Incident `json:"incidents"`
	Events    []struct {
		Type       string              `json:"type"`
		IncidentID string              `json:"incident_id"`
		Task       *alert.Task         `json:"task"`
		State      alert.IncidentState `json:"state"`
		Step       string              `json:"step"`
	} `json:"events"`
}

// watch holds one connection.
func (f *officer) watch(ctx context.Context) error {
	url := "ws" + strings.TrimPrefix(f.o.Server, "http") + "/api/v1/stream"
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, url, http.Header{"Authorization": {"Bearer " + f.token}, "Sec-WebSocket-Protocol": {"banyan.v1"}})
	if err != nil {
		return err
	}
	defer ws.Close()
	if err := ws.WriteJSON(map[string]any{"op": "subscribe", "topics": []string{"seat:" + f.seat}}); err != nil {
		return err
	}
	frames, failed := make(chan frame), make(chan error, 1)
	go func() {
		defer close(frames)
		for {
			var in frame
			if err := ws.ReadJSON(&in); err != nil {
				failed <- err
				return
			}
			select {
			case frames <- in:
			case <-ctx.Done():
				failed <- ctx.Err()
				return
			}
		}
	}()
	f.todo = map[string]step{}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(f.untilNext())
		select {
		case in, ok := <-frames:
			if !ok {
				return <-failed
			}
			f.see(&in)
		case <-timer.C:
			f.act(ctx)
		case <-ctx.Done():
			_ = ws.Close()
			for range frames { // until the reader has seen it
			}
			return ctx.Err()
		}
	}
}

// see takes in what a frame says.
func (f *officer) see(in *frame) {
	for _, inc := range in.Incidents {
		for _, t := range inc.Tasks {
			f.consider(t, true)
			if t.Role == alert.RoleLead && t.Seat == f.seat && inc.State == alert.IncidentVerifying {
				f.verify(inc.ID)
			}
		}
	}
	for i := range in.Events {
		e := &in.Events[i]
		if e.Task != nil {
			f.consider(e.Task, e.Type == "task.assigned" || e.Type == "task.reassigned" || e.Type == "task.escalated")
			if e.Task.Role == alert.RoleLead && e.Task.Seat == f.seat && e.Type == "task.done" {
				f.todo["lead:"+e.IncidentID] = step{at: time.Now().Add(365 * 24 * time.Hour)} // led by this seat; waits for the word
			}
		}
		if e.Type == "incident.state" {
			_, led := f.todo["lead:"+e.IncidentID]
			delete(f.todo, "lead:"+e.IncidentID)
			if led && e.State == alert.IncidentVerifying {
				f.verify(e.IncidentID)
			}
		}
	}
}

// consider decides what to do about a task, if anything. asked: the seat has just been asked to answer.
func (f *officer) consider(t *alert.Task, asked bool) {
	_, known := f.todo[t.ID]
	if t.State.Final() || !t.Entitled(f.seat) || len(f.todo) >= maxTodo {
		delete(f.todo, t.ID)
		return
	}
	path := "/api/v1/tasks/" + t.ID + "/"
	mine := t.Seat == f.seat
	switch {
	case t.State == alert.TaskAssigned && asked && (mine || slices.Contains(t.Escalated, f.seat)):
		if known {
			return
		}
		if mine && f.rng.Float64() < deafShare {
			return
		}
		wait := f.around(acknowledgeIn[t.Priority])
		if f.rng.Float64() < lateShare {
			wait *= lateFactor
		}
		f.todo[t.ID] = step{at: time.Now().Add(wait), path: path + string(alert.ActAcknowledge)}
	case !mine:
		delete(f.todo, t.ID) // somebody else answered
	case t.State == alert.TaskAcknowledged:
		if t.Role == alert.RoleSupport && f.rng.Float64() < giveBack {
			f.todo[t.ID] = step{time.Now().Add(f.worked(departIn)), path + string(alert.ActReturn), "不属于本席职责"}
			return
		}
		f.todo[t.ID] = step{at: time.Now().Add(f.worked(departIn)), path: path + string(alert.ActDepart)}
	case t.State == alert.TaskEnRoute:
		f.todo[t.ID] = step{at: time.Now().Add(f.worked(arriveIn)), path: path + string(alert.ActArrive)}
	case t.State == alert.TaskOnScene:
		f.todo[t.ID] = step{time.Now().Add(f.worked(finishIn)), path + string(alert.ActFinish), "处置完毕"}
	}
}

func (f *officer) verify(incident string) {
	f.todo["verify:"+incident] = step{time.Now().Add(f.worked(verifyIn)), "/api/v1/incidents/" + incident + "/" + string(alert.ActVerify), "现场已核查"}
}

// around is a delay of a person whose median is d.
func (f *officer) around(d time.Duration) time.Duration {
	return time.Duration(float64(d) * math.Exp(f.rng.NormFloat64()*spread))
}

func (f *officer) worked(d time.Duration) time.Duration {
	return time.Duration(float64(f.around(d)) / max(f.o.Pace, 0.01))
}

func (f *officer) untilNext() time.Duration {
	next := time.Hour
	for _, s := range f.todo {
		next = min(next, time.Until(s.at))
	}
	return max(next, 0)
}

// act does what is due. A refusal (somebody was quicker) is no matter: events tell what happened instead.
func (f *officer) act(ctx context.Context) {
	now := time.Now()
	for id, s := range f.todo {
		if s.at.After(now) {
			continue
		}
		delete(f.todo, id)
		body, _ := json.Marshal(map[string]string{"reason": s.reason}) // strings always encode
		if status, answer, err := post(ctx, f.client, f.o.Server+s.path, f.token, body); err == nil && status >= 300 && status != http.StatusConflict {
			f.o.Logger.Debug("demo: an action was refused", "seat", f.seat, "path", s.path, "status", status, "answer", string(answer))
		}
	}
}
