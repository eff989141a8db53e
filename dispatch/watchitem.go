package dispatch

import (
	"cmp"
	"slices"
	"strings"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// ReportDue is a report upward that is still owed, and by when.
type ReportDue struct {
	Report   string     `json:"report"` // id in the configuration
	Name     string     `json:"name"`
	NameEN   string     `json:"name_en,omitempty"`
	To       string     `json:"to,omitempty"`
	Basis    string     `json:"basis,omitempty"` // the rule that asks for it
	Incident string     `json:"incident"`
	Number   string     `json:"number"`
	Due      alert.Time `json:"due"`
}

// reportsOwed returns what is still to be reported of the incidents that a seat leads, soonest first.
func (d *decision) reportsOwed(seat string) []ReportDue {
	var owed []ReportDue
	for _, id := range d.s.TasksAt(seat) {
		if t, inc, ok := d.s.Task(id); ok && t.Role == alert.RoleLead {
			owed = append(owed, ReportsOwed(d.city, inc)...)
		}
	}
	slices.SortStableFunc(owed, func(a, b ReportDue) int { return cmp.Compare(a.Due, b.Due) })
	return owed
}

// ReportsOwed returns what is still to be reported of an incident, in the order of the configuration; of a cancelled
// one, which was none, nothing.
func ReportsOwed(city *plan.City, inc *alert.Incident) (owed []ReportDue) {
	if inc.State == alert.IncidentCancelled {
		return nil
	}
	for _, r := range city.Reports {
		if r.Owed(inc.Type, inc.Priority) && !slices.Contains(inc.Reported, r.ID) {
			owed = append(owed, ReportDue{r.ID, r.Name, r.NameEN, r.To, r.Basis, inc.ID, inc.Number, inc.OpenedAt.Add(r.Within)})
		}
	}
	return owed
}

// WatchItem is something the next officer keeps an eye on. Kind says which of the members are set.
type WatchItem struct {
	Kind     string     `json:"kind"` // suspended, unstaffed, lost, maintenance, gap
	Incident string     `json:"incident,omitempty"`
	Number   string     `json:"number,omitempty"`
	Seat     string     `json:"seat,omitempty"`
	Source   string     `json:"source,omitempty"`
	From     alert.Time `json:"from,omitzero"`
	Until    alert.Time `json:"until,omitzero"`
	Reason   string     `json:"reason,omitempty"`
}

// MaxWatchItems bounds what one handover lists.
const MaxWatchItems = 100

// watchItems returns what is not as it should be around a seat: its suspended incidents, and of its department seats
// that are lost or in maintenance, sources in maintenance, gaps in the roster ahead.
func (d *decision) watchItems(seat *plan.Seat) []WatchItem {
	var items []WatchItem
	add := func(w WatchItem) {
		if len(items) < MaxWatchItems {
			items = append(items, w)
		}
	}
	for _, id := range d.s.TasksAt(seat.ID) {
		if _, inc, ok := d.s.Task(id); ok && inc.State == alert.IncidentSuspended {
			add(WatchItem{Kind: "suspended", Incident: inc.ID, Number: inc.Number, Reason: inc.CloseReason})
		}
	}
	for _, s := range d.city.Seats {
		if s.Department != seat.Department {
			continue
		}
		if on := d.s.duty.on[s.ID]; on != nil && on.LostAt != 0 {
			add(WatchItem{Kind: "lost", Seat: s.ID, From: on.LostAt, Reason: on.Officer})
		}
		if m, out := d.s.SeatMaintenance(s.ID, d.c.At); out {
			add(WatchItem{Kind: "maintenance", Seat: s.ID, Until: m.Until, Reason: m.Reason})
		}
	}
	for _, s := range d.city.Sources {
		if m, out := d.s.SourceMaintenance(s.ID, d.c.At); out && s.Department == seat.Department {
			add(WatchItem{Kind: "maintenance", Source: s.ID, Until: m.Until, Reason: m.Reason})
		}
	}
	for _, g := range d.s.gaps {
		if g.Department == seat.Department {
			add(WatchItem{Kind: "gap", Seat: g.Seat, From: g.From, Until: g.To, Reason: g.Why})
		}
	}
	return items
}

// report notes that a report upward was made.
func (d *decision) report(inc *alert.Incident) error {
	r, ok := d.city.Report(d.c.Text)
	switch {
	case !ok:
		var ids []string
		for _, r := range d.city.Reports {
			ids = append(ids, r.ID)
		}
		return needs("text", "must be the id of a report: "+strings.Join(ids, ", "))
	case !r.Owed(inc.Type, inc.Priority):
		return needs("text", "report "+r.ID+" is not owed of this incident")
	case slices.Contains(inc.Reported, r.ID):
		return nil
	}
	d.emit(Event{Type: IncidentReported, IncidentID: inc.ID, Rule: r.ID, Reason: d.c.Reason, By: d.c.By})
	return nil
}
