package roster

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical"
	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"
)

// seatsOf is what a Reading needs to know the seats of r.
func seatsOf(r *Roster) map[string]string {
	ids := map[string]string{}
	for _, id := range r.Seats() {
		ids[id] = id
	}
	return ids
}

// An independent library reads from our calendar what the roster says; and the roster that is made of nothing
// but the calendar, as that library writes it anew, or of the spreadsheet, says the same at every minute.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := zone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		at := anyInstant(t, z)
		r, faults := Compile(withSwaps(t, drawScheme(t, z, at), at))
		if r == nil {
			t.Fatal(faults)
		}
		a, b := at.Add(-24*time.Hour).Truncate(time.Minute), at.Add(24*time.Hour)
		spans := r.Of(nil, nil, a, b)
		c := Calendar{City: "test", Name: "值班表; a, b\\c", Seats: map[string]string{"a": "消防一席"}, Stamp: at}
		data := c.ICS(spans)
		theirs, err := ics.ParseCalendar(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%v in\n%s", err, data)
		}
		sameAsTheirs(t, spans, theirs)
		o := Reading{Zone: z, From: a, To: b, Seats: seatsOf(r)}
		for form, read := range map[string]func() ([]Assignment, []*Misread){
			"our calendar":   func() ([]Assignment, []*Misread) { return ReadICS(data, o) },
			"their calendar": func() ([]Assignment, []*Misread) { return ReadICS([]byte(theirs.Serialize()), o) },
			"the table":      func() ([]Assignment, []*Misread) { return ReadCSV(r.CSV(spans, c.Seats), o) },
		} {
			list, misreads := read()
			if len(misreads) > 0 {
				t.Fatalf("%s: %v in\n%s", form, misreads, data)
			}
			sameHolders(t, form, r, list, a, b)
		}
	})
}

// sameAsTheirs checks that the events another library sees are the spans.
func sameAsTheirs(t *rapid.T, spans []Span, theirs *ics.Calendar) {
	events := theirs.Events()
	if len(events) != len(spans) {
		t.Fatalf("%d events of %d spans", len(events), len(spans))
	}
	uids := map[string]bool{}
	for i, e := range events {
		from, err1 := e.GetStartAt()
		to, err2 := e.GetEndAt()
		if err1 != nil || err2 != nil || !from.Equal(spans[i].From) || !to.Equal(spans[i].To) {
			t.Fatalf("event from %v to %v (%v, %v) is not of %+v", from, to, err1, err2, spans[i])
		}
		if uids[e.Id()] {
			t.Fatalf("two events are %s", e.Id())
		}
		uids[e.Id()] = true
		summary := e.GetProperty(ics.ComponentPropertySummary).Value
		if holder := spans[i].Holder; !strings.HasPrefix(summary, holder) || holder == "" && !strings.HasPrefix(summary, "无人值守") {
			t.Fatalf("summary %q of %+v", summary, spans[i])
		}
	}
}

// sameHolders checks that list alone makes a roster with the holders r has.
func sameHolders(t *rapid.T, form string, r *Roster, list []Assignment, a, b time.Time) {
	again, faults := Compile(Scheme{Zone: r.Zone(), Seats: r.Seats(), Tables: []Table{{Shifts: []Shift{{ID: "x"}}}}, OneOffs: list})
	if again == nil {
		t.Fatalf("%s: %v", form, faults)
	}
	for m := a; m.Before(b); m = m.Add(time.Minute) {
		for _, seat := range r.Seats() {
			want, _ := r.At(m).Holder(seat)
			if got, _ := again.At(m).Holder(seat); got != want {
				t.Fatalf("%s: at %v seat %s is held by %q, want %q", form, m, seat, got, want)
			}
		}
	}
}

// A calendar of August and one of August to September have the same events for the same shifts.
func TestUIDsStay(t *testing.T) {
	r, err := New(threeShifts(), []Row{{Seat: "a", Holders: map[string]string{"day": "陈", "evening": "林", "night": "黄"}}}, zone(t, "Asia/Shanghai"))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 8, 1, 3, 0, 0, 0, time.UTC)
	uids := func(days int, from time.Time) (ids []string) {
		c := Calendar{City: "fuzhou", Stamp: from}
		for line := range strings.Lines(string(c.ICS(r.Of(nil, nil, from, at.AddDate(0, 0, days))))) {
			if id, ok := strings.CutPrefix(line, "UID:"); ok {
				ids = append(ids, strings.TrimSpace(id))
			}
		}
		return ids
	}
	short, long := uids(2, at), uids(4, at)
	if len(short) != 7 || short[0] != "a-20260801T000000Z@fuzhou.banyan" {
		t.Errorf("%d events, the first is %s: want 7, from the shift that runs at the beginning", len(short), short[0])
	}
	if len(long) < len(short) || !slices.Equal(long[:len(short)], short) {
		t.Errorf("got %v\nthen %v", short, long)
	}
	if later := uids(2, at.Add(2*time.Hour)); !slices.Equal(later, short) { // a poll two hours later, same shift
		t.Errorf("got %v\nlater %v", short, later)
	}
}

func TestLinesAreFolded(t *testing.T) {
	c := Calendar{City: "test", Name: strings.Repeat("榕城应急指挥中心", 20), Seats: map[string]string{}}
	data := string(c.ICS(nil))
	if !strings.HasSuffix(data, "\r\n") || strings.Count(data, "\n") != strings.Count(data, "\r\n") {
		t.Error("lines do not end with CRLF")
	}
	for line := range strings.Lines(data) {
		if n := len(strings.TrimRight(line, "\r\n")); n > 75 {
			t.Errorf("a line of %d bytes", n)
		}
		if strings.ToValidUTF8(line, "?") != line {
			t.Errorf("a character is cut: %q", line)
		}
	}
	if !strings.Contains(strings.ReplaceAll(data, "\r\n ", ""), "X-WR-CALNAME:"+c.Name+"\r\n") {
		t.Error("folding changed the name")
	}
}

const foreign = `BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VTIMEZONE
TZID:China Standard Time
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:+0800
TZOFFSETTO:+0800
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:1
SUMMARY:陈志
 强
LOCATION:消防一席
DTSTART;TZID="China Standard Time":20260504T080000
DTEND;TZID="China Standard Time":20260504T160000
RRULE:FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20260513
EXDATE;TZID=China Standard Time:20260506T080000
BEGIN:VALARM
TRIGGER:-PT15M
SUMMARY:not the event's
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:1
RECURRENCE-ID;TZID=Asia/Shanghai:20260511T080000
SUMMARY:林国华
LOCATION:fire-1
DTSTART:20260511T010000Z
DURATION:PT7H
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:值班
ATTENDEE;CN="黄文斌":mailto:huang@example.org
DTSTART;VALUE=DATE:20260505
END:VEVENT
BEGIN:VEVENT
UID:3
STATUS:CANCELLED
SUMMARY:谁
DTSTART:20260505T000000Z
DTEND:20260505T010000Z
END:VEVENT
END:VCALENDAR
`

func mayReading(t testing.TB) Reading {
	z := zone(t, "Asia/Shanghai")
	return Reading{Zone: z, From: time.Date(2026, 5, 1, 0, 0, 0, 0, z), To: time.Date(2026, 6, 1, 0, 0, 0, 0, z),
		Seats: map[string]string{"fire-1": "fire-1", "消防一席": "fire-1"}, Seat: "fire-1"}
}

func TestForeignCalendar(t *testing.T) {
	list, misreads := ReadICS([]byte(foreign), mayReading(t))
	if len(misreads) > 0 {
		t.Fatal(misreads)
	}
	want := []string{
		"fire-1 陈志强 2026-05-04T08:00:00+08:00 8h0m0s",
		"fire-1 黄文斌 2026-05-05T00:00:00+08:00 24h0m0s",
		"fire-1 林国华 2026-05-11T09:00:00+08:00 7h0m0s",
		"fire-1 陈志强 2026-05-13T08:00:00+08:00 8h0m0s",
	}
	for i, a := range list {
		got := fmt.Sprintf("%s %s %s %v", a.Seat, a.Person, a.From.In(zone(t, "Asia/Shanghai")).Format(time.RFC3339), a.To.Sub(a.From))
		if i >= len(want) || got != want[i] {
			t.Errorf("entry %d: got %s", i+1, got)
		}
	}
	if len(list) != len(want) {
		t.Errorf("%d entries, want %d", len(list), len(want))
	}
}

func TestMisreadCalendars(t *testing.T) {
	event := func(lines string) string {
		return "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:陈\nDTSTART:20260504T080000\nDTEND:20260504T160000\n" + lines + "END:VEVENT\nEND:VCALENDAR\n"
	}
	for _, c := range []struct{ name, data, want string }{
		{"no property", event("nonsense\n"), `line 6: "nonsense" is no property`},
		{"unknown seat", event("X-BANYAN-SEAT:somewhere\n"), "line 2: the event names no seat of the city"},
		{"no person", strings.Replace(event(""), "陈", "", 1), "line 2: the event names no person"},
		{"backwards", strings.Replace(event(""), "DTEND:20260504T160000", "DTEND:20260504T070000", 1), "line 2: the event lasts -1h0m0s"},
		{"no begin", strings.Replace(event(""), "DTSTART", "X", 1), "line 2: the event has no DTSTART"},
		{"no time", strings.Replace(event(""), "20260504T080000", "tomorrow", 1), `line 4: DTSTART: "tomorrow" is not a time`},
		{"zone of two offsets", strings.Replace(event(""), "DTSTART:", "DTSTART;TZID=Somewhere:", 1), `line 4: time zone "Somewhere" is neither`},
		{"rule too fine", event("RRULE:FREQ=HOURLY\n"), "line 6: RRULE: FREQ=HOURLY is not read"},
		{"rule too clever", event("RRULE:FREQ=MONTHLY;BYDAY=1MO\n"), "line 6: RRULE: BYDAY=1MO is not read"},
		{"unknown part", event("RRULE:FREQ=DAILY;BYSETPOS=1\n"), "line 6: RRULE: BYSETPOS is not read"},
		{"count and until", event("RRULE:FREQ=DAILY;COUNT=2;UNTIL=20260601\n"), "has both COUNT and UNTIL"},
		{"dates of its own", event("RRULE:FREQ=DAILY\nRDATE:20260601T000000\n"), "RDATE is not read"},
		{"duration", strings.Replace(event("DURATION:soon\n"), "DTEND:20260504T160000\n", "", 1), `line 5: "soon" is not a duration`},
		{"end without begin", "BEGIN:VCALENDAR\nEND:VEVENT\n", "line 2: END:VEVENT without its BEGIN"},
		{"cut off", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:a\n", "the calendar ends within VEVENT"},
	} {
		_, misreads := ReadICS([]byte(c.data), mayReading(t))
		if len(misreads) == 0 || !strings.Contains(misreads[0].Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, misreads, c.want)
		}
	}
	if _, misreads := ReadICS(make([]byte, MaxReadBytes+1), mayReading(t)); len(misreads) != 1 {
		t.Errorf("too large: %v", misreads)
	}
}

// Rules recur as an independent library has them recur.
func TestRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		frequency := rapid.SampledFrom([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}).Draw(t, "frequency")
		rule := fmt.Sprintf("FREQ=%s;INTERVAL=%d", frequency, rapid.IntRange(1, 4).Draw(t, "interval"))
		if frequency == "WEEKLY" || frequency == "DAILY" {
			if days := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}), 0, 4, rapid.ID[string]).Draw(t, "days"); len(days) > 0 {
				rule += ";BYDAY=" + strings.Join(days, ",")
			}
			rule += ";WKST=" + rapid.SampledFrom([]string{"MO", "SU"}).Draw(t, "week begins")
		}
		if frequency == "MONTHLY" {
			rule += rapid.SampledFrom([]string{"", ";BYMONTHDAY=1,15", ";BYMONTHDAY=-1", ";BYMONTHDAY=31"}).Draw(t, "month days")
		}
		from := time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 800).Draw(t, "from"))
		switch rapid.IntRange(0, 2).Draw(t, "end") {
		case 1:
			rule += fmt.Sprintf(";COUNT=%d", rapid.IntRange(1, 30).Draw(t, "count"))
		case 2:
			rule += ";UNTIL=" + from.AddDate(0, 0, rapid.IntRange(0, 200).Draw(t, "until")).Format(icsTime)
		}
		theirs, err := rrule.StrToRRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		theirs.DTStart(from)
		end := from.AddDate(5, 0, 0)
		want := theirs.Between(from, end.Add(-time.Second), true)
		r, err := parseRule(rule)
		if err != nil {
			t.Fatal(err)
		}
		if r.until != "" {
			r.last, _ = time.Parse(icsTime, r.until)
		}
		if got := r.starts(from, end); !slices.EqualFunc(got, want, time.Time.Equal) {
			t.Fatalf("%s from %v\ngot  %v\nwant %v", rule, from, got, want)
		}
	})
}

func TestReadCSV(t *testing.T) {
	o := mayReading(t)
	list, misreads := ReadCSV([]byte("\ufeff值班员,专席,开始,结束,备注,事由\r\n陈志强,消防一席,2026/5/1 8:00,2026/5/1 16:00,x,替班\r\n,fire-1,2026-05-01 16:00,2026-05-02 00:00\r\n林国华,,2026-05-02T00:00:00Z,2026-05-02 16:00\r\n"), o)
	if len(misreads) > 0 || len(list) != 2 || list[0].Person != "陈志强" || list[0].Seat != "fire-1" || list[0].Reason != "替班" ||
		list[0].From.Format(time.RFC3339) != "2026-05-01T08:00:00+08:00" || list[1].To.Sub(list[1].From) != 8*time.Hour {
		t.Errorf("got %+v, %v", list, misreads)
	}
	for _, c := range []struct{ data, want string }{
		{"", "the file is empty"},
		{"seat,from,to\n", `line 1: no column "holder"`},
		{"seat,from,to,holder,person\n", `line 1: the column "holder" is there twice`},
		{"seat,from,to,holder\nx,2026-05-01 08:00,2026-05-01 09:00,陈\n", `line 2: no seat "x"`},
		{"seat,from,to,holder\nfire-1,May,2026-05-01 09:00,陈\n", `line 2: "May" is not a time`},
		{"seat,from,to,holder\nfire-1,2026-05-01 08:00,,陈\n", `line 2: "" is not a time`},
		{"seat,from,to,holder\nfire-1,2026-05-01 08:00,2026-05-01 08:00,陈\n", "line 2: it lasts 0s"},
		{"seat,from,to,holder\n\"x\n", "line 2: "},
	} {
		if _, misreads := ReadCSV([]byte(c.data), o); len(misreads) == 0 || !strings.Contains(misreads[0].Error(), c.want) {
			t.Errorf("%q: got %v, want %s", c.data, misreads, c.want)
		}
	}
}

// Whatever is read, nothing panics, and what is taken makes sense.
func FuzzRead(f *testing.F) {
	f.Add([]byte(foreign))
	f.Add([]byte("seat,from,to,holder\nfire-1,2026-05-01 08:00,2026-05-01 16:00,陈\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := mayReading(t)
		for _, read := range []func([]byte, Reading) ([]Assignment, []*Misread){ReadICS, ReadCSV} {
			list, misreads := read(data, o)
			for _, a := range list {
				if a.Person == "" || a.Seat != "fire-1" || !a.To.After(a.From) || !a.From.Before(o.To) || !a.To.After(o.From) {
					t.Errorf("%+v", a)
				}
			}
			for _, m := range misreads {
				if m.Message == "" {
					t.Error("a misread without words")
				}
			}
		}
	})
}
