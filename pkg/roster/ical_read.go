package roster

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Reading says how a calendar or spreadsheet is understood.
type Reading struct {
	Zone     *time.Location    // of times that name none
	From, To time.Time         // what lies outside is left out; at most MaxDays
	Seats    map[string]string // id of a seat by its id and by its names
	Seat     string            // of entries that name none; "" refuses them
}

// Misread is an entry that could not be understood, by its line.
type Misread struct {
	Line    int
	Message string
}

// Error implements error.
func (m *Misread) Error() string { return fmt.Sprintf("line %d: %s", m.Line, m.Message) }

// Bounds of what is read.
const (
	MaxReadBytes   = 8 << 20
	MaxReadEntries = MaxDated
)

// property is a content line of a calendar.
type property struct {
	name, value string
	params      map[string]string
	line        int
}

// event is a VEVENT as read.
type event struct {
	line  int
	props []property
}

// first returns the first property with the given name.
func (e *event) first(name string) (property, bool) {
	i := slices.IndexFunc(e.props, func(p property) bool { return p.name == name })
	if i < 0 {
		return property{}, false
	}
	return e.props[i], true
}

// text returns the value of a property of type TEXT, "" if it is absent.
func (e *event) text(name string) string {
	p, _ := e.first(name)
	return strings.TrimSpace(icsUnescape.Replace(p.value))
}

var icsUnescape = strings.NewReplacer(`\\`, `\`, `\;`, ";", `\,`, ",", `\n`, "\n", `\N`, "\n")

// icsReader gathers assignments from a calendar.
type icsReader struct {
	o        *Reading
	zones    map[string]*time.Location
	out      []Assignment
	misreads []*Misread
}

func (x *icsReader) misread(line int, format string, args ...any) {
	x.misreads = append(x.misreads, &Misread{line, fmt.Sprintf(format, args...)})
}

// ReadICS reads the events of a calendar as assignments, in order of time. The person is X-BANYAN-HOLDER, else
// the name of the first ATTENDEE, else SUMMARY; the seat X-BANYAN-SEAT, else LOCATION, else o.Seat. Recurring
// events are spread out; cancelled ones and our own gaps are left out.
func ReadICS(data []byte, o Reading) ([]Assignment, []*Misread) {
	x := &icsReader{o: &o, zones: map[string]*time.Location{}}
	if len(data) > MaxReadBytes {
		x.misread(0, "%d bytes: at most %d", len(data), MaxReadBytes)
		return nil, x.misreads
	}
	events := x.parse(string(data))
	changed := map[string][]string{} // by UID: the instances that have an event of their own
	for i := range events {
		if p, ok := events[i].first("RECURRENCE-ID"); ok {
			if at, _, ok := x.time(p); ok {
				uid := events[i].text("UID")
				changed[uid] = append(changed[uid], at.UTC().Format(icsTime))
			}
		}
	}
	for i := range events {
		x.event(&events[i], changed)
		if len(x.out) > MaxReadEntries {
			x.misread(events[i].line, "more than %d entries", MaxReadEntries)
			break
		}
	}
	slices.SortStableFunc(x.out, func(a, b Assignment) int { return a.From.Compare(b.From) })
	return x.out, x.misreads
}

// parse splits a calendar into its events and learns its time zones.
func (x *icsReader) parse(data string) (events []event) {
	var within []string // components that are open
	var zone, offsets []string
	for _, p := range x.properties(data) {
		switch p.name {
		case "BEGIN":
			within = append(within, strings.ToUpper(p.value))
			if p.value == "VEVENT" {
				events = append(events, event{line: p.line})
			}
			continue
		case "END":
			if len(within) == 0 || within[len(within)-1] != strings.ToUpper(p.value) {
				x.misread(p.line, "END:%s without its BEGIN", p.value)
				return nil
			}
			within = within[:len(within)-1]
			if p.value == "VTIMEZONE" {
				x.zone(zone, offsets)
				zone, offsets = nil, nil
			}
			continue
		}
		switch {
		case len(within) > 0 && within[len(within)-1] == "VEVENT":
			e := &events[len(events)-1]
			e.props = append(e.props, p)
		case p.name == "TZID":
			zone = append(zone, p.value)
		case p.name == "TZOFFSETTO":
			offsets = append(offsets, p.value)
		}
	}
	if len(within) > 0 {
		x.misread(0, "the calendar ends within %s", within[len(within)-1])
	}
	return events
}

// zone learns a time zone that has one offset all the time, whatever its name; others must be IANA zones.
func (x *icsReader) zone(ids, offsets []string) {
	if len(ids) != 1 || len(slices.Compact(offsets)) != 1 {
		return
	}
	if t, err := time.Parse("-0700", offsets[0]); err == nil {
		_, offset := t.Zone()
		x.zones[ids[0]] = time.FixedZone(ids[0], offset)
	}
}

// properties unfolds a calendar and splits it into content lines.
func (x *icsReader) properties(data string) (out []property) {
	lines := strings.Split(strings.ReplaceAll(strings.TrimPrefix(data, "\ufeff"), "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); {
		line, number := lines[i], i+1
		for i++; i < len(lines) && (strings.HasPrefix(lines[i], " ") || strings.HasPrefix(lines[i], "\t")); i++ {
			line += lines[i][1:]
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		p, ok := splitProperty(line)
		if !ok {
			x.misread(number, "%.40q is no property", line)
			continue
		}
		p.line = number
		out = append(out, p)
	}
	return out
}

// splitProperty splits NAME;PARAM=value;PARAM="value":VALUE.
func splitProperty(line string) (p property, ok bool) {
	var parts []string
	quoted, from := false, 0
	for i, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ';' || c == ':'):
			parts, from = append(parts, line[from:i]), i+1
			if c == ':' {
				ok = true
			}
		}
		if ok {
			break
		}
	}
	if !ok || parts[0] == "" {
		return p, false
	}
	p = property{name: strings.ToUpper(parts[0]), value: line[from:], params: map[string]string{}}
	for _, part := range parts[1:] {
		name, value, _ := strings.Cut(part, "=")
		p.params[strings.ToUpper(name)] = strings.Trim(value, `"`)
	}
	return p, true
}

// event turns an event into assignments.
func (x *icsReader) event(e *event, changed map[string][]string) {
	if e.text(icsGap) != "" || strings.EqualFold(e.text("STATUS"), "CANCELLED") {
		return
	}
	from, to, ok := x.times(e)
	if !ok {
		return
	}
	a := Assignment{Person: x.person(e), Seat: x.o.seat(e.text(icsSeat), e.text("LOCATION"))}
	if a.Person == "" || a.Seat == "" {
		x.misread(e.line, "the event names %s: want SUMMARY to be the person and LOCATION the seat", map[bool]string{true: "no person", false: "no seat of the city"}[a.Person == ""])
		return
	}
	for _, start := range x.starts(e, from, changed) {
		a.From, a.To = start, start.Add(to.Sub(from))
		if a.From.Before(x.o.To) && a.To.After(x.o.From) {
			x.out = append(x.out, a)
		}
	}
}

func (x *icsReader) person(e *event) string {
	if p := e.text(icsHolder); p != "" {
		return p
	}
	if p, ok := e.first("ATTENDEE"); ok && p.params["CN"] != "" {
		return p.params["CN"]
	}
	return e.text("SUMMARY")
}

// seat returns the id of the first of names that is a seat, else the seat of entries that name none. What
// stands first must be one: the others may be about something else, a room perhaps.
func (o *Reading) seat(names ...string) string {
	for _, name := range names {
		if id := o.Seats[name]; id != "" {
			return id
		}
	}
	if names[0] != "" {
		return ""
	}
	return o.Seat
}
