package test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
)

// Bounds of what is checked for one order: a search grows with what happens at once.
const (
	duellists  = 3
	duelOps    = 10 // of each, on one task
	duelSource = "hotline-12345"
	duelType   = "market.complaint" // one task, due in an hour: nobody else touches it
)

// duels are clients who contend for one task after the other, and what they were told, while one node leads.
type duels struct {
	f     *nodeFaults
	began time.Time
	seats []string // of the department, on duty
	void  bool     // a node that is cut off decides alone

	stop    chan struct{}
	stopped chan struct{}

	mu      sync.Mutex
	history []porcupine.Operation

	checked, unknowns, windows, ops int // of all windows so far
}

// begin starts a window: until end, leader is to be the only one who decides.
func (d *duels) begin(leader *cityNode, window int) {
	d.stop, d.stopped, d.history, d.void = make(chan struct{}), make(chan struct{}), nil, false
	if d.seats == nil {
		d.seats = d.onDuty(leader)
	}
	host := d.f.worker(fmt.Sprintf("duel-%d", window), duelSource)
	go func() {
		defer close(d.stopped)
		for {
			select {
			case <-d.stop:
				return
			case <-d.f.done:
				return
			default:
				d.duel(host, leader)
			}
		}
	}()
}

// end ends the window. It must have been the same leader's, of the same epoch, all of the time.
func (d *duels) end(same bool) {
	close(d.stop)
	<-d.stopped
	if !same || d.void || len(d.history) == 0 {
		return
	}
	d.windows++
	d.ops += len(d.history)
	for _, o := range d.history {
		if o.Output.(taskAnswer).verdict == unknown {
			d.unknowns++
		}
	}
	switch result, info := porcupine.CheckOperationsVerbose(taskModel, d.history, linearWithin); result {
	case porcupine.Ok:
		d.checked++
	case porcupine.Unknown: // too much at once to say
	default:
		file := d.f.t.ArtifactDir() + "/linear.html"
		_ = porcupine.VisualizePath(taskModel, info, file)
		d.f.t.Errorf("what was answered about tasks while one node led is in no order that could have been; see %s", file)
		for _, o := range d.history {
			d.f.t.Logf("%d–%d client %d %+v → %+v", o.Call, o.Return, o.ClientId, o.Input, o.Output)
		}
	}
}

// onDuty returns the seats of the department that work may be given to.
func (d *duels) onDuty(n *cityNode) (seats []string) {
	code, answer, err := n.face.do(http.MethodGet, "/api/v1/seats", d.f.tokens[leadSeat], "", "")
	var list struct {
		Seats []struct {
			ID, Department, Role string
			OnDuty               bool `json:"on_duty"`
		}
	}
	if err == nil {
		err = json.Unmarshal(answer, &list)
	}
	for _, s := range list.Seats {
		if s.Department == "market" && s.Role != "leader" && s.OnDuty {
			seats = append(seats, s.ID)
		}
	}
	if len(seats) < 2 {
		d.f.t.Errorf("%v on duty: %d %v", seats, code, err)
	}
	return slices.Clip(seats)
}

// duel has clients contend for one new task.
func (d *duels) duel(host *cityWorker, leader *cityNode) {
	_, body := host.body(duelType)
	code, answer, err := leader.face.do(http.MethodPost, "/api/v1/alerts", host.tokens[duelSource], "application/json", body)
	var r dispatch.Receipt
	if err == nil {
		err = json.Unmarshal(answer, &r)
	}
	if err != nil || code != http.StatusAccepted || len(r.Tasks) != 1 || r.Tasks[0].State != alert.TaskAssigned || len(d.seats) < 2 {
		time.Sleep(20 * time.Millisecond)
		return
	}
	task := taskOp{task: r.Tasks[0].ID, first: taskAt{r.Tasks[0].State, r.Tasks[0].Seat}}
	var all sync.WaitGroup
	for i := range duellists {
		w := host.worker(fmt.Sprintf("%s-%d-%d", host.name, host.n, i), duelSource)
		all.Go(func() {
			for range duelOps {
				select {
				case <-d.stop:
					return
				default:
					d.one(w, i, leader, task)
				}
			}
		})
	}
	all.Wait()
	for _, a := range []alert.Action{alert.ActAcknowledge, alert.ActFinish} { // the city is not to fill up
		host.act(leader, leadSeat, "tasks", task.task, a, "", "")
	}
	host.act(leader, leadSeat, "incidents", r.IncidentID, alert.ActVerify, "", "")
}

// one does something to a task and keeps what came of it. Reads are those of the leader; what changes goes through
// whichever node.
func (d *duels) one(w *cityWorker, client int, leader *cityNode, op taskOp) {
	op.read = w.rng.IntN(3) == 0
	out := taskAnswer{verdict: unknown}
	call := time.Since(d.began)
	if op.read {
		var t alert.Task
		code, answer, err := leader.face.do(http.MethodGet, "/api/v1/tasks/"+op.task, w.tokens[leadSeat], "", "")
		if err != nil || code != http.StatusOK || json.Unmarshal(answer, &t) != nil {
			return // it says nothing
		}
		out = taskAnswer{verdict: done, at: taskAt{t.State, t.Seat}}
	} else {
		op.action = []alert.Action{alert.ActAcknowledge, alert.ActAcknowledge, alert.ActAssign, alert.ActAssign, alert.ActDepart, alert.ActArrive, alert.ActFinish}[w.rng.IntN(7)]
		op.seat = append(d.seats, leadSeat)[w.rng.IntN(len(d.seats)+1)]
		if op.action == alert.ActAssign {
			op.seat, op.to = leadSeat, d.seats[w.rng.IntN(len(d.seats))]
		}
		if op.action == alert.ActFinish && w.rng.IntN(4) > 0 {
			op.action = alert.ActAcknowledge
		}
		out.verdict = w.act(w.node(), op.seat, "tasks", op.task, op.action, "", op.to)
	}
	o := porcupine.Operation{ClientId: client, Input: op, Call: int64(call), Output: out, Return: int64(time.Since(d.began))}
	if out.verdict == unknown {
		o.Return = never
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.history = append(d.history, o)
}
