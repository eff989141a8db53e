package plan

import (
	"regexp"
	"strconv"

	"github.com/banyan-ecc/banyan/pkg/roster"
)

func (l *loader) loadSeats() {
	var raw struct {
		Seats []struct {
			ID         str   `yaml:"id"`
			Department str   `yaml:"department"`
			Name       str   `yaml:"name"`
			NameEN     str   `yaml:"name_en"`
			Role       str   `yaml:"role"`
			Backup     str   `yaml:"backup"`
			Areas      []str `yaml:"areas"`
		} `yaml:"seats"`
	}
	if !l.decode(seatsFile, &raw) {
		return
	}
	if n := len(raw.Seats); n > MaxSeats {
		l.problem(seatsFile, 0, "%d seats: at most %d", n, MaxSeats)
		return
	}
	seen := map[string]int{}
	for _, r := range raw.Seats {
		if !l.id(seatsFile, "seat", orAt(r.ID, r.Department), seen) {
			continue
		}
		s := &Seat{ID: r.ID.V, Department: r.Department.V, Name: r.Name.V, NameEN: r.NameEN.V, Role: SeatRole(r.Role.V)}
		l.among(seatsFile, "role", str{r.Role.V, lineOr(r.Role.Line, r.ID.Line)}, string(SeatDuty), string(SeatBackup), string(SeatLeader), string(SeatCommander))
		for _, a := range r.Areas {
			l.area(seatsFile, a)
			s.Areas = append(s.Areas, a.V)
		}
		l.city.seats[s.ID] = s
		l.city.Seats = append(l.city.Seats, s)
		d := l.city.departments[s.Department]
		if d == nil {
			l.problem(seatsFile, lineOr(r.Department.Line, r.ID.Line), "seat %q: no department %q", s.ID, s.Department)
			continue
		}
		d.Seats = append(d.Seats, s)
		if s.Role == SeatDuty {
			d.Duty = append(d.Duty, s)
		}
	}
	for _, r := range raw.Seats {
		if s := l.city.seats[r.ID.V]; s != nil && r.Backup.V != "" {
			if s.Backup = l.city.seats[r.Backup.V]; s.Backup == nil {
				l.problem(seatsFile, r.Backup.Line, "seat %q: backup: no seat %q", s.ID, r.Backup.V)
			} else if s.Backup.Department != s.Department || s.Backup == s {
				l.problem(seatsFile, r.Backup.Line, "seat %q: backup %q must be another seat of department %q", s.ID, r.Backup.V, s.Department)
			}
		}
	}
	l.checkDepartments()
}

// checkDepartments sees to what needs departments and seats both.
func (l *loader) checkDepartments() {
	for _, ref := range l.leaders {
		d := ref.department
		d.Leader = l.city.seats[ref.seat.V]
		if d.Leader == nil {
			l.problem(departmentsFile, ref.seat.Line, "department %q: leader: no seat %q", d.ID, ref.seat.V)
		} else if d.Leader.Department != d.ID || d.Leader.Role != SeatLeader {
			l.problem(departmentsFile, ref.seat.Line, "department %q: leader %q must be a seat of the department with role leader", d.ID, ref.seat.V)
		}
		if n := len(d.Duty); n > MaxSeatsConsidered {
			l.problem(departmentsFile, ref.seat.Line, "department %q has %d duty seats: at most %d", d.ID, n, MaxSeatsConsidered)
		}
		cityWide := d.ID == Centre
		for _, s := range d.Duty {
			cityWide = cityWide || len(s.Areas) == 0
		}
		if !cityWide {
			l.problem(departmentsFile, ref.seat.Line, "department %q has no duty seat for the whole city: work could find no seat", d.ID)
		}
	}
}

func (l *loader) area(file string, a str) {
	if l.city.Areas == nil {
		return // areas.yaml has problems of its own
	}
	if _, ok := l.city.Areas.Area(a.V); !ok {
		l.problem(file, a.Line, "no area %q", a.V)
	}
}

var clockPattern = regexp.MustCompile(`^([01]\d|2[0-3]):([0-5]\d)$`)

func (l *loader) minutes(s str) int {
	m := clockPattern.FindStringSubmatch(s.V)
	if m == nil {
		l.problem(rostersFile, s.Line, "%q is not a time of day such as 08:00", s.V)
		return 0
	}
	h, _ := strconv.Atoi(m[1])
	min, _ := strconv.Atoi(m[2])
	return h*60 + min
}

func (l *loader) loadRosters() {
	var raw struct {
		Shifts []struct {
			ID     str `yaml:"id"`
			Name   str `yaml:"name"`
			NameEN str `yaml:"name_en"`
			From   str `yaml:"from"`
			To     str `yaml:"to"`
		} `yaml:"shifts"`
		Rosters []map[str]str `yaml:"rosters"`
	}
	if !l.decode(rostersFile, &raw) {
		return
	}
	before := len(l.problems)
	seen := map[string]int{}
	var shifts []roster.Shift
	for _, r := range raw.Shifts {
		if r.ID.V == seatKey {
			l.problem(rostersFile, r.ID.Line, "shift id %q is taken: it names the seat of a row", seatKey)
		} else if l.id(rostersFile, "shift", orAt(r.ID, r.From), seen) {
			shifts = append(shifts, roster.Shift{ID: r.ID.V, Name: r.Name.V, NameEN: r.NameEN.V, From: l.minutes(r.From), To: l.minutes(r.To)})
		}
	}
	if len(l.problems) > before {
		return // every row would be wrong by it
	}
	lines := map[string]int{}
	var rows []roster.Row
	for _, r := range raw.Rosters {
		rows = append(rows, l.rosterRow(r, seen, lines))
	}
	made, err := roster.New(shifts, rows, l.city.Zone)
	if err != nil {
		line := 0
		if len(raw.Shifts) > 0 {
			line = raw.Shifts[0].ID.Line
		}
		l.problem(rostersFile, line, "shifts: %v", err)
		return
	}
	for _, s := range l.city.Seats {
		for _, shift := range made.Gaps(s.ID) {
			l.problem(rostersFile, lines[s.ID], "gap: nobody holds seat %q in shift %q", s.ID, shift)
		}
	}
	l.city.Roster = made
}

const seatKey = "seat" // of a row of the roster; its other keys are shifts

// rosterRow checks one row against the shifts and enters the line of its seat.
func (l *loader) rosterRow(r map[str]str, shifts, lines map[string]int) roster.Row {
	row := roster.Row{Holders: map[string]string{}}
	keys := inOrder(r)
	line := 0
	for _, key := range keys {
		line = lineOr(line, key.Line)
		if key.V == seatKey {
			row.Seat = r[key].V
		} else if _, known := shifts[key.V]; known {
			row.Holders[key.V] = r[key].V
		}
	}
	for _, key := range keys {
		if _, known := shifts[key.V]; !known && key.V != seatKey {
			l.problem(rostersFile, key.Line, "seat %q: no shift %q", row.Seat, key.V)
		}
	}
	if first, again := lines[row.Seat]; again {
		l.problem(rostersFile, line, "seat %q has a row on line %d already", row.Seat, first)
	} else if lines[row.Seat] = line; l.city.seats[row.Seat] == nil {
		l.problem(rostersFile, line, "no seat %q", row.Seat)
	}
	return row
}
