package plan

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
		if s.Role == SeatCommander && s.Department == Centre {
			l.city.Commanders = append(l.city.Commanders, s)
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
