package dispatch

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestCommanderRung lets a ladder reach the commander: asked at the instant of the rung, by seat and by name; passed over
// where nobody is there.
func TestCommanderRung(t *testing.T) {
	city := testCity(t, map[string]func(string) string{"plans.yaml": func(s string) string {
		const centre = "do: centre, repeat: 60s}"
		if !strings.Contains(s, centre) {
			t.Fatalf("no %q in the ladders of the tests' city", centre)
		}
		return strings.ReplaceAll(s, centre, "do: centre}, {after: 3m, do: commander, repeat: 60s}")
	}})
	for _, c := range []struct{ before, want string }{
		{"", `task.escalated 1.fire`},
		{"off commander\n", `commander is off duty`},
	} {
		d := newDesk(t, city, inTests(t, city.Zone, "2026-05-01 08:00:00"))
		got := newScript(d, nil).run(c.before + "alert fire-119/x1 fire.building at 0,300\nwait 3m\n----\n")
		lines := strings.Split(got, "\n")
		last := ""
		for _, l := range lines {
			if strings.HasPrefix(l, "08:03:00") && strings.Contains(l, "1.fire") {
				last = l
			}
		}
		if !strings.Contains(last, c.want) || !strings.Contains(last, "commander") {
			t.Errorf("after %q, at the rung of the commander: %q, want %q\n%s", c.before, last, c.want, got)
		}
	}
	asked := 0
	d := newDesk(t, city, inTests(t, city.Zone, "2026-05-01 08:00:00"))
	newScript(d, nil).run("alert fire-119/x1 fire.building at 0,300\nwait 3m\n----\n")
	for _, e := range d.log {
		for _, raw := range e.events {
			var ev Event
			if err := json.Unmarshal(raw, &ev); err != nil {
				t.Fatal(err)
			}
			if ev.Step == "commander" && ev.To == "commander" && ev.ToOfficer != "" && ev.Task.Deadline > ev.At {
				asked++
			}
		}
	}
	if asked == 0 {
		t.Error("no event says who was asked, and until when")
	}
}
