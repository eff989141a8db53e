package test

import (
	"math"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// taskAt is what a task is to its clients: the register of the model.
type taskAt struct {
	State alert.TaskState
	Seat  string
}

// taskOp is what a client asked of a task: to read it, or to do something as a seat.
type taskOp struct {
	task   string
	first  taskAt // what the task began as, the same in each op on it
	read   bool
	action alert.Action
	seat   string // who acts
	to     string // of assign
}

// verdict is how an op was answered.
type verdict string

const (
	done      verdict = "done"
	forbidden verdict = "forbidden"
	conflict  verdict = "conflict"
	unknown   verdict = "unknown" // no answer, or 503: it may have happened, or happen still
)

type taskAnswer struct {
	verdict verdict
	at      taskAt // of a read
}

// leadSeat may act on every task, and alone assigns.
const leadSeat = "centre-leader"

var finalTask = map[alert.TaskState]bool{alert.TaskDone: true, alert.TaskReturned: true, alert.TaskCancelled: true}

// moves says where an action leads from, without the engine's table: the model is written from docs/protocol.md.
var moves = map[alert.Action]struct {
	from []alert.TaskState
	to   alert.TaskState
}{
	alert.ActAcknowledge: {[]alert.TaskState{alert.TaskAssigned}, alert.TaskAcknowledged},
	alert.ActDepart:      {[]alert.TaskState{alert.TaskAcknowledged}, alert.TaskEnRoute},
	alert.ActArrive:      {[]alert.TaskState{alert.TaskAcknowledged, alert.TaskEnRoute}, alert.TaskOnScene},
	alert.ActFinish:      {[]alert.TaskState{alert.TaskAcknowledged, alert.TaskEnRoute, alert.TaskOnScene}, alert.TaskDone},
}

// after says what an op makes of a task, and how it is answered.
func (op taskOp) after(at taskAt) (taskAt, verdict) {
	if op.seat != leadSeat && (at.Seat != op.seat || op.action == alert.ActAssign) {
		return at, forbidden
	}
	if op.action == alert.ActAssign {
		if finalTask[at.State] {
			return at, conflict
		}
		return taskAt{alert.TaskAssigned, op.to}, done
	}
	move := moves[op.action]
	if at.State == move.to {
		return at, done
	}
	for _, from := range move.from {
		if at.State == from {
			if op.action == alert.ActAcknowledge {
				at.Seat = op.seat
			}
			at.State = move.to
			return at, done
		}
	}
	return at, conflict
}

// taskModel is what a task is while one node leads: a register with one owner, one step after the other.
var taskModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		index := map[string]int{}
		for _, o := range history {
			task := o.Input.(taskOp).task
			i, ok := index[task]
			if !ok {
				i = len(parts)
				index[task] = i
				parts = append(parts, nil)
			}
			parts[i] = append(parts[i], o)
		}
		return parts
	},
	Init: func() any { return (*taskAt)(nil) },
	Step: func(state, input, output any) (bool, any) {
		op, out := input.(taskOp), output.(taskAnswer)
		at := op.first
		if s := state.(*taskAt); s != nil {
			at = *s
		}
		if op.read {
			return out.at == at, &at
		}
		next, verdict := op.after(at)
		if out.verdict == unknown { // what never happened stands at the end, where nobody looks
			return true, &next
		}
		return verdict == out.verdict, &next
	},
	Equal: func(a, b any) bool {
		x, y := a.(*taskAt), b.(*taskAt)
		return x == y || x != nil && y != nil && *x == *y
	},
}

// never is when an op ends of which nobody knows whether it has.
const never = math.MaxInt64

// linearWithin bounds the search for an order.
const linearWithin = 20 * time.Second

// TestLinearModel: the checker that the fault suite believes finds what is wrong, and nothing else.
func TestLinearModel(t *testing.T) {
	begin := taskAt{alert.TaskAssigned, "market-1"}
	at := func(op taskOp, out taskAnswer, call, ret int64) porcupine.Operation {
		op.task, op.first = "t-1", begin
		return porcupine.Operation{Input: op, Output: out, Call: call, Return: ret}
	}
	act := func(a alert.Action, seat, to string, v verdict, call, ret int64) porcupine.Operation {
		return at(taskOp{action: a, seat: seat, to: to}, taskAnswer{verdict: v}, call, ret)
	}
	read := func(s alert.TaskState, seat string, call, ret int64) porcupine.Operation {
		return at(taskOp{read: true}, taskAnswer{at: taskAt{s, seat}}, call, ret)
	}
	for name, c := range map[string]struct {
		history []porcupine.Operation
		want    bool
	}{
		"one after the other": {[]porcupine.Operation{act(alert.ActAcknowledge, "market-1", "", done, 1, 2), read(alert.TaskAcknowledged, "market-1", 3, 4),
			act(alert.ActAssign, leadSeat, "market-2", done, 5, 6), act(alert.ActDepart, "market-1", "", forbidden, 7, 8), read(alert.TaskAssigned, "market-2", 9, 10)}, true},
		"a stale read":                                    {[]porcupine.Operation{act(alert.ActAcknowledge, "market-1", "", done, 1, 2), read(alert.TaskAssigned, "market-1", 3, 4)}, false},
		"a read beside the write may be early":            {[]porcupine.Operation{act(alert.ActAcknowledge, "market-1", "", done, 1, 4), read(alert.TaskAssigned, "market-1", 2, 3)}, true},
		"a read that goes back":                           {[]porcupine.Operation{act(alert.ActAcknowledge, "market-1", "", done, 1, 9), read(alert.TaskAcknowledged, "market-1", 2, 3), read(alert.TaskAssigned, "market-1", 4, 5)}, false},
		"an answer that was lost, done":                   {[]porcupine.Operation{act(alert.ActAcknowledge, "market-1", "", unknown, 1, never), read(alert.TaskAcknowledged, "market-1", 3, 4)}, true},
		"an answer that was lost, not done":               {[]porcupine.Operation{act(alert.ActAcknowledge, "market-1", "", unknown, 1, never), read(alert.TaskAssigned, "market-1", 3, 4)}, true},
		"an answer that was lost, done and undone":        {[]porcupine.Operation{act(alert.ActAcknowledge, "market-1", "", unknown, 1, never), read(alert.TaskAcknowledged, "market-1", 3, 4), read(alert.TaskAssigned, "market-1", 5, 6)}, false},
		"two owners":                                      {[]porcupine.Operation{act(alert.ActAssign, leadSeat, "market-2", done, 1, 2), act(alert.ActAcknowledge, "market-1", "", done, 3, 4)}, false},
		"an acknowledgement that was lost":                {[]porcupine.Operation{act(alert.ActAcknowledge, "market-1", "", done, 1, 2), act(alert.ActDepart, "market-1", "", conflict, 3, 4)}, false},
		"refused, though it was possible all of the time": {[]porcupine.Operation{act(alert.ActAcknowledge, "market-1", "", conflict, 1, 2)}, false},
	} {
		if got := porcupine.CheckOperations(taskModel, c.history); got != c.want {
			t.Errorf("%s: linearizable is %t", name, got)
		}
	}
}
