package roster

import (
	"strings"
	"time"
)

// Calendar says how spans are written as iCalendar (RFC 5545).
type Calendar struct {
	City    string            // its id, the domain of UIDs
	Name    string            // of the calendar
	Seats   map[string]string // name of each seat by id; an id without a name stands for itself
	English bool              // names of shifts and words for gaps
	Stamp   time.Time         // when it is written
}

// refresh is how often a program that subscribes to the calendar is asked to fetch it again.
const refresh = "PT15M"

const icsTime = "20060102T150405Z"

// ICS writes spans as events, gaps too. The UID of an event comes from its seat and begin, so that a calendar
// program sees a change of the holder as a change of the event. Times are in UTC.
func (c *Calendar) ICS(spans []Span) []byte {
	var b icsWriter
	b.line("BEGIN", "VCALENDAR")
	b.line("VERSION", "2.0")
	b.line("PRODID", "-//Banyan//Roster//ZH")
	b.line("CALSCALE", "GREGORIAN")
	b.line("METHOD", "PUBLISH")
	b.text("X-WR-CALNAME", c.Name)
	b.text("NAME", c.Name)
	b.line("REFRESH-INTERVAL;VALUE=DURATION", refresh)
	b.line("X-PUBLISHED-TTL", refresh)
	for i := range spans {
		c.event(&b, &spans[i])
	}
	b.line("END", "VCALENDAR")
	return []byte(b.String())
}

func (c *Calendar) event(b *icsWriter, s *Span) {
	from, to := s.From.UTC().Format(icsTime), s.To.UTC().Format(icsTime)
	b.line("BEGIN", "VEVENT")
	b.text("UID", s.Seat+"-"+from+"@"+c.City+".banyan")
	b.line("DTSTAMP", c.Stamp.UTC().Format(icsTime))
	b.line("DTSTART", from)
	b.line("DTEND", to)
	seat, shift, holder := c.Seats[s.Seat], s.Shift.Name, s.Holder
	if seat == "" {
		seat = s.Seat
	}
	if c.English && s.Shift.NameEN != "" || shift == "" {
		shift = s.Shift.NameEN
	}
	if shift == "" {
		shift = s.Shift.ID
	}
	if s.Gap() {
		holder = map[bool]string{true: "NOBODY", false: "无人值守"}[c.English]
		b.line("TRANSP", "TRANSPARENT")
		b.line(icsGap, "TRUE")
	} else {
		b.text(icsHolder, holder)
	}
	b.text("SUMMARY", holder+" · "+seat+" · "+shift)
	b.text("LOCATION", seat)
	b.text("DESCRIPTION", s.Why)
	b.text(icsSeat, s.Seat)
	b.line("END", "VEVENT")
}

// What is exact in our own calendars.
const (
	icsSeat   = "X-BANYAN-SEAT"
	icsHolder = "X-BANYAN-HOLDER"
	icsGap    = "X-BANYAN-GAP"
)

// icsWriter writes content lines.
type icsWriter struct{ strings.Builder }

// maxLineBytes is how long a content line may be before it is folded.
const maxLineBytes = 75

// line writes a property, folded between characters.
func (b *icsWriter) line(name, value string) {
	rest, room := name+":"+value, maxLineBytes
	for len(rest) > room {
		cut := room
		for cut > 0 && rest[cut]&0xC0 == 0x80 { // within a character
			cut--
		}
		b.WriteString(rest[:cut])
		b.WriteString("\r\n ")
		rest, room = rest[cut:], maxLineBytes-1
	}
	b.WriteString(rest)
	b.WriteString("\r\n")
}

var icsEscape = strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`)

// text writes a property of type TEXT.
func (b *icsWriter) text(name, value string) { b.line(name, icsEscape.Replace(value)) }
