package roster_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/banyan-ecc/banyan/pkg/plan"
)

// cityFiles reads the folder of a city.
func cityFiles(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if name = filepath.ToSlash(name); err == nil && plan.IsCityFile(name) {
			files[name], err = os.ReadFile(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// In every city that comes with Banyan, every seat is held at every instant of a year, by people who are at one
// seat at a time and rest between shifts.
func TestCitiesThatComeWithIt(t *testing.T) {
	for _, dir := range []string{"../../configs/fuzhou", "../../configs/examples/san-francisco"} {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			city, problems := plan.Load(cityFiles(t, dir))
			if city == nil {
				t.Fatal(problems)
			}
			r := city.Roster
			a := time.Date(2026, 1, 5, 0, 0, 0, 0, city.Zone)
			b := a.AddDate(1, 0, 0)
			if gaps := r.Gaps(a, b); len(gaps) > 0 {
				t.Errorf("%d gaps, the first %+v", len(gaps), gaps[0])
			}
			report := r.Quality(a, b)
			if len(report.People) < len(city.Seats)*2 {
				t.Errorf("%d people for %d seats: not all were seen", len(report.People), len(city.Seats))
			}
			for _, d := range report.Doubles[:min(3, len(report.Doubles))] {
				t.Errorf("%s is at %v at once from %v", d.Person, d.Seats, d.From)
			}
			for _, l := range report.People {
				if l.Rest < 8*time.Hour || l.Longest > 25*time.Hour {
					t.Errorf("%s: rest of %v before %v, %v without a break", l.Person, l.Rest, l.RestBefore, l.Longest)
				}
			}
		})
	}
}

func TestFuzhouSharesTheNights(t *testing.T) {
	city, problems := plan.Load(cityFiles(t, "../../configs/fuzhou"))
	if city == nil {
		t.Fatal(problems)
	}
	a := time.Date(2026, 1, 5, 8, 0, 0, 0, city.Zone)
	report := city.Roster.Quality(a, a.AddDate(0, 0, 48*7)) // whole rounds of four weeks and of three and four days
	if uneven := city.Roster.Uneven(report, 1); len(uneven) > 0 {
		t.Errorf("%d seats, the first %+v", len(uneven), uneven[0])
	}
	for _, l := range report.People {
		if l.Seats[0] == "fire-1" && (l.Nights != 84 || l.Hours != 48*7*6*time.Hour || l.Rest < 16*time.Hour) {
			t.Errorf("%+v: want 84 nights, six hours a day on average, 16 hours of rest", l)
		}
	}
}

// A gap planted in the city's roster is named with file and line.
func TestPlantedGap(t *testing.T) {
	files := cityFiles(t, "../../configs/fuzhou")
	text := string(files["rosters.yaml"])
	line := func(find string) int {
		i := strings.Index(text, find)
		if i < 0 {
			t.Fatalf("no %q in rosters.yaml", find)
		}
		return 1 + strings.Count(text[:i], "\n")
	}
	from := strings.Index(text, "seat: fire-1,")
	cut := strings.Index(text[from:], ", 丁: ") + from
	end := strings.Index(text[cut:], "}") + cut
	for name, c := range map[string]struct{ text, want string }{
		"a team nobody is": {text[:cut] + text[end:],
			fmt.Sprintf(`rosters.yaml:%d: gap: nobody holds seat "fire-1" when it is the turn of team "丁" of rotation "four-teams"`, line("seat: fire-1,"))},
		"a shift without a team": {strings.Replace(text, "day: 丙, evening: 乙, night: 甲", "day: 丙, evening: 乙", 1),
			fmt.Sprintf(`rosters.yaml:%d: gap: nobody holds seat "fire-1" in shift "night" of turn 3 of rotation "four-teams"`, line("seat: fire-1,"))},
		"a leave": {text + "leave:\n  - {person: 陈志强, from: 2026-12-01, to: 2026-12-28, reason: 年假}\n",
			fmt.Sprintf(`rosters.yaml:%d: gap: nobody holds seat "fire-1" from 2026-12-07 08:00 to 2026-12-07 16:00: 陈志强 is away (年假)`, strings.Count(text, "\n")+2)},
		"a row that ends before the next begins": {
			strings.Replace(text, "{seat: fire-1, ", "{seat: fire-1, to: 2026-06-30 08:00, ", 1) +
				"  - {seat: fire-1, from: 2026-07-01 08:00, day: 陈志强, evening: 林国华, night: 黄文斌}\n",
			fmt.Sprintf(`rosters.yaml:%d: gap: nobody holds seat "fire-1" from 2026-06-30 08:00 to 2026-07-01 08:00: nobody is named`, strings.Count(text, "\n")+1)},
	} {
		t.Run(name, func(t *testing.T) {
			files["rosters.yaml"] = []byte(c.text)
			city, problems := plan.Load(files)
			if city != nil || !strings.Contains(problems.Error(), c.want) {
				t.Errorf("got %v\nwant %s", problems, c.want)
			}
		})
	}
	files["rosters.yaml"] = []byte(text)
	if city, problems := plan.Load(files); city == nil {
		t.Errorf("without a gap: %v", problems)
	}
}
