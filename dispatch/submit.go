package dispatch

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/banyan-ecc/banyan/geo"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// placement is where an alert happened.
type placement struct {
	location *alert.Location
	from     alert.LocationFrom
	cell     geo.Cell
	bucket   geo.Cell
	areas    []string
	outside  bool
}

// report is an alert with what the configuration and the map say of it.
type report struct {
	a     *alert.Alert
	t     *plan.Type
	src   *plan.Source
	facts *plan.Facts
	where placement
}

// submit takes in an alert: a known one changes nothing, a further one joins its incident, any other opens one.
func (d *decision) submit(a *alert.Alert) error {
	key := alert.KeyOf(a.Source, a.ID)
	if _, known := d.s.known[key]; known {
		return nil
	}
	r, err := d.read(a)
	if err != nil {
		return err
	}
	found, ok := d.s.find(a, r.src, r.t.Group, &r.where)
	if !ok {
		found, ok = d.folded(r)
	}
	if ok {
		d.join(r, found)
	} else {
		d.begin(r, key)
	}
	return nil
}

// read looks up what an alert names.
func (d *decision) read(a *alert.Alert) (*report, error) {
	t, ok := d.city.Type(a.Type)
	if !ok {
		return nil, invalid("type", fmt.Sprintf("no incident type %q in this city; GET /api/v1/city lists them", a.Type), a.Type)
	}
	src, ok := d.city.Source(a.Source)
	if !ok {
		return nil, alert.Errorf(alert.CodeForbidden, "source %q is not configured in this city", a.Source)
	}
	if !src.MaySend(a.Type) {
		return nil, invalid("type", fmt.Sprintf("source %q may not send alerts of type %q; its profile lists what it may", a.Source, a.Type), a.Type)
	}
	r := &report{a: a, t: t, src: src}
	var err error
	if r.where, err = d.place(a, t.Group); err != nil {
		return nil, err
	}
	r.facts = d.facts(a, t, src, &r.where)
	return r, nil
}

func invalid(field, reason, value string) *alert.Error {
	return alert.Invalid("alert", alert.Field{Field: field, Reason: reason, Value: value})
}

// place finds cell and areas of an alert. A position decides; an area given beside it decides only where
// the position lies outside every area, or where it lies within the area that the position is found in.
func (d *decision) place(a *alert.Alert, g *plan.Group) (placement, error) {
	w := placement{from: alert.FromNothing}
	if a.Area != "" {
		path, ok := d.city.Areas.Path(a.Area)
		if !ok {
			return w, invalid("area", fmt.Sprintf("no area %q in this city; GET /api/v1/areas lists them", a.Area), a.Area)
		}
		w.from, w.areas = alert.FromArea, path
		if centre, ok := d.city.Areas.Centre(a.Area); ok {
			w.location, w.cell = &alert.Location{Lon: centre.Lon, Lat: centre.Lat}, geo.CellAt(centre)
		}
	}
	if a.Location == nil {
		return w, nil
	}
	at := d.city.Areas.Locate(a.Location.Point())
	// A finer area within the located one is what the source knows better: streets may have no shape.
	finer := len(w.areas) > len(at.Path) && w.areas[len(at.Path)-1] == at.Path[len(at.Path)-1]
	if w.areas == nil || !at.Outside && !finer {
		w.areas = at.Path
	}
	w.outside, w.from, w.location, w.cell = at.Outside, alert.FromPosition, a.Location, at.Cell
	if g.RadiusM > 0 {
		w.bucket = at.Cell.Parent(g.BucketResolution)
	}
	return w, nil
}

func (d *decision) facts(a *alert.Alert, t *plan.Type, src *plan.Source, w *placement) *plan.Facts {
	local := d.c.At.Std().In(d.city.Zone)
	f := &plan.Facts{
		Type: t.Code, Group: t.Group.ID, Class: string(t.Class), Priority: int(effective(a, t)), Source: src.ID,
		Department: src.Department, Text: a.Text, Area: w.areas[len(w.areas)-1], Areas: w.areas, Outside: w.outside,
		Hour: local.Hour(), Weekday: (int(local.Weekday())+6)%7 + 1, Alerts: 1,
	}
	if w.location != nil {
		f.Lon, f.Lat = w.location.Lon, w.location.Lat
	}
	if t.NeedsAttributes() && len(a.Attributes) > 0 {
		// Attributes were checked to be an object on entry; a condition sees none where they are not.
		_ = json.Unmarshal(a.Attributes, &f.Attributes)
	}
	return f
}

// effective is the priority an alert calls for by itself.
func effective(a *alert.Alert, t *plan.Type) alert.Priority {
	if a.Priority != 0 {
		return a.Priority
	}
	return t.Priority
}

// begin opens an incident and makes the tasks of its plan; what nobody trusted says is for the department that
// heard it alone.
func (d *decision) begin(r *report, key alert.Key) {
	a, t, f, w := r.a, r.t, r.facts, &r.where
	p, failed := t.Match(f)
	priority := effective(a, t)
	if p.Priority.MoreUrgent(priority) {
		priority = p.Priority
	}
	f.Priority = int(priority)
	raised, _, more := t.Raised(f)
	if raised.MoreUrgent(priority) {
		priority = raised
	}
	inc := &alert.Incident{
		ID: key.IncidentID(), Number: d.number(), Type: t.Code, Group: t.Group.ID, Class: t.Class,
		State: alert.IncidentOpen, Priority: priority, Location: w.location, LocationFrom: w.from, Cell: w.cell,
		Areas: w.areas, OutsideCity: w.outside, Text: a.Text, Plan: p.ID, Alerts: []alert.Ref{}, Tasks: []*alert.Task{},
		AlertCount: 1, OpenedAt: d.c.At, UpdatedAt: d.c.At, FirstOccurredAt: a.OccurredAt, LastOccurredAt: a.OccurredAt,
		Sensitivity:  r.src.Sensitivity,
		WarningLevel: a.WarningLevel, Cover: a.Cover, ExpiresAt: a.ExpiresAt, Exercise: a.Exercise, Traceparent: a.Traceparent, Level: a.Level,
	}
	if a.IncidentRef != "" {
		inc.Refs = []alert.SourceRef{{Source: a.Source, Ref: a.IncidentRef}}
	}
	lead, supports := p.Lead, p.Supports
	if r.src.LowTrust != 0 {
		inc.Unconfirmed = &alert.Unconfirmed{Source: a.Source, Reporter: a.Reporter}
		inc.Priority, lead, supports = r.src.LowTrust, r.src.Department, nil
	}
	inc.Seq = d.s.seq + 1
	inc.Alerts = []alert.Ref{refOf(a, inc.Seq)}
	d.events = make([]Event, 0, 2+len(supports)+2*len(failed))
	d.emit(d.withDay(Event{Type: IncidentOpened, IncidentID: inc.ID, Incident: inc, Alert: a, Revision: d.c.Revision, Storm: d.counted(r)}))
	x := &assigner{d: d, inc: inc, path: w.areas, ladder: p.Ladder, priority: inc.Priority}
	x.newTask(lead, alert.RoleLead)
	for _, department := range supports {
		x.newTask(department, alert.RoleSupport)
	}
	x.setAside(append(failed, more...))
}

// join attaches a further alert to the incident it is about.
func (d *decision) join(r *report, found candidate) {
	inc := found.inc.doc
	e := Event{Type: AlertAttached, IncidentID: inc.ID, Alert: r.a, AlertCount: inc.AlertCount + 1, Revision: d.c.Revision,
		LastOccurredAt: max(inc.LastOccurredAt, r.a.OccurredAt), Reason: found.reason(r)}
	if found.by == "storm" {
		e.FoldedCount = inc.FoldedCount + 1
	}
	d.emit(d.withDay(e))
	x := d.assignerOf(inc)
	confirms, why := r.confirms(inc)
	if inc.Unconfirmed != nil && !confirms {
		return
	}
	g := d.calledFor(inc, r, inc.AlertCount+1)
	if !confirms && r.src.LowTrust != 0 {
		g = g.byCount(inc.Priority)
	}
	if confirms {
		x.confirm(g.plan, why)
	}
	if g.priority.MoreUrgent(x.priority) {
		x.setPriority(g.priority, g.why)
	}
	if g.plan != nil {
		x.addDepartments(g.plan)
	}
	x.setAside(g.failed)
	x.reopen("a further alert came after the work was done")
}

// reopen brings an incident whose work was done back to those who did it. Where it has all the tasks it may have,
// it stays as it is: nobody could finish it again.
func (x *assigner) reopen(why string) {
	if x.inc.State != alert.IncidentVerifying || len(x.tasks) >= alert.MaxTasksPerIncident && x.settled() {
		return
	}
	x.d.setState(x.inc.ID, alert.IncidentHandling, why)
	if lead := x.lead(); lead != nil && lead.State.Final() {
		x.again(lead)
	}
}

// lead returns the task that leads as it stands within this decision.
func (x *assigner) lead() *alert.Task {
	for _, t := range slices.Backward(x.tasks) {
		if t.Role == alert.RoleLead {
			return t
		}
	}
	return nil
}

// reason says why a belongs to the incident.
func (c candidate) reason(r *report) string {
	switch c.by {
	case "storm":
		return "folded: more than " + strconv.Itoa(r.src.Storm.Over) + " incidents of " + r.t.Code + " by " + r.src.ID + " in one " + r.src.Storm.By.String() + " within " + r.src.Storm.Within.String()
	case "reference":
		return fmt.Sprintf("same incident number %q of source %s", r.a.IncidentRef, r.a.Source)
	case "area":
		return "same area and group, within the time window"
	}
	return strconv.Itoa(int(math.Round(c.distance))) + " m from the first alert, within the time window"
}

// addDepartments gives a task to departments that the plan of a further alert names and that have none yet.
func (x *assigner) addDepartments(p *plan.Plan) {
	for _, department := range append([]string{p.Lead}, p.Supports...) {
		if !slices.ContainsFunc(x.tasks, func(t *alert.Task) bool { return t.Department == department }) {
			x.newTask(department, alert.RoleSupport)
		}
	}
}

// setAside records rules that failed and gives the centre's duty leader a task, so that somebody looks at
// what the rule should have decided.
func (x *assigner) setAside(failed []plan.Failure) {
	for _, f := range failed {
		x.d.emit(Event{Type: RuleFailed, IncidentID: x.inc.ID, Rule: f.Rule, Reason: f.Reason})
	}
	if len(failed) == 0 || len(x.tasks) >= alert.MaxTasksPerIncident || slices.ContainsFunc(x.tasks, func(t *alert.Task) bool { return t.Department == plan.Centre && !t.State.Final() }) {
		return
	}
	centre, _ := x.d.city.Department(plan.Centre)
	x.give(centre, alert.RoleSupport, centre.Leader, "rule "+failed[0].Rule+" was set aside: look at this incident yourself")
}
