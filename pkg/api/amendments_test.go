package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/banyan-ecc/banyan/dispatch"
	"github.com/banyan-ecc/banyan/pkg/alert"
	"github.com/banyan-ecc/banyan/pkg/api"
	"github.com/banyan-ecc/banyan/pkg/auth"
	"github.com/banyan-ecc/banyan/pkg/roster"
)

// shiftOn returns when the shift that begins at an hour, some days ahead, begins and ends.
func shiftOn(t *testing.T, days, hour int) (from, to string) {
	t.Helper()
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().In(zone)
	at := time.Date(now.Year(), now.Month(), now.Day()+days, hour, 0, 0, 0, zone)
	return at.Format(time.RFC3339), at.Add(12 * time.Hour).Format(time.RFC3339)
}

// holderAt asks the roster of a day who holds a seat at an instant.
func holderAt(t *testing.T, b *browser, seat, instant string) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339, instant)
	if err != nil {
		t.Fatal(err)
	}
	var day api.RosterDay
	b.must(http.StatusOK, http.MethodGet, "/api/v1/rosters/"+at.Format(time.DateOnly), "", &day)
	for _, row := range day.Seats {
		for _, span := range row.Spans {
			if row.Seat == seat && !at.Before(span.From) && at.Before(span.To) {
				return span.Holder
			}
		}
	}
	t.Fatalf("nothing is said of seat %s at %s", seat, instant)
	return ""
}

// TestRosterIsAmended: a leave leaves a gap that is told of, an override fills it, and what was amended can be taken
// back; somebody else's roster cannot be touched.
func TestRosterIsAmended(t *testing.T) {
	c := newCentre(t, cheaply)
	editor := c.signedIn("wufang", "吴芳", "fire", auth.RoleRosterEditor)
	officer := c.signedIn("chenzq", "陈志强", "fire", auth.RoleOfficer)
	from, to := shiftOn(t, 2, 8)
	leave := fmt.Sprintf(`{"kind":"leave","person":"陈志强","from":%q,"to":%q,"reason":"年假"}`, from, to)
	officer.must(http.StatusForbidden, http.MethodPost, "/api/v1/rosters/amendments", leave, nil)
	var away dispatch.Amendment
	editor.must(http.StatusOK, http.MethodPost, "/api/v1/rosters/amendments", leave, &away)
	if away.Department != "fire" || away.By != "吴芳" {
		t.Errorf("%+v", away)
	}
	if got := holderAt(t, officer, "fire-1", from); got != "" {
		t.Errorf("%s holds the seat of somebody on leave", got)
	}
	var gaps api.GapList
	officer.must(http.StatusOK, http.MethodGet, "/api/v1/rosters/gaps?department=fire", "", &gaps)
	if gaps.Total != 1 || gaps.Gaps[0].Seat != "fire-1" {
		t.Errorf("gaps %+v, want that of fire-1", gaps)
	}
	watch := c.screen(c.wall(), "wall")
	watch.waitFor(`"type":"roster.gap"`, `"gaps_total":1`)
	override := func(seat, person string) string {
		return fmt.Sprintf(`{"kind":"override","seat":%q,"person":%q,"from":%q,"to":%q,"reason":"替班"}`, seat, person, from, to)
	}
	editor.must(http.StatusForbidden, http.MethodPost, "/api/v1/rosters/amendments", override("police-1", "邱晨光"), nil)
	var stands dispatch.Amendment
	editor.must(http.StatusOK, http.MethodPost, "/api/v1/rosters/amendments", override("fire-1", "何永福"), &stands)
	if got := holderAt(t, officer, "fire-1", from); got != "何永福" {
		t.Errorf("%q holds the seat, want who was put there", got)
	}
	watch.waitFor(`"type":"roster.gap_closed"`)
	editor.must(http.StatusNoContent, http.MethodDelete, "/api/v1/rosters/amendments/"+away.ID, "", nil)
	editor.must(http.StatusNoContent, http.MethodDelete, "/api/v1/rosters/amendments/"+stands.ID, "", nil)
	editor.must(http.StatusNotFound, http.MethodDelete, "/api/v1/rosters/amendments/"+stands.ID, "", nil)
	if got := holderAt(t, officer, "fire-1", from); got != "陈志强" {
		t.Errorf("%q holds the seat, want whom the configuration names", got)
	}
	for name, wrong := range map[string]string{
		"person": fmt.Sprintf(`{"kind":"leave","person":"无此人","from":%q,"to":%q,"reason":"x"}`, from, to),
		"seat":   override("no-such", "何永福"),
		"to":     fmt.Sprintf(`{"kind":"leave","person":"陈志强","from":%q,"to":%q,"reason":"x"}`, to, from),
		"reason": fmt.Sprintf(`{"kind":"leave","person":"陈志强","from":%q,"to":%q,"reason":""}`, from, to),
	} {
		p, err := problem(editor.send(http.MethodPost, "/api/v1/rosters/amendments", wrong))
		if err != nil || p.Code == alert.CodeInvalid && (len(p.Errors) != 1 || p.Errors[0].Field != name) || p.Code != alert.CodeInvalid && p.Code != alert.CodeForbidden {
			t.Errorf("%s is wrong: %v %+v", name, err, p)
		}
	}
}

// TestSwap asks for a shift, has it accepted by the other and approved by a third.
func TestSwap(t *testing.T) {
	c := newCentre(t, cheaply)
	chen := c.signedIn("chenzq", "陈志强", "fire", auth.RoleOfficer)
	qiu := c.signedIn("qiucg", "邱晨光", "fire", auth.RoleOfficer)
	leader := c.signedIn("zhanglq", "张立群", "fire", auth.RoleDutyLeader)
	stranger := c.signedIn("liudm", "刘德明", "police", auth.RoleDutyLeader)
	day, dayEnd := shiftOn(t, 3, 8)
	twice, twiceEnd := shiftOn(t, 4, 8)
	chen.must(http.StatusUnprocessableEntity, http.MethodPost, "/api/v1/swaps", fmt.Sprintf(`{"with":"邱晨光","give":{"seat":"fire-2","from":%q,"to":%q}}`, day, dayEnd), nil)
	chen.must(http.StatusUnprocessableEntity, http.MethodPost, "/api/v1/swaps", // 邱晨光 would be at two seats
		fmt.Sprintf(`{"with":"邱晨光","give":{"seat":"fire-1","from":%q,"to":%q},"return":{"seat":"fire-2","from":%q,"to":%q}}`, day, dayEnd, twice, twiceEnd), nil)
	var s dispatch.Swap
	chen.must(http.StatusOK, http.MethodPost, "/api/v1/swaps", fmt.Sprintf(`{"with":"邱晨光","give":{"seat":"fire-1","from":%q,"to":%q},"return":{"seat":"fire-2","from":%q,"to":%q},"reason":"家里有事"}`,
		day, dayEnd, day, dayEnd), &s)
	if s.State != roster.SwapAsked || s.Person != "陈志强" {
		t.Errorf("%+v", s)
	}
	step := func(b *browser, what string, want int) {
		t.Helper()
		b.must(want, http.MethodPost, "/api/v1/swaps/"+s.ID+"/"+what, `{}`, nil)
	}
	step(leader, "approve", http.StatusConflict) // not accepted yet
	step(chen, "accept", http.StatusConflict)    // by who asked
	step(qiu, "accept", http.StatusOK)
	step(qiu, "accept", http.StatusOK) // the answer was lost
	step(qiu, "approve", http.StatusForbidden)
	step(stranger, "approve", http.StatusForbidden)
	if got := holderAt(t, chen, "fire-1", day); got != "陈志强" {
		t.Errorf("%q holds the seat before the swap is approved", got)
	}
	step(leader, "approve", http.StatusOK)
	if one, two := holderAt(t, chen, "fire-1", day), holderAt(t, chen, "fire-2", day); one != "邱晨光" || two != "陈志强" {
		t.Errorf("after the swap %q and %q", one, two)
	}
	step(chen, "withdraw", http.StatusConflict)
	var all api.SwapList
	leader.must(http.StatusOK, http.MethodGet, "/api/v1/swaps?department=fire", "", &all)
	if len(all.Swaps) != 1 || all.Swaps[0].ApprovedBy != "张立群" {
		t.Errorf("%+v", all)
	}
}

// TestMaintenance takes a seat out of service: what waits there moves, nothing new comes, until it is ended.
func TestMaintenance(t *testing.T) {
	c := newCentre(t, cheaply)
	leader := c.signedIn("yexy", "叶向阳", "health", auth.RoleDutyLeader)
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	first := c.post("medical-120", alertAt("1", "medical", 0, 0))
	if first.Tasks[0].Seat != "health-1" {
		t.Fatalf("%+v", first)
	}
	leader.must(http.StatusUnprocessableEntity, http.MethodPost, "/api/v1/seats/health-1/maintenance", `{"until":"2020-01-01T00:00:00Z","reason":"x"}`, nil)
	leader.must(http.StatusForbidden, http.MethodPost, "/api/v1/seats/fire-1/maintenance", fmt.Sprintf(`{"until":%q,"reason":"x"}`, until), nil)
	var m dispatch.Maintenance
	leader.must(http.StatusOK, http.MethodPost, "/api/v1/seats/health-1/maintenance", fmt.Sprintf(`{"until":%q,"reason":"换屏"}`, until), &m)
	task := alert.Task{}
	leader.must(http.StatusOK, http.MethodGet, "/api/v1/tasks/"+first.Tasks[0].ID, "", &task)
	if m.By != "叶向阳" || task.State != alert.TaskUnstaffed {
		t.Errorf("%+v, and the task that waited there is %s: want it loud, for there is no other seat", m, task.State)
	}
	if next := c.post("medical-120", alertAt("2", "medical", 5000, 0)); next.Tasks[0].State != string(alert.TaskUnstaffed) {
		t.Errorf("work goes to a seat in maintenance: %+v", next.Tasks)
	}
	leader.must(http.StatusNoContent, http.MethodDelete, "/api/v1/seats/health-1/maintenance", "", nil)
	if next := c.post("medical-120", alertAt("3", "medical", 0, 9000)); next.Tasks[0].Seat != "health-1" {
		t.Errorf("work does not go to a seat in service again: %+v", next.Tasks)
	}
}

// waitFor reads frames until one holds one of the words.
func (s *screen) waitFor(words ...string) {
	s.tb.Helper()
	for {
		if err := s.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			s.tb.Fatal(err)
		}
		_, b, err := s.ws.ReadMessage()
		if err != nil {
			s.tb.Fatalf("waiting for %v: %v", words, err)
		}
		for _, word := range words {
			if strings.Contains(string(b), word) {
				return
			}
		}
	}
}

// TestSeatsSayWhoComesNext: by name to officers, without it to walls.
func TestSeatsSayWhoComesNext(t *testing.T) {
	c := newCentre(t)
	for token, want := range map[string]bool{c.officer("fire-1"): true, c.wall(): false} {
		var list api.SeatList
		c.get("/api/v1/seats", token, &list)
		for _, seat := range list.Seats {
			switch n := seat.Next; {
			case n == nil || !n.From.After(time.Now()) || !n.Until.After(n.From):
				t.Errorf("%s: next %+v", seat.ID, n)
			case (n.Holder != "") != want || want && n.Holder == seat.Holder:
				t.Errorf("%s: next %+v after %s", seat.ID, n, seat.Holder)
			}
		}
	}
}
