package auth

import (
	"slices"
	"strings"
	"testing"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// everything is every action there is, and one that there is not.
func everything() []Action {
	actions := []Action{"no.such"}
	for a := range table {
		actions = append(actions, a)
	}
	return actions
}

const (
	handling = "incident.read incident.timeline incident.assess incident.support incident.verify incident.cancel incident.suspend incident.resume " +
		"incident.priority incident.note incident.report incident.pass task.acknowledge task.depart task.arrive task.finish task.return task.note"
	sitting = "seat.sign-on handover.hand-over handover.confirm swap.ask"
)

// expected is who may do what, said role by role: in the own department alone, in what it takes part in, and
// everywhere.
var expected = map[Role]struct{ own, part, all string }{
	RoleSource:  {all: "alert.submit metrics.read"},
	RoleWall:    {all: "city.read board.read_redacted incident.read_redacted layer.read_public metrics.read"},
	RoleSeatKey: {part: "incident.read_sealed source.quarantine source.replay", all: "layer.read layer.read_public statistics.read city.read board.read roster.read roster.subscribe metrics.read seat.maintain seat.sign-off swap.approve handover.read task.assign source.read " + handling + " " + sitting},
	RoleOfficer: {own: "act_as.duty act_as.backup seat.sign-off handover.read " + sitting, part: "incident.read_sealed source.quarantine " + handling,
		all: "layer.read layer.read_public statistics.read city.read board.read roster.read roster.subscribe source.read"},
	RoleDutyLeader: {own: "act_as.duty act_as.backup act_as.leader seat.maintain swap.approve " + sitting,
		part: "task.assign seat.sign-off handover.read incident.read_sealed incident.unseal source.quarantine source.replay " + handling,
		all:  "layer.read layer.read_public statistics.read city.read board.read roster.read roster.subscribe source.read"},
	RoleCommander: {own: "act_as.commander " + sitting, part: "incident.read_sealed incident.unseal",
		all: "layer.read layer.read_public statistics.read source.read source.quarantine source.replay city.read board.read roster.read roster.subscribe task.assign seat.maintain seat.sign-off swap.approve handover.read " + handling},
	RoleRosterEditor:  {own: "roster.edit swap.approve", all: "city.read board.read roster.read roster.subscribe"},
	RoleSystemAdmin:   {all: "city.read metrics.read config.read config.load source.maintain"},
	RoleSecurityAdmin: {all: "user.manage key.manage"},
	RoleAuditor:       {all: "audit.read"},
	RoleCalendar:      {own: "roster.subscribe"},
	RoleGateway:       {all: "city.read node.snapshot"},
}

// TestTable tries every role in two departments with every action on things of every department.
func TestTable(t *testing.T) {
	objects := map[string]Object{
		"own":             {Department: "fire", Part: []string{"fire"}},
		"taking part":     {Department: "police", Part: []string{"police", "fire"}},
		"somebody else's": {Department: "police", Part: []string{"police", "gas"}},
		"the centre's":    {Department: plan.Centre, Part: []string{plan.Centre}},
		"the city's":      {},
	}
	tried := 0
	for _, role := range heads {
		want, known := expected[role]
		if !known {
			t.Errorf("nothing is expected of role %s", role)
		}
		for _, department := range []string{"fire", plan.Centre, ""} {
			s := Subject{Roles: []Role{role}, Department: department}
			for _, action := range everything() {
				lists := func(in string) bool { return slices.Contains(strings.Fields(in), string(action)) }
				for name, o := range objects {
					tried++
					own := department != "" && o.Department == department
					takesPart := own || department == plan.Centre || department != "" && slices.Contains(o.Part, department)
					may := lists(want.all) || lists(want.own) && own || lists(want.part) && takesPart
					if err := Allowed(s, action, o); (err == nil) != may || err != nil && alert.CodeOf(err) != alert.CodeForbidden {
						t.Errorf("%s of %q, %s, %s: %v, want allowed %v", role, department, action, name, err, may)
					}
				}
				if ever := lists(want.all) || lists(want.own) || lists(want.part); Ever(s, action) != ever {
					t.Errorf("%s, %s: may ever %v, want %v", role, action, !ever, ever)
				}
			}
		}
	}
	if len(heads) != len(expected) || tried < 10*3*40*5 {
		t.Errorf("%d roles, %d tries", len(heads), tried)
	}
}

// TestSeparation is what GB/T 22239-2019 asks of level 3: who runs the system, who manages people and keys, and
// who audits can do nothing of one another's, and nothing of the work.
func TestSeparation(t *testing.T) {
	admins := []Role{RoleSystemAdmin, RoleSecurityAdmin, RoleAuditor}
	may := func(r Role) (actions []Action) {
		for a := range table {
			if Ever(Subject{Roles: []Role{r}}, a) {
				actions = append(actions, a)
			}
		}
		return actions
	}
	for _, admin := range admins {
		for _, other := range heads {
			for _, a := range may(admin) {
				if other != admin && slices.Contains(may(other), a) && a != CityRead && a != MetricsRead {
					t.Errorf("%s and %s both may %s", admin, other, a)
				}
			}
			if roles := []Role{admin, other}; CheckRoles(roles, "fire") == nil {
				t.Errorf("one person may be %v", roles)
			}
		}
		for _, a := range may(admin) {
			if strings.HasPrefix(string(a), "incident.") || strings.HasPrefix(string(a), "task.") || strings.HasPrefix(string(a), "act_as.") {
				t.Errorf("%s may %s", admin, a)
			}
		}
		if a := AuditRead; slices.Contains(may(admin), a) != (admin == RoleAuditor) {
			t.Errorf("%s may read the audit trail: %v", admin, slices.Contains(may(admin), a))
		}
	}
	if len(may(RoleAuditor)) != 1 {
		t.Errorf("an auditor may %v", may(RoleAuditor))
	}
}

// TestDenied: who has no role, an unknown one, or somebody else's, may nothing.
func TestDenied(t *testing.T) {
	for _, s := range []Subject{{}, {Department: plan.Centre}, {Roles: []Role{"root"}, Department: plan.Centre}, {Roles: []Role{""}}} {
		for _, a := range everything() {
			if err := Allowed(s, a, Object{Department: s.Department, Part: []string{s.Department}}); alert.CodeOf(err) != alert.CodeForbidden || Ever(s, a) {
				t.Errorf("%+v may %s", s, a)
			}
		}
	}
	// Two roles add up, and neither reaches further for it.
	two := Subject{Roles: []Role{RoleOfficer, RoleRosterEditor}, Department: "fire"}
	for a, want := range map[Action]bool{RosterEdit: true, "task.acknowledge": true, "task.assign": false, AuditRead: false} {
		if err := Allowed(two, a, Object{Department: "fire"}); (err == nil) != want {
			t.Errorf("%s: %v", a, err)
		}
		if err := Allowed(two, a, Object{Department: "police"}); err == nil {
			t.Errorf("%s of another department", a)
		}
	}
}

func TestRolesThatFitTogether(t *testing.T) {
	for _, c := range []struct {
		roles      string
		department string
		fine       bool
	}{
		{"officer", "fire", true}, {"officer roster_editor duty_leader", "fire", true}, {"commander", "centre", true}, {"commander duty_leader", "centre", true},
		{"auditor", "", true}, {"wall", "", true}, {"system_administrator", "", true},
		{"", "fire", false}, {"officer", "", false}, {"officer officer", "fire", false}, {"commander", "fire", false}, {"auditor", "fire", false},
		{"wall officer", "fire", false}, {"auditor officer", "fire", false}, {"system_administrator security_administrator", "", false},
		{"administrator", "", false}, {"source", "", false}, {"seat_key", "fire", false}, {"root", "", false},
	} {
		var roles []Role
		for _, r := range strings.Fields(c.roles) {
			roles = append(roles, Role(r))
		}
		if err := CheckRoles(roles, c.department); (err == nil) != c.fine {
			t.Errorf("%s of %q: %v", c.roles, c.department, err)
		}
	}
}
