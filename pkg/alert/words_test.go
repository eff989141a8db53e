package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The ids are part of the outside contract: two nodes, and two versions, must agree on them.
func TestIDsAreGolden(t *testing.T) {
	for _, c := range []struct{ source, id, want string }{
		{"fire-119", "x1", "74jhqpkd5x4fwgpb"},
		{"fire-119", "x2", "dyzbzv9re36k3x5s"},
		{"110", "警情-000001", "cryjh0a9yhhwdcyw"},
		{"a", "", "zzmtntn2mbag90bm"},
	} {
		k := KeyOf(c.source, c.id)
		if got := strings.TrimPrefix(k.AlertID(), "a-"); got != c.want {
			t.Errorf("KeyOf(%q, %q) = %s, want %s", c.source, c.id, got, c.want)
		}
		if got := k.IncidentID(); got != "i-"+c.want {
			t.Errorf("incident id %s", got)
		}
		if got := TaskID(k.IncidentID(), 12); got != "t-"+c.want+"-12" {
			t.Errorf("task id %s", got)
		}
	}
}

func TestKeyTellsSourceFromID(t *testing.T) {
	if KeyOf("ab", "c") == KeyOf("a", "bc") || KeyOf("a", "b") == KeyOf("a", "b\x00") {
		t.Error("two different alerts share a key")
	}
	long := strings.Repeat("x", MaxIDBytes)
	if KeyOf("s", long) == KeyOf("s", long[1:]) {
		t.Error("the end of a long id is lost")
	}
}

func TestIncidentOfTask(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := KeyOf(rapid.String().Draw(t, "source"), rapid.String().Draw(t, "id")).IncidentID()
		n := rapid.IntRange(1, MaxTasksPerIncident).Draw(t, "n")
		if got, ok := IncidentOfTask(TaskID(id, n)); !ok || got != id {
			t.Fatalf("task %s belongs to %s, got %s %v", TaskID(id, n), id, got, ok)
		}
	})
	for _, no := range []string{"", "t-", "t-abc", "t--1", "i-abc-1", "abc-1"} {
		if got, ok := IncidentOfTask(no); ok {
			t.Errorf("%q is taken for a task of %q", no, got)
		}
	}
}

func TestPriorityText(t *testing.T) {
	for _, p := range append(Priorities[:], 0) {
		text, err := p.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Priority = 9
		if err := back.UnmarshalText(text); err != nil || back != p {
			t.Errorf("%q reads as %d, %v; want %d", text, back, err, p)
		}
	}
	for _, no := range []string{"P0", "P5", "p1", "1", "P", "P11", " P1"} {
		if err := new(Priority).UnmarshalText([]byte(no)); err == nil || !strings.Contains(err.Error(), "P1, P2, P3 or P4") {
			t.Errorf("%q: %v", no, err)
		}
	}
	if Priority(7).String() != "" {
		t.Error("a number that is no priority has a name")
	}
}

func TestMoreUrgent(t *testing.T) {
	order := []Priority{P1, P2, P3, P4, 0}
	for i, p := range order {
		for j, q := range order {
			if p.MoreUrgent(q) != (i < j) {
				t.Errorf("%q before %q: %v", p, q, p.MoreUrgent(q))
			}
		}
	}
}

func TestTimeText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := Time(rapid.Int64Range(0, time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC).UnixMicro()).Draw(t, "µs"))
		b, err := json.Marshal(at)
		if err != nil {
			t.Fatal(err)
		}
		var back Time
		if err := json.Unmarshal(b, &back); err != nil || back != at {
			t.Fatalf("%s reads as %d, %v; want %d", b, back, err, at)
		}
		if got := `"` + at.String() + `"`; got != string(b) || len(at.String()) != len(timeLayout) {
			t.Fatalf("String %s, JSON %s", got, b)
		}
		d := time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, "d")).Truncate(time.Microsecond)
		if at.Add(d).Sub(at) != d || TimeOf(at.Std()) != at {
			t.Fatalf("%v + %v − itself", at, d)
		}
	})
}

func TestParseTimeRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "is not an RFC 3339 time",
		"2026-05-01T08:30:00":       "is not an RFC 3339 time",
		"2026-02-30T08:30:00Z":      "is not an RFC 3339 time",
		"1969-12-31T23:59:59Z":      "year 1969 is out of range",
		"0001-01-01T00:00:00Z":      "year 1 is out of range",
		"1970-01-01T00:00:00+00:01": "year 1969 is out of range",
		"9999-12-31T23:59:59-00:01": "year 10000 is out of range",
	} {
		if at, err := ParseTime(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v; want %q", in, at, err, want)
		}
	}
	for _, in := range []string{`1`, `"`, `""`, `null`, `{}`} {
		if err := new(Time).UnmarshalJSON([]byte(in)); err == nil {
			t.Errorf("%s is taken for a time", in)
		}
	}
}

func TestStates(t *testing.T) {
	for _, s := range IncidentStates {
		if !s.Valid() || s.Final() != (s == "closed" || s == "cancelled") {
			t.Errorf("%s: valid %v, final %v", s, s.Valid(), s.Final())
		}
	}
	if IncidentState("").Valid() || IncidentState("Open").Valid() {
		t.Error("a word that is no state is valid")
	}
	for s, want := range map[TaskState]struct{ final, waiting bool }{
		TaskUnstaffed: {false, true}, TaskAssigned: {false, true}, TaskAcknowledged: {}, TaskEnRoute: {}, TaskOnScene: {},
		TaskDone: {final: true}, TaskReturned: {final: true}, TaskCancelled: {final: true},
	} {
		if s.Final() != want.final || s.Waiting() != want.waiting {
			t.Errorf("%s: final %v, waiting %v", s, s.Final(), s.Waiting())
		}
	}
	for _, c := range []Class{ClassNatural, ClassAccident, ClassHealth, ClassSecurity} {
		if !c.Valid() {
			t.Errorf("class %s is not valid", c)
		}
	}
	if Class("").Valid() {
		t.Error("no class is a class")
	}
}

func TestLeadAndSettled(t *testing.T) {
	lead1 := &Task{ID: "1", Role: RoleLead, State: TaskReturned}
	support := &Task{ID: "2", Role: RoleSupport, State: TaskOnScene}
	lead2 := &Task{ID: "3", Role: RoleLead, State: TaskDone}
	i := &Incident{Tasks: []*Task{lead1, support, lead2}}
	if i.Lead() != lead2 {
		t.Errorf("the lead is %v, want the latest", i.Lead())
	}
	if i.Settled() {
		t.Error("settled with a task on scene")
	}
	done := *support
	done.State = TaskCancelled
	i.Tasks[1] = &done
	if !i.Settled() || (&Incident{Tasks: []*Task{support}}).Lead() != nil {
		t.Error("not settled though every task is final, or a lead without one")
	}
}

func TestEntitled(t *testing.T) {
	task := &Task{Seat: "fire-1", Escalated: []string{"fire-leader"}}
	for seat, want := range map[string]bool{"fire-1": true, "fire-leader": true, "fire-2": false, "": false} {
		if task.Entitled(seat) != want {
			t.Errorf("%q: %v", seat, !want)
		}
	}
	if (&Task{}).Entitled("") {
		t.Error("nobody is entitled to an unstaffed task")
	}
}

func TestCodeOf(t *testing.T) {
	wrapped := fmt.Errorf("outer: %w", Errorf(CodeConflict, "task %d", 7))
	for want, err := range map[Code]error{"": nil, CodeConflict: wrapped, CodeInternal: errors.New("plain")} {
		if got := CodeOf(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
	if got := wrapped.Error(); got != "outer: task 7" {
		t.Errorf("got %q", got)
	}
}
