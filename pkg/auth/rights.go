package auth

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Role is what a key or a person is for.
type Role string

// The roles. Those of administration are three, as GB/T 22239-2019 asks of level 3, and go with no other: who
// runs the system reads no incident and no audit trail, who manages people and keys reads neither, and who
// audits does nothing but read the trail.
const (
	RoleSource   Role = "source"   // key of a source system: posts alerts
	RoleCalendar Role = "calendar" // key of a calendar program: reads the roster of one department, and nothing else
	RoleWall     Role = "wall"     // a big screen: reads redacted data
	RoleGateway  Role = "gateway"  // key of a gateway: reads the whole state of the city, to show of it what its own callers may see
	RoleOfficer  Role = "officer"  // 值班员: reads what their department takes part in, acts as its seats
	RoleSeatKey  Role = "seat_key" // an officer key, made for one seat: reads everything unsealed, acts as that seat

	RoleDutyLeader   Role = "duty_leader"   // 带班领导: an officer who also assigns, approves and relieves
	RoleCommander    Role = "commander"     // 总指挥: every incident
	RoleRosterEditor Role = "roster_editor" // writes the roster of the own department

	RoleSystemAdmin   Role = "system_administrator"   // 系统管理员
	RoleSecurityAdmin Role = "security_administrator" // 安全管理员
	RoleAuditor       Role = "auditor"                // 审计管理员
)

// peoplesRoles are those a person may have; with alone, each on its own only.
var peoplesRoles = map[Role]struct{ department, alone bool }{
	RoleOfficer: {department: true}, RoleDutyLeader: {department: true}, RoleCommander: {department: true}, RoleRosterEditor: {department: true},
	RoleWall: {alone: true}, RoleSystemAdmin: {alone: true}, RoleSecurityAdmin: {alone: true}, RoleAuditor: {alone: true},
}

func (r Role) ofPeople() bool {
	_, ok := peoplesRoles[r]
	return ok
}

func unknownRole(r Role) error {
	if r == "administrator" {
		return fmt.Errorf("role administrator: want %s or %s; they are two people, and a third is %s", RoleSystemAdmin, RoleSecurityAdmin, RoleAuditor)
	}
	return fmt.Errorf("role %.80q: want %s, %s, %s, %s, %s, %s, %s or %s", r, RoleWall, RoleOfficer, RoleRosterEditor, RoleDutyLeader,
		RoleCommander, RoleAuditor, RoleSystemAdmin, RoleSecurityAdmin)
}

// CheckRoles says what is wrong with giving one person roles in a department, "" for none.
func CheckRoles(roles []Role, department string) error {
	if len(roles) == 0 {
		return errors.New("a role is missing")
	}
	departmental := false
	for i, r := range roles {
		kind, ok := peoplesRoles[r]
		switch {
		case !ok:
			return unknownRole(r)
		case slices.Contains(roles[:i], r):
			return fmt.Errorf("role %s is there twice", r)
		case kind.alone && len(roles) > 1:
			return fmt.Errorf("role %s goes with no other: what it may do is kept apart", r)
		case kind.department && department == "":
			return fmt.Errorf("role %s needs a department", r)
		case r == RoleCommander && department != plan.Centre:
			return fmt.Errorf("role %s is of department %s", r, plan.Centre)
		}
		departmental = departmental || kind.department
	}
	if department != "" && !departmental {
		return fmt.Errorf("role %s belongs to no department", roles[0])
	}
	return nil
}

// Action is something that is asked for.
type Action string

// The actions that the rights are named by. What is done to a task or an incident is called task. or incident.
// and the name of that action, as in the path of the request.
const (
	AlertSubmit      Action = "alert.submit"
	CityRead         Action = "city.read"              // departments, types, areas
	BoardRead        Action = "board.read"             // seats with who holds them, counts
	BoardRedacted    Action = "board.read_redacted"    // the same without names, but leaders'
	IncidentRead     Action = "incident.read"          // whole; on the websocket too
	IncidentRedacted Action = "incident.read_redacted" // without what people wrote or who they are
	TimelineRead     Action = "incident.timeline"
	IncidentAssess   Action = "incident.assess"
	IncidentSupport  Action = "incident.support"
	ActAsDuty        Action = "act_as.duty" // name a seat of that role as the one that acts
	ActAsBackup      Action = "act_as.backup"
	ActAsLeader      Action = "act_as.leader"
	ActAsCommander   Action = "act_as.commander"
	SeatSignOn       Action = "seat.sign-on"
	SeatSignOff      Action = "seat.sign-off"
	SeatMaintain     Action = "seat.maintain"
	HandoverOpen     Action = "handover.hand-over"
	HandoverConfirm  Action = "handover.confirm"
	HandoverRead     Action = "handover.read"
	RosterRead       Action = "roster.read"
	CalendarRead     Action = "roster.subscribe" // a department's as a calendar
	RosterEdit       Action = "roster.edit"
	SwapAsk          Action = "swap.ask" // and accept
	SwapApprove      Action = "swap.approve"
	StatisticsRead   Action = "statistics.read" // and briefings
	MetricsRead      Action = "metrics.read"
	ConfigRead       Action = "config.read"
	ConfigLoad       Action = "config.load"
	NodeSnapshot     Action = "node.snapshot" // everything, as one node gives it to another
	SourceMaintain   Action = "source.maintain"
	LayerRead        Action = "layer.read"           // what sources measure, internal layers too
	LayerPublic      Action = "layer.read_public"    // public layers alone
	SourceRead       Action = "source.read"          // health of the sources
	QuarantineRead   Action = "source.quarantine"    // messages that could not be mapped
	QuarantineReplay Action = "source.replay"        // map them again
	SealedRead       Action = "incident.read_sealed" // incidents of sealed sources
	Unseal           Action = "incident.unseal"      // open what is sealed of an alert, with a reason
	UserManage       Action = "user.manage"
	KeyManage        Action = "key.manage"
	AuditRead        Action = "audit.read"
)

// Scope is how far a right reaches.
type Scope uint8

// The scopes, narrowest first.
const (
	no   Scope = iota
	Own        // of the own department
	Part       // in which the own department takes part; for the centre, all
	All
)

// Subject is who asks.
type Subject struct {
	Roles      []Role
	Department string
}

// Object is what something is asked of. An empty one stands for the city as a whole.
type Object struct {
	Department string   // whose it is: of a task, a seat, a roster
	Part       []string // the departments that take part, of an incident or a task
}

// columns is how many roles the table has.
const columns = 12

// heads are the roles of its columns.
var heads = [columns]Role{RoleSource, RoleWall, RoleSeatKey, RoleOfficer, RoleDutyLeader, RoleCommander, RoleRosterEditor,
	RoleSystemAdmin, RoleSecurityAdmin, RoleAuditor, RoleCalendar, RoleGateway}

// table is everything that may be done: action × role × scope. What is not in it is denied. The engine narrows
// some of it further, by which seat holds a task and which department leads.
var table = map[Action][columns]Scope{
	// source, wall, seat key, officer, duty leader, commander, roster editor, system, security, audit, calendar, gateway (no where it is left out)
	AlertSubmit:         {All, no, no, no, no, no, no, no, no, no, no},
	CityRead:            {no, All, All, All, All, All, All, All, no, no, no, All},
	BoardRead:           {no, no, All, All, All, All, All, no, no, no, no},
	BoardRedacted:       {no, All, no, no, no, no, no, no, no, no, no},
	IncidentRedacted:    {no, All, no, no, no, no, no, no, no, no, no},
	IncidentRead:        {no, no, All, Part, Part, All, no, no, no, no, no},
	TimelineRead:        {no, no, All, Part, Part, All, no, no, no, no, no},
	IncidentAssess:      {no, no, All, Part, Part, All, no, no, no, no, no},
	IncidentSupport:     {no, no, All, Part, Part, All, no, no, no, no, no},
	"incident.verify":   {no, no, All, Part, Part, All, no, no, no, no, no},
	"incident.cancel":   {no, no, All, Part, Part, All, no, no, no, no, no},
	"incident.suspend":  {no, no, All, Part, Part, All, no, no, no, no, no},
	"incident.resume":   {no, no, All, Part, Part, All, no, no, no, no, no},
	"incident.priority": {no, no, All, Part, Part, All, no, no, no, no, no},
	"incident.note":     {no, no, All, Part, Part, All, no, no, no, no, no},
	"incident.report":   {no, no, All, Part, Part, All, no, no, no, no, no},
	"incident.pass":     {no, no, All, Part, Part, All, no, no, no, no, no},
	"task.acknowledge":  {no, no, All, Part, Part, All, no, no, no, no, no},
	"task.depart":       {no, no, All, Part, Part, All, no, no, no, no, no},
	"task.arrive":       {no, no, All, Part, Part, All, no, no, no, no, no},
	"task.finish":       {no, no, All, Part, Part, All, no, no, no, no, no},
	"task.return":       {no, no, All, Part, Part, All, no, no, no, no, no},
	"task.note":         {no, no, All, Part, Part, All, no, no, no, no, no},
	"task.assign":       {no, no, All, no, Part, All, no, no, no, no, no},
	ActAsDuty:           {no, no, no, Own, Own, no, no, no, no, no, no},
	ActAsBackup:         {no, no, no, Own, Own, no, no, no, no, no, no},
	ActAsLeader:         {no, no, no, no, Own, no, no, no, no, no, no},
	ActAsCommander:      {no, no, no, no, no, Own, no, no, no, no, no},
	SeatSignOn:          {no, no, All, Own, Own, Own, no, no, no, no, no},
	SeatSignOff:         {no, no, All, Own, Part, All, no, no, no, no, no},
	SeatMaintain:        {no, no, All, no, Own, All, no, no, no, no, no},
	HandoverOpen:        {no, no, All, Own, Own, Own, no, no, no, no, no},
	HandoverConfirm:     {no, no, All, Own, Own, Own, no, no, no, no, no},
	HandoverRead:        {no, no, All, Own, Part, All, no, no, no, no, no},
	RosterRead:          {no, no, All, All, All, All, All, no, no, no, no},
	CalendarRead:        {no, no, All, All, All, All, All, no, no, no, Own},
	RosterEdit:          {no, no, no, no, no, no, Own, no, no, no, no},
	SwapAsk:             {no, no, All, Own, Own, Own, no, no, no, no, no},
	SwapApprove:         {no, no, All, no, Own, All, Own, no, no, no, no},
	SealedRead:          {no, no, Part, Part, Part, Part, no, no, no, no, no},
	Unseal:              {no, no, no, no, Part, Part, no, no, no, no, no},
	LayerRead:           {no, no, All, All, All, All, no, no, no, no, no},
	LayerPublic:         {no, All, All, All, All, All, no, no, no, no, no},
	SourceRead:          {no, no, All, All, All, All, no, no, no, no, no},
	QuarantineRead:      {no, no, Part, Part, Part, All, no, no, no, no, no},
	QuarantineReplay:    {no, no, Part, no, Part, All, no, no, no, no, no},
	StatisticsRead:      {no, no, All, All, All, All, no, no, no, no, no},
	MetricsRead:         {All, All, All, no, no, no, no, All, no, no, no},
	ConfigRead:          {no, no, no, no, no, no, no, All, no, no, no},
	ConfigLoad:          {no, no, no, no, no, no, no, All, no, no, no},
	SourceMaintain:      {no, no, no, no, no, no, no, All, no, no, no},
	UserManage:          {no, no, no, no, no, no, no, no, All, no, no},
	KeyManage:           {no, no, no, no, no, no, no, no, All, no, no},
	AuditRead:           {no, no, no, no, no, no, no, no, no, All, no},
	NodeSnapshot:        {no, no, no, no, no, no, no, no, no, no, no, All},
}

// rights is the table as it is looked up.
var rights = func() map[Role]map[Action]Scope {
	m := map[Role]map[Action]Scope{}
	for i, r := range heads {
		m[r] = map[Action]Scope{}
		for action, scopes := range table {
			if scopes[i] != no {
				m[r][action] = scopes[i]
			}
		}
	}
	return m
}()

// Allowed returns nil where the table lets a subject do something to an object, else an *alert.Error with
// CodeForbidden that says what is missing.
func Allowed(s Subject, a Action, o Object) error {
	widest := no
	for _, r := range s.Roles {
		scope := rights[r][a]
		if scope.covers(s.Department, o) {
			return nil
		}
		widest = max(widest, scope)
	}
	switch {
	case len(s.Roles) == 0:
		return alert.Errorf(alert.CodeForbidden, "who has no role may do nothing")
	case widest == no:
		return alert.Errorf(alert.CodeForbidden, "%s may not %s", names(s.Roles), a)
	case widest == Own:
		return alert.Errorf(alert.CodeForbidden, "%s of %s may %s in the own department only", names(s.Roles), s.Department, a)
	}
	return alert.Errorf(alert.CodeForbidden, "%s of %s may not %s: the department takes no part in it", names(s.Roles), s.Department, a)
}

// covers reports whether a right in scope reaches an object.
func (scope Scope) covers(department string, o Object) bool {
	switch {
	case scope == All:
		return true
	case scope == no || department == "":
		return false
	case scope == Part && department == plan.Centre:
		return true
	case o.Department == department:
		return true
	}
	return scope == Part && slices.Contains(o.Part, department)
}

// Ever reports whether a subject may do something to any object at all: what can be asked before the object is known.
func Ever(s Subject, a Action) bool {
	return slices.ContainsFunc(s.Roles, func(r Role) bool { return rights[r][a] != no })
}

func names(roles []Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, " and ")
}
