package dispatch

import (
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/pkg/alert"
)

// TestSwapsThatCannotBe: each is refused when it is asked for, and one that could be then, when it is approved.
func TestSwapsThatCannotBe(t *testing.T) {
	city := testCity(t, nil)
	d := newDesk(t, city, inTests(t, city.Zone, "2026-05-01 09:00:00"))
	shift := func(seat string, hours int) Stint {
		span := d.state.Roster().At(d.now.Std().Add(time.Duration(hours) * time.Hour)).Span(seat)
		return Stint{seat, alert.TimeOf(span.From), alert.TimeOf(span.To)}
	}
	tomorrow, night := shift("fire-1", 24), shift("fire-1", 36)
	editor := &alert.Actor{Name: "an editor", Department: "fire"}
	ask := func(by string, s Swap) ([]Event, error) {
		return d.do(Command{Type: RosterAct, Action: alert.ActSwap, Swap: &s, By: &alert.Actor{Name: by, Department: "fire"}})
	}
	for says, s := range map[string]Swap{
		"with 邱晨光 is at seat fire-2 at 2026-05-02 08:00": {With: "邱晨光", Give: tomorrow},
		"give 陈志强 does not hold":                         {With: "黄文斌", Give: night},
		"return.seat":                                    {With: "黄文斌", Give: tomorrow, Return: &Stint{"police-1", night.From, night.To}},
		"with is required":                               {With: "陈志强", Give: tomorrow},
		"give.from is past":                              {With: "黄文斌", Give: shift("fire-1", 0)},
	} {
		_, err := ask("陈志强", s)
		var e *alert.Error
		if e, _ = err.(*alert.Error); e == nil || len(e.Fields) != 1 || !strings.Contains(e.Fields[0].Field+" "+e.Fields[0].Reason, says) {
			t.Errorf("want %q, got %+v", says, e)
		}
	}
	asked, err := ask("陈志强", Swap{With: "黄文斌", Give: tomorrow, Reason: "family"})
	if err != nil {
		t.Fatal(err)
	}
	step := func(a alert.Action, by string) ([]Event, error) {
		return d.do(Command{Type: RosterAct, Action: a, Target: asked[0].Swap.ID, By: &alert.Actor{Name: by, Department: "fire"}})
	}
	must(t)(step(alert.ActAccept, "黄文斌"))
	// Meanwhile 黄文斌 is given leave.
	must(t)(d.do(Command{Type: RosterAct, Action: alert.ActAmend, By: editor, Amendment: &Amendment{Kind: AmendLeave, Person: "黄文斌", Substitute: "a stand-in",
		From: tomorrow.From, To: tomorrow.To, Reason: "ill"}}))
	if _, err := step(alert.ActApprove, "张立群"); alert.CodeOf(err) != alert.CodeInvalid || !strings.Contains(err.(*alert.Error).Fields[0].Reason, "黄文斌 would not be at seat fire-1") {
		t.Errorf("approved though who takes the shift is on leave: %v", err)
	}
	for _, by := range []string{"陈志强", "黄文斌"} {
		if _, err := step(alert.ActApprove, by); alert.CodeOf(err) != alert.CodeConflict {
			t.Errorf("%s approves the own swap: %v", by, err)
		}
	}
}
