package dispatch

import (
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/plan"
)

// Board is what a wall or console shows beside incidents: seats and counts.
type Board struct {
	Seats     []SeatStatus `json:"seats"`
	Counts    BoardCounts  `json:"counts"`
	Gaps      []Gap        `json:"gaps"` // in the roster ahead, the first MaxGapsShown
	GapsTotal int          `json:"gaps_total"`
}

// SeatStatus is a seat now: who holds it and what lies there.
type SeatStatus struct {
	ID         string   `json:"id"`
	Department string   `json:"department"`
	Name       string   `json:"name"`
	NameEN     string   `json:"name_en"`
	Role       string   `json:"role"`                  // duty, backup, leader, commander
	Holder     string   `json:"holder,omitempty"`      // signed on, or else rostered
	Presence   string   `json:"presence"`              // present, absent or lost
	OnDuty     bool     `json:"on_duty"`               // takes tasks now
	HandoverID string   `json:"handover_id,omitempty"` // one that waits to be confirmed
	Shift      string   `json:"shift"`
	ShiftName  string   `json:"shift_name"`
	ShiftEN    string   `json:"shift_name_en"`
	Until      string   `json:"until"` // end of the shift, RFC 3339
	Open       int      `json:"open_tasks"`
	Waiting    int      `json:"waiting_tasks"`
	Areas      []string `json:"areas"`

	Maintenance *Maintenance `json:"maintenance,omitempty"` // while it is in force
}

// BoardCounts are the counts of the whole city.
type BoardCounts struct {
	Priorities  map[string]Load   `json:"priorities"` // the unit is the incident
	Departments []DepartmentCount `json:"departments"`
	Today       Today             `json:"today"`
}

// DepartmentCount is the work of a department and who is there to do it.
type DepartmentCount struct {
	ID string `json:"id"`
	Load
	SeatsOnDuty int `json:"seats_on_duty"`
	Seats       int `json:"seats"`
}

// Board returns the board at instant now. Redacted, only duty leaders and the centre are named. It is empty
// before a configuration is in force.
func (s *State) Board(now time.Time, redacted bool) Board {
	b := Board{Seats: []SeatStatus{}, Gaps: []Gap{}, Counts: BoardCounts{Priorities: map[string]Load{}, Departments: []DepartmentCount{}, Today: s.counts.Today}}
	if s.city == nil {
		return b
	}
	b.GapsTotal = len(s.gaps)
	for _, g := range s.gaps[:min(len(s.gaps), MaxGapsShown)] {
		if redacted {
			g.Why = ""
		}
		b.Gaps = append(b.Gaps, g)
	}
	watch := s.Roster().At(now)
	onDuty := map[string]int{}
	for _, seat := range s.city.Seats {
		duty := watch.Span(seat.ID)
		holder, on, shift := duty.Holder, !duty.Gap(), duty.Shift
		at, presence := s.duty.on[seat.ID], "absent"
		if at != nil {
			holder, on, presence = at.Officer, true, "present"
			if at.LostAt != 0 {
				on, presence = false, "lost"
			}
		} else if s.city.Presence.Required {
			on = false
		}
		out, inMaintenance := s.SeatMaintenance(seat.ID, alert.TimeOf(now))
		if inMaintenance {
			on = false
			if redacted {
				out = &Maintenance{Until: out.Until, At: out.At}
			}
		} else {
			out = nil
		}
		if on {
			onDuty[seat.Department]++
		}
		handover := ""
		if h := s.duty.handovers[seat.ID]; h != nil {
			handover = h.ID
		}
		if redacted && seat.Role != plan.SeatLeader && seat.Role != plan.SeatCommander && seat.Department != plan.Centre {
			holder = ""
		}
		load := s.LoadOf(seat.ID)
		b.Seats = append(b.Seats, SeatStatus{ID: seat.ID, Department: seat.Department, Name: seat.Name, NameEN: seat.NameEN,
			Role: string(seat.Role), Holder: holder, Presence: presence, OnDuty: on, HandoverID: handover, Shift: shift.ID, ShiftName: shift.Name, ShiftEN: shift.NameEN, Until: duty.To.UTC().Format(time.RFC3339),
			Open: load.Open, Waiting: load.Waiting, Areas: append([]string{}, seat.Areas...),
			Maintenance: out})
	}
	for _, p := range alert.Priorities {
		b.Counts.Priorities[p.String()] = s.counts.Priorities[p]
	}
	for _, d := range s.city.Departments {
		b.Counts.Departments = append(b.Counts.Departments, DepartmentCount{ID: d.ID, Load: s.counts.Departments[d.ID],
			SeatsOnDuty: onDuty[d.ID], Seats: len(d.Seats)})
	}
	return b
}
