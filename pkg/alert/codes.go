package alert

import "fmt"

// Priority orders a queue: P1 is the most urgent. It is an axis of its own, beside warning level,
// grade and response level, and never folded into them. Zero means "not given".
type Priority uint8

// The priorities, most urgent first.
const (
	P1 Priority = 1 + iota
	P2
	P3
	P4
)

// Priorities lists all priorities, most urgent first.
var Priorities = [...]Priority{P1, P2, P3, P4}

// MoreUrgent reports whether p comes before q in a queue; an absent priority comes last.
func (p Priority) MoreUrgent(q Priority) bool { return p != 0 && (q == 0 || p < q) }

// String returns "P1" to "P4", or "" when absent.
func (p Priority) String() string {
	if p < P1 || p > P4 {
		return ""
	}
	return "P1P2P3P4"[2*p-2 : 2*p]
}

// MarshalText implements encoding.TextMarshaler.
func (p Priority) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText accepts "P1" to "P4" and "" (absent).
func (p *Priority) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*p = 0
		return nil
	}
	if len(b) == 2 && b[0] == 'P' && b[1] >= '1' && b[1] <= '4' {
		*p = Priority(b[1] - '0')
		return nil
	}
	return fmt.Errorf("%.20q is not a priority: P1, P2, P3 or P4", b)
}

// Class is one of the four classes of the national emergency law.
type Class string

// The four classes 自然灾害, 事故灾难, 公共卫生, 社会安全.
const (
	ClassNatural  Class = "natural"
	ClassAccident Class = "accident"
	ClassHealth   Class = "health"
	ClassSecurity Class = "security"
)

// Valid reports whether c is one of the four classes.
func (c Class) Valid() bool {
	return c == ClassNatural || c == ClassAccident || c == ClassHealth || c == ClassSecurity
}

// Role is a department's part in an incident.
type Role string

// Exactly one task of an incident leads 牵头; the others support 协办.
const (
	RoleLead    Role = "lead"
	RoleSupport Role = "support"
)

// TaskState is where a task stands.
type TaskState string

// Task states. Returned, done and cancelled are final.
const (
	TaskUnstaffed    TaskState = "unstaffed"    // 无人值守: nobody on duty holds a seat that could take it
	TaskAssigned     TaskState = "assigned"     // 已派
	TaskAcknowledged TaskState = "acknowledged" // 已签收
	TaskEnRoute      TaskState = "en_route"     // 出动
	TaskOnScene      TaskState = "on_scene"     // 到场
	TaskDone         TaskState = "done"         // 办结
	TaskReturned     TaskState = "returned"     // 退回
	TaskCancelled    TaskState = "cancelled"    // 取消
)

// Final reports whether nothing more can happen to a task in state s.
func (s TaskState) Final() bool {
	return s == TaskDone || s == TaskReturned || s == TaskCancelled
}

// Waiting reports whether a task in state s still waits for an officer to acknowledge it.
func (s TaskState) Waiting() bool { return s == TaskAssigned || s == TaskUnstaffed }

// IncidentState is where an incident stands.
type IncidentState string

// Incident states. Closed and cancelled are final and absorb no new alert.
const (
	IncidentOpen      IncidentState = "open"      // 立案
	IncidentHandling  IncidentState = "handling"  // 处置中
	IncidentVerifying IncidentState = "verifying" // 待核查
	IncidentSuspended IncidentState = "suspended" // 挂账
	IncidentClosed    IncidentState = "closed"    // 结案
	IncidentCancelled IncidentState = "cancelled" // 作废
)

// IncidentStates lists all incident states in the order of an incident's life.
var IncidentStates = [...]IncidentState{IncidentOpen, IncidentHandling, IncidentVerifying, IncidentSuspended, IncidentClosed, IncidentCancelled}

// Final reports whether an incident in state s is over.
func (s IncidentState) Final() bool { return s == IncidentClosed || s == IncidentCancelled }

// Valid reports whether s is a known state.
func (s IncidentState) Valid() bool {
	for _, v := range IncidentStates {
		if s == v {
			return true
		}
	}
	return false
}

// Action is what an officer does to a task.
type Action string

// Task actions. Cancel is not among them: a task is cancelled with its incident.
const (
	ActAcknowledge Action = "acknowledge"
	ActDepart      Action = "depart"
	ActArrive      Action = "arrive"
	ActFinish      Action = "finish"
	ActReturn      Action = "return" // needs a reason; the task is routed anew
	ActAssign      Action = "assign" // a duty leader gives the task to a seat
	ActNote        Action = "note"
)

// TaskActions lists the task actions in the order of a task's life.
var TaskActions = [...]Action{ActAcknowledge, ActDepart, ActArrive, ActFinish, ActReturn, ActAssign, ActNote}

// Actions on an incident as a whole.
const (
	ActVerify   Action = "verify"   // everything is done and somebody entitled has checked it: closes
	ActCancel   Action = "cancel"   // false, test or duplicate; needs a reason
	ActSuspend  Action = "suspend"  // 挂账; needs a reason
	ActResume   Action = "resume"   // ends a suspension
	ActPriority Action = "priority" // raises or lowers; needs a reason
	ActSupport  Action = "support"  // asks a department that has no part yet for its help; needs a reason
	ActAssess   Action = "assess"   // 研判: a written judgement of a seat that takes part
	ActReport   Action = "report"   // 信息报送: a report upward was made; the text is its id
	ActPass     Action = "pass"     // 上报, 下派: to another level of the areas; needs a reason
)

// Actions on a seat, and on a handover. The ones without By come from whoever watches the connections.
const (
	ActSignOn   Action = "sign-on"
	ActSignOff  Action = "sign-off"
	ActLose     Action = "lose"      // nothing was heard of the seat's console for too long
	ActFind     Action = "find"      // it is heard again
	ActWatch    Action = "watch"     // look for a no-show and a missed handover
	ActHandOver Action = "hand-over" // the outgoing officer's note
	ActConfirm  Action = "confirm"   // by the incoming officer

	ActMaintain    Action = "maintain"     // a seat or source is out of service until; needs a reason
	ActEndMaintain Action = "end-maintain" // it is in service again
)

// Actions on the roster.
const (
	ActAmend    Action = "amend"   // an override, a one-off shift, a leave
	ActUnamend  Action = "unamend" // takes one back
	ActSwap     Action = "swap"    // asks somebody to take a shift
	ActAccept   Action = "accept"  // by whom it was asked of
	ActApprove  Action = "approve" // by a third, entitled
	ActRefuse   Action = "refuse"
	ActWithdraw Action = "withdraw" // by who asked
)

// ActUnseal opens what is sealed of an alert of an incident; it needs a reason.
const ActUnseal Action = "unseal"

// Actions on a source, by the door and by whoever watches the sources; ActLose and ActFind are of its silence.
const (
	ActQuarantine Action = "quarantine" // keep a message that could not be mapped
	ActRelease    Action = "release"    // messages that were mapped after all leave
)

// IncidentActions lists the incident actions.
var IncidentActions = [...]Action{ActVerify, ActCancel, ActSuspend, ActResume, ActPriority, ActSupport, ActAssess, ActReport, ActPass, ActNote}
