package dispatch

import (
	"slices"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// confirms reports whether an alert makes an incident that nobody trusted has reported so far one to be believed,
// and why: its source is trusted, or it comes from somebody else than the others.
func (r *report) confirms(inc *alert.Incident) (bool, string) {
	u := inc.Unconfirmed
	switch {
	case u == nil:
		return false, ""
	case r.src.LowTrust == 0:
		return true, "reported by " + r.a.Source + " too, which is trusted"
	case r.a.Source != u.Source:
		return true, "reported by " + u.Source + " and, independently, by " + r.a.Source
	case r.a.Reporter != "" && u.Reporter != "" && r.a.Reporter != u.Reporter:
		return true, "reported by two people independently"
	}
	return false, ""
}

// confirm makes an incident one to be believed: the department that its plan names leads it from now on.
func (x *assigner) confirm(p *plan.Plan, why string) {
	x.d.emit(Event{Type: IncidentConfirmed, IncidentID: x.inc.ID, Reason: why})
	old := x.lead()
	if old.Department == p.Lead || len(x.tasks) >= alert.MaxTasksPerIncident {
		return
	}
	if !old.State.Final() {
		x.setRole(old, alert.RoleSupport, p)
	}
	at := slices.IndexFunc(x.tasks, func(t *alert.Task) bool { return t.Department == p.Lead && !t.State.Final() })
	if at >= 0 {
		x.setRole(x.tasks[at], alert.RoleLead, p)
		return
	}
	x.newTask(p.Lead, alert.RoleLead)
}

func (x *assigner) setRole(t *alert.Task, role alert.Role, p *plan.Plan) {
	next := *t
	next.Role = role
	x.put(&next, Event{Type: TaskRole, Reason: "plan " + p.ID})
}

// byCount keeps of what an alert calls for only what the number of alerts does: an alert of low trust adds to
// an incident that is believed nothing but one more.
func (g grade) byCount(present alert.Priority) grade {
	if !g.raised {
		g.priority = present
	}
	g.plan = nil
	return g
}
