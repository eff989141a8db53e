package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-ecc/banyan/pkg/plan"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

func rosterCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "roster", Short: "Check, show, export and import who holds which seat when 值班表"}
	cmd.PersistentFlags().String("city", "configs/fuzhou", "folder of the city's configuration")
	cmd.AddCommand(rosterCheckCommand(), rosterShowCommand(), rosterExportCommand(), rosterImportCommand())
	return cmd
}

// period is the days a roster command is about.
type period struct {
	from string
	days int
}

func (p *period) flags(cmd *cobra.Command, days int) {
	cmd.Flags().StringVar(&p.from, "from", "", "first day, such as 2026-05-01; today in the city if absent")
	cmd.Flags().IntVar(&p.days, "days", days, fmt.Sprintf("how many days, 1 to %d", roster.MaxDays))
}

// times returns the beginning of the first day and the end of the last, in the city's zone.
func (p *period) times(city *plan.City) (from, to time.Time, err error) {
	if p.days < 1 || p.days > roster.MaxDays {
		return from, to, fmt.Errorf("--days is %d: want 1 to %d", p.days, roster.MaxDays)
	}
	if from, err = dayOf(city, p.from); err != nil {
		return from, to, err
	}
	y, m, d := from.Date()
	return roster.Instant(city.Zone, y, m, d, 0, 0), roster.Instant(city.Zone, y, m, d+p.days, 0, 0), nil
}

// dayOf reads a day; "" is today in the city.
func dayOf(city *plan.City, day string) (time.Time, error) {
	if day == "" {
		return time.Now().In(city.Zone), nil
	}
	t, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return t, fmt.Errorf("%q is not a day such as 2026-05-01", day)
	}
	return t, nil
}

func rosterCity(cmd *cobra.Command) (*plan.City, error) {
	dir, _ := cmd.Flags().GetString("city")
	return readCity(cmd, dir)
}

func rosterCheckCommand() *cobra.Command {
	var p period
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Name every gap of the coming days, and what the roster asks too much of people",
		Long: `Names every seat that nobody holds at some time of the coming days, and fails if there is one. Then it warns of
people who are at two seats at once, rest too little between shifts or stay too long, and of seats whose nights
or weekends are not shared evenly; warnings do not make it fail.`,
		Example: `  banyan roster check --city configs/fuzhou --days 30
  banyan roster check --city configs/fuzhou --days 7 --from 2026-10-01`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			city, err := rosterCity(cmd)
			if err != nil {
				return err
			}
			from, to, err := p.times(city)
			if err != nil {
				return err
			}
			w := cmd.OutOrStdout()
			gaps := city.Roster.Gaps(from, to)
			for _, g := range gaps {
				fmt.Fprintf(w, "gap: nobody holds seat %s %s from %s to %s (%s): %s\n", g.Seat, seatName(city, g.Seat),
					clockTime(g.From), clockTime(g.To), hours(g.To.Sub(g.From)), g.Why)
			}
			report := city.Roster.Quality(from, to)
			warnings := warn(w, city, report)
			fmt.Fprintf(w, "%s %s: %d seats, %d people, %s to %s: %d gaps, %d warnings\n", city.ID, city.Name, len(city.Seats),
				len(report.People), clockTime(from), clockTime(to), len(gaps), warnings)
			if len(gaps) > 0 {
				return errSaid
			}
			return nil
		},
	}
	p.flags(cmd, 30)
	return cmd
}

// maxWarnings bounds how many warnings of a kind are printed.
const maxWarnings = 20

// warn prints what the roster asks too much, and returns how many warnings there are.
func warn(w io.Writer, city *plan.City, report roster.Report) int {
	total := 0
	kind := func(what string, messages []string) {
		for _, m := range messages[:min(maxWarnings, len(messages))] {
			fmt.Fprintf(w, "warning: %s\n", m)
		}
		if n := len(messages) - maxWarnings; n > 0 {
			fmt.Fprintf(w, "warning: %d more %s\n", n, what)
		}
		total += len(messages)
	}
	limits := roster.UsualLimits
	var doubles, rests, stays []string
	for _, d := range report.Doubles {
		doubles = append(doubles, fmt.Sprintf("%s is at two seats at once, %s and %s, from %s to %s", d.Person, d.Seats[0], d.Seats[1], clockTime(d.From), clockTime(d.To)))
	}
	for _, l := range report.People {
		if l.Rest < limits.Rest && !l.RestBefore.IsZero() {
			rests = append(rests, fmt.Sprintf("%s rests only %s before the shift of %s (%s)", l.Person, hours(l.Rest), clockTime(l.RestBefore), strings.Join(l.Seats, ", ")))
		}
		if l.Longest > limits.Longest {
			stays = append(stays, fmt.Sprintf("%s stays %s without a break (%s)", l.Person, hours(l.Longest), strings.Join(l.Seats, ", ")))
		}
	}
	kind("people at two seats at once", doubles)
	kind("people who rest too little", rests)
	kind("people who stay too long", stays)
	uneven := map[string][]roster.Uneven{}
	for _, u := range city.Roster.Uneven(report, limits.Spread) {
		uneven[u.What] = append(uneven[u.What], u)
	}
	for _, what := range slices.Sorted(maps.Keys(uneven)) {
		u := uneven[what][0] // a whole roster is made in one way: the first seat shows it
		kind("", []string{fmt.Sprintf("%s are shared unevenly at %d seats, such as %s: %s has %d, %s %d", what, len(uneven[what]),
			u.Seat, u.Most.Person, u.Count(u.Most), u.Least.Person, u.Count(u.Least))})
	}
	return total
}

func rosterShowCommand() *cobra.Command {
	var date, department string
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show who holds each seat on a day",
		Example: `  banyan roster show --city configs/fuzhou --date 2026-10-01
  banyan roster show --city configs/fuzhou --department fire`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			city, err := rosterCity(cmd)
			if err != nil {
				return err
			}
			seats, err := seatsOf(city, department)
			if err != nil {
				return err
			}
			day, err := dayOf(city, date)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s\n", city.ID, city.Name, day.Format(time.DateOnly))
			fmt.Fprintln(w, "SEAT\tNAME\tFROM\tTO\tHOLDER\tSHIFT\tWHY")
			for _, s := range city.Roster.Day(day.Date()) {
				if _, ok := seats[s.Seat]; !ok {
					continue
				}
				holder := s.Holder
				if s.Gap() {
					holder = "NOBODY 无人"
				}
				to := s.To.Format("15:04")
				if to == "00:00" {
					to = "24:00"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Seat, seats[s.Seat], s.From.Format("15:04"), to, holder, s.Shift.Name, s.Why)
			}
			return w.Flush()
		},
	}
	cmd.Flags().StringVar(&date, "date", "", "the day, such as 2026-05-01; today in the city if absent")
	cmd.Flags().StringVar(&department, "department", "", "only its seats")
	return cmd
}

func rosterExportCommand() *cobra.Command {
	var p period
	var department, format string
	var seat, person []string
	var english bool
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write a department's roster as iCalendar or CSV",
		Example: `  banyan roster export --city configs/fuzhou --department fire --format ics > fire.ics
  banyan roster export --city configs/fuzhou --department fire --format csv --from 2026-10-01 --days 7
  banyan roster export --city configs/fuzhou --person 陈志强`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			city, err := rosterCity(cmd)
			if err != nil {
				return err
			}
			names, err := seatsOf(city, department)
			if err != nil {
				return err
			}
			for _, id := range seat {
				if _, ok := names[id]; !ok {
					return fmt.Errorf("no seat %q", id)
				}
			}
			if len(seat) == 0 {
				for _, s := range city.Seats {
					if _, ok := names[s.ID]; ok {
						seat = append(seat, s.ID)
					}
				}
			}
			from, to, err := p.times(city)
			if err != nil {
				return err
			}
			spans := city.Roster.Of(seat, person, from, to)
			switch format {
			case "ics":
				title := city.Name
				if d, ok := city.Department(department); ok {
					title = d.Name
				}
				c := roster.Calendar{City: city.ID, Name: strings.TrimSpace(title + "值班表 " + strings.Join(person, " ")), Seats: names, English: english, Stamp: time.Now()}
				_, err = cmd.OutOrStdout().Write(c.ICS(spans))
			case "csv":
				_, err = cmd.OutOrStdout().Write(city.Roster.CSV(spans, names))
			default:
				err = fmt.Errorf("--format %q: want ics or csv", format)
			}
			return err
		},
	}
	p.flags(cmd, 30)
	f := cmd.Flags()
	f.StringVar(&department, "department", "", "only its seats")
	f.StringSliceVar(&seat, "seat", nil, "only these seats")
	f.StringSliceVar(&person, "person", nil, "only these people")
	f.StringVar(&format, "format", "ics", "ics or csv")
	f.BoolVar(&english, "english", false, "English names of shifts")
	return cmd
}

// seatsOf returns the names of seats by id, of one department or of all.
func seatsOf(city *plan.City, department string) (map[string]string, error) {
	if _, ok := city.Department(department); !ok && department != "" {
		return nil, fmt.Errorf("no department %q in %s", department, city.ID)
	}
	names := map[string]string{}
	for _, s := range city.Seats {
		if department == "" || s.Department == department {
			names[s.ID] = s.Name
		}
	}
	return names, nil
}

func rosterImportCommand() *cobra.Command {
	var p period
	var seat, as string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Turn a calendar (.ics) or table (.csv) into one-off shifts or overrides for rosters.yaml",
		Long: `Reads a calendar or a table and prints it as a list to put into rosters.yaml. Seats are named by their id or
name. Whatever cannot be understood is named with its line, and nothing is printed.`,
		Example: `  banyan roster import holiday.ics --city configs/fuzhou --from 2026-10-01 --days 8
  banyan roster import holiday.csv --city configs/fuzhou --as overrides
  banyan roster import chen.ics --city configs/fuzhou --seat fire-1`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if as != string(roster.PartOneOffs) && as != string(roster.PartOverrides) {
				return fmt.Errorf("--as %q: want one_off or overrides", as)
			}
			city, err := rosterCity(cmd)
			if err != nil {
				return err
			}
			list, err := readRosterFile(cmd, city, args[0], seat, &p)
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(plan.RosterYAML(roster.Part(as), list, city.Zone))
			return err
		},
	}
	p.flags(cmd, roster.MaxDays)
	cmd.Flags().StringVar(&seat, "seat", "", "of entries that name none")
	cmd.Flags().StringVar(&as, "as", string(roster.PartOneOffs), "one_off, or overrides")
	return cmd
}

// readRosterFile reads a calendar or table, and prints what is wrong with it line by line.
func readRosterFile(cmd *cobra.Command, city *plan.City, file, seat string, p *period) ([]roster.Assignment, error) {
	from, to, err := p.times(city)
	if err != nil {
		return nil, err
	}
	o := roster.Reading{Zone: city.Zone, From: from, To: to, Seat: seat, Seats: map[string]string{}}
	for _, s := range city.Seats {
		o.Seats[s.ID], o.Seats[s.Name], o.Seats[s.NameEN] = s.ID, s.ID, s.ID
	}
	delete(o.Seats, "")
	if _, ok := city.Seat(seat); !ok && seat != "" {
		return nil, fmt.Errorf("no seat %q", seat)
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	data, err := io.ReadAll(io.LimitReader(in, roster.MaxReadBytes+1))
	if err != nil {
		return nil, err
	}
	read := roster.ReadCSV
	if strings.HasSuffix(strings.ToLower(file), ".ics") {
		read = roster.ReadICS
	}
	list, misreads := read(data, o)
	for _, m := range misreads {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s: %v\n", file, m)
	}
	if len(misreads) > 0 {
		return nil, fmt.Errorf("%s has %d entries that cannot be read", file, len(misreads))
	}
	return list, nil
}

func seatName(city *plan.City, id string) string {
	if s, ok := city.Seat(id); ok {
		return s.Name
	}
	return ""
}

func clockTime(t time.Time) string { return t.Format("2006-01-02 15:04") }

func hours(d time.Duration) string { return fmt.Sprintf("%.4g h", d.Hours()) }
